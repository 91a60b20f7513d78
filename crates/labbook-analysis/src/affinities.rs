use ndarray::Array2;
use rayon::prelude::*;

use crate::metric::Metric;
use crate::neighbors::{NeighborIndex, Neighbors};
use crate::symmetric_graph::SymmetricGraph;
use crate::tsne::{Tail, total_weight};
use crate::{AnalysisError, Samples};

/// Fewer samples than this have no map worth drawing.
const FEWEST_SAMPLES: usize = 4;

/// How close the entropy of a row must come to the logarithm of the perplexity.
const TOLERANCE: f64 = 1e-6;

/// t-SNE's joint probabilities P of pairs of samples: symmetric, sparse, summing to 1.
///
/// As in scikit-learn, each sample is related to its `min(n - 1, int(3 * perplexity + 1))`
/// nearest neighbours by a Gaussian whose width gives the neighbourhood the wanted perplexity,
/// and both directions of a pair are averaged. Memory grows linearly with the samples.
#[derive(Debug, Clone)]
pub struct Affinities {
    pairs: SymmetricGraph,
    mean_sigma: f64,
}

impl Affinities {
    /// Computes the probabilities for samples of shape `(n_samples, n_features)`.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::TooFewSamples`] below four samples, [`AnalysisError::InvalidOption`]
    /// unless `1 <= perplexity < n_samples`, [`AnalysisError::NotFinite`],
    /// [`AnalysisError::NotATable`], or [`AnalysisError::Tensor`].
    pub fn new(samples: &impl Samples, perplexity: f64) -> Result<Self, AnalysisError> {
        tch::no_grad(|| {
            let table = samples.to_table()?;
            let (n_samples, n_features) = crate::samples::dimensions(&table);
            let k = neighbors_for(n_samples, n_features, perplexity)?;
            let index = NeighborIndex::new(&table, Metric::Euclidean)?;
            let neighbors = index.neighbors_of_all(k)?;
            Ok(Self::from_neighbors(&neighbors, perplexity, index.scale()))
        })
    }

    pub(crate) fn from_neighbors(neighbors: &Neighbors, perplexity: f64, scale: f64) -> Self {
        let k = neighbors.k;
        let n = neighbors.indices.len() / k;
        let mut conditional = vec![0.0_f32; n * k];
        let betas: Vec<f64> = conditional
            .par_chunks_mut(k)
            .zip(neighbors.squared_distances.par_chunks(k))
            .map(|(row, squared)| conditional_probabilities(squared, perplexity, row))
            .collect();
        // scikit-learn's figure: the square root of 1 over the mean precision.
        let mean_sigma = (n as f64 / betas.iter().sum::<f64>()).sqrt() / scale;
        let share = 1.0 / (2.0 * n as f32);
        let pairs = SymmetricGraph::new(&neighbors.indices, &conditional, k, |own, other| {
            (own + other) * share
        });
        Self { pairs, mean_sigma }
    }

    /// The stronger half of the pairs, for the part of a descent that arranges the whole.
    pub(crate) fn stronger_half(&self) -> Self {
        Self {
            pairs: self.pairs.stronger_half(),
            mean_sigma: self.mean_sigma,
        }
    }

    /// Number of samples.
    pub fn n_samples(&self) -> usize {
        self.pairs.len()
    }

    /// Number of pairs that hold a probability, both directions counted.
    pub fn n_pairs(&self) -> usize {
        self.pairs.values.len()
    }

    /// The mean width of the Gaussians, as scikit-learn prints it, in units of the samples.
    pub fn mean_sigma(&self) -> f64 {
        self.mean_sigma
    }

    /// The neighbours of sample `i` and the probabilities of its pairs with them.
    pub fn row(&self, i: usize) -> (&[u32], &[f32]) {
        self.pairs.row(i)
    }

    /// The Kullback-Leibler divergence of a map from these probabilities, in nats: what t-SNE
    /// minimises. All pairs of points are summed, so the time grows with their square.
    ///
    /// `embedding` has shape `(n_samples, 2)`.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::InvalidOption`] if the shape differs, or [`AnalysisError::NotFinite`].
    pub fn kl_divergence(&self, embedding: &Array2<f32>) -> Result<f64, AnalysisError> {
        let points = crate::tsne::points_of(embedding, self.n_samples())?;
        Ok(self.divergence_of(&points, Tail::default()))
    }

    /// The divergence of a map of as many points as there are samples.
    pub(crate) fn divergence_of(&self, points: &[[f32; 2]], tail: Tail) -> f64 {
        let z = total_weight(points, tail);
        let rows: Vec<f64> = (0..self.n_samples())
            .into_par_iter()
            .map(|i| {
                let (columns, values) = self.row(i);
                let [x, y] = points[i].map(f64::from);
                columns
                    .iter()
                    .zip(values)
                    .filter(|&(_, &p)| p > 0.0)
                    .map(|(&j, &p)| {
                        let [xj, yj] = points[j as usize].map(f64::from);
                        let p = f64::from(p);
                        p * (p.ln() + tail.surprise((x - xj).powi(2) + (y - yj).powi(2)))
                    })
                    .sum()
            })
            .collect();
        let mass: f64 = self.pairs.values.iter().map(|&p| f64::from(p)).sum();
        rows.iter().sum::<f64>() + mass * z.ln()
    }
}

/// How many neighbours a perplexity asks for, once the request is found sound.
pub(crate) fn neighbors_for(
    n_samples: usize,
    n_features: usize,
    perplexity: f64,
) -> Result<usize, AnalysisError> {
    if n_samples < FEWEST_SAMPLES {
        return Err(AnalysisError::TooFewSamples {
            expected: FEWEST_SAMPLES,
            purpose: "t-SNE",
            received: n_samples,
        });
    }
    if n_features == 0 {
        return Err(AnalysisError::NotATable {
            shape: vec![n_samples as i64, 0],
        });
    }
    if !(perplexity >= 1.0 && perplexity < n_samples as f64) {
        return Err(AnalysisError::InvalidOption {
            option: "perplexity",
            expected: format!("from 1 to less than the number of samples ({n_samples})"),
            received: perplexity.to_string(),
        });
    }
    Ok((n_samples - 1).min((3.0 * perplexity + 1.0) as usize))
}

/// Fills `row` with probabilities that sum to 1 and whose perplexity is as wanted, and returns
/// the precision beta of the Gaussian, `p ~ exp(-beta * squared distance)`.
///
/// Newton's method on the entropy as a function of log beta, kept inside a bracket.
pub(crate) fn conditional_probabilities(squared: &[f32], perplexity: f64, row: &mut [f32]) -> f64 {
    let nearest = squared.iter().copied().fold(f32::INFINITY, f32::min);
    // Only differences matter; the nearest neighbour's weight is then exactly 1.
    let shifted = |d: f32| f64::from(d - nearest);
    let mean = squared.iter().map(|&d| shifted(d)).sum::<f64>() / squared.len() as f64;
    let goal = perplexity.ln();
    let mut beta = if mean > 0.0 { 1.0 / mean } else { 1.0 };
    let (mut low, mut high) = (0.0_f64, f64::INFINITY);
    let mut total = 0.0;
    for _ in 0..100 {
        let (mut first, mut second) = (0.0, 0.0);
        total = 0.0;
        for (p, &d) in row.iter_mut().zip(squared) {
            let d = shifted(d);
            let weight = (-beta * d).exp();
            *p = weight as f32;
            total += weight;
            first += weight * d;
            second += weight * d * d;
        }
        let expected = first / total;
        let excess = total.ln() + beta * expected - goal;
        if excess.abs() < TOLERANCE {
            break;
        }
        if excess > 0.0 {
            low = beta;
        } else {
            high = beta;
        }
        let slope = beta * beta * (second / total - expected * expected);
        let newton = beta * (excess / slope).clamp(-2.0, 2.0).exp();
        beta = if newton > low && newton < high {
            newton
        } else if high.is_infinite() {
            2.0 * beta
        } else {
            0.5 * (low + high)
        };
    }
    for p in row {
        *p = (f64::from(*p) / total) as f32;
    }
    beta
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::random::Normal;

    fn cloud(n: usize, d: usize) -> Array2<f32> {
        let mut normal = Normal::new(11);
        Array2::from_shape_fn((n, d), |_| normal.next() as f32)
    }

    #[test]
    fn every_row_has_the_wanted_perplexity() {
        for (squared, perplexity) in [
            ((1..60).map(|i| (i as f32).sqrt()).collect::<Vec<_>>(), 12.0),
            ((1..40).map(|i| 1e-8 * i as f32).collect(), 5.0),
            ((1..20).map(|i| 1e6 + i as f32).collect(), 15.0),
        ] {
            let mut row = vec![0.0; squared.len()];
            conditional_probabilities(&squared, perplexity, &mut row);
            let entropy: f64 = row
                .iter()
                .filter(|&&p| p > 0.0)
                .map(|&p| -f64::from(p) * f64::from(p).ln())
                .sum();
            assert!((entropy.exp() - perplexity).abs() < 1e-3, "{perplexity}");
        }
    }

    #[test]
    fn duplicates_share_the_probability_without_nan() {
        let mut row = vec![0.0; 9];
        conditional_probabilities(&[0.0; 9], 3.0, &mut row);
        assert!(row.iter().all(|p| (p - 1.0 / 9.0).abs() < 1e-7), "{row:?}");
        // More duplicates than the perplexity: the distant neighbour gets nothing.
        let mut row = vec![0.0; 5];
        conditional_probabilities(&[0.0, 0.0, 0.0, 0.0, 1.0], 2.0, &mut row);
        assert!((row[0] - 0.25).abs() < 1e-6 && row[4] < 1e-6, "{row:?}");
    }

    #[test]
    fn pairs_are_symmetric_and_sum_to_1() {
        let affinities = Affinities::new(&cloud(80, 5), 6.0).unwrap();
        let mut sum = 0.0;
        for i in 0..80 {
            let (columns, values) = affinities.row(i);
            assert!(columns.windows(2).all(|pair| pair[0] < pair[1]));
            for (&j, &p) in columns.iter().zip(values) {
                let (back, weights) = affinities.row(j as usize);
                let place = back.binary_search(&(i as u32)).unwrap();
                assert_eq!(weights[place], p);
                sum += f64::from(p);
            }
        }
        assert!((sum - 1.0).abs() < 1e-5, "{sum}");
    }

    #[test]
    fn too_few_samples_and_too_large_perplexities_are_named() {
        let error = Affinities::new(&cloud(3, 2), 1.0).unwrap_err();
        assert!(error.to_string().contains("at least 4 samples for t-SNE"));
        for perplexity in [0.5, 10.0, f64::NAN] {
            let error = Affinities::new(&cloud(10, 2), perplexity).unwrap_err();
            assert!(
                error
                    .to_string()
                    .contains("less than the number of samples (10)")
            );
        }
    }
}
