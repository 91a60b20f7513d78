use ndarray::{Array1, Array2, Axis, s};
use rayon::prelude::*;
use tch::{Kind, Tensor};

use crate::random::Normal;
use crate::samples::{dimensions, largest, require_finite, taming_factor, to_array};
use crate::simd::vectorised;
use crate::{AnalysisError, Samples};

/// Rows that are centred in double precision at a time, so that no second copy of a large table
/// is needed.
const BLOCK: i64 = 4096;

/// Multiplications from which on single precision and random projections pay.
const LARGE: f64 = 1e9;

/// Principal component analysis: the directions along which samples vary most.
///
/// Results equal scikit-learn's `PCA`, signs included: in every component, the entry that is
/// largest by absolute value is positive.
///
/// Sums run in double precision, but for large tables of singles, which are multiplied as they are,
/// after centring, with sums of every few thousand rows in double precision: figures are then right
/// to about 1e-5 of the largest variance. [`double_precision`](Self::double_precision) asks for all
/// digits.
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
}

impl Pca {
    /// Asks for the `n_components` directions of largest variance.
    #[must_use]
    pub fn new(n_components: usize) -> Self {
        Self {
            n_components,
            double_precision: false,
        }
    }

    /// Multiplies in double precision and decomposes exactly whatever the size.
    #[must_use]
    pub fn double_precision(mut self) -> Self {
        self.double_precision = true;
        self
    }

    /// Finds the components of samples of shape `(n_samples, n_features)`.
    ///
    /// With at least as many samples as features, the covariance matrix is decomposed; else the
    /// centred samples are (singular value decomposition). Where few components of a large table
    /// with more features than samples are asked for, they are found by random projections and
    /// seven power iterations, as scikit-learn's `svd_solver="randomized"` does (Halko et al.,
    /// 2011).
    ///
    /// # Errors
    ///
    /// [`AnalysisError::TooFewSamples`] below two samples, [`AnalysisError::InvalidOption`] unless
    /// the number of components is from 1 to the smaller of samples and features,
    /// [`AnalysisError::NotFinite`], [`AnalysisError::TooLarge`], [`AnalysisError::NotATable`],
    /// [`AnalysisError::NotReal`], or [`AnalysisError::Tensor`].
    pub fn fit(&self, samples: &impl Samples) -> Result<FittedPca, AnalysisError> {
        tch::no_grad(|| self.fit_table(&samples.to_table()?))
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
            let table = samples.to_table()?;
            let fitted = self.fit_table(&table)?;
            let projected = fitted.transform_table(&table)?;
            Ok((fitted, projected))
        })
    }

    fn fit_table(&self, table: &Tensor) -> Result<FittedPca, AnalysisError> {
        let (n_samples, n_features) = dimensions(table);
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
        require_finite(table)?;

        let factor = taming_factor(table)?;
        let tamed = match factor {
            1.0 => table.shallow_clone(),
            _ => table.f_to_kind(Kind::Double)?.f_mul_scalar(factor)?,
        };
        let mean = tamed.f_mean_dim(Some(&[0_i64][..]), false, Kind::Double)?;
        let work = n_samples.max(n_features) as f64 * (limit as f64).powi(2);
        let is_large = work >= LARGE && !self.double_precision;
        let as_singles = is_large && tamed.f_kind()? == Kind::Float && singles_hold(&tamed)?;
        let (variances, directions, total) = if n_samples >= n_features {
            by_covariance(&tamed, &mean, as_singles)?
        } else if is_large && 10 * self.n_components <= limit {
            by_random_projections(&tamed, &mean, as_singles, self.n_components)?
        } else {
            by_singular_values(&tamed, &mean)?
        };
        let mean = mean.f_div_scalar(factor)?;
        let keep = self.n_components;
        let variances = Array1::from(variances[..keep].to_vec());
        let explained_variance_ratio = match total {
            0.0 => Array1::zeros(keep),
            _ => &variances / total,
        };
        let explained_variance = variances / factor / factor;
        if !explained_variance.iter().all(|x| x.is_finite()) {
            return Err(too_large("variance", table)?);
        }
        let mut components = to_array::<f64>(&directions.f_narrow(0, 0, keep as i64)?)?;
        fix_signs(&mut components);
        Ok(FittedPca {
            mean: Vec::<f64>::try_from(mean)?.into(),
            components,
            explained_variance,
            explained_variance_ratio,
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
}

impl FittedPca {
    /// The samples along the components: shape `(n_samples, n_components)`.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::FeatureMismatch`], [`AnalysisError::NotFinite`],
    /// [`AnalysisError::TooLarge`], [`AnalysisError::NotATable`], [`AnalysisError::NotReal`], or
    /// [`AnalysisError::Tensor`].
    pub fn transform(&self, samples: &impl Samples) -> Result<Array2<f64>, AnalysisError> {
        tch::no_grad(|| {
            let table = samples.to_table()?;
            require_finite(&table)?;
            self.transform_table(&table)
        })
    }

    fn transform_table(&self, table: &Tensor) -> Result<Array2<f64>, AnalysisError> {
        let (_, n_features) = dimensions(table);
        if n_features != self.mean.len() {
            return Err(AnalysisError::FeatureMismatch {
                expected: self.mean.len(),
                received: n_features,
            });
        }
        let mean = Tensor::f_from_slice(&self.mean.to_vec())?;
        let directions = Tensor::try_from(&self.components)?.f_tr()?;
        let projected = centred_blocks(table, &mean)
            .map(|block| Ok(block?.f_matmul(&directions)?))
            .collect::<Result<Vec<Tensor>, AnalysisError>>()?;
        let projected = match projected.is_empty() {
            true => Array2::zeros((0, self.components.nrows())),
            false => to_array::<f64>(&Tensor::f_cat(&projected, 0)?)?,
        };
        match projected.iter().all(|x| x.is_finite()) {
            true => Ok(projected),
            false => Err(too_large("distance from the mean", table)?),
        }
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
        let along = to_array::<f64>(&along.to_table()?)?;
        if along.ncols() != self.components.nrows() {
            return Err(AnalysisError::FeatureMismatch {
                expected: self.components.nrows(),
                received: along.ncols(),
            });
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

/// Whether squares of such numbers stay within single precision.
fn singles_hold(table: &Tensor) -> Result<bool, AnalysisError> {
    Ok((1e-12..1e12).contains(&largest(table)?))
}

/// Variances, largest first, the rows of directions, and the variance of all features.
type Decomposition = (Vec<f64>, Tensor, f64);

/// By the covariance matrix.
fn by_covariance(
    table: &Tensor,
    mean: &Tensor,
    as_singles: bool,
) -> Result<Decomposition, AnalysisError> {
    let (n_samples, n_features) = dimensions(table);
    let width = n_features as i64;
    let mut scatter = Tensor::f_zeros([width, width], (Kind::Double, table.device()))?;
    if as_singles {
        let rows = n_samples as i64;
        let rounded = mean.f_to_kind(Kind::Float)?;
        for start in (0..rows).step_by(BLOCK as usize) {
            let block = table.f_narrow(0, start, BLOCK.min(rows - start))?;
            let block = block.f_sub(&rounded)?;
            scatter = scatter.f_add_(&block.f_tr()?.f_matmul(&block)?)?;
        }
        // What rounding the mean moved.
        let moved = mean.f_sub(&rounded)?;
        let moved = moved.f_outer(&moved)?.f_mul_scalar(n_samples as f64)?;
        scatter = scatter.f_sub_(&moved)?;
    } else {
        for block in centred_blocks(table, mean) {
            let block = block?;
            scatter = scatter.f_addmm_(&block.f_tr()?, &block)?;
        }
    }
    let covariance = scatter.f_div_scalar_((n_samples - 1) as f64)?;
    let (values, vectors) = covariance.f_linalg_eigh("L")?;
    // Ascending values, one vector per column; rounding can push a zero below zero.
    let values = Vec::<f64>::try_from(values.f_flip([0])?.f_clamp_min(0.0)?)?;
    let total = values.iter().sum();
    Ok((values, vectors.f_tr()?.f_flip([0])?, total))
}

/// The first few, of samples that are fewer than their features, by random projections.
fn by_random_projections(
    table: &Tensor,
    mean: &Tensor,
    as_singles: bool,
    keep: usize,
) -> Result<Decomposition, AnalysisError> {
    // Both as in scikit-learn, which takes 7 iterations below a tenth of the components.
    const SPARE: usize = 10;
    const ITERATIONS: usize = 7;
    let (n_samples, n_features) = dimensions(table);
    let kind = match as_singles {
        true => Kind::Float,
        false => Kind::Double,
    };
    let centred = table.f_to_kind(kind)?.f_sub(&mean.f_to_kind(kind)?)?;
    let transposed = centred.f_tr()?;
    let mut normal = Normal::new(0);
    let size = (keep + SPARE).min(n_samples);
    let random = Array2::from_shape_fn((n_features, size), |_| normal.next());
    let mut across = Tensor::try_from(&random)?.f_to_kind(kind)?;
    for _ in 0..ITERATIONS {
        let (along, _) = Tensor::f_linalg_qr(&centred.f_matmul(&across)?, "reduced")?;
        (across, _) = Tensor::f_linalg_qr(&transposed.f_matmul(&along)?, "reduced")?;
    }
    let (along, _) = Tensor::f_linalg_qr(&centred.f_matmul(&across)?, "reduced")?;
    let projected = along.f_tr()?.f_matmul(&centred)?.f_to_kind(Kind::Double)?;
    let (_, singular, directions) = projected.f_svd(true, true)?;
    let divisor = (n_samples - 1) as f64;
    let values = Vec::<f64>::try_from(singular)?;
    let variances = values.iter().map(|s| s * s / divisor).collect();
    let squares = centred.f_square()?.f_sum(Kind::Double)?;
    let total = f64::try_from(squares)? / divisor;
    Ok((variances, directions.f_tr()?, total))
}

/// How many rows tell the covariance well enough to find directions by.
const ENOUGH_ROWS: usize = 2048;

/// The leading directions of centred rows in single precision, nearly, from one row in several:
/// orthonormal columns, of shape `(n_features, size)`.
///
/// Orthogonal iteration on the covariance matrix. Its products are so small that a library's
/// threads would spend more time on meeting one another.
pub(crate) fn principal_directions(
    centred: &Tensor,
    size: usize,
) -> Result<Array2<f32>, AnalysisError> {
    const SPARE: usize = 8;
    const ITERATIONS: usize = 8;
    let (n_samples, width) = dimensions(centred);
    let step = n_samples.div_ceil(ENOUGH_ROWS).max(1);
    let some = centred.f_slice(0, None, None, step as i64)?;
    let covariance = to_array::<f32>(&some.f_tr()?.f_matmul(&some)?)?;
    let mut normal = Normal::new(0);
    let block = width.min(size + SPARE);
    let mut basis = Array2::from_shape_fn((width, block), |_| normal.next() as f32);
    for _ in 0..ITERATIONS {
        basis = product(&covariance, &basis);
        orthonormalise(&mut basis);
    }
    let leading = basis.slice(s![.., ..size.min(width)]);
    Ok(leading.as_standard_layout().into_owned())
}

/// The product of a square matrix with one of few columns.
fn product(square: &Array2<f32>, few: &Array2<f32>) -> Array2<f32> {
    let columns = few.ncols();
    let few = few.as_standard_layout();
    let few = few.as_slice().unwrap_or_default();
    let rows: Vec<f32> = square
        .as_standard_layout()
        .as_slice()
        .unwrap_or_default()
        .par_chunks(square.ncols())
        .flat_map_iter(|row| {
            let mut sum = vec![0.0_f32; columns];
            vectorised(|| {
                for (factor, line) in row.iter().zip(few.chunks(columns)) {
                    for (sum, x) in sum.iter_mut().zip(line) {
                        *sum += factor * x;
                    }
                }
            });
            sum
        })
        .collect();
    Array2::from_shape_vec((square.nrows(), columns), rows).unwrap_or_default()
}

/// Gram-Schmidt, twice over for accuracy. A column that depends on those before becomes zero.
fn orthonormalise(basis: &mut Array2<f32>) {
    let columns = basis.ncols();
    let mut lines: Vec<Vec<f32>> = basis.columns().into_iter().map(|c| c.to_vec()).collect();
    for current in 0..columns {
        let (before, rest) = lines.split_at_mut(current);
        let line = &mut rest[0];
        let length = dot(line, line).sqrt();
        for _ in 0..2 {
            for other in &*before {
                let share = dot(line, other);
                vectorised(|| {
                    line.iter_mut()
                        .zip(other)
                        .for_each(|(x, o)| *x -= share * o)
                });
            }
        }
        let left = dot(line, line).sqrt();
        let scale = if left > 1e-5 * length {
            1.0 / left
        } else {
            0.0
        };
        line.iter_mut().for_each(|x| *x *= scale);
    }
    for (mut column, line) in basis.columns_mut().into_iter().zip(lines) {
        column.iter_mut().zip(line).for_each(|(to, x)| *to = x);
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    vectorised(|| {
        let mut sums = [0.0_f32; 16];
        let ((a, a_rest), (b, b_rest)) = (a.as_chunks::<16>(), b.as_chunks::<16>());
        for (a, b) in a.iter().zip(b) {
            for lane in 0..16 {
                sums[lane] += a[lane] * b[lane];
            }
        }
        let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
        sums.iter().sum::<f32>() + rest
    })
}

/// Samples along their leading two components, for centred rows in single precision: shape
/// `(n_samples, 2)`, signs as in [`Pca`].
///
/// Subspace iteration over all rows, enough for t-SNE to start from, as scikit-learn's randomised
/// solver is.
pub(crate) fn leading_plane(centred: &Tensor) -> Result<Array2<f64>, AnalysisError> {
    const ITERATIONS: usize = 3;
    let (n_samples, n_features) = dimensions(centred);
    let keep = n_features.min(2);
    let mut basis = principal_directions(centred, n_features.min(16))?;
    let transposed = centred.f_tr()?;
    if n_samples > ENOUGH_ROWS {
        for _ in 0..ITERATIONS {
            let along = centred.f_matmul(&Tensor::try_from(&basis)?)?;
            basis = to_array(&transposed.f_matmul(&along)?)?;
            orthonormalise(&mut basis);
        }
    }
    let basis = Tensor::try_from(&basis)?;
    let projected = centred.f_matmul(&basis)?.f_to_kind(Kind::Double)?;
    let (_, vectors) = projected.f_tr()?.f_matmul(&projected)?.f_linalg_eigh("L")?;
    let vectors = vectors.f_flip([1])?.f_narrow(1, 0, keep as i64)?;
    let components = basis.f_to_kind(Kind::Double)?.f_matmul(&vectors)?;
    let mut signed = to_array::<f64>(&components.f_tr()?)?;
    fix_signs(&mut signed);
    let signs = components.f_mul(&Tensor::try_from(&signed)?.f_tr()?)?;
    let signs = signs.f_sum_dim_intlist(Some(&[0_i64][..]), false, Kind::Double)?;
    to_array(&projected.f_matmul(&vectors.f_mul(&signs)?)?)
}

/// By the centred samples, which is cheaper when they are fewer than their features.
fn by_singular_values(table: &Tensor, mean: &Tensor) -> Result<Decomposition, AnalysisError> {
    let (n_samples, _) = dimensions(table);
    let centred = table.f_to_kind(Kind::Double)?.f_sub(mean)?;
    let (_, singular, directions) = centred.f_svd(true, true)?;
    let values = Vec::<f64>::try_from(singular)?;
    let divisor = (n_samples - 1) as f64;
    let variances: Vec<f64> = values.iter().map(|s| s * s / divisor).collect();
    let total = variances.iter().sum();
    Ok((variances, directions.f_tr()?, total))
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
    fn the_leading_plane_is_that_of_the_full_decomposition() {
        let mut normal = Normal::new(4);
        for (n, d) in [(200, 30), (20, 50), (40, 1)] {
            let mut samples =
                Array2::from_shape_fn((n, d), |(_, j)| (normal.next() / (1 + j) as f64) as f32);
            if let Some(mean) = samples.mean_axis(Axis(0)) {
                samples -= &mean;
            }
            let (_, expected) = Pca::new(d.min(2)).fit_transform(&samples).unwrap();
            let actual = leading_plane(&Tensor::try_from(&samples).unwrap()).unwrap();
            for (a, e) in actual.iter().zip(&expected) {
                assert!((a - e).abs() < 1e-3, "{n} x {d}: {a} against {e}");
            }
        }
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
