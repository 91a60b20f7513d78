use std::sync::{Arc, Mutex, PoisonError};

use super::batch::Batch;
use super::dataset::{Batches, Dataset};
use super::order::Order;
use super::pipeline::Pipeline;
use crate::{Error, Result};

/// What the stages before a cache get, so that it holds the same whichever epoch comes first.
const SEED: u64 = 0;

/// Elements kept in memory; those that lie there already are not kept once more.
pub(crate) struct Cache {
    before: Pipeline,
    kept: Arc<Mutex<Option<Vec<Batch>>>>,
}

impl Cache {
    pub(crate) fn new(before: Pipeline) -> Self {
        Self {
            before,
            kept: Arc::default(),
        }
    }

    fn check(&self) -> Result<()> {
        match self.before.is_infinite() {
            false => Ok(()),
            true => Err(Error::data(
                "data set: cache",
                "elements that end",
                format!("the endless ones of {}", self.before),
                "put repeat_forever() behind it",
            )),
        }
    }
}

impl Dataset for Cache {
    fn len(&self) -> Option<u64> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match &*kept {
            Some(kept) => Some(kept.len() as u64),
            None => self.before.len(),
        }
    }

    fn is_batched(&self) -> bool {
        self.before.is_batched()
    }

    fn is_infinite(&self) -> bool {
        self.before.is_infinite()
    }

    fn epoch(&self, seed: u64) -> Result<Batches> {
        if let Some(order) = self.order(seed)? {
            return Ok(order.examples());
        }
        let kept = Arc::clone(&self.kept);
        let is_kept = kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some();
        Ok(match is_kept {
            true => Box::new((0..).map_while(move |number| again(&kept, number))),
            false => Box::new(Recording {
                elements: self.before.epoch(SEED)?,
                length: self.before.len(),
                recorded: Vec::new(),
                kept,
            }),
        })
    }

    fn order(&self, _seed: u64) -> Result<Option<Order>> {
        self.check()?;
        Ok(self.before.order(SEED)?.filter(Order::is_in_memory))
    }

    fn describe(&self) -> String {
        format!("{}, cache", self.before)
    }
}

/// A copy of what is kept, so that a stage may write to it.
fn again(kept: &Mutex<Option<Vec<Batch>>>, number: usize) -> Option<Result<Batch>> {
    let kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
    kept.as_ref()?.get(number).map(copied)
}

fn copied(element: &Batch) -> Result<Batch> {
    element.each(|tensor| Ok(tensor.f_detach_copy()?))
}

/// An epoch whose elements are kept if it is read to its end.
struct Recording {
    elements: Batches,
    length: Option<u64>,
    recorded: Vec<Batch>,
    kept: Arc<Mutex<Option<Vec<Batch>>>>,
}

impl Recording {
    fn keep(&mut self) {
        let recorded = std::mem::take(&mut self.recorded);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get_or_insert(recorded);
    }
}

impl Iterator for Recording {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let Some(element) = self.elements.next() else {
            self.keep();
            return None;
        };
        let element = match element.and_then(|element| Ok((copied(&element)?, element))) {
            Ok((copy, element)) => {
                self.recorded.push(copy);
                element
            }
            Err(error) => return Some(Err(error)),
        };
        // Who knows the length may not ask for the end.
        if self.length == Some(self.recorded.len() as u64) {
            self.keep();
            self.elements = Box::new(std::iter::empty());
        }
        Some(Ok(element))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::{GeneratorDataset, IntoElement, RandomAccess, TensorDataset};

    /// Three numbers, and how often one was computed.
    fn counted() -> (GeneratorDataset, Arc<AtomicUsize>) {
        let computed = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&computed);
        let data = GeneratorDataset::new(move || {
            let counter = Arc::clone(&counter);
            (0..3_i64).map(move |i| {
                counter.fetch_add(1, Ordering::SeqCst);
                (i, i)
            })
        });
        (data, computed)
    }

    fn read(data: &Pipeline, seed: u64) -> Result<Vec<i64>> {
        data.epoch(seed)?
            .map(|element| Ok(element?.targets[0].int64_value(&[])))
            .collect()
    }

    #[test]
    fn elements_are_computed_once() -> Result<()> {
        let (data, computed) = counted();
        let data = data.cache();
        assert_eq!(data.len(), None);
        for seed in 0..3 {
            assert_eq!(read(&data, seed)?, [0, 1, 2]);
        }
        assert_eq!(read(&data.clone(), 3)?, [0, 1, 2]);
        assert_eq!((computed.load(Ordering::SeqCst), data.len()), (3, Some(3)));
        Ok(())
    }

    #[test]
    fn an_epoch_that_was_dropped_early_keeps_nothing() -> Result<()> {
        let (data, computed) = counted();
        let data = data.cache();
        assert_eq!(data.epoch(0)?.take(2).count(), 2);
        assert_eq!(read(&data, 0)?, [0, 1, 2]);
        assert_eq!(read(&data, 0)?, [0, 1, 2]);
        assert_eq!(computed.load(Ordering::SeqCst), 5);
        Ok(())
    }

    #[test]
    fn who_takes_as_many_as_there_are_need_not_ask_for_the_end() -> Result<()> {
        let (data, computed) = counted();
        let data = data.length(3).cache();
        for _ in 0..2 {
            assert_eq!(data.epoch(0)?.take(3).count(), 3);
        }
        assert_eq!(computed.load(Ordering::SeqCst), 3);
        Ok(())
    }

    #[test]
    fn what_is_kept_does_not_depend_on_the_first_epochs_seed() -> Result<()> {
        let numbers: Vec<i64> = (0..30).collect();
        let fresh = || -> Result<Pipeline> {
            let data = TensorDataset::new(&numbers, &numbers)?;
            Ok(data.map(|x, y| (x, y)).shuffle(30).cache())
        };
        let first = read(&fresh()?, 1)?;
        assert_eq!(first, read(&fresh()?, 2)?);
        assert_ne!(first, numbers);
        let rows = TensorDataset::new(&numbers, &numbers)?.shuffle(30).cache();
        assert_eq!((read(&rows, 1)?, read(&rows, 2)?), (first.clone(), first));
        let shuffled = fresh()?.shuffle(30);
        assert_ne!(read(&shuffled, 1)?, read(&shuffled, 2)?);
        Ok(())
    }

    #[test]
    fn writing_to_what_comes_out_changes_nothing_that_is_kept() -> Result<()> {
        let data = counted().0.cache();
        for _ in 0..3 {
            for element in data.epoch(0)? {
                let _ = element?.targets[0].f_fill_(9)?;
            }
        }
        assert_eq!(read(&data, 0)?, [0, 1, 2]);
        Ok(())
    }

    #[test]
    fn what_is_read_by_its_number_is_kept_unless_it_is_in_memory() -> Result<()> {
        struct Files(Arc<AtomicUsize>);
        impl Dataset for Files {
            fn len(&self) -> Option<u64> {
                Some(3)
            }
            fn is_batched(&self) -> bool {
                false
            }
            fn epoch(&self, seed: u64) -> Result<Batches> {
                Ok(self.order(seed)?.unwrap().examples())
            }
            fn order(&self, _seed: u64) -> Result<Option<Order>> {
                Ok(Some(Order::new((0..3).map(Ok), File(self.0.clone()))))
            }
        }
        struct File(Arc<AtomicUsize>);
        impl RandomAccess for File {
            fn example(&mut self, number: i64) -> Result<Batch> {
                self.0.fetch_add(1, Ordering::SeqCst);
                (number, number).into_element()
            }
        }
        let reads = Arc::new(AtomicUsize::new(0));
        let data = Files(Arc::clone(&reads)).cache().shuffle(3).batch(2);
        for seed in 0..4 {
            assert_eq!(data.epoch(seed)?.count(), 2);
        }
        assert_eq!(reads.load(Ordering::SeqCst), 3);

        let rows = Cache::new(TensorDataset::new([1.0, 2.0], [3, 4])?.pipeline());
        assert_eq!(rows.epoch(0)?.count(), 2);
        assert!(rows.kept.lock().unwrap().is_none());
        Ok(())
    }

    #[test]
    fn an_error_keeps_nothing_and_an_endless_set_is_refused() {
        let data = counted().0.map(|x, y| {
            assert!(x.int64_value(&[]) < 2, "too large");
            (x, y)
        });
        let data = data.cache();
        for _ in 0..2 {
            let read: Vec<_> = data
                .epoch(0)
                .unwrap()
                .map(|element| element.is_ok())
                .collect();
            assert_eq!(read, [true, true, false]);
        }
        let error = counted().0.repeat_forever().cache().epoch(0).err().unwrap();
        assert!(error.to_string().contains("put repeat_forever() behind"));
    }
}
