// Package dashboards reads the Grafana dashboards in deploy/grafana and runs their queries against a Prometheus or a Loki.
package dashboards

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sort"
)

// Board is a dashboard, as far as it can be checked without Grafana.
type Board struct {
	File        string
	UID         string
	Title       string
	Description string
	Tags        []string
	Refresh     string
	Time        struct{ From, To string }
	Links       []Link
	Panels      []Panel
	Templating  struct{ List []Variable }
	Annotations struct{ List []Annotation }
}

// Link leads to other dashboards or to an address.
type Link struct {
	Title, Type, URL      string
	Tags                  []string
	IncludeVars, KeepTime bool
}

// Panel is a panel or, with the type row, the head of a row.
type Panel struct {
	ID              int
	Type            string
	Title           string
	Description     string
	Repeat          string
	Datasource      *Source
	Targets         []Target
	GridPos         struct{ X, Y, W, H int }
	Links           []Link
	Transformations []Transformation
	Options         struct {
		Legend *struct {
			ShowLegend  bool
			DisplayMode string
			Placement   string
			Calcs       []string
			SortBy      string
			SortDesc    bool
		}
		ColorMode string
		GraphMode string
		TextMode  string
		YAxis     struct{ Unit string } // of heat maps
	}
	FieldConfig struct {
		Defaults struct {
			Unit       string
			Decimals   *int
			Min, Max   *float64
			NoValue    string
			Mappings   []json.RawMessage
			Thresholds *struct{ Steps []Step }
			Custom     struct {
				ThresholdsStyle   *struct{ Mode string }
				FillOpacity       float64
				DrawStyle         string
				Stacking          *struct{ Mode string }
				AxisSoftMin       *float64
				AxisSoftMax       *float64
				ScaleDistribution *struct{ Type string }
			}
		}
		Overrides []Override
	}
}

// Transformation changes the answers before they are shown.
type Transformation struct {
	ID      string
	Options struct {
		Include      struct{ Names []string }
		IndexByName  map[string]int
		RenameByName map[string]string
	}
}

// Override is for the series that its matcher finds, by query or by name.
type Override struct {
	Matcher    struct{ ID, Options string }
	Properties []struct {
		ID    string
		Value json.RawMessage
	}
}

// Step is one of a panel's thresholds.
type Step struct {
	Value *float64
	Color string
}

// Source names a data source, by a variable.
type Source struct{ Type, UID string }

// Target is a query of a panel or an annotation.
type Target struct {
	RefID        string
	Expr         string
	LegendFormat string
	Format       string
	Instant      bool
	Exemplar     bool
	Datasource   *Source
}

// Variable is a variable of a dashboard.
type Variable struct {
	Name, Type, Label, Description string
	Query                          json.RawMessage
	AllValue                       string
	Multi, IncludeAll              bool
	Datasource                     *Source
}

// Annotation marks times on all panels of a dashboard.
type Annotation struct {
	Name        string
	Datasource  *Source
	Target      Target
	TitleFormat string
}

// Load reads all dashboards in a folder, in the order of their names.
func Load(folder string) ([]*Board, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		return nil, err
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("no dashboards in %s", folder)
	}
	sort.Strings(files)
	var boards []*Board
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		b := &Board{File: filepath.Base(file)}
		if err := json.Unmarshal(content, b); err != nil {
			return nil, fmt.Errorf("%s is no dashboard: %w", file, err)
		}
		boards = append(boards, b)
	}
	return boards, nil
}
