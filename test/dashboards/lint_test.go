package dashboards

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

var uids = []string{"embedding-canary", "embedding-collector", "embedding-gpus", "embedding-overview", "embedding-vectors"}

func TestBoards(t *testing.T) {
	var found []string
	for _, b := range load(t) {
		found = append(found, b.UID)
		assert.Equal(t, b.UID+".json", b.File, "files are named by their dashboard's uid")
		assert.NotEmpty(t, b.Title, b.File)
		assert.NotEmpty(t, b.Description, b.File)
		assert.Equal(t, "30s", b.Refresh, "%s: refresh", b.UID)
		assert.Equal(t, [2]string{"now-1h", "now"}, [2]string{b.Time.From, b.Time.To}, "%s: time", b.UID)
		linked := slices.ContainsFunc(b.Links, func(l Link) bool {
			return l.Type == "dashboards" && l.KeepTime && l.IncludeVars && slices.ContainsFunc(l.Tags, func(tag string) bool { return slices.Contains(b.Tags, tag) })
		})
		assert.True(t, linked, "%s: want a link of the type dashboards to one of its own tags %v, which keeps time and variables", b.UID, b.Tags)
	}
	assert.Equal(t, uids, found, "uids are parts of addresses that rules and pages link to")
}

func TestPanels(t *testing.T) {
	for _, b := range load(t) {
		ids := map[int]string{}
		for _, p := range b.Panels {
			at := b.UID + ", panel " + p.Title
			assert.Empty(t, ids[p.ID], "%s has the id %d of another panel", at, p.ID)
			ids[p.ID] = p.Title
			assert.NotEmpty(t, p.Title, at)
			assert.LessOrEqual(t, p.GridPos.X+p.GridPos.W, 24, "%s is wider than the page", at)
			if p.Type == "row" {
				continue
			}
			lintPanel(t, at, p)
		}
		for i, p := range b.Panels {
			for _, o := range b.Panels[i+1:] {
				apart := p.GridPos.X+p.GridPos.W <= o.GridPos.X || o.GridPos.X+o.GridPos.W <= p.GridPos.X ||
					p.GridPos.Y+p.GridPos.H <= o.GridPos.Y || o.GridPos.Y+o.GridPos.H <= p.GridPos.Y
				assert.True(t, apart, "%s: %q lies on %q", b.UID, p.Title, o.Title)
				beside := p.GridPos.Y == o.GridPos.Y && (p.Repeat != "" || o.Repeat != "")
				assert.False(t, beside, "%s: %q and %q are side by side, and one is repeated to the right", b.UID, p.Title, o.Title)
			}
		}
	}
}

func lintPanel(t *testing.T, at string, p Panel) {
	assert.Greater(t, len(p.Description), 20, "%s: say what it shows and what to do", at)
	defaults := p.FieldConfig.Defaults
	assert.NotEmpty(t, defaults.NoValue, "%s: noValue has to say what is missing where there is no data", at)
	assert.NotEmpty(t, p.Targets, "%s has no query", at)
	if assert.NotNil(t, p.Datasource, at) {
		assert.Regexp(t, `^\$\{(prometheus|loki)\}$`, p.Datasource.UID, "%s: the data source has to be a variable", at)
	}

	if assert.NotNil(t, defaults.Thresholds, "%s: without thresholds Grafana fills in a red line at 80", at) {
		steps := defaults.Thresholds.Steps
		line := defaults.Custom.ThresholdsStyle != nil && defaults.Custom.ThresholdsStyle.Mode != "off"
		assert.Equal(t, line, len(steps) > 1, "%s: thresholds that no line shows are left over, and a line needs one: %d steps", at, len(steps))
		assert.True(t, len(steps) > 0 && steps[0].Value == nil, "%s: the first step has to have no value", at)
	}
	if p.Type == "timeseries" || p.Type == "stat" {
		assert.NotEmpty(t, defaults.Unit, "%s: unit", at)
	}
	if p.Type == "timeseries" || p.Type == "state-timeline" {
		legend := p.Options.Legend
		assert.True(t, legend != nil && legend.ShowLegend && legend.Placement == "bottom", "%s: the legend has to be shown below the panel", at)
	}
	if p.Type == "state-timeline" {
		assert.NotEmpty(t, defaults.Mappings, "%s: states need names", at)
	}

	var refs []string
	for _, target := range p.Targets {
		assert.NotContains(t, refs, target.RefID, "%s: two queries of one name", at)
		refs = append(refs, target.RefID)
		if assert.NotNil(t, target.Datasource, "%s, query %s", at, target.RefID) && p.Datasource != nil {
			assert.Equal(t, *p.Datasource, *target.Datasource, "%s, query %s: another data source than the panel", at, target.RefID)
		}
		if p.Type == "heatmap" {
			assert.Equal(t, "heatmap", target.Format, "%s, query %s: format", at, target.RefID)
			assert.Contains(t, target.Expr, "sum by (le)", "%s, query %s: a heat map is of buckets", at, target.RefID)
		}
	}
	exemplars := slices.ContainsFunc(p.Targets, func(t Target) bool { return t.Exemplar })
	latency := slices.ContainsFunc(p.Targets, func(t Target) bool {
		return strings.Contains(t.Expr, "embedding_request_duration_seconds_bucket") && strings.Contains(t.Expr, "quantile")
	})
	assert.Equal(t, latency, exemplars, "%s: panels of latency have exemplars, and no others", at)
	if exemplars {
		toTraces := slices.ContainsFunc(p.Links, func(l Link) bool { return strings.Contains(l.URL, "${traces}") })
		assert.True(t, toTraces, "%s: want a link to ${traces}", at)
	}
	for _, l := range p.Links {
		if board, ok := strings.CutPrefix(l.URL, "/d/"); ok {
			uid, _, _ := strings.Cut(board, "?")
			assert.Contains(t, uids, uid, "%s: the link %q leads nowhere", at, l.Title)
		}
	}
}

// TestVariables looks at what variables there are, that each is used, and that queries use no others.
func TestVariables(t *testing.T) {
	for _, b := range load(t) {
		names := map[string]Variable{}
		for _, v := range b.Templating.List {
			names[v.Name] = v
			assert.NotEmpty(t, v.Label, "%s: variable %s", b.UID, v.Name)
			assert.NotEmpty(t, v.Description, "%s: variable %s", b.UID, v.Name)
			if v.Type == "query" {
				assert.True(t, v.Multi && v.IncludeAll && v.AllValue != "", "%s: variable %s has to allow several values and all", b.UID, v.Name)
				assert.Regexp(t, `^\$\{(prometheus|loki)\}$`, v.Datasource.UID, "%s: variable %s", b.UID, v.Name)
			}
		}
		assert.Equal(t, "datasource", names["prometheus"].Type, "%s: data sources have to be variables", b.UID)
		used := map[string]bool{"prometheus": true}
		use := func(at, text string) {
			for _, name := range Variables(text) {
				used[name] = true
				if strings.HasPrefix(name, "__") {
					assert.NotEqual(t, "__interval", windowed(text), "%s: rates want $__rate_interval: %s", at, text)
					continue
				}
				assert.Contains(t, names, name, "%s uses a variable that is not there: %s", at, text)
			}
		}
		for _, v := range b.Templating.List {
			use(b.UID+", variable "+v.Name, string(v.Query))
			if v.Datasource != nil {
				use(b.UID, v.Datasource.UID)
			}
		}
		for _, q := range b.Queries() {
			use(q.String(), q.Expr)
		}
		for _, p := range b.Panels {
			use(b.UID, p.Title)
			if p.Datasource != nil {
				use(b.UID, p.Datasource.UID)
			}
			for _, l := range p.Links {
				use(b.UID+", "+p.Title, l.URL)
			}
		}
		for name := range names {
			assert.True(t, used[name], "%s: the variable %s is used by nothing", b.UID, name)
		}
	}
}

// windowed returns the variable that a rate's window is made of.
func windowed(expr string) string {
	if m := regexp.MustCompile(`\[\$(__interval)\]`).FindStringSubmatch(expr); m != nil {
		return m[1]
	}
	return ""
}

// TestSourcesAreVariables finds uids wherever in a dashboard they may be.
func TestSourcesAreVariables(t *testing.T) {
	for _, b := range load(t) {
		content, err := json.Marshal(b)
		assert.NoError(t, err)
		for _, m := range regexp.MustCompile(`"UID":"([^"]*)"`).FindAllStringSubmatch(string(content), -1) {
			if m[1] != b.UID {
				assert.Regexp(t, `^\$\{[a-z]+\}$`, m[1], "%s has a data source that other Grafanas do not have", b.UID)
			}
		}
	}
}
