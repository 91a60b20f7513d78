use std::fmt;

use ndarray::{Array1, Array2, ArrayView2, Axis};

use crate::scores::paired;
use crate::{AnalysisError, Average, ClassLabel, ClassificationReport, ConfusedPair};

/// What the cells of a normalised confusion matrix are shares of (scikit-learn's `normalize`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Normalize {
    /// Shares of the true class: every row sums to 1.
    True,
    /// Shares of the predicted class: every column sums to 1.
    Pred,
    /// Shares of all samples.
    All,
}

/// Classes at most: the counts of so many take 800 MB.
const MOST_CLASSES: usize = 10_000;

/// Counts of samples by true class (rows) and predicted class (columns).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfusionMatrix {
    counts: Array2<u64>,
    class_names: Vec<String>,
}

impl ConfusionMatrix {
    /// Counts pairs of labels, each from 0 to `n_classes - 1`.
    ///
    /// Slices, vectors, arrays of any shape (such as labels of shape `(N, 1)`) and views are
    /// accepted, of any integer type. Classes are named by their number until
    /// [`with_class_names`](Self::with_class_names).
    ///
    /// # Errors
    ///
    /// [`AnalysisError::LengthMismatch`], [`AnalysisError::NoSamples`],
    /// [`AnalysisError::LabelOutOfRange`], or [`AnalysisError::InvalidOption`] above 10,000 classes.
    pub fn new<'a, 'b, T, P>(
        true_labels: impl IntoIterator<Item = &'a T>,
        predicted: impl IntoIterator<Item = &'b P>,
        n_classes: usize,
    ) -> Result<Self, AnalysisError>
    where
        T: ClassLabel + 'a,
        P: ClassLabel + 'b,
    {
        let (true_labels, predicted) = paired(true_labels, predicted)?;
        check_classes(n_classes)?;
        let mut counts = Array2::zeros((n_classes, n_classes));
        for (position, (&t, &p)) in true_labels.iter().zip(&predicted).enumerate() {
            let row = class_index(t, n_classes, "true labels", position)?;
            let column = class_index(p, n_classes, "predictions", position)?;
            counts[[row, column]] += 1;
        }
        Ok(Self::numbered(counts))
    }

    /// Takes counts that were made elsewhere: rows are true classes, columns predicted ones.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::NotSquare`], [`AnalysisError::NoSamples`] if all counts are zero, or
    /// [`AnalysisError::InvalidOption`] if their sum is 2^63 or more, or there are above 10,000
    /// classes.
    pub fn from_counts(counts: ArrayView2<'_, u64>) -> Result<Self, AnalysisError> {
        let (rows, columns) = counts.dim();
        if rows != columns {
            return Err(AnalysisError::NotSquare { rows, columns });
        }
        check_classes(rows)?;
        // Scores count every hit twice.
        let total: u128 = counts.iter().map(|&count| u128::from(count)).sum();
        if total > u128::from(u64::MAX / 2) {
            return Err(AnalysisError::InvalidOption {
                option: "counts",
                expected: "whose sum is below 2^63".to_owned(),
                received: format!("a sum of {total}; count fewer samples"),
            });
        }
        if total == 0 {
            return Err(AnalysisError::NoSamples);
        }
        Ok(Self::numbered(counts.to_owned()))
    }

    fn numbered(counts: Array2<u64>) -> Self {
        let class_names = (0..counts.nrows()).map(|class| class.to_string()).collect();
        Self {
            counts,
            class_names,
        }
    }

    /// Names the classes, in the order of their numbers: arrays, slices or vectors of `&str` or
    /// `String`.
    ///
    /// # Errors
    ///
    /// [`AnalysisError::ClassNames`] unless there is one name per class.
    pub fn with_class_names(
        mut self,
        names: impl IntoIterator<Item = impl AsRef<str>>,
    ) -> Result<Self, AnalysisError> {
        let names: Vec<String> = names.into_iter().map(|n| n.as_ref().to_owned()).collect();
        if names.len() != self.n_classes() {
            return Err(AnalysisError::ClassNames {
                expected: self.n_classes(),
                received: names.len(),
            });
        }
        self.class_names = names;
        Ok(self)
    }

    /// The counts, of shape `(n_classes, n_classes)`.
    pub fn counts(&self) -> &Array2<u64> {
        &self.counts
    }

    /// Number of classes.
    pub fn n_classes(&self) -> usize {
        self.counts.nrows()
    }

    /// The names of the classes: their numbers unless names were given.
    pub fn class_names(&self) -> &[String] {
        &self.class_names
    }

    /// Number of samples counted; never 0.
    pub fn total(&self) -> u64 {
        self.counts.sum()
    }

    /// Number of samples of each true class.
    pub fn support(&self) -> Array1<u64> {
        self.counts.sum_axis(Axis(1))
    }

    /// Share of the samples on the diagonal, from 0 to 1.
    pub fn accuracy(&self) -> f64 {
        ratio(self.counts.diag().sum(), self.total())
    }

    /// The matrix as shares from 0 to 1; a row or column without samples becomes zeros.
    pub fn normalized(&self, by: Normalize) -> Array2<f64> {
        let rows = self.counts.sum_axis(Axis(1));
        let columns = self.counts.sum_axis(Axis(0));
        let total = self.total();
        Array2::from_shape_fn(self.counts.dim(), |(row, column)| {
            let denominator = match by {
                Normalize::True => rows[row],
                Normalize::Pred => columns[column],
                Normalize::All => total,
            };
            ratio(self.counts[[row, column]], denominator)
        })
    }

    /// For each class, the share of its predictions that are right; 0 if never predicted.
    pub fn per_class_precision(&self) -> Array1<f64> {
        self.diagonal_over(&self.counts.sum_axis(Axis(0)))
    }

    /// For each class, the share of its samples that were found; 0 if it has no samples.
    pub fn per_class_recall(&self) -> Array1<f64> {
        self.diagonal_over(&self.support())
    }

    /// For each class, the harmonic mean of precision and recall; 0 if the class neither occurs
    /// nor is predicted.
    pub fn per_class_f1(&self) -> Array1<f64> {
        // 2 tp / (2 tp + fp + fn): the two sums below hold every true positive twice.
        let denominators = self.support() + self.counts.sum_axis(Axis(0));
        self.counts
            .diag()
            .iter()
            .zip(&denominators)
            .map(|(&hits, &of)| ratio(2 * hits, of))
            .collect()
    }

    fn diagonal_over(&self, denominators: &Array1<u64>) -> Array1<f64> {
        self.counts
            .diag()
            .iter()
            .zip(denominators)
            .map(|(&hits, &of)| ratio(hits, of))
            .collect()
    }

    /// Precision averaged over all `n_classes` classes, from 0 to 1.
    ///
    /// A class that never occurs counts as 0 in the macro average, as with scikit-learn's
    /// `labels=range(n_classes)`. [`precision_score`](crate::precision_score) leaves such
    /// classes out.
    pub fn precision(&self, average: Average) -> f64 {
        self.averaged(&self.per_class_precision(), average)
    }

    /// Recall averaged over all `n_classes` classes, from 0 to 1; a class without samples
    /// counts as 0 in the macro average.
    pub fn recall(&self, average: Average) -> f64 {
        self.averaged(&self.per_class_recall(), average)
    }

    /// F1 averaged over all `n_classes` classes, from 0 to 1; a class that never occurs counts
    /// as 0 in the macro average.
    pub fn f1(&self, average: Average) -> f64 {
        self.averaged(&self.per_class_f1(), average)
    }

    /// With one label per sample, precision, recall and F1 all share the micro average: accuracy.
    fn averaged(&self, per_class: &Array1<f64>, average: Average) -> f64 {
        match average {
            Average::Micro => self.accuracy(),
            Average::Macro => per_class.sum() / self.n_classes() as f64,
            Average::Weighted => {
                let weights = self.support().mapv(|n| n as f64);
                per_class.dot(&weights) / self.total() as f64
            }
        }
    }

    /// Precision, recall, F1 and support of every class and their averages, as a table that
    /// prints like scikit-learn's `classification_report`.
    pub fn classification_report(&self) -> ClassificationReport {
        ClassificationReport::new(self)
    }

    /// The pairs of different classes that were confused at least once, most often first.
    ///
    /// At most `limit` pairs; equal counts stay in the order of the matrix, row by row.
    pub fn most_confused(&self, limit: usize) -> Vec<ConfusedPair> {
        let support = self.support();
        let mut pairs: Vec<ConfusedPair> = self
            .counts
            .indexed_iter()
            .filter(|&((t, p), &count)| t != p && count > 0)
            .map(|((t, p), &count)| ConfusedPair {
                true_class: t,
                predicted_class: p,
                true_name: self.class_names[t].clone(),
                predicted_name: self.class_names[p].clone(),
                count,
                share: ratio(count, support[t]),
            })
            .collect();
        pairs.sort_by_key(|pair| std::cmp::Reverse(pair.count));
        pairs.truncate(limit);
        pairs
    }
}

/// One row per true class, one column per predicted class, names on both sides.
impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let corner = "true \\ predicted";
        let chars = |text: &str| text.chars().count();
        let first = self
            .class_names
            .iter()
            .map(|name| chars(name))
            .fold(chars(corner), usize::max);
        let widths: Vec<usize> = self
            .class_names
            .iter()
            .zip(self.counts.columns())
            .map(|(name, column)| {
                let largest = column.iter().copied().max().unwrap_or(0);
                chars(name).max(largest.to_string().len())
            })
            .collect();

        write!(f, "{corner:<first$}")?;
        for (name, &width) in self.class_names.iter().zip(&widths) {
            write!(f, "  {name:>width$}")?;
        }
        for (name, row) in self.class_names.iter().zip(self.counts.rows()) {
            write!(f, "\n{name:<first$}")?;
            for (count, &width) in row.iter().zip(&widths) {
                write!(f, "  {count:>width$}")?;
            }
        }
        Ok(())
    }
}

fn check_classes(n_classes: usize) -> Result<(), AnalysisError> {
    if n_classes <= MOST_CLASSES {
        return Ok(());
    }
    Err(AnalysisError::InvalidOption {
        option: "n_classes",
        expected: format!("up to {MOST_CLASSES}, whose counts fill 800 MB"),
        received: format!("{n_classes}; accuracy_score and confused_indices need no matrix"),
    })
}

pub(crate) fn class_index(
    label: i128,
    n_classes: usize,
    role: &'static str,
    position: usize,
) -> Result<usize, AnalysisError> {
    usize::try_from(label)
        .ok()
        .filter(|&index| index < n_classes)
        .ok_or(AnalysisError::LabelOutOfRange {
            role,
            position,
            label,
            n_classes,
        })
}

/// scikit-learn's default for a zero denominator: the score is 0.
fn ratio(numerator: u64, denominator: u64) -> f64 {
    if denominator == 0 {
        0.0
    } else {
        numerator as f64 / denominator as f64
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{arr1, arr2};

    use super::*;

    fn animals() -> ConfusionMatrix {
        let truth = [0_i64, 0, 0, 1, 1, 2];
        let predicted = [0_i64, 1, 0, 1, 1, 0];
        ConfusionMatrix::new(&truth, &predicted, 3).unwrap()
    }

    #[test]
    fn rows_are_true_and_columns_predicted() {
        assert_eq!(animals().counts(), arr2(&[[2, 1, 0], [0, 2, 0], [1, 0, 0]]));
    }

    #[test]
    fn labels_may_be_an_array_of_bytes_of_shape_n_by_1() {
        let truth = arr2(&[[1_u8], [0]]);
        let predicted = arr1(&[1_i64, 1]);
        let matrix = ConfusionMatrix::new(&truth, predicted.view(), 2).unwrap();
        assert_eq!(matrix.counts(), arr2(&[[0, 1], [0, 1]]));
    }

    #[test]
    fn a_label_out_of_range_is_named_with_its_place() {
        let error = ConfusionMatrix::new(&[0_i64, 1], &[0_i64, -1], 2).unwrap_err();
        assert_eq!(
            error,
            AnalysisError::LabelOutOfRange {
                role: "predictions",
                position: 1,
                label: -1,
                n_classes: 2
            }
        );
        let error = ConfusionMatrix::new(&[0_i64, 2], &[0_i64, 1], 2).unwrap_err();
        assert!(error.to_string().contains("from 0 to 1 (2 classes)"));
        assert!(
            error
                .to_string()
                .contains("2 at position 1 of the true labels")
        );
    }

    #[test]
    fn class_names_must_pair_with_classes() {
        let error = animals().with_class_names(&["cat", "dog"]).unwrap_err();
        assert_eq!(
            error,
            AnalysisError::ClassNames {
                expected: 3,
                received: 2
            }
        );
    }

    #[test]
    fn counts_must_be_square_and_not_all_zero() {
        let counts = Array2::<u64>::ones((2, 3));
        assert_eq!(
            ConfusionMatrix::from_counts(counts.view()),
            Err(AnalysisError::NotSquare {
                rows: 2,
                columns: 3
            })
        );
        let counts = Array2::<u64>::zeros((2, 2));
        assert_eq!(
            ConfusionMatrix::from_counts(counts.view()),
            Err(AnalysisError::NoSamples)
        );
    }

    #[test]
    fn more_classes_or_samples_than_there_is_room_for_are_refused() {
        for n_classes in [usize::MAX, 1_000_000] {
            let error = ConfusionMatrix::new(&[0_u8], &[0_u8], n_classes).unwrap_err();
            assert!(
                error.to_string().contains("n_classes up to 10000"),
                "{error}"
            );
        }
        for counts in [
            arr2(&[[u64::MAX, 1], [0, 0]]),
            arr2(&[[1 << 62, 0], [0, 1 << 62]]),
        ] {
            let error = ConfusionMatrix::from_counts(counts.view()).unwrap_err();
            assert!(error.to_string().contains("sum is below 2^63"), "{error}");
        }
        let most = arr2(&[[u64::MAX / 2, 0], [0, 0]]);
        let matrix = ConfusionMatrix::from_counts(most.view()).unwrap();
        assert_eq!((matrix.accuracy(), matrix.f1(Average::Micro)), (1.0, 1.0));
        assert_eq!(matrix.per_class_f1()[0], 1.0);
        assert!(matrix.classification_report().to_string().contains("1.00"));
    }

    #[test]
    fn names_may_be_of_either_kind_of_text_and_in_any_kind_of_list() {
        let names = ["cat", "dog", "emu"].map(String::from);
        let expected = animals().with_class_names(&names).unwrap();
        assert_eq!(expected.class_names(), names);
        assert_eq!(
            animals().with_class_names(["cat", "dog", "emu"]).unwrap(),
            expected
        );
        assert_eq!(animals().with_class_names(&names[..]).unwrap(), expected);
        assert_eq!(
            animals().with_class_names(names.to_vec()).unwrap(),
            expected
        );
        let borrowed: Vec<&str> = names.iter().map(String::as_str).collect();
        assert_eq!(animals().with_class_names(&borrowed).unwrap(), expected);
        assert_eq!(animals().with_class_names(names).unwrap(), expected);
    }

    #[test]
    fn the_most_confused_pairs_come_first_and_ties_keep_the_order_of_the_matrix() {
        let counts = arr2(&[[5_u64, 1, 2], [0, 3, 0], [1, 4, 2]]);
        let matrix = ConfusionMatrix::from_counts(counts.view()).unwrap();
        let pairs = matrix.most_confused(3);
        let places: Vec<(usize, usize, u64)> = pairs
            .iter()
            .map(|pair| (pair.true_class, pair.predicted_class, pair.count))
            .collect();
        assert_eq!(places, [(2, 1, 4), (0, 2, 2), (0, 1, 1)]);
        assert_eq!(pairs[0].share, 4.0 / 7.0);
        assert_eq!(pairs[1].to_string(), "0 taken for 2: 2 (25.0 %)");
        assert_eq!(matrix.most_confused(100).len(), 4);
    }

    #[test]
    fn display_aligns_names_and_counts() {
        let matrix = animals()
            .with_class_names(&["cat", "dog", "automobile"])
            .unwrap();
        let expected = "\
true \\ predicted  cat  dog  automobile
cat                 2    1           0
dog                 0    2           0
automobile          1    0           0";
        assert_eq!(matrix.to_string(), expected);
    }
}
