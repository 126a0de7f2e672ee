package embeddingmetricsconnector

import (
	"slices"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/otelcol-embedding/otelcol-embedding/internal/embedding"
)

// series is an attribute set as measurements take it, made once: making it for every measurement would cost more than
// the measurement.
type series struct {
	add    []metric.AddOption
	record []metric.RecordOption
}

func newSeries(attrs ...attribute.KeyValue) series {
	set := metric.WithAttributeSet(attribute.NewSet(slices.Clone(attrs)...)) // NewSet sorts what it is given
	return series{add: []metric.AddOption{set}, record: []metric.RecordOption{set}}
}

// models finds a model's series by its name, with at most max names.
//
// Names come from clients. A model that has only failed may not exist at all, so such models take at most half of the
// places: whoever tries out names cannot push real models under "other".
type models struct {
	max           int
	maxUnproven   int
	maxDimensions int
	reasons       []embedding.Reason // of invalid vectors
	created       func(*model)

	byName   map[string]*model
	unproven int
	unknown  *model
	other    *model
}

func newModels(cfg *Config, created func(*model)) *models {
	m := &models{
		max:           cfg.MaxModels,
		maxUnproven:   (cfg.MaxModels + 1) / 2,
		maxDimensions: cfg.MaxDimensions,
		created:       created,
		byName:        map[string]*model{},
	}
	for _, reason := range embedding.Reasons() {
		if reason != embedding.ReasonOutlier {
			m.reasons = append(m.reasons, reason)
		}
	}
	return m
}

// configure adds a model that is known beforehand.
func (ms *models) configure(name string) *model {
	m := ms.create(name)
	m.proven = true
	ms.byName[name] = m
	return m
}

// of returns the model of a call, and false where the call has to be counted under "other".
func (ms *models) of(name string, failed bool) (*model, bool) {
	if m, ok := ms.byName[name]; ok {
		if !m.proven && !failed {
			m.proven = true
			ms.unproven--
		}
		return m, true
	}
	if name == "" {
		if ms.unknown == nil {
			ms.unknown = ms.create(labelUnknown)
		}
		return ms.unknown, true
	}
	if !usable(name) || len(ms.byName) >= ms.max || failed && ms.unproven >= ms.maxUnproven {
		if ms.other == nil {
			ms.other = ms.create(labelOther)
		}
		return ms.other, false
	}
	m := ms.create(name)
	m.proven = !failed
	if failed {
		ms.unproven++
	}
	ms.byName[name] = m
	return m, true
}

func (ms *models) create(label string) *model {
	m := &model{
		label:       attribute.String("model", label),
		dimensions:  newLimited[int](ms.maxDimensions),
		byTask:      map[string]series{},
		byDimension: map[int]series{},
		byError:     map[errorKind]series{},
		byServer:    map[genAIKey]genAISeries{},
	}
	m.all = newSeries(m.label)
	for _, reason := range ms.reasons {
		m.invalid = append(m.invalid, newSeries(m.label, attribute.String("reason", string(reason))))
	}
	for _, anomaly := range embedding.Anomalies() {
		m.anomalies = append(m.anomalies, newSeries(m.label, attribute.String("anomaly", string(anomaly))))
	}
	for _, phase := range embedding.Phases() {
		m.phases = append(m.phases, newSeries(m.label, attribute.String("phase", string(phase))))
	}
	ms.created(m)
	return m
}

// model holds the series of one value of the label model.
type model struct {
	label      attribute.KeyValue
	proven     bool // known beforehand or seen to succeed
	dimensions limited[int]

	all       series   // without other labels
	invalid   []series // in the order of models.reasons
	anomalies []series // in the order of embedding.Anomalies
	phases    []series // in the order of embedding.Phases

	byTask      map[string]series
	byDimension map[int]series
	byError     map[errorKind]series
	byServer    map[genAIKey]genAISeries
}

func (m *model) task(task string) series {
	s, ok := m.byTask[task]
	if !ok {
		s = newSeries(m.label, attribute.String("task_type", task))
		m.byTask[task] = s
	}
	return s
}

// Lengths of vectors that stand for others.
const (
	raggedDimension = -1
	otherDimension  = -2
)

// dimension returns the series of vectors of length d (0 for unknown, raggedDimension), and false where they have to
// be counted under "other".
func (m *model) dimension(d int) (series, bool) {
	fits := d == raggedDimension || m.dimensions.admit(d)
	if !fits {
		d = otherDimension
	}
	s, ok := m.byDimension[d]
	if !ok {
		s = newSeries(m.label, attribute.String("dimension", dimensionLabel(d)))
		m.byDimension[d] = s
	}
	return s, fits
}

func dimensionLabel(d int) string {
	switch d {
	case 0:
		return labelUnknown
	case raggedDimension:
		return labelRagged
	case otherDimension:
		return labelOther
	}
	return strconv.Itoa(d)
}

func (m *model) failure(kind errorKind) series {
	s, ok := m.byError[kind]
	if !ok {
		s = newSeries(m.label, attribute.String("status_code", kind.status), attribute.String("error_type", kind.errorType))
		m.byError[kind] = s
	}
	return s
}

// server is who answered, as the GenAI conventions name it.
type server struct {
	provider      string
	responseModel string
	address       string
	port          int
}

type genAIKey struct {
	server    server
	named     bool // whether the client named a model
	errorType string
}

type genAISeries struct {
	duration []metric.RecordOption
	tokens   []metric.RecordOption
}

// genAI returns the series of the GenAI conventions' metrics; errorType is empty for a call that succeeded.
func (m *model) genAI(s server, named bool, errorType string) genAISeries {
	key := genAIKey{server: s, named: named, errorType: errorType}
	found, ok := m.byServer[key]
	if ok {
		return found
	}
	attrs := []attribute.KeyValue{
		attribute.String("gen_ai.operation.name", embedding.Operation),
		attribute.String("gen_ai.provider.name", s.provider),
	}
	if named {
		attrs = append(attrs, attribute.String("gen_ai.request.model", m.label.Value.AsString()))
	}
	if s.responseModel != "" {
		attrs = append(attrs, attribute.String("gen_ai.response.model", s.responseModel))
	}
	if s.address != "" {
		attrs = append(attrs, attribute.String("server.address", s.address))
		if s.port != 0 {
			attrs = append(attrs, attribute.Int("server.port", s.port))
		}
	}
	tokens := newSeries(append(attrs, attribute.String("gen_ai.token.type", "input"))...)
	if errorType != "" {
		attrs = append(attrs, attribute.String("error.type", errorType))
	}
	found = genAISeries{duration: newSeries(attrs...).record, tokens: tokens.record}
	m.byServer[key] = found
	return found
}
