package dashboards

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// paths are where the sources of data answer queries.
var paths = map[string]string{"prometheus": "/api/v1/", "loki": "/loki/api/v1/"}

// Answer is what a Prometheus or a Loki says to a query.
type Answer struct {
	Query Query
	// Expr is the expression as it was sent.
	Expr string
	// Series counts those with a value that is a number, or with lines; NaN, of quotients without data, is none.
	Series int
	// Err is set where the query was refused.
	Err error
}

// Run runs the queries of a source, prometheus or loki, against the one at base, over the range of values that ends at end, as
// Grafana does. Others are left out.
func Run(ctx context.Context, source, base string, queries []Query, values Values, end time.Time) []Answer {
	var answers []Answer
	for _, q := range queries {
		if q.Source != source {
			continue
		}
		a := Answer{Query: q, Expr: q.Fill(values)}
		a.Series, a.Err = ask(ctx, base+paths[source], a.Expr, q.Instant, values, end)
		answers = append(answers, a)
	}
	return answers
}

func ask(ctx context.Context, base, expr string, instant bool, values Values, end time.Time) (int, error) {
	at := func(t time.Time) string { return strconv.FormatFloat(float64(t.UnixMilli())/1000, 'f', 3, 64) }
	path, form := "query_range", url.Values{"query": {expr}}
	if instant {
		path = "query"
		form.Set("time", at(end))
	} else {
		form.Set("start", at(end.Add(-values.Range)))
		form.Set("end", at(end))
		form.Set("step", strconv.FormatFloat(values.Interval.Seconds(), 'f', 3, 64))
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path+"?"+form.Encode(), nil)
	if err != nil {
		return 0, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err
	}
	var answer struct {
		Status, Error string
		Data          struct {
			ResultType string
			Result     []struct {
				Value  [2]any
				Values [][2]any
			}
		}
	}
	if err := json.Unmarshal(content, &answer); err != nil {
		return 0, fmt.Errorf("%s: %s", response.Status, content) // Loki says in plain text what is wrong
	}
	if answer.Status != "success" {
		return 0, fmt.Errorf("%s: %s", response.Status, answer.Error)
	}
	if answer.Data.ResultType == "streams" {
		return len(answer.Data.Result), nil // of lines
	}
	series := 0
	for _, r := range answer.Data.Result {
		for _, v := range append(r.Values, r.Value) {
			if number(v[1]) {
				series++
				break
			}
		}
	}
	return series, nil
}

// number says whether a sample's value, which is a string in JSON, is a number that a panel can show.
func number(value any) bool {
	text, ok := value.(string)
	if !ok {
		return false
	}
	f, err := strconv.ParseFloat(text, 64)
	return err == nil && !math.IsNaN(f)
}
