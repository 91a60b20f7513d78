use rayon::prelude::*;

use crate::symmetric_graph::SymmetricGraph;

/// A width is at least this share of the mean distance, so that none is 0.
const LEAST_WIDTH: f64 = 1e-3;

/// How close the sum of weights must come to the wanted one.
const TOLERANCE: f64 = 1e-5;

/// The weights of the edges from every sample to its nearest others: `exp(-(d - rho) / sigma)`,
/// where `rho` is the distance of the nearest one and `sigma` such that the weights sum to
/// `log2(n_neighbors)`. `distances` has `k` entries per sample.
///
/// umap-learn counts a sample among its own neighbours, with distance 0 and no weight; so `k` is
/// `n_neighbors - 1`. Where samples are new to a map, `rho` is 0, and `k` is `n_neighbors`.
pub(super) fn membership(distances: &[f32], k: usize, new_samples: bool) -> Vec<f32> {
    let own = usize::from(!new_samples);
    let n_neighbors = k + own;
    let goal = (n_neighbors as f64).log2();
    let sum: f64 = distances.iter().map(|&d| f64::from(d)).sum();
    let mean = sum / (distances.len() / k.max(1) * n_neighbors).max(1) as f64;
    let mut weights = vec![0.0_f32; distances.len()];
    weights
        .par_chunks_mut(k)
        .zip(distances.par_chunks(k))
        .for_each(|(weights, distances)| {
            let above = distances.iter().copied().filter(|&d| d > 0.0);
            let nearest = match new_samples {
                true => 0.0,
                false => above.reduce(f32::min).map_or(0.0, f64::from),
            };
            let beyond = |d: f32| f64::from(d) - nearest;
            let weight = |d: f32, sigma: f64| match beyond(d) {
                beyond if beyond > 0.0 => (-beyond / sigma).exp(),
                _ => 1.0,
            };
            let row_mean =
                distances.iter().map(|&d| f64::from(d)).sum::<f64>() / n_neighbors as f64;
            // umap-learn sums from its second entry on. The first is the sample itself, which is
            // not among ours, or, of new samples, the nearest.
            let first = distances.iter().copied().fold(f32::INFINITY, f32::min);
            let sigma = width(goal, |sigma| {
                let sum: f64 = distances.iter().map(|&d| weight(d, sigma)).sum();
                match new_samples {
                    true => sum - weight(first, sigma),
                    false => sum,
                }
            });
            let least = match nearest > 0.0 {
                true => LEAST_WIDTH * row_mean,
                false => LEAST_WIDTH * mean,
            };
            let sigma = sigma.max(least);
            for (to, &d) in weights.iter_mut().zip(distances) {
                *to = match sigma > 0.0 {
                    true => weight(d, sigma) as f32,
                    false => 1.0,
                };
            }
        });
    weights
}

/// The width for which a sum that grows with it reaches its goal, by bisection.
fn width(goal: f64, sum: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high, mut middle) = (0.0, f64::INFINITY, 1.0);
    for _ in 0..64 {
        let reached = sum(middle);
        if (reached - goal).abs() < TOLERANCE {
            break;
        }
        if reached > goal {
            high = middle;
        } else {
            low = middle;
        }
        middle = match high.is_infinite() {
            true => 2.0 * middle,
            false => 0.5 * (low + high),
        };
    }
    middle
}

/// Either of two fuzzy edges: what both directions of a pair are united to.
pub(super) fn either(own: f32, other: f32) -> f32 {
    own + other - own * other
}

/// Weakens edges between samples of different classes, and, less, those of samples without a
/// class (a negative label); then every sample's strongest edge is as strong as before. As
/// umap-learn's `discrete_metric_simplicial_set_intersection`.
pub(super) fn separate(
    graph: &SymmetricGraph,
    labels: &[i128],
    target_weight: f64,
) -> SymmetricGraph {
    let between = match target_weight < 1.0 {
        true => 2.5 / (1.0 - target_weight),
        false => 1e12,
    };
    let weaken = |i: usize, j: u32| match (labels[i], labels[j as usize]) {
        (a, b) if a < 0 || b < 0 => (-1.0_f64).exp(),
        (a, b) if a != b => (-between).exp(),
        _ => 1.0,
    };
    let weakened: Vec<f32> = (0..graph.len())
        .into_par_iter()
        .flat_map_iter(|i| {
            let (columns, values) = graph.row(i);
            let pairs = columns.iter().zip(values);
            let row: Vec<f32> = pairs
                .map(|(&j, &value)| (f64::from(value) * weaken(i, j)) as f32)
                .collect();
            row
        })
        .collect();
    let strongest: Vec<f32> = (0..graph.len())
        .map(|i| {
            let row = &weakened[graph.row_starts[i]..graph.row_starts[i + 1]];
            row.iter().copied().fold(f32::MIN_POSITIVE, f32::max)
        })
        .collect();
    let values = (0..graph.len())
        .into_par_iter()
        .flat_map_iter(|i| {
            let (columns, _) = graph.row(i);
            let strongest = &strongest;
            // A pair has the same weight from both ends, before their shares of the strongest.
            let row = &weakened[graph.row_starts[i]..graph.row_starts[i + 1]];
            columns.iter().zip(row).map(move |(&j, &weight)| {
                either(weight / strongest[i], weight / strongest[j as usize])
            })
        })
        .collect();
    SymmetricGraph {
        row_starts: graph.row_starts.clone(),
        columns: graph.columns.clone(),
        values,
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;
    use serde::Deserialize;

    use super::*;
    use crate::Samples;
    use crate::metric::Metric;
    use crate::neighbors::NeighborIndex;

    #[derive(Deserialize)]
    struct Fixture {
        cases: Vec<Case>,
    }

    #[derive(Deserialize)]
    struct Case {
        name: String,
        samples: Vec<Vec<f32>>,
        n_neighbors: usize,
        set_op_mix_ratio: f32,
        metric: String,
        labels: Option<Vec<i128>>,
        target_weight: f64,
        weights: Vec<Vec<f32>>,
    }

    #[test]
    fn graphs_are_those_of_umap_learn() {
        let text = include_str!("../../tests/fixtures/umap.json");
        let fixture: Fixture = serde_json::from_str(text).unwrap();
        assert_eq!(fixture.cases.len(), 6);
        for case in fixture.cases {
            let shape = (case.samples.len(), case.samples[0].len());
            let samples = Array2::from_shape_vec(shape, case.samples.concat()).unwrap();
            let metric = match case.metric.as_str() {
                "cosine" => Metric::Cosine,
                _ => Metric::Euclidean,
            };
            let index = NeighborIndex::new(&samples.to_table().unwrap(), metric).unwrap();
            let k = case.n_neighbors - 1;
            let neighbors = index.neighbors_of_all(k).unwrap();
            let weights = membership(&neighbors.distances(index.scale()), k, false);
            let mix = case.set_op_mix_ratio;
            let mut graph = SymmetricGraph::new(&neighbors.indices, &weights, k, |own, other| {
                mix * either(own, other) + (1.0 - mix) * own * other
            });
            if let Some(labels) = &case.labels {
                graph = separate(&graph, labels, case.target_weight);
            }
            let mut actual = Array2::<f32>::zeros((shape.0, shape.0));
            for i in 0..graph.len() {
                let (columns, values) = graph.row(i);
                for (&j, &value) in columns.iter().zip(values) {
                    actual[[i, j as usize]] = value;
                }
            }
            for (a, e) in actual.iter().zip(case.weights.concat()) {
                assert!((a - e).abs() < 1e-4, "{}: {a} against {e}", case.name);
            }
        }
    }
}
