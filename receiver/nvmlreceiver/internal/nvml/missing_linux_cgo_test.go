//go:build linux && cgo

package nvml

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/fakenvml"
)

// fileEnv is the whole library, built by the test that started this process.
const fileEnv = "NVML_WHOLE_LIBRARY"

// wholeLibrary builds the library once for a test and its processes.
func wholeLibrary(t *testing.T) string {
	t.Helper()
	if file := os.Getenv(fileEnv); file != "" {
		return file
	}
	return fakenvml.Build(t, t.TempDir())
}

// A healthy host answers everything: what the other tests of this file rely on.
func TestEverythingAnswers(t *testing.T) {
	if !fakenvml.InOwnProcess(t) {
		return
	}
	h := newHost(t, wholeLibrary(t), migHost())
	answers := askEverything(h)
	for _, names := range [][]string{methods[Library](), methods[Device](), methods[GPMSample](), methods[EventSet]()} {
		require.NotEmpty(t, names)
		for _, name := range names {
			err, asked := answers[name]
			require.True(t, asked, "%s was not asked", name)
			switch name {
			case "EventSet.Wait":
				require.Equal(t, StatusTimeout, StatusOf(err), "%s: %v", name, err)
			case "Device.MIGDevices":
				require.True(t, IsUnsupported(err), "%s: %v", name, err)
			default:
				require.NoError(t, err, name)
			}
		}
	}
	require.NoError(t, answers["MIGDevice.UUID"])
	require.NoError(t, answers["MIGDevice.SampleGPM"])
	for older, newest := range map[string]string{
		"nvmlDeviceGetComputeRunningProcesses":     "nvmlDeviceGetComputeRunningProcesses_v3",
		"nvmlDeviceGetComputeRunningProcesses_v2":  "nvmlDeviceGetComputeRunningProcesses_v3",
		"nvmlDeviceGetGraphicsRunningProcesses":    "nvmlDeviceGetGraphicsRunningProcesses_v3",
		"nvmlDeviceGetGraphicsRunningProcesses_v2": "nvmlDeviceGetGraphicsRunningProcesses_v3",
		"nvmlDeviceGetAttributes":                  "nvmlDeviceGetAttributes_v2",
		"nvmlEventSetWait":                         "nvmlEventSetWait_v2",
		"nvmlDeviceGetMemoryInfo":                  "nvmlDeviceGetMemoryInfo_v2",
		"nvmlDeviceGetTemperature":                 "nvmlDeviceGetTemperatureV",
	} {
		require.Contains(t, h.stats(), newest)
		require.NotContains(t, h.stats(), older)
	}
}

// A driver that has next to nothing. A call that was made all the same would end the process.
func TestAlmostEverySymbolMissing(t *testing.T) {
	file := wholeLibrary(t)
	for _, tt := range []struct {
		name string
		has  []string
		// unsupported are the methods that must say so; the others must have succeeded.
		unsupported []string
		succeed     []string
	}{
		{
			name: "init_only",
			// Without samples there is nothing to ask for metrics of.
			unsupported: except(methods[Library](), "Library.Open", "Library.GPMMetrics"),
			succeed:     []string{"Library.Open"},
		},
		{
			name:        "devices",
			has:         []string{"nvmlDeviceGetCount_v2", "nvmlDeviceGetHandleByIndex_v2"},
			unsupported: except(methods[Device](), "Device.MIGEnabled", "Device.SampleGPM"),
			succeed:     []string{"Library.DeviceCount", "Library.Device", "Device.MIGEnabled"},
		},
		{
			name: "handles",
			has: []string{"nvmlDeviceGetHandleByIndex_v2", "nvmlGpmSampleAlloc", "nvmlEventSetCreate",
				"nvmlDeviceGetMaxMigDeviceCount", "nvmlDeviceGetMigDeviceHandleByIndex"},
			unsupported: slices.Concat(
				except(methods[Device](), "Device.MIGEnabled"),
				except(methodsOf[Device]("MIGDevice"), "MIGDevice.MIGEnabled", "MIGDevice.MIGDevices"),
				methods[GPMSample](), methods[EventSet](), []string{"Library.GPMMetrics"}),
			succeed: []string{"Library.NewGPMSample", "Library.NewEventSet", "Device.MIGEnabled"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !fakenvml.InOwnProcess(t, fileEnv+"="+file) {
				return
			}
			hidden := except(functions(t, file), append(tt.has, "nvmlInit_v2")...)
			require.Greater(t, len(hidden), 50)
			answers := askEverything(newHost(t, without(t, file, hidden...), migHost()))
			for _, name := range tt.unsupported {
				require.True(t, IsUnsupported(answers[name]), "%s: %v", name, answers[name])
			}
			for _, name := range tt.succeed {
				require.Contains(t, answers, name)
				require.NoError(t, answers[name], name)
			}
		})
	}
}

// A driver that lacks one function, for every function: a guard that looks for another symbol than the one that
// go-nvml calls would end the process.
func TestEachSymbolMissing(t *testing.T) {
	file := wholeLibrary(t)
	for _, name := range except(functions(t, file), "nvmlInit_v2") {
		t.Run(name, func(t *testing.T) {
			if !fakenvml.InOwnProcess(t, fileEnv+"="+file) {
				return
			}
			h := newHost(t, without(t, file, name), migHost())
			for method, err := range askEverything(h) {
				if err == nil || IsUnsupported(err) || method == "EventSet.Wait" {
					continue
				}
				// MIG devices do not know every call, and samples that could not be taken yield no metrics.
				require.True(t, strings.HasPrefix(method, "MIGDevice.") || method == "Library.GPMMetrics" ||
					method == "Device.SampleGPM", "%s: %v", method, err)
				require.Equal(t, StatusInvalidArgument, StatusOf(err), "%s: %v", method, err)
			}
			require.NotContains(t, h.stats(), name)
		})
	}
}

func TestOlderVersions(t *testing.T) {
	file := wholeLibrary(t)
	for _, tt := range []struct {
		name, missing, used string
		also                []string
	}{
		{name: "compute_v2", missing: "nvmlDeviceGetComputeRunningProcesses_v3", used: "nvmlDeviceGetComputeRunningProcesses_v2"},
		{name: "compute_v1", missing: "nvmlDeviceGetComputeRunningProcesses_v3", used: "nvmlDeviceGetComputeRunningProcesses",
			also: []string{"nvmlDeviceGetComputeRunningProcesses_v2"}},
		{name: "graphics_v2", missing: "nvmlDeviceGetGraphicsRunningProcesses_v3", used: "nvmlDeviceGetGraphicsRunningProcesses_v2"},
		{name: "graphics_v1", missing: "nvmlDeviceGetGraphicsRunningProcesses_v3", used: "nvmlDeviceGetGraphicsRunningProcesses",
			also: []string{"nvmlDeviceGetGraphicsRunningProcesses_v2"}},
		{name: "attributes", missing: "nvmlDeviceGetAttributes_v2", used: "nvmlDeviceGetAttributes"},
		{name: "wait", missing: "nvmlEventSetWait_v2", used: "nvmlEventSetWait"},
		{name: "memory", missing: "nvmlDeviceGetMemoryInfo_v2", used: "nvmlDeviceGetMemoryInfo"},
		{name: "temperature", missing: "nvmlDeviceGetTemperatureV", used: "nvmlDeviceGetTemperature"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !fakenvml.InOwnProcess(t, fileEnv+"="+file) {
				return
			}
			scenario := migHost()
			h := newHost(t, without(t, file, append(tt.also, tt.missing)...), scenario)
			require.NoError(t, h.Open())
			memory, err := h.gpu(t, 0).Memory()
			require.NoError(t, err)
			require.Equal(t, tt.name != "memory", memory.ReservedKnown)
			require.NotZero(t, memory.Used)
			processes, err := h.gpu(t, 0).Processes()
			require.NoError(t, err)
			require.Len(t, processes, 2)
			require.Equal(t, uint32(1000), processes[0].PID)
			require.Equal(t, uint32(NoInstance), processes[0].GPUInstance)
			migs, err := h.gpu(t, 1).MIGDevices()
			require.NoError(t, err)
			require.Equal(t, uint32(32), migs[0].Multiprocessors)
			temperature, err := h.gpu(t, 0).Temperature()
			require.NoError(t, err)
			require.NotZero(t, temperature)
			set, err := h.NewEventSet()
			require.NoError(t, err)
			require.NoError(t, set.Register(h.gpu(t, 0), "GPU-a"))
			scenario.Set("event.1", "1:0:48:3:0")
			h.set(t, scenario)
			event, err := set.Wait(10 * time.Second)
			require.NoError(t, err)
			want := XIDEvent{UUID: "GPU-a", XID: 48, GPUInstance: 3, ComputeInstance: 0}
			if tt.name == "wait" {
				want.GPUInstance, want.ComputeInstance = NoInstance, NoInstance
			}
			require.Equal(t, want, event)
			require.NoError(t, h.Close())

			require.Contains(t, h.stats(), tt.used)
			require.NotContains(t, h.stats(), tt.missing)
		})
	}
}

// A file that is a library, and no NVML.
func TestLibraryWithoutInit(t *testing.T) {
	if !fakenvml.InOwnProcess(t) {
		return
	}
	h := newHost(t, without(t, wholeLibrary(t), "nvmlInit_v2"), fakenvml.Healthy(1))
	require.EqualError(t, h.Open(), "nvmlInit_v2: function not found (13)")
	_, err := h.DeviceCount()
	require.Equal(t, StatusUninitialized, StatusOf(err))
	require.NoError(t, h.Close())
	require.Empty(t, h.stats())
}

func except(names []string, left ...string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(left, name) })
}
