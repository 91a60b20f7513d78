//! The CIFAR-10 notebook at smoke scale, on the drawn data, through the real kernel.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use std::fs;
use std::path::Path;

use labbook_paper::{Experiment, ExperimentRecord, ExperimentRuns, Scale};
use labbook_records::LayerRecord;
use notebook_tests::{Notebook, Step, converse, decode, root, xtask};

fn record(records: &[ExperimentRecord], experiment: u32) -> &ExperimentRecord {
    let mut found = records.iter().filter(|r| r.experiment == experiment);
    let record = found
        .next()
        .unwrap_or_else(|| panic!("no record of {experiment}"));
    assert!(found.next().is_none(), "two records of {experiment}");
    record
}

/// The sixteen runs' figures, as far as they do not depend on chance.
fn check_records(records: &[ExperimentRecord]) {
    for experiment in Experiment::all() {
        let number = experiment.number();
        let run = record(records, number);
        let model = experiment.model(&Scale::smoke()).unwrap();
        let shape = |name: &str, shape: String, params| (name.to_owned(), shape, params);
        let expected: Vec<_> = model
            .layers()
            .unwrap()
            .into_iter()
            .map(|l| shape(&l.name, l.output_shape.to_string(), l.params))
            .collect();
        let ran = |l: &LayerRecord| shape(&l.name, l.output_shape.clone(), l.params);
        let ran: Vec<_> = run.layers.iter().map(ran).collect();
        assert_eq!(ran, expected, "the notebook's Experiment {number}");
        assert!((run.epochs_run == run.epochs) || experiment.stops_early());
    }
    let test = |number| record(records, number).test_accuracy;
    for dense in [1, 2, 13, 14] {
        let accuracy = test(dense);
        assert!(
            accuracy > 0.3,
            "Experiment {dense}: {accuracy}, chance is 0.1"
        );
    }
    for convolutional in [3, 4, 7, 8, 15, 16] {
        let accuracy = test(convolutional);
        assert!(
            accuracy > test(1) + 0.1,
            "Experiment {convolutional}: {accuracy}"
        );
    }
    for penalised in [9, 10] {
        let accuracy = test(penalised);
        assert!(accuracy < 0.2, "Experiment {penalised} learned: {accuracy}");
    }
    // One seed: a training that stops early is the beginning of the one that does not.
    for (whole, stopped) in [(1, 5), (2, 6), (3, 7), (4, 8)] {
        let column = |number| record(records, number).history.get("val_accuracy").unwrap();
        assert!(column(whole).starts_with(&column(stopped)), "{stopped}");
    }
}

#[test]
fn the_notebook_runs_and_its_report_is_whole() {
    let runs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cifar10-runs");
    let _ = fs::remove_dir_all(&runs);
    let output = xtask(&["report", "cifar10", "--scale", "smoke"], &runs).unwrap();
    let log = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");

    let notebook = Notebook::read(&root().join("reports/work/cifar10.ipynb")).unwrap();
    let mut cells = 0;
    for (source, outputs) in notebook.code() {
        cells += 1;
        for output in outputs {
            assert_ne!(output["output_type"], "error", "{source}");
            assert!(
                !output.to_string().contains("panicked"),
                "{source}\n{output}"
            );
        }
    }
    assert!(cells >= 130, "{cells} code cells");

    let pictures = notebook.pictures();
    assert!(pictures.len() >= 50, "{} pictures", pictures.len());
    for (source, png) in &pictures {
        let (width, height, values) = decode(png).unwrap();
        assert!(
            width >= 200 && height >= 100,
            "{source}: {width} x {height}"
        );
        assert!(values > 20, "{source} is blank");
    }

    check_records(&ExperimentRuns::at(&runs).records().unwrap());
    let conclusions = notebook.printed("results.conclusions()");
    assert!(!conclusions.contains("not enough runs"), "{conclusions}");
    assert!(conclusions.matches("holds").count() >= 2, "{conclusions}");

    let html = std::fs::read_to_string(root().join("reports/cifar10.html")).unwrap();
    assert!(
        html.contains("drawn stand-in set"),
        "the header does not say which data"
    );
    assert!(
        html.contains("smoke: 4000 training"),
        "the header does not say which scale"
    );
    for outside in ["src=\"http", "href=\"http", "<script"] {
        assert!(
            !html.contains(outside),
            "the report is not self-contained: {outside}"
        );
    }
    if log.contains("No PDF: chromium is missing") {
        return;
    }
    let pdf = std::fs::read(root().join("reports/cifar10.pdf"));
    assert!(pdf.is_ok_and(|pdf| pdf.starts_with(b"%PDF") && pdf.len() > 100_000));
}

#[test]
fn an_experiment_runs_again_alone_with_the_same_figures() {
    let notebook = Notebook::read(&root().join("notebooks/cifar10.ipynb")).unwrap();
    let section = |heading: &str| {
        let cells = notebook.section(heading);
        assert!(!cells.is_empty(), "{heading}");
        cells
    };
    let dropout = section("### Experiment 13: two dense layers, dropout");
    let stopped = section("### Experiment 5: two dense layers, stopped early");
    let cells = [
        &section("## 1. Import the packages")[1..2],
        &section("## 2. Start a session"),
        &section("## 3. Load the data"),
        &section("## 5. Prepare the data"),
        &dropout[..2],
        &stopped[..2],
        &dropout[..2],
    ];
    let steps = cells.concat().iter().map(|code| Step::new(code)).collect();
    let folder = tempfile::tempdir().unwrap();
    let answers = converse(folder.path(), steps).unwrap();
    let records = ExperimentRuns::at(folder.path()).records().unwrap();
    let runs: Vec<&ExperimentRecord> = records.iter().filter(|r| r.experiment == 13).collect();
    let [first, second] = runs.as_slice() else {
        panic!("{} records of Experiment 13: {answers:#?}", runs.len());
    };
    assert_eq!(first.history.columns(), second.history.columns());
    assert_eq!(first.test_accuracy, second.test_accuracy);
    assert_eq!(record(&records, 5).experiment, 5);
}
