use labbook_analysis::Calibration;
use plotters::style::{RGBColor, WHITE};

use crate::bitmap::Canvas;
use crate::draw::render;
use crate::ink::{AXIS, GRID, INK, Label, MARGIN, MUTED, Pen, TICK_SIZE};
use crate::legend::{Legend, Mark};
use crate::palette::SERIES_COLORS;
use crate::points::grouped;
use crate::{ChartError, Figure};

/// Sides of the plotted part and of the counts below it, in CSS pixels.
const SIDE: f64 = 380.0;
const COUNTS: f64 = 60.0;
/// Room between the two, for the counts as numbers.
const BETWEEN: f64 = 24.0;
const ACCURACY: RGBColor = SERIES_COLORS[0];
const GAP: RGBColor = RGBColor(245, 178, 130);

/// How far a network's confidence can be trusted: the accuracy of the predictions within each
/// interval of confidence, the gap between the two, and how many predictions there are.
///
/// Source: C. Guo et al., "On Calibration of Modern Neural Networks" (2017), figure 1.
///
/// ```
/// use labbook_analysis::Calibration;
/// use labbook_charts::ReliabilityDiagram;
/// use ndarray::arr2;
///
/// let probabilities = arr2(&[[0.9_f32, 0.1], [0.4, 0.6], [0.8, 0.2]]);
/// let calibration = Calibration::new(&[0_u8, 1, 1], probabilities.view(), 10)?;
/// let figure = ReliabilityDiagram::new(&calibration).figure()?;
/// assert!(figure.alt().contains("expected calibration error"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct ReliabilityDiagram {
    calibration: Calibration,
    title: String,
}

impl ReliabilityDiagram {
    /// A diagram titled "Reliability".
    pub fn new(calibration: &Calibration) -> Self {
        Self {
            calibration: calibration.clone(),
            title: "Reliability".to_owned(),
        }
    }

    /// Replaces the title; the expected calibration error is added to it.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = title.into();
        self
    }

    /// Draws the diagram.
    ///
    /// # Errors
    ///
    /// [`ChartError::Drawing`] if plotters fails.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        let left = MARGIN + Label::tick().width("100 %")? + 8.0;
        let title = self.full_title();
        let width = left + SIDE + 2.0 * MARGIN;
        let width = width.max(Label::title().width(&title)?.min(700.0) + 2.0 * MARGIN);
        let height = TOP + SIDE + BETWEEN + COUNTS + 42.0 + MARGIN;
        let (width, height) = (width.ceil() as u32, height.ceil() as u32);
        let png = render(width, height, |canvas| self.draw_on(canvas, left))?;
        Ok(Figure::new(png, width, height, title, self.alt()))
    }

    fn full_title(&self) -> String {
        let error = 100.0 * self.calibration.expected_error();
        let separator = if self.title.is_empty() { "" } else { ": " };
        format!("{}{separator}ECE {error:.2} %", self.title)
    }

    fn alt(&self) -> String {
        let bins: Vec<String> = self
            .calibration
            .bins()
            .iter()
            .filter_map(|bin| {
                let (accuracy, confidence) = (bin.accuracy?, bin.mean_confidence?);
                Some(format!(
                    "confidence {:.1} %, accuracy {:.1} %, {} samples",
                    100.0 * confidence,
                    100.0 * accuracy,
                    grouped(bin.count)
                ))
            })
            .collect();
        format!(
            "Reliability diagram “{}”, expected calibration error {:.2} %, by bin: {}",
            self.title,
            100.0 * self.calibration.expected_error(),
            bins.join("; ")
        )
    }

    fn draw_on(&self, canvas: &Canvas<'_>, left: f64) -> Result<(), ChartError> {
        let pen = Pen::new(canvas);
        let room = pen.size().0 - 2.0 * MARGIN;
        let title = Label::title().shortened(&self.full_title(), room)?;
        pen.text(&title, MARGIN, MARGIN + 8.0, Label::title())?;
        pen.text("Accuracy", MARGIN, MARGIN + 32.0, Label::tick())?;
        let mut legend = Legend::default();
        legend.push(Mark::Square(ACCURACY), "accuracy");
        legend.push(Mark::Square(GAP), "gap to confidence");
        let right = left + SIDE;
        let legend_left = right - legend.size(1.0)?.0;
        legend.draw(&pen, (legend_left, MARGIN + 22.0), 1.0)?;

        let (top, bottom) = (TOP, TOP + SIDE);
        let x_at = |share: f64| left + share * SIDE;
        let y_at = |share: f64| bottom - share * SIDE;
        let counts_bottom = bottom + BETWEEN + COUNTS;
        for fifth in 0..=5 {
            let share = f64::from(fifth) / 5.0;
            let (x, y) = (x_at(share), y_at(share));
            pen.rect((left, y - 0.5), (right, y + 0.5), GRID)?;
            pen.rect((x - 0.5, top), (x + 0.5, bottom), GRID)?;
            let text = format!("{} %", fifth * 20);
            pen.text(&text, left - 8.0, y, Label::tick().ending())?;
            pen.rect(
                (x - 0.5, counts_bottom),
                (x + 0.5, counts_bottom + 4.0),
                AXIS,
            )?;
            let below = counts_bottom + 8.0 + TICK_SIZE / 2.0;
            pen.text(&text, x, below, Label::tick().centered())?;
        }

        let bins = self.calibration.bins();
        let most = bins.iter().map(|bin| bin.count).max().unwrap_or(0).max(1);
        let number = Label::new(10.0).color(MUTED).centered();
        let counts: Vec<String> = bins.iter().map(|bin| grouped(bin.count)).collect();
        let numbers_fit = number.widest(&counts)? + 3.0 <= SIDE / bins.len() as f64;
        for (bin, count) in bins.iter().zip(&counts) {
            let (from, to) = (x_at(bin.lower) + 1.0, x_at(bin.upper) - 1.0);
            if let (Some(accuracy), Some(confidence)) = (bin.accuracy, bin.mean_confidence) {
                pen.rect((from, y_at(accuracy)), (to, bottom), ACCURACY)?;
                let (high, low) = (accuracy.max(confidence), accuracy.min(confidence));
                pen.rect((from, y_at(high)), (to, y_at(low)), GAP)?;
                // Where the accuracy is stays visible below the gap.
                let y = y_at(accuracy);
                pen.rect((from, y - 1.0), (to, y + 1.0), ACCURACY)?;
            }
            let height = COUNTS * bin.count as f64 / most as f64;
            pen.rect((from, counts_bottom - height), (to, counts_bottom), AXIS)?;
            if numbers_fit {
                let y = counts_bottom - height - 8.0;
                pen.text(count, from.midpoint(to), y, number)?;
            }
        }
        // Perfect calibration.
        let dashes = 48;
        for dash in (0..dashes).step_by(2) {
            let share = |end: i32| f64::from(end) / f64::from(dashes);
            let ends = [share(dash), share(dash + 1)].map(|s| (x_at(s), y_at(s)));
            // The white rim keeps it visible on the bars.
            pen.line(&ends, 3.0, WHITE)?;
            pen.line(&ends, 1.5, INK)?;
        }
        pen.rect((left - 1.0, top), (left, bottom), AXIS)?;
        pen.rect((left - 1.0, bottom), (right, bottom + 1.0), AXIS)?;
        pen.rect(
            (left - 1.0, counts_bottom),
            (right, counts_bottom + 1.0),
            AXIS,
        )?;
        let middle = left.midpoint(right);
        let y = counts_bottom + 32.0;
        pen.text(
            "Confidence, and the number of predictions",
            middle,
            y,
            Label::axis().centered(),
        )
    }
}

/// Where the plotted part begins, in CSS pixels.
const TOP: f64 = MARGIN + 48.0;
