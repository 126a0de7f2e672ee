package main

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.yaml.in/yaml/v3"
	"golang.org/x/mod/modfile"
)

// ownModule is the module of this repository.
const ownModule = "github.com/otelcol-embedding/otelcol-embedding"

type manifest struct {
	Dist struct {
		Version string `yaml:"version"`
	} `yaml:"dist"`
	Receivers  []manifestEntry `yaml:"receivers"`
	Processors []manifestEntry `yaml:"processors"`
	Connectors []manifestEntry `yaml:"connectors"`
	Exporters  []manifestEntry `yaml:"exporters"`
	Extensions []manifestEntry `yaml:"extensions"`
	Providers  []manifestEntry `yaml:"providers"`
	Telemetry  manifestEntry   `yaml:"telemetry"`
}

type manifestEntry struct {
	GoMod  string `yaml:"gomod"`
	Import string `yaml:"import"`
}

func readManifest(t *testing.T) manifest {
	t.Helper()
	raw, err := os.ReadFile("builder-config.yaml")
	require.NoError(t, err)
	var m manifest
	require.NoError(t, yaml.Unmarshal(raw, &m))
	return m
}

// TestManifestVersionsAreBuilt holds builder-config.yaml, the one version table, against go.mod: what it states is
// what is built.
func TestManifestVersionsAreBuilt(t *testing.T) {
	raw, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	mod, err := modfile.Parse("go.mod", raw, nil)
	require.NoError(t, err)
	versions := make(map[string]string, len(mod.Require))
	for _, r := range mod.Require {
		versions[r.Mod.Path] = r.Mod.Version
	}
	m := readManifest(t)
	entries := []manifestEntry{m.Telemetry}
	for _, list := range [][]manifestEntry{m.Receivers, m.Processors, m.Connectors, m.Exporters, m.Extensions, m.Providers} {
		entries = append(entries, list...)
	}
	for _, e := range entries {
		path, version, ok := strings.Cut(e.GoMod, " ")
		require.True(t, ok, e.GoMod)
		if path == ownModule {
			assert.Equal(t, "v"+m.Dist.Version, version, e.Import)
			continue
		}
		assert.Equal(t, versions[path], version, "builder-config.yaml and go.mod differ on %s", path)
	}
}

// TestFactoriesAreThoseOfTheManifest holds the registered factories against builder-config.yaml.
func TestFactoriesAreThoseOfTheManifest(t *testing.T) {
	factories, err := components()
	require.NoError(t, err)
	m := readManifest(t)
	for kind, pair := range map[string]struct {
		modules map[component.Type]string
		entries []manifestEntry
	}{
		"receivers":  {factories.ReceiverModules, m.Receivers},
		"processors": {factories.ProcessorModules, m.Processors},
		"connectors": {factories.ConnectorModules, m.Connectors},
		"exporters":  {factories.ExporterModules, m.Exporters},
		"extensions": {factories.ExtensionModules, m.Extensions},
	} {
		// Aliases of a renamed component repeat its module.
		registered, listed := map[string]int{}, map[string]int{}
		for _, module := range pair.modules {
			registered[module]++
		}
		for _, e := range pair.entries {
			listed[e.GoMod]++
		}
		for module, n := range listed {
			assert.GreaterOrEqual(t, registered[module], n, "%s: %s is listed and not registered", kind, module)
			delete(registered, module)
		}
		assert.Empty(t, registered, "%s: registered and not listed", kind)
	}
}
