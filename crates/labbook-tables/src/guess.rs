//! What a column of a file holds, by all its cells.

use polars::prelude::{Column, IntoColumn, NamedFrom, Series};

/// What pandas reads as a gap.
fn is_gap(cell: &str) -> bool {
    matches!(
        cell,
        "" | "#N/A"
            | "<NA>"
            | "N/A"
            | "NA"
            | "NULL"
            | "NaN"
            | "None"
            | "n/a"
            | "nan"
            | "null"
            | "-nan"
            | "-NaN"
            | "#NA"
    )
}

/// The cells of one column, one after another.
#[derive(Default)]
pub(crate) struct Cells {
    text: String,
    ends: Vec<usize>,
}

impl Cells {
    pub(crate) fn push(&mut self, cell: &str) {
        self.text.push_str(cell);
        self.ends.push(self.text.len());
    }

    fn iter(&self) -> impl Iterator<Item = Option<&str>> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| {
            let cell = &self.text[start..end];
            (!is_gap(cell.trim())).then_some(cell)
        })
    }

    /// All cells as one kind of value, gaps left gaps; `None` if one is of another kind.
    fn all<T>(&self, read: impl Fn(&str) -> Option<T>) -> Option<Vec<Option<T>>> {
        self.iter()
            .map(|cell| match cell {
                None => Some(None),
                Some(cell) => read(cell.trim()).map(Some),
            })
            .collect()
    }

    /// Whole numbers, else numbers, else truth values, else text.
    pub(crate) fn into_column(self, name: &str) -> Column {
        let name = name.into();
        let known = self.iter().any(|cell| cell.is_some());
        let series = if !known {
            Series::new(name, vec![None::<f64>; self.ends.len()])
        } else if let Some(whole) = self.all(|cell| cell.parse::<i64>().ok()) {
            Series::new(name, whole)
        } else if let Some(numbers) = self.all(|cell| cell.parse::<f64>().ok()) {
            Series::new(name, numbers)
        } else if let Some(truths) = self.all(truth) {
            Series::new(name, truths)
        } else {
            Series::new(name, self.iter().collect::<Vec<Option<&str>>>())
        };
        series.into_column()
    }
}

fn truth(cell: &str) -> Option<bool> {
    match cell {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}
