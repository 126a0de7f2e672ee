package embedding

import "go.opentelemetry.io/collector/pdata/pcommon"

// Anomaly is something about a call, beside its vectors, that is hardly meant to be.
type Anomaly string

// Anomalies, in the order in which they are reported.
const (
	// AnomalyTruncated: the server has embedded fewer tokens than the inputs stand for, or as many as it embeds at most.
	AnomalyTruncated Anomaly = "truncated"
	// AnomalyDimensionMismatch: the vectors are not of the length that the client asked for.
	AnomalyDimensionMismatch Anomaly = "dimension_mismatch"
	// AnomalyCountMismatch: there are more or fewer vectors than inputs.
	AnomalyCountMismatch Anomaly = "count_mismatch"
	// AnomalyIndexOrder: the answer does not list its vectors in the order of the inputs.
	AnomalyIndexOrder Anomaly = "index_order"
	// AnomalyEmptyInput: a text holds nothing but white space.
	AnomalyEmptyInput Anomaly = "empty_input"
	// AnomalyDuplicateInput: an input is in the request more than once.
	AnomalyDuplicateInput Anomaly = "duplicate_input"
)

var anomalyOrder = [...]Anomaly{
	AnomalyTruncated, AnomalyDimensionMismatch, AnomalyCountMismatch, AnomalyIndexOrder, AnomalyEmptyInput,
	AnomalyDuplicateInput,
}

// Anomalies lists every Anomaly in reporting order.
func Anomalies() []Anomaly { return anomalyOrder[:] }

// AnomalySet is a set of anomalies.
type AnomalySet uint8

// Has reports whether a is in the set.
func (s AnomalySet) Has(a Anomaly) bool {
	for i, known := range anomalyOrder {
		if known == a {
			return s&(1<<i) != 0
		}
	}
	return false
}

func (s *AnomalySet) add(a Anomaly, is bool) {
	for i, known := range anomalyOrder {
		if is && known == a {
			*s |= 1 << i
		}
	}
}

// RequestQuality is what was found in a call beside its vectors.
type RequestQuality struct {
	Anomalies AnomalySet
	// Utilization is the share of the model's maximum that the longest input takes, in tokens, 0 where it is not known.
	// For requests of several inputs it is estimated: tokens are taken to be spread over them as characters are.
	Utilization float64
}

// JudgeRequest returns what is to be said of the call beside its vectors. maxTokens is how many tokens of an input the
// model embeds at most, 0 where that is not known.
//
// Servers may cut texts off without a word. Two things give them away, and a call that shows neither may be cut off
// all the same: as many tokens as the limit allows, the model's or the client's own, for every input; and fewer tokens
// than the inputs have words, because no tokenizer in use joins words.
func (e *Event) JudgeRequest(maxTokens int) RequestQuality {
	var q RequestQuality
	q.Anomalies.add(AnomalyEmptyInput, e.InputsEmpty > 0)
	q.Anomalies.add(AnomalyDuplicateInput, e.InputsDuplicate > 0)
	if e.Failed() {
		return q
	}
	q.Anomalies.add(AnomalyTruncated, e.truncated(maxTokens))
	q.Anomalies.add(AnomalyDimensionMismatch,
		e.RequestedDimension > 0 && e.OutputDimension > 0 && e.OutputDimension != e.RequestedDimension)
	q.Anomalies.add(AnomalyCountMismatch, e.HasOutput && e.InputCount > 0 && e.OutputCount != e.InputCount)
	q.Anomalies.add(AnomalyIndexOrder, e.OutputReordered)
	if maxTokens > 0 {
		q.Utilization = e.longestTokens() / float64(maxTokens)
	}
	return q
}

func (e *Event) countsTokens() bool {
	return e.HasInputTokens && e.InputTokens > 0 && e.TokensUnit == UnitToken
}

func (e *Event) truncated(maxTokens int) bool {
	limit := e.TruncateTokens
	if limit <= 0 || maxTokens > 0 && maxTokens < limit {
		limit = maxTokens
	}
	if limit > 0 && e.LongestWords > limit {
		return true
	}
	if !e.countsTokens() {
		return false
	}
	pinned := limit > 0 && e.InputCount > 0 && e.InputTokens >= int64(limit)*int64(e.InputCount)
	return pinned || e.InputTokens < int64(e.InputWords)
}

// longestTokens returns the number of tokens of the longest input, estimated where there are several.
func (e *Event) longestTokens() float64 {
	if !e.countsTokens() {
		return 0
	}
	var longest, all int64
	for _, n := range e.InputCharacters {
		longest, all = max(longest, n), all+n
	}
	switch {
	case e.InputCount == 1:
		return float64(e.InputTokens)
	case all == 0:
		return 0
	}
	return float64(e.InputTokens) * float64(longest) / float64(all)
}

// Write writes q to the attributes of a request event, in place of what was written there before.
func (q *RequestQuality) Write(attrs pcommon.Map) {
	if q.Anomalies == 0 {
		attrs.Remove(attrAnomalies)
	} else {
		list := attrs.PutEmptySlice(attrAnomalies)
		for i, a := range anomalyOrder {
			if q.Anomalies&(1<<i) != 0 {
				list.AppendEmpty().SetStr(string(a))
			}
		}
	}
	if q.Utilization > 0 {
		attrs.PutDouble(attrUtilization, q.Utilization)
	} else {
		attrs.Remove(attrUtilization)
	}
}

// readAnomalies reads a list of anomalies; unknown ones are left out.
func (q *RequestQuality) readAnomalies(v pcommon.Value) {
	q.Anomalies = 0
	if v.Type() != pcommon.ValueTypeSlice {
		return
	}
	for _, name := range v.Slice().All() {
		q.Anomalies.add(Anomaly(name.AsString()), true)
	}
}
