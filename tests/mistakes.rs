//! The mistakes that people new to Rust make in cells: where each is underlined, and what is said to mend it.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use notebook_tests::{Step, converse};

/// Cells that run, for those that come after.
const BEFORE: [&str; 2] = [
    "let names = vec![String::from(\"a\"), String::from(\"b\")];",
    "let frame = polars::df!(\"cut\" => [\"Ideal\", \"Good\"])?; let mut model = Sequential::new();
    model.add(Dense::new(2).activation(Softmax).input_shape(3));",
];

/// A cell; the line, counted from one, and the words that are underlined in it; and a part of the advice.
type Mistake = (&'static str, usize, &'static str, &'static str);

const MISTAKES: [Mistake; 14] = [
    // A value that was given away.
    (
        "let moved = names;\nprintln!(\"{}\", names.len());",
        2,
        "names",
        "`names.clone()`",
    ),
    // A variable that borrows from another.
    (
        "let place = 0;\nlet first = names[place].as_str();",
        2,
        "first",
        "own its value",
    ),
    // No `?`.
    (
        "let lines = 2;\n    model.summary().lines().take(lines);",
        2,
        "lines",
        "`f()?.lines`",
    ),
    // No `?` either, which nobody would notice.
    (
        "let unit = 1;\nmodel.summary();\nprintln!(\"{unit}\");",
        2,
        "model.summary()",
        "put `?`",
    ),
    // No `&`.
    (
        "let column = \"cut\";\nlet bars = countplot(frame, column).figure()?;",
        2,
        "frame",
        "put `&`",
    ),
    // The wrong kind of number.
    ("let half =\n    3.0 * 2;", 2, "*", "`2.0`"),
    // No `mut`.
    (
        "let list = vec![0.5];\nlist.push(1.0);",
        2,
        "list",
        "`let mut list",
    ),
    // A closure for later cells.
    (
        "let by = 2.0;\nlet double = |value: f64| value * 2.0;",
        2,
        "double",
        "fn double(",
    ),
    // A type with the name of another.
    (
        "struct Dense { units: i64 }\nlet layer = Dense::new(4);",
        2,
        "new",
        "labbook::prelude::Dense",
    ),
    // A semicolon behind the value that was to be shown.
    ("let n = 20;\nn + 1;", 2, "n + 1", "semicolon away"),
    // The same in a function.
    (
        "fn twice(value: f64) -> f64 {\n    value * 2.0;\n}",
        2,
        ";",
        "semicolon away",
    ),
    // A name from a library that was not imported.
    (
        "let counts =\n    HashMap::new();",
        2,
        "HashMap",
        "`use std::collections::HashMap;`",
    ),
    // A name that there is not, in a cell with other letters than English ones.
    (
        "// L\u{e4}nge\nprintln!(\"L\u{e4}nge {}\", lenght);",
        2,
        "lenght",
        "defines `lenght`",
    ),
    // A list that nothing says the type of.
    (
        "let size = 1;\nlet mut numbers = Vec::new();",
        2,
        "mut numbers",
        "`let name: Vec<f64>",
    ),
];

/// The same text without changes of colour.
fn plain(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.split_once('m').map_or(part, |(_, text)| text));
    std::iter::once(first.as_str()).chain(rest).collect()
}

/// The lines of the cell that a text shows, and what is underlined in each.
fn underlined(text: &str) -> Vec<(usize, String, String)> {
    let rows: Vec<&str> = text.lines().collect();
    let source = |row: &str| {
        let (number, line) = row.split_once(" \u{2502}")?;
        let number: usize = number.trim().parse().ok()?;
        Some((number, line.strip_prefix(' ').unwrap_or(line).to_owned()))
    };
    let mut found = Vec::new();
    for pair in rows.windows(2) {
        let Some((number, line)) = source(pair[0]) else {
            continue;
        };
        let marks = pair[1]
            .split_once("\u{2502} ")
            .map_or("", |(_, marks)| marks);
        let is_mark = |c: char| c == '\u{2500}' || c == '\u{252c}';
        let mut words = String::new();
        for (letter, mark) in line
            .chars()
            .zip(marks.chars().chain(std::iter::repeat(' ')))
        {
            match is_mark(mark) {
                true => words.push(letter),
                false if !words.is_empty() => {
                    found.push((number, line.clone(), std::mem::take(&mut words)));
                }
                false => {}
            }
        }
        if !words.is_empty() {
            found.push((number, line, words));
        }
    }
    found
}

#[test]
fn the_mistakes_of_newcomers_are_underlined_in_their_own_cells_and_the_mend_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let cells = MISTAKES.map(|(code, ..)| code);
    let steps = BEFORE.iter().chain(&cells).map(|code| Step::new(code));
    let answers = converse(folder.path(), steps.collect()).unwrap();
    assert!(
        answers[..2].iter().all(|a| a.status == "ok"),
        "{answers:#?}"
    );
    for ((code, line, words, mend), answer) in MISTAKES.iter().zip(&answers[2..]) {
        let text = plain(&answer.text);
        let places = underlined(&text);
        let is_it = |place: &(usize, String, String)| place.0 == *line && place.2 == *words;
        assert!(places.iter().any(is_it), "{code}\n{places:?}\n{text}");
        for (number, shown, _) in &places {
            assert_eq!(
                code.lines().nth(number - 1),
                Some(shown.as_str()),
                "{code}\n{text}"
            );
        }
        let (_, said) = text.split_once("What helps:").unwrap_or_default();
        assert!(said.contains(mend), "{code}\n{text}");
        // evcxr's own lines are nobody's business.
        assert!(
            !text.contains("evcxr_") && !text.contains("command_"),
            "{code}\n{text}"
        );
    }
}

#[test]
fn a_last_line_that_gives_a_variable_away_shows_its_value() {
    let folder = tempfile::tempdir().unwrap();
    let steps = [
        "let cuts = vec![\"Ideal\", \"Good\", \"Ideal\"]; let votes = tch::Tensor::ones([2, 2], tch::kind::FLOAT_CPU);",
        "countplot(&polars::df!(\"cut\" => cuts)?, \"cut\")",
        "fn halved(of: &tch::Tensor) -> Table { let mut table = Table::new(&[\"half\"]);
        table.push(&[of.double_value(&[0, 0]).to_string()]); table }",
        "halved(&(votes / 2.0))",
        "println!(\"{}\", cuts.len());",
    ];
    let answers = converse(folder.path(), steps.map(Step::new).into()).unwrap();
    let [made, counts, function, half, gone] = answers.as_slice() else {
        panic!("{answers:#?}");
    };
    for answer in [made, counts, function, half] {
        assert_eq!(answer.status, "ok", "{answer:#?}");
    }
    assert!(counts.text.starts_with("[figure"), "{counts:#?}");
    assert!(
        half.text.contains("0.5") && !half.text.contains("Table {"),
        "{half:#?}"
    );
    assert_eq!(gone.status, "error");
}
