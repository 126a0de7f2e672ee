package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

// tag is what all dashboards have in common, and what the links between them go by.
const tag = "otelcol-embedding"

// frame returns a dashboard with what all of them have. It is of the first schema, which every Grafana imports; the second, which
// the SDK prefers, needs version 12. Its variables go on to the dashboards that it links to, so that a
// variable of one name means the same on all.
func frame(uid, title, description string) *dashboard.DashboardBuilder {
	return dashboard.NewDashboardBuilder(title).
		Uid(uid).
		Description(description).
		Tags([]string{tag}).
		Editable().
		Tooltip(dashboard.DashboardCursorSyncCrosshair).
		Time("now-1h", "now").
		Refresh("30s").
		Timezone(common.TimeZoneBrowser).
		Link(dashboard.NewDashboardLinkBuilder("Embedding dashboards").
			Type(dashboard.DashboardLinkTypeDashboards).
			Tags([]string{tag}).
			IncludeVars(true).
			KeepTime(true))
}

// Data sources are variables, so that dashboards work wherever they are imported.
var (
	metricsSource = source("prometheus", "prometheus")
	logsSource    = source("loki", "loki")
)

func source(kind, variable string) common.DataSourceRef {
	uid := "${" + variable + "}"
	return common.DataSourceRef{Type: &kind, Uid: &uid}
}

func metricsVariable() *dashboard.DatasourceVariableBuilder {
	return dashboard.NewDatasourceVariableBuilder("prometheus").Label("Metrics").Type("prometheus").
		Description("Prometheus, or what speaks its API")
}

func logsVariable() *dashboard.DatasourceVariableBuilder {
	return dashboard.NewDatasourceVariableBuilder("loki").Label("Logs").Type("loki").
		Description("Loki 3, which the collector sends the request log to")
}

func tracesVariable() *dashboard.DatasourceVariableBuilder {
	return dashboard.NewDatasourceVariableBuilder("traces").Label("Traces").Type("tempo").
		Description("Tempo, which the collector sends spans to; links to traces open there")
}

// values returns a variable of a label's values on a metric. All is a pattern that also matches series without the label.
func values(name, label, metric, prometheusLabel, description string) *dashboard.QueryVariableBuilder {
	query := "label_values(" + metric + ", " + prometheusLabel + ")"
	return choice(name, label, description).
		Query(dashboard.StringOrMap{Map: map[string]any{"query": query, "refId": "Values", "qryType": 1}}).
		Datasource(metricsSource).
		AllValue(".*")
}

// services returns the variable of the services whose lines Loki has. Loki wants one label that is not empty.
func services() *dashboard.QueryVariableBuilder {
	return choice("service", "Log service", "service.name of the request log").
		Query(dashboard.StringOrMap{Map: map[string]any{"label": "service_name", "refId": "Values", "stream": "", "type": 1}}).
		Datasource(logsSource).
		AllValue(".+")
}

func choice(name, label, description string) *dashboard.QueryVariableBuilder {
	all, chosen := "All", "$__all"
	return dashboard.NewQueryVariableBuilder(name).
		Label(label).
		Description(description).
		Multi(true).
		IncludeAll(true).
		Current(dashboard.VariableOption{
			Text:  dashboard.StringOrArrayOfString{ArrayOfString: []string{all}},
			Value: dashboard.StringOrArrayOfString{ArrayOfString: []string{chosen}},
		}).
		Refresh(dashboard.VariableRefreshOnTimeRangeChanged).
		Sort(dashboard.VariableSortNaturalAsc)
}

func jobVariable(metric string) *dashboard.QueryVariableBuilder {
	return values("job", "Job", metric, "job", "Prometheus' scrape job of the collectors")
}

func instanceVariable(metric string) *dashboard.QueryVariableBuilder {
	return values("instance", "Instance", metric+`{job=~"$job"}`, "instance", "Collectors, by where their metrics are scraped")
}

func modelVariable(metric string) *dashboard.QueryVariableBuilder {
	return values("model", "Model", metric+`{job=~"$job", instance=~"$instance"}`, "model", "Models as clients name them")
}

// changed returns an annotation at each time at which one of the states begins. The expression is that of the states; it
// is 1 for those that are to be marked.
func changed(name, colour, expr, offset, title string) *dashboard.AnnotationQueryBuilder {
	return dashboard.NewAnnotationQueryBuilder().
		Name(name).
		Datasource(metricsSource).
		Enable(true).
		IconColor(colour).
		Target(prometheus.NewDataqueryBuilder().
			RefId("Changes").
			Datasource(metricsSource).
			Expr(expr + " unless " + offset).
			Range().
			Interval("15s")).
		TitleFormat(title)
}
