package dashboards

// ownLabels are labels of our components' own metrics that their metadata.yaml does not declare; it says in words which there
// are, or the code adds them.
var ownLabels = map[string]map[string][]string{
	"otelcol_embedding_tap_dropped_events":                {"reason": {"queue_full", "shutdown", "logs_refused", "traces_refused"}},
	"otelcol_embedding_tap_unanalyzed_calls":              {"reason": {"body_too_large", "memory_limit", "cpu", "encoding", "malformed", "panic"}},
	"otelcol_nvml_call_duration":                          {"call": {"nvmlDeviceGetMemoryInfo_v2"}},
	"otelcol_nvml_calls":                                  {"call": {"nvmlDeviceGetMemoryInfo_v2"}, "outcome": {"success", "unsupported", "failure"}},
	"otelcol_connector_embedding_metrics_label_overflows": {"label": {"model", "task_type"}},
}

// stock are metrics of parts that are not ours. Those of the collector are listed at
// https://opentelemetry.io/docs/collector/internal-telemetry/, those of vLLM at
// https://docs.vllm.ai/en/stable/usage/metrics/; names and labels here are those that the distribution was seen to expose.
var stock = func() map[string]metric {
	all := map[string]metric{
		"otelcol_process_uptime":          {kind: "counter"},
		"otelcol_process_cpu_seconds":     {kind: "counter"},
		"otelcol_process_memory_rss":      {kind: "gauge"},
		"otelcol_exporter_queue_size":     {kind: "gauge", labels: exporterQueue},
		"otelcol_exporter_queue_capacity": {kind: "gauge", labels: exporterQueue},
		"vllm:num_requests_running":       {kind: "gauge", labels: vllm},
		"vllm:num_requests_waiting":       {kind: "gauge", labels: vllm},
	}
	for _, signal := range []string{"log_records", "spans", "metric_points"} {
		for _, result := range []string{"accepted", "refused"} {
			all["otelcol_receiver_"+result+"_"+signal] = metric{kind: "counter",
				labels: map[string][]string{"receiver": {"embedding", "otlp"}, "transport": {"http"}}}
		}
		for _, result := range []string{"sent", "send_failed", "enqueue_failed"} {
			all["otelcol_exporter_"+result+"_"+signal] = metric{kind: "counter",
				labels: map[string][]string{"exporter": {"otlp_http/loki", "otlp_http/backend"}}}
		}
	}
	return all
}()

var (
	exporterQueue = map[string][]string{"exporter": {"otlp_http/loki"}, "data_type": {"logs"}}
	vllm          = map[string][]string{"model_name": {"qwen3-embedding-4b"}, "engine": {"0"}}
)

// everywhere are labels that Prometheus adds in scraping, or the exporter of gateway.yaml, whatever the metric.
var everywhere = []string{"job", "instance", "host_name"}
