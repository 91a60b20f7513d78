use plotters::style::RGBColor;

use crate::axes::{Axes, Span};
use crate::color::{lightened, readable_on_white};
use crate::column_source::{ColumnSource, Columns};
use crate::group_axis::{GroupAxis, group_methods};
use crate::groups::draw_marks;
use crate::ink::{INK, Pen};
use crate::look::{Look, label_methods, look_methods};
use crate::points::{grouped, short};
use crate::statistics::{BoxSummary, Kde};
use crate::{ChartError, Figure};

/// Share of a group's room that its violins take.
const WIDE: f64 = 0.86;
/// Widest violin, in CSS pixels.
const WIDEST: f64 = 120.0;
/// Places of an outline's side, and how far it goes beyond the values, in bandwidths.
const CURVE: usize = 120;
const CUT: f64 = 2.0;

/// The density of a column's values, side by side for groups: seaborn's `violinplot`.
///
/// The density is that of a normal curve round each value (Scott's rule), and all violins have
/// the same area. Inside stand the quartiles, whiskers and the median, as in a box plot. Fewer
/// than two values, and values that are all the same, have no density: a line stands for them.
///
/// ```
/// use labbook_charts::{Columns, ViolinPlot};
///
/// let columns = Columns::new()
///     .with_numbers("price", [1.0, 2.0, 3.0, 4.0, 5.0, 7.0])
///     .with_texts("cut", ["Good", "Good", "Good", "Good", "Good", "Fair"]);
/// let figure = ViolinPlot::new(columns, "price").x("cut").figure()?;
/// assert!(figure.alt().contains("Good: 5 values, median 3"));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
#[derive(Debug, Clone)]
pub struct ViolinPlot {
    axis: GroupAxis,
    look: Look,
    cut: f64,
}

look_methods!(ViolinPlot);
label_methods!(ViolinPlot);
group_methods!(ViolinPlot);

struct Violin {
    /// Value and density, from the lower to the upper end; nothing for values without density.
    outline: Vec<(f64, f64)>,
    summary: BoxSummary,
}

impl ViolinPlot {
    /// A violin of all values of a column; 400 CSS pixels high, as wide as the groups need.
    pub fn new(source: impl ColumnSource + 'static, y: impl Into<String>) -> Self {
        Self {
            axis: GroupAxis::new(source, Some(y.into()), None),
            look: Look::default(),
            cut: CUT,
        }
    }

    /// A violin of these values.
    pub fn of(name: &str, values: &[f64]) -> Self {
        let columns = Columns::new().with_numbers(name, values.iter().copied());
        Self::new(columns, name)
    }

    /// How far the outlines go beyond the smallest and the largest value, in widths of the curve
    /// round a value; the default is 2, and 0 ends at the values.
    #[must_use]
    pub fn cut(mut self, cut: f64) -> Self {
        self.cut = cut;
        self
    }

    /// Draws the chart.
    ///
    /// # Errors
    ///
    /// [`ChartError::Column`] for a column that is not there or holds no numbers,
    /// [`ChartError::ColumnValue`] for an infinite number, [`ChartError::Empty`] where all rows
    /// have gaps, [`ChartError::Groups`] for more than 200 groups or 40 colours,
    /// [`ChartError::Setting`] for a `cut` below 0 or above 100, [`ChartError::TooSmall`] or
    /// [`ChartError::Size`] if the chart cannot be drawn at this size.
    pub fn figure(&self) -> Result<Figure, ChartError> {
        if !(0.0..=100.0).contains(&self.cut) {
            return Err(ChartError::Setting {
                option: "cut",
                expected: "a number from 0 to 100",
                received: self.cut.to_string(),
            });
        }
        let groups = self.axis.groups(&self.look)?;
        let violin = |values: &Vec<f64>| {
            let curve = Kde::new(values).map(|kde| kde.curve(CURVE, self.cut));
            Some(Violin {
                outline: curve.unwrap_or_default(),
                summary: BoxSummary::new(values, 1.5)?,
            })
        };
        let of_group = |colors: &Vec<Vec<f64>>| colors.iter().map(violin).collect();
        let violins: Vec<Vec<Option<Violin>>> = groups.values.iter().map(of_group).collect();
        let all = || violins.iter().flatten().flatten();
        let ends = all().flat_map(|violin| {
            let outline = violin.outline.iter().map(|(value, _)| *value);
            outline.chain([violin.summary.whiskers.0, violin.summary.whiskers.1])
        });
        let y = Span::around(ends, 0.02);
        let highest = all()
            .flat_map(|violin| &violin.outline)
            .fold(0.0, |a: f64, (_, d)| a.max(*d));
        let name = self.axis.y.as_deref().unwrap_or("");
        let alt = format!(
            "{} {}. {}",
            self.look.named(&format!("Violin plot of {name}")),
            groups.counted(),
            groups.told(|values| {
                let median = BoxSummary::new(values, 1.5).map_or(f64::NAN, |s| s.median);
                format!("{} values, median {}", grouped(values.len()), short(median))
            })
        );
        self.axis.figure(
            &self.look,
            &groups,
            (y, name),
            "a violin plot",
            alt,
            |pen, axes| {
                draw_marks(&violins, WIDE, |place, violin, color| {
                    draw_violin(pen, axes, place, violin, highest, color)
                })
            },
        )
    }
}

fn draw_violin(
    pen: &Pen<'_, '_>,
    axes: &Axes<'_>,
    (middle, width): (f64, f64),
    violin: &Violin,
    highest: f64,
    color: RGBColor,
) -> Result<(), ChartError> {
    let x = axes.x_at(middle);
    let half = ((axes.x_at(middle + width) - x) * 0.48).clamp(2.0, WIDEST / 2.0);
    let summary = &violin.summary;
    let edge = readable_on_white(color);
    let [low, high, bottom, top, median] = [
        summary.low_quartile,
        summary.high_quartile,
        summary.whiskers.0,
        summary.whiskers.1,
        summary.median,
    ]
    .map(|value| axes.y_at(value));
    if violin.outline.is_empty() {
        return pen.line(&[(x - half, median), (x + half, median)], 2.0, edge);
    }
    let side = |sign: f64| {
        let points = violin.outline.iter();
        points.map(move |(value, density)| (x + sign * half * density / highest, axes.y_at(*value)))
    };
    let mut outline: Vec<(f64, f64)> = side(1.0).chain(side(-1.0).rev()).collect();
    pen.polygon(&outline, lightened(color, 0.6))?;
    outline.push(outline[0]);
    pen.line(&outline, 1.0, edge)?;
    let bar = (half * 0.1).clamp(1.0, 4.0);
    pen.line(&[(x, bottom), (x, top)], 1.0, INK)?;
    pen.rect((x - bar, high), (x + bar, low), INK)?;
    pen.line(
        &[(x - bar, median), (x + bar, median)],
        2.0,
        RGBColor(255, 255, 255),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_without_a_density_are_drawn_as_a_line() {
        for values in [&[2.0][..], &[2.0; 9]] {
            let figure = ViolinPlot::of("x", values).figure().unwrap();
            assert!(figure.alt().contains("median 2"), "{figure:?}");
        }
        assert!(matches!(
            ViolinPlot::of("x", &[f64::NAN]).figure(),
            Err(ChartError::Empty { .. })
        ));
        let cut = ViolinPlot::of("x", &[1.0]).cut(f64::NAN).figure();
        assert!(matches!(cut, Err(ChartError::Setting { .. })));
    }
}
