use std::fmt;

use labbook_data::{DataCard, DataError, HasCard, Provenance};
use polars::frame::DataFrame;

/// A table and where it came from.
///
/// ```
/// use labbook_tables::datasets::penguins;
///
/// let penguins = penguins::generated(344, 0)?;
/// assert_eq!(penguins.frame.shape(), (344, 8));
/// assert!(penguins.provenance.is_drawn());
/// # Ok::<(), labbook_tables::TableError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct TableSet {
    /// The rows.
    pub frame: DataFrame,
    /// Where they came from.
    pub provenance: Provenance,
}

impl HasCard for TableSet {
    fn card(&self) -> Result<DataCard, DataError> {
        let mut card = self.frame.card()?;
        let source = ("source".to_owned(), self.provenance.to_string());
        card.facts.insert(0, source);
        Ok(card)
    }
}

impl fmt::Display for TableSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rows, columns) = self.frame.shape();
        write!(f, "{rows} rows of {columns} columns: {}", self.provenance)
    }
}
