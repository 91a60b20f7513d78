use plotters::style::RGBColor;

use crate::ChartError;
use crate::column_source::{Categories, Source};
use crate::look::{Look, group_colors};
use crate::points::grouped;

/// Most groups side by side, and most colours.
const MOST_GROUPS: usize = 200;
const MOST_HUES: usize = 40;

/// The numbers of a column by group and colour.
pub(crate) struct Groups {
    /// The groups' names, a single empty one where there are none.
    pub(crate) names: Vec<String>,
    /// The colours' names, a single empty one where there are none.
    pub(crate) hues: Vec<String>,
    /// The numbers of each group's colours.
    pub(crate) values: Vec<Vec<Vec<f64>>>,
    /// Rows with a gap in one of the columns.
    pub(crate) gaps: usize,
}

impl Groups {
    /// The numbers of `y`, or a 1 for each row, by the columns for groups and colours.
    pub(crate) fn new(
        source: &Source,
        y: Option<&str>,
        (x, order): (Option<&str>, &[String]),
        look: &Look,
    ) -> Result<Self, ChartError> {
        let by = |column: Option<&str>, order: &[String], max| {
            let Some(column) = column else {
                return Ok(None);
            };
            let categories = source.categories(column)?.in_order(order);
            match categories.names.len() {
                received if received > max => Err(ChartError::Groups {
                    column: column.to_owned(),
                    max,
                    received,
                }),
                _ => Ok(Some(categories)),
            }
        };
        let groups = by(x, order, MOST_GROUPS)?;
        let hues = by(look.hue.as_deref(), &look.hue_order, MOST_HUES)?;
        let rows_of = |categories: &Categories| categories.rows.len();
        let numbers = match y {
            Some(y) => source.numbers(y)?,
            None => {
                let rows = groups.as_ref().or(hues.as_ref()).map_or(0, rows_of);
                vec![1.0; rows]
            }
        };
        for categories in [&groups, &hues].into_iter().flatten() {
            if rows_of(categories) != numbers.len() {
                return Err(ChartError::LengthMismatch {
                    what: "value in every column",
                    per: "row",
                    expected: numbers.len(),
                    received: rows_of(categories),
                });
            }
        }
        let names_of = |categories: &Option<Categories>| match categories {
            Some(categories) => categories.names.clone(),
            None => vec![String::new()],
        };
        let (names, hue_names) = (names_of(&groups), names_of(&hues));
        let mut values = vec![vec![Vec::new(); hue_names.len()]; names.len()];
        let mut gaps = 0;
        let place = |categories: &Option<Categories>, row: usize| match categories {
            Some(categories) => categories.rows[row],
            None => Some(0),
        };
        for (row, &number) in numbers.iter().enumerate() {
            match (place(&groups, row), place(&hues, row)) {
                (Some(group), Some(hue)) if !number.is_nan() => values[group][hue].push(number),
                _ => gaps += 1,
            }
        }
        let groups = Self {
            names,
            hues: hue_names,
            values,
            gaps,
        };
        match groups.len() {
            0 => Err(ChartError::Empty {
                what: "row without a gap",
            }),
            _ => Ok(groups),
        }
    }

    /// Numbers in all.
    pub(crate) fn len(&self) -> usize {
        self.all().map(Vec::len).sum()
    }

    /// The numbers of every group and colour.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Vec<f64>> {
        self.values.iter().flatten()
    }

    /// `of 1,234 values, 5 rows with gaps left out`.
    pub(crate) fn counted(&self) -> String {
        let gaps = match self.gaps {
            0 => String::new(),
            1 => ", 1 row left out".to_owned(),
            gaps => format!(", {} rows left out", grouped(gaps)),
        };
        format!("of {} values{gaps}", grouped(self.len()))
    }

    /// What is told of each group and colour that has values: `cat: 3; dog, old: 5`.
    pub(crate) fn told(&self, tell: impl Fn(&[f64]) -> String) -> String {
        let mut parts = Vec::new();
        for (name, colors) in self.names.iter().zip(&self.values) {
            for (hue, values) in self.hues.iter().zip(colors) {
                let name = match (name.as_str(), hue.as_str()) {
                    ("", name) | (name, "") => name.to_owned(),
                    (name, hue) => format!("{name}, {hue}"),
                };
                if !values.is_empty() {
                    let colon = if name.is_empty() { "" } else { ": " };
                    parts.push(format!("{name}{colon}{}", tell(values)));
                }
            }
        }
        parts.join("; ")
    }
}

/// Draws the marks of all groups and colours that have one, each at its middle and width: see
/// [`dodged`].
pub(crate) fn draw_marks<M>(
    marks: &[Vec<Option<M>>],
    wide: f64,
    mut draw: impl FnMut((f64, f64), &M, RGBColor) -> Result<(), ChartError>,
) -> Result<(), ChartError> {
    let colors = group_colors(marks.first().map_or(0, Vec::len));
    for (group, of_group) in marks.iter().enumerate() {
        for (hue, mark) in of_group.iter().enumerate() {
            if let Some(mark) = mark {
                draw(dodged(group, hue, colors.len(), wide), mark, colors[hue])?;
            }
        }
    }
    Ok(())
}

/// Where the marks of the colours of a group stand: the middle of each and its width, with the
/// groups 1 apart.
fn dodged(group: usize, hue: usize, hues: usize, wide: f64) -> (f64, f64) {
    let width = wide / hues as f64;
    let middle = group as f64 + width * (hue as f64 - (hues as f64 - 1.0) / 2.0);
    (middle, width)
}
