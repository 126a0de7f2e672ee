// Package storagestest has hosts for tests of components that store something.
package storagestest

import (
	"context"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
)

// Host is a host with extensions.
type Host struct {
	component.Host
	Extensions map[component.ID]component.Component
}

// GetExtensions returns the extensions.
func (h Host) GetExtensions() map[component.ID]component.Component { return h.Extensions }

// NewHost returns a host with a file_storage extension of the given id, which stores in folder until the test is over.
func NewHost(t testing.TB, folder string, id component.ID) Host {
	f := filestorage.NewFactory()
	cfg := f.CreateDefaultConfig().(*filestorage.Config)
	cfg.Directory = folder
	extension, err := f.Create(t.Context(), extensiontest.NewNopSettings(f.Type()), cfg)
	require.NoError(t, err)
	require.NoError(t, extension.Start(t.Context(), componenttest.NewNopHost()))
	t.Cleanup(func() { require.NoError(t, extension.Shutdown(context.Background())) })
	return Host{componenttest.NewNopHost(), map[component.ID]component.Component{id: extension}}
}
