package dashboards

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

func readProvisioning(t *testing.T, name string, into any) {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(collector.Root(t), "deploy/grafana/provisioning", name))
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(content, into), name)
}

// TestDataSources follows the links from metrics and logs to traces.
func TestDataSources(t *testing.T) {
	var file struct {
		APIVersion  int `yaml:"apiVersion"`
		Datasources []struct {
			Type, UID, URL string
			JSONData       struct {
				ExemplarTraceIDDestinations []struct {
					Name          string
					DatasourceUID string `yaml:"datasourceUid"`
				} `yaml:"exemplarTraceIdDestinations"`
				DerivedFields []struct {
					URL           string
					MatcherType   string `yaml:"matcherType"`
					MatcherRegex  string `yaml:"matcherRegex"`
					DatasourceUID string `yaml:"datasourceUid"`
				} `yaml:"derivedFields"`
			} `yaml:"jsonData"`
		}
	}
	readProvisioning(t, "datasources/embedding.yaml", &file)
	assert.Equal(t, 1, file.APIVersion)
	uids := map[string]string{}
	for _, d := range file.Datasources {
		uids[d.Type] = d.UID
		assert.Regexp(t, `^\$\{[A-Z]+_URL\}$`, d.URL, "%s: addresses are those of the environment", d.Type)
	}
	for _, d := range file.Datasources {
		switch d.Type {
		case "prometheus":
			exemplars := d.JSONData.ExemplarTraceIDDestinations
			require.Len(t, exemplars, 1)
			assert.Equal(t, "trace_id", exemplars[0].Name, "the label that the prometheus exporter gives exemplars")
			assert.Equal(t, uids["tempo"], exemplars[0].DatasourceUID)
		case "loki":
			fields := d.JSONData.DerivedFields
			require.Len(t, fields, 1)
			assert.Equal(t, "label", fields[0].MatcherType, "trace ids are structured metadata and not in the line")
			assert.Regexp(t, fields[0].MatcherRegex, "trace_id")
			assert.Equal(t, "$${__value.raw}", fields[0].URL, "Grafana takes one $ off in reading the file")
			assert.Equal(t, uids["tempo"], fields[0].DatasourceUID)
		}
	}
	// Every kind of data source that a dashboard chooses from is there.
	for _, b := range load(t) {
		for _, v := range b.Templating.List {
			var kind string
			if v.Type == "datasource" {
				require.NoError(t, yaml.Unmarshal(v.Query, &kind))
				assert.Contains(t, uids, kind, "%s, variable %s", b.UID, v.Name)
			}
		}
	}
}

func TestProvider(t *testing.T) {
	var file struct {
		APIVersion int `yaml:"apiVersion"`
		Providers  []struct {
			Name, Type string
			Options    struct{ Path string }
		}
	}
	readProvisioning(t, "dashboards/embedding.yaml", &file)
	assert.Equal(t, 1, file.APIVersion)
	require.Len(t, file.Providers, 1)
	assert.Equal(t, "file", file.Providers[0].Type)
	readme, err := os.ReadFile(filepath.Join(collector.Root(t), "deploy/grafana/README.md"))
	require.NoError(t, err)
	assert.Contains(t, string(readme), "cp dashboards/*.json "+file.Providers[0].Options.Path, "README.md has to copy dashboards to where Grafana reads them")
	for _, b := range load(t) {
		assert.Contains(t, string(readme), "](dashboards/"+b.File+") | `"+b.UID+"`", "README.md has to list every dashboard")
	}
}
