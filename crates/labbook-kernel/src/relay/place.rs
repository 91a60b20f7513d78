//! Places in a cell, drawn as evcxr_jupyter draws those that the compiler names.

use labbook_kernel_files::{Token, tokens};

use super::failure::{ESCAPE, PLAIN, without_colours};

const RED: &str = "31";

/// A stretch of one line of a cell.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Place {
    /// Counts from one.
    pub(super) line: usize,
    /// These count characters from nought.
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Place {
    /// Where a cell makes the variable of this name.
    pub(super) fn of_variable(code: &str, name: &str) -> Option<Place> {
        let tokens = tokens(code);
        let word = |at: usize| tokens.get(at).map(|&(_, start, end)| &code[start..end]);
        let mut at = 0;
        while at < tokens.len() {
            let made = word(at) == Some("let");
            at += 1;
            // Between `let` and `=` stand patterns, and types, which are written otherwise.
            while made && word(at).is_some_and(|word| word != "=" && word != ";") {
                let (token, start, end) = tokens[at];
                if token == Token::Word && &code[start..end] == name {
                    return Some(Place::of_bytes(code, start, end));
                }
                at += 1;
            }
        }
        None
    }

    /// Where evcxr's line, a statement of the cell, is in it, if only one line can be meant.
    pub(super) fn of_statement(code: &str, line: &str, start: usize, end: usize) -> Option<Place> {
        let mut lines = code.lines().zip(1..).filter_map(|(own, number)| {
            let before = own.find(line.trim_end())?;
            let before = own[..before].chars().count();
            Some(Place {
                line: number,
                start: before + start,
                end: before + end,
            })
        });
        lines.next().filter(|_| lines.next().is_none())
    }

    fn of_bytes(code: &str, start: usize, end: usize) -> Place {
        let before = &code[..start];
        let first = before.rfind('\n').map_or(0, |place| place + 1);
        let start_column = before[first..].chars().count();
        Place {
            line: before.matches('\n').count() + 1,
            start: start_column,
            end: start_column + code[start..end].chars().count(),
        }
    }
}

/// The lines of a cell with these places underlined, each with a word on it, which may be empty.
pub(super) fn drawn(cell: &str, code: &str, places: &[(Place, String)]) -> Vec<String> {
    let last = places.iter().map(|(place, _)| place.line).max();
    let width = last.unwrap_or_default().to_string().len();
    let margin = " ".repeat(width + 2);
    let red = |text: &str| format!("{ESCAPE}{RED}m{text}{ESCAPE}{PLAIN}m");
    let mut rows = vec![
        format!("{margin}\u{256d}\u{2500}[ {cell} ]"),
        format!("{margin}\u{2502}"),
    ];
    for (place, word) in places {
        let text = code.lines().nth(place.line.saturating_sub(1));
        let text = text.unwrap_or_default().replace('\t', " ");
        rows.push(format!(" {:>width$} \u{2502} {text}", place.line));
        let before = " ".repeat(place.start);
        let (long, middle) = (place.end.saturating_sub(place.start).max(1), "\u{2500}");
        if word.is_empty() {
            rows.push(format!(
                "{margin}\u{2502} {before}{}",
                red(&middle.repeat(long))
            ));
            continue;
        }
        let left = (long - 1) / 2;
        let line = format!(
            "{}\u{252c}{}",
            middle.repeat(left),
            middle.repeat(long - 1 - left)
        );
        rows.push(format!("{margin}\u{2502} {before}{}", red(&line)));
        let sign = red("\u{2570}\u{2500}\u{2500}");
        rows.push(format!(
            "{margin}\u{2502} {before}{}{sign} {word}",
            " ".repeat(left)
        ));
    }
    rows.push(format!("{}\u{256f}", "\u{2500}".repeat(width + 2)));
    rows
}

/// Places, each with a word on it.
type Labelled = Vec<(Place, String)>;

/// The places in what evcxr_jupyter writes of a cell that is not all ASCII: a line of it, then carets with a
/// word behind; and the other lines. `None` if there are none.
pub(super) fn of_carets(code: &str, lines: &[String]) -> Option<(Labelled, Vec<String>)> {
    let mut places = Vec::new();
    let mut rest: Vec<String> = Vec::new();
    for line in lines {
        let plain = without_colours(line);
        let start = plain.chars().take_while(|&c| c == ' ').count();
        let carets = plain.trim_start().chars().take_while(|&c| c == '^').count();
        // Of several lines the carets stand below the last, with the columns of the first and last.
        let number = rest
            .last()
            .and_then(|above| code.lines().position(|own| own == above));
        match number {
            Some(number) if carets > 0 => {
                rest.pop();
                let word = plain.trim_start().trim_start_matches('^').trim().to_owned();
                let place = Place {
                    line: number + 1,
                    start,
                    end: start + carets,
                };
                places.push((place, word));
            }
            _ => rest.push(line.clone()),
        }
    }
    (!places.is_empty()).then_some((places, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(line: usize, start: usize, end: usize) -> Place {
        Place { line, start, end }
    }

    #[test]
    fn a_variable_is_found_where_it_is_made_and_nowhere_else() {
        let code = "// let a = 1;\nlet text = \"let a = 2;\";\nf(a); let (b, mut a) = \u{e9}(a);";
        assert_eq!(Place::of_variable(code, "a"), Some(place(3, 18, 19)));
        assert_eq!(Place::of_variable(code, "text"), Some(place(2, 4, 8)));
        assert_eq!(Place::of_variable(code, "f"), None);
        assert_eq!(Place::of_variable("let", "a"), None);
    }

    #[test]
    fn a_statement_is_found_in_its_line_if_no_other_has_it() {
        let code = "let \u{e9} = 1; 1 + 1;\nf(2);\nf(2);";
        assert_eq!(
            Place::of_statement(code, "1 + 1;\n", 0, 5),
            Some(place(1, 11, 16))
        );
        assert_eq!(Place::of_statement(code, "f(2);", 0, 4), None);
        assert_eq!(Place::of_statement(code, "g();", 0, 3), None);
    }

    #[test]
    fn marks_stand_below_what_they_mark() {
        let code = "let a = 1;\nlet \u{e9} = |x| x;";
        let places = [
            (place(2, 4, 5), String::new()),
            (place(1, 4, 9), "here".to_owned()),
        ];
        let rows = drawn("cell 3", code, &places);
        let rows: Vec<String> = rows.iter().map(|row| without_colours(row)).collect();
        let wanted = "   \u{256d}\u{2500}[ cell 3 ]
   \u{2502}
 2 \u{2502} let \u{e9} = |x| x;
   \u{2502}     \u{2500}
 1 \u{2502} let a = 1;
   \u{2502}     \u{2500}\u{2500}\u{252c}\u{2500}\u{2500}
   \u{2502}       \u{2570}\u{2500}\u{2500} here
\u{2500}\u{2500}\u{2500}\u{256f}";
        assert_eq!(rows.join("\n"), wanted);
    }

    #[test]
    fn carets_become_places_and_other_lines_stay() {
        let code = "let \u{e9} = 1;\nprintln!(\"\u{e9} {}\", lenght);";
        let lines = [
            "println!(\"\u{e9} {}\", lenght);",
            "\u{1b}[91m                ^^^^^^\u{1b}[0m \u{1b}[94mnot found\u{1b}[0m",
            "cannot find value `lenght`",
        ];
        let (places, rest) = of_carets(code, &lines.map(str::to_owned)).unwrap();
        assert_eq!(places, [(place(2, 16, 22), "not found".to_owned())]);
        assert_eq!(rest, ["cannot find value `lenght`"]);
        assert_eq!(of_carets(code, &["^^".to_owned()]), None);
    }
}
