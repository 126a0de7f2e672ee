package embeddingmetricsconnector

import (
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/exporter/prometheusexporter"
	"github.com/prometheus/common/expfmt"
	prom "github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/exporter/exportertest"
	"go.opentelemetry.io/collector/pdata/pmetric"
)

// prometheusFamilies are the families that a scrape must show, with their types and exactly their labels.
var prometheusFamilies = map[string]string{
	"embedding_requests_total":           "COUNTER model task_type",
	"embedding_request_errors_total":     "COUNTER error_type model status_code",
	"embedding_request_duration_seconds": "HISTOGRAM model",
	"embedding_input_tokens":             "HISTOGRAM model",
	"embedding_batch_size":               "HISTOGRAM model",
	"embedding_input_characters":         "HISTOGRAM model",
	"embedding_input_utilization":        "HISTOGRAM model",
	"embedding_request_anomalies_total":  "COUNTER anomaly model",
	"embedding_server_duration_seconds":  "HISTOGRAM model phase",
	"embedding_vectors_total":            "COUNTER dimension model",
	"embedding_vectors_invalid_total":    "COUNTER model reason",
	"embedding_vectors_outliers_total":   "COUNTER model",
	"embedding_canary_requests_total":    "COUNTER model",

	"embedding_norm_mean":          "GAUGE dimension model replica task_type",
	"embedding_norm_stddev":        "GAUGE dimension model replica task_type",
	"embedding_norm_min":           "GAUGE dimension model replica task_type",
	"embedding_norm_max":           "GAUGE dimension model replica task_type",
	"embedding_cosine_mean":        "GAUGE dimension model replica task_type",
	"embedding_cosine_stddev":      "GAUGE dimension model replica task_type",
	"embedding_cosine_quantile":    "GAUGE dimension model quantile replica task_type",
	"embedding_cosine_ks":          "GAUGE dimension model replica task_type",
	"embedding_effective_rank":     "GAUGE dimension model replica task_type",
	"embedding_quality_evidence":   "GAUGE dimension model replica statistic task_type",
	"embedding_reference_windows":  "GAUGE dimension model replica task_type",
	"embedding_variance_shift":     "GAUGE dimension model replica task_type",
	"embedding_centroid_distance":  "GAUGE dimension model replica task_type",
	"embedding_mean_shift_z":       "GAUGE dimension model replica task_type",
	"embedding_reference_vectors":  "GAUGE dimension model replica task_type",
	"embedding_repeats":            "GAUGE dimension model replica task_type",
	"embedding_repeats_mismatches": "GAUGE dimension model replica task_type",
	"embedding_repeats_cosine_min": "GAUGE dimension model replica task_type",
	"embedding_quality_state":      "GAUGE dimension model replica task_type verdict",

	"gen_ai_client_operation_duration_seconds": "HISTOGRAM error_type gen_ai_operation_name gen_ai_provider_name " +
		"gen_ai_request_model gen_ai_response_model server_address server_port",
	"gen_ai_client_embeddings_duration_seconds": "HISTOGRAM error_type gen_ai_operation_name gen_ai_provider_name " +
		"gen_ai_request_model gen_ai_response_model server_address server_port",
	"gen_ai_client_embeddings_operation_input_tokens": "HISTOGRAM gen_ai_operation_name gen_ai_provider_name " +
		"gen_ai_request_model gen_ai_response_model server_address server_port",
	"gen_ai_client_token_usage": "HISTOGRAM gen_ai_operation_name gen_ai_provider_name gen_ai_request_model " +
		"gen_ai_response_model gen_ai_token_type server_address server_port",
}

func TestPrometheusShowsExactlyTheseNamesAndLabels(t *testing.T) {
	body := scrape(t, everything(t, quietConfig()), "text/plain")
	parser := expfmt.NewTextParser(prom.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	require.NoError(t, err)

	got := map[string]string{}
	for name, family := range families {
		labels := map[string]bool{}
		for _, m := range family.Metric {
			for _, l := range m.Label {
				labels[l.GetName()] = true
			}
		}
		got[name] = strings.Join(append([]string{family.GetType().String()}, slices.Sorted(maps.Keys(labels))...), " ")
	}
	require.Equal(t, prometheusFamilies, got)

	for _, line := range []string{
		`embedding_requests_total{model="m",task_type="general"} 2`,
		`embedding_request_errors_total{error_type="InternalServerError",model="m",status_code="503"} 1`,
		`embedding_request_duration_seconds_bucket{model="m",le="0.25"} 2`,
		`embedding_input_tokens_bucket{model="m",le="64"} 0`,
		`embedding_input_tokens_bucket{model="m",le="128"} 1`,
	} {
		require.Contains(t, body, line+"\n")
	}
}

func TestPrometheusShowsExemplars(t *testing.T) {
	body := scrape(t, everything(t, quietConfig()), "application/openmetrics-text; version=1.0.0")
	id := call("m").TraceID
	require.Contains(t, body, fmt.Sprintf(`trace_id="%x"`, id[:]))
}

// scrape passes metrics through the Prometheus exporter and returns what it serves.
func scrape(t *testing.T, metrics pmetric.Metrics, accept string) string {
	return scrapeAfter(t, []pmetric.Metrics{metrics}, accept)
}

// scrapeAfter returns the page after several deliveries.
func scrapeAfter(t *testing.T, deliveries []pmetric.Metrics, accept string) string {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	endpoint := free.Addr().String()
	require.NoError(t, free.Close())

	factory := prometheusexporter.NewFactory()
	cfg := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(map[string]any{
		"endpoint": endpoint, "without_scope_info": true, "enable_open_metrics": true,
	}).Unmarshal(cfg))
	exporter, err := factory.CreateMetrics(t.Context(), exportertest.NewNopSettings(factory.Type()), cfg)
	require.NoError(t, err)
	require.NoError(t, exporter.Start(t.Context(), componenttest.NewNopHost()))
	defer func() { require.NoError(t, exporter.Shutdown(t.Context())) }()
	for _, metrics := range deliveries {
		require.NoError(t, exporter.ConsumeMetrics(t.Context(), metrics))
	}

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+endpoint+"/metrics", nil)
	require.NoError(t, err)
	request.Header.Set("Accept", accept)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	require.NoError(t, err)
	defer func() { require.NoError(t, response.Body.Close()) }()
	body, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, response.StatusCode)
	return string(body)
}
