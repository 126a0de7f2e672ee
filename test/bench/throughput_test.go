package bench

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

const (
	// concurrency is the number of clients that send one request after the other.
	concurrency = 32
	// warmUp is how long they do before anything is measured: the collector takes a second to see that it is short of CPU.
	warmUp = 3 * time.Second
)

// BenchmarkThroughput saturates a server directly, through Go's plain httputil.ReverseProxy, through nginx where it is
// installed, and through the collector with analysis on. It reports requests a second and, for the collector, the share of
// vectors that were read and judged, the warm-up included.
//
//	go test -run '^$' -bench Throughput -benchtime 5000x -count 5 ./test/bench
func BenchmarkThroughput(b *testing.B) {
	for _, payload := range payloads {
		answer := embeddingAnswer(payload.rows, payload.base64)
		server := httptest.NewServer(answerFromMemory(answer))
		b.Cleanup(server.Close)
		request := embeddingRequest(payload.rows)
		for _, target := range targets {
			b.Run(payload.name+"/"+target, func(b *testing.B) {
				base, _, metrics := startTarget(b, target, server.URL)
				for start := time.Now(); time.Since(start) < warmUp; {
					saturate(b, base+"/v1/embeddings", request, 10*concurrency)
				}
				b.ResetTimer()
				start := time.Now()
				saturate(b, base+"/v1/embeddings", request, b.N)
				b.StopTimer()
				b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "requests/s")
				if metrics != "" {
					b.ReportMetric(100*readShare(b, metrics, payload.rows), "%-read")
				}
			})
		}
	}
}

// saturate sends n requests from all clients together.
func saturate(b *testing.B, url string, request []byte, n int) {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: concurrency, DisableCompression: true}}
	defer client.CloseIdleConnections()
	var left atomic.Int64
	left.Store(int64(n))
	var wg sync.WaitGroup
	errs := make(chan error, concurrency)
	for range concurrency {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := post(client, url, request); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(b, err)
	}
}

func post(client *http.Client, url string, request []byte) error {
	resp, err := client.Post(url, "application/json", bytes.NewReader(request))
	if err != nil {
		return err
	}
	return collector.Answered(resp)
}

// readShare waits until the collector has counted every call that it will, and returns the share of vectors that it read.
func readShare(b *testing.B, metrics string, rows int) float64 {
	calls, vectors := -1.0, 0.0
	require.Eventually(b, func() bool {
		before := calls
		calls, vectors = scrape(b, metrics, "embedding_requests_total"), scrape(b, metrics, "embedding_vectors_total")
		return calls > 0 && calls == before
	}, time.Minute, 6*time.Second) // longer than the connector's interval
	return vectors / (calls * float64(rows))
}

// scrape returns the sum of a family's samples.
func scrape(b *testing.B, url, family string) (sum float64) {
	resp, err := http.Get(url)
	require.NoError(b, err)
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	require.NoError(b, err)
	for line := range strings.Lines(string(page)) {
		if rest, ok := strings.CutPrefix(line, family+"{"); ok {
			_, value, _ := strings.Cut(rest, "} ")
			var v float64
			_, err := fmt.Sscan(value, &v)
			require.NoError(b, err)
			sum += v
		}
	}
	return sum
}
