package kubernetes

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/open-telemetry/opentelemetry-operator/pkg/constants" // keeps the module in go.mod whose resource definition is read
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	sigsyaml "sigs.k8s.io/yaml"
)

// operatorResource is what is looked at in an OpenTelemetryCollector, whose own types would bring the whole operator along.
type operatorResource struct {
	Metadata metav1.ObjectMeta `json:"metadata"`
	Spec     struct {
		Image              string                         `json:"image"`
		Mode               string                         `json:"mode"`
		Replicas           int                            `json:"replicas"`
		ServiceName        string                         `json:"serviceName"`
		Env                []corev1.EnvVar                `json:"env"`
		Resources          corev1.ResourceRequirements    `json:"resources"`
		SecurityContext    *corev1.SecurityContext        `json:"securityContext"`
		PodSecurityContext *corev1.PodSecurityContext     `json:"podSecurityContext"`
		Volumes            []corev1.Volume                `json:"volumes"`
		VolumeMounts       []corev1.VolumeMount           `json:"volumeMounts"`
		Claims             []corev1.PersistentVolumeClaim `json:"volumeClaimTemplates"`
		Config             map[string]any                 `json:"config"`
	} `json:"spec"`
}

// operatorResources are the resources, and the files whose union their configuration is, since the operator gives a collector one
// file alone.
var operatorResources = map[string][]string{
	"agent":        {"config/agent.yaml", "config/spread.yaml", "deploy/kubernetes/base/agent/agent.yaml"},
	"gateway":      {"config/gateway.yaml", "deploy/kubernetes/base/gateway/gateway.yaml"},
	"canary":       {"config/canary.yaml", "deploy/kubernetes/base/canary/canary.yaml"},
	"loadbalancer": {"config/loadbalancer.yaml"},
	"sidecar": {
		"config/agent.yaml", "config/spread.yaml", "config/servers/vllm.yaml",
		"yaml:service: {pipelines: {logs: {receivers: [embedding]}, metrics: {receivers: [prometheus/vllm]}}}",
	},
}

func TestOperator(t *testing.T) {
	folder := filepath.Join(root, "deploy", "kubernetes", "opentelemetry-operator")
	schema := operatorSchema(t)
	resources := make(map[string]*operatorResource)
	for name, sources := range operatorResources {
		path := filepath.Join(folder, name+".yaml")
		config := mergedConfig(t, sources)
		if *update {
			writeConfig(t, path, sources, config)
		}
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		asJSON, err := sigsyaml.YAMLToJSONStrict(raw)
		require.NoError(t, err)
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
		require.NoError(t, err)
		require.NoError(t, schema.Validate(instance), "%s, by the resource definition of the operator", name)
		r := new(operatorResource)
		require.NoError(t, json.Unmarshal(asJSON, r))
		want, err := json.Marshal(config)
		require.NoError(t, err)
		got, err := json.Marshal(r.Spec.Config)
		require.NoError(t, err)
		assert.JSONEq(t, string(want), string(got), "the configuration of %s is not that of %v: run make kubernetes-generate", name, sources)
		resources[name] = r
	}
	gateway := resources["gateway"].workload()
	for name, r := range resources {
		t.Run(name, func(t *testing.T) { checkOperatorResource(t, r, gateway) })
	}
}

// workload is what the operator makes of the resource, as far as it is looked at here.
func (r *operatorResource) workload() workload {
	c := corev1.Container{
		Name: "otc-container", Image: r.Spec.Image, Env: r.Spec.Env, Resources: r.Spec.Resources,
		SecurityContext: r.Spec.SecurityContext, VolumeMounts: r.Spec.VolumeMounts,
	}
	w := workload{
		kind: "StatefulSet", name: r.Metadata.Name + "-collector", namespace: r.Metadata.Namespace,
		replicas: r.Spec.Replicas, service: r.Spec.ServiceName, claims: r.Spec.Claims,
	}
	automount := false // by the ServiceAccount
	w.template.Labels = map[string]string{
		"app.kubernetes.io/component": strings.TrimPrefix(r.Metadata.Name, "otelcol-embedding-"), "app.kubernetes.io/name": "otelcol-embedding",
	}
	w.template.Spec = corev1.PodSpec{
		AutomountServiceAccountToken: &automount, SecurityContext: r.Spec.PodSecurityContext,
		Volumes: r.Spec.Volumes, Containers: []corev1.Container{c},
	}
	return w
}

func checkOperatorResource(t *testing.T, r *operatorResource, gateway workload) {
	t.Helper()
	w := r.workload()
	m := &manifests{workloads: []workload{w}}
	assert.Empty(t, m.hardening(version(t), nil))
	for component, reasons := range m.podSecurity() {
		if r.Spec.Mode != "sidecar" { // whose pod is the server's
			assert.Empty(t, reasons, component)
		}
	}
	c := w.containers()[0]
	env := m.environment(&w, c)
	raw, err := yaml.Marshal(r.Spec.Config)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "collector.yaml")
	require.NoError(t, os.WriteFile(file, raw, 0o600))
	_, err = runCollector(collectorBinary(t), env, []string{"validate", "--config", file})
	require.NoError(t, err)
	out, err := runCollector(collectorBinary(t), env, []string{"print-config", "--config", file})
	require.NoError(t, err)
	var config effective
	require.NoError(t, yaml.Unmarshal(out, &config))
	var wrong faults
	config.storage(&wrong, &w, c)
	m.workloads = append(m.workloads, gateway)
	if list, ok := env["GATEWAY_HOSTS"]; ok {
		m.gateways(&wrong, &w, list)
	}
	assert.Empty(t, wrong)
}

// mergedConfig merges files as the collector does: maps key by key, a list replaces a list.
func mergedConfig(t *testing.T, sources []string) map[string]any {
	t.Helper()
	merged := make(map[string]any)
	for _, source := range sources {
		raw := []byte(strings.TrimPrefix(source, "yaml:"))
		if !strings.HasPrefix(source, "yaml:") {
			var err error
			raw, err = os.ReadFile(filepath.Join(root, source))
			require.NoError(t, err)
		}
		var next map[string]any
		require.NoError(t, yaml.Unmarshal(raw, &next))
		mergeInto(merged, next)
	}
	return merged
}

func mergeInto(target, source map[string]any) {
	for key, value := range source {
		below, isMap := value.(map[string]any)
		if value == nil {
			below, isMap = map[string]any{}, true // the API server drops keys without a value
		}
		if !isMap {
			target[key] = value
			continue
		}
		known, ok := target[key].(map[string]any)
		if !ok {
			known = make(map[string]any)
			target[key] = known
		}
		mergeInto(known, below)
	}
}

// writeConfig writes a resource's configuration behind its line "  config:", which is the last that is written by hand.
func writeConfig(t *testing.T, path string, sources []string, config map[string]any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	head, _, ok := strings.Cut(string(raw), "\n  config:")
	require.True(t, ok, "%s has no line \"  config:\"", path)
	var body bytes.Buffer
	encoder := yaml.NewEncoder(&body)
	encoder.SetIndent(2)
	require.NoError(t, encoder.Encode(config))
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n  config: # generated by make kubernetes-generate from\n", head)
	for _, source := range sources {
		fmt.Fprintf(&b, "    #   %s\n", source)
	}
	for line := range strings.Lines(body.String()) {
		b.WriteString("    " + line)
	}
	require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o644))
}

// operatorSchema returns the schema of OpenTelemetryCollector v1beta1 from the operator's own module. What is not in it is refused,
// which the API server would drop in silence.
func operatorSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/open-telemetry/opentelemetry-operator").Output()
	require.NoError(t, err)
	folder := filepath.Join(strings.TrimSpace(string(out)), "config", "crd", "bases")
	raw, err := os.ReadFile(filepath.Join(folder, "opentelemetry.io_opentelemetrycollectors.yaml"))
	require.NoError(t, err)
	var definition struct {
		Spec struct {
			Versions []struct {
				Name   string         `json:"name"`
				Schema map[string]any `json:"schema"`
			} `json:"versions"`
		} `json:"spec"`
	}
	require.NoError(t, sigsyaml.Unmarshal(raw, &definition))
	for _, v := range definition.Spec.Versions {
		if v.Name != "v1beta1" {
			continue
		}
		schema := v.Schema["openAPIV3Schema"].(map[string]any)
		properties := schema["properties"].(map[string]any)
		properties["metadata"] = map[string]any{"type": "object"}
		closeSchema(schema)
		encoded, err := json.Marshal(schema)
		require.NoError(t, err)
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(encoded))
		require.NoError(t, err)
		compiler := jsonschema.NewCompiler()
		require.NoError(t, compiler.AddResource("crd.json", document))
		compiled, err := compiler.Compile("crd.json")
		require.NoError(t, err)
		return compiled
	}
	require.FailNow(t, "the resource definition has no version v1beta1")
	return nil
}

// closeSchema lets objects have no other properties than those that are listed.
func closeSchema(schema map[string]any) {
	if properties, ok := schema["properties"].(map[string]any); ok {
		if schema["x-kubernetes-preserve-unknown-fields"] != true && schema["additionalProperties"] == nil {
			schema["additionalProperties"] = false
		}
		for _, name := range slices.Collect(maps.Keys(properties)) {
			if below, ok := properties[name].(map[string]any); ok {
				closeSchema(below)
			}
		}
	}
	for _, key := range []string{"items", "additionalProperties"} {
		if below, ok := schema[key].(map[string]any); ok {
			closeSchema(below)
		}
	}
}

// TestOperatorSchema makes sure that the schema refuses what the operator does not know.
func TestOperatorSchema(t *testing.T) {
	schema := operatorSchema(t)
	for spec, want := range map[string]string{
		"{config: {receivers: {}, exporters: {}, service: {}}, runtimeClassName: nvidia}":           "'runtimeClassName' not allowed",
		"{config: {receivers: {}, exporters: {}, service: {}}, mode: sidecars}":                     "/spec/mode",
		"{config: {receivers: {}, exporters: {}, service: {}}, env: [{name: A, valueForm: {}}]}":    "'valueForm' not allowed",
		"{config: {receivers: {}, service: {}}}":                                                    "exporters",
		"{config: {receivers: {}, exporters: {}, service: {}}, resources: {limits: {memory: [1]}}}": "/spec/resources/limits/memory",
	} {
		asJSON, err := sigsyaml.YAMLToJSON([]byte("apiVersion: opentelemetry.io/v1beta1\nkind: OpenTelemetryCollector\nspec: " + spec))
		require.NoError(t, err)
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
		require.NoError(t, err)
		require.ErrorContains(t, schema.Validate(instance), want, spec)
	}
}
