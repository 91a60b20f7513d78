//! Our side of `cargo xtask bench maps`, which says how fast maps and components are beside their
//! peers and how good the maps are. Prints one line of JSON for every result.
//!
//! A folder of samples holds `samples.f32` (rows of as many features as `features.txt` says) and
//! `labels.u8`.
//!
//! ```text
//! bench_maps data FOLDER POINTS   train a network, write its hidden activations and the labels
//! bench_maps fit METHOD FOLDER POINTS REPEATS MAP
//!                                 map the first points by tsne, umap or pacmap, write the map,
//!                                 time it
//! bench_maps score FOLDER POINTS MAP...
//!                                 score maps, all against the same samples
//! bench_maps pca FOLDER POINTS REPEATS
//!                                 time three principal components
//! bench_maps oracle FOLDER POINTS time the bhtsne crate on the same neighbours
//! ```

#![expect(clippy::unwrap_used, reason = "a benchmark may stop where it fails")]

use std::fs;
use std::path::Path;
use std::time::Instant;

use labbook_analysis::{
    Affinities, LearningRate, Pacmap, Pca, Tsne, TsneEvent, Umap, knn_recall_of,
    nearest_neighbor_accuracy, trustworthiness_of,
};
use labbook_data::datasets::cifar10;
use labbook_nn::Activation::{Relu, Softmax};
use labbook_nn::{
    Adam, Conv2D, Dense, Dropout, Fit, Flatten, MaxPooling2D, Sequential,
    SparseCategoricalCrossentropy,
};
use ndarray::{Array2, s};
use serde_json::json;
use tch::Kind;

const FEATURES: usize = 512;
const PERPLEXITY: f64 = 40.0;
const ITERATIONS: usize = 300;
const SEED: u64 = 16;
/// Points at most whose neighbourhoods are scored.
const QUERIES: usize = 5000;

fn main() {
    tch::set_num_threads(2);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let number = |word: &str| word.parse::<usize>().unwrap();
    match words[..] {
        ["data", folder, points] => data(Path::new(folder), number(points)),
        ["fit", method, folder, points, repeats, map] => {
            let samples = samples(Path::new(folder), number(points));
            for _ in 0..number(repeats) {
                fit(method, &samples, map);
            }
        }
        ["score", folder, points, ref maps @ ..] => score(Path::new(folder), number(points), maps),
        ["pca", folder, points, repeats] => {
            pca(&samples(Path::new(folder), number(points)), number(repeats));
        }
        ["oracle", folder, points] => oracle(&samples(Path::new(folder), number(points))),
        _ => println!("see the head of this program's source"),
    }
}

/// Experiment 16's network, its convolutions an eighth as wide, trained for a few epochs.
fn data(folder: &Path, points: usize) {
    let cifar = cifar10::load_at_most(50_000, 0).unwrap();
    let part = |start: usize, end: usize| {
        let images = cifar.train.slice(start..end).images_tensor();
        images.to_kind(Kind::Float) / 255.0
    };
    let mut model = Sequential::new().seeded(SEED);
    model.add(
        Conv2D::new(64, (3, 3))
            .activation(Relu)
            .input_shape((32, 32, 3)),
    );
    model.add(MaxPooling2D::new((2, 2)));
    model.add(Conv2D::new(128, (3, 3)).activation(Relu));
    model.add(MaxPooling2D::new((2, 2)));
    model.add(Dropout::new(0.2));
    model.add(Conv2D::new(128, (3, 3)).activation(Relu));
    model.add(MaxPooling2D::new((2, 2)));
    model.add(Flatten::new());
    model.add(Dense::new(FEATURES as i64).activation(Relu));
    model.add(Dense::new(10).activation(Softmax));
    model
        .compile(
            Adam::new(),
            SparseCategoricalCrossentropy::new(),
            ["accuracy"],
        )
        .unwrap();
    let train = cifar.train.len().min(20_000);
    let options = Fit::new().epochs(6).batch_size(256);
    let labels = cifar.train.take(train).labels_tensor();
    model.fit(&part(0, train), &labels, &options).unwrap();

    let points = points.min(cifar.train.len());
    let mut bytes = Vec::with_capacity(4 * points * FEATURES);
    for start in (0..points).step_by(500) {
        let end = points.min(start + 500);
        let hidden = model.activations(&part(start, end), 9).unwrap().remove(8);
        let mut values = vec![0.0_f32; hidden.numel()];
        let length = values.len();
        hidden.copy_data(&mut values, length);
        bytes.extend(values.iter().flat_map(|value| value.to_le_bytes()));
    }
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("samples.f32"), bytes).unwrap();
    fs::write(folder.join("features.txt"), FEATURES.to_string()).unwrap();
    let labels = cifar.train.take(points).labels;
    let labels: Vec<u8> = labels.iter().map(|&label| label as u8).collect();
    fs::write(folder.join("labels.u8"), labels).unwrap();
    let text = format!(
        "512 hidden activations of an Experiment 16 network (convolutions 64, 128, 128; seed \
         {SEED}; 6 epochs on {train} images) for the first {points} training images of: {}",
        cifar.provenance
    );
    fs::write(folder.join("provenance.txt"), text).unwrap();
}

fn floats(path: &Path, values: usize) -> Vec<f32> {
    let bytes = fs::read(path).unwrap();
    let (numbers, _) = bytes.as_chunks::<4>();
    let numbers = numbers.iter().map(|&bytes| f32::from_le_bytes(bytes));
    numbers.take(values).collect()
}

fn samples(folder: &Path, points: usize) -> Array2<f32> {
    let features = fs::read_to_string(folder.join("features.txt")).unwrap();
    let features: usize = features.trim().parse().unwrap();
    let values = floats(&folder.join("samples.f32"), points * features);
    Array2::from_shape_vec((points, features), values).unwrap()
}

/// openTSNE's step sizes, which reach a lower divergence in 300 iterations than scikit-learn's.
fn settings() -> Tsne {
    Tsne::new()
        .perplexity(PERPLEXITY)
        .max_iter(ITERATIONS)
        .learning_rate(LearningRate::PerPhase)
}

fn fit(method: &str, samples: &Array2<f32>, map: &str) {
    let start = Instant::now();
    let mut stages = serde_json::Map::new();
    let mut told = None;
    let embedding = match method {
        "umap" => Umap::new().fit(samples).unwrap().embedding,
        "pacmap" => Pacmap::new().fit(samples).unwrap(),
        _ => {
            let fitted = settings()
                .fit_with(samples, |event| {
                    let name = match event {
                        TsneEvent::Indexed { .. } => "indexed",
                        TsneEvent::ComputedNeighbors { .. } => "neighbours",
                        TsneEvent::MeanSigma(_) => "affinities",
                        TsneEvent::Iteration { iteration: 50, .. } => "50 iterations",
                        TsneEvent::ExaggerationDone { .. } => "250 iterations",
                        _ => return,
                    };
                    stages.insert(name.to_owned(), json!(start.elapsed().as_secs_f64()));
                })
                .unwrap();
            told = Some(fitted.kl_divergence);
            fitted.embedding
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    println!(
        "{}",
        json!({"seconds": seconds, "told": told, "until": stages})
    );
    let bytes: Vec<u8> = embedding
        .iter()
        .flat_map(|value| value.to_le_bytes())
        .collect();
    fs::write(map, bytes).unwrap();
}

fn score(folder: &Path, points: usize, maps: &[&str]) {
    let samples = samples(folder, points);
    let labels = fs::read(folder.join("labels.u8")).unwrap();
    let affinities = Affinities::new(&samples, PERPLEXITY).unwrap();
    let step = points.div_ceil(QUERIES);
    let queries: Vec<usize> = (0..points).step_by(step).collect();
    for path in maps {
        let values = floats(Path::new(path), 2 * points);
        let map = Array2::from_shape_vec((points, 2), values).unwrap();
        println!(
            "{}",
            json!({
                "map": path,
                "kl": affinities.kl_divergence(&map).unwrap(),
                "trust": trustworthiness_of(&samples, &map, 5, &queries).unwrap(),
                "recall": knn_recall_of(&samples, &map, 10, &queries).unwrap(),
                "accuracy": nearest_neighbor_accuracy(&map, &labels[..points]).unwrap(),
            })
        );
    }
}

fn pca(samples: &Array2<f32>, repeats: usize) {
    for _ in 0..repeats {
        let start = Instant::now();
        let (fitted, _) = Pca::new(3).fit_transform(samples).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        let ratio = fitted.explained_variance_ratio().sum();
        println!("{}", json!({"seconds": seconds, "ratio": ratio}));
    }
}

/// The bhtsne crate's affinities and descent from neighbours that we found, beside ours.
fn oracle(samples: &Array2<f32>) {
    let n = samples.nrows();
    let affinities = Affinities::new(samples, PERPLEXITY).unwrap();
    // The rows of the affinities hold the neighbours; the nearest of them are what it asks for.
    let k = (3.0 * PERPLEXITY) as usize;
    let neighbors: Vec<Vec<bhtsne::Neighbor<f32>>> = (0..n)
        .map(|i| {
            let mut near: Vec<_> = affinities
                .row(i)
                .0
                .iter()
                .map(|&j| {
                    let difference = &samples.row(j as usize) - &samples.row(i);
                    bhtsne::Neighbor {
                        index: j as usize,
                        distance: difference.dot(&difference).sqrt(),
                    }
                })
                .collect();
            near.sort_by(|a, b| a.distance.total_cmp(&b.distance));
            near.truncate(k);
            near
        })
        .collect();
    let rows: Vec<&[f32]> = samples
        .outer_iter()
        .map(|row| row.to_slice().unwrap())
        .collect();
    let init: Vec<f32> = samples
        .slice(s![.., ..2])
        .iter()
        .map(|x| 1e-4 * x)
        .collect();

    for _ in 0..2 {
        let start = Instant::now();
        let mut known = 0.0;
        settings()
            .fit_with(samples, |event| {
                if let TsneEvent::ComputedNeighbors { .. } = event {
                    known = start.elapsed().as_secs_f64();
                }
            })
            .unwrap();
        let ours = start.elapsed().as_secs_f64() - known;
        let start = Instant::now();
        let mut oracle = bhtsne::tSNE::<f32, &[f32], 2>::new(&rows);
        oracle
            .perplexity(PERPLEXITY as f32)
            .learning_rate((n as f32 / 12.0).max(200.0))
            .epochs(ITERATIONS)
            .initial_embedding(init.clone())
            .fit_sne_with_neighbors(&neighbors);
        let theirs = start.elapsed().as_secs_f64();
        println!("{}", json!({"ours": ours, "bhtsne": theirs}));
    }
}
