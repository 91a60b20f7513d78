use ndarray::{Array2, Axis};
use tch::{Kind, Tensor};

use super::centred_blocks;
use super::krylov::Search;
use super::scatter::Scatter;
use super::singles::Singles;
use super::wide::{LANES, Wide};
use crate::AnalysisError;
use crate::samples::{dimensions, to_array};

/// Features from which on the covariance matrix of a tall table is more work than products with
/// the table.
const WIDE: usize = 2048;

/// Numbers up to which a table is small.
const FEW: usize = 200_000;

/// What was found out about samples.
pub(super) struct Decomposition {
    pub(super) mean: Vec<f64>,
    /// Largest first.
    pub(super) variances: Vec<f64>,
    /// One direction per row.
    pub(super) directions: Tensor,
    /// The variance of all features.
    pub(super) total: f64,
}

/// Whether variances of such sums of squares can be trusted to single precision.
fn singles_hold(largest: f64, n_samples: usize) -> bool {
    (1e-24..1e24).contains(&(largest / n_samples as f64))
}

/// Large tables of singles, in single precision; nothing if they are not finite or too large or
/// small for it.
pub(super) fn of_singles(
    samples: &Singles<'_>,
    keep: usize,
) -> Result<Option<Decomposition>, AnalysisError> {
    let (n_samples, n_features) = samples.dimensions();
    let limit = n_samples.min(n_features);
    let shift = samples.rough_mean()?;
    if !shift.iter().all(|x| x.is_finite()) {
        return Ok(None);
    }
    let few = 10 * keep <= limit;
    match n_samples >= n_features && (n_features <= WIDE || !few) {
        true => by_scatter(samples, &shift, keep),
        false if few => by_products(samples, &shift, keep),
        false => Ok(None),
    }
}

/// By the covariance matrix.
fn by_scatter(
    samples: &Singles<'_>,
    shift: &[f32],
    keep: usize,
) -> Result<Option<Decomposition>, AnalysisError> {
    let (n_samples, width) = samples.dimensions();
    let n = n_samples as f64;
    let Scatter { sums, products } = Scatter::of(samples, shift)?;
    let mut covariance = Array2::from_shape_vec((width, width), products).unwrap_or_default();
    let mut largest = 0.0_f64;
    for i in 0..width {
        for j in i..width {
            let moved = sums[i] * sums[j] / n;
            let value = (covariance[[i, j]] - moved) / (n - 1.0);
            covariance[[i, j]] = value;
            covariance[[j, i]] = value;
        }
        largest = largest.max(covariance[[i, i]]);
    }
    if !sums.iter().all(|sum| sum.is_finite()) || !singles_hold(largest * n, n_samples) {
        return Ok(None);
    }
    let total = covariance.diag().sum();
    let (variances, directions) = decomposed(&Tensor::try_from(&covariance)?, keep, false)?;
    Ok(Some(Decomposition {
        mean: moved_mean(shift, &sums, n),
        variances,
        directions,
        total,
    }))
}

fn moved_mean(shift: &[f32], sums: &[f64], n: f64) -> Vec<f64> {
    let pairs = shift.iter().zip(sums);
    pairs.map(|(&x, sum)| f64::from(x) + sum / n).collect()
}

/// Eigenvalues of a covariance matrix, largest first, and the rows of their vectors: the first
/// `keep` at least.
fn decomposed(
    covariance: &Tensor,
    keep: usize,
    exact: bool,
) -> Result<(Vec<f64>, Tensor), AnalysisError> {
    let (_, width) = dimensions(covariance);
    let search = Search {
        keep,
        products: 12,
        tolerance: 1e-11,
    };
    if !exact && search.block() * search.products <= width {
        let found = search.leading(width, |block| Ok(covariance.f_matmul(block)?))?;
        if found.settled {
            return Ok((found.values, found.vectors.f_tr()?));
        }
    }
    let (values, vectors) = covariance.f_linalg_eigh("L")?;
    // Ascending values, one vector per column; rounding can push a zero below zero.
    let values = Vec::<f64>::try_from(values.f_flip([0])?.f_clamp_min(0.0)?)?;
    Ok((values, vectors.f_tr()?.f_flip([0])?))
}

/// How far the search goes where every product reads the whole table: farther than
/// scikit-learn's seven power iterations.
fn search_in_table(keep: usize) -> Search {
    Search {
        keep,
        products: 6,
        tolerance: 1e-6,
    }
}

/// The first few, by products with the table.
fn by_products(
    samples: &Singles<'_>,
    shift: &[f32],
    keep: usize,
) -> Result<Option<Decomposition>, AnalysisError> {
    let (n_samples, width) = samples.dimensions();
    let search = search_in_table(keep);
    if search.block() * search.products > width {
        return Ok(None);
    }
    let n = n_samples as f64;
    let rows = samples.all_rows()?;
    let wide = Wide { rows: &rows, shift };
    let (sums, squares) = wide.sums();
    let beside: Vec<f64> = sums.iter().map(|sum| sum / n).collect();
    let squares = squares - n * beside.iter().map(|x| x * x).sum::<f64>();
    if !sums.iter().all(|sum| sum.is_finite()) || !singles_hold(squares, n_samples) {
        return Ok(None);
    }
    let found = search.leading(width, |block| scatter_times(&wide, &beside, block))?;
    let divisor = n - 1.0;
    Ok(Some(Decomposition {
        mean: moved_mean(shift, &sums, n),
        variances: found.values.iter().map(|value| value / divisor).collect(),
        directions: found.vectors.f_tr()?,
        total: squares / divisor,
    }))
}

/// The product of a block with the scatter matrix of a table whose mean lies `beside` its shift.
fn scatter_times(wide: &Wide<'_>, beside: &[f64], block: &Tensor) -> Result<Tensor, AnalysisError> {
    let mut block = to_array::<f64>(block)?;
    for mut columns in block.axis_chunks_iter_mut(Axis(1), LANES) {
        let mut lines = vec![[0.0_f32; LANES]; columns.nrows()];
        let mut moved = [0.0_f64; LANES];
        for ((line, column), beside) in lines.iter_mut().zip(columns.rows()).zip(beside) {
            for ((to, moved), &x) in line.iter_mut().zip(&mut moved).zip(column) {
                *to = x as f32;
                *moved += beside * x;
            }
        }
        let mut along = wide.times(&lines);
        let mut sums = [0.0_f64; LANES];
        for line in &mut along {
            for lane in 0..LANES {
                line[lane] -= moved[lane] as f32;
                sums[lane] += f64::from(line[lane]);
            }
        }
        let products = wide.transposed_times(&along);
        for ((mut column, line), beside) in columns.rows_mut().into_iter().zip(products).zip(beside)
        {
            for ((to, x), sum) in column.iter_mut().zip(line).zip(sums) {
                *to = f64::from(x) - beside * sum;
            }
        }
    }
    Ok(Tensor::try_from(&block)?)
}

/// Small tables with no fewer samples than features, in double precision and on one thread: waking
/// others takes longer. Nothing if they are not finite, or far too large or small.
pub(super) fn of_few(table: &Tensor, keep: usize) -> Result<Option<Decomposition>, AnalysisError> {
    let (n_samples, n_features) = dimensions(table);
    if n_samples < n_features || n_samples * n_features > FEW {
        return Ok(None);
    }
    let samples = to_array::<f64>(table)?;
    let largest = samples.iter().fold(0.0_f64, |a, b| b.abs().max(a));
    let sound = largest == 0.0 || (1e-100..1e100).contains(&largest);
    let Some(mean) = samples.mean_axis(Axis(0)) else {
        return Ok(None);
    };
    if !sound || !mean.iter().all(|x| x.is_finite()) {
        return Ok(None);
    }
    let centred = samples - &mean;
    let covariance = centred.t().dot(&centred) / (n_samples - 1) as f64;
    let (variances, directions) = decomposed(&Tensor::try_from(&covariance)?, keep, true)?;
    Ok(Some(Decomposition {
        mean: mean.to_vec(),
        variances,
        directions,
        total: covariance.diag().sum(),
    }))
}

/// Any table, in double precision.
pub(super) fn of_doubles(
    table: &Tensor,
    keep: usize,
    exact: bool,
) -> Result<Decomposition, AnalysisError> {
    let (n_samples, n_features) = dimensions(table);
    let limit = n_samples.min(n_features);
    let mean = table.f_mean_dim(Some(&[0_i64][..]), false, Kind::Double)?;
    let divisor = (n_samples - 1) as f64;
    let search = search_in_table(keep);
    let (variances, directions, total) = if n_samples >= n_features {
        let width = n_features as i64;
        let mut scatter = Tensor::f_zeros([width, width], (Kind::Double, table.device()))?;
        for block in centred_blocks(table, &mean) {
            let block = block?;
            scatter = scatter.f_addmm_(&block.f_tr()?, &block)?;
        }
        let covariance = scatter.f_div_scalar_(divisor)?;
        let total = f64::try_from(covariance.f_trace()?)?;
        let (variances, directions) = decomposed(&covariance, keep, exact)?;
        (variances, directions, total)
    } else if !exact && 10 * keep <= limit && search.block() * search.products <= limit {
        let centred = table.f_to_kind(Kind::Double)?.f_sub(&mean)?;
        let transposed = centred.f_tr()?;
        let found = search.leading(n_features, |block| {
            Ok(transposed.f_matmul(&centred.f_matmul(block)?)?)
        })?;
        let squares = f64::try_from(centred.f_square()?.f_sum(Kind::Double)?)?;
        let variances = found.values.iter().map(|value| value / divisor).collect();
        (variances, found.vectors.f_tr()?, squares / divisor)
    } else {
        let centred = table.f_to_kind(Kind::Double)?.f_sub(&mean)?;
        let (_, singular, directions) = centred.f_svd(true, true)?;
        let values = Vec::<f64>::try_from(singular)?;
        let variances: Vec<f64> = values.iter().map(|s| s * s / divisor).collect();
        let total = variances.iter().sum();
        (variances, directions.f_tr()?, total)
    };
    Ok(Decomposition {
        mean: Vec::<f64>::try_from(mean)?,
        variances,
        directions,
        total,
    })
}
