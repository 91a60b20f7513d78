use plotters::style::RGBColor;

use crate::axes::{Axes, Span};
use crate::bitmap::Canvas;
use crate::color::readable_on_white;
use crate::column_source::{ColumnSource, Columns, Source};
use crate::draw::render_reduced;
use crate::groups::Groups;
use crate::ink::Pen;
use crate::legend::{ROUND, reserve};
use crate::look::{Look, group_colors, label_methods, look_methods};
use crate::points::{grouped, short};
use crate::statistics::{Bins, Kde, MOST_BINS, bin_edges, counts};
use crate::{ChartError, Figure};

/// Places of a density's curve.
const CURVE: usize = 200;
/// Opacity of bars that stand before one another, and of those that do not.
const OPACITY: (f64, f64) = (0.45, 0.75);
/// Space between the plotted part and the legend, in CSS pixels.
const LEGEND_GAP: f64 = 14.0;

/// How often the values of a column lie in each of many bins: seaborn's `histplot`.
///
/// The bins are those that numpy's rule "auto" gives for all values, whatever their colour; gaps
/// are left out.
///
/// ```
/// use labbook_charts::Histogram;
///
/// let figure = Histogram::of("price", &[326.0, 327.0, 334.0, 335.0, 400.0])
///     .bins(4)
///     .kde()
///     .figure()?;
/// assert!(figure.alt().contains("5 values in 4 bins from 326 to 400"));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Histogram {
    source: Source,
    x: String,
    look: Look,
    bins: Bins,
    rule: Option<String>,
    stat: String,
    kde: bool,
    stacked: bool,
}

look_methods!(Histogram);
label_methods!(Histogram);

/// What the heights of the bars are.
#[derive(Clone, Copy, PartialEq)]
enum Stat {
    Count,
    Density,
    Probability,
    Percent,
}

impl Histogram {
    /// A histogram of one column, 640 by 400 CSS pixels.
    pub fn new(source: impl ColumnSource + 'static, x: impl Into<String>) -> Self {
        Self {
            source: Source::new(source),
            x: x.into(),
            look: Look::default(),
            bins: Bins::Auto,
            rule: None,
            stat: "count".to_owned(),
            kde: false,
            stacked: false,
        }
    }

    /// A histogram of these values.
    pub fn of(name: &str, values: &[f64]) -> Self {
        let columns = Columns::new().with_numbers(name, values.iter().copied());
        Self::new(columns, name)
    }

    /// So many bins of the same width, from 1 to 10,000.
    #[must_use]
    pub fn bins(mut self, count: usize) -> Self {
        self.bins = Bins::Count(count);
        self
    }

    /// The rule for the bins: "auto", "fd" (Freedman and Diaconis) or "sturges", as numpy's
    /// `histogram_bin_edges` has them.
    #[must_use]
    pub fn bin_rule(mut self, rule: impl Into<String>) -> Self {
        self.rule = Some(rule.into());
        self
    }

    /// Bins of this width, from the smallest value on.
    #[must_use]
    pub fn binwidth(mut self, width: f64) -> Self {
        self.bins = Bins::Width(width);
        self
    }

    /// The bins' edges, from small to large; values outside are not counted.
    #[must_use]
    pub fn bin_edges(mut self, edges: &[f64]) -> Self {
        self.bins = Bins::Edges(edges.to_vec());
        self
    }

    /// What the heights are: "count", "density" (the areas sum to 1), "probability" (the heights
    /// do) or "percent" (the heights sum to 100), each over all colours together.
    #[must_use]
    pub fn stat(mut self, stat: impl Into<String>) -> Self {
        self.stat = stat.into();
        self
    }

    /// Draws the density too, estimated by a normal curve round each value (Scott's rule).
    #[must_use]
    pub fn kde(mut self) -> Self {
        self.kde = true;
        self
    }

    /// Puts the bars of the colours on top of one another instead of before one another.
    #[must_use]
    pub fn stacked(mut self) -> Self {
        self.stacked = true;
        self
    }

    /// Draws the chart.
    ///
    /// # Errors
    ///
    /// [`ChartError::Column`] for a column that is not there or holds no numbers,
    /// [`ChartError::ColumnValue`] for an infinite number, [`ChartError::Empty`] where all rows
    /// have gaps, [`ChartError::Groups`] for more than 40 colours, [`ChartError::Setting`] for
    /// bins or heights that do not exist, [`ChartError::TooSmall`] or [`ChartError::Size`] if the
    /// chart cannot be drawn at this size.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        let stat = self.parsed_stat()?;
        let groups = Groups::new(&self.source, Some(&self.x), (None, &[]), &self.look)?;
        let all: Vec<f64> = groups.all().flatten().copied().collect();
        let bars = self.bars(&groups, self.edges(&all)?, stat);
        let (width, height) = self.look.size.unwrap_or((640, 400));
        let png = render_reduced(width, height, |canvas| self.draw_on(canvas, &groups, &bars))?;
        let title = self.look.title.clone();
        Ok(Figure::new(
            png,
            width,
            height,
            title,
            self.alt(&groups, &bars),
        ))
    }

    fn parsed_stat(&self) -> Result<Stat, ChartError> {
        match self.stat.as_str() {
            "count" => Ok(Stat::Count),
            "density" => Ok(Stat::Density),
            "probability" => Ok(Stat::Probability),
            "percent" => Ok(Stat::Percent),
            other => Err(ChartError::Setting {
                option: "stat",
                expected: "\"count\", \"density\", \"probability\" or \"percent\"",
                received: format!("{other:?}"),
            }),
        }
    }

    /// The edges of the bins, checked.
    fn edges(&self, values: &[f64]) -> Result<Vec<f64>, ChartError> {
        let wrong = |option, expected, received| {
            Err(ChartError::Setting {
                option,
                expected,
                received,
            })
        };
        let bins = match self.rule.as_deref() {
            None => self.bins.clone(),
            Some("auto") => Bins::Auto,
            Some("fd") => Bins::FreedmanDiaconis,
            Some("sturges") => Bins::Sturges,
            Some(rule) => {
                let expected = "\"auto\", \"fd\" or \"sturges\"";
                return wrong("bin_rule", expected, format!("{rule:?}"));
            }
        };
        let range = values.iter().fold(f64::NEG_INFINITY, |a, b| a.max(*b))
            - values.iter().fold(f64::INFINITY, |a, b| a.min(*b));
        match &bins {
            Bins::Count(count) if !(1..=MOST_BINS).contains(count) => {
                wrong("bins", "1 to 10,000 bins", count.to_string())
            }
            Bins::Width(width) if !(*width > 0.0 && range / width <= MOST_BINS as f64) => {
                let received = format!("{width} for values over a range of {range}");
                wrong("binwidth", "a width that gives 1 to 10,000 bins", received)
            }
            Bins::Edges(edges)
                if !(2..=MOST_BINS + 1).contains(&edges.len())
                    || edges.iter().any(|edge| !crate::points::plottable(*edge))
                    || edges.windows(2).any(|pair| pair[0] >= pair[1]) =>
            {
                let expected = "2 to 10,001 finite edges from small to large";
                let ends =
                    [edges.first(), edges.last()].map(|end| end.copied().unwrap_or(f64::NAN));
                let received = format!("{} edges from {} to {}", edges.len(), ends[0], ends[1]);
                wrong("bin_edges", expected, received)
            }
            bins => Ok(bin_edges(values, bins)),
        }
    }

    fn bars(&self, groups: &Groups, edges: Vec<f64>, stat: Stat) -> Bars {
        let colors = &groups.values[0];
        let counted: Vec<Vec<u64>> = colors.iter().map(|v| counts(v, &edges)).collect();
        let total = counted.iter().flatten().sum::<u64>().max(1) as f64;
        let height = |bin: usize, count: u64| match stat {
            Stat::Count => count as f64,
            Stat::Density => count as f64 / total / (edges[bin + 1] - edges[bin]),
            Stat::Probability => count as f64 / total,
            Stat::Percent => 100.0 * count as f64 / total,
        };
        let heights: Vec<Vec<f64>> = counted
            .iter()
            .map(|counts| {
                counts
                    .iter()
                    .enumerate()
                    .map(|(bin, &count)| height(bin, count))
                    .collect()
            })
            .collect();
        let mut floors: Vec<Vec<f64>> = heights.iter().map(|h| vec![0.0; h.len()]).collect();
        if self.stacked {
            for color in 1..heights.len() {
                for bin in 0..edges.len() - 1 {
                    floors[color][bin] = floors[color - 1][bin] + heights[color - 1][bin];
                }
            }
        }
        let curves = match self.kde {
            true => colors
                .iter()
                .zip(&heights)
                .map(|(values, heights)| curve(values, heights, &edges))
                .collect(),
            false => vec![Vec::new(); colors.len()],
        };
        Bars {
            counts: counted,
            edges,
            heights,
            floors,
            curves,
        }
    }

    fn y_name(&self) -> String {
        let mut name = self.stat.clone();
        name[..1].make_ascii_uppercase();
        name
    }

    fn alt(&self, groups: &Groups, bars: &Bars) -> String {
        let last = bars.edges.len() - 1;
        let sums: Vec<u64> = (0..last)
            .map(|bin| bars.counts.iter().map(|counts| counts[bin]).sum())
            .collect();
        // The first of the fullest.
        let fullest = (0..last).rev().max_by_key(|&bin| sums[bin]).unwrap_or(0);
        let told = match groups.hues.len() {
            1 => String::new(),
            _ => format!(
                ". By {}: {}",
                self.look.hue.as_deref().unwrap_or(""),
                groups.told(|v| grouped(v.len()))
            ),
        };
        format!(
            "{} {} in {} bins from {} to {}, most ({}) from {} to {}{told}",
            self.look.named(&format!("Histogram of {}", self.x)),
            groups.counted(),
            grouped(last),
            short(bars.edges[0]),
            short(bars.edges[last]),
            grouped(sums[fullest] as usize),
            short(bars.edges[fullest]),
            short(bars.edges[fullest + 1]),
        )
    }

    fn draw_on(&self, canvas: &Canvas<'_>, groups: &Groups, bars: &Bars) -> Result<(), ChartError> {
        let pen = Pen::new(canvas);
        let size = pen.size();
        let legend = self.look.legend(&groups.hues);
        let texts = self.look.texts(&self.x, &self.y_name());
        let x = Span::around(
            [bars.edges[0], bars.edges[bars.edges.len() - 1]].into_iter(),
            0.03,
        );
        let y = Span::from_zero(bars.highest());
        let axes = Axes::new(
            size,
            (x, y),
            &texts,
            reserve(&legend, size, LEGEND_GAP)?,
            "a histogram",
        )?;
        axes.draw_y_grid(&pen)?;
        let colors = group_colors(groups.hues.len());
        let opacity = match self.stacked || colors.len() == 1 {
            true => OPACITY.1,
            false => OPACITY.0,
        };
        for (place, &color) in colors.iter().enumerate() {
            bars.draw(&pen, &axes, place, color, opacity)?;
        }
        for (curve, color) in bars.curves.iter().zip(colors) {
            let points: Vec<(f64, f64)> = curve
                .iter()
                .map(|&(x, y)| (axes.x_at(x), axes.y_at(y)))
                .collect();
            if !points.is_empty() {
                pen.line(&points, 2.0, readable_on_white(color))?;
            }
        }
        axes.draw(&pen)?;
        legend.draw(&pen, (axes.right + LEGEND_GAP, axes.top), size.1 - ROUND)
    }
}

/// The density of the values, as high as their bars; nothing where there is none.
fn curve(values: &[f64], heights: &[f64], edges: &[f64]) -> Vec<(f64, f64)> {
    let widths = edges.windows(2).map(|pair| pair[1] - pair[0]);
    let area: f64 = heights
        .iter()
        .zip(widths)
        .map(|(height, width)| height * width)
        .sum();
    let curve = Kde::new(values).map(|kde| kde.curve(CURVE, 0.0));
    let raised = curve
        .into_iter()
        .flatten()
        .map(|(x, density)| (x, density * area));
    raised.collect()
}

/// Bars and curves, those of each colour by themselves.
struct Bars {
    edges: Vec<f64>,
    counts: Vec<Vec<u64>>,
    heights: Vec<Vec<f64>>,
    /// What each bar stands on.
    floors: Vec<Vec<f64>>,
    curves: Vec<Vec<(f64, f64)>>,
}

impl Bars {
    fn highest(&self) -> f64 {
        let tops = self
            .heights
            .iter()
            .flatten()
            .zip(self.floors.iter().flatten());
        let tops = tops.map(|(height, floor)| height + floor);
        let curves = self.curves.iter().flatten().map(|(_, y)| *y);
        tops.chain(curves).fold(0.0, f64::max)
    }

    /// The bars of a colour as one shape, so that no seam shows between narrow ones.
    fn draw(
        &self,
        pen: &Pen<'_, '_>,
        axes: &Axes<'_>,
        place: usize,
        color: RGBColor,
        opacity: f64,
    ) -> Result<(), ChartError> {
        let steps = |levels: Vec<f64>| -> Vec<(f64, f64)> {
            let sides = self.edges.windows(2).zip(levels);
            sides
                .flat_map(|(sides, level)| {
                    let y = axes.y_at(level);
                    [(axes.x_at(sides[0]), y), (axes.x_at(sides[1]), y)]
                })
                .collect()
        };
        let (heights, floors) = (&self.heights[place], &self.floors[place]);
        let tops = heights
            .iter()
            .zip(floors)
            .map(|(height, floor)| height + floor);
        let (top, bottom) = (steps(tops.collect()), steps(floors.clone()));
        let mut outline = top.clone();
        outline.extend(bottom.iter().rev());
        pen.tinted_polygon(&outline, color, opacity)?;
        let edge = readable_on_white(color);
        // Lines between the bars, where they are wide enough.
        for (bar, (sides, floor)) in top.chunks(2).zip(bottom.chunks(2)).enumerate() {
            if heights[bar] > 0.0 && sides[1].0 - sides[0].0 >= 4.0 {
                let (left, right) = (sides[0].0, sides[1].0);
                for x in [left, right] {
                    pen.line(&[(x, sides[0].1), (x, floor[0].1)], 0.5, edge)?;
                }
            }
        }
        // The upper edge ends where there is no bar.
        for run in top
            .chunks(2)
            .enumerate()
            .collect::<Vec<_>>()
            .chunk_by(|a, b| (heights[a.0] > 0.0) == (heights[b.0] > 0.0))
        {
            let line: Vec<(f64, f64)> = run
                .iter()
                .flat_map(|(_, sides)| sides.iter().copied())
                .collect();
            if heights[run[0].0] > 0.0 {
                pen.line(&line, 1.0, edge)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heights_are_what_they_are_called() {
        let values = [0.0, 0.5, 1.5, 3.0];
        let columns = Columns::new()
            .with_numbers("x", values)
            .with_texts("kind", ["a", "b", "a", "a"]);
        let chart = Histogram::new(columns, "x")
            .hue("kind")
            .bin_edges(&[0.0, 1.0, 3.0]);
        let heights = |stat: &str| {
            let chart = chart.clone().stat(stat);
            let groups = Groups::new(&chart.source, Some("x"), (None, &[]), &chart.look).unwrap();
            let edges = chart.edges(&values).unwrap();
            chart
                .bars(&groups, edges, chart.parsed_stat().unwrap())
                .heights
        };
        assert_eq!(heights("count"), [[1.0, 2.0], [1.0, 0.0]]);
        assert_eq!(heights("probability"), [[0.25, 0.5], [0.25, 0.0]]);
        assert_eq!(heights("percent"), [[25.0, 50.0], [25.0, 0.0]]);
        assert_eq!(heights("density"), [[0.25, 0.25], [0.25, 0.0]]);
    }

    #[test]
    fn bins_and_heights_that_do_not_exist_are_refused() {
        let chart = || Histogram::of("x", &[1.0, 2.0, 3.0]);
        for (chart, word) in [
            (chart().bins(0), "bins"),
            (chart().bins(20_000), "10,000"),
            (chart().binwidth(0.0), "binwidth"),
            (chart().binwidth(f64::NAN), "binwidth"),
            (chart().binwidth(1e-9), "range of 2"),
            (chart().bin_edges(&[1.0]), "1 edges"),
            (chart().bin_edges(&[2.0, 1.0]), "bin_edges"),
            (chart().bin_edges(&[1.0, f64::INFINITY]), "bin_edges"),
            (chart().bin_rule("scott"), "sturges"),
            (chart().stat("frequency"), "probability"),
        ] {
            let error = chart.figure().unwrap_err();
            assert!(matches!(error, ChartError::Setting { .. }), "{error}");
            assert!(error.to_string().contains(word), "{error}");
        }
    }

    #[test]
    fn gaps_are_counted_and_no_values_are_told() {
        let alt = |values: &[f64]| {
            Histogram::of("x", values)
                .kde()
                .figure()
                .map(|f| f.alt().to_owned())
        };
        let told = alt(&[1.0, f64::NAN, 2.0]).unwrap();
        assert!(told.contains("of 2 values, 1 row left out"), "{told}");
        assert!(matches!(alt(&[f64::NAN]), Err(ChartError::Empty { .. })));
        assert!(matches!(alt(&[]), Err(ChartError::Empty { .. })));
        let told = alt(&[7.0]).unwrap();
        assert!(
            told.contains("1 values in 1 bins from 6.5 to 7.5"),
            "{told}"
        );
    }
}
