//! What a person meets in the first quarter of an hour, in a folder that has nothing to do with the clone.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use std::fs;

use notebook_tests::{Answer, Step, converse, converse_after};

/// The first cell that `labbook new` writes.
const FIRST: &str = ":dep labbook\nuse labbook::prelude::*;";
/// The workspace has it, so that cargo need not ask for it.
const OFFLINE: (&str, &str) = ("CARGO_NET_OFFLINE", "true");

fn assert_ok(answers: &[Answer]) {
    assert!(answers.iter().all(|a| a.status == "ok"), "{answers:#?}");
}

#[test]
fn labbook_needs_no_path_and_further_crates_leave_it_and_the_variables_alone() {
    let folder = tempfile::tempdir().unwrap();
    // A crate of the person's own, in a place that no kernel has seen, which depends on another.
    let own = folder.path().join("own");
    fs::create_dir_all(own.join("src")).unwrap();
    let manifest = "[package]\nname = \"own\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\n\
                    [dependencies]\nsemver = \"1\"\n";
    fs::write(own.join("Cargo.toml"), manifest).unwrap();
    let code =
        "pub fn minor(text: &str) -> u64 { semver::Version::parse(text).map_or(0, |v| v.minor) }\n";
    fs::write(own.join("src/lib.rs"), code).unwrap();
    let steps = vec![
        Step::new("let mut table = Table::new(&[\"name\"]); table.push(&[\"Ada\"]);"),
        Step::new(&format!(":dep own = {{ path = {own:?} }}")),
        Step::new("println!(\"{}\", own::minor(\"1.2.3\"));"),
        Step::new(
            ":dep serde = { version = \"1\", features = [\"derive\"] }\n:dep serde_json = \"1\"",
        ),
        Step::new("#[derive(serde::Serialize)] pub struct Point { x: i32 }"),
        Step::new("println!(\"{}\", serde_json::to_string(&Point { x: 7 })?);"),
        Step::new("table"),
    ];
    let answers = converse_after(FIRST, folder.path(), steps, &[OFFLINE]).unwrap();
    assert_ok(&answers);
    assert!(answers[2].text.ends_with("2\n"), "{answers:#?}");
    assert!(answers[5].text.ends_with("{\"x\":7}\n"), "{answers:#?}");
    assert!(answers[6].text.contains("Ada"), "{answers:#?}");
    let compiled = |what: &str| answers.iter().any(|a| a.text.contains(what));
    assert!(
        compiled("Compiling own"),
        "the first compilation is told: {answers:#?}"
    );
    assert!(
        !compiled("Compiling labbook") && !compiled("Compiling polars"),
        "{answers:#?}"
    );
}

#[test]
fn the_first_value_whatever_it_is_looks_like_later_ones() {
    for (first, shown) in [
        ("1 + 1", "2"),
        ("Table::new(&[\"a column\"])", "a column"),
        ("let a: Result<i32, String> = Ok(5); a?", "5"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let steps = vec![Step::new(first), Step::new(first)];
        let answers = converse_after(FIRST, folder.path(), steps, &[]).unwrap();
        assert_ok(&answers);
        assert_eq!(answers[0].text, answers[1].text, "{first}");
        assert_eq!(answers[0].shown, answers[1].shown, "{first}");
        assert!(answers[0].text.contains(shown), "{answers:#?}");
    }
}

#[test]
fn metrics_by_any_name_or_none_can_be_drawn_and_names_may_be_texts() {
    let folder = tempfile::tempdir().unwrap();
    let data = "set_random_seed(1);
        let x = tch::Tensor::rand([64, 4], tch::kind::FLOAT_CPU); let y = x.argmax(-1, false).remainder(2_i64);
        let mut trials = Trials::new(\"all\");";
    let train = |metrics: &str| {
        format!(
            "let mut model = Sequential::new();
            model.add(Dense::new(2).activation(Softmax).input_shape(4));
            model.compile(Adam::new(), SparseCategoricalCrossentropy::new(), {metrics})?;
            let history = model.fit(&x, &y, &Fit::new().epochs(2).verbose(0))?;
            trials.add({metrics:?}, &history, &model.evaluate(&x, &y)?);
            plot_history(&history)?"
        )
    };
    let none = "[\"\"; 0]";
    let steps = vec![
        Step::new(data),
        Step::new(&train("[\"acc\"]")),
        Step::new(&train("[\"sparse_categorical_accuracy\"]")),
        Step::new(&train(none)),
        Step::new("trials.plot()?"),
        Step::new("confusion_matrix(&y, &model.predict_classes(&x)?, &[\"low\", \"high\"])?"),
        Step::new(
            "confusion_matrix(&y, &model.predict_classes(&x)?, vec![String::from(\"low\"), \"high\".to_owned()])?",
        ),
    ];
    let answers = converse(folder.path(), steps).unwrap();
    assert_ok(&answers);
    for drawn in &answers[1..5] {
        assert!(drawn.text.contains("[figure"), "{drawn:#?}");
    }
    for matrix in &answers[5..] {
        assert!(matrix.text.contains("low"), "{matrix:#?}");
    }
}
