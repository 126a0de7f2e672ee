package main

import (
	"fmt"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/loki"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

type query = cog.Builder[variants.Dataquery]

// Selectors by the variables that a metric has labels for.
const (
	byCollector = `job=~"$job", instance=~"$instance"`
	byModel     = byCollector + `, model=~"$model"`
	byKey       = byModel + `, task_type=~"$task_type"`
	byTarget    = byModel + `, target=~"$target"`
	byGPU       = byCollector + `, hw_name=~"$gpu"`
)

// What there is one of at each collector. The collector is named too, because servers and GPUs of different hosts may have the
// same names: localhost:8000, gpu0. What differs most comes first, because narrow panels cut names off.
const (
	keyLabels    = "model, task_type, dimension, replica, instance"
	keyLegend    = "{{task_type}} {{replica}} {{model}} {{dimension}} at {{instance}}"
	targetLabels = "model, target, replica, instance"
	targetLegend = "{{target}} replica {{replica}} at {{instance}}"
	gpuLabels    = "hw_name, host_name, instance"
	gpuLegend    = "{{hw_name}} {{host_name}} at {{instance}}"
)

// series returns a metric with its selector.
func series(metric, selector string, more ...string) string {
	return metric + "{" + strings.Join(append([]string{selector}, more...), ", ") + "}"
}

// perSecond returns the rate of a counter, summed by labels.
func perSecond(by, counter string) string {
	return fmt.Sprintf("sum by (%s) (rate(%s[$__rate_interval]))", by, counter)
}

// prom returns a query over the dashboard's range.
func prom(ref, legend, expr string) *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().RefId(ref).Datasource(metricsSource).Expr(expr).LegendFormat(legend).Range()
}

// latest returns a query of the values at the end of the range.
func latest(ref, legend, expr string) *prometheus.DataqueryBuilder {
	return prometheus.NewDataqueryBuilder().RefId(ref).Datasource(metricsSource).Expr(expr).LegendFormat(legend).Instant()
}

// rows returns a query of the values at the end of the range as a table.
func rows(ref, expr string) *prometheus.DataqueryBuilder {
	return latest(ref, "", expr).Format(prometheus.PromQueryFormatTable)
}

// quantile returns a quantile of a classic histogram over its labels.
func quantile(q float64, by, buckets string) string {
	return fmt.Sprintf("histogram_quantile(%v, %s)", q, perSecond("le, "+by, buckets))
}

// lines returns a query of log lines. Words that are part of the lines are what Loki finds fast; records of other events have no
// words in common.
func lines(ref, words, stages string) *loki.DataqueryBuilder {
	return loki.NewDataqueryBuilder().RefId(ref).Datasource(logsSource).QueryType("range").Expr(logLines(words, stages)).MaxLines(200)
}

func logLines(words, stages string) string {
	selector := `{service_name=~"$service"} `
	if words != "" {
		selector += fmt.Sprintf("|= %q ", words)
	}
	return selector + stages
}

// code is one of the states that a metric has a series for, 1 for the one that is.
type code struct {
	state, colour string
}

// encode returns one series for each set of labels, whose value is the number of its state from 1 on. Where more
// collectors than one say something of the same, the state that is listed last wins.
func encode(by, metric, selector, label string, codes []code) string {
	terms := make([]string, len(codes))
	for i, c := range codes {
		terms[i] = fmt.Sprintf("%d * (%s == 1)", i+1, series(metric, selector, fmt.Sprintf("%s=%q", label, c.state)))
	}
	return fmt.Sprintf("max by (%s) (%s)", by, strings.Join(terms, " or "))
}
