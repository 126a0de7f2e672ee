package dashboards

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"slices"
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

// Series is one series of an answer, with samples or with lines of a log.
type Series struct {
	Labels  map[string]string
	Samples []Sample
	Lines   []Line
}

// Sample is a value at a time.
type Sample struct {
	Time  time.Time
	Value float64
}

// Line is a line of a log.
type Line struct {
	Time time.Time
	Text string
}

// Fetch runs one query against the source of the query at base and returns its series, over the range of values that ends at end
// or, if the query is instant, at end.
func Fetch(ctx context.Context, base string, q Query, values Values, end time.Time) ([]Series, error) {
	return fetch(ctx, base+paths[q.Source], q.Fill(values), q.Instant, values, end)
}

func ask(ctx context.Context, base, expr string, instant bool, values Values, end time.Time) (int, error) {
	found, err := fetch(ctx, base, expr, instant, values, end)
	series := 0
	for _, s := range found {
		number := func(s Sample) bool { return !math.IsNaN(s.Value) }
		if len(s.Lines) > 0 || slices.ContainsFunc(s.Samples, number) {
			series++
		}
	}
	return series, err
}

func fetch(ctx context.Context, base, expr string, instant bool, values Values, end time.Time) ([]Series, error) {
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
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Status, Error string
		Data          struct {
			ResultType string
			Result     []struct {
				Metric, Stream map[string]string
				Value          *[2]any
				Values         [][2]any
			}
		}
	}
	if err := json.Unmarshal(content, &answer); err != nil {
		return nil, fmt.Errorf("%s: %s", response.Status, content) // Loki says in plain text what is wrong
	}
	if answer.Status != "success" {
		return nil, fmt.Errorf("%s: %s", response.Status, answer.Error)
	}
	var found []Series
	for _, r := range answer.Data.Result {
		if answer.Data.ResultType == "streams" {
			found = append(found, Series{Labels: r.Stream, Lines: lines(r.Values)})
			continue
		}
		if r.Value != nil {
			r.Values = append(r.Values, *r.Value)
		}
		found = append(found, Series{Labels: r.Metric, Samples: samples(r.Values)})
	}
	return found, nil
}

// samples reads values, which are strings in JSON.
func samples(pairs [][2]any) []Sample {
	var all []Sample
	for _, pair := range pairs {
		seconds, _ := pair[0].(float64)
		text, _ := pair[1].(string)
		if value, err := strconv.ParseFloat(text, 64); err == nil {
			all = append(all, Sample{Time: time.UnixMilli(int64(seconds * 1000)), Value: value})
		}
	}
	return all
}

// lines reads lines, whose times are nanoseconds as text.
func lines(pairs [][2]any) []Line {
	var all []Line
	for _, pair := range pairs {
		at, _ := pair[0].(string)
		text, _ := pair[1].(string)
		if nanoseconds, err := strconv.ParseInt(at, 10, 64); err == nil {
			all = append(all, Line{Time: time.Unix(0, nanoseconds), Text: text})
		}
	}
	return all
}
