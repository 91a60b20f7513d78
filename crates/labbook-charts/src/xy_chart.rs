use crate::axes::{Axes, AxisTexts, Span};
use crate::bitmap::Canvas;
use crate::color::readable_on_white;
use crate::draw::render;
use crate::ink::{INK, Label, Pen};
use crate::legend::{Legend, Mark};
use crate::palette::SERIES_COLORS;
use crate::points::plottable;
use crate::{ChartError, Figure};

/// Room at either end of an axis, as a share of the values' range.
const PAD: f64 = 0.04;

/// Curves over any numbers: one or more, each through its own points.
///
/// [`LineChart`](crate::LineChart) is for values over whole steps such as epochs.
///
/// ```
/// use labbook_charts::XyChart;
///
/// let figure = XyChart::new("Loss at growing learning rates")
///     .curve("loss", &[1e-4, 1e-3, 1e-2], &[2.3, 1.9, 2.6])
///     .mark(1e-3, "suggestion")
///     .log_x()
///     .figure()?;
/// assert!(figure.alt().contains("suggestion at 0.001"));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct XyChart {
    texts: AxisTexts,
    curves: Vec<Curve>,
    marks: Vec<(f64, String)>,
    log_x: bool,
    size: (u32, u32),
}

#[derive(Debug, Clone, PartialEq)]
struct Curve {
    name: String,
    x: Vec<f64>,
    y: Vec<f64>,
}

impl XyChart {
    /// A chart without curves, 560 by 300 CSS pixels.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            texts: AxisTexts {
                title: title.into(),
                ..AxisTexts::default()
            },
            curves: Vec::new(),
            marks: Vec::new(),
            log_x: false,
            size: (560, 300),
        }
    }

    /// Adds a curve through (`x[i]`, `y[i]`).
    #[must_use]
    pub fn curve(mut self, name: impl Into<String>, x: &[f64], y: &[f64]) -> Self {
        self.curves.push(Curve {
            name: name.into(),
            x: x.to_vec(),
            y: y.to_vec(),
        });
        self
    }

    /// Marks a place on the horizontal axis by an upright line with a name.
    #[must_use]
    pub fn mark(mut self, x: f64, name: impl Into<String>) -> Self {
        self.marks.push((x, name.into()));
        self
    }

    /// Makes the horizontal axis logarithmic; its values are then above 0.
    #[must_use]
    pub fn log_x(mut self) -> Self {
        self.log_x = true;
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

    /// Width and height in CSS pixels.
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Self {
        self.size = (width, height);
        self
    }

    /// Draws the chart.
    ///
    /// # Errors
    ///
    /// [`ChartError::Empty`] without points, [`ChartError::LengthMismatch`] unless each has both
    /// coordinates, [`ChartError::Coordinate`] for one that is NaN or infinite,
    /// [`ChartError::NotPositive`] where a logarithmic axis has no place for it,
    /// [`ChartError::TooSmall`] or [`ChartError::Size`] if the chart cannot be drawn at this size.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        self.check()?;
        let (width, height) = self.size;
        let png = render(width, height, |canvas| self.draw_on(canvas))?;
        let title = self.texts.title.clone();
        Ok(Figure::new(png, width, height, title, self.alt()))
    }

    fn check(&self) -> Result<(), ChartError> {
        for curve in &self.curves {
            if curve.x.len() != curve.y.len() {
                return Err(ChartError::LengthMismatch {
                    what: "y value",
                    per: "x value",
                    expected: curve.x.len(),
                    received: curve.y.len(),
                });
            }
            for (row, (&x, &y)) in curve.x.iter().zip(&curve.y).enumerate() {
                if let Some(value) = [x, y].into_iter().find(|value| !plottable(*value)) {
                    return Err(ChartError::Coordinate { row, value });
                }
            }
        }
        let marks = self.marks.iter().map(|(x, name)| (*x, name));
        for (row, (x, _)) in marks.clone().enumerate() {
            if !plottable(x) {
                return Err(ChartError::Coordinate { row, value: x });
            }
        }
        let points = self
            .curves
            .iter()
            .flat_map(|curve| curve.x.iter().map(|x| (*x, &curve.name)));
        if self.log_x
            && let Some((value, name)) = points.chain(marks).find(|(x, _)| *x <= 0.0)
        {
            let name = name.clone();
            return Err(ChartError::NotPositive { name, value });
        }
        match self.curves.iter().all(|curve| curve.x.is_empty()) {
            true => Err(ChartError::Empty { what: "point" }),
            false => Ok(()),
        }
    }

    fn alt(&self) -> String {
        let curves = self.curves.iter().map(|curve| {
            match (
                curve.x.first(),
                curve.y.first(),
                curve.x.last(),
                curve.y.last(),
            ) {
                (Some(x), Some(y), Some(last_x), Some(last_y)) => format!(
                    "{} from ({x}, {y}) to ({last_x}, {last_y}) over {} points",
                    curve.name,
                    curve.x.len()
                ),
                _ => format!("{}: no points", curve.name),
            }
        });
        let marks = self.marks.iter().map(|(x, name)| format!("{name} at {x}"));
        let parts: Vec<String> = curves.chain(marks).collect();
        format!("Curves “{}”. {}", self.texts.title, parts.join(". "))
    }

    fn draw_on(&self, canvas: &Canvas<'_>) -> Result<(), ChartError> {
        let pen = Pen::new(canvas);
        let all = |of: fn(&Curve) -> &Vec<f64>| self.curves.iter().flat_map(of).copied();
        let x = all(|curve| &curve.x).chain(self.marks.iter().map(|(x, _)| *x));
        let x = match self.log_x {
            true => Span::around_log(x, PAD),
            false => Span::around(x, PAD),
        };
        let y = Span::around(all(|curve| &curve.y), PAD);
        let mut legend = Legend::default();
        if self.curves.len() > 1 {
            for (index, curve) in self.curves.iter().enumerate() {
                legend.push(Mark::Square(color(index)), &curve.name);
            }
        }
        let (legend_width, _) = legend.size(1.0)?;
        let reserved = if self.curves.len() > 1 {
            legend_width + 12.0
        } else {
            0.0
        };
        let axes = Axes::new(
            pen.size(),
            (x, y),
            &self.texts,
            reserved,
            "a chart of curves",
        )?;
        axes.draw_grid(&pen)?;
        axes.draw(&pen)?;
        for (x, name) in &self.marks {
            let at = axes.x_at(*x);
            pen.line(&[(at, axes.top), (at, axes.bottom)], 1.0, INK)?;
            let label = Label::tick().color(readable_on_white(INK));
            // On the side where there is room.
            match at > axes.left.midpoint(axes.right) {
                true => pen.text(name, at - 5.0, axes.top + 8.0, label.ending())?,
                false => pen.text(name, at + 5.0, axes.top + 8.0, label)?,
            }
        }
        for (index, curve) in self.curves.iter().enumerate() {
            let points: Vec<(f64, f64)> = curve
                .x
                .iter()
                .zip(&curve.y)
                .map(|(x, y)| (axes.x_at(*x), axes.y_at(*y)))
                .collect();
            match points.as_slice() {
                [] => (),
                &[(x, y)] => pen.dot(x, y, 2.5, color(index))?,
                points => pen.line(points, 2.0, color(index))?,
            }
        }
        legend.draw(&pen, (axes.right + 12.0, axes.top), 1.0)
    }
}

fn color(index: usize) -> plotters::style::RGBColor {
    SERIES_COLORS[index % SERIES_COLORS.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_drawn_is_told() {
        let chart = || XyChart::new("t");
        assert!(matches!(chart().figure(), Err(ChartError::Empty { .. })));
        let short = chart().curve("a", &[1.0, 2.0], &[1.0]).figure();
        assert!(matches!(short, Err(ChartError::LengthMismatch { .. })));
        let infinite = chart().curve("a", &[1.0], &[f64::INFINITY]).figure();
        assert!(matches!(infinite, Err(ChartError::Coordinate { .. })));
        let zero = chart()
            .curve("a", &[0.0, 1.0], &[1.0, 2.0])
            .log_x()
            .figure();
        assert!(matches!(zero, Err(ChartError::NotPositive { .. })));
        let mark = chart()
            .curve("a", &[1.0], &[1.0])
            .mark(f64::NAN, "m")
            .figure();
        assert!(matches!(mark, Err(ChartError::Coordinate { .. })));
        let tiny = chart().curve("a", &[1.0], &[1.0]).size(20, 20).figure();
        assert!(matches!(tiny, Err(ChartError::TooSmall { .. })));
    }

    #[test]
    fn several_curves_are_named_in_a_legend() -> Result<(), ChartError> {
        let one = XyChart::new("t").curve("a", &[1.0, 2.0], &[1.0, 3.0]);
        let two = one.clone().curve("b", &[1.0, 2.0], &[2.0, 3.0]);
        assert_ne!(one.figure()?.png(), two.figure()?.png());
        assert!(two.figure()?.alt().contains("b from (1, 2) to (2, 3)"));
        Ok(())
    }
}
