package main

import (
	"math"
	"strconv"
	"strings"
)

// scale is how a unit's large and small values are written.
type scale struct {
	base     float64
	small    []string // from the unit down, each a thousandth
	suffixes []string // from the unit up, each base times the one before
}

var scales = map[string]scale{
	"short": {1000, nil, []string{"", " K", " Mil", " Bil", " Tri"}},
	"bytes": {1024, nil, []string{" B", " KiB", " MiB", " GiB", " TiB"}},
	"reqps": {1000, nil, []string{" req/s", "K req/s", "M req/s"}},
	"watt":  {1000, []string{" W", " mW", " µW"}, []string{" W", " kW", " MW", " GW"}},
	"joule": {1000, []string{" J", " mJ", " µJ"}, []string{" J", " kJ", " MJ", " GJ"}},
	"hertz": {1000, []string{" Hz", " mHz"}, []string{" Hz", " kHz", " MHz", " GHz"}},
}

// format writes a value in one of Grafana's units. decimals below 0 leaves them to the value.
func format(value float64, unit string, decimals int) string {
	switch unit {
	case "percentunit":
		return number(100*value, decimals) + "%"
	case "percent":
		return number(value, decimals) + "%"
	case "celsius":
		return number(value, decimals) + " °C"
	case "s":
		return seconds(value, decimals)
	}
	s, ok := scales[unit]
	if !ok {
		return number(value, decimals)
	}
	size, suffix := math.Abs(value), s.suffixes[0]
	for i := 1; i < len(s.suffixes) && size >= s.base; i++ {
		size, value, suffix = size/s.base, value/s.base, s.suffixes[i]
	}
	for i := 1; i < len(s.small) && size > 0 && size < 1; i++ {
		size, value, suffix = size*1000, value*1000, s.small[i]
	}
	return number(value, decimals) + suffix
}

func seconds(value float64, decimals int) string {
	size := math.Abs(value)
	for _, u := range []struct {
		atLeast, is float64
		name        string
	}{
		{31536000, 31536000, " years"}, {604800, 604800, " weeks"}, {86400, 86400, " days"}, {3600, 3600, " hours"}, {60, 60, " mins"},
		{1, 1, " s"}, {0.001, 0.001, " ms"}, {1e-6, 1e-6, " µs"},
	} {
		if size >= u.atLeast {
			return number(value/u.is, decimals) + u.name
		}
	}
	if value == 0 {
		return "0 s"
	}
	return number(value*1e9, decimals) + " ns"
}

// number writes about three digits where decimals does not say how many behind the point.
func number(value float64, decimals int) string {
	if decimals < 0 {
		decimals = 0
		if size := math.Abs(value); size > 0 && size < 1000 {
			decimals = min(max(2-int(math.Floor(math.Log10(size))), 0), 8)
		}
		text := strconv.FormatFloat(value, 'f', decimals, 64)
		if strings.Contains(text, ".") {
			text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
		}
		return text
	}
	return strconv.FormatFloat(value, 'f', decimals, 64)
}
