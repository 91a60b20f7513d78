use crate::{ImageSet, Provenance};

/// A training and a test set of images, the classes' names and where it all came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSets {
    /// Images to learn from.
    pub train: ImageSet,
    /// Images to judge what was learned by.
    pub test: ImageSet,
    /// The classes' names, by label.
    pub class_names: Vec<String>,
    /// Where the images came from.
    pub provenance: Provenance,
}

impl ImageSets {
    /// The first images of each part only, with the same names and provenance.
    #[must_use]
    pub fn take(&self, train: usize, test: usize) -> Self {
        Self {
            train: self.train.take(train),
            test: self.test.take(test),
            class_names: self.class_names.clone(),
            provenance: self.provenance.clone(),
        }
    }
}
