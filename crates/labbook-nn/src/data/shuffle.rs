use super::dataset::{Batches, Dataset};
use super::guard::at_least;
use super::order::Order;
use super::pipeline::Pipeline;
use super::seeds::{Purpose, derived, stream};
use super::stopping;
use crate::Result;
use crate::random::Rng;

/// Elements in a random order, drawn from a buffer.
pub(crate) struct Shuffle {
    before: Pipeline,
    buffer: i64,
}

impl Shuffle {
    pub(crate) fn new(before: Pipeline, buffer: i64) -> Self {
        Self { before, buffer }
    }

    fn check(&self) -> Result<()> {
        let advice = "the number of examples shuffles them completely";
        at_least(1, self.buffer, "shuffle", advice)
    }

    fn drawn<T, I>(&self, elements: I, seed: u64) -> Drawn<T, I> {
        Drawn {
            elements: Some(elements),
            buffer: Vec::new(),
            capacity: usize::try_from(self.buffer).unwrap_or(usize::MAX),
            rng: stream(seed, Purpose::Shuffle),
        }
    }
}

impl Dataset for Shuffle {
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
        self.check()?;
        if let Some(order) = self.order(seed)? {
            return Ok(order.examples());
        }
        let elements = self.before.epoch(derived(seed, Purpose::BeforeShuffle))?;
        Ok(Box::new(self.drawn(elements, seed)))
    }

    fn order(&self, seed: u64) -> Result<Option<Order>> {
        self.check()?;
        let order = self.before.order(derived(seed, Purpose::BeforeShuffle))?;
        Ok(order.map(|order| order.arranged(|numbers| Box::new(self.drawn(numbers, seed)))))
    }

    fn describe(&self) -> String {
        format!("{}, shuffle({})", self.before, self.buffer)
    }
}

struct Drawn<T, I> {
    /// `None` once all are taken.
    elements: Option<I>,
    buffer: Vec<T>,
    capacity: usize,
    rng: Rng,
}

impl<T, I: Iterator<Item = Result<T>>> Iterator for Drawn<T, I> {
    type Item = Result<T>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(elements) = &mut self.elements
            && self.buffer.len() < self.capacity
        {
            match stopping::check("shuffle").and_then(|()| elements.next().transpose()) {
                Ok(Some(element)) => self.buffer.push(element),
                Ok(None) => self.elements = None,
                Err(error) => return Some(Err(error)),
            }
        }
        if self.buffer.is_empty() {
            return None;
        }
        let drawn = self.rng.below(self.buffer.len() as i64);
        Some(Ok(self.buffer.swap_remove(drawn as usize)))
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

    fn sorted(mut numbers: Vec<i64>) -> Vec<i64> {
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn every_epoch_has_an_order_of_its_own_that_its_seed_repeats() {
        let data = numbers(50).shuffle(50);
        assert_eq!(data.len(), Some(50));
        let first = read(&data, 1);
        assert_eq!(first, read(&data, 1));
        assert_ne!(first, read(&data, 2));
        assert_ne!(first, sorted(first.clone()));
        assert_eq!(sorted(first), (0..50).collect::<Vec<_>>());
    }

    #[test]
    fn no_element_comes_before_it_was_in_the_buffer() {
        let buffer = 5;
        let order = read(&numbers(200).shuffle(buffer), 3);
        for (place, &number) in order.iter().enumerate() {
            assert!(number < place as i64 + buffer, "{number} at {place}");
        }
        assert_eq!(sorted(order.clone()), (0..200).collect::<Vec<_>>());
        assert_ne!(order, sorted(order.clone()));
        assert_eq!(read(&numbers(9).shuffle(1), 3), (0..9).collect::<Vec<_>>());
    }

    #[test]
    fn every_order_of_a_full_buffer_is_equally_likely() {
        let data = numbers(3).shuffle(10);
        let mut counts = std::collections::BTreeMap::new();
        for seed in 0..1200 {
            *counts.entry(read(&data, seed)).or_insert(0) += 1;
        }
        assert_eq!(counts.len(), 6);
        // Six standard deviations of 13 about 200.
        assert!(
            counts.values().all(|n| (120..280).contains(n)),
            "{counts:?}"
        );
    }

    #[test]
    fn numbers_and_examples_are_shuffled_alike() {
        let same = |x, y| (x, y);
        for buffer in [1, 4, 30, 1000] {
            assert_eq!(
                read(&numbers(30).shuffle(buffer), 8),
                read(&numbers(30).map(same).shuffle(buffer), 8)
            );
        }
    }

    #[test]
    fn two_shuffles_draw_differently() {
        let once = numbers(20).shuffle(20);
        let twice = numbers(20).shuffle(20).shuffle(20);
        let applied: Vec<i64> = read(&once, 4)
            .iter()
            .map(|&place| read(&once, 4)[place as usize])
            .collect();
        assert_ne!(read(&twice, 4), applied);
        assert_ne!(read(&twice, 4), read(&once, 4));
    }

    #[test]
    fn a_buffer_without_room_is_told() {
        for data in [numbers(3).shuffle(0), numbers(3).shuffle(-1).batch(2)] {
            let error = data.epoch(0).err().unwrap().to_string();
            assert!(error.contains("shuffle: expected a number from 1 on"));
        }
    }
}
