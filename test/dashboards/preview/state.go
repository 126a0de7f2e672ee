package main

import (
	"encoding/json"
	"strconv"
)

// colours that dashboards name, near those of Grafana's dark theme.
var colours = map[string]string{
	"green": "#73bf69", "yellow": "#fade2a", "orange": "#ff9830", "red": "#f2495c", "dark-red": "#c4162a", "blue": "#5794f2",
	"purple": "#b877d9", "text": "#ccccdc", "transparent": "transparent",
}

// palette is for lines. Grafana chooses by the name of the series, here they come in order.
var palette = []string{
	"#73bf69", "#fade2a", "#5794f2", "#ff9830", "#f2495c", "#b877d9", "#8ab8ff", "#ff7383", "#96d98d", "#ffee52", "#ffb357", "#ca95e5",
}

// mapped is what a value is shown as.
type mapped struct {
	Text, Color string
	Index       int
}

// mappings returns the texts and colours of values by the panel's mappings.
func (p filled) mappings() (map[string]mapped, error) {
	all := map[string]mapped{}
	for _, raw := range p.FieldConfig.Defaults.Mappings {
		var m struct{ Options map[string]mapped }
		if err := json.Unmarshal(raw, &m); err != nil {
			return nil, err
		}
		for value, to := range m.Options {
			all[value] = to
		}
	}
	return all, nil
}

// shown returns the text and the colour of a value by mappings, thresholds and unit.
func (p filled) shown(value float64, mappings map[string]mapped) (text, colour string) {
	if m, ok := mappings[strconv.FormatFloat(value, 'f', -1, 64)]; ok {
		return m.Text, colours[m.Color]
	}
	colour = colours["text"]
	if t := p.FieldConfig.Defaults.Thresholds; t != nil {
		for _, step := range t.Steps {
			if step.Value == nil || value >= *step.Value {
				colour = colours[step.Color]
			}
		}
	}
	return format(value, p.FieldConfig.Defaults.Unit, p.decimals()), colour
}

func (p filled) decimals() int {
	if d := p.FieldConfig.Defaults.Decimals; d != nil {
		return *d
	}
	return -1
}
