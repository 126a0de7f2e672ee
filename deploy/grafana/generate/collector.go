package main

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

// byProcess selects the collector's own metrics. They have a port of their own, and so another instance than the metrics of
// the other dashboards: the variable has another name, so that links between dashboards do not carry it over.
const byProcess = `job=~"$own_job", instance=~"$collector"`

const needsTelemetry = "No metrics of the collector itself: scrape port 8888, or raise service::telemetry::metrics::level"

func collector() *dashboard.DashboardBuilder {
	at := func(metric string, more ...string) string { return series(metric, byProcess, more...) }
	// signals returns one query for each kind of telemetry, because a rate over several names at once is refused.
	signals := func(prefix, by, legend string) []query {
		var queries []query
		for i, s := range [][2]string{{"log_records", "logs"}, {"spans", "spans"}, {"metric_points", "metrics"}} {
			queries = append(queries, prom(string(rune('A'+i)), legend+" "+s[1], perSecond(by, at(prefix+s[0]))))
		}
		return queries
	}
	failed := append(signals("otelcol_exporter_send_failed_", "exporter", "{{exporter}}"),
		prom("D", "{{exporter}} logs, queue full", perSecond("exporter", at("otelcol_exporter_enqueue_failed_log_records"))),
		prom("E", "{{exporter}} spans, queue full", perSecond("exporter", at("otelcol_exporter_enqueue_failed_spans"))))

	board := frame("embedding-collector", "Embeddings: collector",
		"Is the collector itself well, and does anything get lost in it.").
		WithVariable(metricsVariable()).
		WithVariable(values("own_job", "Job", "otelcol_process_uptime", "job", "Prometheus' scrape job of the collectors' own metrics")).
		WithVariable(values("collector", "Collector", `otelcol_process_uptime{job=~"$own_job"}`, "instance", "Collectors, by where their own metrics are scraped"))

	board.
		WithPanel(numbers(about{"Up for", "Time since the start of each collector. Short: it was restarted, or has died.", needsTelemetry},
			"s", 8, latest("A", "{{instance}}", at("otelcol_process_uptime")))).
		WithPanel(numbers(about{"Memory", "Resident memory of each collector. memory_limiter refuses data near its limit.", needsTelemetry},
			"bytes", 8, latest("A", "{{instance}}", at("otelcol_process_memory_rss")))).
		WithPanel(numbers(about{"Calls analysed",
			"Share of the tap's calls whose bodies were decoded in the shown time. Less than all: the panel of unanalysed calls says why.",
			"No calls through the tap"}, "percentunit", 4,
			latest("A", "analysed", "1 - (sum(increase("+at("otelcol_embedding_tap_unanalyzed_calls")+"[$__range])) or vector(0)) / sum(increase("+
				at("otelcol_embedding_tap_calls")+"[$__range]))")).
			Decimals(2)).
		WithPanel(numbers(about{"Lost events",
			"Events and spans of the tap that were lost in the shown time.", "Nothing was lost"},
			"short", 4, latest("A", "lost", "sum(increase("+at("otelcol_embedding_tap_dropped_events")+"[$__range]))")).
			Decimals(0))

	board.WithRow(dashboard.NewRowBuilder("In and out")).
		WithPanel(graph(about{"Accepted per second", "What receivers took in, per second. None from a receiver that had some: its clients do not reach it.", needsTelemetry},
			"short", half, signals("otelcol_receiver_accepted_", "receiver", "{{receiver}}")...).Min(0)).
		WithPanel(graph(about{"Refused per second",
			"What receivers sent back because the pipeline did not take it, per second. memory_limiter is at its limit, or an exporter's queue is full; clients send again.",
			"Nothing was refused"},
			"short", half, signals("otelcol_receiver_refused_", "receiver", "{{receiver}}")...).Min(0)).
		WithPanel(graph(about{"Sent per second", "What exporters delivered, per second.", "Nothing was sent: is the backend there?"},
			"short", half, signals("otelcol_exporter_sent_", "exporter", "{{exporter}}")...).Min(0)).
		WithPanel(graph(about{"Failed per second",
			"What exporters gave up on, per second. While a backend is away, data waits in the queue and is not failed yet; a full queue loses it.", "Nothing failed"},
			"short", half, failed...).Min(0)).
		WithPanel(graph(about{"Queues",
			"How full the exporters' queues are. One that fills: its backend is slow or away; its log line says which.", needsTelemetry},
			"percentunit", half, prom("A", "{{exporter}} {{data_type}}",
				"max by (exporter, data_type) ("+at("otelcol_exporter_queue_size")+" / "+at("otelcol_exporter_queue_capacity")+")")).
			Min(0).Max(1)).
		WithPanel(graph(about{"Processor time and memory",
			"CPU cores that collectors use, and memory at the right.", needsTelemetry},
			"short", half,
			prom("A", "{{instance}} cores", "rate("+at("otelcol_process_cpu_seconds")+"[$__rate_interval])"),
			prom("B", "{{instance}} memory", at("otelcol_process_memory_rss"))).
			Min(0).
			OverrideByQuery("B", []dashboard.DynamicConfigValue{{Id: "unit", Value: "bytes"}, {Id: "custom.axisPlacement", Value: "right"}}))

	board.WithRow(dashboard.NewRowBuilder("Tap")).
		WithPanel(stacked(about{"Calls not analysed, by reason",
			"Calls that the tap passed on and whose bodies it did not decode. body_too_large and memory_limit: raise the limits; cpu: give the collector more; malformed: an unknown API.",
			"All calls were analysed"},
			"reqps", third, prom("A", "{{reason}}", perSecond("reason", at("otelcol_embedding_tap_unanalyzed_calls"))))).
		WithPanel(stacked(about{"Lost events, by reason",
			"Events and spans that did not reach the pipeline. queue_full: too few workers; refused: the pipeline is at its memory limit.", "Nothing was lost"},
			"short", third, prom("A", "{{reason}}", perSecond("reason", at("otelcol_embedding_tap_dropped_events"))))).
		WithPanel(graph(about{"Queue and copies of bodies",
			"Calls that wait for a worker, and memory of copied bodies at the right. Both are bounded; at their bounds calls go unanalysed.", needsTap},
			"short", third,
			prom("A", "{{instance}} waiting", at("otelcol_embedding_tap_queue_length")),
			prom("B", "{{instance}} bodies", at("otelcol_embedding_tap_captured_memory"))).
			Min(0).
			OverrideByQuery("B", []dashboard.DynamicConfigValue{{Id: "unit", Value: "bytes"}, {Id: "custom.axisPlacement", Value: "right"}})).
		WithPanel(graph(about{"Time to analyse a call",
			"How long workers take for a call. Clients never wait for it.", needsTap},
			"s", half,
			prom("A", "P50", quantile(0.5, "instance", at("otelcol_embedding_tap_analysis_duration_bucket"))),
			prom("B", "P99", quantile(0.99, "instance", at("otelcol_embedding_tap_analysis_duration_bucket")))).
			Min(0)).
		WithPanel(graph(about{"Answers read",
			"Share of calls whose answers are read. Below 1: the collector is short of CPU and counts calls without looking at their vectors.", needsTap},
			"percentunit", half, prom("A", "{{instance}}", at("otelcol_embedding_tap_capture_ratio"))).
			Min(0).Max(1))

	board.WithRow(dashboard.NewRowBuilder("Judging vectors")).
		WithPanel(graph(about{"Time to judge a vector",
			"Mean time that embedding_quality takes for a vector. It grows with the dimension, not with the rate.", needsJudge},
			"s", third, prom("A", "{{instance}}",
				perSecond("instance", at("otelcol_processor_embedding_quality_judging_time"))+" / ("+
					perSecond("instance", at("otelcol_processor_embedding_quality_vectors_judged"))+" > 0)")).
			Min(0)).
		WithPanel(graph(about{"Keys and their memory",
			"Models, tasks, dimensions and replicas that are remembered, and what they take, at the right. Many keys: clients make up names of models.", needsJudge},
			"short", third,
			prom("A", "{{instance}} keys", at("otelcol_processor_embedding_quality_keys")),
			prom("B", "{{instance}} memory", "sum by (instance) ("+at("otelcol_processor_embedding_quality_memory")+")")).
			Min(0).
			OverrideByQuery("B", []dashboard.DynamicConfigValue{{Id: "unit", Value: "bytes"}, {Id: "custom.axisPlacement", Value: "right"}})).
		WithPanel(graph(about{"What was lost of learning",
			"In the shown intervals: keys that were forgotten (raise max_keys), saves that failed (is the disk full?), windows that the next component refused, panics that were contained.",
			"Nothing was lost"},
			"short", third,
			prom("A", "{{instance}} keys forgotten", increased(at("otelcol_processor_embedding_quality_keys_evicted"))),
			prom("B", "{{instance}} saves failed", increased(at("otelcol_processor_embedding_quality_saves_failed"))),
			prom("C", "{{instance}} windows lost", increased(at("otelcol_processor_embedding_quality_windows_failed"))),
			prom("D", "{{instance}} panics", increased(at("otelcol_processor_embedding_quality_panics")))).
			Min(0)).
		WithPanel(graph(about{"Window reports",
			"Windows reported per second, and reports of other collectors that were merged. A gateway that merges fewer than agents report: clocks or wait.", needsJudge},
			"short", third,
			prom("A", "{{instance}} reported", perSecond("instance", at("otelcol_processor_embedding_quality_windows_emitted"))),
			prom("B", "{{instance}} merged", perSecond("instance", at("otelcol_processor_embedding_quality_reports_merged")))).
			Min(0)).
		WithPanel(stacked(about{"Reports not merged, by reason",
			"late: raise merge::wait; early: clocks differ; duplicate: sent twice; unreadable: another version; full: raise max_keys.", "All reports were merged"},
			"short", third, prom("A", "{{reason}}", perSecond("reason", at("otelcol_processor_embedding_quality_reports_dropped"))))).
		WithPanel(graph(about{"Metrics held back",
			"Flushes that the pipeline of metrics refused, and label values beyond the connector's caps, which are counted under other.", "Nothing was held back"},
			"short", third,
			prom("A", "{{instance}} flushes refused", increased(at("otelcol_connector_embedding_metrics_flush_failures"))),
			prom("B", "{{label}} over its cap", "sum by (label) (increase("+at("otelcol_connector_embedding_metrics_label_overflows")+"[$__rate_interval]))")).
			Min(0))

	board.WithRow(dashboard.NewRowBuilder("GPU driver")).
		WithPanel(stacked(about{"Time in the driver",
			"Share of a core that calls into NVML take. A call that does not return is left behind and counted at the right.", needsGPUs},
			"percentunit", half, prom("A", "{{call}}", perSecond("call", at("otelcol_nvml_call_duration"))))).
		WithPanel(graph(about{"Readings left behind and calls that failed",
			"Readings that the driver did not return from in time, and failed calls, per second. Left behind: the driver hangs; look for XID errors.", needsGPUs},
			"short", half,
			prom("A", "{{instance}} left behind", perSecond("instance", at("otelcol_nvml_abandoned_reads"))),
			prom("B", "{{call}} failed", perSecond("call", at("otelcol_nvml_calls", `outcome="failure"`)))).
			Min(0))
	return board
}

const (
	needsTap   = "No tap: needs the embedding receiver with tap"
	needsJudge = "No vectors judged: needs the embedding_quality processor"
)

func increased(counter string) string {
	return "sum by (instance) (increase(" + counter + "[$__rate_interval]))"
}
