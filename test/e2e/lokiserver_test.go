//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-embedding/otelcol-embedding/test/collector"
)

// lokiServer is a real Loki with the configuration of deploy/loki.
type lokiServer struct {
	t   *testing.T
	url string
}

// startLoki starts one. $E2E_LOKI names the program.
func startLoki(t *testing.T) *lokiServer {
	t.Helper()
	binary := os.Getenv("E2E_LOKI")
	require.NotEmpty(t, binary, "this test needs Loki: make build/backends/loki, and E2E_LOKI=$PWD/build/backends/loki")
	host, port, _ := strings.Cut(collector.Address(t), ":")
	_, grpc, _ := strings.Cut(collector.Address(t), ":")
	p := collector.Start(t, binary, []string{
		"LOKI_ADDRESS=" + host, "LOKI_HTTP_PORT=" + port, "LOKI_GRPC_PORT=" + grpc, "LOKI_DATA=" + t.TempDir(),
	}, "-config.expand-env=true", "-config.file="+filepath.Join(collector.Root(t), "deploy/loki/loki.yaml"))
	l := &lokiServer{t: t, url: "http://" + host + ":" + port}
	p.WaitHTTP(l.url + "/ready")
	return l
}

// lokiLine is a line with its labels and structured metadata, which answers have in one map.
type lokiLine struct {
	Labels map[string]string
	Line   string
}

// lines returns the newest lines that a query finds, 1,000 at most.
func (l *lokiServer) lines(expr string) []lokiLine {
	l.t.Helper()
	var answer struct {
		Data struct {
			Result []struct {
				Stream map[string]string
				Values [][2]string
			}
		}
	}
	l.get("query_range", url.Values{"query": {expr}, "since": {"1h"}, "limit": {"1000"}}, &answer)
	var lines []lokiLine
	for _, r := range answer.Data.Result {
		for _, v := range r.Values {
			lines = append(lines, lokiLine{Labels: r.Stream, Line: v[1]})
		}
	}
	return lines
}

// streams returns the index labels of every stream.
func (l *lokiServer) streams() []map[string]string {
	l.t.Helper()
	now := time.Now()
	var answer struct{ Data []map[string]string }
	l.get("series", url.Values{
		"match[]": {`{service_name=~".+"}`}, "start": {fmt.Sprint(now.Add(-time.Hour).UnixNano())}, "end": {fmt.Sprint(now.UnixNano())},
	}, &answer)
	return answer.Data
}

func (l *lokiServer) get(path string, form url.Values, into any) {
	l.t.Helper()
	require.Equal(l.t, http.StatusOK, getJSON(l.t, l.url+"/loki/api/v1/"+path+"?"+form.Encode(), into), form)
}
