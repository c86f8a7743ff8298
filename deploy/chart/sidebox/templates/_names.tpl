{{/* The name of all objects. */}}
{{- define "sidebox.name" -}}
{{ .Values.fullnameOverride | default "sidebox" | trunc 63 | trimSuffix "-" }}
{{- end }}

{{/* What selects the Pods: never changes between versions. */}}
{{- define "sidebox.selector" -}}
app.kubernetes.io/name: sidebox
app.kubernetes.io/instance: {{ include "sidebox.name" . }}
{{- end }}

{{- define "sidebox.labels" -}}
{{ include "sidebox.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
{{- end }}

{{- define "sidebox.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "sidebox.name" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end }}

{{- define "sidebox.priorityClass" -}}
{{- if .Values.priorityClass.create -}}
{{ .Values.priorityClass.name | default (include "sidebox.name" .) }}
{{- else -}}
{{ .Values.priorityClass.name }}
{{- end -}}
{{- end }}

{{- define "sidebox.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end -}}
{{- end }}

{{/* Who is injected when nobody says anything. The server reads the same from its settings. */}}
{{- define "sidebox.injection" -}}
{{ .Values.settings.injection | default "annotated" }}
{{- end }}

{{/* The Secret of cert-manager's server certificate, or the one that was brought. */}}
{{- define "sidebox.tlsSecret" -}}
{{- if eq .Values.certificates.source "certManager" -}}
{{ include "sidebox.name" . }}-tls
{{- else -}}
{{ .Values.certificates.mounted.secretName }}
{{- end -}}
{{- end }}

{{- define "sidebox.tlsVolume" -}}
{{- $mounted := .Values.certificates.mounted -}}
{{- if and (eq .Values.certificates.source "mounted") $mounted.volume -}}
{{ toYaml $mounted.volume }}
{{- else -}}
secret:
  secretName: {{ include "sidebox.tlsSecret" . }}
  # Readable by the group that fsGroup gives the Pod.
  defaultMode: 0440
{{- end -}}
{{- end }}

{{- define "sidebox.certFile" -}}
/etc/sidebox/tls/{{ ternary .Values.certificates.mounted.certFile "tls.crt" (eq .Values.certificates.source "mounted") }}
{{- end }}

{{- define "sidebox.keyFile" -}}
/etc/sidebox/tls/{{ ternary .Values.certificates.mounted.keyFile "tls.key" (eq .Values.certificates.source "mounted") }}
{{- end }}

{{/* Which parts speak with the API server: texts that are empty or not, since templates return nothing else. */}}
{{- define "sidebox.keepsCertificates" -}}
{{- if eq .Values.certificates.source "selfManaged" }}yes{{ end -}}
{{- end }}

{{/* Whether a token is needed at all. */}}
{{- define "sidebox.speaks" -}}
{{ include "sidebox.keepsCertificates" . }}{{ if .Values.cluster.facts }}yes{{ end }}
{{- end }}
