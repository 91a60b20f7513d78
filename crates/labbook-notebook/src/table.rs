use std::fmt;

use crate::html::escape;
use crate::render::Render;

/// On which side of its column a cell's text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// One cell of a [`Table`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    text: String,
    /// Background and text colour as CSS colours.
    shade: Option<(String, String)>,
}

impl Cell {
    /// A cell without colour.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Cell {
            text: text.into(),
            shade: None,
        }
    }

    /// A cell with a background and a text colour, both CSS colours such as `#1b1f24`.
    #[must_use]
    pub fn shaded(mut self, background: &str, color: &str) -> Self {
        self.shade = Some((background.to_owned(), color.to_owned()));
        self
    }
}

/// A table of text with a heading for each column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    caption: String,
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<Cell>>,
    header_column: bool,
}

impl Table {
    /// A table with no rows yet; headings, of `&str` or `String`, may be empty.
    #[must_use]
    pub fn new(headings: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        Table {
            caption: String::new(),
            columns: headings
                .into_iter()
                .map(|h| (h.as_ref().to_owned(), Align::Left))
                .collect(),
            rows: Vec::new(),
            header_column: false,
        }
    }

    /// Text above the table.
    #[must_use]
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// Sets every column but the first flush right, as numbers stand.
    #[must_use]
    pub fn numeric(mut self) -> Self {
        for (_, align) in self.columns.iter_mut().skip(1) {
            *align = Align::Right;
        }
        self
    }

    /// Sets one column's side; a number beyond the last is ignored.
    #[must_use]
    pub fn align(mut self, column: usize, align: Align) -> Self {
        if let Some((_, side)) = self.columns.get_mut(column) {
            *side = align;
        }
        self
    }

    /// Treats the first column as the rows' headings.
    #[must_use]
    pub fn header_column(mut self) -> Self {
        self.header_column = true;
        self
    }

    /// Adds a row of plain text; cells that lack are empty, cells too many are dropped.
    pub fn push(&mut self, row: impl IntoIterator<Item = impl AsRef<str>>) {
        let cells = row.into_iter().map(|text| Cell::new(text.as_ref()));
        self.push_cells(cells.collect());
    }

    /// Adds a row of cells; see [`push`](Self::push).
    pub fn push_cells(&mut self, mut row: Vec<Cell>) {
        row.resize(self.columns.len(), Cell::new(""));
        self.rows.push(row);
    }

    /// How many rows there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    fn has_headings(&self) -> bool {
        self.columns.iter().any(|(heading, _)| !heading.is_empty())
    }
}

/// Colours come from the page (so that dark themes work) but for shaded cells, which bring both.
const CELL_STYLE: &str = "padding:.25em .75em;border-bottom:1px solid rgba(128,128,128,.25)";

/// Text of more characters may be broken into lines.
const LONG: usize = 24;

impl Render for Table {
    fn to_html(&self) -> String {
        let mut html = String::from(
            "<table class=\"labbook\" style=\"border-collapse:collapse;font-size:.92em;\
             font-variant-numeric:tabular-nums;margin:.3em 0\">",
        );
        if !self.caption.is_empty() {
            html += &format!(
                "<caption style=\"caption-side:top;text-align:left;font-weight:600;white-space:nowrap;\
                 padding:.2em .75em\">{}</caption>",
                escape(&self.caption)
            );
        }
        let side = |align: &Align| match align {
            Align::Left => "left",
            Align::Right => "right",
        };
        if self.has_headings() {
            html += "<thead><tr>";
            for (heading, align) in &self.columns {
                html += &format!(
                    "<th scope=\"col\" style=\"{CELL_STYLE};text-align:{}\">{}</th>",
                    side(align),
                    escape(heading)
                );
            }
            html += "</tr></thead>";
        }
        html += "<tbody>";
        for row in &self.rows {
            html += "<tr>";
            for (index, (cell, (_, align))) in row.iter().zip(&self.columns).enumerate() {
                let shade = cell
                    .shade
                    .as_ref()
                    .map_or(String::new(), |(background, color)| {
                        format!(";background:{};color:{}", escape(background), escape(color))
                    });
                // Numbers and short names stay on one line; long names give the other columns room.
                let short = *align == Align::Right || cell.text.chars().count() <= LONG;
                let wrap = if short { ";white-space:nowrap" } else { "" };
                let style = format!("{CELL_STYLE};text-align:{}{shade}{wrap}", side(align));
                let text = escape(&cell.text);
                html += &if self.header_column && index == 0 {
                    format!("<th scope=\"row\" style=\"{style};font-weight:600\">{text}</th>")
                } else {
                    format!("<td style=\"{style}\">{text}</td>")
                };
            }
            html += "</tr>";
        }
        html += "</tbody></table>";
        html
    }

    fn to_plain(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = |index: usize, heading: &str| {
            let cells = self.rows.iter().map(|row| row[index].text.chars().count());
            cells.chain([heading.chars().count()]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(i, (heading, _))| width(i, heading))
            .collect();
        let line = |texts: Vec<&str>| {
            let cells: Vec<String> = texts
                .iter()
                .zip(self.columns.iter().zip(&widths))
                .map(|(text, ((_, align), &width))| match align {
                    Align::Left => format!("{text:<width$}"),
                    Align::Right => format!("{text:>width$}"),
                })
                .collect();
            cells.join("  ").trim_end().to_owned()
        };
        let mut lines = Vec::new();
        if !self.caption.is_empty() {
            lines.push(self.caption.clone());
        }
        if self.has_headings() {
            lines.push(line(
                self.columns
                    .iter()
                    .map(|(heading, _)| heading.as_str())
                    .collect(),
            ));
            lines.push(
                widths
                    .iter()
                    .map(|&w| "-".repeat(w))
                    .collect::<Vec<_>>()
                    .join("  "),
            );
        }
        for row in &self.rows {
            lines.push(line(row.iter().map(|cell| cell.text.as_str()).collect()));
        }
        f.write_str(&lines.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(&["name", "value"])
            .numeric()
            .caption("Two <rows>");
        table.push(&["a", "1"]);
        table.push(&["long name", "12.5"]);
        table
    }

    #[test]
    fn plain_text_aligns_its_columns() {
        let expected = "Two <rows>\n\
                        name       value\n\
                        ---------  -----\n\
                        a              1\n\
                        long name   12.5";
        assert_eq!(table().to_plain(), expected);
    }

    #[test]
    fn html_escapes_and_marks_headings() {
        let html = table().to_html();
        assert!(html.contains("Two &lt;rows&gt;"));
        assert_eq!(html.matches("<th scope=\"col\"").count(), 2);
        assert_eq!(html.matches("<tr>").count(), 3);
        assert!(html.contains("text-align:right;white-space:nowrap\">12.5</td>"));
    }

    #[test]
    fn rows_are_cut_or_filled_to_the_columns() {
        let mut table = Table::new(&["a", "b"]);
        table.push(&["1"]);
        table.push(&["1", "2", "3"]);
        assert_eq!(table.to_plain(), "a  b\n-  -\n1\n1  2");
    }

    #[test]
    fn a_shaded_cell_brings_both_colours() {
        let mut table = Table::new(&["p"]);
        table.push_cells(vec![Cell::new("9 %").shaded("#112233", "#ffffff")]);
        assert!(table.to_html().contains("background:#112233;color:#ffffff"));
    }
}
