{{/*
The tap as a sidecar, an item of initContainers. In a chart that has this one as a dependency:
  initContainers:
    {{- include "otelcol-embedding.sidecar" (index .Subcharts "otelcol-embedding") | nindent 4 }}
  volumes:
    {{- include "otelcol-embedding.sidecarVolume" (index .Subcharts "otelcol-embedding") | nindent 4 }}
*/}}
{{- define "otelcol-embedding.sidecar" -}}
- name: otelcol-embedding
  image: {{ include "otelcol-embedding.image" . }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  restartPolicy: Always
  args:
    - --config=/etc/otelcol-embedding/agent.yaml
    - --config=/etc/otelcol-embedding/spread.yaml
    - --config=/etc/otelcol-embedding/servers/vllm.yaml
    # Without GPUs, which the agent of the node reads, and without the canary, which runs once.
    - "--config=yaml:service::pipelines::logs::receivers: [embedding]"
    - "--config=yaml:service::pipelines::metrics::receivers: [prometheus/vllm]"
  env:
    {{- include "otelcol-embedding.env" (list . .Values.sidecar.goMemLimit) | nindent 4 }}
    {{- include "otelcol-embedding.fingerprintKey" . | nindent 4 }}
    - name: POD_IP
      valueFrom:
        fieldRef: {fieldPath: status.podIP}
    # By its own address and not by localhost: it is the name of the replica, here as in the canary's results.
    - name: EMBEDDING_UPSTREAM
      value: http://$(POD_IP):{{ .Values.sidecar.serverPort }}
    - name: VLLM_TARGET
      value: $(POD_IP):{{ .Values.sidecar.serverPort }}
    # By it calls and GPUs of one node come to one gateway.
    - name: HOST_NAME
      valueFrom:
        fieldRef: {fieldPath: spec.nodeName}
    - name: OTEL_RESOURCE_ATTRIBUTES
      value: k8s.node.name=$(HOST_NAME),k8s.pod.name=$(POD_NAME)
    - name: NVIDIA_VISIBLE_DEVICES # the image's is "all", which is for agents
      value: void
    - name: GATEWAY_HOSTS
      value: {{ include "otelcol-embedding.gatewayHosts" . | quote }}
    - name: EMBEDDING_TAP
      value: 0.0.0.0:8080
    - name: EMBEDDING_INGEST
      value: localhost:8081
  ports:
    - {name: tap, containerPort: 8080}
    - {name: telemetry, containerPort: 8888}
    - {name: health, containerPort: 13133}
  {{- include "otelcol-embedding.probes" . | nindent 2 }}
  resources:
    {{- toYaml .Values.sidecar.resources | nindent 4 }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    {{- include "otelcol-embedding.containerSecurity" . | nindent 4 }}
    seccompProfile:
      type: RuntimeDefault
  volumeMounts:
    - {name: otelcol-embedding, mountPath: /var/lib/otelcol-embedding}
{{- end }}

{{- define "otelcol-embedding.sidecarVolume" -}}
- name: otelcol-embedding
  emptyDir:
    sizeLimit: 2Gi
{{- end }}
