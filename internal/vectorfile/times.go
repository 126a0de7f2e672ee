package vectorfile

import (
	"math"
	"strconv"
	"time"
)

// wantTime says what parseTime reads.
const wantTime = "RFC 3339 or Unix time"

// parseTime reads a time in RFC 3339, or Unix time in decimal. Python's isoformat and str leave out the offset of a time
// without a zone, and str has a space for the T: these are read as UTC.
func parseTime(text []byte) (time.Time, bool) {
	if len(text) < len("2006-") || text[4] != '-' { // else what fails would make an error for nobody
		if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
			return unixTime(n)
		}
		f, err := strconv.ParseFloat(string(text), 64)
		if err != nil {
			return time.Time{}, false
		}
		return unixFloat(f)
	}
	var t time.Time
	if t.UnmarshalText(text) == nil {
		return t, true
	}
	for _, layout := range [...]string{"2006-01-02T15:04:05", time.DateTime, "2006-01-02 15:04:05Z07:00"} {
		if t, err := time.Parse(layout, string(text)); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// firstUnix is the least number that is taken for a Unix time in seconds, in March 1973. A thousand times as much are
// milliseconds of the same day, and so on: a number has one meaning only. Anything less is no time, but a duration, say.
const firstUnix = 1e8

// unixTime returns the Unix time n, whose size tells its unit.
func unixTime(n int64) (time.Time, bool) {
	switch {
	case n < firstUnix:
		return time.Time{}, false
	case n < firstUnix*1e3:
		return time.Unix(n, 0).UTC(), true
	case n < firstUnix*1e6:
		return time.UnixMilli(n).UTC(), true
	case n < firstUnix*1e9:
		return time.UnixMicro(n).UTC(), true
	}
	return time.Unix(0, n).UTC(), true
}

// unixFloat is unixTime for a number with a fraction. Of seconds, a float64 holds microseconds.
func unixFloat(f float64) (time.Time, bool) {
	switch {
	case !(f >= firstUnix && f < math.MaxInt64):
		return time.Time{}, false
	case f < firstUnix*1e3:
		return time.UnixMicro(int64(math.Round(f * 1e6))).UTC(), true
	}
	return unixTime(int64(f))
}
