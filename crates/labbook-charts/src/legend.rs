use plotters::style::RGBColor;

use crate::ChartError;
use crate::ink::{Label, Pen};

/// Distance from entry to entry, and what stands before a text, in CSS pixels.
const PITCH: f64 = 19.0;
const BEFORE: f64 = 16.0;
const COLUMN_GAP: f64 = 14.0;
/// What stands above and below a plot beside a legend, in CSS pixels.
pub(crate) const ROUND: f64 = 80.0;
/// Longest text, in CSS pixels.
const LONGEST: f64 = 170.0;

/// The sign before a legend's text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Mark {
    Dot(RGBColor),
    Diamond(RGBColor),
    Square(RGBColor),
    Cross(RGBColor),
}

impl Mark {
    pub(crate) fn with_color(self, color: RGBColor) -> Self {
        match self {
            Self::Dot(_) => Self::Dot(color),
            Self::Diamond(_) => Self::Diamond(color),
            Self::Square(_) => Self::Square(color),
            Self::Cross(_) => Self::Cross(color),
        }
    }

    pub(crate) fn draw(
        self,
        pen: &Pen<'_, '_>,
        (x, y): (f64, f64),
        radius: f64,
    ) -> Result<(), ChartError> {
        match self {
            Self::Dot(color) => pen.dot(x, y, radius, color),
            Self::Square(color) => {
                pen.rect((x - radius, y - radius), (x + radius, y + radius), color)
            }
            Self::Diamond(color) => {
                let r = radius * 1.25;
                let corners = [(x, y - r), (x + r, y), (x, y + r), (x - r, y)];
                pen.polygon(&corners, color)
            }
            Self::Cross(color) => {
                let r = radius * 0.8;
                pen.line(&[(x - r, y - r), (x + r, y + r)], 1.5, color)?;
                pen.line(&[(x - r, y + r), (x + r, y - r)], 1.5, color)
            }
        }
    }
}

/// Marks and what they stand for, in one or more columns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Legend {
    entries: Vec<(Mark, String)>,
}

impl Legend {
    pub(crate) fn push(&mut self, mark: Mark, text: impl Into<String>) {
        self.entries.push((mark, text.into()));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Width and height of the legend where at most `height` CSS pixels are free.
    pub(crate) fn size(&self, height: f64) -> Result<(f64, f64), ChartError> {
        let rows = self.rows(height);
        let mut width = 0.0;
        for column in self.entries.chunks(rows) {
            width += BEFORE + column_width(column)? + COLUMN_GAP;
        }
        let used = rows.min(self.entries.len()) as f64 * PITCH;
        Ok(((width - COLUMN_GAP).max(0.0), used))
    }

    fn rows(&self, height: f64) -> usize {
        ((height / PITCH) as usize).max(1)
    }

    pub(crate) fn draw(
        &self,
        pen: &Pen<'_, '_>,
        (left, top): (f64, f64),
        height: f64,
    ) -> Result<(), ChartError> {
        let mut x = left;
        for column in self.entries.chunks(self.rows(height)) {
            for (row, (mark, text)) in column.iter().enumerate() {
                let y = top + PITCH * (row as f64 + 0.5);
                mark.draw(pen, (x + 5.0, y), 4.5)?;
                let text = label().shortened(text, LONGEST)?;
                pen.text(&text, x + BEFORE, y, label())?;
            }
            x += BEFORE + column_width(column)? + COLUMN_GAP;
        }
        Ok(())
    }
}

/// CSS pixels to keep free for a legend beside a plot, `gap` before it.
pub(crate) fn reserve(legend: &Legend, size: (f64, f64), gap: f64) -> Result<f64, ChartError> {
    match legend.is_empty() {
        true => Ok(0.0),
        false => Ok(legend.size(size.1 - ROUND)?.0 + gap),
    }
}

fn label() -> Label {
    Label::new(12.0)
}

fn column_width(column: &[(Mark, String)]) -> Result<f64, ChartError> {
    let texts: Vec<&str> = column.iter().map(|(_, text)| text.as_str()).collect();
    Ok(label().widest(&texts)?.min(LONGEST))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ink::INK;

    #[test]
    fn a_legend_that_is_too_tall_gets_a_second_column() {
        let mut legend = Legend::default();
        for name in ["a", "b", "c"] {
            legend.push(Mark::Dot(INK), name);
        }
        let (one, tall) = legend.size(100.0).unwrap();
        let (two, low) = legend.size(40.0).unwrap();
        assert!(two > 1.5 * one && low < tall, "{one} {two} {tall} {low}");
    }
}
