use std::fmt;

use tch::Tensor;

use crate::{DataError, Provenance, Rows};

/// Texts with their classes.
///
/// ```
/// use labbook_data::TextSet;
///
/// let set = TextSet::new(vec!["good", "bad", "fine"], vec![1, 0, 1], &["negative", "positive"])?;
/// assert_eq!(set.counts(), [1, 2]);
/// assert_eq!(set.labels_tensor().size(), [3, 1]);
/// # Ok::<(), labbook_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextSet {
    /// The texts.
    pub texts: Vec<String>,
    /// The number of the class of each, from 0.
    pub labels: Vec<i64>,
    /// The classes' names, by label.
    pub class_names: Vec<String>,
}

impl TextSet {
    /// Puts texts, labels and the classes' names together.
    ///
    /// # Errors
    /// For another number of labels than of texts, and a label without a name.
    pub fn new<T: Into<String>, S: AsRef<str>>(
        texts: Vec<T>,
        labels: Vec<i64>,
        class_names: &[S],
    ) -> Result<Self, DataError> {
        if texts.len() != labels.len() {
            let expected = format!("{}, one for each text", texts.len());
            return Err(DataError::option(
                "labels",
                expected,
                labels.len(),
                "take both from the same rows",
            ));
        }
        let classes = class_names.len();
        let named = |label: i64| usize::try_from(label).is_ok_and(|label| label < classes);
        if let Some(&label) = labels.iter().find(|&&label| !named(label)) {
            return Err(DataError::NoSuchClass { label, classes });
        }
        Ok(Self {
            texts: texts.into_iter().map(Into::into).collect(),
            labels,
            class_names: class_names.iter().map(|n| n.as_ref().to_owned()).collect(),
        })
    }

    /// How many texts there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.texts.len().min(self.labels.len())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first `n` texts, or all if there are fewer.
    #[must_use]
    pub fn take(&self, n: usize) -> Self {
        let n = n.min(self.len());
        Self {
            texts: self.texts[..n].to_vec(),
            labels: self.labels[..n].to_vec(),
            class_names: self.class_names.clone(),
        }
    }

    /// How many texts each class has, one entry per class name.
    #[must_use]
    pub fn counts(&self) -> Vec<u32> {
        let mut counts = vec![0; self.class_names.len()];
        for &label in &self.labels {
            let class = usize::try_from(label).ok();
            if let Some(count) = class.and_then(|class| counts.get_mut(class)) {
                *count += 1;
            }
        }
        counts
    }

    /// The labels as a tensor of 64-bit integers, shape (N, 1).
    pub fn labels_tensor(&self) -> Tensor {
        Tensor::from_slice(&self.labels).view([-1, 1])
    }
}

impl Rows for TextSet {
    fn count(&self) -> usize {
        self.len()
    }

    fn pick(&self, numbers: &[usize]) -> Result<Self, DataError> {
        Ok(Self {
            texts: self.texts.pick(numbers)?,
            labels: self.labels.pick(numbers)?,
            class_names: self.class_names.clone(),
        })
    }
}

/// A training and a test set of texts, the classes' names and where it all came from.
///
/// ```
/// use labbook_data::{Provenance, TextSet, TextSets};
///
/// let set = TextSet::new(vec!["good", "bad"], vec![1, 0], &["negative", "positive"])?;
/// let sets = TextSets::new(set.take(1), set, Provenance::drawn("two words"));
/// assert_eq!(sets.to_string(), "1 texts to train on and 2 to test on, of 2 classes: two words");
/// # Ok::<(), labbook_data::DataError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextSets {
    /// Texts to learn from.
    pub train: TextSet,
    /// Texts to judge what was learned by.
    pub test: TextSet,
    /// The classes' names, by label.
    pub class_names: Vec<String>,
    /// Where the texts came from.
    pub provenance: Provenance,
}

impl TextSets {
    /// Both parts, whose classes are the same.
    #[must_use]
    pub fn new(train: TextSet, test: TextSet, provenance: Provenance) -> Self {
        Self {
            class_names: train.class_names.clone(),
            train,
            test,
            provenance,
        }
    }
}

impl fmt::Display for TextSets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} texts to train on and {} to test on, of {} classes: {}",
            self.train.len(),
            self.test.len(),
            self.class_names.len(),
            self.provenance
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_labels_must_agree_and_stay_together() {
        let names = ["a", "b"];
        assert!(TextSet::new(vec!["x"], vec![0, 1], &names).is_err());
        assert!(TextSet::new(vec!["x"], vec![2], &names).is_err());
        let set = TextSet::new(vec!["x", "y", "z"], vec![0, 1, 1], &names).unwrap();
        let picked = set.pick(&[2, 0]).unwrap();
        assert_eq!(
            (picked.texts, picked.labels),
            (vec!["z".into(), "x".into()], vec![1, 0])
        );
        assert!(set.pick(&[3]).is_err());
        assert_eq!(set.take(9), set);
        assert!(set.take(0).is_empty());
    }
}
