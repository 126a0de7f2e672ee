package main

import (
	"encoding/json"
	"net/url"
	"regexp"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// toDashboard links to another of the dashboards, with the same range and choices.
func toDashboard(title, uid string) *dashboard.DashboardLinkBuilder {
	return dashboard.NewDashboardLinkBuilder(title).
		Type(dashboard.DashboardLinkTypeLink).
		Url("/d/" + uid + "?${__url_time_range}&${__all_variables}")
}

// toTraces links to a search for traces.
func toTraces(title, traceQL string) *dashboard.DashboardLinkBuilder {
	return dashboard.NewDashboardLinkBuilder(title).Type(dashboard.DashboardLinkTypeLink).Url(explore(traceQL))
}

// toTrace links cells that hold trace ids to the traces.
func toTrace() []dashboard.DynamicConfigValue {
	link := map[string]any{"title": "Trace", "url": explore("${__value.raw}")}
	return []dashboard.DynamicConfigValue{{Id: "links", Value: []any{link}}}
}

// explore returns the address of a query of traces in Grafana's Explore. Variables stay as they are, Grafana fills them in.
func explore(traceQL string) string {
	panes, err := json.Marshal(map[string]any{"traces": map[string]any{
		"datasource": "${traces}",
		"queries": []any{map[string]any{
			"refId": "A", "queryType": "traceql", "query": traceQL,
			"datasource": map[string]any{"type": "tempo", "uid": "${traces}"},
		}},
		"range": map[string]any{"from": "${__from}", "to": "${__to}"},
	}})
	if err != nil {
		panic(err) // of strings alone
	}
	return "/explore?schemaVersion=1&panes=" + keepVariables(url.QueryEscape(string(panes)))
}

// keepVariables undoes the escaping of ${name}, so that Grafana finds it.
func keepVariables(escaped string) string { return variable.ReplaceAllString(escaped, "$${$1}") }

var variable = regexp.MustCompile(`%24%7B([a-z_.]+)%7D`)

// linkTo returns a panel's links: one to another of the dashboards.
func linkTo(title, uid string) []linkBuilder { return []linkBuilder{toDashboard(title, uid)} }
