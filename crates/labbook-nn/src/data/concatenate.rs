use super::dataset::{Batches, Dataset};
use super::pipeline::Pipeline;
use super::seeds::{Purpose, derived};
use super::zip::check_both_batched;
use crate::Result;

/// The elements of one data set, then those of another.
pub(crate) struct Concatenate {
    first: Pipeline,
    second: Pipeline,
}

impl Concatenate {
    pub(crate) fn new(first: Pipeline, second: Pipeline) -> Self {
        Self { first, second }
    }
}

impl Dataset for Concatenate {
    fn len(&self) -> Option<u64> {
        self.first.len()?.checked_add(self.second.len()?)
    }

    fn is_batched(&self) -> bool {
        self.first.is_batched()
    }

    fn is_infinite(&self) -> bool {
        self.first.is_infinite() || self.second.is_infinite()
    }

    fn epoch(&self, seed: u64) -> Result<Batches> {
        check_both_batched("concatenate", &self.first, &self.second)?;
        let first = self.first.epoch(seed)?;
        let second = self.second.epoch(derived(seed, Purpose::Second))?;
        Ok(Box::new(first.chain(second)))
    }

    fn describe(&self) -> String {
        format!("{}, concatenate({})", self.first, self.second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TensorDataset;

    #[test]
    fn the_second_follows_the_first() -> Result<()> {
        let numbers = |numbers: &[i64]| TensorDataset::new(numbers, numbers);
        let data = numbers(&[1, 2])?.concatenate(numbers(&[3])?);
        assert_eq!((data.len(), data.is_batched()), (Some(3), false));
        let batch = data.batch(9).first()?;
        assert_eq!(Vec::<i64>::try_from(&batch.targets[0])?, [1, 2, 3]);

        let forever = numbers(&[1])?.concatenate(numbers(&[2])?.repeat_forever());
        assert_eq!((forever.len(), forever.is_infinite()), (None, true));
        let uneven = numbers(&[1])?.concatenate(numbers(&[2])?.batch(1));
        assert!(uneven.epoch(0).is_err());
        Ok(())
    }

    #[test]
    fn an_error_of_the_first_is_not_followed_by_the_second() -> Result<()> {
        let broken = TensorDataset::new([1.0], [1])?.map(|x, y| Ok((x.f_view([3])?, y)));
        let data = broken.concatenate(TensorDataset::new([1.0], [1])?);
        let read: Vec<bool> = data.epoch(0)?.map(|element| element.is_ok()).collect();
        assert_eq!(read, [false]);
        Ok(())
    }
}
