package vectorfile

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

func TestParseTime(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"2026-01-02T03:04:05Z":             at,
		"2026-01-02T04:04:05+01:00":        at,
		"2026-01-02T03:04:05.123456+00:00": at.Add(123456 * time.Microsecond),
		"2026-01-02T03:04:05":              at,
		"2026-01-02 03:04:05.5":            at.Add(time.Second / 2),
		"2026-01-02 04:04:05+01:00":        at,
		"1767323045":                       at,
		"1767323045.25":                    at.Add(time.Second / 4),
		"1.767323045e9":                    at,
		"1767323045000":                    at,
		"1767323045000.5":                  at,
		"1767323045000001":                 at.Add(time.Microsecond),
		"1767323045000000001":              at.Add(1),
		"":                                 {},
		"0":                                {},
		"0.35":                             {},
		"-1767323045":                      {},
		"99999999":                         {},
		"1e30":                             {},
		"NaN":                              {},
		"Infinity":                         {},
		"yesterday":                        {},
		"2026-01-02":                       {},
	} {
		got, ok := parseTime([]byte(text))
		assert.Equal(t, !want.IsZero(), ok, text)
		assert.True(t, got.Equal(want), "%s: %s", text, got)
	}
}
