use plotters::style::{RGBColor, WHITE};

use crate::axes::{Axes, AxisTexts, Span};
use crate::bitmap::Canvas;
use crate::color::readable_on_white;
use crate::draw::render;
use crate::ink::{AXIS, Label, Pen};
use crate::legend::{Legend, Mark};
use crate::names::owned;
use crate::palette::SERIES_COLORS;
use crate::points::plottable;
use crate::{ChartError, Figure};

/// Radius of a point and the height of its label, in CSS pixels.
const RADIUS: f64 = 5.0;
const LABEL_HEIGHT: f64 = 13.0;
/// Height of the legend above the plotted part.
const LEGEND_HEIGHT: f64 = 24.0;
/// Share of the range left free at either end of an axis.
const PAD: f64 = 0.08;

/// A few points with a name each, in one or more series with marks of their own: accuracy
/// against training time.
///
/// ```
/// use labbook_charts::LabelledScatter;
///
/// let figure = LabelledScatter::new("Accuracy against time")
///     .series("ours", &[12.5, 250.0], &[0.48, 0.72], &["1", "3"])
///     .series("a first try", &[52.2, 277.3], &[0.4698, 0.713], &["1", "3"])
///     .x_label("Seconds")
///     .log_x()
///     .figure()?;
/// assert!(figure.alt().contains("ours: 1 at (12.5, 0.48)"));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct LabelledScatter {
    series: Vec<Series>,
    texts: AxisTexts,
    log_x: bool,
    size: (u32, u32),
}

#[derive(Debug, Clone, PartialEq)]
struct Series {
    name: String,
    x: Vec<f64>,
    y: Vec<f64>,
    labels: Vec<String>,
}

impl Series {
    fn points(&self) -> impl Iterator<Item = (f64, f64, &str)> {
        let coordinates = self.x.iter().zip(&self.y);
        let labelled = coordinates.zip(&self.labels);
        labelled.map(|((&x, &y), label)| (x, y, label.as_str()))
    }
}

/// An upright rectangle: left, top, right, bottom.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Area(f64, f64, f64, f64);

impl Area {
    fn around(x: f64, y: f64, half_width: f64, half_height: f64) -> Self {
        Self(
            x - half_width,
            y - half_height,
            x + half_width,
            y + half_height,
        )
    }

    /// The size of what two rectangles share.
    fn overlap(&self, other: &Self) -> f64 {
        let along = |from: f64, to: f64| (to - from).max(0.0);
        along(self.0.max(other.0), self.2.min(other.2))
            * along(self.1.max(other.1), self.3.min(other.3))
    }
}

/// A label and where its middle stands.
struct Placed {
    at: (f64, f64),
    point: (f64, f64),
    /// Far enough from its point to need a line to it.
    led: bool,
}

impl LabelledScatter {
    /// A plot without points, 760 by 440 CSS pixels.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            series: Vec::new(),
            texts: AxisTexts {
                title: title.into(),
                ..AxisTexts::default()
            },
            log_x: false,
            size: (760, 440),
        }
    }

    /// Adds points: one x, one y and one short label for each.
    #[must_use]
    pub fn series(
        mut self,
        name: impl Into<String>,
        x: &[f64],
        y: &[f64],
        labels: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Self {
        self.series.push(Series {
            name: name.into(),
            x: x.to_vec(),
            y: y.to_vec(),
            labels: owned(labels),
        });
        self
    }

    /// Names the horizontal axis.
    #[must_use]
    pub fn x_label(mut self, label: impl Into<String>) -> Self {
        self.texts.x_label = label.into();
        self
    }

    /// Names the vertical axis; the name stands above it.
    #[must_use]
    pub fn y_label(mut self, label: impl Into<String>) -> Self {
        self.texts.y_label = label.into();
        self
    }

    /// Makes the horizontal axis logarithmic; its values are then above 0.
    #[must_use]
    pub fn log_x(mut self) -> Self {
        self.log_x = true;
        self
    }

    /// Width and height in CSS pixels.
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Draws the plot.
    ///
    /// # Errors
    ///
    /// [`ChartError::Empty`] without points, [`ChartError::LengthMismatch`] unless each has
    /// both coordinates and a label, [`ChartError::Coordinate`] for one that is NaN or
    /// infinite, [`ChartError::NotPositive`] where a logarithmic axis has no place for it,
    /// [`ChartError::TooSmall`] or [`ChartError::Size`] if the plot cannot be drawn at this
    /// size.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        self.check()?;
        let (width, height) = self.size;
        let png = render(width, height, |canvas| self.draw_on(canvas))?;
        let title = self.texts.title.clone();
        Ok(Figure::new(png, width, height, title, self.alt()))
    }

    fn check(&self) -> Result<(), ChartError> {
        for series in &self.series {
            let expected = series.x.len();
            for (what, received) in [("y value", series.y.len()), ("label", series.labels.len())] {
                if received != expected {
                    return Err(ChartError::LengthMismatch {
                        what,
                        per: "x value",
                        expected,
                        received,
                    });
                }
            }
            for (row, (x, y, label)) in series.points().enumerate() {
                if let Some(value) = [x, y].into_iter().find(|value| !plottable(*value)) {
                    return Err(ChartError::Coordinate { row, value });
                }
                if self.log_x && x <= 0.0 {
                    let name = label.to_owned();
                    return Err(ChartError::NotPositive { name, value: x });
                }
            }
        }
        if self.series.iter().all(|series| series.x.is_empty()) {
            return Err(ChartError::Empty { what: "point" });
        }
        Ok(())
    }

    fn alt(&self) -> String {
        let series: Vec<String> = self
            .series
            .iter()
            .map(|series| {
                let points: Vec<String> = series
                    .points()
                    .map(|(x, y, label)| format!("{label} at ({}, {})", short(x), short(y)))
                    .collect();
                format!("{}: {}", series.name, points.join(", "))
            })
            .collect();
        let axis = |label: &str, other: &str| match label {
            "" => other.to_owned(),
            label => in_sentence(label),
        };
        format!(
            "Scatter plot “{}” of {} against {}. {}",
            self.texts.title,
            axis(&self.texts.y_label, "y"),
            axis(&self.texts.x_label, "x"),
            series.join(". ")
        )
    }

    fn spans(&self) -> (Span, Span) {
        let all = || self.series.iter().flat_map(Series::points);
        let x = all().map(|(x, _, _)| x);
        let x = match self.log_x {
            true => Span::around_log(x, PAD),
            false => Span::around(x, PAD),
        };
        (x, Span::around(all().map(|(_, y, _)| y), PAD))
    }

    fn draw_on(&self, canvas: &Canvas<'_>) -> Result<(), ChartError> {
        let pen = Pen::new(canvas);
        let what = "a labelled scatter plot";
        let mut legend = Legend::default();
        // A single series is what the title says.
        let several = self.series.len() > 1;
        if several {
            for (index, series) in self.series.iter().enumerate() {
                legend.push(mark(index), &series.name);
            }
        }
        let mut axes = Axes::new(pen.size(), self.spans(), &self.texts, 0.0, what)?;
        // One row above the plotted part, at its right end, beside the name of the y axis.
        let (legend_width, legend_height) = legend.size(1.0)?;
        let mut legend_top = axes.top - 6.0 - legend_height;
        if several && self.texts.y_label.is_empty() {
            legend_top = axes.top - 6.0;
            axes.top += LEGEND_HEIGHT;
        }
        axes.draw_grid(&pen)?;
        axes.draw(&pen)?;
        let legend_left = (axes.right - legend_width).max(axes.left);
        legend.draw(&pen, (legend_left, legend_top), 1.0)?;

        let mut points = Vec::new();
        for (index, series) in self.series.iter().enumerate() {
            for (x, y, label) in series.points() {
                points.push((index, (axes.x_at(x), axes.y_at(y)), label));
            }
        }
        let label = Label::new(11.0).semibold();
        let mut widths = Vec::new();
        for (_, _, text) in &points {
            widths.push(label.width(text)?);
        }
        let places: Vec<(f64, f64)> = points.iter().map(|&(_, place, _)| place).collect();
        let frame = Area(axes.left, axes.top, axes.right, axes.bottom);
        let placed = place_labels(&places, &widths, &frame);
        for placed in placed.iter().filter(|placed| placed.led) {
            pen.line(&[placed.point, placed.at], 1.0, AXIS)?;
        }
        for &(series, place, _) in &points {
            // A white rim keeps marks apart that overlap.
            mark(series)
                .with_color(WHITE)
                .draw(&pen, place, RADIUS + 1.0)?;
            mark(series).draw(&pen, place, RADIUS)?;
        }
        for (placed, (series, _, text)) in placed.iter().zip(&points) {
            let label = label.centered().color(readable_on_white(color(*series)));
            pen.text(text, placed.at.0, placed.at.1, label)?;
        }
        Ok(())
    }
}

/// Four significant digits.
fn short(value: f64) -> f64 {
    if value == 0.0 {
        return value;
    }
    let scale = 10_f64.powi(3 - value.abs().log10().floor() as i32);
    let rounded = (value * scale).round() / scale;
    if rounded.is_finite() { rounded } else { value }
}

fn color(series: usize) -> RGBColor {
    SERIES_COLORS[series % SERIES_COLORS.len()]
}

/// Shapes differ too, for readers who do not see the colours.
fn mark(series: usize) -> Mark {
    let color = color(series);
    match series % 3 {
        0 => Mark::Dot(color),
        1 => Mark::Diamond(color),
        _ => Mark::Square(color),
    }
}

/// Gives each label the place around its point that covers least of points, other labels and
/// the world outside `frame`; nearer places first.
fn place_labels(points: &[(f64, f64)], widths: &[f64], frame: &Area) -> Vec<Placed> {
    let marks: Vec<Area> = points
        .iter()
        .map(|&(x, y)| Area::around(x, y, RADIUS + 1.0, RADIUS + 1.0))
        .collect();
    // The most crowded point chooses first: the others have more places left.
    let crowd = |point: (f64, f64)| {
        let near = points
            .iter()
            .filter(|other| (other.0 - point.0).hypot(other.1 - point.1) < 40.0);
        near.count()
    };
    let mut order: Vec<usize> = (0..points.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(crowd(points[index])));

    let mut taken: Vec<Area> = Vec::new();
    let mut placed: Vec<Option<Placed>> = points.iter().map(|_| None).collect();
    for index in order {
        let (x, y) = points[index];
        let (half_width, half_height) = (widths[index] / 2.0 + 1.0, LABEL_HEIGHT / 2.0);
        let mut best: Option<(f64, (f64, f64), Area, bool)> = None;
        for (ring, distance) in [1.5, 12.0, 24.0, 38.0].into_iter().enumerate() {
            for (turn, direction) in DIRECTIONS.iter().enumerate() {
                let dx = direction.0 * (RADIUS + half_width + distance);
                let dy = direction.1 * (RADIUS + half_height + distance);
                let area = Area::around(x + dx, y + dy, half_width, half_height);
                let inside = area.overlap(frame) / area.overlap(&area);
                let covered: f64 = marks.iter().chain(&taken).map(|m| area.overlap(m)).sum();
                let crossed = match ring {
                    0 => 0.0,
                    _ => crossed(&marks, index, (x, y), (x + dx, y + dy)),
                };
                let cost = covered
                    + crossed
                    + 1000.0 * (1.0 - inside)
                    + 4.0 * ring as f64
                    + 0.1 * turn as f64;
                if best.is_none_or(|(least, ..)| cost < least) {
                    best = Some((cost, (x + dx, y + dy), area, ring > 0));
                }
            }
        }
        if let Some((_, at, area, led)) = best {
            taken.push(area);
            let point = (x, y);
            placed[index] = Some(Placed { at, point, led });
        }
    }
    placed.into_iter().flatten().collect()
}

/// How much a line from a point to its label crosses the marks of other points.
fn crossed(marks: &[Area], own: usize, from: (f64, f64), to: (f64, f64)) -> f64 {
    let steps = (1..8).map(|step| f64::from(step) / 8.0);
    let others = || marks.iter().enumerate().filter(|(index, _)| *index != own);
    steps
        .map(|share| {
            let at = |from: f64, to: f64| from + share * (to - from);
            let dot = Area::around(at(from.0, to.0), at(from.1, to.1), 1.0, 1.0);
            others().map(|(_, mark)| dot.overlap(mark)).sum::<f64>()
        })
        .sum()
}

/// Right, left, above, below, then between.
const DIRECTIONS: [(f64, f64); 8] = [
    (1.0, 0.0),
    (0.0, -1.0),
    (-1.0, 0.0),
    (0.0, 1.0),
    (0.8, -0.8),
    (0.8, 0.8),
    (-0.8, -0.8),
    (-0.8, 0.8),
];

/// A label in the middle of a sentence: without a capital, except in words like "TFLOP" or "PCA".
fn in_sentence(label: &str) -> String {
    let words: Vec<String> = label
        .split(' ')
        .map(
            |word| match word.chars().filter(|c| c.is_uppercase()).count() {
                0 | 1 => word.to_lowercase(),
                _ => word.to_owned(),
            },
        )
        .collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_close_points_do_not_overlap() {
        let points: Vec<(f64, f64)> = (0..16)
            .map(|i| {
                (
                    100.0 + 9.0 * f64::from(i % 4),
                    100.0 + 9.0 * f64::from(i / 4),
                )
            })
            .collect();
        let widths = vec![14.0; points.len()];
        let placed = place_labels(&points, &widths, &Area(0.0, 0.0, 300.0, 300.0));
        assert_eq!(placed.len(), points.len());
        let area = |p: &Placed| Area::around(p.at.0, p.at.1, 7.0, 5.0);
        for (i, a) in placed.iter().enumerate() {
            for b in &placed[..i] {
                assert!(area(a).overlap(&area(b)) < 1.0, "{:?} and {:?}", a.at, b.at);
            }
        }
    }

    #[test]
    fn a_label_in_the_corner_stays_inside() {
        let frame = Area(0.0, 0.0, 100.0, 100.0);
        let placed = place_labels(&[(97.0, 3.0)], &[30.0], &frame);
        let area = Area::around(placed[0].at.0, placed[0].at.1, 15.0, 6.0);
        assert!((area.overlap(&frame) - area.overlap(&area)).abs() < 1e-9);
    }

    #[test]
    fn a_logarithmic_axis_refuses_zero() {
        let plot = LabelledScatter::new("").series("a", &[0.0], &[1.0], &["x"]);
        assert!(plot.figure().is_ok());
        let error = plot.log_x().figure().unwrap_err();
        assert!(matches!(error, ChartError::NotPositive { .. }), "{error}");
    }

    #[test]
    fn abbreviations_keep_their_capitals() {
        assert_eq!(in_sentence("Training (TFLOP)"), "training (TFLOP)");
        assert_eq!(in_sentence("Test accuracy"), "test accuracy");
    }
}
