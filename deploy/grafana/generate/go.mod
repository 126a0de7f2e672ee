// The generator of the dashboards is a module of its own, so that the collector does not depend on Grafana's SDK.
module github.com/otelcol-embedding/otelcol-embedding/deploy/grafana/generate

go 1.26.0

require github.com/grafana/grafana-foundation-sdk/go v0.0.22
