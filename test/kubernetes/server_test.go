package kubernetes

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// patchServer applies a patch to the Deployment of examples/vllm by the rules of kubectl patch.
func patchServer(t *testing.T, patch string) *manifests {
	t.Helper()
	folder := t.TempDir()
	server, err := os.ReadFile(filepath.Join(root, "deploy", "kubernetes", "examples", "vllm", "vllm.yaml"))
	require.NoError(t, err)
	for name, content := range map[string]string{
		"vllm.yaml":          string(server),
		"patch.yaml":         "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: vllm}\n" + patch,
		"kustomization.yaml": "namespace: inference\nresources: [vllm.yaml]\npatches: [{path: patch.yaml}]\n",
	} {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600))
	}
	return kustomize(t, folder)
}
