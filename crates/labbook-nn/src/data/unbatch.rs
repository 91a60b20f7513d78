use std::collections::VecDeque;

use super::batch::Batch;
use super::dataset::{Batches, Dataset};
use super::guard::at;
use super::pipeline::Pipeline;
use crate::tensors::shape::tuple;
use crate::{Error, Result};

/// Batches taken apart to examples.
pub(crate) struct Unbatch {
    before: Pipeline,
}

impl Unbatch {
    pub(crate) fn new(before: Pipeline) -> Self {
        Self { before }
    }
}

impl Dataset for Unbatch {
    fn len(&self) -> Option<u64> {
        None
    }

    fn is_batched(&self) -> bool {
        false
    }

    fn is_infinite(&self) -> bool {
        self.before.is_infinite()
    }

    fn epoch(&self, seed: u64) -> Result<Batches> {
        if !self.before.is_batched() {
            return Err(Error::data(
                "data set: unbatch",
                "batches",
                format!("the single examples of {}", self.before),
                "leave it out",
            ));
        }
        Ok(Box::new(Epoch {
            batches: self.before.epoch(seed)?,
            taken: 0,
            examples: VecDeque::new(),
        }))
    }

    fn describe(&self) -> String {
        format!("{}, unbatch", self.before)
    }
}

struct Epoch {
    batches: Batches,
    /// How many batches.
    taken: u64,
    examples: VecDeque<Batch>,
}

impl Iterator for Epoch {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.examples.is_empty() {
            let examples = match self.batches.next()? {
                Ok(batch) => examples(&batch).map_err(|cause| at("unbatch", self.taken, cause)),
                Err(error) => Err(error),
            };
            match examples {
                Ok(examples) => self.examples = examples,
                Err(error) => return Some(Err(error)),
            }
            self.taken += 1;
        }
        self.examples.pop_front().map(Ok)
    }
}

fn examples(batch: &Batch) -> Result<VecDeque<Batch>> {
    let count = length(batch)?;
    (0..count)
        .map(|row| batch.each(|tensor| Ok(tensor.f_select_copy(0, row)?)))
        .collect()
}

/// How many examples a batch holds, in each of its tensors.
pub(crate) fn length(batch: &Batch) -> Result<i64> {
    let mut count = None;
    for (name, tensor) in batch.named() {
        let size = tensor.size();
        match (size.first(), count) {
            (Some(&received), None) => count = Some(received),
            (Some(&received), Some(count)) if received == count => {}
            _ => {
                let expected = match count {
                    Some(count) => format!("{count} examples as in the first input"),
                    None => "shape (N, ..)".to_owned(),
                };
                return Err(Error::data(
                    &name,
                    expected,
                    tuple(&size),
                    "give every tensor of a batch one row per example",
                ));
            }
        }
    }
    Ok(count.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GeneratorDataset, TensorDataset};

    #[test]
    fn what_was_batched_comes_apart_again() -> Result<()> {
        let data = TensorDataset::new([[1.0], [2.0], [3.0]], [4, 5, 6])?;
        let again = data.batch(2).unbatch();
        assert_eq!((again.len(), again.is_batched()), (None, false));
        let examples: Result<Vec<Batch>> = again.epoch(0)?.collect();
        let examples = examples?;
        assert_eq!(examples.len(), 3);
        assert_eq!(examples[2].inputs[0].size(), [1]);
        assert_eq!(examples[2].targets[0].int64_value(&[]), 6);
        Ok(())
    }

    #[test]
    fn examples_and_uneven_batches_are_told() {
        let data = TensorDataset::new([1.0, 2.0], [1, 2]).unwrap();
        assert!(data.unbatch().epoch(0).is_err());
        let uneven = GeneratorDataset::new(|| [([1.0, 2.0], [1, 2, 3])]).gives_batches();
        assert_eq!(
            uneven.unbatch().first().unwrap_err().to_string(),
            "data set: unbatch, element 0: target: expected 2 examples as in the first input, \
             received (3,); give every tensor of a batch one row per example"
        );
    }
}
