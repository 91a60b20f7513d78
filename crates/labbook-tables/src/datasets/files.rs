use std::path::{Path, PathBuf};

use labbook_data::{DataError, Provenance, datasets::locate};
use polars::frame::DataFrame;
use polars::prelude::DataType;

use super::TableSet;
use crate::TableError;
use crate::read_csv;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holds {
    Numbers,
    Text,
}

/// A table that is one CSV file.
pub(super) struct Layout {
    /// The file's name in `data`, which `.gz` may follow.
    pub(super) file: &'static str,
    pub(super) title: &'static str,
    pub(super) columns: &'static [(&'static str, Holds)],
}

impl Layout {
    /// The file where it is found, else what `generated` makes of a number of rows and a seed.
    pub(super) fn load(
        &self,
        rows: usize,
        generated: fn(usize, u64) -> Result<TableSet, TableError>,
    ) -> Result<TableSet, TableError> {
        match found(self.file)? {
            Some(path) => self.read(&path),
            None => generated(rows, 0),
        }
    }

    /// Reads a file that has at least these columns, and leaves others out.
    pub(super) fn read(&self, path: &Path) -> Result<TableSet, TableError> {
        let frame = read_csv(path)?;
        let names = frame
            .get_column_names()
            .into_iter()
            .map(|name| name.as_str());
        let names: Vec<&str> = names.collect();
        for (column, holds) in self.columns {
            let problem = |found: String| {
                let expected = format!("the column {column} of {holds:?}").to_lowercase();
                let advice = format!("it is not {}: copy the file anew", self.title);
                TableError::from(DataError::file(path, expected, found, advice))
            };
            let Ok(values) = frame.column(column) else {
                return Err(problem(names.join(", ")));
            };
            let kind = values.dtype();
            let fits = match holds {
                Holds::Numbers => kind.is_primitive_numeric(),
                Holds::Text => *kind == DataType::String,
            };
            if !fits {
                return Err(problem(format!("one of kind {kind}")));
            }
        }
        let columns = self.columns.iter().map(|(name, _)| *name);
        let folder = path.parent().unwrap_or(path);
        Ok(TableSet {
            frame: frame.select(columns)?,
            provenance: Provenance::files(self.title, folder),
        })
    }

    /// A generated stand-in.
    pub(super) fn stand_in(&self, frame: DataFrame, seed: u64) -> TableSet {
        let text = format!("generated stand-in (not {}), seed {seed}", self.title);
        TableSet {
            frame,
            provenance: Provenance::drawn(text),
        }
    }
}

/// A file in `data`, or the packed one beside it.
pub(super) fn found(name: &str) -> Result<Option<PathBuf>, DataError> {
    match locate(name)? {
        Some(path) => Ok(Some(path)),
        None => locate(&format!("{name}.gz")),
    }
}
