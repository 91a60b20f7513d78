use plotters::style::{RGBColor, WHITE};

use crate::axes::Span;
use crate::bitmap::Canvas;
use crate::color_bar::ColorBar;
use crate::draw::render_reduced;
use crate::ink::{AXIS, Label, MARGIN, MUTED, Pen};
use crate::names::owned;
use crate::parallel_axis::{AxisKind, ParallelAxis};
use crate::ticks::round_ticks;
use crate::{ChartError, ColorMap, Figure};

/// Least distance of two axes and least height of an axis, in CSS pixels.
const LEAST: (f64, f64) = (56.0, 80.0);
/// Longest name of the first and the last axis, in CSS pixels; others have what their neighbours leave.
const LONGEST_NAME: f64 = 130.0;
/// Most lines that are drawn with their full width.
const FEW: usize = 150;
/// The palest blue of a line, so that the worst one is still seen on white.
const PALEST: f64 = 0.22;

/// Lines through axes side by side, one line for each choice of values, coloured by what came of
/// it: which settings the good trials of a search share. The better, the darker.
///
/// Lines that are given later lie above those before. NaN is a gap; a line without a result is
/// grey and ends before the last axis.
///
/// ```
/// use labbook_charts::ParallelCoordinates;
///
/// let figure = ParallelCoordinates::new("val_accuracy", &[0.71, 0.9, 0.84])
///     .log_axis("learning_rate", &[1e-4, 1e-3, 1e-2])
///     .categories("optimizer", &["sgd", "adam"], &[0, 1, 1])
///     .title("Three trials")
///     .figure()?;
/// assert!(figure.alt().contains("best val_accuracy 0.9: learning_rate 0.001, optimizer adam"));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ParallelCoordinates {
    title: String,
    axes: Vec<ParallelAxis>,
    result: ParallelAxis,
    lower_is_better: bool,
    size: (u32, u32),
}

/// Where things are, in CSS pixels.
struct Layout {
    left: f64,
    /// Between two axes.
    pitch: f64,
    top: f64,
    bottom: f64,
    bar: ColorBar,
}

impl ParallelCoordinates {
    /// Lines without axes, and what came of each: the last axis, with the colours.
    pub fn new(result: impl Into<String>, values: &[f64]) -> Self {
        Self {
            title: String::new(),
            axes: Vec::new(),
            result: ParallelAxis {
                name: result.into(),
                values: values.to_vec(),
                kind: AxisKind::Linear,
            },
            lower_is_better: false,
            size: (800, 360),
        }
    }

    /// Adds an axis of numbers to the right of those there are, with the value of each line.
    #[must_use]
    pub fn axis(self, name: impl Into<String>, values: &[f64]) -> Self {
        self.with(name.into(), values.to_vec(), AxisKind::Linear)
    }

    /// The same with a logarithmic axis, for numbers above 0.
    #[must_use]
    pub fn log_axis(self, name: impl Into<String>, values: &[f64]) -> Self {
        self.with(name.into(), values.to_vec(), AxisKind::Log)
    }

    /// Adds an axis of names from below to above, with the number of each line's name.
    #[must_use]
    pub fn categories(
        self,
        name: impl Into<String>,
        names: impl IntoIterator<Item = impl AsRef<str>>,
        values: &[usize],
    ) -> Self {
        let values = values.iter().map(|&value| value as f64).collect();
        self.with(name.into(), values, AxisKind::Names(owned(names)))
    }

    fn with(mut self, name: String, values: Vec<f64>, kind: AxisKind) -> Self {
        self.axes.push(ParallelAxis { name, values, kind });
        self
    }

    /// Says that a lower result is the better one, as of a loss.
    #[must_use]
    pub fn lower_is_better(mut self) -> Self {
        self.lower_is_better = true;
        self
    }

    /// Writes a title above the chart.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Width and height in CSS pixels; the default is 800 x 360.
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Draws the chart.
    ///
    /// # Errors
    ///
    /// [`ChartError::Empty`] without lines or axes, [`ChartError::LengthMismatch`] unless every
    /// axis has one value per line, [`ChartError::Coordinate`] for an infinite value,
    /// [`ChartError::NotPositive`] for one that a logarithmic axis has no place for,
    /// [`ChartError::LabelOutOfRange`] for the number of a name that is not there,
    /// [`ChartError::TooSmall`] or [`ChartError::Size`] if the chart cannot be drawn at this size.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        let lines = self.result.values.len();
        for (what, count) in [("line", lines), ("axis", self.axes.len())] {
            if count == 0 {
                return Err(ChartError::Empty { what });
            }
        }
        for axis in self.axes.iter().chain([&self.result]) {
            axis.check(lines)?;
        }
        let (width, height) = self.size;
        let png = render_reduced(width, height, |canvas| self.draw_on(canvas))?;
        Ok(Figure::new(
            png,
            width,
            height,
            self.title.clone(),
            self.alt(),
        ))
    }

    fn layout(&self, (width, height): (f64, f64)) -> Result<Layout, ChartError> {
        let top = MARGIN + if self.title.is_empty() { 0.0 } else { 30.0 } + 24.0;
        let bottom = height - MARGIN - 6.0;
        let length = (bottom - top).max(1.0);
        let (low, high) = self.result.span().ends();
        let bar = ColorBar {
            low,
            high,
            ticks: round_ticks(low, high, (length / 48.0).max(2.0) as usize),
        };
        let half = |axis: &ParallelAxis| -> Result<f64, ChartError> {
            Ok(name_label().width(&axis.name)?.min(LONGEST_NAME) / 2.0)
        };
        let first = &self.axes[0];
        let ticks = first.ticks(length).into_iter();
        let ticks: Vec<String> = ticks.map(|(_, text)| text).collect();
        let ticks = Label::tick().widest(&ticks)?.min(LONGEST_NAME) + 8.0;
        let left = MARGIN + ticks.max(half(first)?);
        let right = width - MARGIN - bar.width()?.max(half(&self.result)?);
        let pitch = (right - left) / self.axes.len() as f64;
        if pitch < LEAST.0 || bottom - top < LEAST.1 {
            let missing = (LEAST.0 - pitch).max(0.0) * self.axes.len() as f64;
            return Err(ChartError::TooSmall {
                what: "a chart of parallel coordinates",
                min_width: (width + missing).ceil() as u32,
                min_height: (height + (LEAST.1 - (bottom - top)).max(0.0)).ceil() as u32,
                width: width as u32,
                height: height as u32,
            });
        }
        Ok(Layout {
            left,
            pitch,
            top,
            bottom,
            bar,
        })
    }

    fn draw_on(&self, canvas: &Canvas<'_>) -> Result<(), ChartError> {
        let pen = Pen::new(canvas);
        let layout = self.layout(pen.size())?;
        let title = Label::title().shortened(&self.title, pen.size().0 - 2.0 * MARGIN)?;
        pen.text(&title, MARGIN, MARGIN + 8.0, Label::title())?;
        self.draw_lines(&pen, &layout)?;
        for (place, axis) in self.axes.iter().enumerate() {
            draw_axis(&pen, &layout, place, axis)?;
            draw_name(&pen, &layout, place, &axis.name)?;
        }
        let last = self.axes.len();
        draw_name(&pen, &layout, last, &self.result.name)?;
        let corner = (layout.x(last), layout.top);
        let color = |value| self.color(&layout, value);
        layout.bar.draw(&pen, corner, layout.bottom, color)
    }

    fn draw_lines(&self, pen: &Pen<'_, '_>, layout: &Layout) -> Result<(), ChartError> {
        let lines = self.result.values.len();
        let width = if lines > FEW { 1.0 } else { 1.6 };
        let axes: Vec<&ParallelAxis> = self.axes.iter().chain([&self.result]).collect();
        let spans: Vec<_> = axes.iter().map(|axis| axis.span()).collect();
        let without = |line: &usize| self.result.values[*line].is_nan();
        // Those without a result lie below all others.
        let (below, above): (Vec<usize>, Vec<usize>) = (0..lines).partition(without);
        for line in below.into_iter().chain(above) {
            let result = self.result.values[line];
            let color = match result.is_nan() {
                true => AXIS,
                false => self.color(layout, result),
            };
            let places = axes.iter().zip(&spans).enumerate();
            let points = places.map(|(place, (axis, span))| {
                let value = axis.values[line];
                (!value.is_nan()).then(|| (layout.x(place), layout.y(span, value)))
            });
            let points: Vec<Option<(f64, f64)>> = points.collect();
            for run in points.split(Option::is_none) {
                let run: Vec<(f64, f64)> = run.iter().copied().flatten().collect();
                match run.as_slice() {
                    [] => {}
                    [(x, y)] => pen.dot(*x, *y, 2.5, color)?,
                    run => pen.line(run, width, color)?,
                }
            }
        }
        Ok(())
    }

    /// The colour of a result.
    fn color(&self, layout: &Layout, value: f64) -> RGBColor {
        let bar = &layout.bar;
        let share = (value - bar.low) / (bar.high - bar.low);
        let goodness = if self.lower_is_better {
            1.0 - share
        } else {
            share
        };
        ColorMap::Blues.color(PALEST + (1.0 - PALEST) * goodness)
    }

    fn alt(&self) -> String {
        let axes = self.axes.iter().chain([&self.result]);
        let axes: Vec<String> = axes.map(ParallelAxis::described).collect();
        let title = match self.title.as_str() {
            "" => String::new(),
            title => format!(" “{title}”"),
        };
        let results = self.result.values.iter().enumerate();
        let results = results.filter(|(_, value)| !value.is_nan());
        let better = |one: f64, other: f64| (one < other) == self.lower_is_better && one != other;
        let best = results.reduce(|a, b| if better(*b.1, *a.1) { b } else { a });
        let best = best.map_or_else(String::new, |(line, &value)| {
            let settings = self.axes.iter().map(|axis| {
                let value = axis.values[line];
                match value.is_nan() {
                    true => format!("no {}", axis.name),
                    false => format!("{} {}", axis.name, axis.told(value)),
                }
            });
            format!(
                "; best {} {}: {}",
                self.result.name,
                self.result.told(value),
                settings.collect::<Vec<_>>().join(", ")
            )
        });
        format!(
            "Parallel coordinates{title} of {} lines: {}{best}",
            self.result.values.len(),
            axes.join(", ")
        )
    }
}

impl Layout {
    /// Where an axis stands.
    fn x(&self, place: usize) -> f64 {
        self.left + self.pitch * place as f64
    }

    /// Where a value lies on an axis.
    fn y(&self, span: &Span, value: f64) -> f64 {
        self.bottom - span.share(value) * (self.bottom - self.top)
    }
}

/// An axis with its ticks left of it.
fn draw_axis(
    pen: &Pen<'_, '_>,
    layout: &Layout,
    place: usize,
    axis: &ParallelAxis,
) -> Result<(), ChartError> {
    let x = layout.x(place);
    pen.rect((x - 0.5, layout.top), (x + 0.5, layout.bottom), AXIS)?;
    let room = match place {
        0 => LONGEST_NAME,
        _ => layout.pitch - 16.0,
    };
    let span = axis.span();
    for (value, text) in axis.ticks(layout.bottom - layout.top) {
        let y = layout.y(&span, value);
        let text = Label::tick().shortened(&text, room)?;
        // Lines would cross it.
        let width = Label::tick().width(&text)?;
        let (start, end) = (x - 8.0 - width, x - 4.0);
        let corners = [
            (start, y - 6.0),
            (end, y - 6.0),
            (end, y + 6.0),
            (start, y + 6.0),
        ];
        pen.tinted_polygon(&corners, WHITE, 0.8)?;
        pen.rect((x - 4.0, y - 0.5), (x, y + 0.5), AXIS)?;
        pen.text(&text, x - 6.0, y, Label::tick().ending())?;
    }
    Ok(())
}

/// The name of an axis above it, as far as it has room.
fn draw_name(
    pen: &Pen<'_, '_>,
    layout: &Layout,
    place: usize,
    name: &str,
) -> Result<(), ChartError> {
    let label = name_label();
    let name = label.shortened(name, (layout.pitch - 8.0).min(LONGEST_NAME))?;
    let x = layout.x(place);
    pen.text(&name, x, layout.top - 14.0, label.centered())
}

fn name_label() -> Label {
    Label::new(12.0).color(MUTED).semibold()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> ParallelCoordinates {
        ParallelCoordinates::new("loss", &[0.5, f64::NAN, 0.25])
            .axis("units", &[16.0, 32.0, 64.0])
            .lower_is_better()
    }

    #[test]
    fn the_best_is_the_lowest_where_that_is_said() {
        let alt = three().figure().unwrap().alt().to_owned();
        assert!(
            alt.ends_with(
                "of 3 lines: units from 16 to 64, loss from 0.25 to 0.5; best loss 0.25: units 64"
            ),
            "{alt}"
        );
        let diverged = ParallelCoordinates::new("loss", &[f64::NAN]).axis("units", &[1.0]);
        let alt = diverged.figure().unwrap().alt().to_owned();
        assert!(alt.ends_with("loss without values"), "{alt}");
    }

    #[test]
    fn the_better_a_line_the_darker() {
        let chart = three();
        let layout = chart.layout((800.0, 360.0)).unwrap();
        let light = |value| {
            let RGBColor(red, green, _) = chart.color(&layout, value);
            u32::from(red) + u32::from(green)
        };
        assert!(light(0.25) < light(0.4) && light(0.4) < light(0.5));
    }

    #[test]
    fn what_has_no_place_is_an_error_that_says_where() {
        let told = |chart: ParallelCoordinates| chart.figure().unwrap_err();
        assert!(matches!(
            told(ParallelCoordinates::new("loss", &[])),
            ChartError::Empty { what: "line" }
        ));
        assert!(matches!(
            told(ParallelCoordinates::new("loss", &[1.0])),
            ChartError::Empty { what: "axis" }
        ));
        assert!(matches!(
            told(three().axis("a", &[1.0])),
            ChartError::LengthMismatch { received: 1, .. }
        ));
        assert!(matches!(
            told(three().log_axis("rate", &[1.0, 0.0, 1.0])),
            ChartError::NotPositive { .. }
        ));
        assert!(matches!(
            told(three().axis("a", &[1.0, f64::INFINITY, 1.0])),
            ChartError::Coordinate { row: 1, .. }
        ));
        assert!(matches!(
            told(three().categories("kind", ["x"], &[0, 1, 0])),
            ChartError::LabelOutOfRange { label: 1, .. }
        ));
        let ChartError::TooSmall {
            min_width,
            min_height,
            ..
        } = told(three().size(100, 60))
        else {
            panic!("expected a size that works");
        };
        assert!(three().size(min_width, min_height).figure().is_ok());
    }
}
