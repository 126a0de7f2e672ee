package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// What has to be there for panels to have data.
const (
	needsCalls   = "No calls: needs the embedding_metrics connector behind an embedding or otlp receiver, and a call"
	needsQuality = "No windows: needs the embedding_quality processor in front of embedding_metrics, and vectors"
	needsCanary  = "No canary: needs the embedding_canary receiver in a pipeline of metrics"
	needsGPUs    = "No GPUs: needs the nvml receiver on a host with an NVIDIA driver"
	needsVLLM    = "No metrics of vLLM: needs the receiver prometheus/vllm of the shipped configurations"
	needsLogs    = "No such lines: that is well, or the exporter otlp_http/loki is missing"
)

func overview() *dashboard.DashboardBuilder {
	board := frame("embedding-overview", "Embeddings: overview",
		"Is the embedding service well: traffic, latency, errors, GPUs and whether its vectors are still right.").
		WithVariable(metricsVariable()).
		WithVariable(logsVariable()).
		WithVariable(tracesVariable()).
		WithVariable(jobVariable("embedding_requests_total")).
		WithVariable(instanceVariable("embedding_requests_total")).
		WithVariable(modelVariable("embedding_requests_total")).
		WithVariable(services()).
		Annotation(verdictChanges("model", "{{model}}: {{verdict}}"))

	board.
		WithPanel(states(about{"Verdict",
			"The worst verdict on each model's vectors in the latest window. Anything but healthy and learning: open the dashboard of vectors, " +
				"it shows which key and which evidence.", needsQuality},
			10, named(verdicts), latest("A", "{{model}}", encode("model", "embedding_quality_state", byModel, "verdict", verdicts))).
			Links(linkTo("Vectors and drift", "embedding-vectors"))).
		WithPanel(states(about{"Canary",
			"Whether the latest round at each target found the vectors of known texts as they were. Not ok: the canary dashboard tells a server that " +
				"does not answer from one whose vectors are others.", needsCanary},
			6, yesNo("ok", "not ok"), latest("A", "{{target}}", "min by (target) ("+series("embedding_canary_ok", byModel)+")")).
			Links(linkTo("Canary", "embedding-canary"))).
		WithPanel(numbers(about{"Calls per second",
			"Calls in the latest interval, failed ones too. None where there should be some: look whether clients still reach the tap.", needsCalls},
			"reqps", 4, prom("A", "calls", "sum(rate("+series("embedding_requests_total", byModel)+"[$__rate_interval]))")).
			GraphMode(common.BigValueGraphModeArea)).
		WithPanel(numbers(about{"Failed calls",
			"Share of calls that failed, in the latest interval. The panel of errors says with which status.", needsCalls},
			"percentunit", 4, prom("A", "failed", failedShare())).
			Decimals(2).
			GraphMode(common.BigValueGraphModeArea))

	board.WithRow(dashboard.NewRowBuilder("Traffic")).
		WithPanel(stacked(about{"Calls by model and task",
			"Calls per second. A model or task that vanishes: its clients have stopped, or ask for another name.", needsCalls},
			"reqps", half, prom("A", "{{model}} {{task_type}}", perSecond("model, task_type", series("embedding_requests_total", byModel))))).
		WithPanel(lineAt(graph(about{"Latency",
			"How long calls take, failed ones too, against the line of 2 s. Diamonds are single calls that link to their traces. Above the line: " +
				"compare queued requests of the server, GPU utilization and lengths of inputs below.", needsCalls},
			"s", half,
			quantiles(series("embedding_request_duration_seconds_bucket", byModel))...).
			Min(0).
			Links([]linkBuilder{toTraces("Slow calls", `{span.gen_ai.operation.name="embeddings" && duration>2s}`)}), 2)).
		WithPanel(stacked(about{"Errors by status",
			"Failed calls per second. 4xx are refused requests, often too long inputs: look at the lines of failed calls. 5xx and none are the server's: " +
				"look at its log.", "No failed calls"},
			"reqps", third, prom("A", "{{status_code}} {{error_type}}",
				perSecond("status_code, error_type", series("embedding_request_errors_total", byModel)))).
			DrawStyle(common.GraphDrawStyleBars)).
		WithPanel(lineAt(graph(about{"Calls slower than 2 s",
			"Exact share of calls above 2 s, which a quantile only estimates. More than one in twenty is what the alert on P95 fires on.", needsCalls},
			"percentunit", third, prom("A", "{{model}}", slowShare())).
			Min(0).AxisSoftMax(0.06), 0.05)).
		WithPanel(graph(about{"Texts per call",
			"Median and P95 of the inputs in one call. A jump explains latency that the server is not to blame for.", needsCalls},
			"short", third,
			// The first bucket is that of 1 and begins at 0, as far as Prometheus knows.
			prom("A", "{{model}} P50", "clamp_min("+quantile(0.5, "model", series("embedding_batch_size_bucket", byModel))+", 1)"),
			prom("B", "{{model}} P95", "clamp_min("+quantile(0.95, "model", series("embedding_batch_size_bucket", byModel))+", 1)")))

	board.WithRow(dashboard.NewRowBuilder("Inputs")).
		WithPanel(heat(about{"Input length",
			"Tokens of calls, as the server counted them. A new band at the top: documents are longer than before, and may be cut off.", needsCalls},
			"short", half, series("embedding_input_tokens_bucket", byModel))).
		WithPanel(stacked(about{"Anomalies of calls",
			"Calls that were probably truncated, or whose answer does not fit the request. Truncated: the end of documents is in no index; " +
				"split them into shorter ones.", needsCalls},
			"reqps", third, prom("A", "{{anomaly}}", perSecond("anomaly", series("embedding_request_anomalies_total", byModel))))).
		WithPanel(numbers(about{"Tokens per second", "Input tokens of successful calls.", needsCalls},
			"short", 4, prom("A", "tokens", "sum(rate("+series("embedding_input_tokens_sum", byModel)+"[$__rate_interval]))")).
			Height(tall).
			GraphMode(common.BigValueGraphModeArea))

	board.WithRow(dashboard.NewRowBuilder("Vectors")).
		WithPanel(stacked(about{"Vectors per second, by length",
			"Vectors per second by their length. A second length of one model is normal only where clients ask for shortened vectors: " +
				"otherwise searches compare what cannot be compared.", needsCalls},
			"short", half, prom("A", "{{model}} {{dimension}}", perSecond("model, dimension", series("embedding_vectors_total", byModel))))).
		WithPanel(stacked(about{"Invalid vectors per second",
			"Vectors per second that cannot be right, by reason. Any at all is a fault of the server; do not index what came since.", needsQuality},
			"short", half, prom("A", "{{reason}}", perSecond("reason", series("embedding_vectors_invalid_total", byModel)))))

	board.WithRow(dashboard.NewRowBuilder("Server and GPUs")).
		WithPanel(gpuTogether().Height(10).Links(linkTo("GPU fleet", "embedding-gpus"))).
		WithPanel(graph(about{"Requests in the server",
			"Requests that vLLM runs, and that wait. Waiting ones that do not come down again: the server is at its limit.", needsVLLM},
			"short", half,
			prom("A", "{{model_name}} running", "sum by (model_name) ("+series("vllm:num_requests_running", byCollector, `model_name=~"$model"`)+")"),
			prom("B", "{{model_name}} waiting", "sum by (model_name) ("+series("vllm:num_requests_waiting", byCollector, `model_name=~"$model"`)+")")).
			Height(10).Min(0))

	board.WithRow(dashboard.NewRowBuilder("Failed calls")).
		WithPanel(failedCalls()).
		WithPanel(lineList(about{"Failed calls",
			"The request log of calls that failed. A line's trace_id leads to its trace.", needsLogs},
			half, lines("A", "embedding.request", `| http_response_status_code >= 400 or error_type != "" | gen_ai_request_model =~ "$model"`)))
	return board
}

func failedShare() string {
	return "(sum(rate(" + series("embedding_request_errors_total", byModel) + "[$__rate_interval])) or vector(0)) / sum(rate(" +
		series("embedding_requests_total", byModel) + "[$__rate_interval]))"
}

// slowShare is exact because 2 is a bound of a bucket, which Prometheus 3 writes as 2.0.
func slowShare() string {
	return "1 - " + perSecond("model", series("embedding_request_duration_seconds_bucket", byModel, `le=~"2|2.0"`)) + " / " +
		perSecond("model", series("embedding_request_duration_seconds_count", byModel))
}

// quantiles returns the queries of P50, P95 and P99, with exemplars once.
func quantiles(buckets string) []query {
	return []query{
		prom("A", "{{model}} P50", quantile(0.5, "model", buckets)),
		prom("B", "{{model}} P95", quantile(0.95, "model", buckets)),
		prom("C", "{{model}} P99", quantile(0.99, "model", buckets)).Exemplar(true),
	}
}

// verdictChanges marks windows with which a verdict other than healthy and learning began, once for each set of labels. The
// overview tells models apart and no more: a fault of the server changes the verdicts of all keys, one after the other.
func verdictChanges(labels, title string) *dashboard.AnnotationQueryBuilder {
	alarming := series("embedding_quality_state", byModel, `verdict!~"healthy|learning"`)
	by := "max by (" + labels + ", verdict) "
	return changed("Verdicts", red, by+"("+alarming+" == 1)", by+"("+alarming+" offset $__interval == 1)", title)
}

// failedCalls lists calls with a link to each one's trace, whatever the data source of logs derives.
func failedCalls() *dashboardTable {
	panel := grid(about{"Traces of failed calls",
		"The latest failed calls with their traces. Click the trace id to see where the call spent its time.", needsLogs},
		half, lines("A", "embedding.request", `| http_response_status_code >= 400 or error_type != "" | gen_ai_request_model =~ "$model"`)).
		Datasource(logsSource).
		WithTransformation(dashboard.DataTransformerConfig{Id: "extractFields", Options: map[string]any{
			"source": "labels", "format": "json", "replace": false,
		}})
	return renamed(panel,
		[2]string{"Time", "Time"}, [2]string{"gen_ai_request_model", "Model"}, [2]string{"http_response_status_code", "Status"},
		[2]string{"error_type", "Error"}, [2]string{"trace_id", "Trace"}).
		OverrideByName("Trace", toTrace())
}

// gpuTogether shows memory, utilization and temperature of GPUs in one picture: all three end at 100.
func gpuTogether() *dashboardGraph {
	whole := `hw_type="gpu"`
	by := func(expr string) string { return "max by (" + gpuLabels + ") (100 * " + expr + ")" }
	return graph(about{"GPU memory, utilization, temperature",
		"Of each GPU: memory in use and time busy in percent, and °C at the right. Memory at 100: lower vLLM's --gpu-memory-utilization. " +
			"Utilization low and latency high: requests do not reach the GPU.", needsGPUs},
		"percent", half,
		prom("A", gpuLegend+" memory", by("("+series("hw_gpu_memory_usage_bytes", byCollector, whole)+" / "+
			series("hw_gpu_memory_limit_bytes", byCollector, whole)+")")),
		prom("B", gpuLegend+" busy", by(series("hw_gpu_utilization_ratio", byCollector, whole, `hw_gpu_task="general"`))),
		prom("C", gpuLegend+" °C", "max by ("+gpuLabels+") ("+
			series("hw_temperature_celsius", byCollector, whole, `hw_sensor_location="gpu"`)+")")).
		Min(0).Max(100).
		OverrideByQuery("C", []dashboard.DynamicConfigValue{
			{Id: "unit", Value: "celsius"}, {Id: "custom.axisPlacement", Value: "right"},
			dashed,
		})
}
