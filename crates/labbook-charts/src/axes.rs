//! The frame of a plot over two quantities: title, ticks, grid lines and axis labels.

use crate::ChartError;
use crate::ink::{AXIS, GRID, Label, MARGIN, Pen, TICK_SIZE};
use crate::ticks::{log_ticks, round_ticks};

/// Least size of the plotted part, in CSS pixels.
const LEAST_PLOT: (f64, f64) = (80.0, 60.0);
/// About one tick per so many CSS pixels.
const TICK_PITCH: (f64, f64) = (90.0, 48.0);

/// The smallest number above 0.
const TINIEST: f64 = 5e-324;

/// The range of one axis, never empty.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span {
    low: f64,
    high: f64,
    log: bool,
}

impl Span {
    /// From `low` to `high`, which differ.
    pub(crate) fn new(low: f64, high: f64) -> Self {
        let log = false;
        Self { low, high, log }
    }

    /// The range of the values, all finite, and `pad` of it more at either end.
    pub(crate) fn around(values: impl Iterator<Item = f64>, pad: f64) -> Self {
        let (low, high) = bounds(values);
        let spread = high - low;
        let pad = if spread > 1e-12 * high.abs().max(low.abs()) {
            pad * spread
        } else {
            (0.1 * high.abs()).max(1e-6)
        };
        Self::new(low - pad, high + pad)
    }

    /// The same on a logarithmic axis, for values above 0.
    pub(crate) fn around_log(values: impl Iterator<Item = f64>, pad: f64) -> Self {
        let (low, high) = bounds(values.map(f64::ln));
        let pad = (pad * (high - low)).max(0.1);
        // Within the doubles, where a logarithm exists.
        Self {
            low: (low - pad).exp().max(TINIEST),
            high: (high + pad).exp().min(f64::MAX),
            log: true,
        }
    }

    /// Where a value lies: 0 at the low end, 1 at the high end.
    pub(crate) fn share(&self, value: f64) -> f64 {
        if self.log {
            return (value.ln() - self.low.ln()) / (self.high.ln() - self.low.ln());
        }
        (value - self.low) / (self.high - self.low)
    }

    fn ticks(&self, count: usize) -> Vec<(f64, String)> {
        match self.log {
            true => log_ticks(self.low, self.high, count),
            false => round_ticks(self.low, self.high, count),
        }
    }

    /// The same middle, `factor` times as wide.
    fn widened(&self, factor: f64) -> Self {
        let middle = self.low.midpoint(self.high);
        // A unit may be so much longer on the other axis that no double holds the range.
        let half = ((self.high - self.low) / 2.0 * factor).min(1e305);
        Self::new(middle - half, middle + half)
    }
}

fn bounds(values: impl Iterator<Item = f64>) -> (f64, f64) {
    values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    })
}

/// What is written around a plot.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct AxisTexts {
    pub(crate) title: String,
    pub(crate) x_label: String,
    pub(crate) y_label: String,
}

/// A plotted part in its figure, in CSS pixels.
pub(crate) struct Axes<'a> {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
    x: Span,
    y: Span,
    x_ticks: Vec<(f64, String)>,
    y_ticks: Vec<(f64, String)>,
    texts: &'a AxisTexts,
}

impl<'a> Axes<'a> {
    /// Finds the room for the plotted part of a figure of `size` that keeps `reserved` CSS
    /// pixels free on the right. `what` names the chart in the error that it is too small.
    pub(crate) fn new(
        (width, height): (f64, f64),
        (x, y): (Span, Span),
        texts: &'a AxisTexts,
        reserved: f64,
        what: &'static str,
    ) -> Result<Self, ChartError> {
        let mut top = MARGIN + 6.0;
        if !texts.title.is_empty() {
            top += 26.0;
        }
        if !texts.y_label.is_empty() {
            top += 18.0;
        }
        let below = if texts.x_label.is_empty() { 18.0 } else { 38.0 };
        let bottom = height - MARGIN - below;
        let right = width - MARGIN - reserved.max(8.0);
        let count = |length: f64, pitch: f64| (length / pitch).round().max(2.0) as usize;
        let y_ticks = y.ticks(count(bottom - top, TICK_PITCH.1));
        let labels: Vec<&str> = y_ticks.iter().map(|(_, label)| label.as_str()).collect();
        let left = MARGIN + Label::tick().widest(&labels)? + 8.0;
        if right - left < LEAST_PLOT.0 || bottom - top < LEAST_PLOT.1 {
            return Err(ChartError::TooSmall {
                what,
                min_width: (width - (right - left) + LEAST_PLOT.0).max(width).ceil() as u32,
                min_height: (height - (bottom - top) + LEAST_PLOT.1).max(height).ceil() as u32,
                width: width as u32,
                height: height as u32,
            });
        }
        // Whole CSS pixels: what is drawn as one bitmap then meets the axes exactly.
        let (left, right) = (left.ceil(), right.floor());
        Ok(Self {
            x_ticks: x.ticks(count(right - left, TICK_PITCH.0)),
            left,
            top,
            right,
            bottom: bottom.floor(),
            x,
            y,
            y_ticks,
            texts,
        })
    }

    /// The spans, the smaller one widened so that a unit is as long on both axes.
    pub(crate) fn with_equal_units(&self) -> (Span, Span) {
        let per_x = (self.x.high - self.x.low) / (self.right - self.left);
        let per_y = (self.y.high - self.y.low) / (self.bottom - self.top);
        match per_x < per_y {
            true => (self.x.widened(per_y / per_x), self.y),
            false => (self.x, self.y.widened(per_x / per_y)),
        }
    }

    pub(crate) fn x_at(&self, x: f64) -> f64 {
        self.left + self.x.share(x) * (self.right - self.left)
    }

    pub(crate) fn y_at(&self, y: f64) -> f64 {
        self.bottom - self.y.share(y) * (self.bottom - self.top)
    }

    /// Where the vertical grid lines stand.
    pub(crate) fn x_grid(&self) -> Vec<f64> {
        self.x_ticks.iter().map(|(x, _)| self.x_at(*x)).collect()
    }

    /// Where the horizontal grid lines stand.
    pub(crate) fn y_grid(&self) -> Vec<f64> {
        self.y_ticks.iter().map(|(y, _)| self.y_at(*y)).collect()
    }

    /// Grid lines: what is drawn later lies over them.
    pub(crate) fn draw_grid(&self, pen: &Pen<'_, '_>) -> Result<(), ChartError> {
        for x in self.x_grid() {
            pen.rect((x - 0.5, self.top), (x + 0.5, self.bottom), GRID)?;
        }
        for y in self.y_grid() {
            pen.rect((self.left, y - 0.5), (self.right, y + 0.5), GRID)?;
        }
        Ok(())
    }

    /// The axes themselves and all text.
    pub(crate) fn draw(&self, pen: &Pen<'_, '_>) -> Result<(), ChartError> {
        let (width, height) = pen.size();
        let room = width - 2.0 * MARGIN;
        let mut y = MARGIN;
        if !self.texts.title.is_empty() {
            let title = Label::title().shortened(&self.texts.title, room)?;
            pen.text(&title, MARGIN, y + 8.0, Label::title())?;
            y += 26.0;
        }
        let name = Label::tick().shortened(&self.texts.y_label, room)?;
        pen.text(&name, MARGIN, y + 6.0, Label::tick())?;

        pen.rect((self.left - 1.0, self.top), (self.left, self.bottom), AXIS)?;
        let bottom = self.bottom;
        pen.rect((self.left - 1.0, bottom), (self.right, bottom + 1.0), AXIS)?;
        for (value, label) in &self.x_ticks {
            let x = self.x_at(*value);
            pen.rect((x - 0.5, bottom), (x + 0.5, bottom + 4.0), AXIS)?;
            let y = bottom + 8.0 + TICK_SIZE / 2.0;
            pen.text(label, x, y, Label::tick().centered())?;
        }
        for (value, label) in &self.y_ticks {
            let y = self.y_at(*value);
            pen.text(label, self.left - 8.0, y, Label::tick().ending())?;
        }
        let label = Label::axis().centered();
        let name = label.shortened(&self.texts.x_label, room)?;
        let middle = self.left.midpoint(self.right);
        // A long name moves left rather than over the edge.
        let half = label.width(&name)? / 2.0;
        let middle = middle.min(width - MARGIN - half).max(MARGIN + half);
        pen.text(&name, middle, height - MARGIN - 4.0, label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_never_empty() {
        for values in [[3.0, 3.0], [0.0, 0.0], [-1e9, -1e9]] {
            let span = Span::around(values.into_iter(), 0.05);
            assert!((0.4..0.6).contains(&span.share(values[0])), "{span:?}");
        }
        let span = Span::around_log([7.0, 7.0].into_iter(), 0.05);
        assert!((span.share(7.0) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_logarithmic_span_has_the_geometric_mean_in_its_middle() {
        let span = Span::around_log([10.0, 1000.0].into_iter(), 0.1);
        assert!((span.share(100.0) - 0.5).abs() < 1e-9);
    }

    #[test]
    fn a_logarithmic_span_of_all_doubles_has_ticks_at_once() {
        for (low, high) in [
            (1e-300, 1e300),
            (f64::MIN_POSITIVE, f64::MAX),
            (TINIEST, 1.0),
        ] {
            let span = Span::around_log([low, high].into_iter(), 0.05);
            assert!(
                span.share(low) >= 0.0 && span.share(high) <= 1.0,
                "{span:?}"
            );
            let ticks = span.ticks(6);
            assert!((2..9).contains(&ticks.len()), "{ticks:?}");
            let shares: Vec<f64> = ticks.iter().map(|(tick, _)| span.share(*tick)).collect();
            assert!(shares.is_sorted() && shares.iter().all(|s| (0.0..=1.0).contains(s)));
        }
    }

    #[test]
    fn a_unit_far_longer_on_one_axis_leaves_both_finite() {
        let texts = AxisTexts::default();
        let spans = (Span::new(-1e300, 1e300), Span::new(0.0, 1e-300));
        let axes = Axes::new((400.0, 400.0), spans, &texts, 0.0, "a chart").unwrap();
        let (_, y) = axes.with_equal_units();
        assert!(y.low.is_finite() && y.high.is_finite() && y.share(0.0).is_finite());
    }

    #[test]
    fn equal_units_widen_the_finer_axis_only() {
        let texts = AxisTexts::default();
        let spans = (Span::new(0.0, 10.0), Span::new(0.0, 1.0));
        let axes = Axes::new((400.0, 400.0), spans, &texts, 0.0, "a chart").unwrap();
        let (x, y) = axes.with_equal_units();
        assert_eq!(x, spans.0);
        let (width, height) = (axes.right - axes.left, axes.bottom - axes.top);
        assert!((10.0 / width - (y.high - y.low) / height).abs() < 1e-9);
    }
}
