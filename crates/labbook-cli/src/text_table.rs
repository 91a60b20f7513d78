//! Tables for a terminal.

use labbook_records::clean;

/// Characters of a cell at most.
pub(crate) const MOST: usize = 120;

/// Columns padded to their widest cell and two spaces apart; numbers stand to the right. Cells are
/// [cleaned](clean) of what a terminal would obey.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let clean_row = |row: &Vec<String>| row.iter().map(|cell| clean(cell, MOST)).collect();
    let rows: Vec<Vec<String>> = rows.iter().map(clean_row).collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        let cells = cells.map(|cell| cell.chars().count());
        cells
            .chain([head[column].chars().count()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..head.len()).map(width).collect();
    let numeric: Vec<bool> = (0..head.len())
        .map(|column| {
            let mut cells = rows.iter().filter_map(|row| row.get(column));
            cells.all(|cell| {
                cell.chars()
                    .all(|c| c.is_ascii_digit() || "+-.– ".contains(c))
            })
        })
        .collect();
    let line = |cells: Vec<&str>| {
        let cells = cells.iter().zip(&widths).zip(&numeric);
        let padded: Vec<String> = cells
            .map(|((cell, &width), numeric)| match numeric {
                true => format!("{cell:>width$}"),
                false => format!("{cell:<width$}"),
            })
            .collect();
        format!("{}\n", padded.join("  ").trim_end())
    };
    let mut text = line(head.to_vec());
    for row in &rows {
        text += &line(row.iter().map(String::as_str).collect());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_numbers_stand_to_the_right() {
        let rows = vec![
            vec!["1".to_owned(), "dense".to_owned(), "46.98".to_owned()],
            vec![
                "16".to_owned(),
                "convolutions".to_owned(),
                "-7.5".to_owned(),
            ],
        ];
        assert_eq!(
            table(&["no", "network", "test"], &rows),
            "no  network        test\n 1  dense         46.98\n16  convolutions   -7.5\n"
        );
    }

    #[test]
    fn texts_from_anywhere_neither_break_the_table_nor_the_terminal() {
        let rows = vec![vec!["x".repeat(70_000), "\u{1b}[31m\nred".to_owned()]];
        let text = table(&["name", "data"], &rows);
        assert_eq!(text.lines().count(), 2, "{text}");
        assert!(text.contains("\\u{1b}[31m\\u{a}red"), "{text}");
        assert!(text.lines().all(|line| line.chars().count() < 2 * MOST));
    }
}
