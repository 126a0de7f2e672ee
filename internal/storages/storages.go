// Package storages gets components what they store in.
package storages

import (
	"context"
	"fmt"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// Open returns the client of a component, which has this kind and id, to the storage extension that its key storage names. name tells
// apart the clients of one component.
func Open(
	ctx context.Context, host component.Host, extension component.ID, kind component.Kind, id component.ID, name string,
) (storage.Client, error) {
	found, ok := host.GetExtensions()[extension]
	if !ok {
		return nil, fmt.Errorf("storage: no extension %q; want one that is listed under service::extensions, e.g. file_storage", extension)
	}
	stores, ok := found.(storage.Extension)
	if !ok {
		return nil, fmt.Errorf("storage: extension %q stores nothing; want a storage extension, e.g. file_storage", extension)
	}
	client, err := stores.GetClient(ctx, kind, id, name)
	if err != nil {
		return nil, fmt.Errorf("storage: %w", err)
	}
	return client, nil
}
