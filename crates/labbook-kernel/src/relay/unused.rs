//! What is said of values that a cell makes and nobody looks at. Nothing is wrong with such a cell for the
//! compiler; but a failure may have gone unseen, or a value that was to be shown.

use super::place::{Place, drawn};
use crate::told::Unused;

/// No more are told of one cell.
const MOST: usize = 3;

/// What to tell of a cell that ran well.
pub(super) fn hints(unused: &[Unused], code: &str, cell: &str) -> String {
    let places = unused.iter().filter_map(|unused| {
        let place = Place::of_statement(code, &unused.line, unused.start, unused.end)?;
        Some((place, unused))
    });
    let hint = |(place, unused): (Place, &Unused)| {
        let (what, mend) = said(unused, is_last(code, place.line));
        let rows = drawn(cell, code, &[(place, what.to_owned())]);
        format!("{}\nWhat helps: {mend}\n", rows.join("\n"))
    };
    places.take(MOST).map(hint).collect()
}

/// What a value is that nobody looks at, and what to do.
fn said(unused: &Unused, last: bool) -> (&'static str, &'static str) {
    if unused.message.contains("Result") {
        return (
            "this may have failed, and nobody looks",
            "put `?` before the semicolon, and the cell ends with the reason.",
        );
    }
    match last {
        true => (
            "this is not shown, because a semicolon ends it",
            "take the semicolon away to see the value, or keep it, `let name = ...;`.",
        ),
        false => (
            "this goes nowhere",
            "keep the value, `let name = ...;`, or show it, `show(&...);`.",
        ),
    }
}

/// Whether nothing but comments comes below a line.
fn is_last(code: &str, line: usize) -> bool {
    let mut rest = code.lines().skip(line).map(str::trim);
    rest.all(|line| line.is_empty() || line.starts_with("//"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::relay::failure::without_colours;

    fn unused(message: &str, line: &str) -> Unused {
        Unused {
            message: message.to_owned(),
            line: line.to_owned(),
            start: 0,
            end: line.trim_end_matches(';').chars().count(),
        }
    }

    #[test]
    fn each_value_has_its_place_and_its_mend() {
        let code = "model.fit();\nn + 1;\ntable;\n// The end.";
        let all = [
            unused("unused `Result` that must be used", "model.fit();"),
            unused("unused arithmetic operation that must be used", "n + 1;"),
            unused("path statement drops value", "table;"),
            unused(
                "unused return value of `f` that must be used",
                "of another cell",
            ),
        ];
        let text = without_colours(&hints(&all, code, "cell 4"));
        let parts: Vec<&str> = text.split("\u{2500}[ cell 4 ]").skip(1).collect();
        for (part, words) in parts.iter().zip([
            [" 1 \u{2502} model.fit();", "nobody looks", "`?`"],
            [" 2 \u{2502} n + 1;", "goes nowhere", "`let name"],
            [" 3 \u{2502} table;", "not shown", "semicolon away"],
        ]) {
            assert!(words.iter().all(|word| part.contains(word)), "{part}");
        }
        assert_eq!(parts.len(), 3);
        assert_eq!(hints(&[], code, "cell 4"), "");
    }
}
