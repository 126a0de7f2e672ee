{{/* The files that are merged over those of the image, in the order of their names. Each is a ConfigMap's key. */}}

{{- define "otelcol-embedding.agentConfig" -}}
10-kubernetes.yaml: |
  {{- .Files.Get "files/agent.yaml" | nindent 2 }}
{{- if .Values.agent.gpu.podResources }}
20-pods.yaml: |
  {{- .Files.Get "files/pods.yaml" | nindent 2 }}
{{- end }}
{{- with .Values.agent.config }}
90-values.yaml: |
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "otelcol-embedding.gatewayConfig" -}}
10-kubernetes.yaml: |
  connectors:
    embedding_metrics:
      # Counters of these begin at 0, so that a model without a first call is noticed.
      models:
        - name: ${env:EMBEDDING_MODEL}
  {{- if not (and .Values.backends.loki .Values.backends.traces) }}
  service:
    pipelines:
      {{- if not .Values.backends.loki }}
      logs:
        exporters: [embedding_metrics]
      {{- end }}
      {{- if not .Values.backends.traces }}
      traces:
        exporters: [embedding_metrics]
      {{- end }}
  {{- end }}
{{- with .Values.gateway.config }}
90-values.yaml: |
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "otelcol-embedding.canaryConfig" -}}
10-kubernetes.yaml: |
  receivers:
    embedding_canary:
      targets:
        {{- if .Values.canary.targets }}
        {{- toYaml .Values.canary.targets | nindent 8 }}
        {{- else }}
        - endpoint: {{ .Values.server.replicasUrl }}/v1/embeddings
          model: {{ .Values.server.model | quote }}
          resolve: true
        {{- end }}
{{- if .Values.canary.scrapeServers }}
{{- $server := urlParse .Values.server.replicasUrl }}
20-servers.yaml: |
  receivers:
    prometheus/vllm:
      config:
        scrape_configs:
          - job_name: vllm
            scrape_interval: 15s
            scheme: {{ $server.scheme }}
            dns_sd_configs:
              - names: [{{ $server.hostname | quote }}]
                type: A
                port: {{ splitList ":" $server.host | rest | last | default (ternary "443" "80" (eq $server.scheme "https")) }}
                refresh_interval: 15s
            metric_relabel_configs:
              # Generation and decoding do not happen on an embedding server.
              - source_labels: [__name__]
                regex: vllm:(.*generation.*|time_per_output_token.*|inter_token_latency.*|spec_decode.*)
                action: drop
  service:
    pipelines:
      metrics:
        receivers: [embedding_canary, prometheus/vllm]
{{- end }}
{{- with .Values.canary.config }}
90-values.yaml: |
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "otelcol-embedding.loadbalancerConfig" -}}
90-values.yaml: |
  {{- toYaml .Values.loadBalancer.config | nindent 2 }}
{{- end }}

{{/* The --config arguments for the files of one of the above. */}}
{{- define "otelcol-embedding.configArgs" -}}
{{- range $file, $_ := fromYaml . }}
- --config=/conf/{{ $file }}
{{- end }}
{{- end }}
