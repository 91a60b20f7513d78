use ndarray::{ArrayBase, Data, Ix2};
use plotters::style::RGBColor;

use crate::axes::Span;
use crate::legend::{Legend, Mark};
use crate::names::owned;
use crate::{ChartError, Palette, SERIES_COLORS};

/// Share of the range left free at either end of an axis.
const PAD: f64 = 0.04;

/// Points in the plane and, perhaps, the class of each.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ClassedPoints {
    pub(crate) points: Vec<[f64; 2]>,
    /// Columns of the array that the points came from.
    columns: usize,
    classes: Option<Vec<i64>>,
    pub(crate) class_names: Vec<String>,
}

impl ClassedPoints {
    pub(crate) fn new<S, F>(points: &ArrayBase<S, Ix2>) -> Self
    where
        S: Data<Elem = F>,
        F: Copy + Into<f64>,
    {
        let columns = points.ncols();
        let pairs = points.rows().into_iter().filter(|row| row.len() >= 2);
        Self {
            points: pairs.map(|row| [row[0].into(), row[1].into()]).collect(),
            columns,
            classes: None,
            class_names: Vec::new(),
        }
    }

    pub(crate) fn set_classes(
        &mut self,
        classes: &[i64],
        class_names: impl IntoIterator<Item = impl AsRef<str>>,
    ) {
        self.classes = Some(classes.to_vec());
        self.class_names = owned(class_names);
    }

    pub(crate) fn len(&self) -> usize {
        self.points.len()
    }

    pub(crate) fn check(&self) -> Result<(), ChartError> {
        if self.columns < 2 {
            return Err(ChartError::PointShape {
                columns: self.columns,
            });
        }
        if self.points.is_empty() {
            return Err(ChartError::Empty { what: "point" });
        }
        for (row, point) in self.points.iter().enumerate() {
            if let Some(&value) = point.iter().find(|value| !plottable(**value)) {
                return Err(ChartError::Coordinate { row, value });
            }
        }
        if let Some(classes) = &self.classes {
            self.check_paired("class", classes.len())?;
            let n_classes = self.class_names.len();
            for (position, &label) in classes.iter().enumerate() {
                if !usize::try_from(label).is_ok_and(|label| label < n_classes) {
                    return Err(ChartError::LabelOutOfRange {
                        position,
                        label,
                        n_classes,
                    });
                }
            }
        }
        Ok(())
    }

    pub(crate) fn check_paired(
        &self,
        what: &'static str,
        received: usize,
    ) -> Result<(), ChartError> {
        let expected = self.points.len();
        if expected == received {
            return Ok(());
        }
        Err(ChartError::LengthMismatch {
            what,
            per: "point",
            expected,
            received,
        })
    }

    /// The class of each point, checked.
    pub(crate) fn classes(&self) -> Option<Vec<usize>> {
        let classes = self.classes.as_ref()?.iter();
        classes.map(|&class| usize::try_from(class).ok()).collect()
    }

    /// The ranges of both coordinates.
    pub(crate) fn spans(&self) -> (Span, Span) {
        let along = |axis: usize| Span::around(self.points.iter().map(|point| point[axis]), PAD);
        (along(0), along(1))
    }

    /// The colour of each point; the classes have been checked.
    pub(crate) fn colors(&self, palette: Palette) -> Vec<RGBColor> {
        let colors = palette.colors(self.class_names.len());
        let of = |class: &i64| {
            let class = usize::try_from(*class).unwrap_or(usize::MAX);
            colors.get(class).copied().unwrap_or(SERIES_COLORS[0])
        };
        match &self.classes {
            Some(classes) => classes.iter().map(of).collect(),
            None => vec![SERIES_COLORS[0]; self.points.len()],
        }
    }

    /// One entry per class.
    pub(crate) fn legend(&self, palette: Palette, mark: fn(RGBColor) -> Mark) -> Legend {
        let mut legend = Legend::default();
        let colors = palette.colors(self.class_names.len());
        for (name, color) in self.class_names.iter().zip(colors) {
            legend.push(mark(color), name);
        }
        legend
    }

    /// `kind “title” of 3 points in 2 classes: cat 1, dog 2`.
    pub(crate) fn alt(&self, kind: &str, title: &str) -> String {
        let title = if title.is_empty() {
            String::new()
        } else {
            format!(" “{title}”")
        };
        let mut alt = format!("{kind}{title} of {} points", grouped(self.points.len()));
        if let Some(classes) = &self.classes {
            let mut counts = vec![0_usize; self.class_names.len()];
            for &class in classes {
                if let Some(count) = usize::try_from(class).ok().and_then(|c| counts.get_mut(c)) {
                    *count += 1;
                }
            }
            let counted: Vec<String> = self
                .class_names
                .iter()
                .zip(counts)
                .map(|(name, count)| format!("{name} {}", grouped(count)))
                .collect();
            alt += &format!(" in {} classes: {}", counted.len(), counted.join(", "));
        }
        alt
    }
}

/// Finite, and small enough that differences and margins do not overflow.
pub(crate) fn plottable(value: f64) -> bool {
    value.abs() <= 1e300
}

/// A number in words of a figure: six significant digits.
pub(crate) fn short(value: f64) -> String {
    let rounded = format!("{value:.5e}").parse().unwrap_or(value);
    match rounded == 0.0 || (1e-5..1e16).contains(&f64::abs(rounded)) {
        true => rounded.to_string(),
        false => format!("{rounded:e}"),
    }
}

/// A whole number with a comma after each thousand.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_words_are_short() {
        let texts = [3_932.799_721_829, 2.0, -0.1, 1e300, 0.0, 1.0 / 3e9].map(short);
        assert_eq!(texts, ["3932.8", "2", "-0.1", "1e300", "0", "3.33333e-10"]);
    }

    #[test]
    fn thousands_are_set_apart() {
        let texts = [0, 999, 1000, 50_000, 1_234_567].map(grouped);
        assert_eq!(texts, ["0", "999", "1,000", "50,000", "1,234,567"]);
    }
}
