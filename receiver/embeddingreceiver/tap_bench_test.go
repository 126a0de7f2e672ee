package embeddingreceiver

import (
	"bytes"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-embedding/otelcol-embedding/internal/dialect"
)

// benchAnswers are one vector as clients mostly ask for it, and a batch in the larger form.
var benchAnswers = []struct {
	name   string
	answer []byte
}{
	{"1x2560_base64", embeddingsAnswer(1, 2560, true)},
	{"32x2560_float", embeddingsAnswer(32, 2560, false)},
}

// BenchmarkCall measures one call over a kept connection: straight to the server, through Go's plain reverse proxy, and
// through the tap. Allocations are those of client, proxy, server and analysis together. A call whose answer is cut off
// counts as failed: Go's plain proxy loses some when a server answers at once.
func BenchmarkCall(b *testing.B) {
	for _, payload := range benchAnswers {
		upstream := serveUpstream(b, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			w.Header().Set("Content-Type", jsonType)
			_, _ = w.Write(payload.answer)
		})
		b.Run("direct/"+payload.name, func(b *testing.B) { benchmarkCall(b, upstream.URL) })
		b.Run("reverseproxy/"+payload.name, func(b *testing.B) {
			target, err := url.Parse(upstream.URL)
			if err != nil {
				b.Fatal(err)
			}
			transport := http.DefaultTransport.(*http.Transport).Clone()
			transport.MaxIdleConnsPerHost = defaultUpstreamIdleConns
			defer transport.CloseIdleConnections()
			proxy := httptest.NewServer(&httputil.ReverseProxy{
				Rewrite:   func(pr *httputil.ProxyRequest) { pr.SetURL(target) },
				Transport: transport,
				ErrorLog:  log.New(io.Discard, "", 0),
			})
			defer proxy.Close()
			benchmarkCall(b, proxy.URL)
		})
		b.Run("tap/"+payload.name, func(b *testing.B) {
			r := startReceiver(b, options{upstream: upstream.URL, nextLogs: consumertest.NewNop(), noTraces: true})
			benchmarkCall(b, r.tap)
			b.ReportMetric(float64(r.dropped(b)["queue_full"])/float64(b.N), "dropped/op")
		})
	}
}

func benchmarkCall(b *testing.B, base string) {
	client := newClient(b)
	body := []byte(`{"model":"qwen3-embedding-4b","input":"What is the capital of France?","encoding_format":"base64"}`)
	answer := make([]byte, 4<<20)
	failed := 0
	call := func() {
		res, err := client.Post(base+"/v1/embeddings", jsonType, bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for err == nil {
			var m int
			m, err = res.Body.Read(answer)
			n += m
		}
		if err != io.EOF {
			failed++
		}
		_ = res.Body.Close() // read to the end
		b.SetBytes(int64(n))
	}
	call() // opens the connections
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		call()
	}
	b.ReportMetric(float64(failed), "failed")
}

// BenchmarkAnalysis measures what a worker does with one call, off the way of the call.
func BenchmarkAnalysis(b *testing.B) {
	for _, payload := range benchAnswers {
		b.Run(payload.name, func(b *testing.B) {
			m := newMemory(1<<30, 1<<24)
			w := newTestWorker(m)
			request := []byte(`{"model":"qwen3-embedding-4b","input":"What is the capital of France?"}`)
			b.SetBytes(int64(len(payload.answer)))
			b.ReportAllocs()
			for b.Loop() {
				c := &call{dialect: dialect.OpenAI{}, start: time.Now(), status: http.StatusOK, header: http.Header{}}
				c.request.write(m, request, len(request))
				c.response.write(m, payload.answer, len(payload.answer))
				w.describe(c)
				if why := w.analyze(c); why != "" {
					b.Fatal(why)
				}
				c.release(m)
				w.event.WriteLogRecord(plog.NewLogRecord(), time.Now())
			}
		})
	}
}
