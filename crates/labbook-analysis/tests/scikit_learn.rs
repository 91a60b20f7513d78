//! Every score equals the one that scikit-learn gave (tests/fixtures/make.py).

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that cannot be read fails the test"
)]

use std::collections::BTreeMap;

use labbook_analysis::{
    Average, Calibration, ConfusionMatrix, Normalize, Pca, accuracy_score, f1_score,
    precision_score, recall_score, sample_losses, top_k_accuracy_score,
};
use ndarray::Array2;
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture<C> {
    cases: Vec<C>,
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
    per_class_f1: Vec<f64>,
    precision: Averages,
    recall: Averages,
    f1: Averages,
    precision_of_present: Averages,
    recall_of_present: Averages,
    f1_of_present: Averages,
    report: String,
}

#[derive(Deserialize)]
struct ProbabilityCase {
    name: String,
    true_labels: Vec<i64>,
    probabilities: Vec<Vec<f64>>,
    top_k: Vec<f64>,
    losses: Vec<f64>,
    bins: BTreeMap<usize, Bins>,
}

#[derive(Deserialize)]
struct Bins {
    accuracy: Vec<f64>,
    confidence: Vec<f64>,
    error: f64,
}

impl ProbabilityCase {
    fn probabilities(&self) -> Array2<f64> {
        let shape = (self.probabilities.len(), self.probabilities[0].len());
        Array2::from_shape_vec(shape, self.probabilities.concat()).unwrap()
    }
}

#[derive(Deserialize)]
struct PcaCase {
    name: String,
    samples: Vec<Vec<f64>>,
    mean: Vec<f64>,
    components: Vec<Vec<f64>>,
    explained_variance: Vec<f64>,
    explained_variance_ratio: Vec<f64>,
    projected: Vec<Vec<f64>>,
}

fn probability_cases() -> Vec<ProbabilityCase> {
    let text = include_str!("fixtures/probabilities.json");
    serde_json::from_str::<Fixture<ProbabilityCase>>(text)
        .unwrap()
        .cases
}

#[derive(Deserialize)]
struct Averages {
    micro: f64,
    r#macro: f64,
    weighted: f64,
}

impl Averages {
    fn of(&self, average: Average) -> f64 {
        match average {
            Average::Micro => self.micro,
            Average::Macro => self.r#macro,
            Average::Weighted => self.weighted,
        }
    }
}

fn cases() -> Vec<Case> {
    let text = include_str!("fixtures/scores.json");
    serde_json::from_str::<Fixture<Case>>(text).unwrap().cases
}

fn matrix(case: &Case) -> ConfusionMatrix {
    ConfusionMatrix::new(&case.true_labels, &case.predicted, case.n_classes).unwrap()
}

fn assert_close(actual: impl IntoIterator<Item = f64>, expected: &[f64], what: &str) {
    assert_within(1e-12, actual, expected, what);
}

fn assert_within(
    tolerance: f64,
    actual: impl IntoIterator<Item = f64>,
    expected: &[f64],
    what: &str,
) {
    let actual: Vec<f64> = actual.into_iter().collect();
    assert_eq!(actual.len(), expected.len(), "{what}");
    for (a, e) in actual.iter().zip(expected) {
        assert!(
            (a - e).abs() < tolerance,
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
fn per_class_precision_recall_and_f1_agree() {
    for case in cases() {
        let m = matrix(&case);
        assert_close(
            m.per_class_precision(),
            &case.per_class_precision,
            &case.name,
        );
        assert_close(m.per_class_recall(), &case.per_class_recall, &case.name);
        assert_close(m.per_class_f1(), &case.per_class_f1, &case.name);
    }
}

#[test]
fn averages_agree_over_all_classes() {
    for case in cases() {
        let m = matrix(&case);
        for average in [Average::Micro, Average::Macro, Average::Weighted] {
            let what = format!("{} {average:?}", case.name);
            let actual = [m.precision(average), m.recall(average), m.f1(average)];
            let expected = [&case.precision, &case.recall, &case.f1].map(|a| a.of(average));
            assert_close(actual, &expected, &what);
        }
    }
}

#[test]
fn averages_agree_over_the_classes_that_occur() {
    for case in cases() {
        let (t, p) = (&case.true_labels, &case.predicted);
        for average in [Average::Micro, Average::Macro, Average::Weighted] {
            let what = format!("{} {average:?} of present", case.name);
            let actual = [
                precision_score(t, p, average).unwrap(),
                recall_score(t, p, average).unwrap(),
                f1_score(t, p, average).unwrap(),
            ];
            let expected = [
                &case.precision_of_present,
                &case.recall_of_present,
                &case.f1_of_present,
            ];
            assert_close(actual, &expected.map(|a| a.of(average)), &what);
        }
    }
}

#[test]
fn reports_agree_to_the_letter() {
    for case in cases() {
        let names: Vec<String> = (0..case.n_classes).map(|c| format!("class {c}")).collect();
        let report = matrix(&case)
            .with_class_names(&names)
            .unwrap()
            .classification_report();
        let mut expected = case.report.clone();
        if case.accuracy == 0.0 {
            // When no sample is right, scikit-learn turns the counts into floats by accident.
            for n in 1..=case.true_labels.len() {
                expected = expected.replace(&format!("  {n}.0\n"), &format!("    {n}\n"));
            }
        }
        assert_eq!(report.to_string(), expected, "{}", case.name);
    }
}

#[test]
fn top_k_accuracy_agrees_also_with_ties() {
    for case in probability_cases() {
        let p = case.probabilities();
        let score = |k| top_k_accuracy_score(&case.true_labels, p.view(), k).unwrap();
        let actual = (1..=case.top_k.len()).map(score);
        assert_close(actual, &case.top_k, &case.name);
    }
}

#[test]
fn losses_agree() {
    for case in probability_cases() {
        let losses = sample_losses(&case.true_labels, case.probabilities().view()).unwrap();
        assert_close(losses, &case.losses, &case.name);
    }
}

#[test]
fn reliability_bins_and_calibration_errors_agree() {
    for case in probability_cases() {
        for (&n_bins, expected) in &case.bins {
            let what = format!("{} {n_bins}", case.name);
            let probabilities = case.probabilities();
            let c = Calibration::new(&case.true_labels, probabilities.view(), n_bins).unwrap();
            assert_eq!(c.bins().len(), n_bins, "{what}");
            let accuracy = c.bins().iter().filter_map(|bin| bin.accuracy);
            assert_close(accuracy, &expected.accuracy, &what);
            let confidence = c.bins().iter().filter_map(|bin| bin.mean_confidence);
            assert_close(confidence, &expected.confidence, &what);
            assert_close([c.expected_error()], &[expected.error], &what);
        }
    }
}

#[test]
fn principal_components_agree_signs_included() {
    let text = include_str!("fixtures/pca.json");
    for case in serde_json::from_str::<Fixture<PcaCase>>(text)
        .unwrap()
        .cases
    {
        let shape = (case.samples.len(), case.samples[0].len());
        let samples = Array2::from_shape_vec(shape, case.samples.concat()).unwrap();
        let pca = Pca::new(case.components.len());
        let (fitted, projected) = pca.fit_transform(&samples).unwrap();
        let check = |actual: Vec<f64>, expected: &[f64], what: &str| {
            assert_within(1e-9, actual, expected, &format!("{}: {what}", case.name));
        };
        check(fitted.mean().to_vec(), &case.mean, "mean");
        let components: Vec<f64> = fitted.components().iter().copied().collect();
        check(components, &case.components.concat(), "components");
        let variance = fitted.explained_variance().to_vec();
        check(variance, &case.explained_variance, "variance");
        let ratio = fitted.explained_variance_ratio().to_vec();
        check(ratio, &case.explained_variance_ratio, "ratio");
        let flat: Vec<f64> = projected.iter().copied().collect();
        check(flat, &case.projected.concat(), "projected");

        // In single precision the samples are rounded, the sums are not.
        let single = samples.mapv(|x| x as f32);
        let (_, projected) = pca.fit_transform(&single).unwrap();
        let what = format!("{}: single precision", case.name);
        let expected = case.projected.concat();
        assert_within(2e-5, projected.iter().copied(), &expected, &what);
    }
}
