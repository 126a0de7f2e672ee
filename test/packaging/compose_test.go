package packaging

import (
	gocontext "context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

func composeFolder(t testing.TB) string { return filepath.Join(collector.Root(t), "deploy", "compose") }

// compose reads compose.yaml as `docker compose --profile <profile>` does: unknown keys are errors. The environment of
// the test plays no part in it.
func compose(t testing.TB, profile string) *types.Project {
	t.Helper()
	options, err := cli.NewProjectOptions([]string{filepath.Join(composeFolder(t), "compose.yaml")},
		cli.WithProfiles([]string{profile}), cli.WithResolvedPaths(true))
	require.NoError(t, err)
	project, err := options.LoadProject(gocontext.Background())
	require.NoError(t, err)
	return project
}

// composeDefaults returns the variables of compose.yaml with their defaults.
func composeDefaults(t testing.TB) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(composeFolder(t), "compose.yaml"))
	require.NoError(t, err)
	var model map[string]any
	require.NoError(t, yaml.Unmarshal(raw, &model))
	defaults := map[string]string{}
	for name, variable := range template.ExtractVariables(model, template.DefaultPattern) {
		defaults[name] = variable.DefaultValue
	}
	return defaults
}

// listens has the ports of each service, as its image documents them.
var listens = map[string][]string{
	"vllm":         {"8000"},
	"demo":         {"8000"},
	"collector":    {"4317", "4318", "8080", "8081", "8888", "9464", "13133"},
	"open-webui":   {"8080"},
	"prometheus":   {"9090"},
	"alertmanager": {"9093"},
	"grafana":      {"3000"},
	"loki":         {"3100"},
	"tempo":        {"3200", "4318"},
}

// profiles has the services that each profile starts, by the names that others reach them by.
var profiles = map[string][]string{
	"vllm": {"alertmanager", "collector", "grafana", "loki", "open-webui", "prometheus", "tempo", "vllm"},
	"demo": {"alertmanager", "collector", "demo", "grafana", "load", "loki", "prometheus", "tempo"},
}

// hosts returns the names that a service is reached by within the project.
func hosts(s types.ServiceConfig) []string {
	if network := s.Networks["default"]; network != nil && len(network.Aliases) > 0 {
		return network.Aliases
	}
	return []string{s.Name}
}

func TestCompose(t *testing.T) {
	for _, profile := range slices.Sorted(maps.Keys(profiles)) {
		t.Run(profile, func(t *testing.T) {
			project := compose(t, profile)
			var names []string
			for _, service := range project.Services {
				names = append(names, hosts(service)...)
			}
			assert.ElementsMatch(t, profiles[profile], names)
			for name, service := range project.Services {
				assert.Regexp(t, `:v?\d+\.\d+`, service.Image, "%s: images are pinned", name)
				assert.NotEmpty(t, service.Restart, name)
				for _, port := range service.Ports {
					assert.Equal(t, "127.0.0.1", port.HostIP, "%s: %s is open to other hosts", name, port.Published)
					assert.Contains(t, listens[hosts(service)[0]], fmt.Sprint(port.Target), "%s does not listen there", name)
				}
				for _, volume := range service.Volumes {
					if volume.Type == types.VolumeTypeBind {
						assert.True(t, volume.ReadOnly, "%s: %s", name, volume.Target)
						_, err := os.Stat(volume.Source)
						assert.NoError(t, err, "%s mounts what is not there", name)
					}
				}
			}
		})
	}
}

// address finds host:port, in URLs or alone.
var address = regexp.MustCompile(`\b([a-z][a-z0-9-]*):(\d{4,5})\b`)

// TestComposeAddresses looks every address up that services are told, by command, environment, health check or mounted
// file: some service of the same profile has to listen there.
func TestComposeAddresses(t *testing.T) {
	for profile, services := range profiles {
		t.Run(profile, func(t *testing.T) {
			found := 0
			check := func(service, where, text string) {
				for _, match := range address.FindAllStringSubmatch(text, -1) {
					host, port := match[1], match[2]
					if host == "localhost" {
						host = service // of the container itself, by its health check, or of the host that ports are published on
					}
					if assert.Contains(t, services, host, "%s: %s", where, match[0]) {
						assert.Contains(t, listens[host], port, "%s: %s", where, match[0])
						found++
					}
				}
			}
			for name, service := range compose(t, profile).Services {
				host := hosts(service)[0]
				for _, argument := range service.Command {
					check(host, name+": command", argument)
				}
				for key, value := range service.Environment {
					if value != nil {
						check(host, name+": "+key, *value)
					}
				}
				if service.HealthCheck != nil {
					for _, argument := range service.HealthCheck.Test {
						check(host, name+": healthcheck", argument)
					}
				}
			}
			for file, host := range map[string]string{"prometheus.yml": "prometheus", "alertmanager.yaml": "", "collector.yaml": "collector"} {
				raw, err := os.ReadFile(filepath.Join(composeFolder(t), file))
				require.NoError(t, err)
				for line := range strings.Lines(string(raw)) {
					if text, _, _ := strings.Cut(line, "#"); text != "" {
						check(host, file, text)
					}
				}
			}
			assert.Greater(t, found, 10)
		})
	}
}

// TestComposeVariables holds .env.example against the variables of compose.yaml.
func TestComposeVariables(t *testing.T) {
	raw, err := os.ReadFile(filepath.Join(composeFolder(t), ".env.example"))
	require.NoError(t, err)
	shown := map[string]string{}
	for _, match := range regexp.MustCompile(`(?m)^#([A-Z_]+)=(.*)$`).FindAllStringSubmatch(string(raw), -1) {
		shown[match[1]] = match[2]
	}
	assert.Equal(t, "vllm", shown["COMPOSE_PROFILES"])
	delete(shown, "COMPOSE_PROFILES") // Compose's own
	assert.Equal(t, composeDefaults(t), shown)
}

// TestComposeCollector validates the collector's configuration in its image with the environment of each service.
func TestComposeCollector(t *testing.T) {
	for profile, name := range map[string]string{"vllm": "collector", "demo": "collector-demo"} {
		t.Run(profile, func(t *testing.T) {
			service := compose(t, profile).Services[name]
			container := newContainer(t, service)
			for key := range service.Environment {
				assert.True(t, documented(t, key), "%s is no variable of the configurations", key)
			}
			container.seal()
			p := container.start("", container.user, container.env, append([]string{"/usr/bin/otelcol-embedding", "validate"}, service.Command...)...)
			require.NoError(t, p.Wait(), p.Output())
		})
	}
}

// documented says whether the head of a configuration names the variable.
func documented(t testing.TB, variable string) bool {
	raw, err := os.ReadFile(filepath.Join(collector.Root(t), "config", "standalone.yaml"))
	require.NoError(t, err)
	return regexp.MustCompile(`(?m)^#.*\b` + variable + `\b`).Match(raw)
}

// TestComposeInStep holds the files for Prometheus and Alertmanager against those that they are made from.
func TestComposeInStep(t *testing.T) {
	read := func(path string, replace ...string) map[string]any {
		raw, err := os.ReadFile(filepath.Join(collector.Root(t), "deploy", path))
		require.NoError(t, err)
		var content map[string]any
		require.NoError(t, yaml.Unmarshal([]byte(strings.NewReplacer(replace...).Replace(string(raw))), &content))
		return content
	}
	assert.Equal(t,
		read("prometheus/prometheus.yml", "localhost:9093", "alertmanager:9093", "localhost:", "collector:", "*.rules.yaml", "rules/*.rules.yaml"),
		read("compose/prometheus.yml"))

	shipped, changed := read("alertmanager/alertmanager.yaml"), read("compose/alertmanager.yaml")
	names := func(config map[string]any) (names []any) {
		for _, receiver := range config["receivers"].([]any) {
			names = append(names, receiver.(map[string]any)["name"])
		}
		return names
	}
	assert.Equal(t, names(shipped), names(changed))
	delete(shipped, "receivers")
	delete(changed, "receivers")
	assert.Equal(t, shipped, changed)
}
