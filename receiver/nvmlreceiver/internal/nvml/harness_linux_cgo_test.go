//go:build linux && cgo

package nvml

import (
	"bytes"
	"debug/elf"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/fakenvml"
)

// host is a fake host, whose scenario can be changed while the library is open.
type host struct {
	Library
	scenario string
}

// newHost makes a host of a fake library file.
func newHost(t *testing.T, file string, scenario fakenvml.Scenario) host {
	t.Helper()
	h := host{Library: New(file), scenario: filepath.Join(t.TempDir(), "scenario")}
	t.Setenv(fakenvml.ScenarioEnv, h.scenario)
	h.set(t, scenario)
	return h
}

// openHost makes a host with the whole library and opens it.
func openHost(t *testing.T, scenario fakenvml.Scenario) host {
	t.Helper()
	h := newHost(t, fakenvml.Build(t, t.TempDir()), scenario)
	require.NoError(t, h.Open())
	t.Cleanup(func() { require.NoError(t, h.Close()) })
	return h
}

func (h host) set(t *testing.T, scenario fakenvml.Scenario) {
	t.Helper()
	scenario.Write(t, h.scenario)
}

func (h host) gpu(t *testing.T, index int) Device {
	t.Helper()
	gpu, err := h.Device(index)
	require.NoError(t, err)
	return gpu
}

func (h host) stats() map[string]CallStats {
	stats := map[string]CallStats{}
	h.Calls(func(call CallStats) { stats[call.Function] = call })
	return stats
}

// migHost has a GPU that is not in MIG mode and one with a MIG device, at a place that is not the first.
func migHost() fakenvml.Scenario {
	scenario := fakenvml.Healthy(2)
	scenario.SetMIG(1, 2, "2g.20gb")
	return scenario
}

// functions lists the functions of NVML that a library file exports.
func functions(t *testing.T, file string) []string {
	t.Helper()
	binary, err := elf.Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, binary.Close()) }()
	symbols, err := binary.DynamicSymbols()
	require.NoError(t, err)
	var names []string
	for _, symbol := range symbols {
		if symbol.Section != elf.SHN_UNDEF && strings.HasPrefix(symbol.Name, "nvml") {
			names = append(names, symbol.Name)
		}
	}
	slices.Sort(names)
	return names
}

// without copies a library file with other names for some of its functions, so that nobody finds them. That is
// quicker than to compile the library again for each of them.
func without(t *testing.T, file string, hidden ...string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	for _, name := range hidden {
		before := append(append([]byte{0}, name...), 0)
		require.Contains(t, string(content), string(before), "no symbol %s", name)
		after := bytes.Replace(before, []byte("nvml"), []byte("gone"), 1)
		content = bytes.ReplaceAll(content, before, after)
	}
	path := filepath.Join(t.TempDir(), fakenvml.LibraryName)
	require.NoError(t, os.WriteFile(path, content, 0o755))
	return path
}

// answers are the errors of methods by "Type.Method".
type answers map[string]error

// askEverything calls every method that there is something to call on. A method of what could not be had is missing
// from the answers.
func askEverything(lib Library) answers {
	a := answers{}
	if a["Library.Open"] = lib.Open(); a["Library.Open"] != nil {
		return a
	}
	_, a["Library.DriverVersion"] = lib.DriverVersion()
	_, a["Library.CUDAVersion"] = lib.CUDAVersion()
	_, a["Library.DeviceCount"] = lib.DeviceCount()
	var earlier, later GPMSample
	earlier, a["Library.NewGPMSample"] = lib.NewGPMSample()
	if a["Library.NewGPMSample"] == nil {
		later, a["Library.NewGPMSample"] = lib.NewGPMSample()
	}
	var gpu, migGPU Device
	gpu, a["Library.Device"] = lib.Device(0)
	if a["Library.Device"] == nil {
		a.askDevice("Device", gpu, earlier, later)
		migGPU, a["Library.Device"] = lib.Device(1)
		if migs, err := migGPU.MIGDevices(); err == nil && len(migs) > 0 {
			a.askDevice("MIGDevice", migs[0], earlier, later)
		}
	}
	a["Library.GPMMetrics"] = lib.GPMMetrics(earlier, later, []GPMMetric{{ID: GPMSMUtil}})
	if a["Library.NewGPMSample"] == nil {
		a["GPMSample.Free"] = earlier.Free()
		if a["GPMSample.Free"] == nil {
			a["GPMSample.Free"] = later.Free()
		}
	}
	var set EventSet
	set, a["Library.NewEventSet"] = lib.NewEventSet()
	if a["Library.NewEventSet"] == nil {
		if gpu != nil {
			a["EventSet.Register"] = set.Register(gpu, "GPU-0")
		}
		_, a["EventSet.Wait"] = set.Wait(0)
		a["EventSet.Free"] = set.Free()
	}
	a["Library.Close"] = lib.Close()
	return a
}

func (a answers) askDevice(as string, d Device, earlier, later GPMSample) {
	_, a[as+".UUID"] = d.UUID()
	_, a[as+".Model"] = d.Model()
	_, a[as+".Serial"] = d.Serial()
	_, a[as+".PCIBusID"] = d.PCIBusID()
	_, a[as+".MinorNumber"] = d.MinorNumber()
	_, a[as+".Memory"] = d.Memory()
	_, a[as+".BAR1"] = d.BAR1()
	_, a[as+".Utilization"] = d.Utilization()
	_, a[as+".EncoderUtilization"] = d.EncoderUtilization()
	_, a[as+".DecoderUtilization"] = d.DecoderUtilization()
	_, a[as+".Samples"] = d.Samples(GPUUtilizationSamples, 0)
	_, a[as+".Temperature"] = d.Temperature()
	_, a[as+".TemperatureThreshold"] = d.TemperatureThreshold(ThresholdSlowdown)
	_, a[as+".TemperatureMargin"] = d.TemperatureMargin()
	_, a[as+".Power"] = d.Power()
	_, a[as+".EnforcedPowerLimit"] = d.EnforcedPowerLimit()
	_, a[as+".DefaultPowerLimit"] = d.DefaultPowerLimit()
	_, _, a[as+".PowerLimitRange"] = d.PowerLimitRange()
	_, a[as+".Energy"] = d.Energy()
	_, a[as+".Clock"] = d.Clock(ClockSM)
	_, a[as+".MaxClock"] = d.MaxClock(ClockSM)
	_, a[as+".PerformanceState"] = d.PerformanceState()
	_, a[as+".FanCount"] = d.FanCount()
	_, a[as+".FanSpeed"] = d.FanSpeed(0)
	_, a[as+".RemappedRows"] = d.RemappedRows()
	_, a[as+".Violation"] = d.Violation(PolicyPower)
	a[as+".Fields"] = d.Fields([]Field{{ID: FieldPowerInstant}})
	_, a[as+".Processes"] = d.Processes()
	_, a[as+".ProcessUtilization"] = d.ProcessUtilization(0)
	_, a[as+".MIGEnabled"] = d.MIGEnabled()
	_, a[as+".MIGDevices"] = d.MIGDevices()
	_, a[as+".GPMSupported"] = d.GPMSupported()
	if earlier == nil || later == nil {
		return
	}
	a[as+".SampleGPM"] = d.SampleGPM(earlier)
	waitBetweenSamples()
	if a[as+".SampleGPM"] == nil {
		a[as+".SampleGPM"] = d.SampleGPM(later)
	}
}

// waitBetweenSamples lets the time pass that the driver wants between two samples. There is no event to wait for.
func waitBetweenSamples() { time.Sleep(5 * time.Millisecond) }

// methods are the names under which the answers of an interface are kept.
func methods[T any]() []string { return methodsOf[T](reflect.TypeFor[T]().Name()) }

func methodsOf[T any](name string) []string {
	var names []string
	for method := range reflect.TypeFor[T]().Methods() {
		// Calls is about calls and makes none.
		if method.Name != "Calls" {
			names = append(names, name+"."+method.Name)
		}
	}
	return names
}
