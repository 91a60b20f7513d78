//! Estimators give what scikit-learn's gave (tests/fixtures/make_estimators.py).

#![expect(
    clippy::unwrap_used,
    reason = "a fixture that cannot be read fails the test"
)]

use labbook_analysis::{
    Hdbscan, KMeans, KNeighborsClassifier, KNeighborsRegressor, LinearRegression,
    LogisticRegression, Metric, RandomForestClassifier, RandomForestRegressor, accuracy_score,
    adjusted_rand_score, r2_score,
};
use ndarray::{Array2, ArrayView2, s};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    samples: Vec<Vec<f64>>,
    labels: Vec<i64>,
    targets: Vec<f64>,
    dependent: Vec<Vec<f64>>,
    logistic: Vec<Logistic>,
    linear: Vec<Linear>,
    neighbors: Vec<NeighborsCase>,
    k_means: Vec<Clusters>,
    moons: Vec<Vec<f64>>,
    hdbscan: Vec<Moons>,
    forest_accuracy: Spread,
    forest_r2: Spread,
}

#[derive(Deserialize)]
struct Logistic {
    c: f64,
    classes: Vec<i64>,
    coefficients: Vec<Vec<f64>>,
    intercepts: Vec<f64>,
    probabilities: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct Linear {
    coefficients: Vec<f64>,
    intercept: f64,
}

#[derive(Deserialize)]
struct NeighborsCase {
    k: usize,
    metric: String,
    labels: Vec<i64>,
    probabilities: Vec<Vec<f64>>,
    values: Vec<f64>,
}

#[derive(Deserialize)]
struct Clusters {
    n_clusters: usize,
    inertia: f64,
}

#[derive(Deserialize)]
struct Moons {
    min_cluster_size: usize,
    labels: Vec<i64>,
}

#[derive(Deserialize)]
struct Spread {
    least: f64,
    #[serde(default)]
    importances: Vec<f64>,
}

const TRAIN: usize = 150;

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("fixtures/estimators.json")).unwrap()
}

fn table(rows: &[Vec<f64>]) -> Array2<f64> {
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
}

fn parts(table: &Array2<f64>) -> (ArrayView2<'_, f64>, ArrayView2<'_, f64>) {
    (table.slice(s![..TRAIN, ..]), table.slice(s![TRAIN.., ..]))
}

#[track_caller]
fn assert_near<'a>(
    ours: impl IntoIterator<Item = &'a f64>,
    theirs: impl IntoIterator<Item = &'a f64>,
    bound: f64,
) {
    let (ours, theirs): (Vec<_>, Vec<_>) =
        (ours.into_iter().collect(), theirs.into_iter().collect());
    assert_eq!(ours.len(), theirs.len());
    for (ours, theirs) in ours.into_iter().zip(theirs) {
        assert!((ours - theirs).abs() <= bound, "{ours} {theirs}");
    }
}

#[test]
fn logistic_regressions_are_scikit_learns() {
    let fixture = fixture();
    let samples = table(&fixture.samples);
    let (train, test) = parts(&samples);
    for case in &fixture.logistic {
        let known = |row: &usize| case.classes.contains(&fixture.labels[*row]);
        let rows: Vec<usize> = (0..TRAIN).filter(known).collect();
        let labels: Vec<i64> = rows.iter().map(|row| fixture.labels[*row]).collect();
        let chosen = train.select(ndarray::Axis(0), &rows);
        let fitted = LogisticRegression::new().c(case.c);
        let fitted = fitted.fit(&chosen, &labels).unwrap();
        assert_eq!(fitted.classes(), case.classes);
        let probabilities = fitted.predict_proba(&test).unwrap();
        assert_near(&probabilities, case.probabilities.iter().flatten(), 1e-3);
        assert_near(
            fitted.coefficients(),
            case.coefficients.iter().flatten(),
            2e-2,
        );
        assert_eq!(fitted.intercepts().len(), case.intercepts.len());
    }
}

#[test]
fn linear_regressions_are_scikit_learns() {
    let fixture = fixture();
    for (rows, case) in [&fixture.samples, &fixture.dependent]
        .into_iter()
        .zip(&fixture.linear)
    {
        let samples = table(rows);
        let (train, test) = parts(&samples);
        let fitted = LinearRegression::new()
            .fit(&train, &fixture.targets[..TRAIN])
            .unwrap();
        assert_near(fitted.coefficients(), &case.coefficients, 1e-8);
        assert!((fitted.intercept() - case.intercept).abs() < 1e-8);
        let r2 = r2_score(&fixture.targets[TRAIN..], &fitted.predict(&test).unwrap()).unwrap();
        assert!(r2 > 0.9, "{r2}");
    }
}

#[test]
fn neighbours_vote_as_scikit_learns() {
    let fixture = fixture();
    let samples = table(&fixture.samples);
    let (train, test) = parts(&samples);
    for case in &fixture.neighbors {
        let metric = match case.metric.as_str() {
            "cosine" => Metric::Cosine,
            _ => Metric::Euclidean,
        };
        let classifier = KNeighborsClassifier::new(case.k).metric(metric);
        let classifier = classifier.fit(&train, &fixture.labels[..TRAIN]).unwrap();
        assert_eq!(classifier.predict(&test).unwrap(), case.labels);
        let probabilities = classifier.predict_proba(&test).unwrap();
        assert_near(&probabilities, case.probabilities.iter().flatten(), 1e-12);
        let regressor = KNeighborsRegressor::new(case.k).metric(metric);
        let regressor = regressor.fit(&train, &fixture.targets[..TRAIN]).unwrap();
        assert_near(&regressor.predict(&test).unwrap(), &case.values, 1e-12);
    }
}

#[test]
fn the_best_of_many_starts_is_scikit_learns_best() {
    let fixture = fixture();
    let samples = table(&fixture.samples);
    for case in &fixture.k_means {
        let clusters = KMeans::new(case.n_clusters)
            .n_init(30)
            .fit(&samples)
            .unwrap();
        let excess = clusters.inertia() / case.inertia - 1.0;
        assert!(
            (-1e-6..0.01).contains(&excess),
            "{} {excess}",
            case.n_clusters
        );
        assert_eq!(clusters.predict(&samples).unwrap(), clusters.labels());
    }
}

#[test]
fn half_circles_are_clusters_and_what_lies_apart_is_none() {
    let fixture = fixture();
    let moons = table(&fixture.moons);
    for case in &fixture.hdbscan {
        let hdbscan = Hdbscan::new().min_cluster_size(case.min_cluster_size);
        let labels = hdbscan.fit_predict(&moons).unwrap();
        let equal = adjusted_rand_score(&case.labels, &labels).unwrap();
        assert!(equal > 0.9, "{equal} {labels:?}");
        let none = |labels: &[i64]| labels.iter().filter(|label| **label == -1).count();
        assert!(
            none(&labels).abs_diff(none(&case.labels)) <= 3,
            "{labels:?}"
        );
    }
}

#[test]
fn forests_are_as_good_as_scikit_learns_and_the_same_for_a_seed() {
    let fixture = fixture();
    let samples = table(&fixture.samples);
    let (train, test) = parts(&samples);
    let forest = RandomForestClassifier::new().seed(3);
    let fitted = forest.fit(&train, &fixture.labels[..TRAIN]).unwrap();
    let predicted = fitted.predict(&test).unwrap();
    let accuracy = accuracy_score(&fixture.labels[TRAIN..], &predicted).unwrap();
    assert!(
        accuracy >= fixture.forest_accuracy.least - 0.04,
        "{accuracy}"
    );
    let again = forest.fit(&train, &fixture.labels[..TRAIN]).unwrap();
    let probabilities = fitted.predict_proba(&test).unwrap();
    assert_eq!(probabilities, again.predict_proba(&test).unwrap());
    assert!(
        probabilities
            .rows()
            .into_iter()
            .all(|row| (row.sum() - 1.0).abs() < 1e-9)
    );

    let regressor = RandomForestRegressor::new().seed(3);
    let regressor = regressor.fit(&train, &fixture.targets[..TRAIN]).unwrap();
    let r2 = r2_score(
        &fixture.targets[TRAIN..],
        &regressor.predict(&test).unwrap(),
    )
    .unwrap();
    assert!(r2 >= fixture.forest_r2.least - 0.03, "{r2}");
    let importances = regressor.feature_importances().unwrap();
    assert_near(&importances, &fixture.forest_r2.importances, 0.05);
}

#[test]
fn samples_and_targets_that_do_not_fit_are_refused_in_a_sentence() {
    let samples = ndarray::arr2(&[[0.0, 1.0], [1.0, f64::NAN]]);
    let error = RandomForestClassifier::new()
        .fit(&samples, &[0, 1])
        .unwrap_err();
    assert!(
        error.to_string().contains("NaN in row 1, column 1"),
        "{error}"
    );
    let samples = ndarray::arr2(&[[0.0, 1.0], [1.0, 3.0]]);
    let error = LinearRegression::new().fit(&samples, &[1.0]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("for each of 1 samples. Received: 2"),
        "{error}"
    );
    let fitted = KNeighborsRegressor::new(1)
        .fit(&samples, &[1.0, 2.0])
        .unwrap();
    let error = fitted.predict(&ndarray::arr2(&[[1.0]])).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("2 features, as in the fit. Received: 1"),
        "{error}"
    );
    let error = RandomForestClassifier::new()
        .max_features(3)
        .fit(&samples, &[0, 1]);
    assert!(
        error
            .unwrap_err()
            .to_string()
            .contains("from 1 to the 2 features")
    );
    let empty = Array2::<f64>::zeros((0, 2));
    let error = KMeans::new(1).fit(&empty).unwrap_err();
    assert!(error.to_string().contains("at least one sample"), "{error}");
    let distances = KNeighborsClassifier::new(1).metric(Metric::Precomputed);
    assert!(distances.fit(&samples, &[0, 1]).is_err());
    let error = RandomForestClassifier::new()
        .fit(&samples, &[u64::MAX, 1])
        .unwrap_err();
    assert!(error.to_string().contains("64 bits"), "{error}");
}
