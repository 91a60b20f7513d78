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
fn an_autoencoder_with_a_step_of_its_own() {
    let answers = run("vae");
    let kinds = &answers[3].shown;
    let mut updates = kinds.iter();
    assert!(
        updates.any(|kind| kind == "update_display_data"),
        "one figure, drawn anew: {kinds:?}"
    );
    let printed = &answers[3].text;
    let first = printed.lines().find(|line| line.contains("loss:"));
    let (first, last) = (
        number(first.unwrap_or_default(), "loss:"),
        number(printed, " loss:"),
    );
    assert!(last < 0.9 * first, "{printed}");
    for answer in &answers[4..] {
        let mut kinds = answer.shown.iter();
        assert!(kinds.any(|kind| kind == "execute_result"), "{answer:#?}");
    }
}

#[test]
fn labelled_texts_from_a_vocabulary_to_a_confusion_matrix() {
    let answers = run("news");
    let summary = &answers[3].text;
    assert!(
        summary.contains("bidirectional (Bidirectional"),
        "{summary}"
    );
    let last = answers.last().unwrap();
    assert!(number(&last.text, "accuracy") > 0.8, "{}", last.text);
    let mut kinds = last.shown.iter();
    assert!(kinds.any(|kind| kind == "execute_result"), "{last:#?}");
}

#[test]
fn news_written_letter_by_letter() {
    let answers = run("letters");
    let written = &answers.last().unwrap().text;
    assert!(written.starts_with("The "), "{written}");
    // Of letters without sense hardly one of these words would be among what is written.
    let words: Vec<&str> = written.split_whitespace().collect();
    let known = [
        "the",
        "of",
        "in",
        "this",
        "more",
        "it",
        "what",
        "was",
        "and",
        "to",
        "is",
        "on",
        "for",
        "had",
        "many",
        "despite",
        "expected",
        "something",
        "else",
    ];
    let found = words
        .iter()
        .filter(|word| known.contains(&word.to_lowercase().as_str()));
    assert!(found.count() > 4, "{written}");
}

/// What is saved in one kernel is loaded in another, which knows the parts from the same cells.
#[test]
fn parts_of_ones_own_are_saved_and_loaded_in_a_second_kernel() {
    let cells = cells("own_parts", "rs");
    let folder = tempfile::tempdir().unwrap();
    let steps = cells.iter().map(|cell| Step::new(cell)).collect();
    let answers = converse(folder.path(), steps).unwrap();
    for (cell, answer) in cells.iter().zip(&answers) {
        assert_eq!(answer.status, "ok", "{cell}\n{answer:#?}");
    }
    let close = number(&answers.last().unwrap().text, "close");
    assert!(close > 0.9, "{answers:#?}");

    let data: Vec<&str> = cells.last().unwrap().lines().take(2).collect();
    let load = format!(
        "{}\nlet mut again = Sequential::load(\"own_parts\")?;\n\
         println!(\"close {{:.4}}\", again.evaluate(&x, &y)?.get(\"close\").unwrap());",
        data.join("\n")
    );
    let mut steps = vec![
        Step::new(&cells[0]),
        Step::new("Sequential::load(\"own_parts\")?.summary()?"),
    ];
    steps.extend(cells[1..3].iter().map(|cell| Step::new(cell)));
    steps.push(Step::new(&load));
    let answers = converse(folder.path(), steps).unwrap();
    let refusal = &answers[1];
    assert_eq!(refusal.status, "error");
    assert!(
        refusal.text.contains("register_layer(\"Gate\""),
        "{refusal:#?}"
    );
    let again = answers.last().unwrap();
    assert_eq!(again.status, "ok", "{again:#?}");
    assert_eq!(number(&again.text, "close"), close);
}

#[test]
fn the_cells_are_as_many_and_no_longer_than_those_of_their_twins() {
    for name in [
        "table",
        "yes_no",
        "branches",
        "images",
        "vae",
        "own_parts",
        "news",
        "letters",
    ] {
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
