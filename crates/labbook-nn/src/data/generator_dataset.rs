use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::batch::Batch;
use super::dataset::{Batches, Dataset};
use super::element::IntoElement;
use super::guard::{at, call};
use crate::{Error, Result};

const STAGE: &str = "generator";

/// Elements that an iterator computes, a new one in each epoch.
///
/// They are `(x, y)`, `(x, y, sample_weight)`, `x` alone, or `Result`s of these: single examples,
/// or batches after [`gives_batches`](Self::gives_batches).
///
/// ```
/// use labbook_nn::{Dataset, GeneratorDataset};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let waves = GeneratorDataset::new(|| {
///     (0..100).map(|i| {
///         let phase = i as f32 / 10.0;
///         ([phase.sin(), phase.cos()], (phase + 0.1).sin())
///     })
/// });
/// let batch = waves.batch(20).first()?;
/// assert_eq!(batch.inputs[0].size(), [20, 2]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct GeneratorDataset {
    /// Behind a lock because what the function holds may not be shared among threads.
    generate: Arc<Mutex<Generate>>,
    length: Option<u64>,
    batched: bool,
}

type Generate = dyn Fn(u64) -> Batches + Send;

impl GeneratorDataset {
    /// Elements of the iterator that `generate` makes for each epoch.
    #[must_use]
    pub fn new<I>(generate: impl Fn() -> I + Send + 'static) -> Self
    where
        I: IntoIterator,
        I::Item: IntoElement,
        I::IntoIter: Send + 'static,
    {
        Self::seeded(move |_| generate())
    }

    /// Elements of the iterator that `generate` makes of each epoch's seed, from which all that
    /// is random in them should follow.
    ///
    /// ```
    /// use labbook_nn::{Dataset, GeneratorDataset};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let data = GeneratorDataset::seeded(|seed| {
    ///     (0..8_u64).map(move |i| ((seed.wrapping_mul(31) + i) % 7) as f32).map(|x| (x, 2.0 * x))
    /// });
    /// assert_eq!(data.batch(4).epoch(3)?.count(), 2);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn seeded<I>(generate: impl Fn(u64) -> I + Send + 'static) -> Self
    where
        I: IntoIterator,
        I::Item: IntoElement,
        I::IntoIter: Send + 'static,
    {
        let generate = move |seed| -> Batches {
            Box::new(
                generate(seed)
                    .into_iter()
                    .map(|element| element.into_element()),
            )
        };
        Self {
            generate: Arc::new(Mutex::new(generate)),
            length: None,
            batched: false,
        }
    }

    /// Says how many elements an epoch has, which is unknown otherwise.
    ///
    /// An epoch with more or fewer is then an error.
    ///
    /// ```
    /// use labbook_nn::{Dataset, GeneratorDataset};
    ///
    /// let numbers = GeneratorDataset::new(|| (0..50).map(|i| (i as f32, i))).length(50);
    /// assert_eq!(numbers.batch(20).len(), Some(3));
    /// ```
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn length(mut self, length: u64) -> Self {
        self.length = Some(length);
        self
    }

    /// Says that the elements are batches already, whose tensors have the axis N.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn gives_batches(mut self) -> Self {
        self.batched = true;
        self
    }
}

impl Dataset for GeneratorDataset {
    fn len(&self) -> Option<u64> {
        self.length
    }

    fn is_batched(&self) -> bool {
        self.batched
    }

    fn epoch(&self, seed: u64) -> Result<Batches> {
        let generate = self.generate.lock().unwrap_or_else(PoisonError::into_inner);
        let elements =
            call("the function", || generate(seed)).map_err(|cause| at(STAGE, 0, cause))?;
        Ok(Box::new(Epoch {
            elements,
            given: 0,
            length: self.length,
        }))
    }

    fn describe(&self) -> String {
        match self.length {
            Some(length) => format!("GeneratorDataset of {length} elements"),
            None => "GeneratorDataset".to_owned(),
        }
    }
}

impl fmt::Debug for GeneratorDataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.describe())
    }
}

struct Epoch {
    elements: Batches,
    given: u64,
    length: Option<u64>,
}

impl Epoch {
    /// What is wrong with an iterator that ends, or goes on, now.
    fn wrong_length(&self, ended: bool) -> Option<Error> {
        let (expected, advice) = match self.length {
            Some(length) if ended != (self.given == length) => (
                format!("{length} elements"),
                "give .length(..) the number that comes, or leave it out",
            ),
            None if ended && self.given == 0 => (
                "at least one element".to_owned(),
                "make a new iterator in each epoch, within the function",
            ),
            _ => return None,
        };
        let received = match (ended, self.given) {
            (true, 0) => "none".to_owned(),
            (true, given) => given.to_string(),
            (false, _) => "more".to_owned(),
        };
        Some(Error::data(STAGE, expected, received, advice))
    }
}

impl Iterator for Epoch {
    type Item = Result<Batch>;

    fn next(&mut self) -> Option<Self::Item> {
        let element = match call("the iterator", || self.elements.next()) {
            Err(panic) => Err(panic),
            Ok(None) => return self.wrong_length(true).map(Err),
            Ok(Some(element)) => element,
        };
        if let Some(error) = self.wrong_length(false) {
            return Some(Err(error));
        }
        let element = element.map_err(|cause| at(STAGE, self.given, cause));
        self.given += 1;
        Some(element)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::*;

    fn counted(data: &dyn Dataset) -> Result<usize> {
        let elements: Result<Vec<Batch>> = data.epoch(0)?.collect();
        Ok(elements?.len())
    }

    #[test]
    fn every_epoch_has_an_iterator_of_its_own_and_its_seed() -> Result<()> {
        let epochs = Arc::new(AtomicU64::new(0));
        let made = epochs.clone();
        let data = GeneratorDataset::seeded(move |seed| {
            made.fetch_add(1, Ordering::SeqCst);
            (0..3).map(move |i| (seed as i64 + i, ()))
        });
        assert_eq!((data.len(), data.is_batched()), (None, false));
        let read = |seed| -> Result<Vec<i64>> {
            data.epoch(seed)?
                .map(|element| Ok(element?.inputs[0].int64_value(&[])))
                .collect()
        };
        assert_eq!(read(10)?, [10, 11, 12]);
        assert_eq!(read(20)?, [20, 21, 22]);
        assert_eq!(epochs.load(Ordering::SeqCst), 2);
        Ok(())
    }

    #[test]
    fn a_panic_names_the_element() {
        let data = GeneratorDataset::new(|| {
            (0..5).map(|i| {
                assert!(i < 2, "row {i} is damaged");
                (i as f32, i)
            })
        });
        assert_eq!(
            counted(&data.batch(4)).unwrap_err().to_string(),
            "data set: generator, element 2: the iterator: expected that it returns, \
             received a panic: row 2 is damaged; look at what it does with this element"
        );
        let data = GeneratorDataset::new(|| -> Vec<(f32, f32)> { panic!("no file") });
        assert!(counted(&data).unwrap_err().to_string().contains("no file"));
    }

    #[test]
    fn an_error_of_the_iterator_comes_through_and_ends_the_epoch() -> Result<()> {
        let data = GeneratorDataset::new(|| {
            (0..5).map(|i| match i {
                3 => Err(Error::Callback {
                    message: "unreadable".to_owned(),
                }),
                i => Ok((i as f32, i)),
            })
        });
        let elements: Vec<_> = data.pipeline().epoch(0)?.collect();
        assert_eq!(elements.len(), 4);
        let error = elements[3].as_ref().unwrap_err().to_string();
        assert_eq!(
            error,
            "data set: generator, element 3: callback: unreadable"
        );
        Ok(())
    }

    #[test]
    fn a_generator_that_gives_nothing_is_an_error() {
        let data = GeneratorDataset::new(Vec::<(f32, f32)>::new);
        assert_eq!(
            counted(&data).unwrap_err().to_string(),
            "generator: expected at least one element, received none; \
             make a new iterator in each epoch, within the function"
        );
    }

    #[test]
    fn a_length_that_was_told_must_be_true() {
        let data = |length| GeneratorDataset::new(|| (0..5).map(|i| (i as f32, i))).length(length);
        assert_eq!(counted(&data(5)), Ok(5));
        let error = |length| counted(&data(length)).unwrap_err().to_string();
        assert!(error(4).contains("expected 4 elements, received more"));
        assert!(error(6).contains("expected 6 elements, received 5"));
    }
}
