use std::ops::{Bound, RangeBounds};

use ndarray::{Array2, Array3, Array4, ArrayView, Axis, Dimension};
use tch::{Kind, Tensor};

use crate::rng::Rng;
use crate::{CHANNELS, CLASSES, DataError, SIDE};

/// Labelled images, as `tf.keras.datasets.cifar10` gives them.
///
/// Selections copy what they keep and leave the set as it was. Ranges and counts are cut to the
/// set's length, as Python's slices are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSet {
    /// Pixels from 0 to 255, shape (N, 32, 32, 3): image, row, column, channel (red, green, blue).
    pub images: Array4<u8>,
    /// Class numbers from 0 to 9, shape (N, 1).
    pub labels: Array2<u8>,
}

impl ImageSet {
    /// Puts images and labels together.
    ///
    /// # Errors
    /// [`DataError::WrongShape`] unless they are (N, 32, 32, 3) and (N, 1).
    pub fn new(images: Array4<u8>, labels: Array2<u8>) -> Result<Self, DataError> {
        let n = images.len_of(Axis(0));
        if images.shape() != [n, SIDE, SIDE, CHANNELS] || labels.shape() != [n, 1] {
            return Err(DataError::WrongShape {
                images: images.shape().to_vec(),
                labels: labels.shape().to_vec(),
            });
        }
        Ok(Self { images, labels })
    }

    /// How many images there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.images.len_of(Axis(0)).min(self.labels.len_of(Axis(0)))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The first `n` images, or all if there are fewer.
    #[must_use]
    pub fn take(&self, n: usize) -> Self {
        self.slice(..n)
    }

    /// The images in a range, such as `..10_000` or `10_000..`.
    #[must_use]
    pub fn slice<R: RangeBounds<usize>>(&self, range: R) -> Self {
        let end = match range.end_bound() {
            Bound::Included(&last) => last.saturating_add(1),
            Bound::Excluded(&end) => end,
            Bound::Unbounded => self.len(),
        }
        .min(self.len());
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        }
        .min(end);
        let kept = ndarray::Slice::from(start..end);
        Self {
            images: self.images.slice_axis(Axis(0), kept).to_owned(),
            labels: self.labels.slice_axis(Axis(0), kept).to_owned(),
        }
    }

    /// The images of these classes, in the set's order and with their labels as they were.
    #[must_use]
    pub fn of_classes(&self, classes: &[u8]) -> Self {
        let kept: Vec<usize> = (0..self.len())
            .filter(|&i| classes.contains(&self.labels[[i, 0]]))
            .collect();
        self.picked(&kept)
    }

    /// The images with these numbers, in this order; a number may come more than once.
    ///
    /// # Errors
    /// [`DataError::NoSuchImage`] for a number past the end.
    pub fn select(&self, indices: &[usize]) -> Result<Self, DataError> {
        match indices.iter().find(|&&i| i >= self.len()) {
            Some(&index) => Err(DataError::NoSuchImage {
                index,
                len: self.len(),
            }),
            None => Ok(self.picked(indices)),
        }
    }

    /// All images in an order drawn from `seed`.
    #[must_use]
    pub fn shuffled(&self, seed: u64) -> Self {
        self.sample(self.len(), seed)
    }

    /// `n` different images drawn from `seed`, or all if there are fewer.
    #[must_use]
    pub fn sample(&self, n: usize, seed: u64) -> Self {
        self.picked(&self.sample_indices(n, seed))
    }

    /// The numbers of the images that [`sample`](Self::sample) draws.
    #[must_use]
    pub fn sample_indices(&self, n: usize, seed: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.len()).collect();
        Rng::new(seed).shuffle(&mut order);
        order.truncate(n);
        order
    }

    /// One image, shape (32, 32, 3).
    ///
    /// # Errors
    /// [`DataError::NoSuchImage`] for a number past the end.
    pub fn image(&self, index: usize) -> Result<Array3<u8>, DataError> {
        self.check(index)?;
        Ok(self.images.index_axis(Axis(0), index).to_owned())
    }

    /// One image's class number.
    ///
    /// # Errors
    /// [`DataError::NoSuchImage`] for a number past the end.
    pub fn label(&self, index: usize) -> Result<u8, DataError> {
        self.check(index)?;
        Ok(self.labels[[index, 0]])
    }

    /// How many images each class has, one entry per class from 0.
    #[must_use]
    pub fn counts(&self) -> Vec<u32> {
        let mut counts = vec![0; CLASSES];
        for &label in &self.labels {
            let class = usize::from(label);
            if class >= counts.len() {
                counts.resize(class + 1, 0);
            }
            counts[class] += 1;
        }
        counts
    }

    /// The pixels as a tensor of unsigned bytes, shape (N, 32, 32, 3).
    pub fn images_tensor(&self) -> Tensor {
        tensor(self.images.view())
    }

    /// The labels as a tensor of 64-bit integers, shape (N, 1).
    pub fn labels_tensor(&self) -> Tensor {
        tensor(self.labels.view()).to_kind(Kind::Int64)
    }

    fn check(&self, index: usize) -> Result<(), DataError> {
        if index < self.len() {
            return Ok(());
        }
        Err(DataError::NoSuchImage {
            index,
            len: self.len(),
        })
    }

    fn picked(&self, indices: &[usize]) -> Self {
        Self {
            images: self.images.select(Axis(0), indices),
            labels: self.labels.select(Axis(0), indices),
        }
    }
}

/// One bulk copy into libtorch; an array that is not in row-major order is put in order first.
fn tensor<D: Dimension>(array: ArrayView<'_, u8, D>) -> Tensor {
    let shape: Vec<i64> = array.shape().iter().map(|&n| n as i64).collect();
    let rows = array.as_standard_layout();
    Tensor::from_slice(rows.as_slice().unwrap_or_default()).view(shape.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Image i is filled with the byte i and labelled i mod 10.
    fn numbered(n: u8) -> ImageSet {
        let images = Array4::from_shape_fn((n.into(), SIDE, SIDE, CHANNELS), |at| at.0 as u8);
        let labels = Array2::from_shape_fn((n.into(), 1), |at| (at.0 % CLASSES) as u8);
        ImageSet::new(images, labels).unwrap()
    }

    fn numbers(set: &ImageSet) -> Vec<u8> {
        let firsts = set.images.iter().step_by(SIDE * SIDE * CHANNELS).copied();
        let firsts: Vec<u8> = firsts.collect();
        for (number, label) in firsts.iter().zip(&set.labels) {
            assert_eq!(number % 10, *label, "an image lost its label");
        }
        firsts
    }

    #[test]
    fn images_and_labels_must_agree() {
        let short = ImageSet::new(Array4::zeros((3, 32, 32, 3)), Array2::zeros((2, 1)));
        assert_eq!(
            short.unwrap_err().to_string(),
            "an image set needs images (N, 32, 32, 3) and labels (N, 1) with one N. \
             Received: images [3, 32, 32, 3] and labels [2, 1]"
        );
        assert!(ImageSet::new(Array4::zeros((2, 3, 32, 32)), Array2::zeros((2, 1))).is_err());
    }

    #[test]
    fn ranges_are_cut_as_in_python() {
        let set = numbered(30);
        assert_eq!(numbers(&set.slice(..3)), [0, 1, 2]);
        assert_eq!(numbers(&set.slice(28..)), [28, 29]);
        assert_eq!(numbers(&set.slice(28..=100)), [28, 29]);
        assert_eq!(numbers(&set.slice(4..=5)), [4, 5]);
        let empty = std::ops::Range { start: 20, end: 10 };
        assert!(set.slice(empty).is_empty());
        assert_eq!(set.take(1_000), set);
    }

    #[test]
    fn classes_and_indices_select() {
        let set = numbered(25);
        assert_eq!(
            numbers(&set.of_classes(&[1, 2])),
            [1, 2, 11, 12, 21, 22],
            "in the set's order"
        );
        assert_eq!(numbers(&set.select(&[24, 0, 0]).unwrap()), [24, 0, 0]);
        let error = set.select(&[3, 25]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the set has 25 images, numbered from 0. Received: index 25"
        );
        assert_eq!(set.image(7).unwrap()[[31, 31, 2]], 7);
        assert_eq!(set.label(17).unwrap(), 7);
        assert!(set.image(25).is_err() && set.label(25).is_err());
    }

    #[test]
    fn shuffling_keeps_every_image_and_follows_the_seed() {
        let set = numbered(200);
        let mut once = numbers(&set.shuffled(5));
        assert_eq!(once, numbers(&set.shuffled(5)));
        assert_ne!(once, numbers(&set.shuffled(6)));
        assert_eq!(numbers(&set.sample(10, 5)), once[..10]);
        once.sort_unstable();
        assert_eq!(once, numbers(&set));
    }

    #[test]
    fn counts_have_an_entry_per_class() {
        assert_eq!(numbered(13).counts(), [2, 2, 2, 1, 1, 1, 1, 1, 1, 1]);
        assert_eq!(numbered(0).counts(), [0; 10]);
    }

    #[test]
    fn tensors_hold_the_same_values_in_the_same_order() {
        let mut set = numbered(12);
        set.images[[3, 4, 5, 1]] = 200;
        let images = set.images_tensor();
        assert_eq!(images.size(), [12, 32, 32, 3]);
        assert_eq!(images.kind(), Kind::Uint8);
        assert_eq!(images.int64_value(&[3, 4, 5, 1]), 200);
        assert_eq!(images.int64_value(&[11, 0, 0, 0]), 11);
        let labels = set.labels_tensor();
        assert_eq!((labels.size(), labels.kind()), (vec![12, 1], Kind::Int64));
        assert_eq!(labels.int64_value(&[11, 0]), 1);
        assert_eq!(numbered(0).images_tensor().size(), [0, 32, 32, 3]);
    }

    #[test]
    fn an_array_in_another_memory_order_keeps_its_meaning() {
        let mut set = numbered(2);
        set.images[[1, 2, 3, 0]] = 99;
        // As planes in memory, channels last in name only.
        let planes = set.images.clone().permuted_axes([0, 3, 1, 2]);
        let planes = planes.as_standard_layout().to_owned();
        let odd = ImageSet::new(planes.permuted_axes([0, 2, 3, 1]), set.labels.clone()).unwrap();
        assert_eq!(odd.images_tensor(), set.images_tensor());
    }
}
