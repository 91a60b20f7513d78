use crate::bitmap::Canvas;
use crate::draw::render;
use crate::ink::{AXIS, INK, Label, MARGIN, Pen};
use crate::palette::SERIES_COLORS;
use crate::{ChartError, Figure};

/// Distance from bar to bar and thickness of a bar, in CSS pixels.
const PITCH: f64 = 26.0;
const THICKNESS: f64 = 17.0;
/// Least length of the longest bar, in CSS pixels.
const LEAST_LENGTH: f64 = 60.0;

/// Horizontal bars, one per class or other name, each ending in its value.
///
/// ```
/// use labbook_charts::BarChart;
///
/// let figure = BarChart::new("Training images per class")
///     .bars(&["cat", "dog"], &[4000.0, 4100.0])
///     .figure()?;
/// assert!(figure.alt().contains("dog 4100"));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BarChart {
    title: String,
    names: Vec<String>,
    values: Vec<f64>,
    width: u32,
}

impl BarChart {
    /// A chart without bars, 560 CSS pixels wide.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            names: Vec::new(),
            values: Vec::new(),
            width: 560,
        }
    }

    /// Adds one bar below those there are. Values are 0 or more.
    #[must_use]
    pub fn bar(mut self, name: impl Into<String>, value: f64) -> Self {
        self.names.push(name.into());
        self.values.push(value);
        self
    }

    /// Adds bars in the order given, one value per name.
    #[must_use]
    pub fn bars<S: AsRef<str>>(mut self, names: &[S], values: &[f64]) -> Self {
        self.names
            .extend(names.iter().map(|n| n.as_ref().to_owned()));
        self.values.extend_from_slice(values);
        self
    }

    /// Width in CSS pixels; the height follows from the number of bars.
    #[must_use]
    pub fn width(mut self, width: u32) -> Self {
        self.width = width;
        self
    }

    /// Draws the chart.
    ///
    /// # Errors
    ///
    /// [`ChartError::Empty`] without bars, [`ChartError::LengthMismatch`] unless there is one
    /// value per name, [`ChartError::BarValue`] for a value that is negative or not finite,
    /// [`ChartError::TooSmall`] or [`ChartError::Size`] if the chart cannot be drawn at this
    /// width.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        if self.names.len() != self.values.len() {
            return Err(ChartError::LengthMismatch {
                what: "value",
                per: "bar",
                expected: self.names.len(),
                received: self.values.len(),
            });
        }
        if self.names.is_empty() {
            return Err(ChartError::Empty { what: "bar" });
        }
        for (name, &value) in self.names.iter().zip(&self.values) {
            if !value.is_finite() || value < 0.0 {
                let name = name.clone();
                return Err(ChartError::BarValue { name, value });
            }
        }
        let height = (self.top() + PITCH * self.names.len() as f64 + MARGIN - 4.0).ceil();
        let height = height as u32;
        let png = render(self.width, height, |root| self.draw_on(root))?;
        let bars: Vec<String> = self
            .names
            .iter()
            .zip(&self.values)
            .map(|(name, &value)| format!("{name} {}", written(value)))
            .collect();
        let alt = format!("Bar chart “{}”: {}", self.title, bars.join(", "));
        Ok(Figure::new(
            png,
            self.width,
            height,
            self.title.clone(),
            alt,
        ))
    }

    fn top(&self) -> f64 {
        MARGIN + if self.title.is_empty() { 0.0 } else { 30.0 }
    }

    fn draw_on(&self, canvas: &Canvas<'_>) -> Result<(), ChartError> {
        let pen = Pen::new(canvas);
        let (width, height) = pen.size();
        let title = Label::title().shortened(&self.title, width - 2.0 * MARGIN)?;
        pen.text(&title, MARGIN, MARGIN + 8.0, Label::title())?;

        let name_label = Label::new(12.0);
        let value_label = Label::new(12.0).color(INK);
        let values: Vec<String> = self.values.iter().map(|&v| written(v)).collect();
        let name_width = name_label.widest(&self.names)?.min(width * 0.4);
        let left = MARGIN + name_width + 8.0;
        let right = width - MARGIN - value_label.widest(&values)? - 6.0;
        if right - left < LEAST_LENGTH {
            return Err(ChartError::TooSmall {
                what: "a bar chart",
                min_width: (width - (right - left) + LEAST_LENGTH).ceil() as u32,
                min_height: height as u32,
                width: width as u32,
                height: height as u32,
            });
        }
        let highest = self.values.iter().copied().fold(0.0, f64::max);
        for (index, (name, value)) in self.names.iter().zip(&self.values).enumerate() {
            let y = self.top() + PITCH * (index as f64 + 0.5) - 2.0;
            let share = if highest > 0.0 { value / highest } else { 0.0 };
            let end = left + share * (right - left);
            let name = name_label.shortened(name, name_width)?;
            pen.text(&name, left - 8.0, y, name_label.ending())?;
            let (above, below) = (y - THICKNESS / 2.0, y + THICKNESS / 2.0);
            pen.rect((left, above), (end, below), SERIES_COLORS[0])?;
            pen.text(&values[index], end + 6.0, y, value_label)?;
        }
        let bottom = self.top() + PITCH * self.names.len() as f64 - 4.0;
        pen.rect((left - 1.0, self.top()), (left, bottom), AXIS)
    }
}

/// Whole numbers as they are, others with three significant digits.
fn written(value: f64) -> String {
    if value.fract() == 0.0 && value < 1e15 {
        return format!("{value:.0}");
    }
    if !(1e-4..1e6).contains(&value) {
        return format!("{value:.2e}");
    }
    let decimals = (2 - value.log10().floor() as i32).max(0) as usize;
    format!("{value:.decimals$}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_short() {
        let texts: Vec<String> = [4000.0, 0.12345, 12.3456, 1234.5, 1e-7]
            .map(written)
            .to_vec();
        assert_eq!(texts, ["4000", "0.123", "12.3", "1234", "1.00e-7"]);
    }

    #[test]
    fn names_and_values_must_pair_up() {
        let error = BarChart::new("")
            .bars(&["a", "b"], &[1.0])
            .figure()
            .unwrap_err();
        assert!(matches!(
            error,
            ChartError::LengthMismatch {
                expected: 2,
                received: 1,
                ..
            }
        ));
    }

    #[test]
    fn negative_and_non_finite_values_are_refused() {
        for value in [-1.0, f64::NAN, f64::INFINITY] {
            let error = BarChart::new("").bar("a", value).figure().unwrap_err();
            assert!(matches!(error, ChartError::BarValue { .. }), "{error}");
        }
    }
}
