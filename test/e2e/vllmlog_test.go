//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// vllmLog is the log of a server that starts, answers and fails, in the forms that versions of vLLM have.
const vllmLog = `INFO 01-02 03:04:05 api_server.py:12] an old version
(APIServer pid=101) INFO 01-02 03:04:06 [api_server.py:1289] a new one
` + "\x1b[1;36m(EngineCore_0 pid=123)\x1b[0;0m \x1b[33mWARNING\x1b[0m \x1b[90m01-02 03:04:07\x1b[0m \x1b[90m[core.py:58]\x1b[0m in colours" + `
(APIServer pid=101) INFO:     127.0.0.1:1234 - "POST /v1/embeddings HTTP/1.1" 200 OK
(APIServer pid=101) INFO:     Application startup complete.
(EngineCore_0 pid=123) ERROR 01-02 03:04:08 [core.py:700] EngineCore failed to start.
(EngineCore_0 pid=123) ERROR 01-02 03:04:08 [core.py:700] Traceback (most recent call last):
(EngineCore_0 pid=123) ERROR 01-02 03:04:08 [core.py:700]   File "core.py", line 691, in run_engine_core
(EngineCore_0 pid=123) ERROR 01-02 03:04:08 [core.py:700] torch.OutOfMemoryError: CUDA out of memory.
Traceback (most recent call last):
  File "app.py", line 1, in f
ValueError: nobody caught it
CRITICAL 01-02 03:04:09 [launcher.py:99] the server stops
`

// vllmRecord is a record as the test compares it.
type vllmRecord struct{ Time, Severity, Process, Code, Body string }

var vllmRecords = []vllmRecord{
	{"01-02 03:04:05", "INFO", "", "api_server.py", "an old version"},
	{"01-02 03:04:06", "INFO", "APIServer", "api_server.py", "a new one"},
	{"01-02 03:04:07", "WARN", "EngineCore_0", "core.py", "in colours"},
	{"", "INFO", "APIServer", "", "Application startup complete."},
	{"01-02 03:04:08", "ERROR", "EngineCore_0", "core.py", `EngineCore failed to start.
Traceback (most recent call last):
  File "core.py", line 691, in run_engine_core
torch.OutOfMemoryError: CUDA out of memory.`},
	{"", "ERROR", "", "", `Traceback (most recent call last):
  File "app.py", line 1, in f
ValueError: nobody caught it`},
	{"01-02 03:04:09", "FATAL", "", "launcher.py", "the server stops"},
}

// TestVLLMLog reads vLLM's log with the shipped section, while the file is rotated and the collector restarts: each record comes once.
func TestVLLMLog(t *testing.T) {
	file := filepath.Join(t.TempDir(), "vllm.log")
	r := newVLLMReader(t, file+"*")
	write(t, file, vllmLog)
	p := r.start()
	r.await(vllmRecords)

	write(t, file, "INFO 01-02 03:05:00 [a.py:1] before the rotation\n")
	require.NoError(t, os.Rename(file, file+".1"))
	write(t, file, "INFO 01-02 03:05:01 [a.py:1] after the rotation\n")
	want := append([]vllmRecord{}, vllmRecords...)
	want = append(want,
		vllmRecord{"01-02 03:05:00", "INFO", "", "a.py", "before the rotation"},
		vllmRecord{"01-02 03:05:01", "INFO", "", "a.py", "after the rotation"})
	r.await(want)

	require.NoError(t, p.Stop(), p.Output())
	write(t, file, "INFO 01-02 03:06:00 [a.py:1] while it was away\n")
	r.start()
	r.await(append(want, vllmRecord{"01-02 03:06:00", "INFO", "", "a.py", "while it was away"}))
}

// TestVLLMLogOfContainer reads the same messages from a container runtime's file, and lets access lines through.
func TestVLLMLogOfContainer(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "models_vllm-0_00000000-0000-4000-8000-000000000000", "vllm")
	require.NoError(t, os.MkdirAll(folder, 0o700))
	file := filepath.Join(folder, "0.log")
	r := newVLLMReader(t, file, "VLLM_LOG_FORMAT=container", "VLLM_ACCESS_DROPPED=0")
	r.pod = "vllm-0"
	var lines strings.Builder
	for line := range strings.Lines(vllmLog[:strings.Index(vllmLog, "Traceback (most recent call last):\n  ")]) {
		fmt.Fprintf(&lines, "2026-01-02T03:04:05.000000001Z stdout F %s", line)
	}
	write(t, file, lines.String())
	r.start()
	want := append([]vllmRecord{}, vllmRecords[:5]...)
	want[3].Time = "01-02 03:04:05" // the runtime's
	r.await(append(want, vllmRecord{"01-02 03:04:05", "INFO", "APIServer", "", `127.0.0.1:1234 - "POST /v1/embeddings HTTP/1.1" 200 OK`}))
}

type vllmReader struct {
	t    *testing.T
	out  string
	pod  string // that records have to name
	env  []string
	args []string
}

func newVLLMReader(t *testing.T, file string, env ...string) *vllmReader {
	r := &vllmReader{t: t, out: filepath.Join(t.TempDir(), "out.jsonl")}
	r.env = append(env, "VLLM_LOG="+file, "VLLM_LOG_TIMEZONE=UTC", "VLLM_LOG_EXPORTERS=[file]")
	r.args = []string{"--config", fmt.Sprintf(`yaml:
extensions: {file_storage: {directory: %q}}
processors: {memory_limiter: {check_interval: 1s, limit_mib: 512}}
exporters: {file: {path: %q, append: true, flush_interval: 100ms}}
service: {extensions: [file_storage], telemetry: {metrics: {level: none}}}
`, t.TempDir(), r.out), "--config", filepath.Join(collector.Root(t), "config/logs/vllm.yaml")}
	return r
}

func (r *vllmReader) start() *collector.Process {
	return collector.Start(r.t, collector.Binary(r.t), r.env, r.args...)
}

// await waits for the records, and a little longer for what should not come. Errors come later than others, so that order is none.
func (r *vllmReader) await(want []vllmRecord) {
	r.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for len(r.records()) < len(want) && time.Now().Before(deadline) {
		time.Sleep(100 * time.Millisecond)
	}
	time.Sleep(time.Second)
	assert.ElementsMatch(r.t, want, r.records())
}

func (r *vllmReader) records() (records []vllmRecord) {
	file, err := os.Open(r.out)
	if os.IsNotExist(err) {
		return nil
	}
	require.NoError(r.t, err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var batch struct {
			ResourceLogs []struct {
				Resource  struct{ Attributes []vllmAttribute }
				ScopeLogs []struct {
					LogRecords []struct {
						TimeUnixNano int64 `json:",string"`
						SeverityText string
						Body         struct{ StringValue string }
						Attributes   []vllmAttribute
					}
				}
			}
		}
		require.NoError(r.t, json.Unmarshal(lines.Bytes(), &batch))
		for _, resource := range batch.ResourceLogs {
			identity := map[string]string{}
			for _, a := range resource.Resource.Attributes {
				identity[a.Key] = a.Value.StringValue
			}
			require.Equal(r.t, "vllm", identity["service.name"])
			require.Equal(r.t, r.pod, identity["k8s.pod.name"])
			for _, l := range resource.ScopeLogs[0].LogRecords {
				record := vllmRecord{Severity: l.SeverityText, Body: l.Body.StringValue}
				if l.TimeUnixNano > 0 {
					record.Time = time.Unix(0, l.TimeUnixNano).UTC().Format("01-02 15:04:05")
				}
				for _, a := range l.Attributes {
					switch a.Key {
					case "vllm.process":
						record.Process = a.Value.StringValue
					case "code.file.path":
						record.Code = a.Value.StringValue
					case "level", "time", "header", "message":
						assert.Fail(r.t, "an attribute of parsing is left", a.Key)
					}
				}
				records = append(records, record)
			}
		}
	}
	return records
}

type vllmAttribute struct {
	Key   string
	Value struct{ StringValue string }
}

func write(t *testing.T, name, text string) {
	t.Helper()
	file, err := os.OpenFile(name, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	require.NoError(t, err)
	_, err = file.WriteString(text)
	require.NoError(t, err)
	require.NoError(t, file.Close())
}
