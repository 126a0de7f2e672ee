package nvmlreceiver

import (
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/receiver/nvmlreceiver/internal/nvml"
)

func TestConditionState(t *testing.T) {
	for _, tt := range []struct {
		condition condition
		state     string
		reasons   []string
	}{
		{condition{}, "ok", nil},
		{condition{lost: true, retirementPending: true}, "failed", []string{"lost"}},
		{condition{recovery: recoveryReset, recoveryKnown: true}, "failed", []string{"needs_reset"}},
		{condition{recovery: recoveryReboot, lost: true}, "failed", []string{"lost", "needs_reboot"}},
		{condition{recovery: recoveryDrainP2P}, "degraded", []string{"needs_drain_p2p"}},
		{condition{recovery: recoveryDrainAndReset}, "degraded", []string{"needs_drain_and_reset"}},
		{condition{recovery: 9}, "degraded", []string{"needs_action_9"}},
		{condition{remappingFailed: true, remappingPending: true}, "predicted_failure", []string{"row_remapping_failed"}},
		{condition{remappingPending: true, retirementPending: true}, "degraded", []string{"row_remapping_pending", "page_retirement_pending"}},
		{condition{fatalXIDs: []uint64{79, 95}}, "failed", []string{"xid_79", "xid_95"}},
		{condition{fatalXIDs: []uint64{79}, recoveryKnown: true}, "ok", nil},
	} {
		got := tt.condition.state()
		require.Equal(t, tt.state, got.state.String(), "%+v", tt.condition)
		require.Equal(t, tt.reasons, got.reasons)
		require.Equal(t, tt.condition.lost, got.gone)
	}
}

func TestIsLost(t *testing.T) {
	lost := &nvml.CallError{Call: "nvmlDeviceGetUUID", Status: nvml.StatusGPUIsLost}
	other := &nvml.CallError{Call: "nvmlDeviceGetUUID", Status: nvml.StatusUnknown}
	require.True(t, isLost(lost))
	require.True(t, isLost(fmt.Errorf("reading: %w", lost)))
	require.True(t, isLost(errors.Join(other, lost)))
	require.True(t, isLost(fmt.Errorf("identity: %w", errors.Join(other, lost))))
	require.False(t, isLost(other))
	require.False(t, isLost(errors.Join(other, errors.New("x"))))
	require.False(t, isLost(nil))
}
