package kubernetes

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// plantedFaults are changes to the built manifests, and what the checks have to say about each.
var plantedFaults = []struct{ name, old, new, want string }{
	{
		"selector", "component: canary\n      app.kubernetes.io/name: otelcol-embedding\n  serviceName",
		"component: other\n      app.kubernetes.io/name: otelcol-embedding\n  serviceName", "StatefulSet/otelcol-embedding-canary: the selector",
	},
	{"service account", "serviceAccountName: otelcol-embedding-canary", "serviceAccountName: canary", `there is no ServiceAccount "canary"`},
	{"headless service", "clusterIP: None\n  ports:\n  - appProtocol: grpc", "ports:\n  - appProtocol: grpc", "there is no headless Service"},
	{"mount", "- mountPath: /conf\n          name: conf", "- mountPath: /conf\n          name: config", `mounts "config", which is no volume`},
	{
		"probe", "path: /\n            port: health\n          periodSeconds: 2", "path: /\n            port: healthy\n          periodSeconds: 2",
		"has no port healthy, which a probe asks",
	},
	{"target port", "targetPort: otlp-http", "targetPort: otlp", "has no port otlp"},
	{"secret", "key: fingerprint-key", "key: fingerprint", `is from the key "fingerprint"`},
	{"monitor", "port: telemetry\n    relabelings", "port: internal\n    relabelings", "no pod has its port"},
	{"target of the autoscaler", "kind: Deployment\n    name: otelcol", "kind: Deployment\n    name: otel-col", "there is no Deployment"},
	{"replicas beside an autoscaler", "  strategy:\n    rollingUpdate:", "  replicas: 2\n  strategy:\n    rollingUpdate:", "undoes the scaling"},
	{"request of what is scaled by", "cpu: 200m\n            memory: 256Mi", "memory: 256Mi", "requests no cpu, of which a share is measured"},
	{"policy port", "- port: otlp-grpc\n    - port: otlp-http", "- port: otlp-grpc", "nobody is let through to the port otlp-http"},
	{"egress port", "- port: 4317\n", "- port: 4319\n", "where nothing listens"},
	{"gateways", "GATEWAY_HOSTS: '[", "GATEWAY_HOSTS: '[other:4317, ", "GATEWAY_HOSTS is"},
	{"version", ":0.1.0", ":0.0.9", "want the version"},
	{"token", "automountServiceAccountToken: false\n      containers", "containers", "has a token for the API server"},
	{"root file system", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "can write to its root file system"},
	{"capabilities", "drop:\n            - ALL", "drop:\n            - KILL", "keeps capabilities"},
	{"user", "runAsUser: 10001", "runAsUser: 1000", "does not run as the user 10001"},
	{"memory", "value: 1640MiB", "value: 2048MiB", "want four fifths of the limit"},
	{"key of the configuration", "  models:\n", "  modells:\n", "modells"},
	{"order of variables", "value: k8s.pod.name=$(POD_NAME)", "value: k8s.pod.name=$(NAME_OF_POD)", "has to stand before it"},
	{"file", "--config=/conf/agent.yaml", "--config=/conf/agents.yaml", "names no file of a ConfigMap"},
	{"shipped file", "/etc/otelcol-embedding/spread.yaml", "/etc/otelcol-embedding/spreads.yaml", "spreads.yaml"},
	{"exporter", "      receivers: [nvml, host_metrics/node]", "      receivers: [nvml, host_metrics/host]", "host_metrics/host"},
	{"listening", "value: 0.0.0.0:9464", "value: 0.0.0.0:9465", `the port metrics is 9464, and the collector listens on "0.0.0.0:9465"`},
	{"storage", "value: /var/lib/otelcol-embedding", "value: /var/lib/otelcol", "is no volume that can be written to"},
}

// TestPlantedFaults makes sure that the checks see what they are there for.
func TestPlantedFaults(t *testing.T) {
	stream := kustomizeStream(t, composedFolder(t, "loadbalancer", "prometheus-operator", "network-policy"))
	for _, f := range plantedFaults {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			require.Contains(t, stream, f.old, "there is nothing to change")
			m, err := decode([]byte(strings.ReplaceAll(stream, f.old, f.new)))
			require.NoError(t, err)
			found := append(m.references(userSecrets), m.hardening(version(t), nil)...)
			wrong, _ := m.collectors(collectorBinary(t), rootPath(t))
			found = append(found, wrong...)
			assert.Contains(t, strings.Join(found, "\n"), f.want)
		})
	}
}

// TestStrictDecoding: what the API does not know is refused, and so is what is there twice.
func TestStrictDecoding(t *testing.T) {
	for document, want := range map[string]string{
		"apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {port: 1}":                                `unknown field "spec.port"`,
		"apiVersion: v1\nkind: Service\nmetadata: {name: a, name: b}":                                        `"name" already set`,
		"apiVersion: v1\nkind: Secret\nmetadata: {name: a}":                                                  "a kind that nothing here checks",
		"apiVersion: apps/v1beta1\nkind: Deployment\nmetadata: {name: a}":                                    "no kind",
		"apiVersion: monitoring.coreos.com/v1\nkind: PodMonitor\nmetadata: {name: a}\nspec: {selectors: {}}": `unknown field "spec.selectors"`,
	} {
		_, err := decode([]byte(document))
		require.ErrorContains(t, err, want)
	}
}
