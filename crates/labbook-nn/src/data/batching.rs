use super::batch::{Batch, stack};
use super::dataset::{Batches, Dataset, nothing};
use super::guard::{at, at_least};
use super::order::Order;
use super::pipeline::Pipeline;
use crate::{Error, Result};

/// Examples gathered to batches.
pub(crate) struct Batching {
    before: Pipeline,
    size: i64,
    drop_remainder: bool,
}

impl Batching {
    pub(crate) fn new(before: Pipeline, size: i64, drop_remainder: bool) -> Self {
        Self {
            before,
            size,
            drop_remainder,
        }
    }

    fn stage(&self) -> String {
        match self.drop_remainder {
            true => format!("batch_drop_remainder({})", self.size),
            false => format!("batch({})", self.size),
        }
    }
}

impl Dataset for Batching {
    fn len(&self) -> Option<u64> {
        let size = u64::try_from(self.size).ok().filter(|&size| size > 0)?;
        let examples = self.before.len()?;
        Some(match self.drop_remainder {
            true => examples / size,
            false => examples.div_ceil(size),
        })
    }

    fn is_infinite(&self) -> bool {
        self.before.is_infinite()
    }

    fn epoch(&self, seed: u64) -> Result<Batches> {
        let stage = self.stage();
        at_least(1, self.size, "batch", "Keras's default is 32")?;
        if self.before.is_batched() {
            return Err(Error::data(
                &format!("data set: {stage}"),
                "single examples",
                format!("the batches of {}", self.before),
                "leave it out, or take the batches apart with .unbatch() before",
            ));
        }
        let examples = match self.before.order(seed)? {
            Some(order) => Examples::Numbered(order),
            None => Examples::OneByOne(self.before.epoch(seed)?),
        };
        Ok(Box::new(Epoch {
            examples,
            size: usize::try_from(self.size).unwrap_or(usize::MAX),
            drop_remainder: self.drop_remainder,
            given: 0,
            empty: Some(nothing(self)),
            stage,
        }))
    }

    fn describe(&self) -> String {
        format!("{}, {}", self.before, self.stage())
    }
}

enum Examples {
    /// Batches are copied as a whole.
    Numbered(Order),
    /// Batches are stacked.
    OneByOne(Batches),
}

struct Epoch {
    examples: Examples,
    size: usize,
    drop_remainder: bool,
    /// How many batches.
    given: u64,
    /// The error to give where there is no batch at all.
    empty: Option<Error>,
    stage: String,
}

impl Epoch {
    fn stacked(&self, examples: &[Batch]) -> Result<Batch> {
        stack(examples, |place, cause| {
            let before = self.given.saturating_mul(self.size as u64);
            at(&self.stage, before + place as u64, cause)
        })
    }

    fn batch(&mut self) -> Option<Result<Batch>> {
        let examples: Result<Vec<Batch>> = match &mut self.examples {
            Examples::Numbered(order) => return order.next_batch(self.size, self.drop_remainder),
            Examples::OneByOne(examples) => examples.take(self.size).collect(),
        };
        match examples {
            Ok(examples) if examples.is_empty() => None,
            Ok(examples) if self.drop_remainder && examples.len() < self.size => None,
            Ok(examples) => Some(self.stacked(&examples)),
            Err(error) => Some(Err(error)),
        }
    }
}

impl Iterator for Epoch {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let batch = self.batch();
        match (&batch, self.empty.take()) {
            (None, Some(error)) => return Some(Err(error)),
            _ => self.given += 1,
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GeneratorDataset, TensorDataset};

    fn numbers(count: i64) -> TensorDataset {
        let numbers: Vec<i64> = (0..count).collect();
        TensorDataset::new(&numbers, &numbers).unwrap()
    }

    fn read(data: &Pipeline) -> Result<Vec<Vec<i64>>> {
        data.epoch(0)?
            .map(|batch| Ok(Vec::try_from(&batch?.inputs[0])?))
            .collect()
    }

    #[test]
    fn the_last_batch_may_be_smaller_or_left_out() -> Result<()> {
        let whole: &[&[i64]] = &[&[0, 1, 2], &[3, 4, 5], &[6]];
        for one_by_one in [false, true] {
            let data = || match one_by_one {
                true => numbers(7).map(|x, y| (x, y)),
                false => numbers(7).pipeline(),
            };
            let batches = data().batch(3);
            assert_eq!(batches.len(), Some(3));
            assert_eq!(read(&batches)?, whole);
            let batches = data().batch_drop_remainder(3);
            assert_eq!(batches.len(), Some(2));
            assert_eq!(read(&batches)?, whole[..2]);
            assert!(batches.is_batched());
        }
        Ok(())
    }

    #[test]
    fn a_size_below_one_is_told_when_the_data_are_read() {
        for size in [0, -3] {
            let batches = numbers(7).batch(size);
            assert_eq!(batches.len(), None);
            let error = batches.epoch(0).err().unwrap().to_string();
            assert_eq!(
                error,
                format!(
                    "batch: expected a number from 1 on, received {size}; Keras's default is 32"
                )
            );
        }
        assert_eq!(numbers(7).batch(i64::MAX).epoch(0).unwrap().count(), 1);
    }

    #[test]
    fn batches_are_not_batched_again() {
        let error = numbers(7).batch(2).batch(2).epoch(0).err().unwrap();
        assert!(error.to_string().contains(".unbatch()"), "{error}");
    }

    #[test]
    fn a_ragged_example_is_named_by_its_place_in_the_epoch() {
        let data =
            GeneratorDataset::new(|| (0..8).map(|i| (vec![0.0; if i == 6 { 3 } else { 2 }], i)));
        let batches: Vec<_> = data.batch(4).epoch(0).unwrap().collect();
        assert!(batches[0].is_ok());
        assert_eq!(
            batches[1].as_ref().unwrap_err().to_string(),
            "data set: batch(4), element 6: input: expected (2,) Double as in the batch's first \
             example, received (3,) Double; pad, crop or resize the examples to one shape with \
             .map(..) before"
        );
        assert_eq!(batches.len(), 2);
    }

    #[test]
    fn no_batch_at_all_is_an_error() {
        for data in [
            numbers(7).take(0).batch(3),
            numbers(7).skip(9).batch(3),
            numbers(7).batch_drop_remainder(8),
            numbers(7).filter(|_, _| false).batch(2),
        ] {
            let read: Vec<_> = data.epoch(0).unwrap().collect();
            assert_eq!(read.len(), 1);
            let error = read[0].as_ref().unwrap_err().to_string();
            assert!(error.contains("at least one element"), "{error}");
        }
    }
}
