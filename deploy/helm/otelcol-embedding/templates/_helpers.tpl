{{- define "otelcol-embedding.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" }}
{{- end }}

{{/* At most 40 characters, so that the longest name made of it is a label of DNS. */}}
{{- define "otelcol-embedding.fullname" -}}
{{- $name := include "otelcol-embedding.name" . -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" }}
{{- else if contains $name .Release.Name }}
{{- .Release.Name | trunc 40 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{/* Labels by which a component's pods are selected; (list . "agent"). */}}
{{- define "otelcol-embedding.selector" -}}
app.kubernetes.io/name: {{ include "otelcol-embedding.name" (first .) }}
app.kubernetes.io/instance: {{ (first .).Release.Name }}
app.kubernetes.io/component: {{ last . }}
{{- end }}

{{/* Labels of an object; (list . "agent"). */}}
{{- define "otelcol-embedding.labels" -}}
{{- $root := first . -}}
{{ include "otelcol-embedding.selector" . }}
app.kubernetes.io/part-of: otelcol-embedding
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- with $root.Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "otelcol-embedding.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}{{ end }}
{{- end }}
{{- end }}

{{/* The gateways by number, by names that pods of other namespaces find too. */}}
{{- define "otelcol-embedding.gatewayHosts" -}}
{{- $hosts := list -}}
{{- $gateway := printf "%s-gateway" (include "otelcol-embedding.fullname" .) -}}
{{- range $n := until (int .Values.gateway.replicas) -}}
{{- $hosts = append $hosts (printf "%s-%d.%s-headless.%s:4317" $gateway $n $gateway $.Release.Namespace) -}}
{{- end -}}
[{{ join ", " $hosts }}]
{{- end }}

{{/* The pod's part of what keeps it harmless; (dict "root" true) for the user 0. */}}
{{- define "otelcol-embedding.podSecurity" -}}
runAsNonRoot: {{ not .root }}
runAsUser: {{ ternary 0 10001 .root }}
runAsGroup: {{ ternary 0 10001 .root }}
fsGroup: {{ ternary 0 10001 .root }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "otelcol-embedding.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- define "otelcol-embedding.probes" -}}
startupProbe:
  httpGet: {path: /, port: health}
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: {path: /, port: health}
readinessProbe:
  httpGet: {path: /, port: health}
  periodSeconds: 5
{{- end }}

{{/* Environment of every collector; (list . "1640MiB"). */}}
{{- define "otelcol-embedding.env" -}}
- name: POD_NAME
  valueFrom:
    fieldRef: {fieldPath: metadata.name}
- name: EMBEDDING_TELEMETRY
  value: 0.0.0.0
- name: EMBEDDING_HEALTH
  value: 0.0.0.0:13133
- name: EMBEDDING_STORAGE
  value: /var/lib/otelcol-embedding
- name: EMBEDDING_MODEL
  value: {{ (first .).Values.server.model | quote }}
- name: GOMEMLIMIT
  value: {{ last . }}
{{- end }}

{{- define "otelcol-embedding.fingerprintKey" -}}
- name: EMBEDDING_FINGERPRINT_KEY
  valueFrom:
    secretKeyRef:
      name: {{ .Values.fingerprintKey.secret }}
      key: {{ .Values.fingerprintKey.key }}
{{- end }}

{{/* Where a component's pods go; its values. */}}
{{- define "otelcol-embedding.scheduling" -}}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- range $key := list "nodeSelector" "tolerations" "affinity" }}
{{- with get $ $key }}
{{ $key }}: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{/* What every pod of this chart begins with. */}}
{{- define "otelcol-embedding.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{- end }}
{{- end }}

{{/* Labels and annotations of a component's pods; (list . "agent" .Values.agent). A new configuration makes new pods. */}}
{{- define "otelcol-embedding.podMetadata" -}}
{{- $root := index . 0 -}}{{- $component := index . 1 -}}{{- $values := index . 2 -}}
labels:
  {{- include "otelcol-embedding.labels" (list $root $component) | nindent 2 }}
  {{- with $values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
annotations:
  checksum/config: {{ include (printf "otelcol-embedding.%sConfig" $component) $root | sha256sum }}
  {{- with $values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{/* The components that applications send OTLP to. */}}
{{- define "otelcol-embedding.otlpComponents" -}}
gateway{{ if .Values.loadBalancer.enabled }} loadbalancer{{ end }}
{{- end }}

{{/* Keeps a component's pods on different nodes; (list . "gateway"). */}}
{{- define "otelcol-embedding.apart" -}}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: kubernetes.io/hostname
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "otelcol-embedding.selector" . | nindent 8 }}
{{- end }}

{{/* The components whose pods are made here. */}}
{{- define "otelcol-embedding.components" -}}
gateway{{ if .Values.agent.enabled }} agent{{ end }}{{ if .Values.canary.enabled }} canary{{ end }}{{ if .Values.loadBalancer.enabled }} loadbalancer{{ end }}
{{- end }}
