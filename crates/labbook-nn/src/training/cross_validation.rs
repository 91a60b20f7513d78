use std::fmt;

use tch::Tensor;

use super::{Evaluate, Evaluation, Fit};
use crate::tensors::shape::tuple;
use crate::{Error, Model, Result, Tensors};

/// Trains a new model for each fold and evaluates it on the rows that it has not seen, as
/// scikit-learn's `cross_val_score`.
///
/// `build` gives a compiled model. `folds` are pairs of row numbers, to train on and to test on;
/// `KFold::new(5).split(rows)` gives them. Evaluations use the batch size of `fit`.
///
/// ```
/// use labbook_nn::{Adam, Dense, Fit, Result, Sequential, cross_val_score};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> Result<()> {
/// fn build() -> Result<Sequential> {
///     let mut model = Sequential::new();
///     model.add(Dense::new(1).input_shape(2));
///     model.compile(Adam::new(), "mse", ["mae"])?;
///     Ok(model)
/// }
///
/// let x = Tensor::rand([6, 2], (Kind::Float, Device::Cpu));
/// let y = x.sum_dim_intlist(1, true, Kind::Float);
/// let folds = [(vec![2, 3, 4, 5], vec![0, 1]), (vec![0, 1, 4, 5], vec![2, 3])];
/// let scores = cross_val_score(build, &x, &y, folds, &Fit::new().verbose(0))?;
/// assert_eq!(scores.get("mae").map(|values| values.len()), Some(2));
/// println!("{scores}");
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// When there is no fold, one names a row that is not there or has no rows, a model cannot be built,
/// trained or evaluated, or the training was interrupted.
pub fn cross_val_score<M: Into<Model>, F: Into<(Vec<usize>, Vec<usize>)>>(
    mut build: impl FnMut() -> Result<M>,
    x: impl Into<Tensors>,
    y: impl Into<Tensors>,
    folds: impl IntoIterator<Item = F>,
    fit: &Fit,
) -> Result<CrossValidation> {
    let (x, y) = (x.into(), y.into());
    let mut evaluations = Vec::new();
    for fold in folds {
        let (train, test) = fold.into();
        let mut model: Model = build()?.into();
        let history = model.fit(rows(&x, &train)?, rows(&y, &train)?, fit)?;
        if history.interrupted {
            return Err(Error::Interrupted {
                work: "cross_val_score".to_owned(),
            });
        }
        let evaluate = Evaluate::new().batch_size(fit.batch_size).verbose(0);
        let (x, y) = (rows(&x, &test)?, rows(&y, &test)?);
        evaluations.push(model.evaluate_with(x, y, &evaluate)?);
    }
    match evaluations.is_empty() {
        true => Err(Error::option(
            "folds",
            "at least one",
            "none",
            "pass KFold::new(5).split(rows)",
        )),
        false => Ok(CrossValidation { evaluations }),
    }
}

/// The rows of these numbers, of each tensor.
fn rows(tensors: &Tensors, numbers: &[usize]) -> Result<Tensors> {
    let picked = tensors.as_slice().iter().map(|tensor| {
        let count = tensor.size().first().copied().unwrap_or_default();
        let fits = |&number: &usize| i64::try_from(number).is_ok_and(|number| number < count);
        if numbers.is_empty() || !numbers.iter().all(fits) {
            return Err(Error::option(
                "folds",
                format!("row numbers below {count}, at least one in each part"),
                match numbers.iter().find(|number| !fits(number)) {
                    Some(number) => {
                        format!("{number}, for data of shape {}", tuple(&tensor.size()))
                    }
                    None => "a part without rows".to_owned(),
                },
                "split as many rows as the data have",
            ));
        }
        let numbers: Vec<i64> = numbers.iter().map(|&number| number as i64).collect();
        let numbers = Tensor::f_from_slice(&numbers)?.f_to_device(tensor.device())?;
        Ok(tensor.f_index_select(0, &numbers)?)
    });
    Ok(Tensors::from(picked.collect::<Result<Vec<Tensor>>>()?))
}

/// What [`cross_val_score`] found: an evaluation for each fold.
///
/// ```
/// use labbook_nn::{CrossValidation, Dense, Fit, Result, Sequential, cross_val_score};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> Result<()> {
/// # fn build() -> Result<Sequential> {
/// #     let mut model = Sequential::new();
/// #     model.add(Dense::new(1).input_shape(2));
/// #     model.compile("sgd", "mse", [])?;
/// #     Ok(model)
/// # }
/// # let x = Tensor::rand([4, 2], (Kind::Float, Device::Cpu));
/// # let folds = [(vec![0, 1], vec![2, 3]), (vec![2, 3], vec![0, 1])];
/// let scores: CrossValidation = cross_val_score(build, &x, &x.narrow(1, 0, 1), folds, &Fit::new().verbose(0))?;
/// assert!(scores.mean("loss").is_some_and(|loss| loss >= 0.0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct CrossValidation {
    evaluations: Vec<Evaluation>,
}

impl CrossValidation {
    /// The evaluations, by fold.
    #[must_use]
    pub fn evaluations(&self) -> &[Evaluation] {
        &self.evaluations
    }

    /// One figure of each fold, such as `accuracy`; `None` if the models have none of this name.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<Vec<f64>> {
        self.evaluations
            .iter()
            .map(|evaluation| evaluation.get(key))
            .collect()
    }

    /// The mean of a figure over the folds.
    #[must_use]
    pub fn mean(&self, key: &str) -> Option<f64> {
        let values = self.get(key)?;
        Some(values.iter().sum::<f64>() / values.len() as f64)
    }

    /// The standard deviation of a figure over the folds, divided by their number, as numpy's
    /// `std`.
    #[must_use]
    pub fn deviation(&self, key: &str) -> Option<f64> {
        let (values, mean) = (self.get(key)?, self.mean(key)?);
        let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
        Some((squares / values.len() as f64).sqrt())
    }
}

/// A line for each figure: its mean, its deviation and its values.
impl fmt::Display for CrossValidation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self
            .evaluations
            .first()
            .map_or(&[][..], Evaluation::entries);
        let lines = keys.iter().filter_map(|(key, _)| {
            let (mean, deviation) = (self.mean(key)?, self.deviation(key)?);
            let values = self
                .get(key)?
                .into_iter()
                .map(|value| format!("{value:.4}"));
            let values: Vec<String> = values.collect();
            Some(format!(
                "{key}: {mean:.4} ± {deviation:.4} ({})",
                values.join(", ")
            ))
        });
        f.write_str(&lines.collect::<Vec<String>>().join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::{Dense, SGD, Sequential};

    fn build() -> Result<Sequential> {
        let mut model = Sequential::on(Device::Cpu).seeded(1);
        model.add(Dense::new(1).input_shape(1));
        model.compile(SGD::new().learning_rate(0.1), "mse", ["mae"])?;
        Ok(model)
    }

    #[test]
    fn each_fold_is_a_training_of_its_own() -> Result<()> {
        let x = Tensor::arange(6, (Kind::Float, Device::Cpu)).reshape([6, 1]) / 6.0;
        let y = &x * 2.0;
        let folds = [
            (vec![0, 1, 2, 3], vec![4, 5]),
            (vec![2, 3, 4, 5], vec![0, 1]),
        ];
        let fit = Fit::new().epochs(2).verbose(0).shuffle(false);
        let scores = cross_val_score(build, &x, &y, folds, &fit)?;
        let mut model = build()?;
        model.fit(x.narrow(0, 2, 4), y.narrow(0, 2, 4), &fit)?;
        let options = Evaluate::new().verbose(0);
        let alone = model.evaluate_with(x.narrow(0, 0, 2), y.narrow(0, 0, 2), &options)?;
        assert_eq!(scores.evaluations()[1].entries(), alone.entries());
        let [first, second] = scores.get("mae").unwrap()[..] else {
            panic!("two folds");
        };
        assert!((scores.mean("mae").unwrap() - (first + second) / 2.0).abs() < 1e-12);
        assert!((scores.deviation("mae").unwrap() - (first - second).abs() / 2.0).abs() < 1e-12);
        assert_eq!(scores.get("accuracy"), None);
        assert!(scores.to_string().contains("\nmae: "), "{scores}");
        Ok(())
    }

    #[test]
    fn folds_that_do_not_fit_are_told() {
        let x = Tensor::zeros([3, 1], (Kind::Float, Device::Cpu));
        let told = |folds: Vec<(Vec<usize>, Vec<usize>)>| {
            let scores = cross_val_score(build, &x, &x, folds, &Fit::new().verbose(0));
            scores.unwrap_err().to_string()
        };
        assert!(told(vec![]).contains("received none"));
        assert!(told(vec![(vec![0, 1], vec![3])]).contains("received 3, for data of shape (3, 1)"));
        assert!(told(vec![(vec![0], vec![])]).contains("a part without rows"));
    }
}
