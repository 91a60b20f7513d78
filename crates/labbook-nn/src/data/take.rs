use super::dataset::{Batches, Dataset};
use super::guard::at_least;
use super::order::Order;
use super::pipeline::Pipeline;
use crate::Result;

/// The first elements.
pub(crate) struct Take {
    before: Pipeline,
    count: i64,
}

impl Take {
    pub(crate) fn new(before: Pipeline, count: i64) -> Self {
        Self { before, count }
    }

    fn checked_count(&self) -> Result<usize> {
        at_least(0, self.count, "take", "leave it out to take all")?;
        Ok(usize::try_from(self.count).unwrap_or(usize::MAX))
    }
}

impl Dataset for Take {
    fn len(&self) -> Option<u64> {
        let count = u64::try_from(self.count).ok()?;
        match (count, self.before.is_infinite()) {
            (0, _) | (_, true) => Some(count),
            (_, false) => Some(self.before.len()?.min(count)),
        }
    }

    fn is_batched(&self) -> bool {
        self.before.is_batched()
    }

    fn epoch(&self, seed: u64) -> Result<Batches> {
        let count = self.checked_count()?;
        Ok(Box::new(self.before.epoch(seed)?.take(count)))
    }

    fn order(&self, seed: u64) -> Result<Option<Order>> {
        let count = self.checked_count()?;
        let order = self.before.order(seed)?;
        Ok(order.map(|order| order.arranged(|numbers| Box::new(numbers.take(count)))))
    }

    fn describe(&self) -> String {
        format!("{}, take({})", self.before, self.count)
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
    fn the_first_elements_come_or_all_that_there_are() -> Result<()> {
        for (count, expected) in [(0, 0), (3, 3), (5, 5), (100, 5), (i64::MAX, 5)] {
            let data = numbers().take(count);
            assert_eq!(data.len(), Some(expected));
            assert_eq!(data.epoch(0)?.count() as u64, expected);
        }
        let batch = numbers().take(3).batch(9).first()?;
        assert_eq!(Vec::<i32>::try_from(&batch.targets[0])?, [0, 1, 2]);
        Ok(())
    }

    #[test]
    fn how_many_is_known_of_an_endless_set_and_unknown_of_a_generator() {
        assert_eq!(numbers().repeat_forever().take(12).len(), Some(12));
        let generator = || GeneratorDataset::new(|| (0..9).map(|i| (i as f32, i)));
        assert_eq!(generator().take(3).len(), None);
        assert_eq!(generator().length(9).take(3).len(), Some(3));
    }

    #[test]
    fn taking_a_batch_reads_no_further() -> Result<()> {
        let data = GeneratorDataset::new(|| {
            (0..9).map(|i| {
                assert!(i < 4, "read too far");
                (i as f32, i)
            })
        });
        assert_eq!(
            data.batch(2)
                .take(2)
                .epoch(0)?
                .filter(Result::is_ok)
                .count(),
            2
        );
        Ok(())
    }

    #[test]
    fn a_negative_count_is_told() {
        let error = numbers().take(-1).batch(2).epoch(0).err().unwrap();
        assert!(
            error
                .to_string()
                .starts_with("take: expected a number from 0 on")
        );
    }
}
