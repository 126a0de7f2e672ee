// Package gpu tests the comparing half of compare.sh; the other half needs a GPU.
package gpu

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"text/template"

	"github.com/stretchr/testify/require"
)

// state is what the made-up GPU says at a moment of the made-up recording.
type state struct {
	Energy, ThrottledSeconds, CopiedGiB, UsedMiB, UsedBytes int
}

// edit replaces text in one kind of file of one phase, in every moment of it.
type edit struct {
	phase, file, old, new string
}

// record makes a recording of four phases from the files in testdata: 200 W all the time, 4 GiB allocated in the
// second phase, and 10 GiB copied each way in the last.
func record(t *testing.T, edits ...edit) string {
	t.Helper()
	recording := t.TempDir()
	write := func(text, phase string, path ...string) {
		file := path[len(path)-1]
		for _, e := range edits {
			if e.phase == phase && e.file == file {
				require.Contains(t, text, e.old)
				text = strings.ReplaceAll(text, e.old, e.new)
			}
		}
		file = filepath.Join(append([]string{recording, phase}, path...)...)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	fixed := func(name string) string {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		return string(text)
	}
	templates := template.Must(template.ParseGlob(filepath.Join("testdata", "*.tmpl")))

	write("GPU-11111111-aaaa\n", "", "loaded-gpu")
	write(fixed("query-gpu.properties"), "", "query-gpu.properties")
	seconds := 0
	for _, phase := range []string{"idle", "allocate", "matmul", "copy"} {
		for moment := range 7 {
			seconds++
			now := state{Energy: 200 * seconds, ThrottledSeconds: 1000 + seconds, CopiedGiB: 1, UsedMiB: 600}
			if phase == "allocate" {
				now.UsedMiB += 4096 + 300
			}
			if phase == "copy" && moment == 6 {
				now.CopiedGiB = 2
			}
			now.UsedBytes = now.UsedMiB << 20
			folder := fmt.Sprintf("%03d", moment)
			for _, file := range []string{"scrape.prom", "gpu.csv"} {
				var text strings.Builder
				require.NoError(t, templates.ExecuteTemplate(&text, file+".tmpl", now))
				write(text.String(), phase, folder, file)
			}
			write(fmt.Sprintf("%d.5\n", seconds), phase, folder, "time")
			write(fixed("apps.csv"), phase, folder, "apps.csv")
			write(fixed("nvlink.txt"), phase, folder, "nvlink.txt")
		}
	}
	write(`{"pid": 4711, "allocated": 4294967296}`, "allocate", "load.jsonl")
	write(`{"pid": 4712}`, "matmul", "load.jsonl")
	write(`{"pid": 4713, "copied_each_way": 10000000000}`, "copy", "load.jsonl")
	return recording
}

// compare runs the script and returns its exit status and what it printed.
func compare(t *testing.T, environment []string, arguments ...string) (int, string) {
	t.Helper()
	for _, program := range []string{"bash", "python3"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	bash, err := exec.LookPath("bash")
	require.NoError(t, err)
	command := exec.Command(bash, append([]string{"compare.sh"}, arguments...)...)
	command.Env = append(os.Environ(), append(environment, "PYTHONDONTWRITEBYTECODE=1")...)
	output, err := command.CombinedOutput()
	if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return command.ProcessState.ExitCode(), string(output)
}

// row returns the cells of the one row of a phase and metric.
func row(t *testing.T, output, phase, metric string) []string {
	t.Helper()
	var found []string
	for line := range strings.Lines(output) {
		if strings.HasPrefix(line, "| "+phase+" |") && strings.Contains(line, "`"+metric+"`") {
			require.Nil(t, found, "more than one row for %s", metric)
			found = strings.Split(strings.Trim(line, "| \n"), " | ")
			require.Len(t, found, 8, line)
		}
	}
	require.NotNil(t, found, "no row for %s in phase %s:\n%s", metric, phase, output)
	return found[3:]
}

func TestValuesThatAgree(t *testing.T) {
	status, output := compare(t, nil, "--from", record(t))
	require.Zero(t, status, output)
	require.Contains(t, output, " 0 differ, 0 are missing")

	for _, want := range []struct {
		phase, metric string
		cells         []string
	}{
		{"idle", "hw_power_watts", []string{"203.5", "200", "3.5", "± 25", "yes"}},
		{"idle", "hw_temperature_celsius{hw_sensor_location=memory}", []string{"46", "45", "1", "± 3", "yes"}},
		{"idle", "nvml_clock_limit_hertz{nvml_clock_domain=sm}",
			[]string{"1,980,000,000", "1,980,000,000", "0", "± 0", "yes"}},
		{"idle", "nvml_performance_state", []string{"0", "0", "0", "± 0", "yes"}},
		{"idle", "hw_fan_speed_ratio", []string{"0.45", "0.45", "0", "± 0.05", "yes"}},
		{"idle", "hw_errors_total{error_type=corrected}", []string{"3", "3", "0", "± 0", "yes"}},
		{"idle", "nvml_memory_remapping_pending", []string{"0", "0", "0", "± 0", "yes"}},
		{"matmul", "nvml_process_memory_usage_bytes{process_pid=4711}",
			[]string{"524,288,000", "524,288,000", "0", "± 2,097,152", "yes"}},
		{"matmul", "growth of hw_energy_joules_total", []string{"600", "600", "0", "± 260", "yes"}},
		{"matmul", "growth of nvml_throttle_time_seconds_total{nvml_throttle_reason=sw_power_cap}",
			[]string{"6", "6", "0", "± 2.3", "yes"}},
		{"allocate", "growth of hw_gpu_memory_usage_bytes since idle",
			[]string{"4,609,540,096", "allocated 4,294,967,296", "–", "4,294,967,296 to 5,368,709,120", "yes"}},
		{"copy", "growth of hw_gpu_io_bytes_total{network_io_direction=receive}",
			[]string{"10,000,000,000", "copied 10,000,000,000", "–", "10,000,000,000 to 13,000,000,000", "yes"}},
	} {
		require.Equal(t, want.cells, row(t, output, want.phase, want.metric), want.metric)
	}
	require.Equal(t, 1, strings.Count(output, "`hw_gpu_memory_limit_bytes`"), "a limit depends on no load")
	require.NotContains(t, output, "utilization.encoder", "neither side has it")
	require.NotContains(t, output, "4712", "nvidia-smi does not know the memory of that process")
}

func TestValuesThatDiffer(t *testing.T) {
	const no = "**NO**"
	for name, c := range map[string]struct {
		edit    edit
		metric  string
		verdict string
	}{
		"gauge":   {edit{"idle", "gpu.csv", " 41,", " 44,"}, "hw_temperature_celsius{hw_sensor_location=gpu}", no},
		"state":   {edit{"matmul", "gpu.csv", "P0", "P8"}, "nvml_performance_state", no},
		"missing": {edit{"matmul", "scrape.prom", "hw_power_watts", "other"}, "hw_power_watts", no + ", missing"},
		"other GPU": {edit{"idle", "scrape.prom", `hw_power_watts{hw_id="GPU-1`, `hw_power_watts{hw_id="GPU-2`},
			"hw_power_watts", no + ", missing"},
		"process": {edit{"allocate", "apps.csv", "4711, 500", "4711, 510"},
			"nvml_process_memory_usage_bytes{process_pid=4711}", no},
		"energy in the wrong unit": {edit{"matmul", "gpu.csv", "200.00", "2.00"}, "growth of hw_energy_joules_total", no},
		"throttling in the wrong unit": {edit{"matmul", "gpu.csv", "000000\n", "000\n"},
			"growth of nvml_throttle_time_seconds_total{nvml_throttle_reason=sw_power_cap}", no},
		"memory that did not grow": {edit{"allocate", "load.jsonl", "4294967296", "42949672960"},
			"growth of hw_gpu_memory_usage_bytes since idle", no},
		"counter that wrapped": {edit{"copy", "load.jsonl", "10000000000", "14294967296"},
			"growth of hw_gpu_io_bytes_total{network_io_direction=transmit}", no},
		"bytes counted twice": {edit{"copy", "load.jsonl", "10000000000", "5000000000"},
			"growth of hw_gpu_io_bytes_total{network_io_direction=receive}", no},
	} {
		t.Run(name, func(t *testing.T) {
			status, output := compare(t, nil, "--from", record(t, c.edit))
			require.Equal(t, 1, status, output)
			require.Equal(t, c.verdict, row(t, output, c.edit.phase, c.metric)[4])
		})
	}
}

func TestValueThatNvidiaSMILacks(t *testing.T) {
	status, output := compare(t, nil, "--from", record(t, edit{"idle", "gpu.csv", " 45, 200", " [N/A], 200"}))
	require.Zero(t, status, output)
	require.Equal(t, []string{"46", "–", "–", "± 3", "not compared"},
		row(t, output, "idle", "hw_temperature_celsius{hw_sensor_location=memory}"))
}

func TestPhaseThatWasLeftOut(t *testing.T) {
	recording := record(t)
	skipped := filepath.Join(recording, "skipped-matmul")
	require.NoError(t, os.Rename(filepath.Join(recording, "matmul"), skipped))
	require.NoError(t, os.WriteFile(filepath.Join(skipped, "load.log"), []byte("No module named 'torch'\n"), 0o600))
	status, output := compare(t, nil, "--from", recording)
	require.Zero(t, status, output)
	require.Contains(t, output, "Phase matmul was left out: No module named 'torch'.")
	require.NotContains(t, output, "| matmul |")
}

func TestNothingToCompare(t *testing.T) {
	status, output := compare(t, nil, "--from", t.TempDir())
	require.Equal(t, 2, status)
	require.Contains(t, output, "not a recording")

	status, output = compare(t, nil, "--from", record(t, edit{"idle", "gpu.csv", "GPU-11111111-aaaa, ", ""}))
	require.Equal(t, 2, status, "a damaged recording:\n%s", output)

	status, output = compare(t, nil, "--form", "folder")
	require.Equal(t, 2, status)
	require.Contains(t, output, "unknown option --form")
}

// TestNoGPU runs the script with nothing on the PATH but what it needs to get as far as nvidia-smi.
func TestNoGPU(t *testing.T) {
	programs := t.TempDir()
	for _, program := range []string{"dirname", "python3"} {
		path, err := exec.LookPath(program)
		if err != nil {
			t.Skip(err)
		}
		require.NoError(t, os.Symlink(path, filepath.Join(programs, program)))
	}
	status, output := compare(t, []string{"PATH=" + programs}, filepath.Join(t.TempDir(), "out"))
	require.Equal(t, 2, status, output)
	require.Contains(t, output, "nvidia-smi is missing")

	fake := filepath.Join(programs, "nvidia-smi")
	require.NoError(t, os.WriteFile(fake, []byte("#!/bin/sh\necho No devices were found\nexit 6\n"), 0o700))
	status, output = compare(t, []string{"PATH=" + programs}, filepath.Join(t.TempDir(), "out"))
	require.Equal(t, 2, status, output)
	require.Contains(t, output, "nvidia-smi finds no GPU")
}
