//go:build !linux || !cgo

package nvml

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestNoBinding(t *testing.T) {
	lib := New("")
	require.ErrorIs(t, lib.Open(), ErrNoBinding)
	_, err := lib.DeviceCount()
	require.ErrorIs(t, err, ErrNoBinding)
	lib.Calls(func(stats CallStats) { t.Errorf("a call of %s", stats.Function) })
	require.NoError(t, lib.Close())
}
