//! polars frames as HTML tables.

use polars::datatypes::AnyValue;
use polars::frame::DataFrame;
use polars::prelude::{Column, Series};

use crate::render::shown_as;
use crate::table::{Align, Table};

/// Rows shown of a long frame: the first and the last.
const ROWS: usize = 20;
/// Columns shown of a wide frame: the first and the last.
const COLUMNS: usize = 8;

shown_as!(DataFrame => table);
shown_as!(Series => |series| table(&series.clone().into_frame()));
shown_as!(Column => |column| table(&column.clone().into_frame()));

fn table(frame: &DataFrame) -> Table {
    let columns = frame.columns();
    let shown = both_ends(columns.len(), COLUMNS);
    let names: Vec<String> = shown
        .iter()
        .map(|index| index.map_or_else(gap, |index| columns[index].name().to_string()))
        .collect();
    let mut table = Table::new(&names);
    for (place, index) in shown.iter().enumerate() {
        if index.is_none_or(|index| columns[index].dtype().is_primitive_numeric()) {
            table = table.align(place, Align::Right);
        }
    }
    let height = frame.height();
    for row in both_ends(height, ROWS) {
        let cells: Vec<String> = shown
            .iter()
            .map(|column| match (row, column) {
                (Some(row), Some(column)) => columns[*column]
                    .get(row)
                    .map_or_else(|e| e.to_string(), |v| text(&v)),
                _ => gap(),
            })
            .collect();
        table.push(&cells);
    }
    if height > ROWS || columns.len() > COLUMNS {
        table = table.caption(format!("{height} rows x {} columns", columns.len()));
    }
    table
}

/// What stands for rows or columns left out.
fn gap() -> String {
    "...".to_owned()
}

/// Places from 0; of more than `limit` the first and the last, with nothing between.
fn both_ends(count: usize, limit: usize) -> Vec<Option<usize>> {
    if count <= limit {
        return (0..count).map(Some).collect();
    }
    let (head, tail) = (0..limit / 2, count - limit / 2..count);
    head.map(Some).chain([None]).chain(tail.map(Some)).collect()
}

/// As polars prints it, but text without quotes.
fn text(value: &AnyValue<'_>) -> String {
    match value {
        AnyValue::String(v) => (*v).to_owned(),
        AnyValue::StringOwned(v) => v.to_string(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::Render;
    use polars::df;

    #[test]
    fn columns_keep_names_order_and_alignment() {
        let frame = df!["name" => ["a", "<b>"], "loss" => [0.5, 1.25]].unwrap();
        assert_eq!(
            frame.to_plain(),
            "name  loss\n----  ----\na      0.5\n<b>   1.25"
        );
        assert!(frame.to_html().contains("&lt;b&gt;"));
    }

    #[test]
    fn numbers_are_shown_as_polars_shows_them() {
        let frame = df![
            "float" => [Some(1.3465e-8), Some(1e-5), Some(1e20), Some(3.0), Some(0.123_456_789), None],
            "whole" => [i64::MIN, 9_007_199_254_740_993, 18_014_398_509_481_983, 0, 1, 2],
            "true" => [true, false, true, true, false, false],
        ];
        let text = frame.unwrap().to_plain();
        let rows = text
            .lines()
            .skip(2)
            .map(|line| line.split_whitespace().collect());
        let rows: Vec<Vec<&str>> = rows.collect();
        let column = |index: usize| -> Vec<&str> { rows.iter().map(|row| row[index]).collect() };
        assert_eq!(
            column(0),
            [
                "1.3465e-8",
                "0.00001",
                "1.0000e20",
                "3.0",
                "0.123457",
                "null"
            ]
        );
        assert_eq!(
            column(1)[..3],
            [
                "-9223372036854775808",
                "9007199254740993",
                "18014398509481983"
            ]
        );
        assert_eq!(column(2)[..2], ["true", "false"]);
    }

    #[test]
    fn a_single_column_is_a_table_too() {
        let column = Column::new("loss".into(), [0.5, 1e-9]);
        assert_eq!(
            column.to_plain(),
            "     loss\n---------\n      0.5\n1.0000e-9"
        );
        assert!(
            column
                .as_materialized_series()
                .to_html()
                .starts_with("<table")
        );
    }

    #[test]
    fn a_long_frame_shows_both_ends_and_its_size() {
        let frame = df!["n" => (0..100).collect::<Vec<i32>>()].unwrap();
        let text = frame.to_plain();
        assert!(text.starts_with("100 rows x 1 columns"), "{text}");
        assert!(text.contains("..."), "{text}");
        assert!(text.ends_with("99"), "{text}");
    }

    #[test]
    fn a_wide_frame_shows_its_first_and_last_columns() {
        let column = |n: i32| Column::new(format!("act_val_{n}").into(), [n]);
        let frame = DataFrame::new(1, (0..512).map(column).collect()).unwrap();
        let text = frame.to_plain();
        assert!(text.starts_with("1 rows x 512 columns"), "{text}");
        for name in ["act_val_0", "act_val_3 ", "act_val_508", "act_val_511"] {
            assert!(text.contains(name), "{name}: {text}");
        }
        assert!(
            !text.contains("act_val_4 ") && !text.contains("act_val_507"),
            "{text}"
        );
    }
}
