{{/* Annotations of both configurations. */}}
{{- define "sidebox.webhookAnnotations" -}}
{{- $annotations := dict -}}
{{- if eq .Values.certificates.source "certManager" -}}
{{- $annotations = dict "cert-manager.io/inject-ca-from" (printf "%s/%s" .Release.Namespace (include "sidebox.name" .)) -}}
{{- end -}}
{{- with merge (deepCopy .Values.webhook.annotations) $annotations -}}
{{ toYaml . }}
{{- end -}}
{{- end }}

{{/*
Where the API server calls; the argument is the root and the path. A caBundle that somebody else writes is left
out, so that neither an upgrade nor an apply takes it away.
*/}}
{{- define "sidebox.clientConfig" -}}
{{- $root := index . 0 -}}
{{- $ca := $root.Values.certificates.mounted.caBundle -}}
service:
  name: {{ include "sidebox.name" $root }}
  namespace: {{ $root.Release.Namespace }}
  path: {{ index . 1 }}
  port: 443
{{- if and (eq $root.Values.certificates.source "mounted") $ca }}
caBundle: {{ $ca | b64enc }}
{{- end }}
{{- end }}

{{/* Namespaces that are never sent, as one expression of a namespaceSelector. */}}
{{- define "sidebox.notSystem" -}}
key: kubernetes.io/metadata.name
operator: NotIn
values: {{ concat (list "kube-system" .Release.Namespace) .Values.webhook.excludedNamespaces | uniq | toJson }}
{{- end }}

{{/* Pods that say anything to Sidebox. A misspelt key counts: it is sent, and answered with a warning. */}}
{{- define "sidebox.saysSomething" -}}
- name: says-something-to-sidebox
  expression: >-
    has(object.metadata.annotations) &&
    object.metadata.annotations.exists(key, key.startsWith('sidebox.dev/'))
{{- end }}

{{/* What the three entries have in common. */}}
{{- define "sidebox.podCreation" -}}
rules:
  - apiGroups: [""]
    apiVersions: [v1]
    resources: [pods]
    operations: [CREATE]
    scope: Namespaced
matchPolicy: Equivalent
admissionReviewVersions: [v1]
# Diagnostics never stop an application.
failurePolicy: Ignore
timeoutSeconds: {{ .Values.webhook.timeoutSeconds }}
reinvocationPolicy: IfNeeded
sideEffects: NoneOnDryRun
{{- end }}
