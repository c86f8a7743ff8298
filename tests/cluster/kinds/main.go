// Holds objects of other products' kinds against the Go types of these products: no unknown field, no value of a
// wrong type. Reads manifests on standard input, prints the kind of each object that it knows, leaves the others out.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"

	certmanager "github.com/cert-manager/cert-manager/pkg/apis/certmanager/v1"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigs "sigs.k8s.io/yaml"
)

// What an object of a kind is read into.
var kinds = map[metav1.TypeMeta]func() any{
	{APIVersion: "cert-manager.io/v1", Kind: "Certificate"}:          func() any { return new(certmanager.Certificate) },
	{APIVersion: "cert-manager.io/v1", Kind: "Issuer"}:               func() any { return new(certmanager.Issuer) },
	{APIVersion: "monitoring.coreos.com/v1", Kind: "PodMonitor"}:     func() any { return new(monitoring.PodMonitor) },
	{APIVersion: "monitoring.coreos.com/v1", Kind: "PrometheusRule"}: func() any { return new(monitoring.PrometheusRule) },
}

func main() {
	documents := yaml.NewYAMLReader(bufio.NewReader(os.Stdin))
	for {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		if err == nil {
			err = check(document)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func check(document []byte) error {
	var object struct {
		metav1.TypeMeta `json:",inline"`
		Metadata        metav1.ObjectMeta `json:"metadata"`
	}
	if err := sigs.Unmarshal(document, &object); err != nil {
		return err
	}
	into, known := kinds[object.TypeMeta]
	if !known {
		return nil
	}
	if err := sigs.UnmarshalStrict(document, into()); err != nil {
		return fmt.Errorf("%s %s: %w", object.Kind, object.Metadata.Name, err)
	}
	fmt.Println(object.Kind)
	return nil
}
