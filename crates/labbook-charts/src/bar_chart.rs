use plotters::style::RGBColor;

use crate::bitmap::Canvas;
use crate::draw::render;
use crate::ink::{AXIS, INK, Label, MARGIN, Pen};
use crate::legend::{Legend, Mark};
use crate::names::owned;
use crate::palette::SERIES_COLORS;
use crate::{ChartError, Figure};

/// Thickness of a bar and the space between names, in CSS pixels: alone, and in a group.
const THICKNESS: (f64, f64) = (17.0, 12.0);
const SPACE: (f64, f64) = (9.0, 12.0);
/// Height of the legend of grouped bars.
const LEGEND_HEIGHT: f64 = 24.0;
/// Least length of the longest bar, in CSS pixels.
const LEAST_LENGTH: f64 = 60.0;

/// Horizontal bars, one per class or other name, each ending in its value; or groups of them,
/// one bar per series.
///
/// ```
/// use labbook_charts::BarChart;
///
/// let figure = BarChart::new("Training images per class")
///     .bars(&["cat", "dog"], &[4000.0, 4100.0])
///     .figure()?;
/// assert!(figure.alt().contains("dog 4100"));
///
/// let figure = BarChart::new("Test set")
///     .names(&["cat", "dog"])
///     .series("precision", &[0.61, 0.7])
///     .series("recall", &[0.572, 0.696])
///     .percent()
///     .figure()?;
/// assert!(figure.alt().contains("recall: cat 57.2 %, dog 69.6 %"));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BarChart {
    title: String,
    names: Vec<String>,
    series: Vec<Series>,
    percent: bool,
    width: u32,
}

#[derive(Debug, Clone, PartialEq, Default)]
struct Series {
    name: String,
    values: Vec<f64>,
}

impl BarChart {
    /// A chart without bars, 560 CSS pixels wide.
    pub fn new(title: impl Into<String>) -> Self {
        Self {
            title: title.into(),
            names: Vec::new(),
            series: Vec::new(),
            percent: false,
            width: 560,
        }
    }

    /// Adds one bar below those there are. Values are 0 or more.
    #[must_use]
    pub fn bar(self, name: impl Into<String>, value: f64) -> Self {
        self.bars(&[name.into()], &[value])
    }

    /// Adds bars in the order given, one value per name.
    #[must_use]
    pub fn bars(
        mut self,
        names: impl IntoIterator<Item = impl AsRef<str>>,
        values: &[f64],
    ) -> Self {
        self = self.names(names);
        if self.series.is_empty() {
            self.series.push(Series::default());
        }
        self.series[0].values.extend_from_slice(values);
        self
    }

    /// Adds names whose bars come from [`series`](Self::series).
    #[must_use]
    pub fn names(mut self, names: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.names.extend(owned(names));
        self
    }

    /// Adds one bar to every name's group: one value per name, in the names' order.
    #[must_use]
    pub fn series(mut self, name: impl Into<String>, values: &[f64]) -> Self {
        self.series.push(Series {
            name: name.into(),
            values: values.to_vec(),
        });
        self
    }

    /// Writes values, which are shares of 1, as percent.
    #[must_use]
    pub fn percent(mut self) -> Self {
        self.percent = true;
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
        self.check()?;
        let groups = self.pitch() * self.names.len() as f64;
        let height = (self.top() + groups + MARGIN - 4.0).ceil() as u32;
        let png = render(self.width, height, |root| self.draw_on(root))?;
        let title = self.title.clone();
        Ok(Figure::new(png, self.width, height, title, self.alt()))
    }

    fn check(&self) -> Result<(), ChartError> {
        for series in &self.series {
            if self.names.len() != series.values.len() {
                return Err(ChartError::LengthMismatch {
                    what: "value",
                    per: "bar",
                    expected: self.names.len(),
                    received: series.values.len(),
                });
            }
            for (name, &value) in self.names.iter().zip(&series.values) {
                if !value.is_finite() || value < 0.0 {
                    let name = name.clone();
                    return Err(ChartError::BarValue { name, value });
                }
            }
        }
        if self.names.is_empty() || self.series.is_empty() {
            return Err(ChartError::Empty { what: "bar" });
        }
        Ok(())
    }

    fn alt(&self) -> String {
        let series: Vec<String> = self
            .series
            .iter()
            .map(|series| {
                let bars = self.names.iter().zip(&series.values);
                let bars: Vec<String> = bars
                    .map(|(name, &value)| format!("{name} {}", self.written(value)))
                    .collect();
                match series.name.as_str() {
                    "" => bars.join(", "),
                    name => format!("{name}: {}", bars.join(", ")),
                }
            })
            .collect();
        format!("Bar chart “{}”: {}", self.title, series.join("; "))
    }

    fn is_grouped(&self) -> bool {
        self.series.len() > 1
    }

    fn legend(&self) -> Legend {
        let mut legend = Legend::default();
        if self.is_grouped() {
            for (index, series) in self.series.iter().enumerate() {
                legend.push(Mark::Square(color(index)), &series.name);
            }
        }
        legend
    }

    fn thickness(&self) -> f64 {
        if self.is_grouped() {
            THICKNESS.1
        } else {
            THICKNESS.0
        }
    }

    /// Distance from name to name.
    fn pitch(&self) -> f64 {
        let space = if self.is_grouped() { SPACE.1 } else { SPACE.0 };
        self.series.len() as f64 * self.thickness() + space
    }

    fn top(&self) -> f64 {
        let title = if self.title.is_empty() { 0.0 } else { 30.0 };
        let legend = if self.is_grouped() {
            LEGEND_HEIGHT
        } else {
            0.0
        };
        MARGIN + title + legend
    }

    /// Decimals of percentages: one, or as many as the largest value needs to show two digits.
    fn decimals(&self) -> usize {
        let values = self.series.iter().flat_map(|series| &series.values);
        let largest = values.fold(0.0_f64, |largest, value| largest.max(100.0 * value.abs()));
        match largest > 0.0 && largest < 1.0 {
            true => (1.0 - largest.log10().floor()).clamp(1.0, 6.0) as usize,
            false => 1,
        }
    }

    fn written(&self, value: f64) -> String {
        match self.percent {
            true => format!("{:.*} %", self.decimals(), 100.0 * value),
            false => written(value),
        }
    }

    fn draw_on(&self, canvas: &Canvas<'_>) -> Result<(), ChartError> {
        let pen = Pen::new(canvas);
        let (width, height) = pen.size();
        let title = Label::title().shortened(&self.title, width - 2.0 * MARGIN)?;
        pen.text(&title, MARGIN, MARGIN + 8.0, Label::title())?;

        let name_label = Label::new(12.0);
        let value_size = if self.is_grouped() { 10.5 } else { 12.0 };
        let value_label = Label::new(value_size).color(INK);
        let all_values = || self.series.iter().flat_map(|series| &series.values);
        let values: Vec<String> = all_values().map(|&value| self.written(value)).collect();
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
        self.legend()
            .draw(&pen, (left, self.top() - LEGEND_HEIGHT - 2.0), 1.0)?;
        let highest = all_values().copied().fold(0.0, f64::max);
        let (pitch, thickness) = (self.pitch(), self.thickness());
        for (index, name) in self.names.iter().enumerate() {
            let middle = self.top() + pitch * (index as f64 + 0.5) - 2.0;
            let name = name_label.shortened(name, name_width)?;
            pen.text(&name, left - 8.0, middle, name_label.ending())?;
            let first = middle - thickness * self.series.len() as f64 / 2.0;
            for (place, series) in self.series.iter().enumerate() {
                let value = series.values[index];
                let share = if highest > 0.0 { value / highest } else { 0.0 };
                let end = left + share * (right - left);
                let above = first + thickness * place as f64;
                // A hair's breadth between the bars of a group.
                let below = above + thickness - if self.is_grouped() { 1.0 } else { 0.0 };
                pen.rect((left, above), (end, below), color(place))?;
                let text = self.written(value);
                pen.text(&text, end + 6.0, above.midpoint(below), value_label)?;
            }
        }
        let bottom = self.top() + pitch * self.names.len() as f64 - 4.0;
        pen.rect((left - 1.0, self.top()), (left, bottom), AXIS)
    }
}

fn color(series: usize) -> RGBColor {
    SERIES_COLORS[series % SERIES_COLORS.len()]
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
    fn small_shares_have_the_decimals_of_the_largest() {
        let written = |values: [f64; 2], value| {
            let chart = BarChart::new("").bars(&["a", "b"], &values).percent();
            chart.written(value)
        };
        assert_eq!(written([0.5, 0.0004], 0.0004), "0.0 %");
        assert_eq!(written([0.000_4, 0.000_15], 0.000_15), "0.015 %");
        assert_eq!(written([0.009_96, 0.0], 0.0), "0.00 %");
        assert_eq!(written([0.0, 0.0], 0.0), "0.0 %");
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
