use std::collections::BTreeSet;

use plotters::style::RGBColor;

use crate::axes::{Axes, Span};
use crate::color::lightened;
use crate::column_source::{ColumnSource, Columns};
use crate::group_axis::{GroupAxis, group_methods};
use crate::groups::draw_marks;
use crate::ink::{INK, Pen};
use crate::look::{Look, label_methods, look_methods};
use crate::points::{grouped, short};
use crate::statistics::BoxSummary;
use crate::{ChartError, Figure, px};

/// Share of a group's room that its boxes take.
const WIDE: f64 = 0.76;
/// Widest box, and radius of an outlier, in CSS pixels.
const WIDEST: f64 = 56.0;
const RADIUS: f64 = 2.2;

/// Quartiles, whiskers and outliers of a column, side by side for groups: seaborn's `boxplot`.
///
/// A box goes from the first to the third quartile with a line at the median; whiskers end at the
/// last value within 1.5 times the box's height of it, and values beyond are dots, as Tukey drew
/// them. Gaps are left out.
///
/// ```
/// use labbook_charts::{BoxPlot, Columns};
///
/// let columns = Columns::new()
///     .with_numbers("price", [1.0, 2.0, 3.0, 4.0, 50.0, 7.0])
///     .with_texts("cut", ["Good", "Good", "Good", "Good", "Good", "Fair"]);
/// let figure = BoxPlot::new(columns, "price").x("cut").figure()?;
/// assert!(figure.alt().contains("Good: median 3, quartiles 2 to 4, 1 outlier"));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
#[derive(Debug, Clone)]
pub struct BoxPlot {
    axis: GroupAxis,
    look: Look,
    whis: f64,
    fliers: bool,
}

look_methods!(BoxPlot);
label_methods!(BoxPlot);
group_methods!(BoxPlot);

impl BoxPlot {
    /// A box of all values of a column; 400 CSS pixels high, as wide as the groups need.
    pub fn new(source: impl ColumnSource + 'static, y: impl Into<String>) -> Self {
        Self {
            axis: GroupAxis::new(source, Some(y.into()), None),
            look: Look::default(),
            whis: 1.5,
            fliers: true,
        }
    }

    /// A box of these values.
    pub fn of(name: &str, values: &[f64]) -> Self {
        let columns = Columns::new().with_numbers(name, values.iter().copied());
        Self::new(columns, name)
    }

    /// How far the whiskers reach, in heights of the box; the default is 1.5.
    #[must_use]
    pub fn whis(mut self, reach: f64) -> Self {
        self.whis = reach;
        self
    }

    /// Says whether the values beyond the whiskers are drawn; the default is `true`.
    #[must_use]
    pub fn showfliers(mut self, shown: bool) -> Self {
        self.fliers = shown;
        self
    }

    /// Draws the chart.
    ///
    /// # Errors
    ///
    /// [`ChartError::Column`] for a column that is not there or holds no numbers,
    /// [`ChartError::ColumnValue`] for an infinite number, [`ChartError::Empty`] where all rows
    /// have gaps, [`ChartError::Groups`] for more than 200 groups or 40 colours,
    /// [`ChartError::Setting`] for whiskers of a negative length, [`ChartError::TooSmall`] or
    /// [`ChartError::Size`] if the chart cannot be drawn at this size.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        if !(self.whis >= 0.0 && self.whis.is_finite()) {
            return Err(ChartError::Setting {
                option: "whis",
                expected: "a finite number of at least 0",
                received: self.whis.to_string(),
            });
        }
        let groups = self.axis.groups(&self.look)?;
        let boxes: Vec<Vec<Option<BoxSummary>>> = groups
            .values
            .iter()
            .map(|colors| {
                colors
                    .iter()
                    .map(|values| BoxSummary::new(values, self.whis))
                    .collect()
            })
            .collect();
        let shown = boxes.iter().flatten().flatten().flat_map(|summary| {
            let outliers = summary.outliers.iter().filter(|_| self.fliers);
            outliers
                .copied()
                .chain([summary.whiskers.0, summary.whiskers.1])
        });
        let y = Span::around(shown, 0.05);
        let name = self.axis.y.as_deref().unwrap_or("");
        let alt = format!(
            "{} {}. {}",
            self.look.named(&format!("Box plot of {name}")),
            groups.counted(),
            groups.told(|values| self.told(values))
        );
        self.axis.figure(
            &self.look,
            &groups,
            (y, name),
            "a box plot",
            alt,
            |pen, axes| {
                draw_marks(&boxes, WIDE, |place, summary, color| {
                    self.draw_box(pen, axes, place, summary, color)
                })
            },
        )
    }

    fn told(&self, values: &[f64]) -> String {
        let Some(summary) = BoxSummary::new(values, self.whis) else {
            return String::new();
        };
        let outliers = match summary.outliers.len() {
            0 => String::new(),
            1 => ", 1 outlier".to_owned(),
            n => format!(", {} outliers", grouped(n)),
        };
        let numbers = [summary.median, summary.low_quartile, summary.high_quartile];
        let [median, low, high] = numbers.map(short);
        format!("median {median}, quartiles {low} to {high}{outliers}")
    }

    fn draw_box(
        &self,
        pen: &Pen<'_, '_>,
        axes: &Axes<'_>,
        (middle, width): (f64, f64),
        summary: &BoxSummary,
        color: RGBColor,
    ) -> Result<(), ChartError> {
        let x = axes.x_at(middle);
        let half = ((axes.x_at(middle + width) - x) * 0.45).clamp(1.0, WIDEST / 2.0);
        let [low, high, bottom, top, median] = [
            summary.low_quartile,
            summary.high_quartile,
            summary.whiskers.0,
            summary.whiskers.1,
            summary.median,
        ]
        .map(|value| axes.y_at(value));
        for (from, to) in [(low, bottom), (high, top)] {
            pen.line(&[(x, from), (x, to)], 1.0, INK)?;
            pen.line(&[(x - half * 0.5, to), (x + half * 0.5, to)], 1.0, INK)?;
        }
        let corners = [
            (x - half, high),
            (x + half, high),
            (x + half, low),
            (x - half, low),
        ];
        pen.polygon(&corners, lightened(color, 0.7))?;
        let outline = [corners[0], corners[1], corners[2], corners[3], corners[0]];
        pen.line(&outline, 1.0, INK)?;
        pen.line(&[(x - half, median), (x + half, median)], 2.0, INK)?;
        if self.fliers {
            // Of very many outliers most share their pixels with another.
            let rows: BTreeSet<i32> = summary.outliers.iter().map(|v| px(axes.y_at(*v))).collect();
            for row in rows {
                pen.dot(
                    x,
                    f64::from(row) / f64::from(crate::SCALE),
                    RADIUS,
                    lightened(INK, 0.75),
                )?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_and_equal_ones_are_drawn_and_none_are_told() {
        for values in [&[2.0][..], &[2.0; 9], &[f64::NAN, 2.0]] {
            let figure = BoxPlot::of("x", values).figure().unwrap();
            assert!(
                figure.alt().contains("median 2, quartiles 2 to 2"),
                "{figure:?}"
            );
        }
        assert!(matches!(
            BoxPlot::of("x", &[]).figure(),
            Err(ChartError::Empty { .. })
        ));
        let negative = BoxPlot::of("x", &[1.0]).whis(-1.0).figure();
        assert!(matches!(negative, Err(ChartError::Setting { .. })));
    }

    #[test]
    fn groups_without_values_leave_their_place_empty() {
        let columns = Columns::new()
            .with_numbers("y", [1.0, 2.0, f64::NAN])
            .with_texts("x", ["a", "b", "c"])
            .with_texts("hue", ["p", "q", "p"]);
        let figure = BoxPlot::new(columns, "y")
            .x("x")
            .hue("hue")
            .figure()
            .unwrap();
        assert!(
            figure
                .alt()
                .ends_with("a, p: median 1, quartiles 1 to 1; b, q: median 2, quartiles 2 to 2"),
            "{figure:?}"
        );
    }

    #[test]
    fn too_many_groups_are_refused_by_number() {
        let columns = Columns::new()
            .with_numbers("y", (0..900).map(f64::from))
            .with_numbers("x", (0..900).map(|i| f64::from(i % 300)));
        let error = BoxPlot::new(columns, "y").x("x").figure().unwrap_err();
        assert!(
            matches!(
                error,
                ChartError::Groups {
                    max: 200,
                    received: 300,
                    ..
                }
            ),
            "{error}"
        );
    }
}
