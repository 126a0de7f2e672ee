package main

import "github.com/grafana/grafana-foundation-sdk/go/dashboard"

const needsPins = "No pins yet: the canary learns them in its first rounds"

func canary() *dashboard.DashboardBuilder {
	of := func(metric string) string { return "max by (" + targetLabels + ") (" + series(metric, byTarget) + ")" }

	begun := series("embedding_canary_verdict", byTarget, `verdict!~"same|learning"`)
	by := "max by (" + targetLabels + ", verdict) "
	board := frame("embedding-canary", "Embeddings: canary",
		"Do servers still give known texts the vectors that they had.").
		WithVariable(metricsVariable()).
		WithVariable(logsVariable()).
		WithVariable(tracesVariable()).
		WithVariable(jobVariable("embedding_canary_ok")).
		WithVariable(instanceVariable("embedding_canary_ok")).
		WithVariable(modelVariable("embedding_canary_ok")).
		WithVariable(values("target", "Target", "embedding_canary_ok{"+byModel+"}", "target", "Targets of the embedding_canary receiver")).
		WithVariable(services()).
		Annotation(changed("Canary verdicts", red, by+"("+begun+" == 1)",
			by+"("+series("embedding_canary_verdict", byTarget, `verdict!~"same|learning"`)+" offset $__interval == 1)", "{{target}} {{replica}}: {{verdict}}"))

	board.
		WithPanel(states(about{"Latest round",
			"Whether the latest round was complete and found the vectors as they were. Not ok: the two timelines below tell a server that does not answer " +
				"from one whose vectors are others.", needsCanary},
			12, yesNo("ok", "not ok"), latest("A", targetLegend, "min by ("+targetLabels+") ("+series("embedding_canary_ok", byTarget)+")"))).
		WithPanel(numbers(about{"Since the latest round",
			"Age of what this dashboard says. Longer than the interval: the server asked for pauses, the budget makes them, or the collector is down.", needsCanary},
			"s", 4, latest("A", targetLegend, "time() - "+of("embedding_canary_last_round_time_seconds")))).
		WithPanel(numbers(about{"Age of the pins",
			"How long ago the vectors were made that all others are compared with. Young without a raised generation: the storage was lost.", needsPins},
			"s", 4, latest("A", "{{target}}", "max by (model, target) ("+series("embedding_canary_pins_age_seconds", byTarget)+")"))).
		WithPanel(numbers(about{"Pins lost",
			"How often pins could not be read back from the storage in the shown time. Above 0: what was learned since may already be the fault.", "No pins were lost"},
			"short", 4, latest("A", "{{target}}", "sum by (target) (increase("+series("embedding_canary_pins_lost_total", byTarget)+"[$__range]))")).
			Decimals(0))

	board.WithRow(dashboard.NewRowBuilder("Verdict and outcome")).
		WithPanel(timeline(about{"Verdict",
			"How the vectors of the latest complete round compare with the pinned ones. numeric_change: other kernels or batches, often an upgrade. " +
				"quantisation_sized: weights of fewer bits. different_model_or_pooling: do not index with it. A change that was meant: raise generation.", needsCanary},
			half, named(canaryVerdicts), prom("A", targetLegend, encode(targetLabels, "embedding_canary_verdict", byTarget, "verdict", canaryVerdicts)))).
		WithPanel(timeline(about{"Outcome",
			"How far rounds came. Only complete ones have a verdict. unreachable: network or server down; overloaded: it said so; refused: look at the key and the " +
				"name of the model.", needsCanary},
			half, named(canaryOutcomes), prom("A", targetLegend, encode(targetLabels, "embedding_canary_outcome", byTarget, "outcome", canaryOutcomes))))

	board.WithRow(dashboard.NewRowBuilder("Vectors")).
		WithPanel(graph(about{"Cosines to the pinned vectors",
			"Least, median and mean over the texts. 1 is the same vector. The least alone falls: single texts, see the log of the collector; all fall: the model.", needsPins},
			"none", half, prom("A", "{{statistic}} "+targetLegend,
				"min by ("+targetLabels+", statistic) ("+series("embedding_canary_cosine", byTarget)+")")).
			AxisSoftMin(0.99).Max(1).Decimals(5)).
		WithPanel(renamed(grid(about{"Checks",
			"What the checks of the latest complete round measured. What each of them is and which value is usual says the receiver's README.", needsCanary},
			half, rows("A", "max by ("+targetLabels+", check) ("+series("embedding_canary_check", byTarget)+")")),
			[2]string{"target", "Target"}, [2]string{"replica", "Replica"}, [2]string{"check", "Check"}, [2]string{"Value", "Value"})).
		WithPanel(graph(about{"Failed checks",
			"Checks that speak for the verdict. 0 with the verdict same.", needsCanary}, "short", third,
			prom("A", targetLegend, of("embedding_canary_checks_failed"))).Min(0)).
		WithPanel(graph(about{"Recall of known documents",
			"Whether queries find their documents, by the canary's texts. A fall is what users notice.", needsCanary}, "percentunit", third,
			prom("A", "{{check}} "+targetLegend,
				"min by ("+targetLabels+", check) ("+series("embedding_canary_check", byTarget, `check=~"recall_at_.*|mrr"`)+")")).Min(0).Max(1)).
		WithPanel(graph(about{"Replicas",
			"Replicas that are probed. Fewer than there are: they are not in the name service.", needsCanary}, "short", third,
			prom("A", "{{target}}", "max by (model, target) ("+series("embedding_canary_replicas", byTarget)+")")).Min(0))

	board.WithRow(dashboard.NewRowBuilder("Rounds and their budget")).
		WithPanel(graph(about{"Duration of rounds",
			"How long the calls of the latest round took together. It follows the server's load; budget::server_time spreads rounds of slow servers.", needsCanary},
			"s", third, prom("A", targetLegend, of("embedding_canary_duration_seconds"))).
			Min(0).
			Links([]linkBuilder{toTraces("Rounds", `{resource.service.name="embedding-canary"}`)})).
		WithPanel(stacked(about{"Rounds per minute, by outcome",
			"Rounds per minute. Fewer than the interval has: pauses that the server asked for, or the budget.", needsCanary},
			"short", third, prom("A", "{{outcome}} {{target}}", "60 * "+perSecond("target, outcome", series("embedding_canary_rounds_total", byTarget))))).
		WithPanel(graph(about{"Tokens per round",
			"What a round costs, as the server counts. Above budget::tokens: the estimate is too low for these texts.", needsCanary},
			"short", third, prom("A", "{{target}}",
				perSecond("target", series("embedding_canary_tokens_total", byTarget))+" / ("+
					perSecond("target", series("embedding_canary_rounds_total", byTarget))+" > 0)")).Min(0)).
		WithPanel(graph(about{"Calls that got no vectors",
			"Calls per second without vectors, by what went wrong.", "All calls were answered"},
			"reqps", half, prom("A", "{{error_type}} {{target}} {{replica}}",
				perSecond("target, replica, error_type", series("embedding_canary_call_errors_total", byTarget)))).Min(0)).
		WithPanel(lineList(about{"Rounds in the log",
			"Results of rounds, with reasons, checks and what the budget left out.", needsLogs},
			half, lines("A", "embedding.canary.result", `| gen_ai_request_model =~ "$model" | embedding_canary_target =~ "$target"`)))
	return board
}
