use plotters::style::RGBColor;

use crate::ChartError;
use crate::ink::{AXIS, Label, Pen};

/// Width of a colour bar and the space before it, in CSS pixels.
pub(crate) const BAR_WIDTH: f64 = 14.0;
pub(crate) const BAR_GAP: f64 = 22.0;

/// What the colours of a chart stand for: a bar from the lowest to the highest value, with ticks.
pub(crate) struct ColorBar {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) ticks: Vec<(f64, String)>,
}

impl ColorBar {
    /// Room for the bar and its ticks, in CSS pixels.
    pub(crate) fn width(&self) -> Result<f64, ChartError> {
        let labels: Vec<&str> = self.ticks.iter().map(|(_, label)| label.as_str()).collect();
        Ok(BAR_WIDTH + 7.0 + Label::tick().widest(&labels)?)
    }

    /// Draws the bar from `top` to `bottom`; `color_at` gives the colour of a value.
    pub(crate) fn draw(
        &self,
        pen: &Pen<'_, '_>,
        (left, top): (f64, f64),
        bottom: f64,
        color_at: impl Fn(f64) -> RGBColor,
    ) -> Result<(), ChartError> {
        let right = left + BAR_WIDTH;
        let range = self.high - self.low;
        let strips = ((bottom - top) * 2.0) as usize;
        for strip in 0..strips {
            let share = 1.0 - (strip as f64 + 0.5) / strips as f64;
            let y = top + strip as f64 / 2.0;
            let color = color_at(self.low + share * range);
            pen.rect((left, y), (right, y + 0.5), color)?;
        }
        pen.frame((left, top), (right, bottom), 1.0, AXIS)?;
        for (value, label) in &self.ticks {
            let y = bottom - (value - self.low) / range * (bottom - top);
            pen.rect((right, y - 0.5), (right + 4.0, y + 0.5), AXIS)?;
            pen.text(label, right + 7.0, y, Label::tick())?;
        }
        Ok(())
    }
}
