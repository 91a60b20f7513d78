use std::sync::{Arc, Mutex, PoisonError};

use tch::Tensor;

use super::batch::Batch;
use super::dataset::{Batches, Dataset};
use super::guard::{at, call};
use super::map::not_a_pair;
use super::pipeline::Pipeline;
use super::stopping;
use crate::Result;

type Predicate = dyn Fn(&Batch) -> Result<bool> + Send;

/// The elements for which a predicate holds.
pub(crate) struct Filter {
    before: Pipeline,
    stage: &'static str,
    /// Behind a lock because the tensors that it may hold cannot be shared among threads.
    predicate: Arc<Mutex<Predicate>>,
}

impl Filter {
    pub(crate) fn of_pairs(
        before: Pipeline,
        predicate: impl Fn(&Tensor, &Tensor) -> bool + Send + 'static,
    ) -> Self {
        Self::new(before, "filter", move |element| {
            match (&element.inputs[..], &element.targets[..]) {
                ([x], [y]) => Ok(predicate(x, y)),
                _ => Err(not_a_pair(element, "filter_elements(|element| ..)")),
            }
        })
    }

    pub(crate) fn of_elements(
        before: Pipeline,
        predicate: impl Fn(&Batch) -> bool + Send + 'static,
    ) -> Self {
        Self::new(before, "filter_elements", move |element| {
            Ok(predicate(element))
        })
    }

    fn new(
        before: Pipeline,
        stage: &'static str,
        predicate: impl Fn(&Batch) -> Result<bool> + Send + 'static,
    ) -> Self {
        Self {
            before,
            stage,
            predicate: Arc::new(Mutex::new(predicate)),
        }
    }
}

impl Dataset for Filter {
    fn len(&self) -> Option<u64> {
        None
    }

    fn is_batched(&self) -> bool {
        self.before.is_batched()
    }

    fn is_infinite(&self) -> bool {
        self.before.is_infinite()
    }

    fn epoch(&self, seed: u64) -> Result<Batches> {
        let predicate = Arc::clone(&self.predicate);
        let stage = self.stage;
        let elements = self.before.epoch(seed)?;
        Ok(Box::new((0..).zip(elements).filter_map(
            move |(number, element)| {
                let keeps = |element: &Batch| {
                    stopping::check(stage)?;
                    let predicate = predicate.lock().unwrap_or_else(PoisonError::into_inner);
                    call("the predicate", || predicate(element))
                        .flatten()
                        .map_err(|cause| at(stage, number, cause))
                };
                match element.and_then(|element| Ok((keeps(&element)?, element))) {
                    Ok((true, element)) => Some(Ok(element)),
                    Ok((false, _)) => None,
                    Err(error) => Some(Err(error)),
                }
            },
        )))
    }

    fn describe(&self) -> String {
        format!("{}, {}", self.before, self.stage)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TensorDataset;

    fn numbers() -> TensorDataset {
        TensorDataset::new([1.0, 2.0, 3.0, 4.0, 5.0], [1_i64, 2, 3, 4, 5]).unwrap()
    }

    fn targets(data: &Pipeline) -> Result<Vec<i64>> {
        data.epoch(0)?
            .map(|element| Ok(element?.targets[0].int64_value(&[])))
            .collect()
    }

    #[test]
    fn what_holds_stays_in_order() -> Result<()> {
        let odd = numbers().filter(|_, y| y.int64_value(&[]) % 2 == 1);
        assert_eq!((targets(&odd)?, odd.len()), (vec![1, 3, 5], None));
        let batches = odd.batch(2);
        assert_eq!((batches.epoch(0)?.count(), batches.len()), (2, None));
        let large = numbers().filter_elements(|element| element.inputs[0].double_value(&[]) > 3.0);
        assert_eq!(targets(&large)?, [4, 5]);
        Ok(())
    }

    #[test]
    fn batches_can_be_filtered_too() -> Result<()> {
        let data = numbers().batch(2).filter(|x, _| x.size()[0] == 2);
        assert_eq!(data.epoch(0)?.count(), 2);
        Ok(())
    }

    #[test]
    fn a_panic_names_the_element_before_the_filter() {
        let data = numbers().filter(|x, _| {
            assert!(x.double_value(&[]) < 4.0, "too large");
            false
        });
        let error = targets(&data).unwrap_err().to_string();
        assert!(
            error.starts_with("data set: filter, element 3: the predicate: expected"),
            "{error}"
        );
        let data = TensorDataset::from_inputs([1.0])
            .unwrap()
            .filter(|_, _| true);
        let error = targets(&data).unwrap_err().to_string();
        assert!(error.contains("use filter_elements"), "{error}");
    }
}
