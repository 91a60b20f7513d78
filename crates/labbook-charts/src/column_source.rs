use std::fmt;
use std::sync::Arc;

use crate::ChartError;
use crate::names::owned;

/// A table that a statistical chart takes its columns from by their names.
///
/// `labbook-notebook` has it for polars frames, [`Columns`] is one of plain vectors.
pub trait ColumnSource: Send + Sync {
    /// The names of all columns, in order.
    fn names(&self) -> Vec<String>;

    /// Whether a column holds numbers, which have a place on an axis.
    fn is_numeric(&self, column: &str) -> bool;

    /// A column of numbers, one per row, NaN for a gap.
    ///
    /// # Errors
    ///
    /// [`ChartError::Column`] if there is no such column or it holds no numbers.
    fn numbers(&self, column: &str) -> Result<Vec<f64>, ChartError>;

    /// A column of any kind as categories, one per row.
    ///
    /// # Errors
    ///
    /// [`ChartError::Column`] if there is no such column.
    fn categories(&self, column: &str) -> Result<Categories, ChartError>;
}

/// A column of which each row is one of a few names, or a gap.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Categories {
    /// The names, in the order in which they are drawn.
    pub names: Vec<String>,
    /// For each row the place of its name in `names`, counted from 0; nothing for a gap.
    pub rows: Vec<Option<usize>>,
}

impl Categories {
    /// Texts as categories, in the order in which they first appear, as seaborn has it.
    ///
    /// ```
    /// use labbook_charts::Categories;
    ///
    /// let cuts = Categories::of_texts([Some("Good"), None, Some("Fair"), Some("Good")]);
    /// assert_eq!(cuts.names, ["Good", "Fair"]);
    /// assert_eq!(cuts.rows, [Some(0), None, Some(1), Some(0)]);
    /// ```
    pub fn of_texts(texts: impl IntoIterator<Item = Option<impl AsRef<str>>>) -> Self {
        let mut places = std::collections::HashMap::new();
        let mut names: Vec<String> = Vec::new();
        let rows = texts.into_iter().map(|text| {
            let text = text?;
            let text = text.as_ref();
            if let Some(&place) = places.get(text) {
                return Some(place);
            }
            places.insert(text.to_owned(), names.len());
            names.push(text.to_owned());
            Some(names.len() - 1)
        });
        let rows = rows.collect();
        Self { names, rows }
    }

    /// Numbers as categories, from small to large; NaN is a gap.
    pub fn of_numbers(numbers: &[f64]) -> Self {
        let mut different: Vec<f64> = numbers.iter().copied().filter(|v| !v.is_nan()).collect();
        different.sort_unstable_by(f64::total_cmp);
        different.dedup();
        let place = |number: &f64| {
            let place = different.partition_point(|other| other < number);
            (!number.is_nan()).then_some(place)
        };
        Self {
            rows: numbers.iter().map(place).collect(),
            names: different.iter().map(ToString::to_string).collect(),
        }
    }

    /// The same with the names in this order; rows of other names become gaps.
    pub(crate) fn in_order(self, order: &[String]) -> Self {
        if order.is_empty() {
            return self;
        }
        let place = |name: &String| order.iter().position(|other| other == name);
        let places: Vec<Option<usize>> = self.names.iter().map(place).collect();
        Self {
            names: order.to_vec(),
            rows: self.rows.into_iter().map(|row| places[row?]).collect(),
        }
    }
}

/// Plain vectors as the columns of a table.
///
/// ```
/// use labbook_charts::{Columns, Histogram};
///
/// let columns = Columns::new()
///     .with_numbers("price", [326.0, 327.0, 334.0, f64::NAN])
///     .with_texts("cut", ["Ideal", "Good", "Ideal", "Good"]);
/// let figure = Histogram::new(columns, "price").hue("cut").figure()?;
/// assert!(figure.alt().contains("Ideal: 2; Good: 1"));
/// # Ok::<(), labbook_charts::ChartError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Columns {
    columns: Vec<(String, Values)>,
}

#[derive(Debug, Clone, PartialEq)]
enum Values {
    Numbers(Vec<f64>),
    Categories(Categories),
}

impl Columns {
    /// A table without columns.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a column of numbers, NaN for gaps.
    #[must_use]
    pub fn with_numbers(
        mut self,
        name: impl Into<String>,
        numbers: impl IntoIterator<Item = f64>,
    ) -> Self {
        let values = Values::Numbers(numbers.into_iter().collect());
        self.columns.push((name.into(), values));
        self
    }

    /// Adds a column of texts.
    #[must_use]
    pub fn with_texts(
        self,
        name: impl Into<String>,
        texts: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Self {
        let texts = owned(texts);
        self.with_categories(name, Categories::of_texts(texts.iter().map(Some)))
    }

    /// Adds a column of categories.
    #[must_use]
    pub fn with_categories(mut self, name: impl Into<String>, categories: Categories) -> Self {
        let values = Values::Categories(categories);
        self.columns.push((name.into(), values));
        self
    }

    fn find(&self, column: &str) -> Result<&Values, ChartError> {
        let found = self.columns.iter().find(|(name, _)| name == column);
        found
            .map(|(_, values)| values)
            .ok_or_else(|| ChartError::no_column(column, &self.names()))
    }
}

impl ColumnSource for Columns {
    fn names(&self) -> Vec<String> {
        self.columns.iter().map(|(name, _)| name.clone()).collect()
    }

    fn is_numeric(&self, column: &str) -> bool {
        matches!(self.find(column), Ok(Values::Numbers(_)))
    }

    fn numbers(&self, column: &str) -> Result<Vec<f64>, ChartError> {
        match self.find(column)? {
            Values::Numbers(numbers) => Ok(numbers.clone()),
            Values::Categories(_) => Err(ChartError::no_numbers(column, "texts")),
        }
    }

    fn categories(&self, column: &str) -> Result<Categories, ChartError> {
        Ok(match self.find(column)? {
            Values::Numbers(numbers) => Categories::of_numbers(numbers),
            Values::Categories(categories) => categories.clone(),
        })
    }
}

/// The table of a chart, shared by its copies.
#[derive(Clone)]
pub(crate) struct Source(Arc<dyn ColumnSource>);

impl Source {
    pub(crate) fn new(source: impl ColumnSource + 'static) -> Self {
        Self(Arc::new(source))
    }

    /// A column's numbers, NaN for gaps and none of them infinite.
    pub(crate) fn numbers(&self, column: &str) -> Result<Vec<f64>, ChartError> {
        let numbers = self.0.numbers(column)?;
        let bad = |value: &f64| !value.is_nan() && !crate::points::plottable(*value);
        match numbers.iter().position(bad) {
            Some(row) => Err(ChartError::ColumnValue {
                column: column.to_owned(),
                row,
                value: numbers[row],
            }),
            None => Ok(numbers),
        }
    }

    pub(crate) fn categories(&self, column: &str) -> Result<Categories, ChartError> {
        self.0.categories(column)
    }

    pub(crate) fn is_numeric(&self, column: &str) -> bool {
        self.0.is_numeric(column)
    }

    pub(crate) fn numeric_names(&self) -> Vec<String> {
        let mut names = self.0.names();
        names.retain(|name| self.is_numeric(name));
        names
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "columns {}", self.0.names().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_become_categories_from_small_to_large() {
        let categories = Categories::of_numbers(&[5.0, f64::NAN, 1.5, 5.0]);
        assert_eq!(categories.names, ["1.5", "5"]);
        assert_eq!(categories.rows, [Some(1), None, Some(0), Some(1)]);
    }

    #[test]
    fn an_order_leaves_other_names_out() {
        let categories = Categories::of_texts(["a", "b", "c"].map(Some));
        let ordered = categories.in_order(&["c".to_owned(), "z".to_owned(), "a".to_owned()]);
        assert_eq!(ordered.names, ["c", "z", "a"]);
        assert_eq!(ordered.rows, [Some(2), None, Some(0)]);
    }

    #[test]
    fn a_column_that_is_missing_or_infinite_is_named() {
        let source = Source::new(Columns::new().with_numbers("price", [1.0, f64::INFINITY]));
        let text = source.numbers("prize").unwrap_err().to_string();
        assert!(
            text.contains("\"prize\"") && text.contains("price"),
            "{text}"
        );
        let text = source.numbers("price").unwrap_err().to_string();
        assert!(text.contains("inf in row 1"), "{text}");
    }
}
