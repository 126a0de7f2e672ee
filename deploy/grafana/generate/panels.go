package main

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
	"github.com/grafana/grafana-foundation-sdk/go/logs"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// about is what every panel says of itself.
type about struct {
	title string
	// does says what the panel shows and what to do about it.
	does string
	// empty is shown where there is no data: why that may be, or that it is well.
	empty string
}

// Sizes in Grafana's grid, which is 24 wide.
const (
	third, half, wide = 8, 12, 24
	tall, low         = 8, 4
)

// graph returns a time series panel with one line for each series. Its legend begins with what was highest, because the
// panel has room for about three of them; areas below lines are left empty, because areas of several lines hide one another.
func graph(a about, unit string, width uint32, queries ...query) *timeseries.PanelBuilder {
	return timeseries.NewPanelBuilder().
		Title(a.title).Description(a.does).NoValue(a.empty).
		Datasource(metricsSource).
		Targets(queries).
		Unit(unit).
		Span(width).Height(tall).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdPaletteClassicByName)).
		Thresholds(noThresholds()).
		LineWidth(1).
		ShowPoints(common.VisibilityModeNever).
		Legend(common.NewVizLegendOptionsBuilder().
			ShowLegend(true).
			DisplayMode(common.LegendDisplayModeTable).
			Placement(common.LegendPlacementBottom).
			Calcs([]string{"lastNotNull", "max"}).
			SortBy("Max").SortDesc(true)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
}

// stacked returns a time series panel whose series add up.
func stacked(a about, unit string, width uint32, queries ...query) *timeseries.PanelBuilder {
	return graph(a, unit, width, queries...).
		Min(0).
		FillOpacity(40).
		Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A"))
}

// dashed is the style of limits, and of lines that have an axis of their own.
var dashed = dashboard.DynamicConfigValue{Id: "custom.lineStyle", Value: map[string]any{"fill": "dash", "dash": []int{6, 4}}}

// limit is how lines are drawn that others are to stay below: dashed, and named where the pointer is, so that the legend has room for
// the others.
var limit = []dashboard.DynamicConfigValue{
	dashed, {Id: "custom.hideFrom", Value: map[string]bool{"legend": true, "tooltip": false, "viz": false}},
}

// sparse shows values that have none before and after them, of which there would be no line.
func sparse(panel *timeseries.PanelBuilder) *timeseries.PanelBuilder {
	return panel.ShowPoints(common.VisibilityModeAuto)
}

// lineAt draws a line that series are to stay below, or above.
func lineAt(panel *timeseries.PanelBuilder, value float64) *timeseries.PanelBuilder {
	return panel.
		Thresholds(dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps([]dashboard.Threshold{
			{Color: "transparent"}, {Value: &value, Color: red},
		})).
		ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed))
}

// logarithmic is for values of several orders of magnitude.
func logarithmic(panel *timeseries.PanelBuilder) *timeseries.PanelBuilder {
	return panel.ScaleDistribution(common.NewScaleDistributionConfigBuilder().Type(common.ScaleDistributionLog).Log(10))
}

// Grafana fills in a red line at 80 where a panel says nothing of thresholds.
func noThresholds() cog.Builder[dashboard.ThresholdsConfig] {
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).
		Steps([]dashboard.Threshold{{Color: green}})
}

// numbers shows one value for each series, without a judgement of it.
func numbers(a about, unit string, width uint32, queries ...query) *stat.PanelBuilder {
	return stat.NewPanelBuilder().
		Title(a.title).Description(a.does).NoValue(a.empty).
		Datasource(metricsSource).
		Targets(queries).
		Unit(unit).
		Span(width).Height(low).
		Thresholds(noThresholds()).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdFixed).FixedColor(grey)).
		ColorMode(common.BigValueColorModeNone).
		GraphMode(common.BigValueGraphModeNone).
		TextMode(common.BigValueTextModeAuto).
		Orientation(common.VizOrientationAuto).
		ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"}))
}

// states shows one coloured field for each series, by the name of its state.
func states(a about, width uint32, mappings []dashboard.ValueMapping, queries ...query) *stat.PanelBuilder {
	return numbers(a, "none", width, queries...).
		Mappings(mappings).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdThresholds)).
		ColorMode(common.BigValueColorModeBackground).
		TextMode(common.BigValueTextModeValueAndName)
}

// timeline shows the state of each series over time.
func timeline(a about, width uint32, mappings []dashboard.ValueMapping, queries ...query) *statetimeline.PanelBuilder {
	return statetimeline.NewPanelBuilder().
		Title(a.title).Description(a.does).NoValue(a.empty).
		Datasource(metricsSource).
		Targets(queries).
		Span(width).Height(tall).
		Mappings(mappings).
		Thresholds(noThresholds()).
		ColorScheme(dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdThresholds)).
		MergeValues(true).
		ShowValue(common.VisibilityModeAuto).
		RowHeight(0.8).
		FillOpacity(80).
		LineWidth(0).
		Legend(common.NewVizLegendOptionsBuilder().
			ShowLegend(true).
			DisplayMode(common.LegendDisplayModeList).
			Placement(common.LegendPlacementBottom)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeSingle).Sort(common.SortOrderNone))
}

// heat shows how often values of each bucket of a histogram occur.
func heat(a about, unit string, width uint32, buckets string) *heatmap.PanelBuilder {
	return heatmap.NewPanelBuilder().
		Title(a.title).Description(a.does).NoValue(a.empty).
		Datasource(metricsSource).
		WithTarget(prom("A", "{{le}}", perSecond("le", buckets)).Format(prometheus.PromQueryFormatHeatmap)).
		Span(width).Height(tall).
		Thresholds(noThresholds()).
		Calculate(false).
		Color(heatmap.NewHeatmapColorOptionsBuilder().
			Mode(heatmap.HeatmapColorModeScheme).Scheme("Blues").Steps(64).Reverse(false)).
		CellGap(1).
		CellValues(heatmap.NewCellValuesBuilder().Unit("reqps")).
		FilterValues(heatmap.NewFilterValueRangeBuilder().Le(1e-9)).
		YAxis(heatmap.NewYAxisConfigBuilder().Unit(unit).AxisPlacement(common.AxisPlacementLeft)).
		Tooltip(heatmap.NewHeatmapTooltipBuilder().Mode(common.TooltipDisplayModeSingle).YHistogram(true).ShowColorScale(false)).
		ShowLegend()
}

// grid shows the latest values as a table. Columns of queries are named by their letters, "Value #A".
func grid(a about, width uint32, queries ...query) *table.PanelBuilder {
	return table.NewPanelBuilder().
		Title(a.title).Description(a.does).NoValue(a.empty).
		Datasource(metricsSource).
		Targets(queries).
		Span(width).Height(tall).
		Thresholds(noThresholds()).
		Filterable(true).
		CellHeight(common.TableCellHeightSm)
}

// renamed merges a table's queries and leaves those columns that have a name, in the order of the names.
func renamed(panel *table.PanelBuilder, columns ...[2]string) *table.PanelBuilder {
	names, order, keep := map[string]string{}, map[string]int{}, []string{}
	for i, c := range columns {
		names[c[0]], order[c[0]], keep = c[1], i, append(keep, c[0])
	}
	return panel.
		WithTransformation(dashboard.DataTransformerConfig{Id: "merge", Options: map[string]any{}}).
		WithTransformation(dashboard.DataTransformerConfig{Id: "filterFieldsByName", Options: map[string]any{
			"include": map[string]any{"names": keep},
		}}).
		WithTransformation(dashboard.DataTransformerConfig{Id: "organize", Options: map[string]any{
			"indexByName": order, "renameByName": names,
		}})
}

// lineList shows log lines. Their trace ids are links where the data source has a derived field for them, as that of
// ../provisioning does.
func lineList(a about, width uint32, queries ...query) *logs.PanelBuilder {
	return logs.NewPanelBuilder().
		Title(a.title).Description(a.does).NoValue(a.empty).
		Datasource(logsSource).
		Targets(queries).
		Span(width).Height(tall).
		Thresholds(noThresholds()).
		ShowTime(true).
		ShowLabels(false).
		ShowCommonLabels(false).
		WrapLogMessage(true).
		PrettifyLogMessage(false).
		EnableLogDetails(true).
		SortOrder(common.LogsSortOrderDescending).
		DedupStrategy(common.LogsDedupStrategyNone)
}

// Short names of what panels are made of.
type (
	dashboardGraph = timeseries.PanelBuilder
	dashboardTable = table.PanelBuilder
	linkBuilder    = cog.Builder[dashboard.DashboardLink]
)
