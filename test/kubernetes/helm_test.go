package kubernetes

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
	"helm.sh/helm/v3/pkg/chart"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	"helm.sh/helm/v3/pkg/engine"
	"helm.sh/helm/v3/pkg/lint"
	"helm.sh/helm/v3/pkg/lint/support"
	corev1 "k8s.io/api/core/v1"
)

var chartFolder = filepath.Join(root, "deploy", "helm", "otelcol-embedding")

// loadChart reads the chart as `helm package` does.
func loadChart(t *testing.T) *chart.Chart {
	t.Helper()
	c, err := loader.Load(chartFolder)
	require.NoError(t, err)
	return c
}

// render makes the objects of a release in the namespace "observability".
func render(c *chart.Chart, values map[string]any) (map[string]string, error) {
	options := chartutil.ReleaseOptions{Name: "watch", Namespace: "observability", Revision: 1, IsInstall: true}
	all, err := chartutil.ToRenderValues(c, values, options, chartutil.DefaultCapabilities)
	if err != nil {
		return nil, err
	}
	return engine.Render(c, all)
}

// release renders and decodes.
func release(t *testing.T, values map[string]any) *manifests {
	t.Helper()
	files, err := render(loadChart(t), values)
	require.NoError(t, err)
	var stream strings.Builder
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(name, ".yaml") {
			fmt.Fprintf(&stream, "---\n%s\n", files[name])
		}
	}
	m, err := decode([]byte(stream.String()))
	require.NoError(t, err)
	m.setNamespace("observability") // where Helm makes what names none
	return m
}

// chartCases are the files of ci/ and the defaults.
var chartCases = map[string]struct {
	collectors int
	root       map[string]bool
	unadmitted map[string][]string
}{
	"defaults":     {collectors: 3},
	"sidecar":      {collectors: 4},
	"small":        {collectors: 1},
	"strict-nodes": {collectors: 4, unadmitted: map[string][]string{"agent": {"restricted volume types"}}},
	"node-tap": {
		collectors: 3, root: map[string]bool{"agent": true},
		unadmitted: map[string][]string{"agent": {"restricted volume types", "runAsNonRoot != true", "runAsUser=0"}},
	},
}

func TestChart(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(chartFolder, "ci", "*-values.yaml"))
	require.NoError(t, err)
	require.Len(t, files, len(chartCases)-1)
	for name, c := range chartCases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values := map[string]any{}
			if name != "defaults" {
				values, err = chartutil.ReadValuesFile(filepath.Join(chartFolder, "ci", name+"-values.yaml"))
				require.NoError(t, err)
			}
			for _, message := range lint.All(chartFolder, values, "observability", true).Messages {
				assert.Less(t, message.Severity, support.WarningSev, message.Error())
			}
			m := release(t, values)
			if name == "small" {
				useTag(m, version(t))
			}
			checkManifests(t, m, c.collectors, c.root, c.unadmitted)
			for _, object := range m.all {
				for _, label := range []string{"name", "instance", "component", "part-of", "version", "managed-by"} {
					assert.Contains(t, object.GetLabels(), "app.kubernetes.io/"+label, object.GetName())
				}
			}
			checkSidecar(t, m)
		})
	}
}

// useTag puts a tag in place of the digest, which the other checks do not know.
func useTag(m *manifests, tag string) {
	for i := range m.workloads {
		for _, c := range m.workloads[i].containers() {
			if repository, _, ok := strings.Cut(c.Image, "@sha256:"); ok {
				c.Image = repository + ":" + tag
			}
		}
	}
}

// checkSidecar applies the patch of the ConfigMap to a server and checks the pods that come of it.
func checkSidecar(t *testing.T, m *manifests) {
	t.Helper()
	i := slices.IndexFunc(m.configMaps, func(c *corev1.ConfigMap) bool { return strings.HasSuffix(c.Name, "-sidecar") })
	require.GreaterOrEqual(t, i, 0)
	patched := patchServer(t, m.configMaps[i].Data["patch.yaml"])
	useTag(patched, version(t))
	require.Len(t, patched.workloads, 1)
	for _, w := range m.workloads {
		if strings.HasSuffix(w.name, "-gateway") {
			patched.workloads = append(patched.workloads, w)
		}
	}
	sidecar := patched.workloads[0].containers()[0]
	assert.Equal(t, "otelcol-embedding", sidecar.Name)
	var wrong faults
	require.NoError(t, patched.collector(&wrong, &patched.workloads[0], sidecar, collectorBinary(t), rootPath(t)))
	assert.Empty(t, wrong)
	patched.workloads = patched.workloads[:1]
	assert.Empty(t, patched.references(userSecrets))
	for _, podMonitor := range m.podMonitors {
		if podMonitor.Spec.NamespaceSelector.Any {
			assert.NotEmpty(t, patched.selected("inference", &podMonitor.Spec.Selector), "the PodMonitor of sidecars")
		}
	}
}

// wrongValues are refused: by the schema, with the path of the key.
var wrongValues = []struct{ values, want string }{
	{"gateways: {replicas: 2}", "additional properties 'gateways' not allowed"},
	{"gateway: {replicas: 0}", "/gateway/replicas"},
	{"gateway: {replicas: two}", "/gateway/replicas"},
	{"gateway: {autoscaling: {enabled: true}}", "additional properties 'autoscaling' not allowed"},
	{"gateway: {storage: {size: 10}}", "/gateway/storage/size"},
	{"gateway: {storage: {size: 10 GB}}", "/gateway/storage/size"},
	{"gateway: {goMemLimit: 1640Mi}", "/gateway/goMemLimit"},
	{"gateway: {resources: {limits: {memory: lots}}}", "/gateway/resources/limits/memory"},
	{"gateway: {config: {exporter: {}}}", "/gateway/config"},
	{"gateway: {extraEnv: [{name: a-b, value: x}]}", "/gateway/extraEnv/0/name"},
	{"gateway: {extraEnv: {TOKEN: x}}", "/gateway/extraEnv"},
	{"loadBalancer: {replicas: 0}", "/loadBalancer/replicas"},
	{"loadBalancer: {autoscaling: {cpuUtilization: 0}}", "/loadBalancer/autoscaling/cpuUtilization"},
	{"loadBalancer: {storage: {size: 1Gi}}", "additional properties 'storage' not allowed"},
	{"agent: {enabled: 'yes'}", "/agent/enabled"},
	{"agent: {gpu: {deviceList: env}}", "/agent/gpu/deviceList"},
	{"agent: {gpu: {podResources: /var/lib/kubelet}}", "/agent/gpu/podResources"},
	{"agent: {service: {internalTrafficPolicy: Node}}", "/agent/service/internalTrafficPolicy"},
	{"agent: {storage: {hostPath: var/lib/x}}", "/agent/storage/hostPath"},
	{"agent: {maxUnavailable: 0}", "/agent/maxUnavailable"},
	{"agent: {tolerations: [{operator: Any}]}", "/agent/tolerations/0/operator"},
	{"canary: {replicas: 2}", "additional properties 'replicas' not allowed"},
	{"canary: {targets: [{model: m}]}", "/canary/targets/0"},
	{"canary: {targets: [{endpoint: vllm:8000}]}", "/canary/targets/0/endpoint"},
	{"sidecar: {serverPort: 80000}", "/sidecar/serverPort"},
	{"server: {url: vllm:8000}", "/server/url"},
	{"server: {url: 'http://vllm:8000/'}", "/server/url"},
	{"server: {replicasUrl: 'http://vllm:8000/v1'}", "/server/replicasUrl"},
	{"server: {model: ''}", "/server/model"},
	{"backends: {loki: loki:3100}", "/backends/loki"},
	{"fingerprintKey: {secret: ''}", "/fingerprintKey/secret"},
	{"fingerprintKey: {value: abc}", "additional properties 'value' not allowed"},
	{"image: {digest: abc}", "/image/digest"},
	{"image: {pullPolicy: Sometimes}", "/image/pullPolicy"},
	{"podMonitor: {interval: '15'}", "/podMonitor/interval"},
	{"networkPolicy: {backends: {ports: [loki]}}", "/networkPolicy/backends/ports/0"},
	{"labels: {team: 1}", "/labels/team"},
}

func TestWrongValues(t *testing.T) {
	c := loadChart(t)
	for _, w := range wrongValues {
		t.Run(w.values, func(t *testing.T) {
			values, err := chartutil.ReadValues([]byte(w.values))
			require.NoError(t, err)
			_, err = render(c, values)
			require.ErrorContains(t, err, w.want)
		})
	}
}

// TestChartVersion holds the chart's version and that of the image against the distribution's.
func TestChartVersion(t *testing.T) {
	c := loadChart(t)
	assert.Equal(t, version(t), c.Metadata.Version)
	assert.Equal(t, version(t), c.Metadata.AppVersion)
}

// TestValuesAreDescribed: the schema knows each value that values.yaml has, and values.yaml has each that the schema knows.
func TestValuesAreDescribed(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(chartFolder, "values.yaml"))
	require.NoError(t, err)
	var values map[string]any
	require.NoError(t, yaml.Unmarshal(raw, &values))
	raw, err = os.ReadFile(filepath.Join(chartFolder, "values.schema.json"))
	require.NoError(t, err)
	var schema map[string]any
	require.NoError(t, yaml.Unmarshal(raw, &schema))
	properties := schema["properties"].(map[string]any)
	delete(properties, "global") // of charts above
	compareKeys(t, "", properties, values)
}

func compareKeys(t *testing.T, path string, properties, values map[string]any) {
	t.Helper()
	assert.ElementsMatch(t, slices.Collect(maps.Keys(properties)), slices.Collect(maps.Keys(values)), "values at %q", path)
	for key, property := range properties {
		inner, _ := property.(map[string]any)["properties"].(map[string]any)
		if below, ok := values[key].(map[string]any); ok && len(inner) > 0 {
			compareKeys(t, path+"/"+key, inner, below)
		}
	}
}
