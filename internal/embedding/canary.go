package embedding

import (
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// CanaryVerdict says in one word how the vectors of known texts compare with those that they had.
type CanaryVerdict string

// Verdicts of a canary, from the best to the worst.
const (
	// CanaryLearning says that the vectors of the texts are not known yet.
	CanaryLearning CanaryVerdict = "learning"
	// CanarySame says that the vectors are those that were pinned, within what repeats of them differ by.
	CanarySame CanaryVerdict = "same"
	// CanaryNumericChange says that they differ by more, but not by more than other kernels or another batch shape make them.
	CanaryNumericChange CanaryVerdict = "numeric_change"
	// CanaryQuantisation says that they differ by as much as weights of fewer bits make them.
	CanaryQuantisation CanaryVerdict = "quantisation_sized"
	// CanaryOtherModel says that they are those of another model, pooling or template.
	CanaryOtherModel CanaryVerdict = "different_model_or_pooling"
	// CanaryUnstable says that the same text gets different vectors, by turns or depending on what is asked along with it.
	CanaryUnstable CanaryVerdict = "unstable"
	// CanaryBroken says that answers can not be right whatever the model is.
	CanaryBroken CanaryVerdict = "broken"
)

// CanaryVerdicts lists every CanaryVerdict.
func CanaryVerdicts() []CanaryVerdict {
	return []CanaryVerdict{
		CanaryLearning, CanarySame, CanaryNumericChange, CanaryQuantisation, CanaryOtherModel, CanaryUnstable, CanaryBroken,
	}
}

// Alarming is whether the verdict says that something is wrong.
func (v CanaryVerdict) Alarming() bool { return v != CanaryLearning && v != CanarySame && v != "" }

// CanaryOutcome says how far a round came. Only a complete one has a verdict: a server that does not answer says nothing about
// vectors.
type CanaryOutcome string

// Outcomes of a round.
const (
	// CanaryComplete says that every call was answered.
	CanaryComplete CanaryOutcome = "complete"
	// CanaryUnreachable says that the server could not be reached, broke off, or did not answer in time.
	CanaryUnreachable CanaryOutcome = "unreachable"
	// CanaryOverloaded says that the server asked for fewer calls, by a status 429 or 503.
	CanaryOverloaded CanaryOutcome = "overloaded"
	// CanaryRefused says that the server refused the calls, as with 401 or 404.
	CanaryRefused CanaryOutcome = "refused"
	// CanaryFailed says that the server failed, as with 500.
	CanaryFailed CanaryOutcome = "failed"
)

// CanaryOutcomes lists every CanaryOutcome.
func CanaryOutcomes() []CanaryOutcome {
	return []CanaryOutcome{CanaryComplete, CanaryUnreachable, CanaryOverloaded, CanaryRefused, CanaryFailed}
}

// CanaryCheck is one thing that a round measured.
type CanaryCheck struct {
	Name  string
	Value float64
}

// CanaryResult is what one round of a canary found at one replica.
type CanaryResult struct {
	// Target is the name of the target in the configuration.
	Target string
	// Model is the one asked for, and ResponseModel the one that the answers name, if any.
	Model, ResponseModel string
	// ServerAddress and ServerPort are of the replica.
	ServerAddress string
	ServerPort    int
	// Dimension is the length of the vectors, 0 where there were none.
	Dimension int

	// Round counts the rounds at this replica from 1, since the start.
	Round int64
	// End is when the round was over, and Duration how long it took.
	End      time.Time
	Duration time.Duration
	Calls    int64
	Tokens   int64

	Outcome CanaryOutcome
	// ErrorType is of the call that ended the round; empty where it is complete.
	ErrorType string

	// Verdict is empty unless the round is complete.
	Verdict CanaryVerdict
	// Reasons are the names of the checks that speak for the verdict.
	Reasons []string
	// Pins names the pinned vectors, and Pinned is when they were made; zero while learning.
	Pins   string
	Pinned time.Time
	// CosineMin, CosineMedian and CosineMean are of the texts' vectors to the pinned ones; HasCosine is false while learning.
	CosineMin, CosineMedian, CosineMean float64
	HasCosine                           bool
	// Checks holds what was measured, in the order of its names, and Skipped the names of those that the budget left out.
	Checks  []CanaryCheck
	Skipped []string
}

// WriteLogRecord writes the result to an empty log record.
func (c *CanaryResult) WriteLogRecord(lr plog.LogRecord, observed time.Time) {
	lr.SetEventName(CanaryEventName)
	lr.SetTimestamp(pcommon.NewTimestampFromTime(c.End))
	lr.SetObservedTimestamp(pcommon.NewTimestampFromTime(observed))
	severity := plog.SeverityNumberInfo
	switch {
	case c.Verdict == CanaryBroken, c.Verdict == CanaryOtherModel:
		severity = plog.SeverityNumberError
	case c.Verdict.Alarming(), c.Outcome != CanaryComplete:
		severity = plog.SeverityNumberWarn
	}
	lr.SetSeverityNumber(severity)
	lr.SetSeverityText(severity.String())
	body := lr.Body().SetEmptyMap()
	body.PutStr(bodyEvent, CanaryEventName)
	body.PutStr(bodyModel, c.Model)
	body.PutStr("target", c.Target)
	body.PutStr("outcome", string(c.Outcome))
	putStr(body, "verdict", string(c.Verdict))
	putStrings(body, "reasons", c.Reasons)
	c.writeAttributes(lr.Attributes())
}

func (c *CanaryResult) writeAttributes(attrs pcommon.Map) {
	attrs.EnsureCapacity(20 + len(c.Checks))
	attrs.PutStr(attrRequestModel, c.Model)
	putStr(attrs, attrResponseModel, c.ResponseModel)
	putStr(attrs, attrServerAddress, c.ServerAddress)
	putInt(attrs, attrServerPort, c.ServerPort)
	putInt(attrs, attrOutputDimension, c.Dimension)
	attrs.PutInt(attrInputTokens, c.Tokens)
	putStr(attrs, attrErrorType, c.ErrorType)
	attrs.PutStr(attrCanaryTarget, c.Target)
	attrs.PutInt(attrCanaryRound, c.Round)
	attrs.PutStr(attrCanaryOutcome, string(c.Outcome))
	attrs.PutInt(attrCanaryCalls, c.Calls)
	attrs.PutDouble(attrCanaryDuration, c.Duration.Seconds())
	putStr(attrs, attrCanaryVerdict, string(c.Verdict))
	putStrings(attrs, attrCanaryReasons, c.Reasons)
	if c.Pins != "" {
		attrs.PutStr(attrCanaryPins, c.Pins)
		attrs.PutStr(attrCanaryPinned, c.Pinned.UTC().Format(time.RFC3339))
	}
	if c.HasCosine {
		attrs.PutDouble(attrCanaryCosineMin, c.CosineMin)
		attrs.PutDouble(attrCanaryCosineMedian, c.CosineMedian)
		attrs.PutDouble(attrCanaryCosineMean, c.CosineMean)
	}
	for _, check := range c.Checks {
		attrs.PutDouble(prefixCanaryCheck+check.Name, check.Value)
	}
	putStrings(attrs, attrCanarySkipped, c.Skipped)
}

// ReadLogRecord makes c the result in lr and reports whether lr holds one.
func (c *CanaryResult) ReadLogRecord(lr plog.LogRecord) bool {
	if lr.EventName() != CanaryEventName {
		return false
	}
	*c = CanaryResult{End: lr.Timestamp().AsTime()}
	for name, v := range lr.Attributes().All() {
		switch name {
		case attrRequestModel:
			c.Model = v.AsString()
		case attrResponseModel:
			c.ResponseModel = v.AsString()
		case attrServerAddress:
			c.ServerAddress = v.AsString()
		case attrServerPort:
			c.ServerPort = int(asCount(v))
		case attrOutputDimension:
			c.Dimension = int(asCount(v))
		case attrInputTokens:
			c.Tokens = asCount(v)
		case attrErrorType:
			c.ErrorType = v.AsString()
		case attrCanaryTarget:
			c.Target = v.AsString()
		case attrCanaryRound:
			c.Round = asCount(v)
		case attrCanaryOutcome:
			c.Outcome = CanaryOutcome(v.AsString())
		case attrCanaryCalls:
			c.Calls = asCount(v)
		case attrCanaryDuration:
			c.Duration = seconds(v)
		case attrCanaryVerdict:
			c.Verdict = CanaryVerdict(v.AsString())
		case attrCanaryReasons:
			c.Reasons = stringsOf(v)
		case attrCanaryPins:
			c.Pins = v.AsString()
		case attrCanaryPinned:
			c.Pinned, _ = time.Parse(time.RFC3339, v.AsString())
		case attrCanaryCosineMin:
			c.CosineMin, c.HasCosine = asFloat(v), true
		case attrCanaryCosineMedian:
			c.CosineMedian = asFloat(v)
		case attrCanaryCosineMean:
			c.CosineMean = asFloat(v)
		case attrCanarySkipped:
			c.Skipped = stringsOf(v)
		default:
			if check, ok := strings.CutPrefix(name, prefixCanaryCheck); ok {
				c.Checks = append(c.Checks, CanaryCheck{check, asFloat(v)})
			}
		}
	}
	slices.SortFunc(c.Checks, func(a, b CanaryCheck) int { return strings.Compare(a.Name, b.Name) })
	return true
}
