use plotters::style::RGBColor;

use crate::bitmap::Canvas;
use crate::color::readable_on_white;
use crate::draw::render;
use crate::ink::{AXIS, GRID, Label, MARGIN, MUTED, Pen, TICK_SIZE};
use crate::palette::SERIES_COLORS;
use crate::points::plottable;
use crate::ticks::{round_ticks, whole_ticks};
use crate::{ChartError, Figure, SCALE};

/// Space between two charts side by side, in CSS pixels.
const GAP: f64 = 28.0;
/// Least size of the plotted part, in CSS pixels.
const LEAST_PLOT: (f64, f64) = (60.0, 40.0);
/// Distance between names at the ends of the lines, in CSS pixels.
const NAME_PITCH: f64 = 17.0;
/// Distance of the first and last points from the ends of the axis, in CSS pixels.
const X_INSET: f64 = 10.0;
/// Up to this many points per series, each point gets a dot.
const DOTTED_POINTS: usize = 50;

/// Curves over whole steps such as epochs: one or more series, named at their right ends.
///
/// ```
/// use labbook_charts::LineChart;
///
/// let figure = LineChart::new("Loss")
///     .series("Training loss", &[1.9, 1.4, 1.2])
///     .series("Validation loss", &[1.7, 1.5, 1.4])
///     .x_label("Epoch")
///     .figure()?;
/// assert_eq!((figure.width(), figure.height()), (560, 300));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LineChart {
    title: String,
    series: Vec<Series>,
    x_label: String,
    y_label: String,
    first_x: i64,
    size: (u32, u32),
}

#[derive(Debug, Clone, PartialEq)]
struct Series {
    name: String,
    values: Vec<f64>,
    /// What is shaded, from the lower values to the upper ones.
    band: Option<(Vec<f64>, Vec<f64>)>,
}

impl Series {
    fn is_blank(&self) -> bool {
        !self.values.iter().copied().any(plottable)
    }

    fn shown_name(&self) -> String {
        match self.is_blank() {
            true if self.is_too_large() => format!("{}: beyond 1e300", self.name),
            true => format!("{}: no values", self.name),
            false => self.name.clone(),
        }
    }

    /// Whether there are values, but none that an axis could hold.
    fn is_too_large(&self) -> bool {
        self.is_blank() && self.values.iter().any(|value| value.is_finite())
    }

    /// Steps that are shaded, from which value to which, in runs without a gap.
    fn shaded(&self) -> Vec<Vec<(usize, f64, f64)>> {
        let mut runs: Vec<Vec<(usize, f64, f64)>> = vec![Vec::new()];
        for (index, (low, high)) in self.band.iter().flat_map(pairs).enumerate() {
            match plottable(low) && plottable(high) {
                true => runs
                    .last_mut()
                    .into_iter()
                    .for_each(|run| run.push((index, low, high))),
                false => runs.push(Vec::new()),
            }
        }
        runs.retain(|run| !run.is_empty());
        runs
    }

    /// First and last finite value in words.
    fn alt(&self) -> String {
        let band = self.shaded().last().and_then(|run| run.last().copied());
        let band = band.map(|(_, low, high)| {
            let (low, high) = (in_words(low), in_words(high));
            format!(" within a band from {low} to {high} at its end")
        });
        self.alt_of_values() + &band.unwrap_or_default()
    }

    fn alt_of_values(&self) -> String {
        let mut finite = self.values.iter().filter(|value| plottable(**value));
        let first = finite.next();
        match (first, finite.next_back()) {
            (Some(first), Some(last)) => format!(
                "{} from {} to {} over {} values",
                self.name,
                in_words(*first),
                in_words(*last),
                self.values.len()
            ),
            (Some(only), None) => format!("{} {}", self.name, in_words(*only)),
            (None, _) => self.shown_name(),
        }
    }
}

fn pairs((low, high): &(Vec<f64>, Vec<f64>)) -> impl Iterator<Item = (f64, f64)> {
    low.iter().copied().zip(high.iter().copied())
}

impl LineChart {
    /// A chart without series, 560 by 300 CSS pixels.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            series: Vec::new(),
            x_label: String::new(),
            y_label: String::new(),
            first_x: 1,
            size: (560, 300),
        }
    }

    /// Adds a curve. Values that are NaN, infinite or beyond 1e300 leave a gap.
    #[must_use]
    pub fn series(mut self, name: impl Into<String>, values: &[f64]) -> Self {
        self.series.push(Series {
            name: name.into(),
            values: values.to_vec(),
            band: None,
        });
        self
    }

    /// Shades the space between two curves in a light shade of the series added last, such as where a
    /// forecast may lie. Where either value is NaN, infinite or beyond 1e300 there is a gap.
    ///
    /// ```
    /// use labbook_charts::LineChart;
    ///
    /// let figure = LineChart::new("Demand")
    ///     .series("Forecast", &[3.0, 4.0, 5.0])
    ///     .band(&[2.5, 3.0, 3.0], &[3.5, 5.0, 7.0])
    ///     .figure()?;
    /// assert!(figure.alt().contains("within a band from 3.0000 to 7.0000"));
    /// # Ok::<(), labbook_charts::ChartError>(())
    /// ```
    #[must_use]
    pub fn band(mut self, low: &[f64], high: &[f64]) -> Self {
        if let Some(series) = self.series.last_mut() {
            series.band = Some((low.to_vec(), high.to_vec()));
        }
        self
    }

    /// Names the horizontal axis.
    #[must_use]
    pub fn x_label(mut self, label: impl Into<String>) -> Self {
        self.x_label = label.into();
        self
    }

    /// Names the vertical axis; the name stands above it.
    #[must_use]
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.y_label = label.into();
        self
    }

    /// Where the first value stands on the horizontal axis: 1 unless set, as epochs count.
    #[must_use]
    pub fn first_x(mut self, first_x: i64) -> Self {
        self.first_x = first_x;
        self
    }

    /// Width and height in CSS pixels.
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Draws the chart. Without any value that can be drawn the axes stay empty and say so.
    ///
    /// # Errors
    ///
    /// [`ChartError::Empty`] without series; [`ChartError::TooSmall`] or
    /// [`ChartError::Size`] if the chart cannot be drawn at this size.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        let (width, height) = self.size;
        let png = render(width, height, |root| self.draw_on(root))?;
        Ok(Figure::new(
            png,
            width,
            height,
            self.title.clone(),
            self.alt(),
        ))
    }

    fn alt(&self) -> String {
        let along = if self.x_label.is_empty() {
            "step".to_owned()
        } else {
            self.x_label.to_lowercase()
        };
        let series: Vec<String> = self.series.iter().map(Series::alt).collect();
        format!(
            "Line chart “{}” by {along}: {}",
            self.title,
            series.join("; ")
        )
    }

    fn draw_on(&self, canvas: &Canvas<'_>) -> Result<(), ChartError> {
        if self.series.is_empty() {
            return Err(ChartError::Empty { what: "series" });
        }
        let pen = Pen::new(canvas);
        let (width, height) = pen.size();
        let (low, high) = self.y_range();

        let mut top = MARGIN;
        if !self.title.is_empty() {
            let label = Label::title();
            let title = label.shortened(&self.title, width - 2.0 * MARGIN)?;
            pen.text(&title, MARGIN, top + 8.0, label)?;
            top += 26.0;
        }
        if !self.y_label.is_empty() {
            let label = Label::tick();
            let name = label.shortened(&self.y_label, width - 2.0 * MARGIN)?;
            pen.text(&name, MARGIN, top + 6.0, label)?;
            top += 18.0;
        }
        // Half a line, so that a tick label at the very top keeps clear of what is above.
        top += 6.0;
        let below = if self.x_label.is_empty() { 22.0 } else { 42.0 };
        let bottom = height - MARGIN - below + 4.0;

        let has_values = self.finite_values().next().is_some();
        let y_ticks = if has_values {
            round_ticks(low, high, ((bottom - top) / 38.0).round().max(2.0) as usize)
        } else {
            Vec::new()
        };
        let tick_labels: Vec<&str> = y_ticks.iter().map(|(_, label)| label.as_str()).collect();
        let name_label = Label::new(12.0).semibold();
        let names: Vec<String> = self.series.iter().map(Series::shown_name).collect();
        let name_width = name_label.widest(&names)?.min(width * 0.4);

        let left = MARGIN + Label::tick().widest(&tick_labels)? + 8.0;
        let right = width - MARGIN - name_width - 10.0;
        if right - left < LEAST_PLOT.0 || bottom - top < LEAST_PLOT.1 {
            return Err(ChartError::TooSmall {
                what: "a line chart",
                min_width: (width - (right - left) + LEAST_PLOT.0).ceil() as u32,
                min_height: (height - (bottom - top) + LEAST_PLOT.1).ceil() as u32,
                width: width as u32,
                height: height as u32,
            });
        }

        let y_at = |value: f64| bottom - (value - low) / (high - low) * (bottom - top);
        for (value, label) in &y_ticks {
            let y = y_at(*value);
            pen.rect((left, y - 0.5), (right, y + 0.5), GRID)?;
            pen.text(label, left - 8.0, y, Label::tick().ending())?;
        }
        pen.rect((left, bottom), (right, bottom + 1.0), AXIS)?;

        let steps = self
            .series
            .iter()
            .map(|s| s.values.len().max(s.band.iter().flat_map(pairs).count()))
            .max()
            .unwrap_or(0);
        // The first and last points keep off the edges; a single point stands in the middle.
        let length = right - left - 2.0 * X_INSET;
        let x_at = |index: usize| match steps {
            0 | 1 => (left + right) / 2.0,
            _ => left + X_INSET + index as f64 / (steps - 1) as f64 * length,
        };
        if steps > 0 {
            let last_x = self.first_x.saturating_add(steps as i64 - 1);
            let gap = Label::tick().width(&last_x.to_string())?.max(8.0) + 9.0;
            for x in whole_ticks(self.first_x, last_x, length, gap) {
                let at = x_at((x - self.first_x) as usize);
                pen.rect((at - 0.5, bottom), (at + 0.5, bottom + 4.0), AXIS)?;
                let y = bottom + 8.0 + TICK_SIZE / 2.0;
                pen.text(&x.to_string(), at, y, Label::tick().centered())?;
            }
        }
        if !self.x_label.is_empty() {
            let middle = (left + right) / 2.0;
            let label = Label::axis().centered();
            pen.text(&self.x_label, middle, height - MARGIN - 6.0, label)?;
        }

        for (index, series) in self.series.iter().enumerate() {
            for run in series.shaded() {
                let above = run.iter().map(|&(step, _, high)| (x_at(step), y_at(high)));
                let below = run.iter().rev();
                let below = below.map(|&(step, low, _)| (x_at(step), y_at(low)));
                let corners: Vec<(f64, f64)> = above.chain(below).collect();
                pen.polygon(&corners, light(series_color(index)))?;
            }
        }
        let mut ends = Vec::new();
        for (index, series) in self.series.iter().enumerate() {
            let color = series_color(index);
            let runs = finite_runs(&series.values);
            for run in &runs {
                let points: Vec<(f64, f64)> = run
                    .iter()
                    .map(|&(index, value)| (x_at(index), y_at(value)))
                    .collect();
                if points.len() > 1 {
                    pen.line(&points, 2.0, color)?;
                }
                if points.len() == 1 || series.values.len() <= DOTTED_POINTS {
                    for &(x, y) in &points {
                        pen.dot(x, y, 2.5, color)?;
                    }
                }
            }
            // A series without a finite value has no end to stand at: its name goes below.
            let end = runs.last().and_then(|run| run.last());
            ends.push(end.map_or(bottom, |&(_, value)| y_at(value)));
        }
        if !has_values {
            let (x, y) = ((left + right) / 2.0, (top + bottom) / 2.0);
            let what = match self.series.iter().any(Series::is_too_large) {
                true => "No values from −1e300 to 1e300",
                false => "No finite values",
            };
            pen.text(what, x, y, Label::axis().centered())?;
        }
        let places = spread(&ends, NAME_PITCH, top, bottom);
        for (index, (name, y)) in names.iter().zip(places).enumerate() {
            let color = if self.series[index].is_blank() {
                MUTED
            } else {
                readable_on_white(series_color(index))
            };
            let label = name_label.color(color);
            let name = label.shortened(name, name_width)?;
            pen.text(&name, right + 6.0, y, label)?;
        }
        Ok(())
    }

    fn finite_values(&self) -> impl Iterator<Item = f64> + '_ {
        let values = self
            .series
            .iter()
            .flat_map(|series| &series.values)
            .copied();
        let bands = self.series.iter().flat_map(Series::shaded).flatten();
        let bands = bands.flat_map(|(_, low, high)| [low, high]);
        values.chain(bands).filter(|value| plottable(*value))
    }

    /// The plotted range: that of the finite values and a little more, never empty.
    fn y_range(&self) -> (f64, f64) {
        let low = self.finite_values().fold(f64::INFINITY, f64::min);
        let high = self.finite_values().fold(f64::NEG_INFINITY, f64::max);
        if low > high {
            return (0.0, 1.0);
        }
        let spread = high - low;
        let pad = if spread > 1e-12 * high.abs().max(low.abs()) {
            0.06 * spread
        } else if high == 0.0 {
            1.0
        } else {
            0.1 * high.abs()
        };
        // Losses and accuracies are not negative, and their axis should not suggest it.
        let floor = if low >= 0.0 { 0.0 } else { f64::NEG_INFINITY };
        ((low - pad).max(floor), high + pad)
    }
}

/// A shade that lines and grid show on.
fn light(color: RGBColor) -> RGBColor {
    let mixed = |part: u8| (f64::from(part) * 0.22 + 255.0 * 0.78).round() as u8;
    RGBColor(mixed(color.0), mixed(color.1), mixed(color.2))
}

/// Draws charts in one row, such as loss and accuracy, `width` by `height` CSS pixels
/// altogether; 1120 by 300 suits two.
///
/// # Errors
///
/// [`ChartError::Empty`] without charts or if a chart has no series; [`ChartError::TooSmall`]
/// or [`ChartError::Size`] if the charts cannot be drawn at this size.
pub fn side_by_side(charts: &[LineChart], width: u32, height: u32) -> Result<Figure, ChartError> {
    if charts.is_empty() {
        return Err(ChartError::Empty { what: "chart" });
    }
    let png = render(width, height, |root| {
        let (pixels, _) = root.dim_in_pixel();
        let count = charts.len() as f64;
        let gap = GAP * f64::from(SCALE);
        let each = (f64::from(pixels) - gap * (count - 1.0)) / count;
        for (index, chart) in charts.iter().enumerate() {
            let left = index as f64 * (each + gap);
            let (_, rest) = root.split_horizontally(left.round() as i32);
            let (panel, _) = rest.split_horizontally(each.round() as i32);
            chart.draw_on(&panel)?;
        }
        Ok(())
    })?;
    let titles: Vec<&str> = charts.iter().map(|chart| chart.title.as_str()).collect();
    let alts: Vec<String> = charts.iter().map(LineChart::alt).collect();
    Ok(Figure::new(
        png,
        width,
        height,
        titles.join(", "),
        alts.join(". "),
    ))
}

/// Four decimals, or five digits of what would have none or far more.
fn in_words(value: f64) -> String {
    match value.abs() {
        0.0 => format!("{value:.4}"),
        size if (1e-4..1e12).contains(&size) => format!("{value:.4}"),
        _ => format!("{value:.4e}"),
    }
}

fn series_color(index: usize) -> RGBColor {
    SERIES_COLORS[index % SERIES_COLORS.len()]
}

/// Stretches of finite values, each value with its position.
fn finite_runs(values: &[f64]) -> Vec<Vec<(usize, f64)>> {
    let mut runs: Vec<Vec<(usize, f64)>> = Vec::new();
    let mut open = false;
    for (index, &value) in values.iter().enumerate() {
        if plottable(value) {
            if !open {
                runs.push(Vec::new());
            }
            if let Some(run) = runs.last_mut() {
                run.push((index, value));
            }
        }
        open = plottable(value);
    }
    runs
}

/// Moves labels apart vertically to at least `pitch`, keeping their order and, where there is
/// room, inside `top..=bottom`. The result is in the order of `ends`.
fn spread(ends: &[f64], pitch: f64, top: f64, bottom: f64) -> Vec<f64> {
    let mut order: Vec<usize> = (0..ends.len()).collect();
    order.sort_by(|&a, &b| ends[a].total_cmp(&ends[b]));
    let mut places = ends.to_vec();
    // Each pair that is too close moves apart evenly; a few rounds settle any real legend.
    for _ in 0..100 {
        for pair in order.windows(2) {
            let overlap = pitch - (places[pair[1]] - places[pair[0]]);
            if overlap > 0.0 {
                places[pair[0]] -= overlap / 2.0;
                places[pair[1]] += overlap / 2.0;
            }
        }
    }
    // Upwards from the lower edge, then downwards from the upper one, moving only what has to.
    let mut limit = bottom;
    for &label in order.iter().rev() {
        places[label] = places[label].min(limit);
        limit = places[label] - pitch;
    }
    let mut limit = top;
    for &label in &order {
        places[label] = places[label].max(limit);
        limit = places[label] + pitch;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_split_a_series_into_runs() {
        let runs = finite_runs(&[1.0, f64::NAN, 2.0, 3.0, f64::INFINITY]);
        assert_eq!(runs, [vec![(0, 1.0)], vec![(2, 2.0), (3, 3.0)]]);
        assert!(finite_runs(&[]).is_empty());
    }

    #[test]
    fn close_names_move_apart_and_keep_their_order() {
        let places = spread(&[50.0, 48.0, 100.0], 16.0, 0.0, 200.0);
        assert!((places[0] - places[1] - 16.0).abs() < 1e-6, "{places:?}");
        assert_eq!(places[2], 100.0);
    }

    #[test]
    fn only_names_that_have_to_move_do() {
        let places = spread(&[20.0, 195.0, 200.0], 16.0, 0.0, 200.0);
        assert_eq!(places, [20.0, 184.0, 200.0]);
    }

    #[test]
    fn names_at_the_edge_stay_inside() {
        let places = spread(&[2.0, 3.0], 16.0, 0.0, 200.0);
        assert!(places.iter().all(|&y| y >= 0.0), "{places:?}");
    }

    #[test]
    fn the_range_of_a_constant_is_not_empty() {
        for value in [0.0, 5.0, -5.0, 1e-300, 1e300] {
            let (low, high) = LineChart::new("").series("", &[value; 3]).y_range();
            assert!(
                low < high && (high - low).is_finite(),
                "{value}: {low}..{high}"
            );
        }
    }

    #[test]
    fn the_range_of_losses_never_goes_below_zero() {
        let (low, _) = LineChart::new("").series("", &[0.01, 2.0]).y_range();
        assert_eq!(low, 0.0);
    }

    #[test]
    fn values_that_no_axis_holds_are_told_as_what_they_are() {
        let chart = LineChart::new("").series("a", &[f64::MAX, f64::MIN]);
        let chart = chart.series("b", &[f64::NAN]).series("c", &[1e-9, 1e300]);
        assert_eq!(
            chart.alt(),
            "Line chart “” by step: a: beyond 1e300; b: no values; \
             c from 1.0000e-9 to 1.0000e300 over 2 values"
        );
        assert!(chart.figure().is_ok());
    }

    #[test]
    fn the_alternative_text_gives_first_and_last_values() {
        let chart = LineChart::new("Loss").series("Training loss", &[2.0, f64::NAN, 1.0]);
        assert_eq!(
            chart.x_label("Epoch").alt(),
            "Line chart “Loss” by epoch: Training loss from 2.0000 to 1.0000 over 3 values"
        );
        let chart = LineChart::new("").series("a", &[0.5]).series("b", &[]);
        assert_eq!(chart.alt(), "Line chart “” by step: a 0.5000; b: no values");
    }
}
