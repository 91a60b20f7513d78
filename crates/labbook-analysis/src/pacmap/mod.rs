//! Pairwise controlled manifold approximation.

mod descent;
mod pairs;

use ndarray::Array2;
use tch::Tensor;

use crate::checks::{check_option, check_samples};
use crate::metric::Metric;
use crate::neighbors::NeighborIndex;
use crate::random::Normal;
use crate::samples::dimensions;
use crate::{AnalysisError, Pca, Samples};
use descent::{AllPairs, descend};
use pairs::{Both, Pairs};

/// Samples of more features are brought to this many principal components first.
const MOST_FEATURES: usize = 100;

/// Neighbours that are looked at beyond those that become pairs.
const FURTHER_LOOK: usize = 50;

/// What the main components are multiplied with at the start.
const INITIAL_SCALE: f64 = 0.01;

/// Standard deviation of a random start.
const INITIAL_SD: f64 = 1e-4;

/// Where the points of a PaCMAP start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacmapInit {
    /// Along the two main components of the samples.
    Pca,
    /// Normally distributed, close together.
    Random,
}

/// PaCMAP as its authors' pacmap has it: a map of samples in the plane that keeps both neighbours
/// and the arrangement of the whole (Wang et al., 2021).
///
/// Near pairs are drawn together, further pairs pushed apart, and pairs in between hold the whole
/// in place until the last phase. Samples of more than 100 features are brought to 100 principal
/// components first.
///
/// The same samples and settings give the same map on every run, however many threads there are.
///
/// ```
/// use labbook_analysis::Pacmap;
/// use ndarray::Array2;
///
/// let samples = Array2::from_shape_fn((60, 3), |(i, j)| ((i * 7 + j * 3) % 11) as f32);
/// let map = Pacmap::new().n_neighbors(5).fit(&samples)?;
/// assert_eq!(map.dim(), (60, 2));
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pacmap {
    n_neighbors: Option<usize>,
    mn_ratio: f64,
    fp_ratio: f64,
    learning_rate: f64,
    num_iters: (usize, usize, usize),
    init: PacmapInit,
    metric: Metric,
    random_state: u64,
}

impl Default for Pacmap {
    fn default() -> Self {
        Self::new()
    }
}

impl Pacmap {
    /// pacmap's defaults: 10 neighbours, half as many mid-near and twice as many further pairs,
    /// 100, 100 and 250 iterations; seed 0.
    #[must_use]
    pub fn new() -> Self {
        Self {
            n_neighbors: Some(10),
            mn_ratio: 0.5,
            fp_ratio: 2.0,
            learning_rate: 1.0,
            num_iters: (100, 100, 250),
            init: PacmapInit::Pca,
            metric: Metric::Euclidean,
            random_state: 0,
        }
    }

    /// Near pairs per sample: 1 at least, and no more than the samples have others; or none for
    /// pacmap's own choice, 10 for up to 10,000 samples and 15 more for every tenfold.
    #[must_use]
    pub fn n_neighbors(mut self, neighbors: impl Into<Option<usize>>) -> Self {
        self.n_neighbors = neighbors.into();
        self
    }

    /// pacmap's `MN_ratio`: mid-near pairs for each near pair, 0 or above.
    #[must_use]
    pub fn mn_ratio(mut self, ratio: f64) -> Self {
        self.mn_ratio = ratio;
        self
    }

    /// pacmap's `FP_ratio`: further pairs for each near pair, above 0.
    #[must_use]
    pub fn fp_ratio(mut self, ratio: f64) -> Self {
        self.fp_ratio = ratio;
        self
    }

    /// pacmap's `lr`: Adam's rate, above 0.
    #[must_use]
    pub fn learning_rate(mut self, rate: f64) -> Self {
        self.learning_rate = rate;
        self
    }

    /// Iterations of the three phases.
    #[must_use]
    pub fn num_iters(mut self, first: usize, second: usize, third: usize) -> Self {
        self.num_iters = (first, second, third);
        self
    }

    /// Where the points start.
    #[must_use]
    pub fn init(mut self, init: PacmapInit) -> Self {
        self.init = init;
        self
    }

    /// pacmap's `distance`: how far apart two samples are. Precomputed distances are refused, as
    /// pairs are compared by their samples.
    #[must_use]
    pub fn metric(mut self, metric: Metric) -> Self {
        self.metric = metric;
        self
    }

    /// The seed of all that is random.
    #[must_use]
    pub fn random_state(mut self, seed: u64) -> Self {
        self.random_state = seed;
        self
    }

    /// Maps samples of shape `(n_samples, n_features)` to points of shape `(n_samples, 2)`.
    ///
    /// Where there are too few samples for all pairs asked for, there are fewer of each kind.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::TooFewSamples`] below four samples, [`AnalysisError::InvalidOption`],
    /// [`AnalysisError::NotFinite`], [`AnalysisError::NotATable`], [`AnalysisError::Undefined`]
    /// for a sample that has no direction, [`AnalysisError::Diverged`], or
    /// [`AnalysisError::Tensor`].
    pub fn fit(&self, samples: &impl Samples) -> Result<Array2<f32>, AnalysisError> {
        tch::no_grad(|| self.mapped(samples))
    }

    fn mapped(&self, samples: &impl Samples) -> Result<Array2<f32>, AnalysisError> {
        let table = samples.to_table()?;
        let (n, n_features) = dimensions(&table);
        let [near, mid_near, further] = self.counts(n, n_features)?;
        let (index, unit) = if n_features > MOST_FEATURES && n > MOST_FEATURES {
            let (_, along) = Pca::new(MOST_FEATURES).fit_transform(&table)?;
            let along = Tensor::try_from(&along.mapv(|x| x as f32))?;
            (NeighborIndex::new(&along, self.metric)?, 1.0)
        } else {
            let range = f64::try_from(table.f_max()?)? - f64::try_from(table.f_min()?)?;
            let unit = if range > 0.0 { 1.0 / range } else { 1.0 };
            (NeighborIndex::new(&table, self.metric)?, unit)
        };
        drop(table);
        let neighbors = index.neighbors_of_all((near + FURTHER_LOOK).min(n - 1))?;
        let seed = self.random_state;
        let near = Pairs::near(&neighbors, near);
        drop(neighbors);
        let middle = Pairs::mid_near(index.rows(), index.n_features(), mid_near, seed);
        let further = Pairs::further(&near, n, further, seed);
        let start = self.start(&index, unit)?;
        drop(index);
        let pairs = AllPairs {
            near: Both::of(&near, n),
            mid_near: Both::of(&middle, n),
            further: Both::of(&further, n),
        };
        let (first, second, third) = self.num_iters;
        let rate = self.learning_rate as f32;
        let points = descend(&pairs, start, rate, [first, second, third])?;
        Ok(Array2::from(points))
    }

    /// Near, mid-near and further pairs per sample, once all options are found sound.
    fn counts(&self, n: usize, n_features: usize) -> Result<[usize; 3], AnalysisError> {
        check_samples(n, n_features, "PaCMAP")?;
        let (middle, further, rate) = (self.mn_ratio, self.fp_ratio, self.learning_rate);
        let positive = |x: f64| x > 0.0 && x.is_finite();
        let comparable = self.metric != Metric::Precomputed;
        let metrics = "Euclidean, Cosine or Correlation";
        check_option("metric", metrics, comparable, "Precomputed")?;
        check_option(
            "n_neighbors",
            "of at least 1",
            self.n_neighbors != Some(0),
            0,
        )?;
        let pulls = middle >= 0.0 && middle.is_finite();
        check_option("mn_ratio", "of at least 0", pulls, middle)?;
        check_option("fp_ratio", "above 0", positive(further), further)?;
        check_option("learning_rate", "above 0", positive(rate), rate)?;
        let own = 10.0 + 15.0 * ((n as f64).log10() - 4.0).max(0.0);
        // No more in all than there are other samples, and one to spare to be picked at random.
        let most = (n - 1) as f64 / (1.0 + middle + further);
        let asked = self
            .n_neighbors
            .map_or(own.round(), |neighbors| neighbors as f64);
        let near = asked.min(most.floor().max(1.0));
        let pairs = |ratio: f64| ((near * ratio).round() as usize).min(n.saturating_sub(7) / 2);
        Ok([near as usize, pairs(middle), pairs(further).max(1)])
    }

    fn start(&self, index: &NeighborIndex, unit: f64) -> Result<Vec<[f32; 2]>, AnalysisError> {
        let n = index.len();
        if self.init == PacmapInit::Random {
            let mut normal = Normal::new(self.random_state);
            let mut random = || (INITIAL_SD * normal.next()) as f32;
            return Ok((0..n).map(|_| [random(), random()]).collect());
        }
        let plane = index.leading_plane()?;
        let scale = INITIAL_SCALE * unit / index.scale();
        let rows = plane.rows().into_iter();
        Ok(rows
            .map(|row| [0, 1].map(|axis| row.get(axis).map_or(0.0, |x| (x * scale) as f32)))
            .collect())
    }
}
