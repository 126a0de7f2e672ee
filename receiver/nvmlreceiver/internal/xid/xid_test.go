package xid

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCatalogueIsComplete(t *testing.T) {
	// Those that NVIDIA lists as in use on A100, H100, B100 or GB200, as ranges.
	ranges := [][2]uint64{
		{8, 8}, {11, 11}, {13, 14}, {25, 25}, {31, 32}, {37, 41}, {43, 46}, {48, 48}, {54, 54}, {60, 60}, {62, 64},
		{66, 72}, {74, 80}, {82, 86}, {88, 89}, {92, 110}, {119, 121}, {126, 137}, {139, 151}, {154, 172},
	}
	total := 0
	for _, r := range ranges {
		for code := r[0]; code <= r[1]; code++ {
			require.Contains(t, catalogue, code)
			total++
		}
	}
	require.Len(t, catalogue, total, "codes that NVIDIA does not list as in use")
}

func TestEveryMeaningIsComplete(t *testing.T) {
	actions := []Action{
		ActionNone, ActionRestartApp, ActionCheckApp, ActionResetGPU, ActionRestartHost, ActionCheckNVLink,
		ActionCheckMechanicals, ActionUpdateSoftware, ActionCheckRecovery, ActionContactSupport,
	}
	name := regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
	names := map[string]uint64{}
	used := map[Action]bool{}
	for code, meaning := range catalogue {
		require.Regexp(t, name, meaning.Name, "XID %d", code)
		require.NotContains(t, names, meaning.Name, "XID %d", code)
		names[meaning.Name] = code
		require.NotEmpty(t, meaning.Description, "XID %d", code)
		require.LessOrEqual(t, len(meaning.Description), 120, "XID %d", code)
		require.False(t, strings.HasSuffix(meaning.Description, "."), "XID %d ends with a full stop", code)
		require.Equal(t, strings.TrimSpace(meaning.Description), meaning.Description, "XID %d", code)
		require.Contains(t, actions, meaning.Action, "XID %d", code)
		require.GreaterOrEqual(t, meaning.Severity, SeverityInfo, "XID %d", code)
		require.LessOrEqual(t, meaning.Severity, SeverityFatal, "XID %d", code)
		if meaning.Severity == SeverityFatal {
			require.Contains(t, []Action{ActionResetGPU, ActionRestartHost, ActionContactSupport}, meaning.Action,
				"XID %d leaves the GPU unusable", code)
		}
		used[meaning.Action] = true
	}
	require.Len(t, used, len(actions), "an action that no code asks for")
}

func TestLookup(t *testing.T) {
	fallen := Lookup(79)
	require.Equal(t, "gpu_has_fallen_off_the_bus", fallen.Name)
	require.Equal(t, ActionRestartHost, fallen.Action)
	require.Equal(t, SeverityFatal, fallen.Severity)
	require.Contains(t, fallen.Description, "bus")

	require.Equal(t, Meaning{
		Name:        "unknown",
		Description: "XID 200, not in the catalogue; see NVIDIA's XID catalogue",
		Action:      ActionCheckCatalogue,
		Severity:    SeverityWarn,
	}, Lookup(200))
	require.Equal(t, "unknown", Lookup(1).Name, "a code that NVIDIA lists as not used")
}

func TestHardwareAndApplication(t *testing.T) {
	hardware := Hardware()
	require.True(t, slices.IsSorted(hardware))
	require.Len(t, slices.Compact(slices.Clone(hardware)), len(hardware))
	for _, code := range hardware {
		require.Contains(t, catalogue, code)
		require.False(t, Application(code), "XID %d is both", code)
		require.GreaterOrEqual(t, Lookup(code).Severity, SeverityWarn, "XID %d", code)
	}
	hardware[0] = 0
	require.NotEqual(t, hardware, Hardware(), "callers share the list")

	for _, code := range []uint64{13, 31, 43, 45, 68, 109} {
		require.True(t, Application(code), "XID %d", code)
	}
	require.False(t, Application(79))
	require.False(t, Application(200), "nothing is known of it")
	for _, code := range applicationCodes() {
		require.Contains(t, catalogue, code)
		require.Less(t, Lookup(code).Severity, SeverityFatal, "XID %d", code)
	}
}
