// Command generate writes the Grafana dashboards to ../dashboards. All that dashboards share, from variables to colours, is
// said once here, so that no panel can be left behind when a metric is renamed.
package main

//go:generate go run .

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/table"
)

func main() {
	out := flag.String("out", "../dashboards", "`folder` to write to")
	flag.Parse()
	if err := write(*out); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func write(folder string) error {
	files, err := render()
	if err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// render returns the files of all dashboards by their names.
func render() (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, board := range []*dashboard.DashboardBuilder{overview(), vectors(), canary(), gpus(), collector()} {
		built, err := board.Build()
		if err != nil {
			return nil, err
		}
		number(built.Panels)
		tidy(&built)
		var content bytes.Buffer
		encoder := json.NewEncoder(&content)
		encoder.SetEscapeHTML(false) // expressions have to stay readable
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(built); err != nil {
			return nil, fmt.Errorf("dashboard %s: %w", *built.Uid, err)
		}
		files[*built.Uid+".json"] = content.Bytes()
	}
	return files, nil
}

// number gives panels the ids that links to single panels go by.
func number(panels []dashboard.PanelOrRowPanel) {
	for i := range panels {
		id := uint32(i + 1)
		if panels[i].Panel != nil {
			panels[i].Panel.Id = &id
		} else {
			panels[i].RowPanel.Id = id
		}
	}
}

// tidy takes back what the SDK's builders add unasked: places in a menu, where links and annotations are not seen, and what
// only variables of intervals have and tables had once.
func tidy(d *dashboard.Dashboard) {
	links := [][]dashboard.DashboardLink{d.Links}
	for _, p := range d.Panels {
		if p.Panel == nil {
			continue
		}
		links = append(links, p.Panel.Links)
		if options, ok := p.Panel.Options.(*table.Options); ok {
			options.Footer = nil
		}
	}
	for _, some := range links {
		for i := range some {
			some[i].Placement = nil
		}
	}
	for i := range d.Annotations.List {
		d.Annotations.List[i].Placement = nil
	}
	for i := range d.Templating.List {
		v := &d.Templating.List[i]
		v.Auto, v.AutoMin, v.AutoCount = nil, nil, nil
	}
}
