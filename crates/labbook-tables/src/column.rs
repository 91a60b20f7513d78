//! Columns of a frame as numbers or as text, gaps as `None`.

use polars::frame::DataFrame;
use polars::prelude::{Column, DataType, StringChunked};

use crate::error::TableError;

fn column<'a>(frame: &'a DataFrame, name: &str) -> Result<&'a Column, TableError> {
    frame.column(name).map_err(|_| {
        let names: Vec<&str> = frame
            .get_column_names()
            .iter()
            .map(|n| n.as_str())
            .collect();
        let names = names.join(", ");
        TableError::column(name, "a column of this name", names, "correct the name")
    })
}

/// Numbers and truth values; NaN is a gap.
pub(crate) fn numbers(frame: &DataFrame, name: &str) -> Result<Vec<Option<f64>>, TableError> {
    let column = column(frame, name)?;
    let kind = column.dtype();
    if !kind.is_primitive_numeric() && *kind != DataType::Boolean {
        let advice =
            "name it in one_hot(..) or ordinal(..), or correct the cells that are no numbers";
        return Err(TableError::column(name, "numbers", kind, advice));
    }
    let values = column.cast(&DataType::Float64)?;
    let values = values.f64()?.to_vec();
    if values.iter().flatten().any(|value| value.is_infinite()) {
        let advice = "replace infinite values, or make gaps of them";
        return Err(TableError::column(
            name,
            "finite numbers",
            "an infinite one",
            advice,
        ));
    }
    Ok(values
        .into_iter()
        .map(|value| value.filter(|v| !v.is_nan()))
        .collect())
}

/// Anything as text.
pub(crate) fn texts(frame: &DataFrame, name: &str) -> Result<StringChunked, TableError> {
    let column = column(frame, name)?.cast(&DataType::String)?;
    Ok(column.str()?.clone())
}
