//! The numbers against those of numpy, scipy, pandas and matplotlib
//! (`tests/fixtures/make_statistics.py`).

use serde_json::Value;

use super::quantile::{quantile, sorted};
use super::*;

fn fixture() -> Value {
    serde_json::from_str(include_str!("../../tests/fixtures/statistics.json")).unwrap()
}

/// Numbers of the fixture, NaN where they have none.
fn numbers(value: &Value) -> Vec<f64> {
    let values = value.as_array().unwrap().iter();
    values.map(|v| v.as_f64().unwrap_or(f64::NAN)).collect()
}

fn assert_near(what: &str, actual: &[f64], expected: &[f64], tolerance: f64) {
    assert_eq!(
        actual.len(),
        expected.len(),
        "{what}: {actual:?} {expected:?}"
    );
    let size = expected.iter().fold(1e-300, |a: f64, b| a.max(b.abs()));
    for (a, e) in actual.iter().zip(expected) {
        let same = (a - e).abs() <= tolerance * size || a.is_nan() && e.is_nan();
        assert!(same, "{what}: {a} against {e}");
    }
}

#[test]
fn every_number_of_every_sample_equals_theirs() {
    let fixture = fixture();
    let samples = fixture["samples"].as_array().unwrap();
    assert_eq!(samples.len(), 8);
    for sample in samples {
        let name = sample["name"].as_str().unwrap();
        let values = numbers(&sample["values"]);
        let check = |key: &str, actual: &[f64], tolerance: f64| {
            assert_near(
                &format!("{name}, {key}"),
                actual,
                &numbers(&sample[key]),
                tolerance,
            );
        };
        let auto = bin_edges(&values, &Bins::Auto);
        check("auto", &auto, 1e-13);
        check("fd", &bin_edges(&values, &Bins::FreedmanDiaconis), 1e-13);
        check("sturges", &bin_edges(&values, &Bins::Sturges), 1e-13);
        let counted: Vec<f64> = counts(&values, &auto).iter().map(|c| *c as f64).collect();
        check("counts", &counted, 0.0);
        let ordered = sorted(&values);
        let shares = [0.0, 0.05, 0.25, 0.5, 0.75, 0.9, 1.0];
        check(
            "percentiles",
            &shares.map(|share| quantile(&ordered, share)),
            1e-14,
        );
        let summary = BoxSummary::new(&values, 1.5).unwrap();
        check("whiskers", &[summary.whiskers.0, summary.whiskers.1], 0.0);
        check("outliers", &summary.outliers, 0.0);
        let kde = Kde::new(&values).unwrap();
        let at = numbers(&sample["at"]);
        let densities: Vec<f64> = at.iter().map(|at| kde.density(*at)).collect();
        check("density", &densities, 1e-12);
        let (low, high) = student_t_interval(&values, 0.95).unwrap();
        check("interval", &[low, high], 1e-11);
        let single = |key: &str| sample[key].as_f64().unwrap();
        for (key, actual) in [
            ("bandwidth", kde.bandwidth()),
            ("mean", mean(&values).unwrap()),
            ("deviation", standard_deviation(&values).unwrap()),
        ] {
            assert_near(&format!("{name}, {key}"), &[actual], &[single(key)], 1e-13);
        }
    }
}

#[test]
fn correlations_equal_those_of_pandas_with_gaps_and_constants() {
    let fixture = fixture();
    let columns: Vec<Vec<f64>> = fixture["columns"]
        .as_array()
        .unwrap()
        .iter()
        .map(numbers)
        .collect();
    assert!(columns.iter().flatten().any(|value| value.is_nan()));
    for (row, a) in columns.iter().enumerate() {
        let ours: Vec<f64> = columns.iter().map(|b| pearson(a, b)).collect();
        let theirs = numbers(&fixture["correlations"][row]);
        assert_near(&format!("row {row}"), &ours, &theirs, 1e-13);
    }
}
