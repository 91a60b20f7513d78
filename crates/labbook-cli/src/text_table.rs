//! Tables for a terminal.

/// Columns padded to their widest cell and two spaces apart; numbers stand to the right.
pub(crate) fn table(head: &[&str], rows: &[Vec<String>]) -> String {
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
    for row in rows {
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
}
