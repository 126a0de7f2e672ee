//go:build e2e

package e2e

import (
	"crypto/rand"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// litellm returns the interpreter of LiteLLM's virtual environment.
func litellm(t *testing.T) string {
	interpreter := os.Getenv("E2E_LITELLM")
	require.NotEmpty(t, interpreter, "$E2E_LITELLM is not set; run `make e2e`")
	return interpreter
}

// officialPython returns the interpreter of the virtual environment of OpenAI's client.
func officialPython(t *testing.T) string {
	interpreter := os.Getenv("E2E_PYTHON")
	require.NotEmpty(t, interpreter, "$E2E_PYTHON is not set; run `make e2e`")
	return interpreter
}

// TestLiteLLM runs LiteLLM's Python SDK through the tap: its own client for vLLM, and OpenAI's as it uses it.
func TestLiteLLM(t *testing.T) {
	s := startWiredStack(t)
	report := python(t, litellm(t), nil, "litellm_sdk.py", s.tap+"/v1", s.direct.url+"/v1", model)
	s.assertUnseen()
	for _, e := range s.through.calls() {
		assert.NotEmpty(t, e.header.Get("Traceparent"), "the caller's trace")
		assert.NotEmpty(t, e.header.Get("Tracestate"), "the caller's trace")
	}
	notFinite := 0
	for _, e := range s.assertEvents(report) {
		notFinite += int(e.Quality.Counts.NonFinite)
	}
	assert.Equal(t, 2, notFinite, "a planted vector for each of LiteLLM's clients")
}

// TestLiteLLMProxy puts LiteLLM's proxy in front of the tap, and calls it with the official OpenAI client.
func TestLiteLLMProxy(t *testing.T) {
	s := startWiredStack(t)
	folder := filepath.Join(collector.Root(t), "test", "clients")
	address := collector.Address(t)
	host, port, _ := strings.Cut(address, ":")
	secret := make([]byte, 24)
	_, _ = rand.Read(secret)
	key := "LITELLM_MASTER_KEY=sk-" + hex.EncodeToString(secret) // weak ones are refused
	proxy := collector.Start(t, litellm(t), append([]string{
		key,
		"TAP=" + s.tap + "/v1",
		"DIRECT=" + s.direct.url + "/v1",
		"MODEL_HOSTED_VLLM=hosted_vllm/" + model,
		"MODEL_OPENAI=openai/" + model,
		"DEFAULT_MAX_RETRIES=0", // of OpenAI's client, for each of the proxy's own attempts
		// Nothing is downloaded at start.
		"LITELLM_LOCAL_MODEL_COST_MAP=True", "LITELLM_LOCAL_BLOG_POSTS=True", "LITELLM_LOCAL_POLICY_TEMPLATES=True",
		"LITELLM_LOCAL_AUTOROUTER_PRESETS=True", "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS=True",
	}, loopbackOnly...), filepath.Join(filepath.Dir(litellm(t)), "litellm"),
		"--config", filepath.Join(folder, "litellm.yaml"), "--host", host, "--port", port, "--telemetry", "False")
	proxy.WaitHTTP("http://" + address + "/health/liveliness")

	report := python(t, officialPython(t), []string{key}, "litellm_proxy.py", "http://"+address+"/v1", s.direct.url+"/v1")
	s.assertUnseen()
	for _, e := range s.through.calls() {
		assert.NotEmpty(t, e.header.Get("X-Request-Id"), "the client's header")
	}
	for _, e := range s.assertEvents(report) {
		assert.True(t, e.TraceID.IsEmpty(), "LiteLLM keeps the client's traceparent to itself")
	}
}
