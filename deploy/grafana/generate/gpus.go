package main

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

func gpus() *dashboard.DashboardBuilder {
	// MIG devices have a parent; sums over whole GPUs leave them out, so that nothing counts twice.
	whole := []string{`hw_type="gpu"`, `hw_parent=""`}
	of := func(metric string, more ...string) string {
		return "max by (" + gpuLabels + ") (" + series(metric, byGPU, append([]string{`hw_type="gpu"`}, more...)...) + ")"
	}

	board := frame("embedding-gpus", "Embeddings: GPU fleet",
		"Are the GPUs well, what are they doing, and what does a token cost.").
		WithVariable(metricsVariable()).
		WithVariable(logsVariable()).
		WithVariable(jobVariable("nvml_available")).
		WithVariable(instanceVariable("nvml_available")).
		WithVariable(values("gpu", "GPU", "hw_gpu_memory_usage_bytes{"+byCollector+"}", "hw_name", "GPUs and MIG devices by their index")).
		WithVariable(services())

	board.
		WithPanel(states(about{"State",
			"State of each GPU. degraded: slowed down or with errors that were corrected; predicted_failure: replace it at the next occasion; failed: take it out.",
			needsGPUs}, 12, named(gpuStates), latest("A", gpuLegend, encode(gpuLabels, "hw_status", byGPU, "hw_state", gpuStates)))).
		WithPanel(states(about{"NVML",
			"Whether the driver answers. Not: the log of the collector has an event nvml.availability that says what to do.", needsGPUs},
			4, yesNo("answers", "does not answer"), latest("A", "{{instance}}", "min by (instance) ("+series("nvml_available", byCollector)+")"))).
		WithPanel(numbers(about{"Energy",
			"What the GPUs took in the shown time.", needsGPUs}, "joule", 4,
			latest("A", "energy", "sum(increase("+series("hw_energy_joules_total", byGPU, whole...)+"[$__range]))"))).
		WithPanel(numbers(about{"Joules per 1,000 tokens",
			"Energy of all chosen GPUs over the input tokens that the collectors saw in the shown time. Only meaningful where these GPUs serve these calls and no others.",
			needsGPUs}, "joule", 4, latest("A", "J/1,000 tokens", joulesPerTokens("$__range"))).Decimals(1))

	board.WithRow(dashboard.NewRowBuilder("Memory and work")).
		WithPanel(graph(about{"Memory",
			"Memory in use, and dashed how much there is. vLLM takes its share at start: what matters is room for others, and steps that nobody expects.", needsGPUs},
			"bytes", half, prom("A", gpuLegend, of("hw_gpu_memory_usage_bytes")), prom("B", gpuLegend+" limit", of("hw_gpu_memory_limit_bytes"))).
			Min(0).
			OverrideByQuery("B", limit)).
		WithPanel(graph(about{"Utilization",
			"Share of time in which the GPU did anything, and how busy its multiprocessors were. High and low: many small kernels; larger batches help.", needsGPUs},
			"percentunit", half,
			prom("A", gpuLegend+" any", of("hw_gpu_utilization_ratio", `hw_gpu_task="general"`)),
			prom("B", gpuLegend+" multiprocessors", of("nvml_sm_utilization_ratio"))).
			Min(0).Max(1)).
		WithPanel(graph(about{"Tensor cores and memory bus",
			"Share of time in which tensor cores worked and memory moved. Embedding of long inputs is bound by the first, of short ones by the second. GPUs since Hopper only.",
			"No GPU performance metrics: they need a GPU since Hopper"},
			"percentunit", half,
			prom("A", gpuLegend+" tensor cores", of("nvml_tensor_utilization_ratio")),
			prom("B", gpuLegend+" memory", of("nvml_dram_utilization_ratio"))).
			Min(0).Max(1)).
		WithPanel(graph(about{"Memory by MIG device",
			"Share of its memory that each MIG device uses.", "No MIG devices"},
			"percentunit", half, prom("A", gpuLegend,
				"max by ("+gpuLabels+") ("+series("hw_gpu_memory_usage_bytes", byGPU, `hw_parent!=""`)+" / "+
					series("hw_gpu_memory_limit_bytes", byGPU, `hw_parent!=""`)+")")).
			Min(0).Max(1))

	board.WithRow(dashboard.NewRowBuilder("Power and heat")).
		WithPanel(graph(about{"Power",
			"Power of each GPU, and dashed the limit that is in force. At the limit: clocks come down, see throttling.", needsGPUs},
			"watt", third,
			prom("A", gpuLegend, of("hw_power_watts")),
			prom("B", gpuLegend+" limit", of("nvml_power_limit_watts", `nvml_power_limit_type="enforced"`))).
			Min(0).
			OverrideByQuery("B", limit)).
		WithPanel(graph(about{"Joules per 1,000 tokens",
			"Energy of all chosen GPUs over the input tokens that the collectors saw. High at night: GPUs that idle. It rises at the same load: a model or a batch size changed.",
			"No tokens or no GPUs: needs the nvml receiver and calls"},
			"joule", third, prom("A", "J/1,000 tokens", joulesPerTokens("$__rate_interval"))).
			Min(0)).
		WithPanel(graph(about{"Temperature",
			"Temperature of chip and memory. What it may be depends on the card: the margin is at the right, throttling begins when it is used up.", needsGPUs},
			"celsius", third,
			prom("A", gpuLegend+" {{hw_sensor_location}}", "max by ("+gpuLabels+", hw_sensor_location) ("+series("hw_temperature_celsius", byGPU)+")"),
			prom("B", gpuLegend+" margin", of("nvml_temperature_margin_celsius"))).
			OverrideByQuery("B", []dashboard.DynamicConfigValue{
				{Id: "custom.axisPlacement", Value: "right"}, {Id: "custom.axisLabel", Value: "margin"}, {Id: "min", Value: 0}, dashed,
			})).
		WithPanel(stacked(about{"Throttling by reason",
			"Share of time in which clocks were held down. sw_power_cap: the power limit, which is usual at full load; hw_thermal and sw_thermal: cooling; hw_power_brake: the power supply.",
			"Clocks are not held down, or the GPU does not say"},
			"percentunit", half, prom("A", gpuLegend+" {{nvml_throttle_reason}}",
				perSecond(gpuLabels+", nvml_throttle_reason", series("nvml_throttle_time_seconds_total", byGPU))+" > 0"))).
		WithPanel(graph(about{"Clocks",
			"Frequency of multiprocessors and memory. Lower at full load than at the same load before: throttling.", needsGPUs},
			"hertz", half, prom("A", gpuLegend+" {{nvml_clock_domain}}",
				"max by ("+gpuLabels+", nvml_clock_domain) ("+series("nvml_clock_frequency_hertz", byGPU, `nvml_clock_domain=~"sm|memory"`)+")")).
			Min(0))

	board.WithRow(dashboard.NewRowBuilder("Errors")).
		WithPanel(graph(about{"ECC errors",
			"Memory errors in the shown time. Corrected ones are counted and no more; an uncorrected one has ended a process and maybe spoiled vectors.", "No ECC memory"},
			"short", third, prom("A", gpuLegend+" {{error_type}}", "sum by ("+gpuLabels+", error_type) (increase("+series("hw_errors_total", byGPU)+"[$__rate_interval]))")).
			Min(0)).
		WithPanel(graph(about{"XID errors",
			"Errors that the driver reported, by code. 48, 63, 64, 79, 94 and 95 are the hardware's; 13 and 31 are those of the program. The log names what to do.", "No XID errors"},
			"short", third, prom("A", gpuLegend+" XID {{nvml_xid_code}}", "sum by ("+gpuLabels+", nvml_xid_code) (increase("+series("nvml_xid_errors_total", byGPU)+"[$__rate_interval])) > 0")).
			Min(0)).
		WithPanel(graph(about{"Repairs of memory",
			"Rows that were remapped, and whether a remapping waits for a reset or has failed. Pending: reset the GPU at the next occasion; failed: replace it.", "This GPU remaps no rows"},
			"short", third,
			prom("A", gpuLegend+" {{error_type}}", "sum by ("+gpuLabels+", error_type) ("+series("nvml_memory_remapped_rows_total", byGPU)+")"),
			prom("B", gpuLegend+" pending", of("nvml_memory_remapping_pending")),
			prom("C", gpuLegend+" failed", of("nvml_memory_remapping_failed"))).
			Min(0)).
		WithPanel(lineList(about{"Events of GPUs",
			"XID errors and changes of state, with what NVIDIA's catalogue advises.", "No events: that is well, or the nvml receiver is in no pipeline of logs to Loki"},
			wide, lines("A", "", `| nvml_xid_code != "" or nvml_health_previous != "" or nvml_available != ""`)))
	return board
}

// joulesPerTokens leaves out times without tokens, in which the quotient says nothing.
func joulesPerTokens(interval string) string {
	return "1000 * sum(increase(" + series("hw_energy_joules_total", byGPU, `hw_type="gpu"`, `hw_parent=""`) + "[" + interval + "])) / (sum(increase(" +
		series("embedding_input_tokens_sum", byCollector) + "[" + interval + "])) > 0)"
}
