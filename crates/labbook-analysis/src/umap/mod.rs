//! Uniform manifold approximation and projection.

mod curve;
mod fuzzy;
mod layout;
mod spectral;

use std::fmt;

use ndarray::Array2;
use rayon::prelude::*;

use crate::checks::{check_option, check_samples};
use crate::metric::{Metric, nearest_by_distance};
use crate::neighbors::{NeighborIndex, Neighbors};
use crate::random::Normal;
use crate::samples::dimensions;
use crate::symmetric_graph::SymmetricGraph;
use crate::tsne::points_of;
use crate::{AnalysisError, ClassLabel, Samples};
use layout::{Edges, Forces};

/// Up to this many samples, more epochs are worth their time.
const SMALL: usize = 10_000;

/// How far the points reach when the descent begins.
const WIDTH: f64 = 10.0;

/// Standard deviation of the noise that parts equal points, as the map is up to `WIDTH` wide.
const NOISE: f64 = 1e-4;

/// Where the points of a UMAP start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UmapInit {
    /// Along the slowest vibrations of the graph of neighbours. A graph in several pieces has none
    /// that all pieces share, and fewer than 16 samples have too few: they start along the main
    /// components.
    Spectral,
    /// Along the two main components of the samples.
    Pca,
    /// Evenly over a square.
    Random,
}

/// UMAP as umap-learn defines it: a map of samples in the plane that keeps neighbours together
/// and shows how groups of them hang together (McInnes et al., 2018).
///
/// The same samples and settings give the same map on every run, however many threads there are.
///
/// ```
/// use labbook_analysis::Umap;
/// use ndarray::Array2;
///
/// let samples = Array2::from_shape_fn((60, 3), |(i, j)| ((i * 7 + j * 3) % 11) as f32);
/// let map = Umap::new().n_neighbors(5).fit(&samples)?;
/// assert_eq!(map.embedding.dim(), (60, 2));
/// assert_eq!(map.transform(&samples)?.dim(), (60, 2));
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Umap {
    n_neighbors: usize,
    min_dist: f64,
    spread: f64,
    n_epochs: Option<usize>,
    learning_rate: f64,
    init: UmapInit,
    metric: Metric,
    set_op_mix_ratio: f64,
    repulsion_strength: f64,
    negative_sample_rate: usize,
    target_weight: f64,
    random_state: u64,
}

impl Default for Umap {
    fn default() -> Self {
        Self::new()
    }
}

impl Umap {
    /// umap-learn's defaults: 15 neighbours, `min_dist` 0.1, spectral start, 500 epochs for up to
    /// 10,000 samples and 200 for more; seed 42.
    #[must_use]
    pub fn new() -> Self {
        Self {
            n_neighbors: 15,
            min_dist: 0.1,
            spread: 1.0,
            n_epochs: None,
            learning_rate: 1.0,
            init: UmapInit::Spectral,
            metric: Metric::Euclidean,
            set_op_mix_ratio: 1.0,
            repulsion_strength: 1.0,
            negative_sample_rate: 5,
            target_weight: 0.5,
            random_state: 42,
        }
    }

    /// How many samples are each one's neighbourhood, itself included: 2 at least. Few show fine
    /// structure, many show the whole.
    #[must_use]
    pub fn n_neighbors(mut self, neighbors: usize) -> Self {
        self.n_neighbors = neighbors;
        self
    }

    /// How close points of neighbours lie at least, from 0 to [`spread`](Self::spread).
    #[must_use]
    pub fn min_dist(mut self, distance: f64) -> Self {
        self.min_dist = distance;
        self
    }

    /// The scale of the map's distances, above 0.
    #[must_use]
    pub fn spread(mut self, spread: f64) -> Self {
        self.spread = spread;
        self
    }

    /// How often the strongest edges' turn comes: 1 at least.
    #[must_use]
    pub fn n_epochs(mut self, epochs: usize) -> Self {
        self.n_epochs = Some(epochs);
        self
    }

    /// How far the first epoch's forces move points, above 0; it falls to 0.
    #[must_use]
    pub fn learning_rate(mut self, rate: f64) -> Self {
        self.learning_rate = rate;
        self
    }

    /// Where the points start.
    #[must_use]
    pub fn init(mut self, init: UmapInit) -> Self {
        self.init = init;
        self
    }

    /// How far apart two samples are.
    #[must_use]
    pub fn metric(mut self, metric: Metric) -> Self {
        self.metric = metric;
        self
    }

    /// From 1, where a pair is related if either sample counts the other among its neighbours, to
    /// 0, where both must.
    #[must_use]
    pub fn set_op_mix_ratio(mut self, ratio: f64) -> Self {
        self.set_op_mix_ratio = ratio;
        self
    }

    /// The weight of the points that a point is pushed from, 0 or above.
    #[must_use]
    pub fn repulsion_strength(mut self, strength: f64) -> Self {
        self.repulsion_strength = strength;
        self
    }

    /// How many points a point is pushed from for each one that it is drawn to, 1 at least.
    #[must_use]
    pub fn negative_sample_rate(mut self, rate: usize) -> Self {
        self.negative_sample_rate = rate;
        self
    }

    /// What labels count beside the samples in [`fit_with_labels`](Self::fit_with_labels), from 0
    /// to 1.
    #[must_use]
    pub fn target_weight(mut self, weight: f64) -> Self {
        self.target_weight = weight;
        self
    }

    /// The seed of all that is random.
    #[must_use]
    pub fn random_state(mut self, seed: u64) -> Self {
        self.random_state = seed;
        self
    }

    /// Maps samples of shape `(n_samples, n_features)`.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::TooFewSamples`] below four samples, [`AnalysisError::InvalidOption`],
    /// [`AnalysisError::NotFinite`], [`AnalysisError::NotATable`], [`AnalysisError::Undefined`]
    /// for a sample that has no direction, [`AnalysisError::Diverged`], or
    /// [`AnalysisError::Tensor`].
    pub fn fit(&self, samples: &impl Samples) -> Result<UmapMap, AnalysisError> {
        tch::no_grad(|| self.mapped(samples, Ok))
    }

    /// Maps samples so that those of one class, an integer, lie together as well: umap-learn's
    /// fit with `y`. A negative label stands for a sample whose class is unknown.
    ///
    /// ```
    /// use labbook_analysis::Umap;
    /// use ndarray::Array2;
    ///
    /// let samples = Array2::from_shape_fn((60, 3), |(i, j)| ((i * 7 + j * 3) % 11) as f32);
    /// let labels: Vec<i64> = (0..60).map(|i| i % 3 - i64::from(i < 6)).collect();
    /// let map = Umap::new().n_neighbors(5).fit_with_labels(&samples, &labels)?;
    /// assert_eq!(map.embedding.dim(), (60, 2));
    /// # Ok::<(), labbook_analysis::AnalysisError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`fit`](Self::fit), and [`AnalysisError::RowMismatch`] unless there is one label
    /// per sample.
    pub fn fit_with_labels<'a, T>(
        &self,
        samples: &impl Samples,
        labels: impl IntoIterator<Item = &'a T>,
    ) -> Result<UmapMap, AnalysisError>
    where
        T: ClassLabel + 'a,
    {
        let labels: Vec<i128> = labels.into_iter().map(|label| label.to_i128()).collect();
        tch::no_grad(|| {
            self.mapped(samples, |graph| {
                if labels.len() != graph.len() {
                    return Err(AnalysisError::RowMismatch {
                        what: "a sample",
                        labels: labels.len(),
                        received: graph.len(),
                    });
                }
                Ok(fuzzy::separate(&graph, &labels, self.target_weight))
            })
        })
    }

    fn mapped(
        &self,
        samples: &impl Samples,
        change: impl FnOnce(SymmetricGraph) -> Result<SymmetricGraph, AnalysisError>,
    ) -> Result<UmapMap, AnalysisError> {
        let table = samples.to_table()?;
        let (n_samples, n_features) = dimensions(&table);
        let k = self.check(n_samples, n_features)?;
        let (index, neighbors) = match self.metric {
            Metric::Precomputed => (None, nearest_by_distance(&table, k)?),
            metric => {
                let index = NeighborIndex::new(&table, metric)?;
                let neighbors = index.neighbors_of_all(k)?;
                (Some(index), neighbors)
            }
        };
        drop(table);
        let graph = change(self.graph(&neighbors, index.as_ref()))?;
        drop(neighbors);
        let start = self.start(&graph, index.as_ref())?;
        let (a, b) = curve::fit(self.spread, self.min_dist);
        let forces = Forces {
            a: a as f32,
            b: b as f32,
            repulsion_strength: self.repulsion_strength as f32,
            negative_sample_rate: self.negative_sample_rate,
            learning_rate: self.learning_rate as f32,
            n_epochs: self.n_epochs.unwrap_or(match n_samples <= SMALL {
                true => 500,
                false => 200,
            }),
            seed: self.random_state,
        };
        let order = layout::order(&start);
        let edges = Edges::new(&graph, &order, forces.n_epochs);
        drop(graph);
        let start = order.iter().map(|&i| start[i as usize]).collect();
        let ordered = layout::descend(&edges, start, &forces)?;
        let mut points = ordered.clone();
        for (&i, &point) in order.iter().zip(&ordered) {
            points[i as usize] = point;
        }
        Ok(UmapMap {
            embedding: Array2::from(points),
            n_epochs: forces.n_epochs,
            settings: *self,
            forces,
            index,
        })
    }

    /// How many neighbours are sought, once all options are found sound.
    fn check(&self, n_samples: usize, n_features: usize) -> Result<usize, AnalysisError> {
        check_samples(n_samples, n_features, "UMAP")?;
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let share = |x: f64| (0.0..=1.0).contains(&x);
        let (spread, nearest) = (self.spread, self.min_dist);
        let (rate, strength) = (self.learning_rate, self.repulsion_strength);
        let (ratio, weight) = (self.set_op_mix_ratio, self.target_weight);
        let (neighbors, negative) = (self.n_neighbors, self.negative_sample_rate);
        let within = (0.0..=spread).contains(&nearest);
        let pushes = strength >= 0.0 && strength.is_finite();
        check_option("n_neighbors", "of at least 2", neighbors >= 2, neighbors)?;
        check_option("spread", "above 0", positive(spread), spread)?;
        check_option("min_dist", "from 0 to spread", within, nearest)?;
        check_option("learning_rate", "above 0", positive(rate), rate)?;
        check_option("repulsion_strength", "of at least 0", pushes, strength)?;
        check_option("set_op_mix_ratio", "from 0 to 1", share(ratio), ratio)?;
        check_option("target_weight", "from 0 to 1", share(weight), weight)?;
        check_option(
            "negative_sample_rate",
            "of at least 1",
            negative >= 1,
            negative,
        )?;
        check_option("n_epochs", "of at least 1", self.n_epochs != Some(0), 0)?;
        Ok((neighbors - 1).min(n_samples - 1))
    }

    fn graph(&self, neighbors: &Neighbors, index: Option<&NeighborIndex>) -> SymmetricGraph {
        let distances = neighbors.distances(index.map_or(1.0, NeighborIndex::scale));
        let weights = fuzzy::membership(&distances, neighbors.k, false);
        let mix = self.set_op_mix_ratio as f32;
        SymmetricGraph::new(&neighbors.indices, &weights, neighbors.k, |own, other| {
            mix * fuzzy::either(own, other) + (1.0 - mix) * own * other
        })
    }

    /// The initial points, up to 10 from 0 along each axis, of different scales.
    fn start(
        &self,
        graph: &SymmetricGraph,
        index: Option<&NeighborIndex>,
    ) -> Result<Vec<[f32; 2]>, AnalysisError> {
        let n = graph.len();
        let mut normal = Normal::new(self.random_state);
        let main = |index: &NeighborIndex| -> Result<Vec<[f32; 2]>, AnalysisError> {
            let plane = index.leading_plane()?;
            let rows = plane.rows().into_iter();
            Ok(rows
                .map(|row| [row[0] as f32, row.get(1).map_or(0.0, |&y| y as f32)])
                .collect())
        };
        let points = match (self.init, index) {
            (UmapInit::Spectral, _) if n >= spectral::FEWEST && graph.is_connected() => {
                Some(spectral::layout(graph)?)
            }
            (UmapInit::Spectral | UmapInit::Pca, Some(index)) => Some(main(index)?),
            _ => None,
        };
        let Some(points) = points else {
            let mut random = || (WIDTH * (2.0 * normal.uniform() - 1.0)) as f32;
            return Ok((0..n).map(|_| [random(), random()]).collect());
        };
        let largest = |x: f64, y: &f32| f64::from(y.abs()).max(x);
        let largest = points.as_flattened().iter().fold(0.0, largest);
        let scale = match largest > 0.0 {
            true => WIDTH / largest,
            false => 0.0,
        };
        let mut noisy: Vec<[f64; 2]> = points
            .iter()
            .map(|point| point.map(|x| f64::from(x) * scale + NOISE * normal.next()))
            .collect();
        // umap-learn lets both axes reach from 0 to 10.
        for axis in 0..2 {
            let along = noisy.iter().map(|point| point[axis]);
            let low = along.clone().fold(f64::INFINITY, f64::min);
            let high = along.fold(f64::NEG_INFINITY, f64::max);
            for point in &mut noisy {
                point[axis] = WIDTH * (point[axis] - low) / (high - low).max(f64::MIN_POSITIVE);
            }
        }
        Ok(noisy.iter().map(|point| point.map(|x| x as f32)).collect())
    }
}

/// A map of samples in the plane, made by [`Umap`].
#[derive(Clone)]
pub struct UmapMap {
    /// The points: shape `(n_samples, 2)`, in the order of the samples.
    pub embedding: Array2<f32>,
    /// Number of epochs done.
    pub n_epochs: usize,
    settings: Umap,
    forces: Forces,
    /// Of the samples; precomputed distances have none.
    index: Option<NeighborIndex>,
}

impl fmt::Debug for UmapMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UmapMap")
            .field("n_samples", &self.embedding.nrows())
            .field("n_epochs", &self.n_epochs)
            .finish_non_exhaustive()
    }
}

impl UmapMap {
    /// Places new samples into the map, which itself stays as it is: shape `(n_new, 2)`.
    ///
    /// Each starts at the weighted mean of its neighbours' points and is then drawn and pushed for
    /// a third of the epochs, or 100 (for up to 10,000 new samples) or 30, as umap-learn does.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::FeatureMismatch`], [`AnalysisError::NotFinite`],
    /// [`AnalysisError::NotATable`], [`AnalysisError::Undefined`] for a sample that has no
    /// direction, [`AnalysisError::Tensor`], or [`AnalysisError::InvalidOption`] for a map of
    /// precomputed distances.
    pub fn transform(&self, samples: &impl Samples) -> Result<Array2<f32>, AnalysisError> {
        tch::no_grad(|| {
            let index = self
                .index
                .as_ref()
                .ok_or_else(AnalysisError::no_samples_to_compare)?;
            let queries = index.prepare(&samples.to_table()?)?;
            let n_new = queries.len() / index.n_features();
            if n_new == 0 {
                return Ok(Array2::zeros((0, 2)));
            }
            let map = points_of(&self.embedding, index.len())?;
            let k = self.settings.n_neighbors.min(index.len());
            let neighbors = index.neighbors_of(&queries, k)?;
            let distances = neighbors.distances(index.scale());
            let weights = fuzzy::membership(&distances, k, true);
            let start: Vec<[f32; 2]> = neighbors
                .indices
                .par_chunks(k)
                .zip(weights.par_chunks(k))
                .map(|(near, weights)| {
                    let total: f32 = weights.iter().sum();
                    [0, 1].map(|axis| {
                        let pairs = near.iter().zip(weights);
                        let sum: f32 = pairs.map(|(&j, w)| w * map[j as usize][axis]).sum();
                        sum / total.max(f32::MIN_POSITIVE)
                    })
                })
                .collect();
            let mut forces = self.forces;
            forces.learning_rate *= 0.25;
            forces.n_epochs = match self.settings.n_epochs {
                Some(epochs) => (epochs / 3).max(1),
                None if n_new <= SMALL => 100,
                None => 30,
            };
            let edges = Edges::of_new(&neighbors.indices, &weights, k, forces.n_epochs);
            let placed = layout::place(&edges, &map, start, &forces)?;
            Ok(Array2::from(placed))
        })
    }
}
