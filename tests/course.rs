//! The notebooks of the course at smoke scale, on generated stand-ins: every cell runs, and what it tells is sound.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use notebook_tests::{Answer, Step, code_cells, converse, root};

/// The cells of a notebook's script and what the kernel answered to each.
struct Run(Vec<(String, Answer)>);

impl Run {
    fn of(name: &str) -> Run {
        let script = root().join("notebooks").join(format!("{name}.rs"));
        let cells = code_cells(&script).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let steps = cells.iter().map(|cell| Step::new(cell)).collect();
        let answers = converse(folder.path(), steps).unwrap();
        for (cell, answer) in cells.iter().zip(&answers) {
            assert_eq!(answer.status, "ok", "{name}:\n{cell}\n{answer:#?}");
        }
        assert_eq!(answers.len(), cells.len());
        Run(cells.into_iter().zip(answers).collect())
    }

    /// What the first cell with these words told.
    fn told(&self, words: &str) -> &str {
        let mut cells = self.0.iter();
        let found = cells.find(|(cell, _)| cell.contains(words));
        &found
            .unwrap_or_else(|| panic!("no cell with {words}"))
            .1
            .text
    }

    /// How many cells showed a figure.
    fn figures(&self) -> usize {
        let mut answers = self.0.iter().map(|(_, answer)| &answer.text);
        answers
            .by_ref()
            .filter(|text| text.contains("[figure"))
            .count()
    }
}

/// The number that stands after these words.
fn number(text: &str, words: &str) -> f64 {
    let rest = text.split_once(words).map_or("", |(_, rest)| rest);
    let digits: String = rest
        .chars()
        .skip_while(|letter| !letter.is_ascii_digit() && *letter != '-')
        .take_while(|letter| letter.is_ascii_digit() || ".-".contains(*letter))
        .collect();
    digits
        .parse()
        .unwrap_or_else(|_| panic!("{words} in {text}"))
}

#[test]
fn a_task_of_ones_own_in_twelve_cells() {
    let run = Run::of("own_task");
    // With the one that depends on the facade.
    assert_eq!(run.0.len() + 1, 12);
    assert!(run.told("load_data").contains("species"));
    let accuracy = number(run.told("let mut seeds"), "three seeds");
    assert!(accuracy > 90.0, "{accuracy}");
    assert!(run.figures() >= 3);
    let asked = run.told("let birds");
    assert!(asked.contains("Gentoo") && asked.contains('%'), "{asked}");
}

#[test]
fn digits_and_what_hidden_nodes_see() {
    let run = Run::of("mnist");
    let sizes = run.told("let mut sizes");
    assert!(
        number(sizes, "128 nodes") > number(sizes, "1 nodes") + 20.0,
        "{sizes}"
    );
    let vote = number(run.told("all together"), "all together");
    assert!(vote > 90.0, "{vote}");
    assert!(run.figures() >= 14, "{}", run.figures());
}

#[test]
fn prices_of_diamonds() {
    let run = Run::of("diamonds");
    let error = number(
        run.told("mean error of the network"),
        "mean error of the network",
    );
    // The stand-in's noise alone is 8 percent.
    assert!((7.0..14.0).contains(&error), "{error}");
    assert!(run.told("permutation_importance").contains("carat"));
    assert!(run.figures() >= 11, "{}", run.figures());
}

#[test]
fn topics_of_news() {
    let run = Run::of("news");
    let readers = run.told("let mut readers");
    for reader in [
        "average",
        "SimpleRNN",
        "LSTM",
        "GRU",
        "Bidirectional",
        "Conv1D",
        "transformer",
    ] {
        assert!(
            number(readers, &format!("{reader}:")) > 40.0,
            "{reader} in {readers}"
        );
    }
    assert!(run.figures() >= 8, "{}", run.figures());
}

#[test]
fn a_folder_of_photographs() {
    let run = Run::of("photographs");
    let remedies = run.told("let mut remedies");
    // Of four kinds.
    assert!(number(remedies, "as it was:") > 45.0, "{remedies}");
    assert!(run.told("LABBOOK_WEIGHTS").contains("No weights file"));
    assert!(run.figures() >= 8, "{}", run.figures());
}

#[test]
fn networks_that_draw() {
    let run = Run::of("generate");
    assert!(run.told("silhouette_score").contains("silhouette"));
    assert!(run.told("let by_vae").contains("GAN"));
    assert!(run.figures() >= 8, "{}", run.figures());
}

#[test]
fn news_written_letter_by_letter_and_piece_by_piece() {
    let run = Run::of("letters");
    // Of 30 letters or so, after one time through short made-up reports.
    let perplexity = number(run.told("let evaluation"), "perplexity");
    assert!((1.0..12.0).contains(&perplexity), "{perplexity}");
    let written = run.told("let manners");
    assert_eq!(written.matches("--- ").count(), 4, "{written}");
    let pieces = run.told("let tokenizer");
    assert!(number(pieces, "") > 2.0, "{pieces}");
    let written = run.told("let mut second");
    assert!(written.split_whitespace().count() > 30, "{written}");
}
