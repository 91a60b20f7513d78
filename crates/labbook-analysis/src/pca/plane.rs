use ndarray::{Array2, s};
use rayon::prelude::*;
use tch::{Kind, Tensor};

use super::fix_signs;
use crate::AnalysisError;
use crate::random::Normal;
use crate::samples::{dimensions, to_array};
use crate::simd::vectorised;

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
/// `(n_samples, 2)`, signs as in [`Pca`](super::Pca).
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

#[cfg(test)]
mod tests {
    use ndarray::Axis;

    use super::*;
    use crate::Pca;

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
}
