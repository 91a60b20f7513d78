use super::dataset::{Batches, Dataset};
use super::guard::at_least;
use super::order::{Numbers, Order};
use super::pipeline::Pipeline;
use super::seeds::{Purpose, numbered};
use super::stopping;
use crate::Result;

/// All elements several times, or for ever.
pub(crate) struct Repeat {
    before: Pipeline,
    /// `None` for ever.
    times: Option<i64>,
}

impl Repeat {
    pub(crate) fn new(before: Pipeline, times: Option<i64>) -> Self {
        Self { before, times }
    }

    /// The passes of an epoch, each of which `begin` begins with a seed.
    fn passes<I, B>(&self, seed: u64, begin: B) -> Result<Passes<I, B>> {
        if let Some(times) = self.times {
            at_least(1, times, "repeat", "use repeat_forever() for no end")?;
        }
        Ok(Passes {
            begin,
            seed,
            times: self.times.map(i64::unsigned_abs),
            begun: 0,
            pass: None,
            is_empty: true,
        })
    }
}

impl Dataset for Repeat {
    fn len(&self) -> Option<u64> {
        let times = u64::try_from(self.times?).ok().filter(|&times| times > 0)?;
        self.before.len()?.checked_mul(times)
    }

    fn is_batched(&self) -> bool {
        self.before.is_batched()
    }

    fn is_infinite(&self) -> bool {
        self.times.is_none() || self.before.is_infinite()
    }

    fn epoch(&self, seed: u64) -> Result<Batches> {
        let before = self.before.clone();
        let mut passes = self.passes(seed, move |seed| before.epoch(seed))?;
        passes.begin()?;
        Ok(Box::new(passes))
    }

    fn order(&self, seed: u64) -> Result<Option<Order>> {
        let before = self.before.clone();
        let mut passes = self.passes(seed, move |seed| -> Result<Numbers> {
            match before.order(seed)? {
                Some(order) => Ok(order.numbers),
                None => Ok(Box::new(std::iter::empty())),
            }
        })?;
        let Some(first) = self.before.order(seed)? else {
            return Ok(None);
        };
        Ok(Some(first.arranged(move |numbers| {
            passes.pass = Some(numbers);
            passes.begun = 1;
            Box::new(passes)
        })))
    }

    fn describe(&self) -> String {
        match self.times {
            Some(times) => format!("{}, repeat({times})", self.before),
            None => format!("{}, repeat_forever", self.before),
        }
    }
}

struct Passes<I, B> {
    begin: B,
    seed: u64,
    times: Option<u64>,
    begun: u64,
    pass: Option<I>,
    /// Whether the pass has given nothing so far.
    is_empty: bool,
}

impl<I, B: Fn(u64) -> Result<I>> Passes<I, B> {
    fn begin(&mut self) -> Result<()> {
        let seed = match self.begun {
            0 => self.seed,
            pass => numbered(self.seed, Purpose::Repeat, pass),
        };
        self.pass = Some((self.begin)(seed)?);
        self.begun += 1;
        self.is_empty = true;
        Ok(())
    }
}

impl<T, I: Iterator<Item = Result<T>>, B: Fn(u64) -> Result<I>> Iterator for Passes<I, B> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(element) = self.pass.as_mut()?.next() {
                self.is_empty = false;
                return Some(element);
            }
            // A pass without elements would be followed by such passes without end.
            if self.is_empty || self.times == Some(self.begun) {
                self.pass = None;
                return None;
            }
            if let Err(error) = stopping::check("repeat").and_then(|()| self.begin()) {
                return Some(Err(error));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TensorDataset;

    fn numbers(count: i64) -> TensorDataset {
        let numbers: Vec<i64> = (0..count).collect();
        TensorDataset::new(&numbers, &numbers).unwrap()
    }

    fn read(data: &Pipeline, seed: u64) -> Vec<i64> {
        data.epoch(seed)
            .unwrap()
            .map(|element| element.unwrap().targets[0].int64_value(&[]))
            .collect()
    }

    #[test]
    fn passes_follow_one_another() {
        let data = numbers(3).repeat(2);
        assert_eq!((data.len(), data.is_infinite()), (Some(6), false));
        assert_eq!(read(&data, 0), [0, 1, 2, 0, 1, 2]);
        let batches = numbers(3).repeat(2).batch(4);
        let batches: Vec<_> = batches.epoch(0).unwrap().map(Result::unwrap).collect();
        assert_eq!(
            Vec::<i64>::try_from(&batches[0].targets[0]).unwrap(),
            [0, 1, 2, 0]
        );
    }

    #[test]
    fn every_pass_is_shuffled_anew_and_whole() {
        for data in [
            numbers(20).shuffle(20).repeat(3),
            numbers(20).map(|x, y| (x, y)).shuffle(20).repeat(3),
        ] {
            let passes = read(&data, 5);
            assert_eq!(passes, read(&data, 5));
            assert_eq!(passes[..20], read(&numbers(20).shuffle(20), 5));
            assert_ne!(passes[..20], passes[20..40]);
            assert_ne!(passes[20..40], passes[40..]);
            for pass in passes.chunks(20) {
                let mut pass = pass.to_vec();
                pass.sort_unstable();
                assert_eq!(pass, (0..20).collect::<Vec<_>>());
            }
        }
    }

    #[test]
    fn a_shuffle_behind_mixes_the_passes() {
        let data = numbers(10).repeat(2).shuffle(20);
        let mut first: Vec<i64> = read(&data, 1)[..10].to_vec();
        first.sort_unstable();
        first.dedup();
        assert!(first.len() < 10);
    }

    #[test]
    fn without_end_the_set_is_infinite_and_can_be_cut() {
        let data = numbers(3).repeat_forever();
        assert_eq!((data.len(), data.is_infinite()), (None, true));
        let data = data.batch(2).take(4);
        assert_eq!((data.len(), data.is_infinite()), (Some(4), false));
        assert_eq!(data.epoch(0).unwrap().count(), 4);
    }

    #[test]
    fn nothing_is_not_repeated_for_ever() {
        assert_eq!(read(&numbers(3).take(0).repeat_forever(), 0), [0_i64; 0]);
        let none = numbers(3).filter(|_, _| false).repeat_forever();
        assert_eq!(read(&none, 0), [0_i64; 0]);
    }

    #[test]
    fn less_than_one_pass_is_told() {
        let data = numbers(3).repeat(0);
        assert_eq!(data.len(), None);
        let error = data.batch(2).epoch(0).err().unwrap().to_string();
        assert!(error.contains("repeat_forever()"), "{error}");
    }
}
