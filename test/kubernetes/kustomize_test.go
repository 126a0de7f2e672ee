package kubernetes

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// root is the folder of the repository.
var root = filepath.Join("..", "..")

// userSecrets are those that the documentation tells users to make: name and key.
var userSecrets = map[string]string{"otelcol-embedding": "fingerprint-key"}

// collectorBinary returns the path of the collector.
func collectorBinary(t *testing.T) string {
	t.Helper()
	path := os.Getenv("OTELCOL_EMBEDDING")
	require.NotEmpty(t, path, "OTELCOL_EMBEDDING has to be the path of the collector: run make kubernetes")
	require.FileExists(t, path)
	return path
}

// version returns the version of the distribution.
func version(t *testing.T) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(root, "builder-config.yaml"))
	require.NoError(t, err)
	var manifest struct {
		Dist struct{ Version string }
	}
	require.NoError(t, yaml.Unmarshal(raw, &manifest))
	require.NotEmpty(t, manifest.Dist.Version)
	return manifest.Dist.Version
}

// kustomizeStream builds a folder, as kubectl does.
func kustomizeStream(t *testing.T, folder string) string {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), folder)
	require.NoError(t, err)
	stream, err := built.AsYaml()
	require.NoError(t, err)
	return string(stream)
}

// kustomize builds a folder and decodes what comes of it.
func kustomize(t *testing.T, folder string) *manifests {
	t.Helper()
	m, err := decode([]byte(kustomizeStream(t, folder)))
	require.NoError(t, err)
	return m
}

// composedFolder has the base with components on top, as users have it who write a kustomization of their own.
func composedFolder(t *testing.T, components ...string) string {
	t.Helper()
	folder := t.TempDir()
	deploy, err := filepath.Rel(folder, filepath.Join(rootPath(t), "deploy", "kubernetes"))
	require.NoError(t, err)
	paths := make([]string, len(components))
	for i, c := range components {
		paths[i] = filepath.Join(deploy, "components", c)
	}
	raw, err := yaml.Marshal(map[string]any{
		"namespace": "observability", "resources": []string{filepath.Join(deploy, "base")}, "components": paths,
	})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(folder, "kustomization.yaml"), raw, 0o600))
	return folder
}

// kustomizeCases are the builds, and the reasons for which "restricted" would not admit their pods.
var kustomizeCases = []struct {
	name       string
	components []string
	collectors int // 0: the three of the base
	root       map[string]bool
	unadmitted map[string][]string
}{
	{name: "base"},
	{name: "node tap", components: []string{"node-tap"}},
	{name: "metrics only", components: []string{"metrics-only"}},
	{
		name: "host state", components: []string{"host-state"}, root: map[string]bool{"agent": true},
		unadmitted: map[string][]string{"agent": {"restricted volume types", "runAsNonRoot != true", "runAsUser=0"}},
	},
	{
		name: "volume mounts", components: []string{"gpu-volume-mounts"},
		unadmitted: map[string][]string{"agent": {"restricted volume types"}},
	},
	{name: "Prometheus operator", components: []string{"prometheus-operator"}},
	{name: "network policies", components: []string{"network-policy"}},
	{name: "network policies and node tap", components: []string{"node-tap", "network-policy"}},
	{name: "load balancer", components: []string{"loadbalancer"}, collectors: 4},
	{
		name: "everything",
		components: []string{
			"node-tap", "metrics-only", "host-state", "gpu-volume-mounts", "loadbalancer", "prometheus-operator", "network-policy",
			"loadbalancer/network-policy",
		},
		collectors: 4,
		root:       map[string]bool{"agent": true},
		unadmitted: map[string][]string{"agent": {"restricted volume types", "runAsNonRoot != true", "runAsUser=0"}},
	},
}

func TestKustomize(t *testing.T) {
	for _, c := range kustomizeCases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			checkManifests(t, kustomize(t, composedFolder(t, c.components...)), cmp.Or(c.collectors, 3), c.root, c.unadmitted)
		})
	}
}

// checkManifests checks one build that has a number of containers of the collector.
func checkManifests(t *testing.T, m *manifests, collectors int, root map[string]bool, unadmitted map[string][]string) {
	t.Helper()
	assert.Empty(t, m.references(userSecrets))
	assert.Empty(t, m.hardening(version(t), root))
	for component, reasons := range m.podSecurity() {
		assert.ElementsMatch(t, unadmitted[component], reasons, "Pod Security Standard restricted: %s", component)
	}
	wrong, n := m.collectors(collectorBinary(t), rootPath(t))
	assert.Empty(t, wrong)
	assert.Equal(t, collectors, n, "containers of the collector")
}

func rootPath(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs(root)
	require.NoError(t, err)
	return path
}

// TestExamples builds the examples as they are.
func TestExamples(t *testing.T) {
	folder := filepath.Join(root, "deploy", "kubernetes", "examples")
	t.Run("vllm", func(t *testing.T) {
		m := kustomize(t, filepath.Join(folder, "vllm"))
		checkManifests(t, m, 1, nil, nil)
		i := slices.IndexFunc(m.workloads, func(w workload) bool { return w.name == "vllm" })
		require.GreaterOrEqual(t, i, 0)
		for _, service := range m.services {
			port := service.Spec.Ports[0]
			if service.Name == "vllm" {
				assert.Equal(t, 8080, port.TargetPort.IntValue(), "clients pass the tap by")
			}
		}
	})
	t.Run("production", func(t *testing.T) {
		m := kustomize(t, filepath.Join(folder, "production"))
		unadmitted := map[string][]string{"agent": {"restricted volume types", "runAsNonRoot != true", "runAsUser=0"}}
		checkManifests(t, m, 3, map[string]bool{"agent": true}, unadmitted)
		for _, object := range m.all {
			if object.GetName() != "observability" {
				assert.Equal(t, "observability", object.GetNamespace(), object.GetName())
			}
		}
	})
}
