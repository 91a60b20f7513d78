//! Principal components.

mod decomposition;
mod incremental;
mod krylov;
mod plane;
mod scatter;
mod singles;
mod wide;

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;
use tch::{Kind, Tensor};

use decomposition::{Decomposition, of_doubles, of_few, of_singles};
pub use incremental::IncrementalPca;
pub(crate) use plane::{leading_plane, principal_directions};
use singles::Singles;

use crate::samples::{dimensions, largest, require_finite, taming_factor, to_array};
use crate::simd::vectorised;
use crate::{AnalysisError, Samples};

/// Rows that are centred in double precision at a time: a few megabytes, so that they stay in the
/// cache.
const BLOCK: i64 = 512;

/// Multiplications from which on single precision and searches for few directions pay.
const LARGE: f64 = 1e9;

/// Components up to which samples are projected row by row.
const FEW: usize = 16;

/// Principal component analysis: the directions along which samples vary most.
///
/// Results equal scikit-learn's `PCA`, signs included: in every component, the entry that is
/// largest by absolute value is positive.
///
/// Sums run in double precision, but for large tables of singles, which are multiplied as they are,
/// after centring, with sums of every few thousand rows in double precision: figures are then right
/// to about 1e-5 of the largest variance. [`double_precision`](Self::double_precision) asks for all
/// digits. Samples that come in batches are for [`IncrementalPca`].
///
/// ```
/// use labbook_analysis::Pca;
/// use ndarray::arr2;
///
/// let samples = arr2(&[[0.0_f32, 0.1], [1.0, 1.0], [2.0, 1.9], [3.0, 3.0]]);
/// let pca = Pca::new(1).fit(&samples)?;
/// assert!(pca.explained_variance_ratio()[0] > 0.99);
/// assert_eq!(pca.transform(&samples)?.dim(), (4, 1));
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pca {
    n_components: usize,
    double_precision: bool,
    whiten: bool,
}

impl Pca {
    /// Asks for the `n_components` directions of largest variance.
    #[must_use]
    pub fn new(n_components: usize) -> Self {
        Self {
            n_components,
            double_precision: false,
            whiten: false,
        }
    }

    /// Multiplies in double precision and decomposes exactly whatever the size.
    #[must_use]
    pub fn double_precision(mut self) -> Self {
        self.double_precision = true;
        self
    }

    /// Divides what [`transform`](FittedPca::transform) gives by the square roots of the variances,
    /// so that every component varies by 1, as scikit-learn's `whiten=True`.
    ///
    /// ```
    /// use labbook_analysis::Pca;
    /// use ndarray::arr2;
    ///
    /// let samples = arr2(&[[0.0, 0.1], [1.0, 1.0], [2.0, 1.9], [3.0, 3.2]]);
    /// let (pca, along) = Pca::new(2).whiten().fit_transform(&samples)?;
    /// assert!(along.var_axis(ndarray::Axis(0), 1.0).iter().all(|x| (x - 1.0).abs() < 1e-9));
    /// let restored = pca.inverse_transform(&along)?;
    /// assert!((restored - samples).iter().all(|x| x.abs() < 1e-9));
    /// # Ok::<(), labbook_analysis::AnalysisError>(())
    /// ```
    #[must_use]
    pub fn whiten(mut self) -> Self {
        self.whiten = true;
        self
    }

    /// Finds the components of samples of shape `(n_samples, n_features)`.
    ///
    /// With at least as many samples as features, the covariance matrix is decomposed; else the
    /// centred samples are (singular value decomposition). Where few components of a large table
    /// with more than 2,048 features, or more features than samples, are asked for, they are
    /// found by six products of a block of directions with the table's covariance, all of which
    /// together tell the components (block Lanczos, Musco and Musco, 2015). scikit-learn's
    /// `svd_solver="randomized"` keeps the last of eight such products.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::TooFewSamples`] below two samples, [`AnalysisError::InvalidOption`] unless
    /// the number of components is from 1 to the smaller of samples and features,
    /// [`AnalysisError::NotFinite`], [`AnalysisError::TooLarge`], [`AnalysisError::NotATable`],
    /// [`AnalysisError::NotReal`], or [`AnalysisError::Tensor`].
    pub fn fit(&self, samples: &impl Samples) -> Result<FittedPca, AnalysisError> {
        tch::no_grad(|| self.fit_source(&Source::of(samples)?))
    }

    /// Fits, and returns the samples along the components as well: shape
    /// `(n_samples, n_components)`.
    ///
    /// # Errors
    ///
    /// Those of [`fit`](Self::fit).
    pub fn fit_transform(
        &self,
        samples: &impl Samples,
    ) -> Result<(FittedPca, Array2<f64>), AnalysisError> {
        tch::no_grad(|| {
            let source = Source::of(samples)?;
            let fitted = self.fit_source(&source)?;
            let projected = fitted.transform_source(&source)?;
            Ok((fitted, projected))
        })
    }

    fn fit_source(&self, source: &Source<'_>) -> Result<FittedPca, AnalysisError> {
        let (n_samples, n_features) = source.dimensions();
        if n_samples < 2 {
            return Err(AnalysisError::TooFewSamples {
                expected: 2,
                purpose: "principal components",
                received: n_samples,
            });
        }
        let limit = n_samples.min(n_features);
        if !(1..=limit).contains(&self.n_components) {
            return Err(AnalysisError::InvalidOption {
                option: "n_components",
                expected: format!(
                    "from 1 to {limit}, the smaller of {n_samples} samples and {n_features} features"
                ),
                received: self.n_components.to_string(),
            });
        }
        let keep = self.n_components;
        let work = n_samples.max(n_features) as f64 * (limit as f64).powi(2);
        let is_large = work >= LARGE && !self.double_precision;
        if is_large
            && let Some(singles) = source.singles()
            && let Some(found) = of_singles(&singles, keep)?
        {
            return self.fitted(found, 1.0, source);
        }
        let table = source.table()?;
        if let Some(found) = of_few(&table, keep)? {
            return self.fitted(found, 1.0, source);
        }
        require_finite(&table)?;
        let factor = taming_factor(&table)?;
        let tamed = match factor {
            1.0 => table,
            _ => table.f_to_kind(Kind::Double)?.f_mul_scalar(factor)?,
        };
        self.fitted(of_doubles(&tamed, keep, !is_large)?, factor, source)
    }

    /// The result of a decomposition of samples that were multiplied with a factor.
    fn fitted(
        &self,
        found: Decomposition,
        factor: f64,
        source: &Source<'_>,
    ) -> Result<FittedPca, AnalysisError> {
        let keep = self.n_components;
        let variances = Array1::from(found.variances[..keep].to_vec());
        let explained_variance_ratio = match found.total {
            0.0 => Array1::zeros(keep),
            total => &variances / total,
        };
        let explained_variance = variances / factor / factor;
        if !explained_variance.iter().all(|x| x.is_finite()) {
            return Err(too_large("variance", &source.table()?)?);
        }
        let directions = found.directions.f_narrow(0, 0, keep as i64)?;
        let mut components = to_array::<f64>(&directions)?;
        fix_signs(&mut components);
        Ok(FittedPca {
            mean: Array1::from(found.mean) / factor,
            components,
            explained_variance,
            explained_variance_ratio,
            whiten: self.whiten,
        })
    }
}

/// A principal component analysis that was fitted to samples; see [`Pca`].
#[derive(Debug, Clone, PartialEq)]
pub struct FittedPca {
    mean: Array1<f64>,
    components: Array2<f64>,
    explained_variance: Array1<f64>,
    explained_variance_ratio: Array1<f64>,
    whiten: bool,
}

impl FittedPca {
    /// The samples along the components: shape `(n_samples, n_components)`; divided by the square
    /// roots of the variances if [`whiten`](Pca::whiten) was asked for.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::FeatureMismatch`], [`AnalysisError::NotFinite`],
    /// [`AnalysisError::TooLarge`], [`AnalysisError::NotATable`], [`AnalysisError::NotReal`], or
    /// [`AnalysisError::Tensor`].
    pub fn transform(&self, samples: &impl Samples) -> Result<Array2<f64>, AnalysisError> {
        tch::no_grad(|| {
            let source = Source::of(samples)?;
            source.require_finite()?;
            self.transform_source(&source)
        })
    }

    fn transform_source(&self, source: &Source<'_>) -> Result<Array2<f64>, AnalysisError> {
        let (n_samples, n_features) = source.dimensions();
        if n_features != self.mean.len() {
            return Err(AnalysisError::FeatureMismatch {
                expected: self.mean.len(),
                received: n_features,
            });
        }
        let keep = self.components.nrows();
        let mut projected = match source.singles() {
            Some(singles) if keep <= FEW => self.project_singles(&singles)?,
            _ => {
                let mean = Tensor::f_from_slice(&self.mean.to_vec())?;
                let directions = Tensor::try_from(&self.components)?.f_tr()?;
                let blocks = centred_blocks(&source.table()?, &mean)
                    .map(|block| Ok(block?.f_matmul(&directions)?))
                    .collect::<Result<Vec<Tensor>, AnalysisError>>()?;
                match blocks.is_empty() {
                    true => Array2::zeros((n_samples, keep)),
                    false => to_array::<f64>(&Tensor::f_cat(&blocks, 0)?)?,
                }
            }
        };
        if self.whiten {
            projected /= &self.scale();
        }
        match projected.iter().all(|x| x.is_finite()) {
            true => Ok(projected),
            false => Err(too_large("distance from the mean", &source.table()?)?),
        }
    }

    /// Few components of rows of singles, in double precision.
    fn project_singles(&self, singles: &Singles<'_>) -> Result<Array2<f64>, AnalysisError> {
        let (n_samples, width) = singles.dimensions();
        let keep = self.components.nrows();
        let mut projected = Vec::with_capacity(n_samples * keep);
        let components = self.components.as_standard_layout();
        let components = components.as_slice().unwrap_or_default();
        let mean = self.mean.to_vec();
        singles.for_each_block(BLOCK as usize * rayon::current_num_threads(), |rows| {
            projected.par_extend(rows.par_chunks(width).flat_map_iter(|row| {
                let mut along = [0.0_f64; FEW];
                vectorised(|| {
                    for (along, component) in along.iter_mut().zip(components.chunks(width)) {
                        *along = along_component(row, &mean, component);
                    }
                });
                along.into_iter().take(keep)
            }));
        })?;
        Ok(Array2::from_shape_vec((n_samples, keep), projected).unwrap_or_default())
    }

    /// What whitening divides by; never 0.
    fn scale(&self) -> Array1<f64> {
        self.explained_variance
            .mapv(|variance| variance.sqrt().max(f64::EPSILON))
    }

    /// Samples from their places along the components, `(n_samples, n_components)`: shape
    /// `(n_samples, n_features)`. What the components leave out is lost.
    ///
    /// ```
    /// use labbook_analysis::Pca;
    /// use ndarray::arr2;
    ///
    /// let samples = arr2(&[[0.0, 1.0], [1.0, 3.0], [2.0, 5.0]]);
    /// let (pca, along) = Pca::new(1).fit_transform(&samples)?;
    /// let restored = pca.inverse_transform(&along)?;
    /// assert!((&restored - &samples).iter().all(|x| x.abs() < 1e-9));
    /// # Ok::<(), labbook_analysis::AnalysisError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AnalysisError::FeatureMismatch`], [`AnalysisError::NotATable`],
    /// [`AnalysisError::NotReal`], or [`AnalysisError::Tensor`].
    pub fn inverse_transform(&self, along: &impl Samples) -> Result<Array2<f64>, AnalysisError> {
        let mut along = to_array::<f64>(&along.to_table()?)?;
        if along.ncols() != self.components.nrows() {
            return Err(AnalysisError::FeatureMismatch {
                expected: self.components.nrows(),
                received: along.ncols(),
            });
        }
        if self.whiten {
            along *= &self.scale();
        }
        Ok(along.dot(&self.components) + &self.mean)
    }

    /// Mean of every feature over the fitted samples.
    pub fn mean(&self) -> &Array1<f64> {
        &self.mean
    }

    /// The directions, of length 1 each: shape `(n_components, n_features)`, largest variance
    /// first.
    pub fn components(&self) -> &Array2<f64> {
        &self.components
    }

    /// Variance of the fitted samples along each component (divisor `n_samples - 1`).
    pub fn explained_variance(&self) -> &Array1<f64> {
        &self.explained_variance
    }

    /// Each component's share of the variance of all features, from 0 to 1; zeros where all
    /// samples are equal.
    pub fn explained_variance_ratio(&self) -> &Array1<f64> {
        &self.explained_variance_ratio
    }
}

/// The sum of `(row - mean) * component`.
#[inline(always)]
fn along_component(row: &[f32], mean: &[f64], component: &[f64]) -> f64 {
    const LANES: usize = 8;
    let mut sums = [0.0_f64; LANES];
    let (rows, row_rest) = row.as_chunks::<LANES>();
    let (means, mean_rest) = mean.as_chunks::<LANES>();
    let (components, component_rest) = component.as_chunks::<LANES>();
    for ((row, mean), component) in rows.iter().zip(means).zip(components) {
        for lane in 0..LANES {
            sums[lane] += (f64::from(row[lane]) - mean[lane]) * component[lane];
        }
    }
    let rest = row_rest.iter().zip(mean_rest).zip(component_rest);
    let rest: f64 = rest.map(|((&x, mean), c)| (f64::from(x) - mean) * c).sum();
    rest + sums.iter().sum::<f64>()
}

/// Samples on their way into a fit.
enum Source<'a> {
    /// Singles where they are, not looked at yet.
    Singles(ArrayView2<'a, f32>),
    Table(Tensor),
}

impl<'a> Source<'a> {
    fn of(samples: &'a impl Samples) -> Result<Self, AnalysisError> {
        Ok(match samples.as_singles() {
            Some(view) => Self::Singles(view),
            None => Self::Table(samples.to_table()?),
        })
    }

    fn dimensions(&self) -> (usize, usize) {
        match self {
            Self::Singles(view) => view.dim(),
            Self::Table(table) => dimensions(table),
        }
    }

    fn singles(&self) -> Option<Singles<'_>> {
        match self {
            Self::Singles(view) => Some(Singles::Rows(view.view())),
            Self::Table(table) => Singles::of(table),
        }
    }

    /// Singles are only copied to say which of them is not.
    fn require_finite(&self) -> Result<(), AnalysisError> {
        match self {
            Self::Singles(view) if view.iter().all(|x| x.is_finite()) => Ok(()),
            _ => require_finite(&self.table()?),
        }
    }

    fn table(&self) -> Result<Tensor, AnalysisError> {
        match self {
            Self::Singles(view) => view.to_table(),
            Self::Table(table) => Ok(table.shallow_clone()),
        }
    }
}

fn too_large(what: &'static str, table: &Tensor) -> Result<AnalysisError, AnalysisError> {
    let largest = format!("{:e}", largest(table)?);
    Ok(AnalysisError::TooLarge { what, largest })
}

/// Blocks of rows in double precision, less the mean.
pub(crate) fn centred_blocks(
    table: &Tensor,
    mean: &Tensor,
) -> impl Iterator<Item = Result<Tensor, AnalysisError>> {
    let rows = dimensions(table).0 as i64;
    (0..rows).step_by(BLOCK as usize).map(move |start| {
        let block = table.f_narrow(0, start, BLOCK.min(rows - start))?;
        Ok(block.f_to_kind(Kind::Double)?.f_sub(mean)?)
    })
}

/// scikit-learn's `svd_flip`, decided by the components: their largest entry is positive.
fn fix_signs(components: &mut Array2<f64>) {
    for mut row in components.axis_iter_mut(Axis(0)) {
        let largest = row
            .iter()
            .copied()
            .fold(0.0_f64, |a, b| if b.abs() > a.abs() { b } else { a });
        if largest < 0.0 {
            row.mapv_inplace(|x| -x);
        }
    }
}

#[cfg(test)]
mod tests {
    use ndarray::arr2;

    use super::*;
    use crate::random::Normal;

    #[test]
    fn bad_requests_are_named() {
        let samples = arr2(&[[1.0_f32, 2.0, 3.0], [4.0, 5.0, 7.0]]);
        let error = Pca::new(3).fit(&samples).unwrap_err();
        assert!(error.to_string().contains("from 1 to 2"), "{error}");
        assert!(Pca::new(0).fit(&samples).is_err());
        let one = arr2(&[[1.0_f32, 2.0]]);
        let error = Pca::new(1).fit(&one).unwrap_err();
        assert!(error.to_string().contains("at least 2 samples"), "{error}");
        let pca = Pca::new(1).fit(&samples).unwrap();
        assert_eq!(
            pca.transform(&one),
            Err(AnalysisError::FeatureMismatch {
                expected: 3,
                received: 2
            })
        );
    }

    /// Features of falling variance, far from zero.
    fn falling(n: usize, d: usize) -> Array2<f32> {
        let mut normal = Normal::new(9);
        let hidden =
            Array2::from_shape_fn((n, 6), |(_, j)| normal.next() * f64::from(6 - j as u32));
        let mixing = Array2::from_shape_fn((6, d), |_| normal.next());
        let noise = Array2::from_shape_fn((n, d), |_| 0.1 * normal.next());
        (hidden.dot(&mixing) + noise + 100.0).mapv(|x| x as f32)
    }

    #[test]
    fn large_tables_of_singles_agree_with_double_precision() {
        for (n, d) in [(25_000, 210), (520, 4_000)] {
            let samples = Tensor::try_from(&falling(n, d)).unwrap();
            let fast = Pca::new(3).fit(&samples).unwrap();
            let exact = Pca::new(3).double_precision().fit(&samples).unwrap();
            assert_ne!(fast, exact, "the fast way was not taken");
            let largest = exact.explained_variance()[0];
            for (a, e) in fast
                .explained_variance()
                .iter()
                .zip(exact.explained_variance())
            {
                assert!((a - e).abs() < 1e-5 * largest, "{n} x {d}: {a} against {e}");
            }
            let ratios = fast.explained_variance_ratio() - exact.explained_variance_ratio();
            assert!(ratios.iter().all(|x| x.abs() < 1e-5), "{ratios}");
            let apart = fast.components() - exact.components();
            assert!(apart.iter().all(|x| x.abs() < 1e-4), "{n} x {d}");
        }
    }

    #[test]
    fn whole_numbers_far_from_zero_vary_as_near_zero() {
        let near = Array2::from_shape_fn((12, 3), |(i, j)| ((i * (5 + 2 * j) + j) % 7) as i64);
        let far = &near + 16_777_216;
        let expected = Pca::new(2).fit(&near.mapv(|x| x as f64)).unwrap();
        let tensor = Tensor::try_from(&far).unwrap();
        for actual in [Pca::new(2).fit(&tensor), Pca::new(2).fit(&far)] {
            let actual = actual.unwrap();
            for (a, e) in actual
                .explained_variance()
                .iter()
                .zip(expected.explained_variance())
            {
                assert!((a / e - 1.0).abs() < 1e-9, "{a} against {e}");
            }
            for (a, e) in actual.components().iter().zip(expected.components()) {
                assert!((a - e).abs() < 1e-9, "{a} against {e}");
            }
        }
    }

    #[test]
    fn the_smallest_numbers_have_components_and_the_largest_a_sentence() {
        let samples = arr2(&[[0.0, 0.1], [1.0, 1.0], [2.0, 1.9], [3.0, 3.2]]);
        let expected = Pca::new(1).fit(&samples).unwrap();
        for factor in [1e-300, 1e-310, 1e150] {
            let pca = Pca::new(1).fit(&(&samples * factor)).unwrap();
            let close = (pca.components() - expected.components()).mapv(f64::abs);
            assert!(close.iter().all(|x| *x < 1e-9), "{factor}: {pca:?}");
            let share = pca.explained_variance_ratio()[0];
            assert!((share - expected.explained_variance_ratio()[0]).abs() < 1e-9);
        }
        for factor in [1e300, f64::MAX / 4.0] {
            for samples in [&samples * factor, &samples.t() * factor] {
                let error = Pca::new(1).fit(&samples).unwrap_err().to_string();
                assert!(error.contains("whose variance a double holds"), "{error}");
            }
        }
        let error = expected
            .transform(&arr2(&[[f64::MAX, f64::MAX]]))
            .unwrap_err();
        assert!(
            error.to_string().contains("distance from the mean"),
            "{error}"
        );
    }

    #[test]
    fn equal_samples_have_no_variance_and_no_nan() {
        let samples = Array2::<f32>::from_elem((5, 3), 0.1);
        let (pca, projected) = Pca::new(2).fit_transform(&samples).unwrap();
        assert_eq!(pca.explained_variance_ratio(), &Array1::<f64>::zeros(2));
        assert!(projected.iter().all(|x| x.abs() < 1e-7));
    }

    #[test]
    fn blocks_join_seamlessly_and_a_tensor_is_as_good_as_an_array() {
        let n = BLOCK as usize + 10;
        let samples =
            Array2::from_shape_fn((n, 3), |(i, j)| (((i * (7 + j)) % 101) as f32).sin() + 5.0);
        let (pca, projected) = Pca::new(3).fit_transform(&samples).unwrap();
        let from_tensor = Pca::new(3)
            .fit(&Tensor::try_from(&samples).unwrap())
            .unwrap();
        assert_eq!(from_tensor, pca);
        // Rotating back gives the samples again.
        let restored = projected.dot(pca.components()) + pca.mean();
        for (a, b) in restored.iter().zip(&samples) {
            assert!((a - f64::from(*b)).abs() < 1e-9);
        }
    }
}
