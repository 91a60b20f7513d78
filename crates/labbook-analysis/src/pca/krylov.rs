use ndarray::Array2;
use tch::{Kind, Tensor};

use crate::AnalysisError;
use crate::random::Normal;
use crate::samples::to_array;

/// Directions beyond those asked for, which let these settle sooner; scikit-learn's number.
const SPARE: usize = 10;

/// A block's directions that are this much shorter than its longest, squared, are rounding errors.
const DEPENDENT: f64 = 1e-15;

/// The largest eigenvalues of a symmetric matrix and their vectors.
pub(super) struct Leading {
    /// Largest first.
    pub(super) values: Vec<f64>,
    /// One vector per column.
    pub(super) vectors: Tensor,
    /// Whether what the vectors miss is below the tolerance.
    pub(super) settled: bool,
}

/// How far the search goes.
#[derive(Clone, Copy)]
pub(super) struct Search {
    pub(super) keep: usize,
    /// Products with the matrix at most.
    pub(super) products: usize,
    /// The length of `A v - value v` beside the largest value at which it ends.
    pub(super) tolerance: f64,
}

impl Search {
    /// Columns of each product.
    pub(super) fn block(self) -> usize {
        self.keep + SPARE
    }

    /// Finds the leading eigenvectors of a positive semidefinite matrix of `size` rows, given by
    /// its product with a block of columns in double precision.
    ///
    /// Block Lanczos with full orthogonalisation: the matrix as seen from all directions tried so
    /// far is decomposed, which takes far fewer products than power iterations (Musco and Musco,
    /// 2015). `size` must be at least `block() * products`.
    pub(super) fn leading(
        self,
        size: usize,
        mut product: impl FnMut(&Tensor) -> Result<Tensor, AnalysisError>,
    ) -> Result<Leading, AnalysisError> {
        let mut normal = Normal::new(0);
        let random = Array2::from_shape_fn((size, self.block()), |_| normal.next());
        let mut directions = orthonormal(&orthonormal(&Tensor::try_from(&random)?)?)?;
        let mut basis = directions.shallow_clone();
        let mut image: Option<Tensor> = None;
        for done in 1.. {
            let next = product(&directions)?;
            let all = match &image {
                Some(image) => Tensor::f_cat(&[image, &next], 1)?,
                None => next.shallow_clone(),
            };
            let seen = basis.f_tr()?.f_matmul(&all)?;
            let seen = seen.f_add(&seen.f_tr()?)?.f_mul_scalar(0.5)?;
            let (values, turns) = seen.f_linalg_eigh("L")?;
            let keep = self.keep as i64;
            let values = values.f_flip([0])?.f_narrow(0, 0, keep)?;
            let turns = turns.f_flip([1])?.f_narrow(1, 0, keep)?;
            let vectors = basis.f_matmul(&turns)?;
            let missed = all.f_matmul(&turns)?.f_sub(&vectors.f_mul(&values)?)?;
            let missed =
                missed
                    .f_square()?
                    .f_sum_dim_intlist(Some(&[0_i64][..]), false, Kind::Double)?;
            let missed = f64::try_from(missed.f_max()?)?.sqrt();
            let values = Vec::<f64>::try_from(values.f_clamp_min(0.0)?)?;
            let settled = missed <= self.tolerance * values[0];
            if settled || done >= self.products {
                return Ok(Leading {
                    values,
                    vectors,
                    settled,
                });
            }
            directions = next;
            for _ in 0..2 {
                let known = basis.f_matmul(&basis.f_tr()?.f_matmul(&directions)?)?;
                directions = orthonormal(&directions.f_sub(&known)?)?;
            }
            basis = Tensor::f_cat(&[&basis, &directions], 1)?;
            image = Some(all);
        }
        unreachable!("the loop ends with the last product")
    }
}

/// The columns made orthonormal; those that depend on others become zero.
fn orthonormal(columns: &Tensor) -> Result<Tensor, AnalysisError> {
    let (values, vectors) = columns.f_tr()?.f_matmul(columns)?.f_linalg_eigh("L")?;
    let values = to_array::<f64>(&values.f_reshape([1, -1])?)?;
    let largest = values.iter().copied().fold(0.0, f64::max);
    let scale = values.mapv(|value| match value > DEPENDENT * largest {
        true => value.sqrt().recip(),
        false => 0.0,
    });
    Ok(columns.f_matmul(&vectors.f_mul(&Tensor::try_from(&scale)?)?)?)
}
