//! Every score equals the one that scikit-learn gave (tests/fixtures/make.py).

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that cannot be read fails the test"
)]

use labbook_analysis::{Average, ConfusionMatrix, Normalize, accuracy_score, precision_score};
use ndarray::Array2;
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    n_classes: usize,
    true_labels: Vec<i64>,
    predicted: Vec<i64>,
    counts: Vec<Vec<u64>>,
    normalized_true: Vec<Vec<f64>>,
    normalized_pred: Vec<Vec<f64>>,
    normalized_all: Vec<Vec<f64>>,
    accuracy: f64,
    per_class_precision: Vec<f64>,
    per_class_recall: Vec<f64>,
    precision: Averages,
    precision_of_present: Averages,
}

#[derive(Deserialize)]
struct Averages {
    micro: f64,
    r#macro: f64,
    weighted: f64,
}

impl Averages {
    fn each(&self) -> [(Average, f64); 3] {
        [
            (Average::Micro, self.micro),
            (Average::Macro, self.r#macro),
            (Average::Weighted, self.weighted),
        ]
    }
}

fn cases() -> Vec<Case> {
    let text = include_str!("fixtures/scores.json");
    serde_json::from_str::<Fixture>(text).unwrap().cases
}

fn matrix(case: &Case) -> ConfusionMatrix {
    ConfusionMatrix::new(&case.true_labels, &case.predicted, case.n_classes).unwrap()
}

fn assert_close(actual: impl IntoIterator<Item = f64>, expected: &[f64], what: &str) {
    let actual: Vec<f64> = actual.into_iter().collect();
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (a, e) in actual.iter().zip(expected) {
        assert!(
            (a - e).abs() < 1e-12,
            "{what}: {actual:?} against {expected:?}"
        );
    }
}

#[test]
fn the_fixture_holds_the_degenerate_cases() {
    let names: Vec<String> = cases().into_iter().map(|case| case.name).collect();
    for name in ["class 1 never predicted", "one class only", "all wrong"] {
        assert!(names.iter().any(|n| n == name), "{name}");
    }
}

#[test]
fn counts_agree() {
    for case in cases() {
        let flat: Vec<u64> = case.counts.concat();
        let shape = (case.n_classes, case.n_classes);
        let expected = Array2::from_shape_vec(shape, flat).unwrap();
        assert_eq!(matrix(&case).counts(), expected, "{}", case.name);
    }
}

#[test]
fn normalized_matrices_agree() {
    for case in cases() {
        for (by, expected) in [
            (Normalize::True, &case.normalized_true),
            (Normalize::Pred, &case.normalized_pred),
            (Normalize::All, &case.normalized_all),
        ] {
            let what = format!("{} {by:?}", case.name);
            assert_close(matrix(&case).normalized(by), &expected.concat(), &what);
        }
    }
}

#[test]
fn accuracy_agrees() {
    for case in cases() {
        let score = accuracy_score(&case.true_labels, &case.predicted).unwrap();
        let both = [score, matrix(&case).accuracy()];
        assert_close(both, &[case.accuracy; 2], &case.name);
    }
}

#[test]
fn per_class_precision_and_recall_agree() {
    for case in cases() {
        let m = matrix(&case);
        assert_close(
            m.per_class_precision(),
            &case.per_class_precision,
            &case.name,
        );
        assert_close(m.per_class_recall(), &case.per_class_recall, &case.name);
    }
}

#[test]
fn averaged_precision_agrees_over_all_classes_and_over_present_ones() {
    for case in cases() {
        for (average, expected) in case.precision.each() {
            let what = format!("{} {average:?}", case.name);
            assert_close([matrix(&case).precision(average)], &[expected], &what);
        }
        for (average, expected) in case.precision_of_present.each() {
            let what = format!("{} {average:?} of present", case.name);
            let score = precision_score(&case.true_labels, &case.predicted, average).unwrap();
            assert_close([score], &[expected], &what);
        }
    }
}
