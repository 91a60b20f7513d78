//! The frame of a plot over two quantities: title, ticks, grid lines and axis labels.

use crate::ChartError;
use crate::ink::{AXIS, GRID, Label, MARGIN, Pen, TICK_SIZE};
use crate::ticks::{log_ticks, round_ticks};

/// Least size of the plotted part, in CSS pixels.
const LEAST_PLOT: (f64, f64) = (80.0, 60.0);
/// About one tick per so many CSS pixels.
const TICK_PITCH: (f64, f64) = (90.0, 48.0);
/// Longest name below an axis, and the least distance of names that stand upright, in CSS pixels.
const LONGEST_NAME: f64 = 110.0;
const NAME_PITCH: f64 = 14.0;
/// Height of a line of ticks, in CSS pixels.
const LINE: f64 = 18.0;

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

    /// From 0 to a little above the highest value, which is 0 or more.
    pub(crate) fn from_zero(highest: f64) -> Self {
        let high = if highest > 0.0 { 1.05 * highest } else { 1.0 };
        Self::new(0.0, high.min(1e305))
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

    /// The low end and the high end.
    pub(crate) fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Where a value lies: 0 at the low end, 1 at the high end.
    pub(crate) fn share(&self, value: f64) -> f64 {
        if self.log {
            return (value.ln() - self.low.ln()) / (self.high.ln() - self.low.ln());
        }
        (value - self.low) / (self.high - self.low)
    }

    pub(crate) fn ticks(&self, count: usize) -> Vec<(f64, String)> {
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

/// Names along the horizontal axis, in place of numbers.
struct Names {
    ticks: Vec<(f64, String)>,
    upright: bool,
    /// Their height, in CSS pixels.
    height: f64,
}

impl Names {
    /// Names 1 apart, the first at 0, with about `pitch` CSS pixels for each: upright where they
    /// have not the room to lie, and only some where they have not even that.
    fn new(names: &[String], pitch: f64) -> Result<Self, ChartError> {
        let label = Label::tick();
        let upright = label.widest(names)? + 8.0 > pitch.max(24.0);
        let (every, room) = match upright {
            true => ((NAME_PITCH / pitch).ceil().max(1.0), LONGEST_NAME),
            false => (1.0, f64::INFINITY),
        };
        let mut ticks = Vec::new();
        let mut widest = 0.0_f64;
        for (place, name) in names.iter().enumerate().step_by(every as usize) {
            let name = label.shortened(name, room)?;
            widest = widest.max(label.width(&name)?);
            ticks.push((place as f64, name));
        }
        Ok(Self {
            ticks,
            upright,
            height: if upright { widest + 6.0 } else { LINE },
        })
    }
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
    /// Whether the texts of the horizontal axis stand upright.
    upright: bool,
    texts: &'a AxisTexts,
}

impl<'a> Axes<'a> {
    /// Finds the room for the plotted part of a figure of `size` that keeps `reserved` CSS
    /// pixels free on the right. `what` names the chart in the error that it is too small.
    pub(crate) fn new(
        size: (f64, f64),
        spans: (Span, Span),
        texts: &'a AxisTexts,
        reserved: f64,
        what: &'static str,
    ) -> Result<Self, ChartError> {
        Self::fitted(size, spans, texts, reserved, what, None)
    }

    /// The same over names, which stand 1 apart on the horizontal axis, the first at 0.
    pub(crate) fn over_names(
        size: (f64, f64),
        names: &[String],
        y: Span,
        texts: &'a AxisTexts,
        reserved: f64,
        what: &'static str,
    ) -> Result<Self, ChartError> {
        let n = names.len().max(1) as f64;
        // The labels of the vertical axis take about so much.
        let room = size.0 - 2.0 * MARGIN - reserved - 50.0;
        let names = Names::new(names, (room / n).max(1.0))?;
        let spans = (Span::new(-0.5, n - 0.5), y);
        Self::fitted(size, spans, texts, reserved, what, Some(names))
    }

    fn fitted(
        (width, height): (f64, f64),
        (x, y): (Span, Span),
        texts: &'a AxisTexts,
        reserved: f64,
        what: &'static str,
        names: Option<Names>,
    ) -> Result<Self, ChartError> {
        let mut top = MARGIN + 6.0;
        if !texts.title.is_empty() {
            top += 26.0;
        }
        if !texts.y_label.is_empty() {
            top += 18.0;
        }
        let mut below = names.as_ref().map_or(LINE, |names| names.height);
        if !texts.x_label.is_empty() {
            below += 20.0;
        }
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
        let upright = names.as_ref().is_some_and(|names| names.upright);
        let x_ticks = match names {
            Some(names) => names.ticks,
            None => x.ticks(count(right - left, TICK_PITCH.0)),
        };
        Ok(Self {
            x_ticks,
            upright,
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

    /// First and last value of both axes.
    pub(crate) fn ranges(&self) -> [[f64; 2]; 2] {
        [[self.x.low, self.x.high], [self.y.low, self.y.high]]
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
        self.draw_y_grid(pen)
    }

    /// The horizontal grid lines alone.
    pub(crate) fn draw_y_grid(&self, pen: &Pen<'_, '_>) -> Result<(), ChartError> {
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
        let mut free = 0.0;
        for (value, label) in &self.x_ticks {
            let x = self.x_at(*value);
            pen.rect((x - 0.5, bottom), (x + 0.5, bottom + 4.0), AXIS)?;
            if self.upright {
                pen.text(label, x, bottom + 7.0, Label::tick().upward().ending())?;
                continue;
            }
            // Long numbers stay inside the figure, and leave out those that they would cover.
            let half = Label::tick().width(label)? / 2.0;
            let middle = x.min(width - MARGIN / 2.0 - half);
            if middle - half >= free {
                let y = bottom + 8.0 + TICK_SIZE / 2.0;
                pen.text(label, middle, y, Label::tick().centered())?;
                free = middle + half + 3.0;
            }
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
