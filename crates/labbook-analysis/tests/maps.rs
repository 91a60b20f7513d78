//! UMAP and PaCMAP on samples whose groups are known, and on input that has no map.

#![expect(
    clippy::unwrap_used,
    reason = "a fit that fails unexpectedly fails the test"
)]

use labbook_analysis::{
    AnalysisError, Init, Metric, Pacmap, PacmapInit, Tsne, Umap, UmapInit, knn_recall,
    nearest_neighbor_accuracy, trustworthiness,
};
use ndarray::{Array2, s};

/// Rings, one for each class, in `d` dimensions: groups whose shape can be told.
fn rings(groups: usize, size: usize, d: usize) -> (Array2<f32>, Vec<i64>) {
    let mut state = 1_u64;
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5
    };
    let directions = Array2::from_shape_fn((3 * groups, d), |_| uniform());
    let turns: Vec<f32> = (0..groups * size)
        .map(|_| std::f32::consts::TAU * uniform())
        .collect();
    let labels: Vec<i64> = (0..groups * size).map(|i| (i % groups) as i64).collect();
    let samples = Array2::from_shape_fn((groups * size, d), |(i, j)| {
        let (group, turn) = (i % groups, turns[i]);
        let direction = |which: usize| directions[[3 * group + which, j]];
        4.0 * direction(0) + turn.cos() * direction(1) + turn.sin() * direction(2) + 0.1 * uniform()
    });
    (samples, labels)
}

fn check(samples: &Array2<f32>, labels: &[i64], map: &Array2<f32>, trust: f64, recall: f64) {
    assert!(map.iter().all(|x| x.is_finite()));
    let actual = nearest_neighbor_accuracy(map, labels).unwrap();
    assert!(actual > 0.99, "{actual}");
    let actual = trustworthiness(samples, map, 10).unwrap();
    assert!(actual > trust, "trustworthiness {actual}");
    let actual = knn_recall(samples, map, 10).unwrap();
    assert!(actual > recall, "recall {actual}");
}

#[test]
fn umap_keeps_neighbours_together_from_every_start() {
    let (samples, labels) = rings(4, 80, 12);
    for init in [UmapInit::Spectral, UmapInit::Pca, UmapInit::Random] {
        let umap = Umap::new().init(init);
        let map = umap.fit(&samples).unwrap();
        check(&samples, &labels, &map.embedding, 0.97, 0.5);
        assert_eq!(umap.fit(&samples).unwrap().embedding, map.embedding);
        assert_eq!(map.n_epochs, 500);
    }
}

#[test]
fn umap_places_new_samples_with_their_likes() {
    let (samples, labels) = rings(4, 100, 12);
    let (old, new) = samples.view().split_at(ndarray::Axis(0), 300);
    let map = Umap::new().fit(&old).unwrap();
    let placed = map.transform(&new).unwrap();
    let mut all = Array2::zeros((400, 2));
    all.slice_mut(s![..300, ..]).assign(&map.embedding);
    all.slice_mut(s![300.., ..]).assign(&placed);
    check(&samples, &labels, &all, 0.96, 0.45);
    assert_eq!(
        map.transform(&new.slice(s![..0, ..])).unwrap().dim(),
        (0, 2)
    );
    let error = map.transform(&new.slice(s![.., ..5])).unwrap_err();
    assert!(matches!(error, AnalysisError::FeatureMismatch { .. }));
}

#[test]
fn labels_part_what_the_samples_do_not() {
    let (samples, _) = rings(1, 240, 8);
    let labels: Vec<i64> = (0..240).map(|i| i % 2).collect();
    let own = |map: &Array2<f32>| nearest_neighbor_accuracy(map, &labels).unwrap();
    let without = own(&Umap::new().fit(&samples).unwrap().embedding);
    let umap = Umap::new().target_weight(0.8);
    let with = own(&umap.fit_with_labels(&samples, &labels).unwrap().embedding);
    assert!(without < 0.65 && with > 0.95, "{without} {with}");
    let error = umap.fit_with_labels(&samples, &labels[1..]).unwrap_err();
    assert!(
        matches!(error, AnalysisError::RowMismatch { .. }),
        "{error}"
    );
}

#[test]
fn pacmap_keeps_neighbours_together() {
    // With more than a hundred features, principal components come first.
    for d in [12, 120] {
        let (samples, labels) = rings(4, 80, d);
        for init in [PacmapInit::Pca, PacmapInit::Random] {
            let pacmap = Pacmap::new().init(init);
            let map = pacmap.fit(&samples).unwrap();
            check(&samples, &labels, &map, 0.95, 0.3);
            assert_eq!(pacmap.fit(&samples).unwrap(), map);
        }
    }
}

#[test]
fn angles_and_given_distances_make_maps_too() {
    let (samples, labels) = rings(3, 60, 10);
    // Lengths that differ say nothing about angles.
    let scaled = Array2::from_shape_fn(samples.dim(), |(i, j)| {
        samples[[i, j]] * (1.0 + (i % 7) as f32)
    });
    let distances = Array2::from_shape_fn((180, 180), |(i, j)| {
        let (a, b) = (samples.row(i), samples.row(j));
        1.0 - a.dot(&b) / (a.dot(&a) * b.dot(&b)).sqrt()
    })
    .mapv(|d| d.max(0.0));
    for (metric, table) in [
        (Metric::Cosine, &scaled),
        (Metric::Correlation, &scaled),
        (Metric::Precomputed, &distances),
    ] {
        let umap = Umap::new().metric(metric).fit(table).unwrap();
        let own = nearest_neighbor_accuracy(&umap.embedding, &labels).unwrap();
        assert!(own > 0.95, "{metric:?}: {own}");
        let tsne = Tsne::new().perplexity(10.0).metric(metric);
        let tsne = tsne.init(Init::Random(1)).fit(table).unwrap();
        let own = nearest_neighbor_accuracy(&tsne.embedding, &labels).unwrap();
        assert!(own > 0.95, "{metric:?}: {own}");
        assert_eq!(
            umap.transform(table).is_err(),
            metric == Metric::Precomputed
        );
        assert_eq!(
            tsne.transform(table).is_err(),
            metric == Metric::Precomputed
        );
    }
    let map = Pacmap::new().metric(Metric::Cosine).fit(&scaled).unwrap();
    let own = nearest_neighbor_accuracy(&map, &labels).unwrap();
    assert!(own > 0.95, "{own}");
}

#[test]
fn input_without_a_map_is_named() {
    let (mut samples, _) = rings(2, 20, 5);
    let says = |error: AnalysisError, text: &str| {
        assert!(error.to_string().contains(text), "{error}");
    };
    let few = samples.slice(s![..3, ..]);
    says(
        Umap::new().fit(&few).unwrap_err(),
        "at least 4 samples for UMAP",
    );
    says(
        Pacmap::new().fit(&few).unwrap_err(),
        "at least 4 samples for PaCMAP",
    );
    for (umap, option) in [
        (Umap::new().n_neighbors(1), "n_neighbors"),
        (Umap::new().min_dist(1.5), "min_dist"),
        (Umap::new().spread(0.0), "spread"),
        (Umap::new().learning_rate(f64::NAN), "learning_rate"),
        (Umap::new().n_epochs(0), "n_epochs"),
        (Umap::new().negative_sample_rate(0), "negative_sample_rate"),
        (Umap::new().set_op_mix_ratio(2.0), "set_op_mix_ratio"),
    ] {
        says(umap.fit(&samples).unwrap_err(), option);
    }
    for (pacmap, option) in [
        (Pacmap::new().n_neighbors(0), "n_neighbors"),
        (Pacmap::new().mn_ratio(-1.0), "mn_ratio"),
        (Pacmap::new().fp_ratio(f64::INFINITY), "fp_ratio"),
        (Pacmap::new().metric(Metric::Precomputed), "metric"),
    ] {
        says(pacmap.fit(&samples).unwrap_err(), option);
    }
    let precomputed = Umap::new().metric(Metric::Precomputed);
    says(
        precomputed.fit(&samples).unwrap_err(),
        "(n_samples, n_samples)",
    );
    says(
        Tsne::new()
            .metric(Metric::Precomputed)
            .fit(&samples)
            .unwrap_err(),
        "init Random",
    );
    samples.row_mut(7).fill(0.0);
    let angles = Umap::new().metric(Metric::Cosine);
    says(angles.fit(&samples).unwrap_err(), "0 in every feature");
    samples[[3, 2]] = f32::NAN;
    says(
        Umap::new().fit(&samples).unwrap_err(),
        "NaN in row 3, column 2",
    );
    says(
        Pacmap::new().fit(&samples).unwrap_err(),
        "NaN in row 3, column 2",
    );
}

#[test]
fn the_fewest_and_equal_samples_have_maps() {
    for n in 4..12 {
        let equal = Array2::<f32>::from_elem((n, 3), 0.5);
        let different = Array2::from_shape_fn((n, 3), |(i, j)| ((i * 5 + j) % 7) as f32);
        for samples in [&equal, &different] {
            let map = Umap::new().n_epochs(50).fit(samples).unwrap().embedding;
            assert!(map.iter().all(|x| x.is_finite()), "{n}: {map}");
            let map = Pacmap::new().num_iters(10, 10, 10).fit(samples).unwrap();
            assert!(map.iter().all(|x| x.is_finite()), "{n}: {map}");
        }
    }
}
