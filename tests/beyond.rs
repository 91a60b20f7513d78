//! The notebook that goes beyond the paper, at smoke scale, on the drawn data.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use std::fs;
use std::path::Path;

use labbook_paper::{ExperimentRuns, Scale, SpeedRun};
use notebook_tests::{Notebook, decode, root, xtask};

#[test]
fn the_notebook_runs_and_has_the_networks_of_the_library() {
    let runs = Path::new(env!("CARGO_TARGET_TMPDIR")).join("beyond-runs");
    let _ = fs::remove_dir_all(&runs);
    let words = ["report", "beyond", "--scale", "smoke", "--format", "html"];
    let output = xtask(&words, &runs).unwrap();
    let log = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{log}");

    let notebook = Notebook::read(&root().join("reports/work/beyond.ipynb")).unwrap();
    let pictures = notebook.pictures();
    assert!(pictures.len() >= 9, "{} pictures", pictures.len());
    for (source, png) in &pictures {
        let (_, _, values) = decode(png).unwrap();
        assert!(values > 20, "{source} is blank");
    }

    let records = ExperimentRuns::at(&runs).records().unwrap();
    let numbers: Vec<u32> = records.iter().map(|record| record.experiment).collect();
    assert_eq!(numbers, [17, 18, 19]);
    for record in &records {
        // Chance is 0.1; the drawn objects are easily told apart.
        let (number, accuracy) = (record.experiment, record.test_accuracy);
        assert!(accuracy > 0.8, "Experiment {number}: {accuracy}");
    }

    // The cells write Experiment 18 out; the other networks, and the tricks, are the library's.
    let images = tch::Tensor::rand([20, 32, 32, 3], (tch::Kind::Float, tch::Device::Cpu));
    let recipe = SpeedRun::numbered(18).unwrap().at(&Scale::smoke());
    let model = recipe.model(&images).unwrap();
    let layers = model.layers().unwrap().into_iter();
    let expected: Vec<_> = layers
        .map(|l| (l.name, l.output_shape.to_string(), l.params))
        .collect();
    let ran = records[1].layers.iter();
    let ran: Vec<_> = ran
        .map(|l| (l.name.clone(), l.output_shape.clone(), l.params))
        .collect();
    assert_eq!(ran, expected);
    let whole = notebook.printed("session.beyond()");
    assert!(whole.contains("19: whitened"), "{whole}");
}
