use labbook_analysis::{PrecisionRecallCurve, RocCurve};

use crate::bitmap::Canvas;
use crate::draw::render;
use crate::ink::{AXIS, GRID, Label, MARGIN, MUTED, Pen, TICK_SIZE};
use crate::legend::{Legend, Mark};
use crate::palette::SERIES_COLORS;
use crate::{ChartError, Figure};

/// Side of the plotted square, in CSS pixels.
const SIDE: f64 = 380.0;
/// Where it begins, in CSS pixels.
const TOP: f64 = MARGIN + 48.0;
/// A curve of a million thresholds needs no more points than this to look the same.
const MOST_POINTS: usize = 4_000;

/// ROC curves of one or several classifiers: positives found over negatives taken for positives.
///
/// ```
/// use labbook_analysis::RocCurve;
/// use labbook_charts::RocPlot;
///
/// let roc = RocCurve::new(&[0, 0, 1, 1], &[0.1, 0.4, 0.35, 0.8])?;
/// let figure = RocPlot::new().curve("mine", &roc).figure()?;
/// assert!(figure.alt().contains("mine: AUC 0.750"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RocPlot {
    curves: Vec<Curve>,
}

impl RocPlot {
    /// A plot without curves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a classifier's curve; its area is told beside the name.
    #[must_use]
    pub fn curve(mut self, name: impl Into<String>, roc: &RocCurve) -> Self {
        let points = roc.false_positive_rate().iter().copied();
        self.curves.push(Curve {
            name: format!("{}: AUC {:.3}", name.into(), roc.area()),
            points: points
                .zip(roc.true_positive_rate().iter().copied())
                .collect(),
        });
        self
    }

    /// Draws the plot.
    ///
    /// # Errors
    ///
    /// [`ChartError::Empty`] without curves, or [`ChartError::Drawing`] if plotters fails.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        let square = Square {
            title: "ROC",
            x_label: "False positive rate",
            y_label: "True positive rate",
            has_chance: true,
            curves: &self.curves,
        };
        square.figure()
    }
}

/// Precision over recall of one or several classifiers.
///
/// ```
/// use labbook_analysis::PrecisionRecallCurve;
/// use labbook_charts::PrecisionRecallPlot;
///
/// let curve = PrecisionRecallCurve::new(&[0, 0, 1, 1], &[0.1, 0.4, 0.35, 0.8])?;
/// let figure = PrecisionRecallPlot::new().curve("mine", &curve).figure()?;
/// assert!(figure.alt().contains("mine: AP 0.833"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PrecisionRecallPlot {
    curves: Vec<Curve>,
}

impl PrecisionRecallPlot {
    /// A plot without curves.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a classifier's curve; its average precision is told beside the name.
    #[must_use]
    pub fn curve(mut self, name: impl Into<String>, curve: &PrecisionRecallCurve) -> Self {
        let mut points = Vec::with_capacity(2 * curve.recall().len());
        // Steps, as the average precision adds them up.
        for (recall, precision) in curve.recall().iter().zip(curve.precision()) {
            if let Some(&(_, last)) = points.last() {
                points.push((*recall, last));
            }
            points.push((*recall, *precision));
        }
        let average = curve.average_precision();
        self.curves.push(Curve {
            name: format!("{}: AP {average:.3}", name.into()),
            points,
        });
        self
    }

    /// Draws the plot.
    ///
    /// # Errors
    ///
    /// [`ChartError::Empty`] without curves, or [`ChartError::Drawing`] if plotters fails.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        let square = Square {
            title: "Precision-recall",
            x_label: "Recall",
            y_label: "Precision",
            has_chance: false,
            curves: &self.curves,
        };
        square.figure()
    }
}

/// A name with its figure, and points from 0 to 1.
#[derive(Debug, Clone, PartialEq)]
struct Curve {
    name: String,
    points: Vec<(f64, f64)>,
}

/// Curves between shares.
struct Square<'a> {
    title: &'static str,
    x_label: &'static str,
    y_label: &'static str,
    /// Whether the diagonal is what chance gives.
    has_chance: bool,
    curves: &'a [Curve],
}

impl Square<'_> {
    fn figure(&self) -> Result<Figure, ChartError> {
        if self.curves.is_empty() {
            return Err(ChartError::Empty { what: "curve" });
        }
        let left = MARGIN + Label::tick().width("100 %")? + 8.0;
        let legend = self.legend();
        let legend_width = legend.size(SIDE)?.0;
        let width = (left + SIDE + 2.0 * MARGIN + legend_width + MARGIN).ceil() as u32;
        let height = (TOP + SIDE + 42.0 + MARGIN).ceil() as u32;
        let png = render(width, height, |canvas| self.draw_on(canvas, left, &legend))?;
        let names = self.curves.iter().map(|curve| format!("“{}”", curve.name));
        let names: Vec<String> = names.collect();
        let alt = format!("{} curves {}", self.title, names.join(", "));
        Ok(Figure::new(png, width, height, self.title.to_owned(), alt))
    }

    fn legend(&self) -> Legend {
        let mut legend = Legend::default();
        for (curve, color) in self.curves.iter().zip(SERIES_COLORS.iter().cycle()) {
            legend.push(Mark::Square(*color), &curve.name);
        }
        legend
    }

    fn draw_on(&self, canvas: &Canvas<'_>, left: f64, legend: &Legend) -> Result<(), ChartError> {
        let pen = Pen::new(canvas);
        pen.text(self.title, MARGIN, MARGIN + 8.0, Label::title())?;
        pen.text(self.y_label, MARGIN, MARGIN + 32.0, Label::tick())?;
        let (right, bottom) = (left + SIDE, TOP + SIDE);
        let at = |(x, y): (f64, f64)| (left + x * SIDE, bottom - y * SIDE);
        for fifth in 0..=5 {
            let share = f64::from(fifth) / 5.0;
            let (x, y) = at((share, share));
            pen.rect((left, y - 0.5), (right, y + 0.5), GRID)?;
            pen.rect((x - 0.5, TOP), (x + 0.5, bottom), GRID)?;
            let text = format!("{} %", fifth * 20);
            pen.text(&text, left - 8.0, y, Label::tick().ending())?;
            pen.rect((x - 0.5, bottom), (x + 0.5, bottom + 4.0), AXIS)?;
            let below = bottom + 8.0 + TICK_SIZE / 2.0;
            pen.text(&text, x, below, Label::tick().centered())?;
        }
        if self.has_chance {
            for dash in (0..48).step_by(2) {
                let share = |end: i32| f64::from(end) / 48.0;
                let ends = [share(dash), share(dash + 1)].map(|s| at((s, s)));
                pen.line(&ends, 1.5, MUTED)?;
            }
        }
        pen.rect((left - 1.0, TOP), (left, bottom), AXIS)?;
        pen.rect((left - 1.0, bottom), (right, bottom + 1.0), AXIS)?;
        for (curve, color) in self.curves.iter().zip(SERIES_COLORS.iter().cycle()) {
            let every = curve.points.len().div_ceil(MOST_POINTS).max(1);
            let last = curve.points.len().saturating_sub(1);
            let kept = curve.points.iter().enumerate();
            let points: Vec<(f64, f64)> = kept
                .filter(|(i, _)| i % every == 0 || *i == last)
                .map(|(_, &point)| at(point))
                .collect();
            pen.line(&points, 2.0, *color)?;
        }
        legend.draw(&pen, (right + 2.0 * MARGIN, TOP), SIDE)?;
        let middle = left.midpoint(right);
        let label = Label::axis().centered();
        pen.text(self.x_label, middle, bottom + 32.0, label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_without_curves_says_so() {
        let error = RocPlot::new().figure().unwrap_err();
        assert!(error.to_string().contains("at least one curve"), "{error}");
        assert!(PrecisionRecallPlot::new().figure().is_err());
    }

    #[test]
    fn many_curves_and_points_are_drawn() {
        let labels: Vec<u8> = (0..20_000).map(|i| u8::from(i % 3 == 0)).collect();
        let scores: Vec<f64> = (0..20_000).map(|i| f64::from(i * 7919 % 20_011)).collect();
        let roc = RocCurve::new(&labels, &scores).unwrap();
        let plot = (0..20).fold(RocPlot::new(), |plot, i| {
            plot.curve(format!("model {i}"), &roc)
        });
        assert!(plot.figure().unwrap().alt().contains("model 19: AUC 0."));
    }
}
