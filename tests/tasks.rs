//! Tasks that have nothing to do with the paper, as short notebooks in the real kernel. Each script in
//! `notebooks` stands beside its twin in Keras.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use std::fs;

use notebook_tests::{Answer, Step, converse, root};

/// The cells of a script in jupytext's percent format.
fn cells(name: &str, ending: &str) -> Vec<String> {
    let path = root()
        .join("tests/notebooks")
        .join(format!("{name}.{ending}"));
    let script = fs::read_to_string(path).unwrap();
    let marker = match ending {
        "py" => "# %%\n",
        _ => "// %%\n",
    };
    let cells = script.split(marker).skip(1);
    cells.map(|cell| cell.trim().to_owned()).collect()
}

/// Runs the cells in a kernel of their own.
fn run(name: &str) -> Vec<Answer> {
    let cells = cells(name, "rs");
    let folder = tempfile::tempdir().unwrap();
    let steps = cells.iter().map(|cell| Step::new(cell)).collect();
    let answers = converse(folder.path(), steps).unwrap();
    for (cell, answer) in cells.iter().zip(&answers) {
        assert_eq!(answer.status, "ok", "{cell}\n{answer:#?}");
    }
    assert_eq!(answers.len(), cells.len());
    answers
}

/// The number that stands after a word in what a cell printed.
fn number(text: &str, word: &str) -> f64 {
    // The line of an evaluation comes before what the cell itself printed.
    let rest = text.rsplit(word).next().unwrap_or_default();
    let digits: String = rest
        .trim_start()
        .chars()
        .take_while(|c| c.is_ascii_digit() || ".-".contains(*c))
        .collect();
    digits
        .parse()
        .unwrap_or_else(|_| panic!("{word} in {text}"))
}

#[test]
fn a_regression_on_a_table() {
    let answers = run("table");
    let printed = &answers.last().unwrap().text;
    assert!(number(printed, "R2") > 0.97, "{printed}");
    assert!(
        answers[2].text.contains("Total params: 161"),
        "{}",
        answers[2].text
    );
    assert!(
        answers[3]
            .shown
            .iter()
            .any(|kind| kind == "display_data" || kind == "execute_result")
    );
}

#[test]
fn a_yes_no_question_with_class_weights_and_auc() {
    let answers = run("yes_no");
    let printed = &answers[4].text;
    assert!(number(printed, "AUC") > 0.97, "{printed}");
    assert!(number(printed, "recall") > 0.9, "{printed}");
    assert!(answers[5].text.contains("yes"), "{}", answers[5].text);
}

#[test]
fn two_inputs_two_outputs_and_a_skip_connection() {
    let answers = run("branches");
    let summary = &answers[2].text;
    assert!(
        summary.contains("Connected to") && summary.contains("price"),
        "{summary}"
    );
    let printed = &answers.last().unwrap().text;
    assert!(number(printed, "price") < 0.05, "{printed}");
    assert!(number(printed, "sold") > 0.9, "{printed}");
}

#[test]
fn digits_with_a_convolutional_network() {
    let answers = run("images");
    assert!(answers[0].text.contains("drawn"), "{}", answers[0].text);
    assert!(answers[1].text.contains("[figure"), "{}", answers[1].text);
    let judged = &answers[4].text;
    assert!(number(judged, "accuracy") > 0.8, "{judged}");
    assert!(answers[5].text.contains("[figure"), "{}", answers[5].text);
}

#[test]
fn the_cells_are_as_many_and_no_longer_than_those_of_their_twins() {
    for name in ["table", "yes_no", "branches", "images"] {
        let (ours, keras) = (cells(name, "rs"), cells(name, "py"));
        assert_eq!(ours.len(), keras.len(), "{name}");
        let lines = |cells: &[String]| cells.iter().map(|cell| cell.lines().count()).sum::<usize>();
        assert!(
            lines(&ours) <= lines(&keras) + 1,
            "{name}: {} lines beside {}",
            lines(&ours),
            lines(&keras)
        );
    }
}
