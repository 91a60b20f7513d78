use plotters::style::RGBColor;

use crate::axes::{Axes, Span};
use crate::column_source::ColumnSource;
use crate::group_axis::{GroupAxis, group_methods};
use crate::groups::draw_marks;
use crate::ink::{INK, Label, Pen};
use crate::look::{Look, label_methods, look_methods};
use crate::points::{grouped, short};
use crate::statistics::{mean, standard_deviation, student_t_interval};
use crate::{ChartError, Figure};

/// Share of a group's room that its bars take.
const WIDE: f64 = 0.8;
/// Widest bar, in CSS pixels.
const WIDEST: f64 = 72.0;

/// The mean of a column with its uncertainty, side by side for groups: seaborn's `barplot`.
///
/// The lines over the bars are 95 % confidence intervals of the mean after Student's t
/// distribution, where seaborn draws them by chance (a bootstrap); [`errorbar`](Self::errorbar)
/// chooses others. Gaps are left out.
///
/// ```
/// use labbook_charts::{BarPlot, Columns};
///
/// let columns = Columns::new()
///     .with_numbers("price", [1.0, 2.0, 3.0, 7.0])
///     .with_texts("cut", ["Good", "Good", "Good", "Fair"]);
/// let figure = BarPlot::new(columns, "price").x("cut").errorbar("sd").figure()?;
/// assert!(figure.alt().contains("Good: mean 2, from 1 to 3; Fair: mean 7"));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
#[derive(Debug, Clone)]
pub struct BarPlot {
    axis: GroupAxis,
    look: Look,
    errorbar: String,
}

look_methods!(BarPlot);
label_methods!(BarPlot);
group_methods!(BarPlot);

/// How many rows have each value of a column: seaborn's `countplot`.
///
/// ```
/// use labbook_charts::{Columns, CountPlot};
///
/// let columns = Columns::new().with_texts("cut", ["Good", "Fair", "Good"]);
/// let figure = CountPlot::new(columns, "cut").figure()?;
/// assert!(figure.alt().contains("Good: 2; Fair: 1"));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
#[derive(Debug, Clone)]
pub struct CountPlot {
    axis: GroupAxis,
    look: Look,
}

look_methods!(CountPlot);
label_methods!(CountPlot);
group_methods!(CountPlot);

/// A bar's end, and those of the line over it.
struct Bar {
    end: f64,
    line: Option<(f64, f64)>,
}

impl BarPlot {
    /// A bar of the mean of a column; 400 CSS pixels high, as wide as the groups need.
    pub fn new(source: impl ColumnSource + 'static, y: impl Into<String>) -> Self {
        Self {
            axis: GroupAxis::new(source, Some(y.into()), None),
            look: Look::default(),
            errorbar: "ci".to_owned(),
        }
    }

    /// The lines over the bars: "ci" (95 % confidence interval of the mean, the default), "sd"
    /// (standard deviation of the values), "se" (standard error of the mean) or "none". A single
    /// value has none.
    #[must_use]
    pub fn errorbar(mut self, kind: impl Into<String>) -> Self {
        self.errorbar = kind.into();
        self
    }

    /// Draws the chart.
    ///
    /// # Errors
    ///
    /// [`ChartError::Column`] for a column that is not there or holds no numbers,
    /// [`ChartError::ColumnValue`] for an infinite number, [`ChartError::Empty`] where all rows
    /// have gaps, [`ChartError::Groups`] for more than 200 groups or 40 colours,
    /// [`ChartError::Setting`] for lines that do not exist, [`ChartError::TooSmall`] or
    /// [`ChartError::Size`] if the chart cannot be drawn at this size.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        let line: fn(&[f64]) -> Option<(f64, f64)> = match self.errorbar.as_str() {
            "ci" => |values| student_t_interval(values, 0.95),
            "sd" => |values| around(values, standard_deviation(values)?),
            "se" => |values| {
                around(
                    values,
                    standard_deviation(values)? / (values.len() as f64).sqrt(),
                )
            },
            "none" => |_| None,
            other => {
                return Err(ChartError::Setting {
                    option: "errorbar",
                    expected: "\"ci\", \"sd\", \"se\" or \"none\"",
                    received: format!("{other:?}"),
                });
            }
        };
        let bar = |values: &[f64]| {
            let (end, line) = (mean(values)?, line(values));
            Some(Bar { end, line })
        };
        let name = self.axis.y.as_deref().unwrap_or("");
        let told = |values: &[f64]| {
            bar(values).map_or_else(String::new, |bar| match bar.line {
                Some((low, high)) => {
                    format!(
                        "mean {}, from {} to {}",
                        short(bar.end),
                        short(low),
                        short(high)
                    )
                }
                None => format!("mean {}", short(bar.end)),
            })
        };
        let kind = format!("Bars of the mean of {name}");
        draw(
            &self.axis,
            &self.look,
            (&kind, name, "a bar plot"),
            bar,
            told,
        )
    }
}

impl CountPlot {
    /// A bar for each value of a column; 400 CSS pixels high, as wide as the groups need.
    pub fn new(source: impl ColumnSource + 'static, x: impl Into<String>) -> Self {
        Self {
            axis: GroupAxis::new(source, None, Some(x.into())),
            look: Look::default(),
        }
    }

    /// Draws the chart.
    ///
    /// # Errors
    ///
    /// [`ChartError::Column`] for a column that is not there, [`ChartError::Empty`] where all
    /// rows have gaps, [`ChartError::Groups`] for more than 200 groups or 40 colours,
    /// [`ChartError::TooSmall`] or [`ChartError::Size`] if the chart cannot be drawn at this size.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        let bar = |values: &[f64]| {
            let (end, line) = (values.len() as f64, None);
            (end > 0.0).then_some(Bar { end, line })
        };
        let told = |values: &[f64]| grouped(values.len());
        let kind = format!(
            "Bars of the number of rows by {}",
            self.axis.x.as_deref().unwrap_or("")
        );
        draw(
            &self.axis,
            &self.look,
            (&kind, "count", "a count plot"),
            bar,
            told,
        )
    }
}

fn around(values: &[f64], half: f64) -> Option<(f64, f64)> {
    let mean = mean(values)?;
    Some((mean - half, mean + half))
}

/// A chart of bars; `words` are its kind, the name of its values and what an error calls it.
fn draw(
    axis: &GroupAxis,
    look: &Look,
    (kind, y_name, what): (&str, &str, &'static str),
    bar: impl Fn(&[f64]) -> Option<Bar>,
    told: impl Fn(&[f64]) -> String,
) -> Result<Figure, ChartError> {
    let groups = axis.groups(look)?;
    let of_group = |colors: &Vec<Vec<f64>>| colors.iter().map(|values| bar(values)).collect();
    let bars: Vec<Vec<Option<Bar>>> = groups.values.iter().map(of_group).collect();
    let ends = bars.iter().flatten().flatten().flat_map(|bar| {
        let (low, high) = bar.line.unwrap_or((bar.end, bar.end));
        [bar.end, low, high]
    });
    let ends: Vec<f64> = ends.collect();
    let y = match ends.iter().all(|end| *end >= 0.0) {
        true => Span::from_zero(ends.iter().fold(0.0, |a, b| a.max(*b))),
        false => Span::around(ends.iter().copied().chain([0.0]), 0.05),
    };
    let alt = format!(
        "{} {}. {}",
        look.named(kind),
        groups.counted(),
        groups.told(told)
    );
    axis.figure(look, &groups, (y, y_name), what, alt, |pen, axes| {
        draw_marks(&bars, WIDE, |place, bar, color| {
            draw_bar(pen, axes, place, bar, color)
        })?;
        // A count stands on its bar where there is room.
        if axis.y.is_none() && groups.hues.len() == 1 {
            let label = Label::tick().centered();
            let counts: Vec<String> = ends_of(&bars)
                .map(|(_, end)| grouped(end as usize))
                .collect();
            if label.widest(&counts)? + 6.0 < axes.x_at(1.0) - axes.x_at(0.0) {
                for ((group, end), text) in ends_of(&bars).zip(&counts) {
                    pen.text(text, axes.x_at(group as f64), axes.y_at(end) - 8.0, label)?;
                }
            }
        }
        Ok(())
    })
}

fn ends_of(bars: &[Vec<Option<Bar>>]) -> impl Iterator<Item = (usize, f64)> {
    let groups = bars.iter().enumerate();
    groups.flat_map(|(group, colors)| colors.iter().flatten().map(move |bar| (group, bar.end)))
}

fn draw_bar(
    pen: &Pen<'_, '_>,
    axes: &Axes<'_>,
    (middle, width): (f64, f64),
    bar: &Bar,
    color: RGBColor,
) -> Result<(), ChartError> {
    let x = axes.x_at(middle);
    let half = ((axes.x_at(middle + width) - x) * 0.48).clamp(0.5, WIDEST / 2.0);
    let (end, zero) = (axes.y_at(bar.end), axes.y_at(0.0));
    pen.rect((x - half, end.min(zero)), (x + half, end.max(zero)), color)?;
    if let Some((low, high)) = bar.line {
        let (low, high) = (axes.y_at(low), axes.y_at(high));
        pen.line(&[(x, low), (x, high)], 1.5, INK)?;
        let arm = (half * 0.35).min(6.0);
        for y in [low, high] {
            pen.line(&[(x - arm, y), (x + arm, y)], 1.5, INK)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Columns;

    fn prices() -> Columns {
        Columns::new()
            .with_numbers("price", [1.0, 3.0, -4.0, f64::NAN, 5.0])
            .with_texts("cut", ["Good", "Good", "Fair", "Fair", "Good"])
    }

    #[test]
    fn lines_are_what_they_are_called() {
        let alt = |kind: &str| {
            let plot = BarPlot::new(prices(), "price").x("cut").errorbar(kind);
            plot.figure().map(|figure| figure.alt().to_owned())
        };
        assert!(
            alt("sd")
                .unwrap()
                .contains("Good: mean 3, from 1 to 5; Fair: mean -4")
        );
        assert!(alt("none").unwrap().contains("Good: mean 3; Fair: mean -4"));
        assert!(alt("se").unwrap().contains("from 1.84"));
        // scipy.stats.t.interval(0.95, 2, 3, 2 / 3 ** 0.5)
        assert!(
            alt("ci").unwrap().contains("from -1.968"),
            "{:?}",
            alt("ci")
        );
        let error = alt("variance").unwrap_err().to_string();
        assert!(
            error.contains("\"variance\"") && error.contains("\"sd\""),
            "{error}"
        );
    }

    #[test]
    fn counts_leave_gaps_out_and_keep_an_order() {
        let plot = CountPlot::new(prices(), "cut").order(["Fair", "Ideal", "Good"]);
        let alt = plot.figure().unwrap().alt().to_owned();
        assert!(alt.contains("of 5 values. Fair: 2; Good: 3"), "{alt}");
        let none = CountPlot::new(prices(), "cut").order(["Ideal"]).figure();
        assert!(matches!(none, Err(ChartError::Empty { .. })));
    }
}
