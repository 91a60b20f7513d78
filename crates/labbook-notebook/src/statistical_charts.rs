//! Charts of a frame's columns, one call each, named as seaborn names them.

use labbook_charts::{
    BarPlot, BoxPlot, ColumnScatter, CountPlot, HeatMap, Histogram, PairPlot, ViolinPlot,
};
use polars::frame::DataFrame;

use crate::frame_columns::FrameColumns;

/// How often the numbers of a column lie in each of many bins; `hue` colours by another column,
/// `kde` adds the density, `bins`, `binwidth` and `stat` change what is drawn.
///
/// A chart shows itself at the end of a cell, or says there which column is missing or wrong;
/// `figure()?` gives it as a value.
///
/// ```
/// use labbook_notebook::histplot;
/// use polars::df;
///
/// let diamonds = df!["price" => [326, 327, 334, 335], "cut" => ["Ideal", "Good", "Ideal", "Good"]]?;
/// let figure = histplot(&diamonds, "price").hue("cut").kde().figure()?;
/// assert!(figure.alt().contains("of 4 values"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn histplot(frame: &DataFrame, x: &str) -> Histogram {
    Histogram::new(columns(frame), x)
}

/// Quartiles, whiskers and outliers of a column of numbers; `x` names the column whose values
/// stand side by side, `hue` the one that colours.
///
/// ```
/// use labbook_notebook::boxplot;
/// use polars::df;
///
/// let diamonds = df!["price" => [326, 327, 334, 335], "cut" => ["Ideal", "Good", "Ideal", "Good"]]?;
/// let figure = boxplot(&diamonds, "price").x("cut").figure()?;
/// assert!(figure.alt().contains("Good: median 331"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn boxplot(frame: &DataFrame, y: &str) -> BoxPlot {
    BoxPlot::new(columns(frame), y)
}

/// The density of a column of numbers as a violin with its quartiles; `x` names the column whose
/// values stand side by side, `hue` the one that colours.
///
/// ```
/// use labbook_notebook::violinplot;
/// use polars::df;
///
/// let diamonds = df!["price" => [326, 327, 334, 335], "cut" => ["Ideal", "Good", "Ideal", "Good"]]?;
/// let figure = violinplot(&diamonds, "price").x("cut").figure()?;
/// assert!(figure.alt().contains("Ideal: 2 values, median 330"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn violinplot(frame: &DataFrame, y: &str) -> ViolinPlot {
    ViolinPlot::new(columns(frame), y)
}

/// The mean of a column of numbers with its confidence interval; `x` names the column whose values
/// stand side by side, `hue` the one that colours, `errorbar` chooses other lines.
///
/// ```
/// use labbook_notebook::barplot;
/// use polars::df;
///
/// let diamonds = df!["price" => [326, 327, 334, 335], "cut" => ["Ideal", "Good", "Ideal", "Good"]]?;
/// let figure = barplot(&diamonds, "price").x("cut").errorbar("sd").figure()?;
/// assert!(figure.alt().contains("Good: mean 331"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn barplot(frame: &DataFrame, y: &str) -> BarPlot {
    BarPlot::new(columns(frame), y)
}

/// How many rows have each value of a column; `hue` colours by another column.
///
/// ```
/// use labbook_notebook::countplot;
/// use polars::df;
///
/// let diamonds = df!["cut" => ["Ideal", "Good", "Ideal"]]?;
/// assert!(countplot(&diamonds, "cut").figure()?.alt().contains("Ideal: 2; Good: 1"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn countplot(frame: &DataFrame, x: &str) -> CountPlot {
    CountPlot::new(columns(frame), x)
}

/// One column of numbers against another; `hue` colours by a third: texts by group, numbers along
/// a scale with a bar of its colours.
///
/// ```
/// use labbook_notebook::scatterplot;
/// use polars::df;
///
/// let diamonds = df!["carat" => [0.2, 0.3], "price" => [326, 334], "depth" => [61.5, 59.8]]?;
/// let figure = scatterplot(&diamonds, "carat", "price").hue("depth").figure()?;
/// assert!(figure.alt().contains("depth from 59.8 to 61.5"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn scatterplot(frame: &DataFrame, x: &str, y: &str) -> ColumnScatter {
    ColumnScatter::new(columns(frame), x, y)
}

/// Each column of numbers against each other, their histograms where a column would meet itself;
/// `vars` chooses columns, `hue` colours by one.
///
/// ```
/// use labbook_notebook::pairplot;
/// use polars::df;
///
/// let diamonds = df!["carat" => [0.2, 0.3], "price" => [326, 334], "cut" => ["Ideal", "Good"]]?;
/// let figure = pairplot(&diamonds).hue("cut").figure()?;
/// assert!(figure.alt().contains("carat, price of 2 rows"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn pairplot(frame: &DataFrame) -> PairPlot {
    PairPlot::new(columns(frame))
}

/// How strongly each column of numbers goes together with each other, from -1 to 1: what
/// `sns.heatmap(frame.corr(numeric_only=True), annot=True)` draws; `columns` chooses some.
///
/// ```
/// use labbook_notebook::correlation_map;
/// use polars::df;
///
/// let diamonds = df!["carat" => [0.2, 0.3, 0.4], "price" => [326, 334, 342]]?;
/// assert!(correlation_map(&diamonds).figure()?.alt().contains("highest 1 for carat and price"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use]
pub fn correlation_map(frame: &DataFrame) -> HeatMap {
    HeatMap::correlations(columns(frame))
}

/// A frame as a chart takes it: its columns are shared, not copied.
fn columns(frame: &DataFrame) -> FrameColumns {
    FrameColumns(frame.clone())
}

#[cfg(test)]
mod tests {
    use polars::df;

    use super::*;
    use crate::render::Render;

    #[test]
    fn a_chart_shows_itself_or_names_the_column_that_is_missing() {
        let frame = df!["price" => [326, 327, 334], "cut" => ["Ideal", "Good", "Ideal"]].unwrap();
        let shown: [&dyn Render; 4] = [
            &histplot(&frame, "price"),
            &boxplot(&frame, "price").x("cut"),
            &countplot(&frame, "cut"),
            &correlation_map(&frame),
        ];
        for chart in shown {
            assert!(
                chart.to_html().contains("<img alt="),
                "{}",
                chart.to_plain()
            );
        }
        let wrong = histplot(&frame, "prize").to_plain();
        assert!(
            wrong.starts_with("Error: column \"prize\"") && wrong.contains("price, cut"),
            "{wrong}"
        );
        let texts = violinplot(&frame, "cut").to_plain();
        assert!(texts.contains("expected a column of numbers"), "{texts}");
    }
}
