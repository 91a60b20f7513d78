//! Counts of right and wrong answers to yes-or-no questions.

use tch::{Kind, Tensor};

use super::shapes::{one_hot_like, spread, unsuitable};
use crate::{Error, Result};

/// Weighted counts of a question, or of each of several, kept on their device.
#[derive(Debug, Default)]
pub(super) struct Confusion {
    /// True positives, false positives and false negatives, of shape (3, questions).
    counts: Option<Tensor>,
}

/// The counts of one question.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    pub(super) true_positives: f64,
    pub(super) false_positives: f64,
    pub(super) false_negatives: f64,
}

impl Confusion {
    /// Adds answers of shape (N, questions), where 1 is yes and 0 is no.
    pub(super) fn add(
        &mut self,
        truth: &Tensor,
        answers: &Tensor,
        weights: Option<&Tensor>,
    ) -> Result<()> {
        let truth = truth.f_to_kind(Kind::Double)?;
        let answers = answers.f_to_kind(Kind::Double)?;
        let weights = match weights {
            Some(weights) => weights.shallow_clone(),
            None => truth.f_ones_like()?,
        };
        let hits = truth.f_mul(&answers)?;
        let false_alarms = answers.f_sub(&hits)?;
        let misses = truth.f_sub(&hits)?;
        let sums = [hits, false_alarms, misses].map(|which| {
            let weighted = which.f_mul(&weights)?;
            Ok(weighted.f_sum_dim_intlist([0_i64].as_slice(), false, Kind::Double)?)
        });
        let sums = sums.into_iter().collect::<Result<Vec<_>>>()?;
        let batch = Tensor::f_stack(&sums, 0)?;
        match &mut self.counts {
            Some(counts) => drop(counts.f_add_(&batch)?),
            None => self.counts = Some(batch),
        }
        Ok(())
    }

    /// The counts of each question; none if there was no batch.
    pub(super) fn read(&self) -> Result<Vec<Counts>> {
        let Some(counts) = &self.counts else {
            return Ok(Vec::new());
        };
        let columns = Vec::<Vec<f64>>::try_from(counts.f_tr()?)?;
        let of_question = |column: &Vec<f64>| match *column.as_slice() {
            [true_positives, false_positives, false_negatives] => Counts {
                true_positives,
                false_positives,
                false_negatives,
            },
            _ => Counts::default(),
        };
        Ok(columns.iter().map(of_question).collect())
    }

    pub(super) fn reset(&mut self) {
        self.counts = None;
    }
}

impl std::iter::Sum for Counts {
    fn sum<I: Iterator<Item = Self>>(counts: I) -> Self {
        counts.fold(Self::default(), |sum, counts| Self {
            true_positives: sum.true_positives + counts.true_positives,
            false_positives: sum.false_positives + counts.false_positives,
            false_negatives: sum.false_negatives + counts.false_negatives,
        })
    }
}

/// A ratio that is 0 where there is nothing to divide by, as in Keras.
pub(super) fn ratio(part: f64, whole: f64) -> f64 {
    match whole == 0.0 {
        true => 0.0,
        false => part / whole,
    }
}

/// Which predictions are taken for a yes by `Precision` and `Recall`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) thresholds: Option<f64>,
    pub(super) top_k: Option<i64>,
    pub(super) class_id: Option<i64>,
}

impl Rule {
    pub(super) fn check(self) -> Result<()> {
        if let Some(threshold) = self.thresholds
            && !(0.0..=1.0).contains(&threshold)
        {
            return Err(Error::option(
                "thresholds",
                "a number from 0 to 1",
                threshold,
                "use 0.5 for the output of a sigmoid",
            ));
        }
        if let Some(k) = self.top_k.filter(|&k| k < 1) {
            return Err(Error::option(
                "top_k",
                "at least 1",
                k,
                "use 5 for the five most probable classes",
            ));
        }
        match self.class_id.filter(|&class| class < 0) {
            None => Ok(()),
            Some(class) => Err(Error::option(
                "class_id",
                "a class number from 0 on",
                class,
                "classes count from 0",
            )),
        }
    }

    /// Adds a batch to the counts of one question.
    pub(super) fn count(
        self,
        metric: &str,
        counts: &mut Confusion,
        (y_true, y_pred): (&Tensor, &Tensor),
        sample_weight: Option<&Tensor>,
    ) -> Result<()> {
        let mut truth = one_hot_like(metric, y_true, y_pred)?.f_ne(0.0)?;
        let classes = match y_pred.size().as_slice() {
            [] | [_] => 1,
            [.., classes] => *classes,
        };
        let unsuited =
            |expected: String, advice: &str| unsuitable(metric, &expected, &y_pred.size(), advice);
        let mut yes = match self.top_k {
            Some(k) if k > classes => {
                let expected = format!("predictions of at least top_k = {k} classes");
                return Err(unsuited(expected, "choose a smaller top_k"));
            }
            Some(k) => among_the_largest(y_pred, k)?,
            None => y_pred.f_gt(self.thresholds.unwrap_or(0.5))?,
        };
        if let (Some(_), Some(threshold)) = (self.top_k, self.thresholds) {
            yes = yes.f_logical_and(&y_pred.f_gt(threshold)?)?;
        }
        if let Some(class) = self.class_id {
            if class >= classes || y_pred.dim() < 2 {
                let expected = format!("predictions of shape (N, classes) with class_id = {class}");
                return Err(unsuited(expected, "for a single output leave class_id out"));
            }
            truth = truth.f_narrow(-1, class, 1)?;
            yes = yes.f_narrow(-1, class, 1)?;
        }
        let weights = match sample_weight {
            Some(weights) => Some(spread(weights, &truth)?.f_reshape([-1, 1])?),
            None => None,
        };
        let column = |tensor: &Tensor| tensor.f_reshape([-1, 1]);
        counts.add(&column(&truth)?, &column(&yes)?, weights.as_ref())
    }
}

/// Which numbers are among the `k` largest of their row; of equals the first, NaN never.
fn among_the_largest(rows: &Tensor, k: i64) -> Result<Tensor> {
    let rows = rows.f_detach()?.f_to_kind(Kind::Double)?;
    let unordered = rows.f_isnan()?;
    let rows = rows.f_masked_fill(&unordered, f64::NEG_INFINITY)?;
    // topk() may take any of several equal numbers.
    let (_, order) = rows.f_sort_stable(true, -1, true)?;
    let first = order.f_narrow(-1, 0, k)?;
    let yes = unordered
        .f_zeros_like()?
        .f_scatter_value(-1, &first, 1_i64)?;
    Ok(yes.f_logical_and(&unordered.f_logical_not()?)?)
}

/// Keras's builder methods that say which predictions are a yes.
macro_rules! rule_options {
    () => {
        /// Sets the number from 0 to 1 that a yes lies above; the default is 0.5, or none with
        /// [`top_k`](Self::top_k). For predictions before a sigmoid it would be 0.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn thresholds(mut self, threshold: f64) -> Self {
            self.thresholds = Some(threshold);
            self
        }

        /// Takes the `k` largest predictions of each row for a yes, the first of equals.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn top_k(mut self, k: i64) -> Self {
            self.top_k = Some(k);
            self
        }

        /// Looks at one class alone, by its number.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn class_id(mut self, class: i64) -> Self {
            self.class_id = Some(class);
            self
        }

        fn rule(&self) -> $crate::metrics::confusion::Rule {
            $crate::metrics::confusion::Rule {
                thresholds: self.thresholds,
                top_k: self.top_k,
                class_id: self.class_id,
            }
        }
    };
}
pub(super) use rule_options;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_are_the_first_of_equals_and_never_nan() -> Result<()> {
        let largest = |row: &[f64], k: i64| -> Result<Vec<bool>> {
            let row = Tensor::from_slice(row).reshape([1, -1]);
            Ok(Vec::try_from(among_the_largest(&row, k)?.reshape([-1]))?)
        };
        assert_eq!(
            largest(&[0.5, 0.5, 0.2, 0.5], 2)?,
            [true, true, false, false]
        );
        assert_eq!(largest(&[f64::NAN, 0.1, 0.9], 1)?, [false, false, true]);
        assert_eq!(
            largest(&[f64::NAN, 0.1, f64::NAN], 2)?,
            [false, true, false]
        );
        Ok(())
    }

    #[test]
    fn counts_are_weighted_and_add_up() -> Result<()> {
        let tensor = |numbers: &[f64]| Tensor::from_slice(numbers).reshape([-1, 1]);
        let mut counts = Confusion::default();
        assert!(counts.read()?.is_empty());
        counts.add(&tensor(&[1.0, 0.0, 1.0]), &tensor(&[1.0, 1.0, 0.0]), None)?;
        let weights = tensor(&[0.5, 4.0]);
        counts.add(&tensor(&[1.0, 0.0]), &tensor(&[1.0, 0.0]), Some(&weights))?;
        let sum: Counts = counts.read()?.into_iter().sum();
        let numbers = [sum.true_positives, sum.false_positives, sum.false_negatives];
        assert_eq!(numbers, [1.5, 1.0, 1.0]);
        Ok(())
    }
}
