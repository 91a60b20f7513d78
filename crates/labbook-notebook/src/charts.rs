use labbook_charts::{
    AttentionMap, BarChart, BarPlot, BoxPlot, CountPlot, FeatureMaps, FilterGrid, HeatMap,
    Histogram, ImageGrid, LabelledScatter, LineChart, MatrixPlot, ModelPlot, PairPlot,
    ParallelCoordinates, PrecisionRecallPlot, ReliabilityDiagram, RocPlot, ThumbnailMap,
    ViolinPlot, XyChart,
};

use crate::render::shown_as;

// A chart that was described but not yet drawn shows itself drawn.
shown_as!(
    AttentionMap, BarChart, BarPlot, BoxPlot, CountPlot, FeatureMaps, FilterGrid,
    HeatMap, Histogram, ImageGrid, LabelledScatter, LineChart, MatrixPlot, ModelPlot, PairPlot,
    ParallelCoordinates, PrecisionRecallPlot, ReliabilityDiagram, RocPlot, ThumbnailMap, ViolinPlot, XyChart
    => |chart| chart.figure()
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Render;

    #[test]
    fn a_chart_shows_itself_drawn_or_says_what_it_lacks() {
        let chart = LineChart::new("Loss").series("Training", &[2.0, 1.0]);
        assert!(chart.to_html().contains("<img alt="));
        assert!(chart.to_plain().contains("Loss"));
        assert!(chart.to_png().is_some());
        let empty = LineChart::new("Loss");
        let reason = empty.figure().unwrap_err().to_string();
        assert_eq!(empty.to_plain(), format!("Error: {reason}"));
        assert!(empty.to_png().is_none());
    }
}
