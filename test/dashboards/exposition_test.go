package dashboards

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// exposition serves every metric of the catalog with every declared value of its labels, in the text format of
// Prometheus. Counters grow and states change with time, so that rates and annotations have something to show.
type exposition struct {
	catalog map[string]metric
	start   time.Time
	changed atomic.Bool // whether states are others than at the start
}

// free are values of labels that take any.
var free = map[string][]string{
	"model": {"qwen3-embedding-4b"}, "task_type": {"query", "document"}, "dimension": {"2560"},
	"replica": {"gpu-a:8000", "gpu-b:8000"}, "target": {"gpu-a"}, "check": {"recall_at_1", "kendall_tau"},
	"status_code": {"500"}, "error_type": {"timeout"}, "device": {"gpu0"},
	"nvml_xid_code": {"79"},
}

// devices are the labels of a GPU and of a MIG device on another.
var devices = []map[string]string{
	{"hw_id": "GPU-0", "hw_name": "gpu0", "hw_type": "gpu", "hw_parent": "", "hw_model": "NVIDIA H200", "hw_vendor": "NVIDIA"},
	{"hw_id": "MIG-1", "hw_name": "gpu1:0", "hw_type": "gpu", "hw_parent": "GPU-1", "hw_model": "NVIDIA H200 MIG", "hw_vendor": "NVIDIA"},
}

// oneHot are the labels of which one value at a time is the state.
var oneHot = map[string]string{
	"embedding_quality_state": "verdict", "embedding_canary_verdict": "verdict", "embedding_canary_outcome": "outcome", "hw_status": "hw_state",
}

func (e *exposition) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	for _, name := range slices.Sorted(maps.Keys(e.catalog)) {
		m := e.catalog[name]
		_, _ = fmt.Fprintf(w, "# TYPE %s %s\n", name, m.kind)
		for _, labels := range combinations(m.labels) {
			e.write(w, name, m, labels)
		}
	}
}

func (e *exposition) write(w io.Writer, name string, m metric, labels map[string]string) {
	grown := time.Since(e.start).Seconds()
	switch {
	case m.kind == "histogram":
		for i, bound := range []string{"0.1", "0.5", "2", "8", "64", "512", "+Inf"} {
			_, _ = fmt.Fprintf(w, "%s_bucket{%s} %f\n", name, text(labels, "le", bound), grown*float64(i+1))
		}
		_, _ = fmt.Fprintf(w, "%s_sum{%s} %f\n%s_count{%s} %f\n", name, text(labels), grown*20, name, text(labels), grown*7)
		return
	case oneHot[name] != "":
		states := slices.Sorted(slices.Values(m.labels[oneHot[name]]))
		current := states[0]
		if e.changed.Load() {
			current = states[len(states)-1]
		}
		grown = 0
		if labels[oneHot[name]] == current {
			grown = 1
		}
	case strings.HasSuffix(name, "_time_seconds"):
		grown = float64(time.Now().Unix())
	case m.kind == "gauge":
		grown = 0.5
	}
	_, _ = fmt.Fprintf(w, "%s{%s} %f\n", name, text(labels), grown)
}

// combinations returns the product of the labels' values; labels of hardware belong together.
func combinations(labels map[string][]string) []map[string]string {
	all := []map[string]string{{}}
	for _, label := range slices.Sorted(maps.Keys(labels)) {
		values := labels[label]
		if _, ok := devices[0][label]; ok {
			continue
		}
		if len(values) == 0 {
			values = free[label]
		}
		if len(values) == 0 {
			values = []string{"x"}
		}
		all = times(all, values, func(into map[string]string, value string) { into[label] = value })
	}
	if _, ok := labels["hw_name"]; !ok {
		return all
	}
	return times(all, devices, func(into, device map[string]string) { maps.Copy(into, device) })
}

func times[T any](sets []map[string]string, values []T, put func(map[string]string, T)) []map[string]string {
	var product []map[string]string
	for _, set := range sets {
		for _, value := range values {
			next := maps.Clone(set)
			put(next, value)
			product = append(product, next)
		}
	}
	return product
}

func text(labels map[string]string, more ...string) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		parts = append(parts, fmt.Sprintf("%s=%q", name, labels[name]))
	}
	for i := 0; i < len(more); i += 2 {
		parts = append(parts, fmt.Sprintf("%s=%q", more[i], more[i+1]))
	}
	return strings.Join(parts, ",")
}
