use super::dataset::{Batches, Dataset};
use super::guard::at_least;
use super::order::{Numbers, Order};
use super::pipeline::Pipeline;
use super::stopping;
use crate::Result;

/// All but the first elements.
pub(crate) struct Skip {
    before: Pipeline,
    count: i64,
}

impl Skip {
    pub(crate) fn new(before: Pipeline, count: i64) -> Self {
        Self { before, count }
    }

    fn checked_count(&self) -> Result<u64> {
        at_least(0, self.count, "skip", "leave it out to skip nothing")?;
        Ok(self.count.unsigned_abs())
    }
}

impl Dataset for Skip {
    fn len(&self) -> Option<u64> {
        let count = u64::try_from(self.count).ok()?;
        Some(self.before.len()?.saturating_sub(count))
    }

    fn is_batched(&self) -> bool {
        self.before.is_batched()
    }

    fn is_infinite(&self) -> bool {
        self.before.is_infinite()
    }

    fn epoch(&self, seed: u64) -> Result<Batches> {
        let skip = self.checked_count()?;
        let elements = self.before.epoch(seed)?;
        Ok(Box::new(Rest { elements, skip }))
    }

    fn order(&self, seed: u64) -> Result<Option<Order>> {
        let skip = self.checked_count()?;
        let rest = |elements| -> Numbers { Box::new(Rest { elements, skip }) };
        Ok(self.before.order(seed)?.map(|order| order.arranged(rest)))
    }

    fn describe(&self) -> String {
        format!("{}, skip({})", self.before, self.count)
    }
}

/// As `Iterator::skip`, but an error is no element to skip, and a long skip can be interrupted.
struct Rest<I> {
    elements: I,
    skip: u64,
}

impl<T, I: Iterator<Item = Result<T>>> Iterator for Rest<I> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.skip > 0 {
            let skipped = match self.elements.next()? {
                Ok(_) => stopping::check("skip"),
                Err(error) => Err(error),
            };
            if let Err(error) = skipped {
                return Some(Err(error));
            }
            self.skip -= 1;
        }
        self.elements.next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GeneratorDataset, TensorDataset};

    fn numbers() -> TensorDataset {
        TensorDataset::new([0.0, 1.0, 2.0, 3.0, 4.0], [0, 1, 2, 3, 4]).unwrap()
    }

    #[test]
    fn what_is_left_comes_in_order() -> Result<()> {
        for (count, expected) in [(0, 5), (3, 2), (5, 0), (100, 0)] {
            let data = numbers().skip(count);
            assert_eq!(data.len(), Some(expected));
            assert_eq!(data.epoch(0)?.count() as u64, expected);
        }
        for data in [numbers().pipeline(), numbers().map(|x, y| (x, y))] {
            let batch = data.skip(2).batch(9).first()?;
            assert_eq!(Vec::<i32>::try_from(&batch.targets[0])?, [2, 3, 4]);
        }
        Ok(())
    }

    #[test]
    fn train_and_validation_parts_share_nothing() -> Result<()> {
        let read = |data: Pipeline| -> Result<Vec<i32>> {
            Ok(Vec::try_from(&data.batch(9).first()?.targets[0])?)
        };
        let mut both = read(numbers().take(3))?;
        both.extend(read(numbers().skip(3))?);
        assert_eq!(both, [0, 1, 2, 3, 4]);
        Ok(())
    }

    #[test]
    fn an_error_among_the_skipped_is_told() {
        let data = GeneratorDataset::new(|| {
            (0..5).map(|i| {
                assert!(i != 1, "damaged");
                (i as f32, i)
            })
        });
        let error = data.skip(3).first().unwrap_err().to_string();
        assert!(error.contains("element 1"), "{error}");
        let error = numbers().skip(-2).epoch(0).err().unwrap().to_string();
        assert!(
            error.starts_with("skip: expected a number from 0 on"),
            "{error}"
        );
    }
}
