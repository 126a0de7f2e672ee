package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		value    float64
		unit     string
		decimals int
		want     string
	}{
		{0, "s", -1, "0 s"},
		{2, "s", -1, "2 s"},
		{0.0183, "s", -1, "18.3 ms"},
		{0.00012, "s", -1, "120 µs"},
		{3e-9, "s", -1, "3 ns"},
		{150, "s", -1, "2.5 mins"},
		{7200, "s", -1, "2 hours"},
		{1024, "bytes", -1, "1 KiB"},
		{68 << 30, "bytes", -1, "68 GiB"},
		{512, "bytes", -1, "512 B"},
		{0.0012, "percentunit", 2, "0.12%"},
		{0.5, "percentunit", -1, "50%"},
		{85, "percent", -1, "85%"},
		{2100, "short", -1, "2.1 K"},
		{-2100, "short", -1, "-2.1 K"},
		{3.2e6, "short", -1, "3.2 Mil"},
		{7.437, "reqps", -1, "7.44 req/s"},
		{12000, "reqps", -1, "12K req/s"},
		{0.25, "watt", -1, "250 mW"},
		{170000, "joule", -1, "170 kJ"},
		{2.6e9, "hertz", -1, "2.6 GHz"},
		{40, "celsius", -1, "40 °C"},
		{0.99998, "none", 4, "1.0000"},
		{1435, "none", -1, "1435"},
	} {
		assert.Equal(t, c.want, format(c.value, c.unit, c.decimals), "%v %s", c.value, c.unit)
	}
}

func TestLegend(t *testing.T) {
	labels := map[string]string{"model": "qwen3-embedding-4b", "le": "2"}
	assert.Equal(t, "qwen3-embedding-4b P95", legend("{{model}} P95", labels))
	assert.Equal(t, " at 2", legend("{{missing}} at {{ le }}", labels))
	assert.Equal(t, `{le="2", model="qwen3-embedding-4b"}`, legend("", labels))
}

func TestAxisTellsTicksApart(t *testing.T) {
	a := axis{least: 0.99995, most: 1.00005, unit: "none", decimals: 0}
	assert.True(t, a.repeats(a.ticks(4)))
	a.decimals = 5
	assert.False(t, a.repeats(a.ticks(4)))
}
