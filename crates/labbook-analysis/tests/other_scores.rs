//! Rankings, agreement, regression and groups equal what scikit-learn gave
//! (tests/fixtures/make_other_scores.py).

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that cannot be read fails the test"
)]

use labbook_analysis::{
    KappaWeights, McNemar, PrecisionRecallCurve, RocCurve, adjusted_rand_score,
    average_precision_score, balanced_accuracy_score, brier_score_loss, cohen_kappa_score,
    explained_variance_score, log_loss, matthews_corrcoef, mean_absolute_error,
    mean_absolute_percentage_error, mean_squared_error, normalized_mutual_info_score, r2_score,
    roc_auc_score, root_mean_squared_error, silhouette_score,
};
use ndarray::Array2;
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    rankings: Vec<Ranking>,
    agreements: Vec<Agreement>,
    regressions: Vec<Regression>,
    probabilities: Vec<Probabilities>,
    silhouettes: Vec<Silhouette>,
    mcnemar: Vec<McNemarCase>,
}

#[derive(Deserialize)]
struct Ranking {
    name: String,
    true_labels: Vec<i64>,
    scores: Vec<f64>,
    roc: Option<Roc>,
    precision_recall: Option<PrecisionRecall>,
}

#[derive(Deserialize)]
struct Roc {
    false_positive_rate: Vec<f64>,
    true_positive_rate: Vec<f64>,
    thresholds: Vec<f64>,
    area: f64,
}

#[derive(Deserialize)]
struct PrecisionRecall {
    precision: Vec<f64>,
    recall: Vec<f64>,
    thresholds: Vec<f64>,
    average_precision: f64,
}

#[derive(Deserialize)]
struct Agreement {
    name: String,
    first: Vec<i64>,
    second: Vec<i64>,
    kappa: [Option<f64>; 3],
    matthews: f64,
    balanced_accuracy: f64,
    adjusted_rand: f64,
    mutual_info: f64,
}

#[derive(Deserialize)]
struct Regression {
    name: String,
    truth: Vec<f64>,
    predicted: Vec<f64>,
    mae: f64,
    mse: f64,
    rmse: f64,
    mape: f64,
    r2: Option<f64>,
    explained_variance: f64,
}

#[derive(Deserialize)]
struct Probabilities {
    name: String,
    true_labels: Vec<i64>,
    probabilities: Vec<Vec<f64>>,
    log_loss: f64,
    brier: f64,
}

#[derive(Deserialize)]
struct Silhouette {
    name: String,
    samples: Vec<Vec<f64>>,
    labels: Vec<i64>,
    score: f64,
}

#[derive(Deserialize)]
struct McNemarCase {
    only_first: usize,
    only_second: usize,
    p: f64,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("fixtures/other_scores.json")).unwrap()
}

fn table(rows: &[Vec<f64>]) -> Array2<f64> {
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
}

/// Equal but for rounding: scikit-learn adds in another order.
fn assert_close(actual: &[f64], expected: &[f64], what: &str) {
    assert_eq!(actual.len(), expected.len(), "{what}: {actual:?}");
    for (a, e) in actual.iter().zip(expected) {
        let tolerance = 1e-9 * e.abs().max(1.0);
        assert!(
            (a - e).abs() <= tolerance,
            "{what}: {actual:?} against {expected:?}"
        );
    }
}

#[test]
fn rankings_agree() {
    for case in fixture().rankings {
        let (labels, scores, name) = (&case.true_labels, &case.scores, &case.name);
        if let Some(expected) = case.roc {
            let roc = RocCurve::new(labels, scores).unwrap();
            assert_close(
                roc.false_positive_rate(),
                &expected.false_positive_rate,
                name,
            );
            assert_close(roc.true_positive_rate(), &expected.true_positive_rate, name);
            assert_eq!(roc.thresholds()[0], f64::INFINITY);
            assert_close(&roc.thresholds()[1..], &expected.thresholds, name);
            let area = roc_auc_score(labels, scores).unwrap();
            assert_close(&[roc.area(), area], &[expected.area; 2], name);
        } else {
            assert!(RocCurve::new(labels, scores).is_err(), "{name}");
        }
        if let Some(expected) = case.precision_recall {
            let curve = PrecisionRecallCurve::new(labels, scores).unwrap();
            assert_close(curve.precision(), &expected.precision, name);
            assert_close(curve.recall(), &expected.recall, name);
            assert_close(curve.thresholds(), &expected.thresholds, name);
            let average = average_precision_score(labels, scores).unwrap();
            assert_close(&[average], &[expected.average_precision], name);
        } else {
            assert!(PrecisionRecallCurve::new(labels, scores).is_err(), "{name}");
        }
    }
}

#[test]
fn agreement_agrees() {
    for case in fixture().agreements {
        let (a, b, name) = (&case.first, &case.second, &case.name);
        let weights = [
            KappaWeights::Uniform,
            KappaWeights::Linear,
            KappaWeights::Quadratic,
        ];
        for (weights, expected) in weights.into_iter().zip(case.kappa) {
            let kappa = cohen_kappa_score(a, b, weights);
            match expected {
                Some(expected) => assert_close(&[kappa.unwrap()], &[expected], name),
                None => assert!(kappa.is_err(), "{name}"),
            }
        }
        let actual = [
            matthews_corrcoef(a, b).unwrap(),
            balanced_accuracy_score(a, b).unwrap(),
            adjusted_rand_score(a, b).unwrap(),
            normalized_mutual_info_score(a, b).unwrap(),
        ];
        let expected = [
            case.matthews,
            case.balanced_accuracy,
            case.adjusted_rand,
            case.mutual_info,
        ];
        assert_close(&actual, &expected, name);
    }
}

#[test]
fn regression_scores_agree() {
    for case in fixture().regressions {
        let (t, p, name) = (&case.truth, &case.predicted, &case.name);
        let actual = [
            mean_absolute_error(t, p).unwrap(),
            mean_squared_error(t, p).unwrap(),
            root_mean_squared_error(t, p).unwrap(),
            mean_absolute_percentage_error(t, p).unwrap(),
            explained_variance_score(t, p).unwrap(),
        ];
        let expected = [
            case.mae,
            case.mse,
            case.rmse,
            case.mape,
            case.explained_variance,
        ];
        assert_close(&actual, &expected, name);
        match case.r2 {
            Some(expected) => assert_close(&[r2_score(t, p).unwrap()], &[expected], name),
            None => assert!(r2_score(t, p).is_err(), "{name}"),
        }
    }
}

#[test]
fn scores_of_probabilities_agree() {
    for case in fixture().probabilities {
        let share = table(&case.probabilities);
        let actual = [
            log_loss(&case.true_labels, share.view()).unwrap(),
            brier_score_loss(&case.true_labels, share.view()).unwrap(),
        ];
        assert_close(&actual, &[case.log_loss, case.brier], &case.name);
    }
}

#[test]
fn silhouettes_agree() {
    for case in fixture().silhouettes {
        let score = silhouette_score(&table(&case.samples), &case.labels).unwrap();
        assert_close(&[score], &[case.score], &case.name);
    }
}

#[test]
fn mcnemar_agrees_with_the_binomial_test() {
    for case in fixture().mcnemar {
        let (b, c) = (case.only_first, case.only_second);
        let first: Vec<u8> = (0..b + c).map(|i| u8::from(i < b)).collect();
        let second: Vec<u8> = first.iter().map(|right| 1 - right).collect();
        let test = McNemar::new(&vec![1_u8; b + c], &first, &second).unwrap();
        assert_close(&[test.p_value], &[case.p], &format!("{b} against {c}"));
    }
}
