use std::fmt;

use ndarray::Array2;
use rayon::prelude::*;

use super::optimizer::attraction;
use super::{Exact, FFT_FROM, Grid, MOST_IN_PAIRS, Tail, points_of};
use crate::affinities::conditional_probabilities;
use crate::neighbors::NeighborIndex;
use crate::{AnalysisError, Samples};

/// openTSNE's settings for adding points to a map.
const PERPLEXITY: f64 = 5.0;
const EXAGGERATION: f32 = 1.5;
const LEARNING_RATE: f32 = 0.1;
const MOMENTUM: f32 = 0.8;
const ITERATIONS: usize = 250;
const LONGEST_STEP: f32 = 0.25;

/// A map of samples in the plane, made by [`Tsne`](crate::Tsne).
#[derive(Clone)]
pub struct TsneMap {
    /// The points: shape `(n_samples, 2)`, in the order of the samples.
    pub embedding: Array2<f32>,
    /// Kullback-Leibler divergence of this map in nats, at least 0. (scikit-learn's
    /// `kl_divergence_` is that of the map before its last step.) Above 20,000 samples it is
    /// subject to the interpolation's error;
    /// [`Affinities::kl_divergence`](crate::Affinities::kl_divergence) sums all pairs.
    pub kl_divergence: f64,
    /// Number of iterations done.
    pub n_iter: usize,
    /// The learning rate of the exaggerated iterations.
    pub learning_rate: f64,
    /// Mean width of the Gaussians, in units of the samples.
    pub mean_sigma: f64,
    pub(super) tail: Tail,
    /// Of the samples; precomputed distances have none.
    pub(super) index: Option<NeighborIndex>,
}

impl fmt::Debug for TsneMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TsneMap")
            .field("n_samples", &self.embedding.nrows())
            .field("kl_divergence", &self.kl_divergence)
            .field("n_iter", &self.n_iter)
            .finish_non_exhaustive()
    }
}

impl TsneMap {
    /// Places new samples into the map, which itself stays as it is: shape `(n_new, 2)`.
    ///
    /// Each starts at the median of its nearest samples' points and descends the same kind of
    /// divergence, with openTSNE's settings. New samples do not see one another, so each lands
    /// where it would land alone.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::FeatureMismatch`], [`AnalysisError::NotFinite`],
    /// [`AnalysisError::NotATable`], [`AnalysisError::Tensor`], or
    /// [`AnalysisError::InvalidOption`] for a map of precomputed distances.
    pub fn transform(&self, samples: &impl Samples) -> Result<Array2<f32>, AnalysisError> {
        tch::no_grad(|| {
            let index = self
                .index
                .as_ref()
                .ok_or_else(AnalysisError::no_samples_to_compare)?;
            let queries = index.prepare(&samples.to_table()?)?;
            let n = index.len();
            let perplexity = PERPLEXITY.min((n - 1) as f64);
            let k = (n - 1).min((3.0 * perplexity + 1.0) as usize);
            let neighbors = index.neighbors_of(&queries, k)?;

            let points = points_of(&self.embedding, n)?;
            let mut exact = Exact::new(self.tail);
            let mut grid = None;
            if n < FFT_FROM || (n <= MOST_IN_PAIRS && !Grid::suits(&points, self.tail)) {
                exact.set_points(&points);
            } else {
                grid.insert(Grid::new(self.tail)).set_points(&points);
            }
            let pull = |place| match &grid {
                Some(grid) => grid.pull(place),
                None => exact.pull(place),
            };
            let placed: Vec<f32> = neighbors
                .indices
                .par_chunks(k)
                .zip(neighbors.squared_distances.par_chunks(k))
                .flat_map_iter(|(near, squared)| {
                    let mut p = vec![0.0; k];
                    conditional_probabilities(squared, perplexity, &mut p);
                    descend(near, &p, &points, self.tail, &pull)
                })
                .collect();
            Array2::from_shape_vec((placed.len() / 2, 2), placed).map_err(|error| {
                AnalysisError::Tensor {
                    message: error.to_string(),
                }
            })
        })
    }
}

/// Where one new sample comes to rest among the points of the map.
fn descend(
    near: &[u32],
    p: &[f32],
    points: &[[f32; 2]],
    tail: Tail,
    pull: &impl Fn([f32; 2]) -> [f32; 3],
) -> [f32; 2] {
    let mut place = [0, 1].map(|axis| {
        let mut values: Vec<f32> = near.iter().map(|&j| points[j as usize][axis]).collect();
        let middle = values.len() / 2;
        *values.select_nth_unstable_by(middle, f32::total_cmp).1
    });
    let mut update = [0.0_f32; 2];
    // As openTSNE's, which leaves out the four.
    let slope = (tail.slope() / 4.0) as f32;
    for _ in 0..ITERATIONS {
        let pulled = attraction(place, near, p, points, tail.scale() as f32);
        let [z, fx, fy] = pull(place);
        for (axis, force) in [fx, fy].into_iter().enumerate() {
            let gradient = slope * (EXAGGERATION * pulled[axis] - force / z.max(f32::MIN_POSITIVE));
            let step = MOMENTUM * update[axis] - LEARNING_RATE * gradient;
            update[axis] = step.clamp(-LONGEST_STEP, LONGEST_STEP);
            place[axis] += update[axis];
        }
    }
    place
}
