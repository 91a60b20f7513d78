//! polars frames as HTML tables.

use polars::datatypes::AnyValue;
use polars::frame::DataFrame;

use crate::render::Render;
use crate::table::{Align, Table};

/// Rows shown of a long frame: the first and the last.
const ROWS: usize = 20;

impl Render for DataFrame {
    fn to_html(&self) -> String {
        table(self).to_html()
    }

    fn to_plain(&self) -> String {
        table(self).to_plain()
    }
}

fn table(frame: &DataFrame) -> Table {
    let columns = frame.columns();
    let names: Vec<String> = columns.iter().map(|c| c.name().to_string()).collect();
    let mut table = Table::new(&names);
    for (index, column) in columns.iter().enumerate() {
        if column.dtype().is_primitive_numeric() {
            table = table.align(index, Align::Right);
        }
    }
    let height = frame.height();
    let shown: Vec<Option<usize>> = if height > ROWS {
        let (head, tail) = (0..ROWS / 2, height - ROWS / 2..height);
        head.map(Some).chain([None]).chain(tail.map(Some)).collect()
    } else {
        (0..height).map(Some).collect()
    };
    for row in shown {
        let cells: Vec<String> = columns
            .iter()
            .map(|column| match row {
                None => "...".to_owned(),
                Some(row) => column.get(row).map_or_else(|e| e.to_string(), |v| text(&v)),
            })
            .collect();
        table.push(&cells);
    }
    if height > ROWS {
        table = table.caption(format!("{height} rows x {} columns", columns.len()));
    }
    table
}

/// Six digits for floats, as pandas shows them; text without quotes.
fn text(value: &AnyValue<'_>) -> String {
    match value {
        AnyValue::Null => "null".to_owned(),
        AnyValue::Float32(v) => format!("{v:.6}"),
        AnyValue::Float64(v) => format!("{v:.6}"),
        AnyValue::String(v) => (*v).to_owned(),
        AnyValue::StringOwned(v) => v.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use polars::df;

    #[test]
    fn columns_keep_names_order_and_alignment() {
        let frame = df!["name" => ["a", "<b>"], "loss" => [0.5, 1.25]].unwrap();
        assert_eq!(
            frame.to_plain(),
            "name      loss\n----  --------\na     0.500000\n<b>   1.250000"
        );
        assert!(frame.to_html().contains("&lt;b&gt;"));
    }

    #[test]
    fn a_long_frame_shows_both_ends_and_its_size() {
        let frame = df!["n" => (0..100).collect::<Vec<i32>>()].unwrap();
        let text = frame.to_plain();
        assert!(text.starts_with("100 rows x 1 columns"), "{text}");
        assert!(text.contains("..."), "{text}");
        assert!(text.ends_with("99"), "{text}");
    }
}
