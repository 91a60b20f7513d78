//! t-SNE against scikit-learn (tests/fixtures/make.py), against the bhtsne crate, and on input
//! whose map is known or that has none.

#![expect(
    clippy::unwrap_used,
    reason = "a fit or a fixture that fails unexpectedly fails the test"
)]

use std::collections::BTreeMap;

use labbook_analysis::{
    Affinities, AnalysisError, Init, LearningRate, Method, Tsne, TsneEvent, knn_recall,
    nearest_neighbor_accuracy, trustworthiness,
};
use ndarray::{Array2, Axis, concatenate, s};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    samples: Vec<Vec<f32>>,
    maps: Vec<Map>,
    perplexity: f64,
    kl_divergence: f64,
    kl_divergences_of_moved_samples: Vec<f64>,
    learning_rate: f64,
}

#[derive(Deserialize)]
struct Map {
    embedding: Vec<Vec<f32>>,
    trustworthiness: BTreeMap<usize, f64>,
}

fn case() -> Case {
    let fixture: Fixture = serde_json::from_str(include_str!("fixtures/tsne.json")).unwrap();
    fixture.cases.into_iter().next().unwrap()
}

fn table(rows: &[Vec<f32>]) -> Array2<f32> {
    Array2::from_shape_vec((rows.len(), rows[0].len()), rows.concat()).unwrap()
}

/// `groups` clouds of `size` points in `d` dimensions, and the number of each point's cloud.
fn blobs(groups: usize, size: usize, d: usize) -> (Array2<f32>, Vec<usize>) {
    let mut state = 1_u64;
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1_u64 << 24) as f32 - 0.5
    };
    let centres = Array2::from_shape_fn((groups, d), |_| 8.0 * uniform());
    let labels: Vec<usize> = (0..groups * size).map(|i| i % groups).collect();
    // A sum of four uniform numbers is bell-shaped.
    let samples = Array2::from_shape_fn((groups * size, d), |(i, j)| {
        centres[[labels[i], j]] + (0..4).map(|_| uniform()).sum::<f32>()
    });
    (samples, labels)
}

fn finite(map: &Array2<f32>) -> bool {
    map.iter().all(|x| x.is_finite())
}

#[test]
fn trustworthiness_is_that_of_scikit_learn() {
    let case = case();
    let samples = table(&case.samples);
    for map in &case.maps {
        let embedding = table(&map.embedding);
        for (&k, expected) in &map.trustworthiness {
            let actual = trustworthiness(&samples, &embedding, k).unwrap();
            assert!((actual - expected).abs() < 1e-12, "{actual} {expected}");
        }
    }
}

#[test]
fn divergence_scores_and_fits_are_those_of_scikit_learn() {
    let case = case();
    let samples = table(&case.samples);
    let affinities = Affinities::new(&samples, case.perplexity).unwrap();
    // The map that scikit-learn made scores what it said, but for its last step.
    let theirs = table(&case.maps.last().unwrap().embedding);
    let scored = affinities.kl_divergence(&theirs).unwrap();
    let expected = case.kl_divergence;
    assert!(
        (scored / expected - 1.0).abs() < 1e-3,
        "{scored} {expected}"
    );

    let tsne = Tsne::new().perplexity(case.perplexity);
    let map = tsne.fit(&samples).unwrap();
    assert_eq!(map.learning_rate, case.learning_rate);
    let scored = affinities.kl_divergence(&map.embedding).unwrap();
    assert!((scored / map.kl_divergence - 1.0).abs() < 1e-3, "{scored}");
}

/// The descent is chaotic: samples moved by 1e-5 end in maps whose divergences differ by a tenth,
/// scikit-learn's as well as ours, so that a single pair of maps tells nothing.
#[test]
fn many_fits_diverge_no_more_than_those_of_scikit_learn() {
    let case = case();
    let samples = table(&case.samples);
    let theirs = &case.kl_divergences_of_moved_samples;
    let tsne = Tsne::new().perplexity(case.perplexity);
    let ours: Vec<f64> = (0..theirs.len())
        .map(|move_number| {
            let mut place = move_number as f32;
            let moved = samples.mapv(|x| {
                place += 1.7;
                x + 1e-5 * place.sin()
            });
            tsne.fit(&moved).unwrap().kl_divergence
        })
        .collect();
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    assert!(mean(&ours) < 1.05 * mean(theirs), "{ours:?} {theirs:?}");
}

#[test]
fn bhtsne_makes_no_better_map() {
    let (samples, _) = blobs(4, 40, 8);
    let perplexity = 12.0;
    let affinities = Affinities::new(&samples, perplexity).unwrap();
    let ours = Tsne::new().perplexity(perplexity).fit(&samples).unwrap();

    let rows: Vec<Vec<f32>> = samples.rows().into_iter().map(|row| row.to_vec()).collect();
    let start: Vec<f32> = samples
        .slice(s![.., ..2])
        .iter()
        .map(|x| 1e-4 * x)
        .collect();
    let mut oracle = bhtsne::tSNE::<f32, Vec<f32>, 2>::new(&rows);
    // Its gradient lacks the factor 4: 200 there is 50 here.
    oracle
        .perplexity(perplexity as f32)
        .learning_rate(200.0)
        .epochs(1000)
        .initial_embedding(start)
        .exact(|a, b| {
            let squared: f32 = a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum();
            squared.sqrt()
        });
    let theirs = Array2::from_shape_vec(ours.embedding.dim(), oracle.embedding()).unwrap();

    let score = |map| affinities.kl_divergence(map).unwrap();
    let (own, other) = (score(&ours.embedding), score(&theirs));
    assert!(own < 1.05 * other, "{own} against {other}");
    let trust = |map| trustworthiness(&samples, map, 5).unwrap();
    let (own, other) = (trust(&ours.embedding), trust(&theirs));
    assert!((own - other).abs() < 0.02, "{own} against {other}");
}

#[test]
fn blobs_stay_apart_and_neighbours_together_with_either_method() {
    let (samples, labels) = blobs(5, 200, 10);
    let mut divergences = Vec::new();
    for (method, init) in [
        (Method::Exact, Init::Pca),
        (Method::Fft, Init::Pca),
        (Method::Fft, Init::Random(7)),
    ] {
        let tsne = Tsne::new().perplexity(15.0).method(method).init(init);
        let map = tsne.max_iter(300).fit(&samples).unwrap();
        let what = format!("{method:?} {init:?} {map:?}");
        let trust = trustworthiness(&samples, &map.embedding, 5).unwrap();
        assert!(trust > 0.9, "{what}: {trust}");
        let recall = knn_recall(&samples, &map.embedding, 15).unwrap();
        assert!(recall > 0.2, "{what}: {recall}");
        let same = nearest_neighbor_accuracy(&map.embedding, &labels).unwrap();
        assert!(same > 0.99, "{what}: {same}");
        divergences.push(map.kl_divergence);
    }
    // Which method sums the forces is no matter of quality.
    let (exact, fft) = (divergences[0], divergences[1]);
    assert!((exact / fft - 1.0).abs() < 0.05, "{divergences:?}");
}

#[test]
fn groups_stay_apart_with_every_tail_and_light_ones_draw_the_map_together() {
    for (method, size) in [(Method::Exact, 60), (Method::Fft, 260)] {
        let (samples, labels) = blobs(4, size, 10);
        let extents = [0.5, 1.0, 3.0].map(|dof| {
            let tsne = Tsne::new().perplexity(20.0).method(method).dof(dof);
            let map = tsne.max_iter(500).fit(&samples).unwrap();
            assert!(finite(&map.embedding) && map.kl_divergence >= 0.0);
            let score = nearest_neighbor_accuracy(&map.embedding, &labels).unwrap();
            assert_eq!(score, 1.0, "{method:?}, {dof}");
            // A sample that is there already lands among its group.
            let placed = map
                .transform(&samples.slice(s![..4, ..]).to_owned())
                .unwrap();
            let all = concatenate(Axis(0), &[map.embedding.view(), placed.view()]).unwrap();
            let groups: Vec<usize> = labels.iter().chain(&labels[..4]).copied().collect();
            let score = nearest_neighbor_accuracy(&all, &groups).unwrap();
            assert_eq!(score, 1.0, "{method:?}, {dof}: placed");
            map.embedding
                .iter()
                .fold(0.0_f32, |most, x| most.max(x.abs()))
        });
        assert!(extents[1] > extents[2], "{method:?}: {extents:?}");
    }
}

#[test]
fn the_same_settings_give_the_same_map() {
    for (method, size) in [(Method::Exact, 30), (Method::Fft, 350)] {
        let (samples, _) = blobs(3, size, 4);
        let tsne = Tsne::new().perplexity(8.0).max_iter(60).method(method);
        let first = tsne.fit(&samples).unwrap().embedding;
        assert_eq!(tsne.fit(&samples).unwrap().embedding, first);
        let other = tsne.init(Init::Random(1)).fit(&samples).unwrap().embedding;
        assert_ne!(other, first);
        // Doubles and tensors hold the same samples.
        let doubles = samples.mapv(f64::from);
        assert_eq!(tsne.fit(&doubles).unwrap().embedding, first);
        let tensor = tch::Tensor::try_from(&samples).unwrap();
        assert_eq!(tsne.fit(&tensor).unwrap().embedding, first);
    }
}

#[test]
fn new_samples_land_beside_their_like() {
    let (samples, labels) = blobs(4, 60, 6);
    let known = samples.slice(s![..200, ..]);
    let fresh = samples.slice(s![200.., ..]);
    let map = Tsne::new().perplexity(15.0).fit(&known).unwrap();
    let placed = map.transform(&fresh).unwrap();
    assert_eq!(placed.dim(), (40, 2));
    for (point, label) in placed.rows().into_iter().zip(&labels[200..]) {
        let nearest = (0..200)
            .min_by(|&a, &b| {
                let distance = |i: usize| {
                    let difference = &map.embedding.row(i) - &point;
                    difference.dot(&difference)
                };
                distance(a).total_cmp(&distance(b))
            })
            .unwrap();
        assert_eq!(labels[nearest], *label);
    }
    // A sample of the map itself returns to where it is.
    let back = map.transform(&known).unwrap();
    let far = (&back - &map.embedding)
        .rows()
        .into_iter()
        .filter(|row| row.dot(row) > 4.0)
        .count();
    assert!(far < 20, "{far} of 200");
    let error = map.transform(&Array2::<f32>::zeros((2, 5))).unwrap_err();
    assert!(error.to_string().contains("with 6 features"), "{error}");
    assert_eq!(
        map.transform(&Array2::<f32>::zeros((0, 6)))
            .unwrap()
            .nrows(),
        0
    );
}

#[test]
fn the_text_of_the_events_is_that_of_scikit_learns_verbose_mode() {
    let (samples, _) = blobs(3, 40, 4);
    let mut lines = Vec::new();
    let map = Tsne::new()
        .perplexity(9.0)
        .max_iter(300)
        .fit_with(&samples, |event| {
            if event.verbosity() == 1 {
                lines.push(event.to_string());
            } else {
                assert!(matches!(event, TsneEvent::Iteration { .. }));
            }
        })
        .unwrap();
    assert_eq!(lines[0], "[t-SNE] Computing 28 nearest neighbors...");
    assert!(lines[1].starts_with("[t-SNE] Indexed 120 samples in "));
    assert!(lines[2].starts_with("[t-SNE] Computed neighbors for 120 samples in "));
    assert_eq!(
        lines[3],
        "[t-SNE] Computed conditional probabilities for sample 120 / 120"
    );
    assert_eq!(
        lines[4],
        format!("[t-SNE] Mean sigma: {:.6}", map.mean_sigma)
    );
    assert!(lines[5].starts_with("[t-SNE] KL divergence after 250 iterations with early"));
    let last = format!(
        "[t-SNE] KL divergence after 300 iterations: {:.6}",
        map.kl_divergence
    );
    assert_eq!(lines[6], last);
    assert_eq!(lines.len(), 7);
}

#[test]
fn the_descent_stops_where_it_gets_nowhere() {
    let (samples, _) = blobs(2, 20, 3);
    let tsne = Tsne::new().perplexity(5.0);
    let map = tsne.min_grad_norm(1e9).fit(&samples).unwrap();
    assert_eq!(map.n_iter, 100, "one check in each phase");
    // A single cloud settles, unlike several, which drift apart for ever.
    let (cloud, _) = blobs(1, 40, 3);
    let impatient = tsne.min_grad_norm(0.0).n_iter_without_progress(0);
    let map = impatient.max_iter(5000).fit(&cloud).unwrap();
    assert!(map.n_iter < 5000, "{map:?}");
}

#[test]
fn degenerate_samples_have_a_finite_map() {
    let (blob, _) = blobs(1, 30, 3);
    let constant = Array2::<f32>::from_elem((20, 4), 3.5);
    let mut constant_columns = blob.clone();
    constant_columns.slice_mut(s![.., 1..]).fill(2.0);
    let duplicates = concatenate(Axis(0), &[blob.view(), blob.view(), blob.view()]).unwrap();
    let one_column = blob.slice(s![.., ..1]).to_owned();
    let huge = blob.mapv(|x| x * 1e30);
    let tiny = blob.mapv(|x| x * 1e-30);
    let four = blob.slice(s![..4, ..]).to_owned();
    for (name, samples) in [
        ("constant", constant),
        ("constant columns", constant_columns),
        ("duplicates", duplicates),
        ("one column", one_column),
        ("huge", huge),
        ("tiny", tiny),
        ("four samples", four),
    ] {
        for method in [Method::Exact, Method::Fft] {
            let perplexity = (samples.nrows() as f64 / 4.0).min(5.0);
            let tsne = Tsne::new().perplexity(perplexity).method(method);
            let map = tsne.max_iter(270).fit(&samples).unwrap();
            assert!(finite(&map.embedding), "{name} {method:?}");
            assert!(map.kl_divergence.is_finite(), "{name} {method:?}");
        }
    }
    let map = Tsne::new()
        .perplexity(29.0)
        .max_iter(300)
        .fit(&blob)
        .unwrap();
    assert!(
        finite(&map.embedding),
        "nearly as many neighbours as samples"
    );
    let map = Tsne::new().perplexity(5.0).max_iter(20).fit(&blob).unwrap();
    assert!(finite(&map.embedding) && map.n_iter == 20);
}

#[test]
fn few_or_equal_samples_have_a_sound_map_with_the_fft_too() {
    let (normal, _) = blobs(1, 60, 5);
    for (samples, max_iter) in [
        (Array2::from_elem((60, 5), 1.0), 1000),
        (normal, 1000),
        (Array2::from_elem((1000, 2), 1.0), 120),
    ] {
        let tsne = Tsne::new().perplexity(10.0).method(Method::Fft);
        let map = tsne.max_iter(max_iter).fit(&samples).unwrap();
        let scored = Affinities::new(&samples, 10.0).unwrap();
        let scored = scored.kl_divergence(&map.embedding).unwrap();
        assert!(map.kl_divergence > 0.0, "{map:?}");
        assert!(
            (map.kl_divergence / scored - 1.0).abs() < 1e-9,
            "{map:?} {scored}"
        );
        let widest = map.embedding.iter().fold(0.0_f32, |a, b| a.max(b.abs()));
        assert!(widest < 1000.0, "{map:?}: {widest}");
    }
}

#[test]
fn the_fewest_samples_have_a_map_at_every_perplexity() {
    for width in [1, 2, 3, 7] {
        let samples = Array2::from_shape_fn((4, width), |(i, j)| ((3 * i + j) % 5) as f32);
        for perplexity in [1.0, 1.5, 2.0, 2.9, 3.0, 3.9] {
            for method in [Method::Auto, Method::Exact, Method::Fft] {
                let tsne = Tsne::new().perplexity(perplexity).method(method);
                for (samples, init) in [
                    (samples.clone(), Init::Pca),
                    (samples.clone(), Init::Random(1)),
                    (&samples * 0.0, Init::Pca),
                    (&samples * (f32::MAX / 4.0), Init::Random(2)),
                ] {
                    let map = tsne.init(init).max_iter(270).fit(&samples).unwrap();
                    assert!(finite(&map.embedding), "{perplexity} {method:?} {samples}");
                    assert!(finite(&map.transform(&samples).unwrap()));
                }
            }
        }
    }
}

#[test]
fn samples_at_the_ends_of_the_doubles_have_a_finite_map() {
    let (blob, _) = blobs(1, 30, 3);
    let blob = blob.mapv(f64::from);
    let tsne = Tsne::new().perplexity(5.0).method(Method::Exact);
    for factor in [f64::MAX / 8.0, 1e300, 1.0, 1e-300, 1e-310] {
        for init in [Init::Pca, Init::Random(3)] {
            let samples = &blob * factor;
            let map = tsne.init(init).max_iter(270).fit(&samples).unwrap();
            assert!(finite(&map.embedding), "{factor} {init:?}");
            assert!(!map.mean_sigma.is_nan(), "{factor}: {}", map.mean_sigma);
            for far in [1e30, f64::MAX] {
                let placed = map.transform(&Array2::from_elem((2, 3), far)).unwrap();
                assert!(finite(&placed), "{factor} {far}: {placed}");
            }
        }
    }
}

#[test]
fn bad_requests_are_named() {
    let (mut samples, _) = blobs(2, 10, 3);
    let tsne = Tsne::new().perplexity(5.0);
    let text = |result: Result<_, AnalysisError>| match result {
        Ok(_) => String::new(),
        Err(error) => error.to_string(),
    };
    for (asked, expected) in [
        (
            Tsne::new(),
            "perplexity from 1 to less than the number of samples (20)",
        ),
        (
            tsne.early_exaggeration(0.5),
            "early_exaggeration of at least 1",
        ),
        (tsne.learning_rate(-1.0), "learning_rate above 0"),
        (tsne.initial_momentum(1.0), "initial_momentum from 0"),
        (tsne.max_iter(0), "max_iter of at least 1"),
        (tsne.dof(0.0), "dof above 0"),
        (tsne.dof(f64::NAN), "dof above 0"),
        (tsne.learning_rate(1e30), "use a lower learning rate"),
        (
            tsne.learning_rate(LearningRate::Fixed(f64::NAN)),
            "learning_rate above 0",
        ),
    ] {
        let received = text(asked.fit(&samples).map(|_| ()));
        assert!(received.contains(expected), "{received}");
    }
    let few = samples.slice(s![..3, ..]).to_owned();
    let received = text(tsne.fit(&few).map(|_| ()));
    assert!(
        received.contains("at least 4 samples for t-SNE. Received: 3"),
        "{received}"
    );
    samples[[7, 2]] = f32::NAN;
    let received = text(tsne.fit(&samples).map(|_| ()));
    assert!(received.contains("NaN in row 7, column 2"), "{received}");
}
