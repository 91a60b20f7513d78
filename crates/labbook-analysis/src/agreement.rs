use ndarray::Array2;

use crate::scores::{matrix_of_present, paired};
use crate::{AnalysisError, ClassLabel};

/// How much a disagreement weighs in [`cohen_kappa_score`] (scikit-learn's `weights`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KappaWeights {
    /// Every disagreement weighs the same.
    Uniform,
    /// A disagreement weighs as many as the classes lie apart: for ordered classes.
    Linear,
    /// It weighs the square of that.
    Quadratic,
}

/// Cohen's kappa: how much two labellings agree beyond what chance alone would give. 1 is perfect
/// agreement, 0 that of chance, and below 0 less than that.
///
/// `1 - sum(w * observed) / sum(w * expected)` over the table of both labellings (Cohen, 1960;
/// 1968 for weights). Classes are the labels that occur, in ascending order.
///
/// ```
/// use labbook_analysis::{KappaWeights, cohen_kappa_score};
///
/// let kappa = cohen_kappa_score(&[2, 0, 2, 2, 0, 1], &[0, 0, 2, 2, 0, 2], KappaWeights::Uniform)?;
/// assert!((kappa - 0.428_571).abs() < 1e-6);
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
///
/// # Errors
///
/// [`AnalysisError::LengthMismatch`], [`AnalysisError::NoSamples`], or
/// [`AnalysisError::Undefined`] where both labellings are one and the same class throughout.
pub fn cohen_kappa_score<'a, 'b, T, P>(
    first: impl IntoIterator<Item = &'a T>,
    second: impl IntoIterator<Item = &'b P>,
    weights: KappaWeights,
) -> Result<f64, AnalysisError>
where
    T: ClassLabel + 'a,
    P: ClassLabel + 'b,
{
    let counts = matrix_of_present(first, second)?
        .counts()
        .mapv(|count| count as f64);
    let (rows, columns) = margins(&counts);
    let total: f64 = rows.iter().sum();
    let (mut observed, mut expected) = (0.0, 0.0);
    for ((row, column), count) in counts.indexed_iter() {
        let apart = row.abs_diff(column) as f64;
        let weight = match weights {
            KappaWeights::Uniform => f64::from(u8::from(row != column)),
            KappaWeights::Linear => apart,
            KappaWeights::Quadratic => apart * apart,
        };
        observed += weight * count;
        expected += weight * rows[row] * columns[column] / total;
    }
    if expected == 0.0 {
        return Err(AnalysisError::Undefined {
            what: "Cohen's kappa",
            because: "both labellings give every sample the same class",
        });
    }
    Ok(1.0 - observed / expected)
}

/// Matthews's correlation of true and predicted labels, from -1 to 1; also for more than two
/// classes (Gorodkin, 2004). 0 where either side holds one class only, as in scikit-learn.
///
/// ```
/// let mcc = labbook_analysis::matthews_corrcoef(&[1, 1, 1, 0], &[1, 0, 1, 1])?;
/// assert!((mcc + 1.0 / 3.0).abs() < 1e-12);
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
///
/// # Errors
///
/// [`AnalysisError::LengthMismatch`] or [`AnalysisError::NoSamples`].
pub fn matthews_corrcoef<'a, 'b, T, P>(
    true_labels: impl IntoIterator<Item = &'a T>,
    predicted: impl IntoIterator<Item = &'b P>,
) -> Result<f64, AnalysisError>
where
    T: ClassLabel + 'a,
    P: ClassLabel + 'b,
{
    let counts = matrix_of_present(true_labels, predicted)?
        .counts()
        .mapv(|count| count as f64);
    let (of_truth, of_predictions) = margins(&counts);
    let total: f64 = of_truth.iter().sum();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let right: f64 = counts.diag().sum();
    let covariance = right * total - dot(&of_truth, &of_predictions);
    let of_truth = total * total - dot(&of_truth, &of_truth);
    let of_predictions = total * total - dot(&of_predictions, &of_predictions);
    let scale = (of_truth * of_predictions).sqrt();
    Ok(if scale == 0.0 {
        0.0
    } else {
        covariance / scale
    })
}

/// The mean recall over the classes that occur among the true labels: accuracy as if all classes
/// were equally frequent.
///
/// ```
/// let score = labbook_analysis::balanced_accuracy_score(&[0, 1, 0, 0, 1, 0], &[0, 1, 0, 0, 0, 1])?;
/// assert_eq!(score, 0.625);
/// # Ok::<(), labbook_analysis::AnalysisError>(())
/// ```
///
/// # Errors
///
/// [`AnalysisError::LengthMismatch`] or [`AnalysisError::NoSamples`].
pub fn balanced_accuracy_score<'a, 'b, T, P>(
    true_labels: impl IntoIterator<Item = &'a T>,
    predicted: impl IntoIterator<Item = &'b P>,
) -> Result<f64, AnalysisError>
where
    T: ClassLabel + 'a,
    P: ClassLabel + 'b,
{
    let matrix = matrix_of_present(true_labels, predicted)?;
    let support = matrix.support();
    let recalls: Vec<f64> = matrix
        .per_class_recall()
        .into_iter()
        .zip(&support)
        .filter(|(_, samples)| **samples > 0)
        .map(|(recall, _)| recall)
        .collect();
    Ok(recalls.iter().sum::<f64>() / recalls.len() as f64)
}

/// McNemar's test of two classifiers on the same samples: is one right more often than the other
/// by more than chance?
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct McNemar {
    /// Samples that only the first classifier has right.
    pub only_first_right: u64,
    /// Samples that only the second has right.
    pub only_second_right: u64,
    /// The probability of a split at least as uneven if both were equally good, from 0 to 1.
    pub p_value: f64,
}

impl McNemar {
    /// Compares the predictions of two classifiers by the exact test: of the samples that only one
    /// of them has right, each is a fair coin under the hypothesis that both are equally good
    /// (McNemar, 1947). Two-sided.
    ///
    /// ```
    /// use labbook_analysis::McNemar;
    ///
    /// let truth = [1, 1, 1, 1, 1, 1, 1, 1];
    /// let test = McNemar::new(&truth, &[1, 1, 1, 1, 1, 1, 1, 0], &[0, 0, 0, 0, 0, 0, 1, 1])?;
    /// assert_eq!((test.only_first_right, test.only_second_right), (6, 1));
    /// assert!((test.p_value - 0.125).abs() < 1e-12);
    /// # Ok::<(), labbook_analysis::AnalysisError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`AnalysisError::LengthMismatch`] or [`AnalysisError::NoSamples`].
    pub fn new<'a, 'b, 'c, T, P, Q>(
        true_labels: impl IntoIterator<Item = &'a T>,
        first: impl IntoIterator<Item = &'b P>,
        second: impl IntoIterator<Item = &'c Q>,
    ) -> Result<Self, AnalysisError>
    where
        T: ClassLabel + 'a,
        P: ClassLabel + 'b,
        Q: ClassLabel + 'c,
    {
        let (truth, first) = paired(true_labels, first)?;
        let second: Vec<i128> = second.into_iter().map(|l| l.to_i128()).collect();
        if second.len() != truth.len() {
            return Err(AnalysisError::LengthMismatch {
                true_labels: truth.len(),
                predicted: second.len(),
            });
        }
        let (mut only_first, mut only_second) = (0_u64, 0_u64);
        for ((truth, first), second) in truth.iter().zip(&first).zip(&second) {
            match (first == truth, second == truth) {
                (true, false) => only_first += 1,
                (false, true) => only_second += 1,
                _ => {}
            }
        }
        let (fewer, all) = (only_first.min(only_second), only_first + only_second);
        Ok(Self {
            only_first_right: only_first,
            only_second_right: only_second,
            p_value: (2.0 * fair_coin_at_most(fewer, all)).min(1.0),
        })
    }
}

/// The probability of at most `heads` heads in `tosses` tosses of a fair coin.
fn fair_coin_at_most(heads: u64, tosses: u64) -> f64 {
    // In logarithms: 2^-tosses is below the smallest double from 1,075 tosses on.
    let mut log_term = -(tosses as f64) * std::f64::consts::LN_2;
    let mut sum = log_term.exp();
    for k in 0..heads {
        log_term += ((tosses - k) as f64 / (k + 1) as f64).ln();
        sum += log_term.exp();
    }
    sum
}

/// Sums of a table's rows and of its columns.
fn margins(counts: &Array2<f64>) -> (Vec<f64>, Vec<f64>) {
    let rows = counts.rows().into_iter().map(|row| row.sum()).collect();
    let columns = counts.columns().into_iter().map(|c| c.sum()).collect();
    (rows, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kappa_of_one_class_is_no_number() {
        let error = cohen_kappa_score(&[3, 3], &[3, 3], KappaWeights::Linear).unwrap_err();
        assert!(error.to_string().contains("Cohen's kappa"), "{error}");
    }

    #[test]
    fn equal_classifiers_are_not_told_apart() {
        let truth = [0_u8, 1, 2, 1];
        let test = McNemar::new(&truth, &truth, &truth).unwrap();
        assert_eq!(test.p_value, 1.0);
        assert!(McNemar::new(&truth, &truth, &[1_u8]).is_err());
    }

    #[test]
    fn many_samples_do_not_vanish() {
        // The normal approximation: 299.5 away from the middle, which is 1.894 deviations of 158.1.
        let p = 2.0 * fair_coin_at_most(49_700, 100_000);
        assert!((p - 0.0582).abs() < 1e-3, "{p}");
    }
}
