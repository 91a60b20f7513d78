//! A study with a Rust file of a person's own, as they call it.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use std::fs;
use std::path::Path;

use labbook_records::RunRecord;
use notebook_tests::xtask;

const STUDY: &str = "name = \"sums\"\nprogram = \"train.rs\"\nseeds = [3, 4]\nmetric = \"val_loss\"\ndirection = \"min\"\n\
    [settings]\nepochs = 2\nlearning_rate = [0.01, 0.1]\n";

const TRAIN: &str = "\
use labbook::prelude::*;

pub fn train(hp: &Case) -> Result<Training, Box<dyn std::error::Error>> {
    let x = tch::Tensor::arange(40, tch::kind::FLOAT_CPU).reshape([20, 2]) / 40.0;
    let y = x.sum_dim_intlist([1_i64].as_slice(), true, tch::Kind::Float);
    let mut model = Sequential::new();
    model.add(Dense::new(1).input_shape(2));
    model.compile(SGD::new().learning_rate(hp.float(\"learning_rate\")?), \"mse\", [])?;
    let options = Fit::new().epochs(hp.int(\"epochs\")?.try_into()?).validation_split(0.2).verbose(0);
    Ok(Training::new(model, x, y).fit(options))
}
";

/// Whether a command did what it should, and all that it said.
fn call(words: &[&str], folder: &Path) -> (bool, String) {
    let output = xtask(words, folder).unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(said).unwrap())
}

#[test]
fn a_file_with_one_function_is_compiled_once_and_its_study_runs() {
    let dir = tempfile::tempdir().unwrap();
    let (file, program) = (dir.path().join("STUDY.toml"), dir.path().join("train.rs"));
    fs::write(&file, STUDY).unwrap();
    fs::write(&program, TRAIN).unwrap();
    let (file, record) = (file.display().to_string(), dir.path().join("one.json"));
    let one = [
        "run",
        &file,
        "--case",
        "1",
        "--record",
        &record.display().to_string(),
    ];
    let (done, said) = call(&one, dir.path());
    assert!(done, "{said}");
    let read = RunRecord::read(&record).unwrap();
    assert_eq!((read.seed, read.epochs_run), (4, 2));
    assert!(read.versions.contains("tch 0."), "{}", read.versions);

    let (done, said) = call(&["study", "run", &file, "--jobs", "2"], dir.path());
    assert!(
        done && said.contains("4 of 4 cases on record, 0 failed"),
        "{said}"
    );
    let (done, said) = call(&["study", "results", &file], dir.path());
    assert!(
        done && said.contains("best: trial 1") && said.contains("over 2 seeds"),
        "{said}"
    );
    // The same seed and settings, whoever ran them.
    let other = RunRecord::read(dir.path().join("runs/sums/case-00001.json")).unwrap();
    assert_eq!(other.metrics, read.metrics);
    assert_eq!(other.history.columns(), read.history.columns());

    fs::write(
        &program,
        TRAIN.replace("Dense::new(1)", "Dense::new(\"one\")"),
    )
    .unwrap();
    let (done, said) = call(&one, dir.path());
    assert!(
        !done && said.contains("train.rs:7") && said.contains("did not compile"),
        "{said}"
    );
}
