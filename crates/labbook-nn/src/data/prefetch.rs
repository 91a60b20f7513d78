use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

use super::batch::Batch;
use super::dataset::{Batches, Dataset};
use super::guard::{at, at_least, call};
use super::pipeline::Pipeline;
use super::stopping::Stop;
use crate::{Error, Result};

/// Elements computed ahead by a thread.
pub(crate) struct Prefetch {
    before: Pipeline,
    buffer: i64,
}

impl Prefetch {
    pub(crate) fn new(before: Pipeline, buffer: i64) -> Self {
        Self { before, buffer }
    }
}

impl Dataset for Prefetch {
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
        at_least(1, self.buffer, "prefetch", "2 is enough for most data")?;
        let stop = Stop::new();
        let elements = stop.during(|| self.before.epoch(seed))?;
        // The channel reserves its places at once.
        let buffer = usize::try_from(self.buffer).unwrap_or(usize::MAX).min(MOST);
        let (sender, receiver) = sync_channel(buffer);
        let stage = format!("prefetch({})", self.buffer);
        let stopped = stop.clone();
        let thread = std::thread::Builder::new()
            .name("prefetch".to_owned())
            .spawn(move || stopped.during(|| fetch(elements, &sender, &stopped, &stage)))
            .map_err(|error| {
                Error::data(
                    "prefetch",
                    "a further thread",
                    error.to_string(),
                    "leave it out, or end other programs",
                )
            })?;
        Ok(Box::new(Epoch {
            receiver: Some(receiver),
            thread: Some(thread),
            stop,
        }))
    }

    fn describe(&self) -> String {
        format!("{}, prefetch({})", self.before, self.buffer)
    }
}

/// More elements than this are not held, whatever was asked for.
const MOST: usize = 1 << 16;

/// Sends elements until there are no more, or nobody takes them.
fn fetch(elements: Batches, sender: &SyncSender<Result<Batch>>, stop: &Stop, stage: &str) {
    let mut elements = elements;
    for number in 0.. {
        let element = match call("the data set", || elements.next()) {
            Ok(Some(element)) => element,
            Ok(None) => return,
            Err(panic) => Err(at(stage, number, panic)),
        };
        let failed = element.is_err();
        if stop.is_requested() || sender.send(element).is_err() || failed {
            return;
        }
    }
}

struct Epoch {
    receiver: Option<Receiver<Result<Batch>>>,
    thread: Option<JoinHandle<()>>,
    stop: Stop,
}

impl Iterator for Epoch {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        // A sender that is gone has sent all.
        self.receiver.as_ref()?.recv().ok()
    }
}

impl Drop for Epoch {
    fn drop(&mut self) {
        self.stop.request();
        // Wakes the thread where it waits for room.
        self.receiver = None;
        if let Some(thread) = self.thread.take() {
            // A panic of the thread was sent as an error.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use super::*;
    use crate::{GeneratorDataset, TensorDataset};

    fn numbers(count: i64) -> TensorDataset {
        let numbers: Vec<i64> = (0..count).collect();
        TensorDataset::new(&numbers, &numbers).unwrap()
    }

    fn read(data: &Pipeline, seed: u64) -> Result<Vec<i64>> {
        data.epoch(seed)?
            .map(|element| Ok(element?.targets[0].int64_value(&[])))
            .collect()
    }

    /// Endless numbers that count what is computed, and whose token shows who holds them.
    fn endless(computed: &Arc<AtomicUsize>, token: &Arc<()>) -> GeneratorDataset {
        let (computed, token) = (Arc::clone(computed), Arc::downgrade(token));
        GeneratorDataset::new(move || {
            let (computed, token) = (Arc::clone(&computed), token.upgrade());
            (0_i64..).map(move |i| {
                assert!(token.is_some());
                computed.fetch_add(1, Ordering::SeqCst);
                (i, i)
            })
        })
    }

    #[test]
    fn the_same_elements_come_in_the_same_order() -> Result<()> {
        let data = || numbers(40).shuffle(40);
        for buffer in [1, 3, 1000, i64::MAX] {
            let ahead = data().prefetch(buffer);
            assert_eq!(ahead.len(), Some(40));
            assert_eq!(read(&ahead, 7)?, read(&data(), 7)?);
        }
        assert_eq!(data().batch(16).prefetch(2).epoch(0)?.count(), 3);
        Ok(())
    }

    #[test]
    fn no_more_than_the_buffer_is_computed_ahead() -> Result<()> {
        let (computed, token) = (Arc::default(), Arc::new(()));
        let data = endless(&computed, &token).prefetch(3);
        let mut epoch = data.epoch(0)?;
        let computed = || computed.load(Ordering::SeqCst);
        // It works before anybody asks.
        while computed() < 4 {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(20));
        // Three in the buffer and one in hand.
        assert_eq!(computed(), 4);
        epoch.next().unwrap()?;
        while computed() < 5 {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    #[test]
    fn the_thread_has_ended_when_the_epoch_is_dropped() -> Result<()> {
        for read in [0, 1, 10] {
            let (computed, token) = (Arc::default(), Arc::new(()));
            let data = endless(&computed, &token).batch(2).prefetch(2);
            let mut epoch = data.epoch(0)?;
            for _ in 0..read {
                epoch.next().unwrap()?;
            }
            drop(epoch);
            // The thread had the iterator.
            assert_eq!(Arc::strong_count(&token), 1);
        }
        Ok(())
    }

    #[test]
    fn a_thread_that_seeks_in_vain_ends_too() -> Result<()> {
        let (computed, token) = (Arc::default(), Arc::new(()));
        let data = endless(&computed, &token)
            .filter(|_, y| y.int64_value(&[]) < 1)
            .prefetch(1)
            .batch(1)
            .prefetch(1);
        let mut epoch = data.epoch(0)?;
        epoch.next().unwrap()?;
        drop(epoch);
        assert_eq!(Arc::strong_count(&token), 1);
        Ok(())
    }

    #[test]
    fn the_thread_has_ended_at_the_end_and_after_an_error() -> Result<()> {
        let token = Arc::new(());
        let held = Arc::downgrade(&token);
        let data = GeneratorDataset::new(move || {
            let token = held.upgrade();
            (0..4_i64).map(move |i| {
                assert!(token.is_some() && i != 2, "damaged");
                (i, i)
            })
        });
        let data = data.prefetch(1);
        let mut epoch = data.epoch(0)?;
        assert!(epoch.next().unwrap().is_ok());
        assert!(epoch.next().unwrap().is_ok());
        let error = epoch.next().unwrap().unwrap_err().to_string();
        assert!(
            error.starts_with("data set: generator, element 2"),
            "{error}"
        );
        assert!(epoch.next().is_none());
        // The epoch itself is still there, its thread is not.
        assert_eq!(Arc::strong_count(&token), 1);
        Ok(())
    }

    #[test]
    fn a_panic_of_a_source_comes_as_an_error() {
        struct Broken;
        impl Dataset for Broken {
            fn len(&self) -> Option<u64> {
                None
            }
            fn epoch(&self, _seed: u64) -> Result<Batches> {
                Ok(Box::new(std::iter::from_fn(|| panic!("no disk"))))
            }
        }
        let error = Broken.prefetch(2).first().unwrap_err().to_string();
        assert!(
            error.starts_with("data set: prefetch(2), element 0:") && error.contains("no disk"),
            "{error}"
        );
    }

    #[test]
    fn options_are_told_before_a_thread_begins() {
        for data in [numbers(3).prefetch(0), numbers(3).batch(0).prefetch(2)] {
            assert!(
                data.epoch(0)
                    .err()
                    .unwrap()
                    .to_string()
                    .contains("from 1 on")
            );
        }
    }

    #[test]
    fn two_epochs_can_be_read_side_by_side() -> Result<()> {
        let data = numbers(30).shuffle(30).map(|x, y| (x, y)).prefetch(2);
        let both: Vec<_> = data.epoch(1)?.zip(data.epoch(2)?).collect();
        assert_eq!(both.len(), 30);
        assert_ne!(read(&data, 1)?, read(&data, 2)?);
        Ok(())
    }
}
