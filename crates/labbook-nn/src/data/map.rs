use std::sync::{Arc, Mutex, PoisonError};

use tch::Tensor;

use super::batch::Batch;
use super::dataset::{Batches, Dataset};
use super::element::{IntoElement, IntoTensors};
use super::guard::{at, call};
use super::pipeline::Pipeline;
use super::seeds::{Purpose, numbered};
use crate::{Error, Result};

type Function = dyn Fn(Batch, u64) -> Result<Batch> + Send;

/// Elements that a function has changed.
pub(crate) struct Map {
    before: Pipeline,
    stage: &'static str,
    /// Behind a lock because the tensors that it may hold cannot be shared among threads.
    function: Arc<Mutex<Function>>,
}

impl Map {
    pub(crate) fn of_pairs<E: IntoElement>(
        before: Pipeline,
        function: impl Fn(Tensor, Tensor) -> E + Send + 'static,
    ) -> Self {
        Self::new(before, "map", move |element, _| {
            let weight = element.sample_weight.as_ref().map(Tensor::shallow_clone);
            let (x, y) = pair(element, "map_elements(|element| ..)")?;
            let mut changed = function(x, y).into_element()?;
            changed.sample_weight = changed.sample_weight.or(weight);
            Ok(changed)
        })
    }

    pub(crate) fn of_inputs<X: IntoTensors>(
        before: Pipeline,
        function: impl Fn(Tensor) -> X + Send + 'static,
    ) -> Self {
        Self::new(before, "map_inputs", move |mut element, _| {
            let x = match (element.inputs.pop(), element.inputs.is_empty()) {
                (Some(x), true) => x,
                _ => {
                    return Err(Error::data(
                        "element",
                        "one input",
                        "several",
                        "use map_elements(|element| ..)",
                    ));
                }
            };
            element.inputs = function(x).into_tensors()?;
            element.into_element()
        })
    }

    pub(crate) fn of_elements<E: IntoElement>(
        before: Pipeline,
        function: impl Fn(Batch) -> E + Send + 'static,
    ) -> Self {
        Self::new(before, "map_elements", move |element, _| {
            function(element).into_element()
        })
    }

    pub(crate) fn seeded<E: IntoElement>(
        before: Pipeline,
        function: impl Fn(Batch, u64) -> E + Send + 'static,
    ) -> Self {
        Self::new(before, "map_seeded", move |element, seed| {
            function(element, seed).into_element()
        })
    }

    fn new(
        before: Pipeline,
        stage: &'static str,
        function: impl Fn(Batch, u64) -> Result<Batch> + Send + 'static,
    ) -> Self {
        Self {
            before,
            stage,
            function: Arc::new(Mutex::new(function)),
        }
    }
}

impl Dataset for Map {
    fn len(&self) -> Option<u64> {
        self.before.len()
    }

    fn is_batched(&self) -> bool {
        self.before.is_batched()
    }

    fn is_infinite(&self) -> bool {
        self.before.is_infinite()
    }

    fn epoch(&self, seed: u64) -> Result<Batches> {
        let function = Arc::clone(&self.function);
        let stage = self.stage;
        let elements = self.before.epoch(seed)?;
        Ok(Box::new((0..).zip(elements).map(
            move |(number, element)| {
                let element = element?;
                let seed = numbered(seed, Purpose::Map, number);
                let function = function.lock().unwrap_or_else(PoisonError::into_inner);
                call("the function", || function(element, seed))
                    .flatten()
                    .map_err(|cause| at(stage, number, cause))
            },
        )))
    }

    fn describe(&self) -> String {
        format!("{}, {}", self.before, self.stage)
    }
}

/// The input and the target of an element that has one of each.
fn pair(mut element: Batch, other: &str) -> Result<(Tensor, Tensor)> {
    if let ([_], [_]) = (&element.inputs[..], &element.targets[..])
        && let (Some(x), Some(y)) = (element.inputs.pop(), element.targets.pop())
    {
        return Ok((x, y));
    }
    Err(not_a_pair(&element, other))
}

/// What a function of `(x, y)` cannot take.
pub(crate) fn not_a_pair(element: &Batch, other: &str) -> Error {
    Error::data(
        "element",
        "1 input, 1 target",
        element.structure(),
        format!("use {other}"),
    )
}

#[cfg(test)]
mod tests {
    use tch::Kind;

    use super::*;
    use crate::TensorDataset;

    fn numbers() -> TensorDataset {
        TensorDataset::new([1.0, 2.0, 3.0, 4.0, 5.0], [1_i64, 2, 3, 4, 5]).unwrap()
    }

    fn inputs(data: &Pipeline) -> Result<Vec<f64>> {
        let mut read = Vec::new();
        for element in data.epoch(0)? {
            read.extend(Vec::<f64>::try_from(element?.inputs[0].reshape([-1]))?);
        }
        Ok(read)
    }

    fn error(data: &Pipeline) -> String {
        inputs(data).unwrap_err().to_string()
    }

    #[test]
    fn a_function_sees_examples_before_batch_and_batches_behind() -> Result<()> {
        let sizes = |x: Tensor, y| (x.dim() as f64, y);
        assert_eq!(inputs(&numbers().map(sizes))?, [0.0; 5]);
        assert_eq!(inputs(&numbers().batch(2).map(sizes))?, [1.0; 3]);
        let squares = [1.0, 4.0, 9.0, 16.0, 25.0];
        assert_eq!(inputs(&numbers().map(|x, y| (&x * &x, y)))?, squares);
        let batches = numbers().batch(2).map(|x, y| (&x * &x, y));
        assert_eq!(
            (inputs(&batches)?, batches.len()),
            (squares.to_vec(), Some(3))
        );
        Ok(())
    }

    #[test]
    fn a_function_may_hold_tensors_write_in_place_and_fail() -> Result<()> {
        let mean = Tensor::from(3.0);
        let data = numbers().map(move |x, y| (x - &mean, y));
        assert_eq!(inputs(&data)?, [-2.0, -1.0, 0.0, 1.0, 2.0]);

        let data = numbers().batch(5).map(|mut x, y| {
            x *= 2.0;
            (x, y)
        });
        let doubled = [2.0, 4.0, 6.0, 8.0, 10.0];
        assert_eq!(
            (inputs(&data)?, inputs(&data)?),
            (doubled.to_vec(), doubled.to_vec())
        );

        let data = numbers().batch(5).map(|x, y| Ok((x.f_view([7])?, y)));
        let error = error(&data);
        assert!(
            error.starts_with("data set: map, element 0: libtorch could not compute"),
            "{error}"
        );
        Ok(())
    }

    #[test]
    fn a_panic_becomes_an_error_that_names_stage_and_element() -> Result<()> {
        let data = numbers().map(|x, y| {
            assert!(x.double_value(&[]) < 3.0, "too large");
            (x, y)
        });
        let told = "data set: map, element 2: the function: expected that it returns, received a \
                    panic: too large; look at what it does with this element";
        assert_eq!(error(&data), told);
        assert_eq!(data.epoch(0)?.count(), 3);
        // The function can be called again after that, on any thread.
        assert_eq!(error(&data.shuffle(5).batch(2).prefetch(1)), told);
        Ok(())
    }

    #[test]
    fn weights_stay_unless_the_function_gives_others() -> Result<()> {
        let weighted = || numbers().sample_weight([1.0, 2.0, 3.0, 4.0, 5.0]);
        let sum = |data: Pipeline| {
            let weight = data.batch(5).first()?.sample_weight.unwrap();
            Ok::<_, Error>(weight.sum(Kind::Double).double_value(&[]))
        };
        assert_eq!(sum(weighted()?.map(|x, y| (x, y)))?, 15.0);
        assert_eq!(sum(weighted()?.map_inputs(|x| x))?, 15.0);
        assert_eq!(sum(weighted()?.map(|x, y| (x, y, 2.0)))?, 10.0);
        Ok(())
    }

    #[test]
    fn several_inputs_are_for_map_elements() -> Result<()> {
        let two = || {
            TensorDataset::new(
                [
                    Tensor::ones([2, 3], tch::kind::FLOAT_CPU),
                    Tensor::ones([2], tch::kind::FLOAT_CPU),
                ],
                (),
            )
        };
        assert_eq!(
            error(&two()?.map(|x, y| (x, y))),
            "data set: map, element 0: element: expected 1 input, 1 target, received 2 inputs, \
             0 targets; use map_elements(|element| ..)"
        );
        assert!(error(&two()?.map_inputs(|x| x)).contains("expected one input"));
        let data = two()?.map_elements(|element| (element.inputs[0].sum(Kind::Float), 1));
        assert_eq!(data.batch(2).first()?.inputs[0].size(), [2]);
        let none = two()?.map_elements(|mut element| {
            element.inputs.clear();
            element
        });
        assert!(error(&none).contains("at least one input"));
        Ok(())
    }

    #[test]
    fn seeds_differ_by_element_and_epoch_and_come_again() -> Result<()> {
        let data =
            numbers().map_seeded(|element, seed| ((seed % (1 << 40)) as i64, element.targets));
        let read = |seed| -> Result<Vec<i64>> {
            data.epoch(seed)?
                .map(|element| Ok(element?.inputs[0].int64_value(&[])))
                .collect()
        };
        let mut seeds = read(1)?;
        assert_eq!(seeds, read(1)?);
        seeds.extend(read(2)?);
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 10);
        Ok(())
    }

    #[test]
    fn gradients_are_not_followed() -> Result<()> {
        let weight = Tensor::from(2.0).set_requires_grad(true);
        let data = numbers().map(move |x, y| (x * &weight, y));
        assert!(!data.first()?.inputs[0].requires_grad());
        Ok(())
    }
}
