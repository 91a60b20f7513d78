//! polars frames as the columns of statistical charts.

use labbook_charts::{Categories, ChartError, ColumnSource};
use polars::frame::DataFrame;
use polars::prelude::{Column, DataType};

/// A frame, shared with whoever gave it.
pub(crate) struct FrameColumns(pub(crate) DataFrame);

impl FrameColumns {
    fn column(&self, name: &str) -> Result<&Column, ChartError> {
        let column = self.0.column(name);
        column.map_err(|_| ChartError::no_column(name, &self.names()))
    }
}

impl ColumnSource for FrameColumns {
    fn names(&self) -> Vec<String> {
        let names = self.0.get_column_names().into_iter();
        names.map(|name| name.to_string()).collect()
    }

    fn is_numeric(&self, column: &str) -> bool {
        self.column(column)
            .is_ok_and(|column| column.dtype().is_primitive_numeric())
    }

    fn numbers(&self, column: &str) -> Result<Vec<f64>, ChartError> {
        let name = column;
        let column = self.column(name)?;
        let kind = column.dtype();
        if !kind.is_primitive_numeric() && *kind != DataType::Boolean {
            return Err(ChartError::no_numbers(
                name,
                format!("values of type {kind}"),
            ));
        }
        let read = || {
            let column = column.cast(&DataType::Float64)?;
            let numbers = column
                .f64()?
                .iter()
                .map(|number| number.unwrap_or(f64::NAN));
            Ok(numbers.collect())
        };
        read().map_err(|error| refused(name, error))
    }

    fn categories(&self, column: &str) -> Result<Categories, ChartError> {
        if self.is_numeric(column) {
            return Ok(Categories::of_numbers(&self.numbers(column)?));
        }
        let name = column;
        let read = || {
            let column = self.0.column(name)?.cast(&DataType::String)?;
            Ok(Categories::of_texts(column.str()?.iter()))
        };
        self.column(name)?;
        read().map_err(|error| refused(name, error))
    }
}

fn refused(column: &str, error: polars::error::PolarsError) -> ChartError {
    ChartError::Column {
        column: column.to_owned(),
        expected: "values that polars can read as numbers or texts",
        received: error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use polars::df;

    use super::*;

    #[test]
    fn columns_are_read_by_their_kind_with_gaps() {
        let frame = df![
            "whole" => [Some(3_i64), None, Some(1)],
            "share" => [Some(0.5_f32), Some(f32::NAN), None],
            "flag" => [Some(true), Some(false), None],
            "text" => [Some("b"), None, Some("a")],
        ];
        let columns = FrameColumns(frame.unwrap());
        let whole = columns.numbers("whole").unwrap();
        assert!(whole[0] == 3.0 && whole[1].is_nan() && whole[2] == 1.0);
        assert!(
            columns.numbers("share").unwrap()[1..]
                .iter()
                .all(|v| v.is_nan())
        );
        assert_eq!(columns.numbers("flag").unwrap()[..2], [1.0, 0.0]);
        let numeric: Vec<bool> = columns
            .names()
            .iter()
            .map(|n| columns.is_numeric(n))
            .collect();
        assert_eq!(numeric, [true, true, false, false]);
        let whole = columns.categories("whole").unwrap();
        assert_eq!(
            (whole.names, whole.rows),
            (
                vec!["1".to_owned(), "3".to_owned()],
                vec![Some(1), None, Some(0)]
            )
        );
        assert_eq!(columns.categories("flag").unwrap().names, ["true", "false"]);
        assert_eq!(
            columns.categories("text").unwrap().rows,
            [Some(0), None, Some(1)]
        );
        let error = columns.numbers("text").unwrap_err().to_string();
        assert!(
            error.contains("\"text\"") && error.contains("numbers"),
            "{error}"
        );
        let error = columns.categories("txt").unwrap_err().to_string();
        assert!(error.contains("whole, share, flag, text"), "{error}");
    }
}
