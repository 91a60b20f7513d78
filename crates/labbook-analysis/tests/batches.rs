//! Whitened components and components of batches against scikit-learn
//! (tests/fixtures/make_batches.py).

#![expect(
    clippy::unwrap_used,
    reason = "a fit or a fixture that fails unexpectedly fails the test"
)]

use labbook_analysis::{AnalysisError, FittedPca, IncrementalPca, Pca};
use ndarray::{Array2, Axis, s};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    whiten: bool,
    samples: Vec<Vec<f64>>,
    sizes: Vec<usize>,
    n_components: usize,
    whole: Facts,
    in_batches: Facts,
}

#[derive(Deserialize)]
struct Facts {
    mean: Vec<f64>,
    components: Vec<Vec<f64>>,
    explained_variance: Vec<f64>,
    explained_variance_ratio: Vec<f64>,
    /// Of the first five samples, as below.
    projected: Vec<Vec<f64>>,
    restored: Vec<Vec<f64>>,
}

fn table(rows: &[Vec<f64>]) -> Array2<f64> {
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
}

impl Facts {
    fn compare(&self, fitted: &FittedPca, samples: &Array2<f64>, case: &str) {
        let close = |actual: Vec<f64>, expected: &[f64], what: &str| {
            assert!(actual.len() >= expected.len(), "{case}: {what}");
            for (a, e) in actual.iter().zip(expected) {
                let apart = (a - e).abs();
                assert!(
                    apart < 1e-8 * e.abs().max(1.0),
                    "{case}: {what} {a} against {e}"
                );
            }
        };
        let flat = |array: &Array2<f64>| array.iter().copied().collect::<Vec<f64>>();
        close(fitted.mean().to_vec(), &self.mean, "mean");
        close(
            flat(fitted.components()),
            &self.components.concat(),
            "components",
        );
        let variance = fitted.explained_variance().to_vec();
        close(variance, &self.explained_variance, "variance");
        let ratio = fitted.explained_variance_ratio().to_vec();
        close(ratio, &self.explained_variance_ratio, "ratio");
        let projected = fitted.transform(samples).unwrap();
        close(flat(&projected), &self.projected.concat(), "projected");
        let restored = fitted.inverse_transform(&projected).unwrap();
        close(flat(&restored), &self.restored.concat(), "restored");
    }
}

#[test]
fn whitened_components_and_those_of_batches_are_scikit_learns() {
    let fixture: Fixture = serde_json::from_str(include_str!("fixtures/batches.json")).unwrap();
    assert_eq!(fixture.cases.len(), 10);
    for case in &fixture.cases {
        let samples = table(&case.samples);
        let name = format!("{}, whiten {}", case.name, case.whiten);
        let mut pca = Pca::new(case.n_components);
        let mut batches = IncrementalPca::new(case.n_components);
        if case.whiten {
            pca = pca.whiten();
            batches = batches.whiten();
        }
        case.whole
            .compare(&pca.fit(&samples).unwrap(), &samples, &name);
        let mut start = 0;
        for size in &case.sizes {
            let batch = samples.slice(s![start..start + size, ..]);
            batches.partial_fit(&batch).unwrap();
            start += size;
        }
        assert_eq!(batches.n_samples_seen(), samples.nrows());
        let fitted = batches.fitted().unwrap();
        case.in_batches
            .compare(&fitted, &samples, &format!("{name}, in batches"));
    }
}

#[test]
fn batches_that_cannot_be_are_named_and_change_nothing() {
    let samples = Array2::from_shape_fn((10, 4), |(i, j)| ((i * (j + 3)) % 5) as f64);
    let mut pca = IncrementalPca::new(3);
    let error = pca.fitted().unwrap_err();
    assert!(error.to_string().contains("at least 2"), "{error}");
    let error = pca.partial_fit(&samples.slice(s![..2, ..])).unwrap_err();
    assert!(error.to_string().contains("from 1 to 2"), "{error}");
    pca.partial_fit(&samples).unwrap();
    let before = pca.clone();
    let error = pca.partial_fit(&samples.slice(s![.., ..3])).unwrap_err();
    assert_eq!(
        error,
        AnalysisError::FeatureMismatch {
            expected: 4,
            received: 3
        }
    );
    let mut bad = samples.clone();
    bad[[3, 1]] = f64::NAN;
    assert!(pca.partial_fit(&bad).is_err());
    assert!(pca.partial_fit(&(&samples * 1e300)).is_err());
    assert_eq!(pca, before);
    pca.partial_fit(&samples.slice(s![..0, ..])).unwrap();
    assert_eq!(pca, before);
    assert_eq!(
        samples.mean_axis(Axis(0)).unwrap().len(),
        pca.fitted().unwrap().mean().len()
    );
}
