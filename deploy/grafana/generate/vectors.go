package main

import (
	"fmt"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/loki"
)

const (
	needsReference = "No reference yet: embedding_quality has to see reference::vectors vectors first"
	needsEvidence  = "No evidence yet: embedding_quality has to learn from 200 windows first"
	needsRepeats   = "No text came again yet"
)

func vectors() *dashboard.DashboardBuilder {
	board := frame("embedding-vectors", "Embeddings: vectors and drift",
		"Are the vectors still right, and if not, is it the model, a replica or the traffic.").
		WithVariable(metricsVariable()).
		WithVariable(logsVariable()).
		WithVariable(jobVariable("embedding_quality_state")).
		WithVariable(instanceVariable("embedding_quality_state")).
		WithVariable(modelVariable("embedding_quality_state")).
		WithVariable(values("task_type", "Task", "embedding_quality_state{"+byModel+"}", "task_type", "What vectors are for")).
		WithVariable(services()).
		Annotation(verdictChanges(keyLabels, "{{model}} {{task_type}} {{replica}}: {{verdict}}"))

	board.WithRow(dashboard.NewRowBuilder("Verdict")).
		WithPanel(timeline(about{"Verdict of each key",
			"The verdict of each model, task, dimension and replica. invalid_output, replica_fault, model_changed: keep its vectors out of indexes, " +
				"look at that server. traffic_shift: other texts than before; look who sends them. unstable_output: the same text gets different vectors.",
			needsQuality}, 16, named(verdicts),
			prom("A", keyLegend, encode(keyLabels, "embedding_quality_state", byKey, "verdict", verdicts)))).
		WithPanel(graph(about{"Progress of learning",
			"Windows from which it was learned what is usual. Drift is judged from 200 on. A fall to 0: the storage was lost, or max_keys was reached.",
			needsReference}, "short", third,
			prom("A", "{{task_type}} {{model}} {{dimension}} at {{instance}}",
				"max by (model, task_type, dimension, instance) ("+series("embedding_reference_windows", byKey)+")")).
			Min(0))

	board.WithRow(dashboard.NewRowBuilder("Evidence of drift")).
		WithPanel(lineAt(graph(about{"Evidence by statistic",
			"How much has gathered of what makes an alarm, over all replicas; at 1 it is one. Rising for hours below 1 is no fault yet. " +
				"mean_shift alone is often traffic; covariance and all of them together speak for another model.", needsEvidence},
			"none", half, prom("A", "{{statistic}} {{task_type}} {{model}} {{dimension}} at {{instance}}",
				"max by (model, task_type, dimension, statistic, instance) ("+series("embedding_quality_evidence", byKey, `statistic!="replica"`)+")")).
			Min(0).AxisSoftMax(1.1), 1)).
		WithPanel(logarithmic(pValues()))

	board.WithRow(dashboard.NewRowBuilder("Where the vectors are")).
		WithPanel(graph(about{"Distance of the centroid",
			"Cosine distance between the mean of the latest window and that of the reference. A step that stays: compare with what changed at that time.",
			needsReference}, "none", third, ofKey("A", "embedding_centroid_distance")).
			Min(0)).
		WithPanel(graph(about{"Mean shift",
			"How far the mean has moved, in standard deviations of what sampling explains. It is large for any traffic that is not the reference's: " +
				"what counts is its evidence.", needsReference}, "none", third, ofKey("A", "embedding_mean_shift_z"))).
		WithPanel(graph(about{"Distance of distributions",
			"Kolmogorov–Smirnov statistic of the cosines against the reference's, from 0 to 1, and the shift of variances. Both high: the geometry is another.",
			needsReference}, "none", third,
			prom("A", "cosines "+keyLegend, keyed("embedding_cosine_ks")),
			prom("B", "variances "+keyLegend, keyed("embedding_variance_shift"))).
			Min(0)).
		WithPanel(sparse(graph(about{"Effective rank",
			"How many directions the vectors of a window spread over. A fall towards 1: vectors have become alike, and searches with them.",
			needsReference}, "none", half, ofKey("A", "embedding_effective_rank")).
			Min(0))).
		WithPanel(graph(about{"Outliers",
			"Share of vectors unusually far from the reference. They are valid; single ones are odd texts, many are a fault or another corpus.",
			needsCalls}, "percentunit", half, prom("A", "{{model}}",
			perSecond("model", series("embedding_vectors_outliers_total", byModel))+" / ("+
				perSecond("model", series("embedding_vectors_total", byModel))+" > 0)")).
			Min(0)).
		WithPanel(cosineBand())

	board.WithRow(dashboard.NewRowBuilder("Validity")).
		WithPanel(stacked(about{"Invalid vectors per second",
			"Vectors per second that cannot be right. non_finite and zero: numbers overflow, often in half precision. duplicate: different texts got one " +
				"vector. dimension and norm: another model, or shortened vectors that were not scaled.", needsCalls},
			"short", third, prom("A", "{{model}} {{reason}}", perSecond("model, reason", series("embedding_vectors_invalid_total", byModel))))).
		WithPanel(graph(about{"Norms",
			"Mean norm of the latest window with the smallest and largest. Models that normalise have 1 throughout.", needsQuality},
			"none", third,
			prom("A", "mean {{model}} {{dimension}}", "avg by (model, dimension) ("+series("embedding_norm_mean", byKey)+")"),
			prom("B", "smallest {{model}} {{dimension}}", "min by (model, dimension) ("+series("embedding_norm_min", byKey)+")"),
			prom("C", "largest {{model}} {{dimension}}", "max by (model, dimension) ("+series("embedding_norm_max", byKey)+")")).
			AxisSoftMin(0.99).AxisSoftMax(1.01). // less is rounding, which would look like unrest
			Decimals(4)).
		WithPanel(stacked(about{"Vectors per second, by length",
			"Vectors per second by their length. A new length: a client asks for shortened vectors, or the model is another.", needsCalls},
			"short", third, prom("A", "{{model}} {{dimension}}", perSecond("model, dimension", series("embedding_vectors_total", byModel)))))

	board.WithRow(dashboard.NewRowBuilder("Same text, same vector")).
		WithPanel(sparse(graph(about{"Repeated texts with another vector",
			"Share of texts of the latest window that came before and have another vector now. Above 0: caches, batches or servers disagree.",
			needsRepeats}, "percentunit", half,
			prom("A", keyLegend, keyed("embedding_repeats_mismatches")+" / ("+keyed("embedding_repeats")+" > 0)")).
			Min(0))).
		WithPanel(sparse(graph(about{"Least cosine of a text to its earlier vector",
			"How much vectors of one text differ at most. Down to .999 is arithmetic of other batches; below .98 it is another vector.",
			needsRepeats}, "none", half, ofKey("A", "embedding_repeats_cosine_min")).
			Max(1).Decimals(4)))

	board.WithRow(dashboard.NewRowBuilder("Replicas compared")).
		WithPanel(lineAt(graph(about{"Evidence against a replica",
			"How much speaks for this replica differing from the others in the same windows; at 1 it is an alarm. Take that server out.",
			"One replica only, or not enough windows yet"}, "none", third,
			prom("A", "{{replica}} {{model}} {{task_type}} at {{instance}}",
				"max by (replica, model, task_type, instance) ("+series("embedding_quality_evidence", byKey, `statistic="replica"`)+")")).
			Min(0).AxisSoftMax(1.1), 1)).
		WithPanel(graph(about{"Mean cosine by replica",
			"Mean cosine to the reference. Replicas with the same traffic lie on one line.", needsReference}, "none", third,
			prom("A", "{{replica}} at {{instance}}", "avg by (replica, instance) ("+series("embedding_cosine_mean", byKey)+")"))).
		WithPanel(graph(about{"Distance of the centroid by replica",
			"As above, the mean over tasks. One line that leaves the others: that replica is another build or damaged.", needsReference}, "none", third,
			prom("A", "{{replica}} at {{instance}}", "avg by (replica, instance) ("+series("embedding_centroid_distance", byKey)+")")).
			Min(0))

	board.WithRow(dashboard.NewRowBuilder("Windows with an alarm")).
		WithPanel(lineList(about{"Windows with an alarm",
			"Window reports whose verdict is neither healthy nor learning, with all that was measured.", needsLogs},
			wide, lines("A", "embedding.quality.window", `| embedding_quality_verdict !~ "healthy|learning" | gen_ai_request_model =~ "$model"`)))
	return board
}

// keyed returns a gauge of keys, once for each key however many collectors have it.
func keyed(metric string) string { return "max by (" + keyLabels + ") (" + series(metric, byKey) + ")" }

func ofKey(ref, metric string) query {
	return prom(ref, keyLegend, keyed(metric))
}

// pValues come from the window reports in the log: they are no metrics.
func pValues() *dashboardGraph {
	var queries []query
	for i, statistic := range []string{"mean_shift", "cosine_distribution", "cosine_tails", "covariance"} {
		queries = append(queries, loki.NewDataqueryBuilder().
			RefId(string(rune('A'+i))).
			Datasource(logsSource).
			QueryType("range").
			LegendFormat(statistic+" {{gen_ai_request_model}} {{embedding_task_type}}").
			Expr(fmt.Sprintf(`min by (gen_ai_request_model, embedding_task_type) (min_over_time(%s | unwrap embedding_quality_p_value_%s | __error__="" [$__auto]))`,
				logLines("embedding.quality.window", `| gen_ai_request_model =~ "$model" | embedding_task_type =~ "$task_type"`), statistic)))
	}
	return graph(about{"p-values of windows",
		"How likely the least usual window of each interval is where nothing has changed. Single dips are chance; a run of small ones becomes evidence.",
		"No p-values: needs the window reports in Loki, and 200 windows"}, "none", half, queries...).
		Datasource(logsSource).
		Max(1)
}

// cosineBand has names that do not depend on the model, because the band is filled from one name to another; so there is one
// panel for each model, and nothing beside them, where Grafana puts the copies.
func cosineBand() *dashboardGraph {
	of := func(ref, name, fold, quantile string) query {
		return prom(ref, name, fold+"("+series("embedding_cosine_quantile", byKey, `quantile="`+quantile+`"`)+")")
	}
	return graph(about{"Cosines to the reference: $model",
		"Nine tenths of the vectors' cosines to the centroid of the reference, and their median, over the chosen tasks. The band moves: other texts or another " +
			"model. It narrows to a line: vectors collapse.", needsReference}, "none", wide,
		of("A", "P95", "max", "0.95"), of("B", "P50", "avg", "0.5"), of("C", "P5", "min", "0.05")).
		Repeat("model").MaxPerRow(3).
		OverrideByName("P95", []dashboard.DynamicConfigValue{
			{Id: "custom.fillBelowTo", Value: "P5"}, {Id: "custom.fillOpacity", Value: 20}, {Id: "custom.lineWidth", Value: 0},
		}).
		OverrideByName("P5", []dashboard.DynamicConfigValue{{Id: "custom.lineWidth", Value: 0}}).
		OverrideByName("P50", []dashboard.DynamicConfigValue{{Id: "custom.lineWidth", Value: 2}})
}
