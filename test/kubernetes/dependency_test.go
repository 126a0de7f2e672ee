package kubernetes

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"helm.sh/helm/v3/pkg/chart"
)

// TestDependency renders a chart of a server that depends on this one, and puts the sidecar into its pods as README.md says.
func TestDependency(t *testing.T) {
	server := &chart.Chart{
		Metadata: &chart.Metadata{APIVersion: chart.APIVersionV2, Name: "server", Version: "1.0.0"},
		Templates: []*chart.File{{Name: "templates/deployment.yaml", Data: []byte(`
apiVersion: apps/v1
kind: Deployment
metadata: {name: vllm}
spec:
  selector: {matchLabels: {app.kubernetes.io/name: vllm}}
  template:
    metadata: {labels: {app.kubernetes.io/name: vllm}}
    spec:
      automountServiceAccountToken: false
      initContainers:
        {{- include "otelcol-embedding.sidecar" (index .Subcharts "otelcol-embedding") | nindent 8 }}
      containers:
        - {name: vllm, image: vllm/vllm-openai:v0.24.0, ports: [{containerPort: 9000}]}
      volumes:
        {{- include "otelcol-embedding.sidecarVolume" (index .Subcharts "otelcol-embedding") | nindent 8 }}
`)}},
	}
	server.AddDependency(loadChart(t))
	values := map[string]any{"otelcol-embedding": map[string]any{"sidecar": map[string]any{"serverPort": 9000}}}
	files, err := render(server, values)
	require.NoError(t, err)
	m, err := decode([]byte(files["server/templates/deployment.yaml"]))
	require.NoError(t, err)
	m.setNamespace("observability")
	checkManifests(t, m, 1, nil, nil)
	w := &m.workloads[0]
	assert.Equal(t, "http://192.0.2.7:9000", m.environment(w, w.containers()[0])["EMBEDDING_UPSTREAM"])

	values["otelcol-embedding"] = map[string]any{"sidecar": map[string]any{"port": 9000}}
	_, err = render(server, values)
	require.ErrorContains(t, err, "additional properties 'port' not allowed")
}
