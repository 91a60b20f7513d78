use ndarray::{Array1, Array2, Axis, concatenate};
use tch::{Kind, Tensor};

use super::{FittedPca, fix_signs};
use crate::samples::{require_finite, to_array};
use crate::{AnalysisError, Samples};

/// Principal components of samples that come in batches, so that they need not be in memory
/// together: scikit-learn's `IncrementalPCA`.
///
/// After every batch, what is known (the components, with their lengths, and the mean) is
/// decomposed together with the batch (Ross et al., 2008). What a batch varies beyond
/// `n_components` is forgotten, so the result is close to that of [`Pca`](crate::Pca), not equal
/// to it.
///
/// ```
/// use labbook_analysis::IncrementalPca;
/// use ndarray::{Array2, Axis};
///
/// let samples = Array2::from_shape_fn((60, 3), |(i, j)| ((i * (j + 2)) % 7) as f64);
/// let mut pca = IncrementalPca::new(2);
/// for batch in samples.axis_chunks_iter(Axis(0), 20) {
///     pca.partial_fit(&batch)?;
/// }
/// assert_eq!(pca.n_samples_seen(), 60);
/// assert_eq!(pca.fitted()?.transform(&samples)?.dim(), (60, 2));
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct IncrementalPca {
    n_components: usize,
    whiten: bool,
    seen: Option<Seen>,
}

/// What is kept of the batches so far.
#[derive(Debug, Clone, PartialEq)]
struct Seen {
    n_samples: usize,
    mean: Array1<f64>,
    /// Of squared differences from the mean, per feature.
    squares: Array1<f64>,
    components: Array2<f64>,
    singular_values: Array1<f64>,
}

impl IncrementalPca {
    /// Asks for the `n_components` directions of largest variance.
    #[must_use]
    pub fn new(n_components: usize) -> Self {
        Self {
            n_components,
            whiten: false,
            seen: None,
        }
    }

    /// As [`Pca::whiten`](crate::Pca::whiten).
    #[must_use]
    pub fn whiten(mut self) -> Self {
        self.whiten = true;
        self
    }

    /// Takes a batch of shape `(batch_size, n_features)` into account; the first must have at
    /// least `n_components` samples.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::InvalidOption`] unless the number of components is from 1 to the smaller
    /// of the first batch's samples and features, [`AnalysisError::FeatureMismatch`],
    /// [`AnalysisError::NotFinite`], [`AnalysisError::TooLarge`], [`AnalysisError::NotATable`],
    /// [`AnalysisError::NotReal`], or [`AnalysisError::Tensor`]. A refused batch leaves what was
    /// known as it was.
    pub fn partial_fit(&mut self, batch: &impl Samples) -> Result<&mut Self, AnalysisError> {
        let seen = tch::no_grad(|| {
            let table = batch.to_table()?;
            require_finite(&table)?;
            self.with(&to_array::<f64>(&table)?)
        })?;
        if seen.is_some() {
            self.seen = seen;
        }
        Ok(self)
    }

    /// What is known with one more batch; nothing new of an empty one.
    fn with(&self, batch: &Array2<f64>) -> Result<Option<Seen>, AnalysisError> {
        let (count, width) = batch.dim();
        if let Some(seen) = &self.seen
            && seen.mean.len() != width
        {
            return Err(AnalysisError::FeatureMismatch {
                expected: seen.mean.len(),
                received: width,
            });
        }
        let limit = match &self.seen {
            Some(_) => width,
            None => count.min(width),
        };
        if !(1..=limit).contains(&self.n_components) {
            return Err(AnalysisError::InvalidOption {
                option: "n_components",
                expected: format!(
                    "from 1 to {limit}, the smaller of the first batch's samples and its \
                     {width} features"
                ),
                received: self.n_components.to_string(),
            });
        }
        let Some(batch_mean) = batch.mean_axis(Axis(0)) else {
            return Ok(None);
        };
        let centred = batch - &batch_mean;
        let batch_squares = (&centred * &centred).sum_axis(Axis(0));
        let (rows, n_samples, mean, squares) = match &self.seen {
            None => (centred, count, batch_mean, batch_squares),
            Some(seen) => {
                let (before, new) = (seen.n_samples as f64, count as f64);
                let total = before + new;
                let apart = &seen.mean - &batch_mean;
                let shift = before * new / total;
                let known = &seen.components * &seen.singular_values.view().insert_axis(Axis(1));
                let moved = (&apart * shift.sqrt()).insert_axis(Axis(0));
                let rows = concatenate(Axis(0), &[known.view(), centred.view(), moved.view()]);
                (
                    rows.map_err(|error| AnalysisError::Tensor {
                        message: error.to_string(),
                    })?,
                    seen.n_samples + count,
                    (&seen.mean * before + &batch_mean * new) / total,
                    &seen.squares + &batch_squares + &apart * &apart * shift,
                )
            }
        };
        if !squares.iter().all(|x| x.is_finite()) {
            let largest = batch.iter().fold(0.0_f64, |a, b| b.abs().max(a));
            return Err(AnalysisError::TooLarge {
                what: "variance",
                largest: format!("{largest:e}"),
            });
        }
        let (_, singular, directions) = Tensor::try_from(&rows)?.f_svd(true, true)?;
        let keep = self.n_components as i64;
        let mut components = to_array::<f64>(&directions.f_tr()?.f_narrow(0, 0, keep)?)?;
        fix_signs(&mut components);
        let singular = singular.f_narrow(0, 0, keep)?.f_to_kind(Kind::Double)?;
        Ok(Some(Seen {
            n_samples,
            mean,
            squares,
            components,
            singular_values: Array1::from(Vec::<f64>::try_from(singular)?),
        }))
    }

    /// How many samples were taken into account.
    pub fn n_samples_seen(&self) -> usize {
        self.seen.as_ref().map_or(0, |seen| seen.n_samples)
    }

    /// The components of all samples so far, for transforming samples.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::TooFewSamples`] below two samples.
    pub fn fitted(&self) -> Result<FittedPca, AnalysisError> {
        let received = self.n_samples_seen();
        let Some(seen) = self.seen.as_ref().filter(|_| received >= 2) else {
            return Err(AnalysisError::TooFewSamples {
                expected: 2,
                purpose: "principal components",
                received,
            });
        };
        let squares = seen.singular_values.mapv(|s| s * s);
        let total = seen.squares.sum();
        Ok(FittedPca {
            mean: seen.mean.clone(),
            components: seen.components.clone(),
            explained_variance: &squares / (received - 1) as f64,
            explained_variance_ratio: match total {
                0.0 => Array1::zeros(squares.len()),
                _ => squares / total,
            },
            whiten: self.whiten,
        })
    }
}
