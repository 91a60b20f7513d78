//! t-distributed stochastic neighbour embedding.

mod dense;
mod event;
mod exact;
mod grid;
mod map;
mod optimizer;
mod tail;

use std::time::Instant;

use ndarray::Array2;

use dense::Dense;
pub use event::TsneEvent;
pub(crate) use exact::{Exact, total_weight};
pub(crate) use grid::Grid;
pub use map::TsneMap;
use optimizer::{Optimizer, Repulsion, Schedule};
pub(crate) use tail::Tail;

use crate::affinities::neighbors_for;
use crate::metric::{Metric, nearest_by_distance};
use crate::neighbors::NeighborIndex;
use crate::random::Normal;
use crate::samples::dimensions;
use crate::{Affinities, AnalysisError, Samples};

/// From this many samples on, interpolation on a grid beats the sum over all pairs.
const FFT_FROM: usize = 3000;

/// Up to this many samples, attraction is computed over all pairs as well; their probabilities
/// take 16 MB.
const DENSE_UP_TO: usize = 2048;

/// With fewer samples than this, the grid alone is more work than all pairs, and points may lie
/// so sparsely on it that they vanish beside its errors.
const FEWEST_ON_GRID: usize = 1000;

/// Up to this many samples, all pairs of a map too wide for the grid are summed in time.
const MOST_IN_PAIRS: usize = 20_000;

/// Standard deviation of the initial map's first axis.
const INITIAL_SD: f64 = 1e-4;

/// How far each iteration moves the points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum LearningRate {
    /// `max(n_samples / early_exaggeration / 4, 50)`, scikit-learn's `"auto"`.
    Auto,
    /// openTSNE's default, on scikit-learn's scale: a quarter of `max(n_samples / e, 200)`, where
    /// `e` is the exaggeration of the phase, so that the second phase takes longer steps; the
    /// coordinates' gains last from one phase to the next, and small ones recover sooner. Reaches
    /// a lower divergence than [`Auto`](Self::Auto) where iterations are few.
    PerPhase,
    /// A number, on scikit-learn's scale: a quarter of openTSNE's.
    Fixed(f64),
}

impl From<f64> for LearningRate {
    fn from(rate: f64) -> Self {
        Self::Fixed(rate)
    }
}

/// Where the points start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Init {
    /// Along the two main components of the samples, the first with standard deviation 1e-4.
    Pca,
    /// Normally distributed with standard deviation 1e-4, from a seed.
    Random(u64),
}

/// How the forces between all pairs of points are summed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Whichever is faster for the number of samples.
    Auto,
    /// Pair by pair: exact, time grows with the square of the samples.
    Exact,
    /// By interpolation on a grid and fast Fourier transforms: time grows linearly. Below 1,000
    /// samples, and while a map of up to 20,000 is too wide for an exact grid, pair by pair.
    Fft,
}

/// t-SNE as scikit-learn defines it: a map of samples in the plane that keeps neighbours
/// together.
///
/// The same samples and settings give the same map on every run with as many threads.
///
/// ```
/// use labbook_analysis::Tsne;
/// use ndarray::Array2;
///
/// let samples = Array2::from_shape_fn((40, 3), |(i, j)| ((i * 7 + j * 3) % 11) as f32);
/// let map = Tsne::new().perplexity(5.0).max_iter(300).fit(&samples)?;
/// assert_eq!(map.embedding.dim(), (40, 2));
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tsne {
    perplexity: f64,
    early_exaggeration: f64,
    learning_rate: LearningRate,
    initial_momentum: f64,
    init: Init,
    max_iter: usize,
    n_iter_without_progress: usize,
    min_grad_norm: f64,
    method: Method,
    metric: Metric,
    dof: f64,
}

impl Default for Tsne {
    fn default() -> Self {
        Self::new()
    }
}

impl Tsne {
    /// scikit-learn's defaults: perplexity 30, early exaggeration 12, automatic learning rate,
    /// PCA start, 1,000 iterations.
    #[must_use]
    pub fn new() -> Self {
        Self {
            perplexity: 30.0,
            early_exaggeration: 12.0,
            learning_rate: LearningRate::Auto,
            initial_momentum: 0.5,
            init: Init::Pca,
            max_iter: 1000,
            n_iter_without_progress: 300,
            min_grad_norm: 1e-7,
            method: Method::Auto,
            metric: Metric::Euclidean,
            dof: 1.0,
        }
    }

    /// About how many neighbours each sample keeps: at least 1, less than the samples.
    #[must_use]
    pub fn perplexity(mut self, perplexity: f64) -> Self {
        self.perplexity = perplexity;
        self
    }

    /// By how much attraction is enlarged during the first 250 iterations: at least 1. Where forces
    /// are summed on a grid, the stronger half of each sample's pairs stands for all meanwhile.
    #[must_use]
    pub fn early_exaggeration(mut self, factor: f64) -> Self {
        self.early_exaggeration = factor;
        self
    }

    /// [`LearningRate::Auto`] or a positive number.
    #[must_use]
    pub fn learning_rate(mut self, rate: impl Into<LearningRate>) -> Self {
        self.learning_rate = rate.into();
        self
    }

    /// Momentum during the exaggerated iterations, from 0 to less than 1; afterwards it is 0.8.
    /// scikit-learn's 0.5 is the default; openTSNE's 0.8 ends at a higher divergence on small maps.
    #[must_use]
    pub fn initial_momentum(mut self, momentum: f64) -> Self {
        self.initial_momentum = momentum;
        self
    }

    /// Where the points start.
    #[must_use]
    pub fn init(mut self, init: Init) -> Self {
        self.init = init;
        self
    }

    /// Iterations at most, the 250 exaggerated ones included. 300 leave only 50 for the map to
    /// settle; 1,000 show finer structure.
    #[must_use]
    pub fn max_iter(mut self, iterations: usize) -> Self {
        self.max_iter = iterations;
        self
    }

    /// For how many iterations the divergence may fail to fall before the descent stops.
    #[must_use]
    pub fn n_iter_without_progress(mut self, iterations: usize) -> Self {
        self.n_iter_without_progress = iterations;
        self
    }

    /// The descent stops where the gradient gets shorter than this.
    #[must_use]
    pub fn min_grad_norm(mut self, norm: f64) -> Self {
        self.min_grad_norm = norm;
        self
    }

    /// How the forces between all pairs of points are summed.
    #[must_use]
    pub fn method(mut self, method: Method) -> Self {
        self.method = method;
        self
    }

    /// How far apart two samples are. A map of [`Metric::Precomputed`] distances starts at random:
    /// there are no samples whose main components it could start along.
    ///
    /// ```
    /// use labbook_analysis::{Init, Metric, Tsne};
    /// use ndarray::Array2;
    ///
    /// let distances = Array2::from_shape_fn((40, 40), |(i, j)| (i as f32 - j as f32).abs());
    /// let tsne = Tsne::new().perplexity(5.0).metric(Metric::Precomputed).init(Init::Random(1));
    /// assert_eq!(tsne.fit(&distances)?.embedding.dim(), (40, 2));
    /// # Ok::<(), labbook_analysis::AnalysisError>(())
    /// ```
    #[must_use]
    pub fn metric(mut self, metric: Metric) -> Self {
        self.metric = metric;
        self
    }

    /// Degrees of freedom of the map's Student t distribution, above 0: 1 is t-SNE's. Fewer, as 0.5, give
    /// heavier tails, which show finer clusters; more draw the map together (Kobak et al., 2020; openTSNE's
    /// `dof`). Other than with 1, all pairs of fewer than 1,000 samples need powers, which take
    /// several times as long.
    ///
    /// ```
    /// use labbook_analysis::Tsne;
    /// use ndarray::Array2;
    ///
    /// let samples = Array2::from_shape_fn((40, 3), |(i, j)| ((i * 7 + j * 3) % 11) as f32);
    /// let map = Tsne::new().perplexity(5.0).dof(0.8).max_iter(300).fit(&samples)?;
    /// assert_eq!(map.embedding.dim(), (40, 2));
    /// # Ok::<(), labbook_analysis::AnalysisError>(())
    /// ```
    #[must_use]
    pub fn dof(mut self, dof: f64) -> Self {
        self.dof = dof;
        self
    }

    /// Maps samples of shape `(n_samples, n_features)`.
    ///
    /// From 20,000 samples on, neighbours are sought among several thousand in the same part of
    /// space, and among the neighbours of those found; so memory and time grow with the samples,
    /// and some neighbours are missed: one in sixteen where a test seeks them among a sixth of its
    /// samples.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::TooFewSamples`] below four samples, [`AnalysisError::InvalidOption`],
    /// [`AnalysisError::NotFinite`], [`AnalysisError::NotATable`], [`AnalysisError::Diverged`],
    /// or [`AnalysisError::Tensor`].
    pub fn fit(&self, samples: &impl Samples) -> Result<TsneMap, AnalysisError> {
        self.fit_with(samples, |_| {})
    }

    /// Maps samples and reports every stage, and every 50th iteration, to `on_event`.
    ///
    /// Printing the events of [`verbosity`](TsneEvent::verbosity) 1 gives the text of
    /// scikit-learn's `verbose=1`.
    ///
    /// # Errors
    ///
    /// Those of [`fit`](Self::fit).
    pub fn fit_with(
        &self,
        samples: &impl Samples,
        mut on_event: impl FnMut(&TsneEvent),
    ) -> Result<TsneMap, AnalysisError> {
        if self.metric == Metric::Precomputed && self.init == Init::Pca {
            return Err(AnalysisError::InvalidOption {
                option: "init",
                expected: "Random for precomputed distances".to_owned(),
                received: "Pca".to_owned(),
            });
        }
        tch::no_grad(|| {
            let table = samples.to_table()?;
            let (n_samples, n_features) = dimensions(&table);
            let k = neighbors_for(n_samples, n_features, self.perplexity)?;
            let schedule = self.schedule(n_samples)?;

            on_event(&TsneEvent::ComputingNeighbors { n_neighbors: k });
            let clock = Instant::now();
            let index = match self.metric {
                Metric::Precomputed => None,
                metric => Some(NeighborIndex::new(&table, metric)?),
            };
            on_event(&TsneEvent::Indexed {
                n_samples,
                seconds: clock.elapsed().as_secs_f64(),
            });
            let clock = Instant::now();
            let neighbors = match &index {
                Some(index) => index.neighbors_of_all(k)?,
                None => nearest_by_distance(&table, k)?,
            };
            drop(table);
            on_event(&TsneEvent::ComputedNeighbors {
                n_samples,
                seconds: clock.elapsed().as_secs_f64(),
            });
            let scale = index.as_ref().map_or(1.0, NeighborIndex::scale);
            let affinities = Affinities::from_neighbors(&neighbors, self.perplexity, scale);
            drop(neighbors);
            for done in (1000..n_samples).step_by(1000).chain([n_samples]) {
                on_event(&TsneEvent::ComputedProbabilities { done, n_samples });
            }
            on_event(&TsneEvent::MeanSigma(affinities.mean_sigma()));

            let start = self.start(n_samples, index.as_ref())?;
            let tail = schedule.tail;
            let exact = match self.method {
                Method::Auto if tail.is_plain() => n_samples < FFT_FROM,
                Method::Auto => n_samples < FEWEST_ON_GRID,
                Method::Exact => true,
                Method::Fft => n_samples < FEWEST_ON_GRID,
            };
            let repulsion = match exact {
                true if n_samples <= DENSE_UP_TO && tail.is_plain() => {
                    Repulsion::Dense(Dense::new(&affinities))
                }
                true => Repulsion::Exact(Exact::new(tail)),
                false => Repulsion::Grid(Box::new(Grid::new(tail)), Exact::new(tail)),
            };
            let optimizer = Optimizer::new(&affinities, repulsion, schedule, start);
            let (points, kl_divergence, n_iter) = optimizer.run(&mut on_event)?;
            Ok(TsneMap {
                embedding: Array2::from(points),
                kl_divergence,
                n_iter,
                learning_rate: schedule.learning_rates[0],
                mean_sigma: affinities.mean_sigma(),
                tail,
                index,
            })
        })
    }

    fn schedule(&self, n_samples: usize) -> Result<Schedule, AnalysisError> {
        let invalid = |option, expected: &str, received: f64| AnalysisError::InvalidOption {
            option,
            expected: expected.to_owned(),
            received: received.to_string(),
        };
        let exaggeration = self.early_exaggeration;
        if !(exaggeration >= 1.0 && exaggeration.is_finite()) {
            let expected = "of at least 1";
            return Err(invalid("early_exaggeration", expected, exaggeration));
        }
        let n = n_samples as f64;
        let learning_rates = match self.learning_rate {
            LearningRate::Auto => [(n / exaggeration / 4.0).max(50.0); 2],
            LearningRate::PerPhase => [exaggeration, 1.0].map(|e| (n / e).max(200.0) / 4.0),
            LearningRate::Fixed(rate) if rate > 0.0 && rate.is_finite() => [rate; 2],
            LearningRate::Fixed(rate) => return Err(invalid("learning_rate", "above 0", rate)),
        };
        let momentum = self.initial_momentum;
        if !(0.0..1.0).contains(&momentum) {
            return Err(invalid(
                "initial_momentum",
                "from 0 to less than 1",
                momentum,
            ));
        }
        if !(self.dof > 0.0 && self.dof.is_finite()) {
            return Err(invalid("dof", "above 0", self.dof));
        }
        if self.max_iter == 0 {
            return Err(invalid("max_iter", "of at least 1", 0.0));
        }
        if self.min_grad_norm.is_nan() {
            return Err(invalid("min_grad_norm", "to be a number", f64::NAN));
        }
        Ok(Schedule {
            tail: Tail::new(self.dof),
            early_exaggeration: exaggeration,
            learning_rates,
            momenta: [momentum, 0.8],
            keep_gains: self.learning_rate == LearningRate::PerPhase,
            max_iter: self.max_iter,
            n_iter_without_progress: self.n_iter_without_progress,
            min_grad_norm: self.min_grad_norm,
        })
    }

    /// The initial points.
    fn start(
        &self,
        n_samples: usize,
        index: Option<&NeighborIndex>,
    ) -> Result<Vec<[f32; 2]>, AnalysisError> {
        let seed = match self.init {
            Init::Pca => 0,
            Init::Random(seed) => seed,
        };
        let mut normal = Normal::new(seed);
        let mut random = || (INITIAL_SD * normal.next()) as f32;
        let Some(index) = index.filter(|_| self.init == Init::Pca) else {
            return Ok((0..n_samples).map(|_| [random(), random()]).collect());
        };
        let plane = index.leading_plane()?;
        let deviations: Vec<f64> = plane
            .columns()
            .into_iter()
            .map(|column| (column.dot(&column) / n_samples as f64).sqrt())
            .collect();
        // Axes along which the samples do not vary are filled at random: equal points could
        // never part.
        let sd = deviations[0];
        let varies = [0, 1].map(|axis| {
            deviations
                .get(axis)
                .is_some_and(|&along| along > 0.0 && along > 1e-6 * sd)
        });
        Ok((0..n_samples)
            .map(|i| {
                [0, 1].map(|axis| match varies[axis] {
                    true => (plane[[i, axis]] / sd * INITIAL_SD) as f32,
                    false => random(),
                })
            })
            .collect())
    }
}

/// The rows of a map as points, checked.
pub(crate) fn points_of(
    embedding: &Array2<f32>,
    n_samples: usize,
) -> Result<Vec<[f32; 2]>, AnalysisError> {
    if embedding.dim() != (n_samples, 2) {
        return Err(AnalysisError::InvalidOption {
            option: "embedding",
            expected: format!("of shape ({n_samples}, 2)"),
            received: format!("shape {:?}", embedding.dim()),
        });
    }
    if let Some(((row, column), value)) = embedding.indexed_iter().find(|(_, x)| !x.is_finite()) {
        return Err(AnalysisError::NotFinite {
            value: value.to_string(),
            row,
            column,
        });
    }
    Ok(embedding
        .rows()
        .into_iter()
        .map(|row| [row[0], row[1]])
        .collect())
}
