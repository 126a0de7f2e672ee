package alerting

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// shippedWebhooks is where the receivers of the shipped configuration send to.
const shippedWebhooks = "http://localhost:9095"

// StartAlertmanager starts the Alertmanager at binary with the shipped configuration, whose waits are made short and whose
// receivers send to hook. It returns the address of its API.
func StartAlertmanager(t testing.TB, binary string, hook *Webhook) string {
	t.Helper()
	shipped, err := os.ReadFile(filepath.Join(collector.Root(t), "deploy", "alertmanager", "alertmanager.yaml"))
	require.NoError(t, err)
	var config map[string]any
	require.NoError(t, yaml.Unmarshal(shipped, &config))
	shorten(config)
	data, err := yaml.Marshal(config)
	require.NoError(t, err)
	require.Contains(t, string(data), shippedWebhooks)
	data = bytes.ReplaceAll(data, []byte(shippedWebhooks), []byte(hook.URL))
	file := filepath.Join(t.TempDir(), "alertmanager.yaml")
	require.NoError(t, os.WriteFile(file, data, 0o600))

	address := collector.Address(t)
	p := collector.Start(t, binary, nil,
		"--config.file="+file,
		"--storage.path="+t.TempDir(),
		"--web.listen-address="+address,
		"--cluster.listen-address=") // no peers, and no port for them
	p.WaitHTTP("http://" + address + "/-/ready")
	return "http://" + address
}

// shorten sets every wait of a configuration to a second.
func shorten(node any) {
	switch node := node.(type) {
	case map[string]any:
		for k, v := range node {
			if k == "group_wait" || k == "group_interval" {
				node[k] = "1s"
			} else {
				shorten(v)
			}
		}
	case []any:
		for _, v := range node {
			shorten(v)
		}
	}
}
