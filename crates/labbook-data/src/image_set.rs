use std::ops::{Bound, RangeBounds};

use ndarray::{Array2, Array3, Array4, ArrayView, Axis, Dimension};
use tch::Tensor;
use tch::kind::Element;

use crate::DataError;
use crate::rng::Rng;

/// Labelled images of one size, with any number of channels and classes.
///
/// ```
/// use labbook_data::ImageSet;
/// use ndarray::{Array2, Array4};
///
/// let images = Array4::zeros((2, 28, 28, 1));
/// let set = ImageSet::new(images, Array2::from_elem((2, 1), 1), &["shirt", "shoe", "bag"])?;
/// assert_eq!((set.len(), set.counts()), (2, vec![0, 2, 0]));
/// # Ok::<(), labbook_data::DataError>(())
/// ```
///
/// Selections copy what they keep and leave the set as it was. Ranges and counts are cut to the
/// set's length, as Python's slices are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImageSet {
    /// Pixels from 0 to 255, shape (N, height, width, channels): red, green, blue where there are
    /// three channels.
    pub images: Array4<u8>,
    /// Class numbers from 0, shape (N, 1).
    pub labels: Array2<i64>,
    /// The classes' names, by label.
    pub class_names: Vec<String>,
}

impl ImageSet {
    /// Puts images, labels and the classes' names together.
    ///
    /// # Errors
    /// [`DataError::WrongShape`] unless they are (N, height, width, channels) and (N, 1), with
    /// sizes of at least 1; [`DataError::NoSuchClass`] for a label without a name.
    pub fn new<S: AsRef<str>>(
        images: Array4<u8>,
        labels: Array2<i64>,
        class_names: &[S],
    ) -> Result<Self, DataError> {
        let n = images.len_of(Axis(0));
        if images.shape()[1..].contains(&0) || labels.shape() != [n, 1] {
            return Err(DataError::WrongShape {
                images: images.shape().to_vec(),
                labels: labels.shape().to_vec(),
            });
        }
        let classes = class_names.len();
        let named = |label: i64| usize::try_from(label).is_ok_and(|label| label < classes);
        if let Some(&label) = labels.iter().find(|&&label| !named(label)) {
            return Err(DataError::NoSuchClass { label, classes });
        }
        Ok(Self {
            images,
            labels,
            class_names: class_names.iter().map(|n| n.as_ref().to_owned()).collect(),
        })
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
            class_names: self.class_names.clone(),
        }
    }

    /// The images of these classes, in the set's order and with their labels as they were.
    #[must_use]
    pub fn of_classes(&self, classes: &[i64]) -> Self {
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

    /// One image, shape (height, width, channels).
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
    pub fn label(&self, index: usize) -> Result<i64, DataError> {
        self.check(index)?;
        Ok(self.labels[[index, 0]])
    }

    /// How many images each class has, one entry per class name.
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

    /// The pixels as a tensor of unsigned bytes, shape (N, height, width, channels).
    pub fn images_tensor(&self) -> Tensor {
        tensor(self.images.view())
    }

    /// The labels as a tensor of 64-bit integers, shape (N, 1).
    pub fn labels_tensor(&self) -> Tensor {
        tensor(self.labels.view())
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
            class_names: self.class_names.clone(),
        }
    }
}

/// One bulk copy into libtorch; an array that is not in row-major order is put in order first.
fn tensor<T: Element, D: Dimension>(array: ArrayView<'_, T, D>) -> Tensor {
    let shape: Vec<i64> = array.shape().iter().map(|&n| n as i64).collect();
    let rows = array.as_standard_layout();
    Tensor::from_slice(rows.as_slice().unwrap_or_default()).view(shape.as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::Kind;

    const NAMES: [&str; 4] = ["cat", "dog", "hen", "yak"];
    /// Height, width and channels.
    const SIZE: [usize; 3] = [6, 7, 2];

    /// Image i is filled with the byte i and labelled i mod 4.
    fn numbered(n: u8) -> ImageSet {
        let [height, width, channels] = SIZE;
        let images = Array4::from_shape_fn((n.into(), height, width, channels), |at| at.0 as u8);
        let labels = Array2::from_shape_fn((n.into(), 1), |at| (at.0 % NAMES.len()) as i64);
        ImageSet::new(images, labels, &NAMES).unwrap()
    }

    fn numbers(set: &ImageSet) -> Vec<u8> {
        let pixels = SIZE.iter().product();
        let firsts = set.images.iter().step_by(pixels).copied();
        let firsts: Vec<u8> = firsts.collect();
        for (number, label) in firsts.iter().zip(&set.labels) {
            assert_eq!(i64::from(number % 4), *label, "an image lost its label");
        }
        firsts
    }

    #[test]
    fn images_and_labels_must_agree() {
        let set = |images: [usize; 4], labels: [usize; 2]| {
            ImageSet::new(Array4::zeros(images), Array2::zeros(labels), &NAMES)
        };
        assert_eq!(
            set([3, 28, 30, 1], [2, 1]).unwrap_err().to_string(),
            "an image set needs images (N, height, width, channels) and labels (N, 1) with one N. \
             Received: images [3, 28, 30, 1] and labels [2, 1]"
        );
        assert!(set([2, 28, 30, 1], [2, 1]).is_ok());
        assert!(set([2, 28, 0, 1], [2, 1]).is_err());
    }

    #[test]
    fn a_label_needs_a_name() {
        for label in [-1, 4] {
            let labels = Array2::from_elem((1, 1), label);
            let error = ImageSet::new(Array4::zeros((1, 2, 2, 1)), labels, &NAMES).unwrap_err();
            let text = error.to_string();
            assert!(
                text.contains("0 to 3") && text.contains(&label.to_string()),
                "{text}"
            );
        }
        // More classes than a byte can count.
        let names: Vec<String> = (0..1000).map(|class| format!("class {class}")).collect();
        let labels = Array2::from_elem((1, 1), 999);
        let set = ImageSet::new(Array4::zeros((1, 2, 2, 1)), labels, &names).unwrap();
        assert_eq!(set.labels_tensor().int64_value(&[0, 0]), 999);
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
            [1, 2, 5, 6, 9, 10, 13, 14, 17, 18, 21, 22],
            "in the set's order"
        );
        assert_eq!(numbers(&set.select(&[24, 0, 0]).unwrap()), [24, 0, 0]);
        let error = set.select(&[3, 25]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the set has 25 images, numbered from 0. Received: index 25"
        );
        assert_eq!(set.image(7).unwrap()[[5, 6, 1]], 7);
        assert_eq!(set.label(17).unwrap(), 1);
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
        assert_eq!(numbered(6).counts(), [2, 2, 1, 1]);
        assert_eq!(numbered(0).counts(), [0; 4]);
    }

    #[test]
    fn tensors_hold_the_same_values_in_the_same_order() {
        let mut set = numbered(12);
        set.images[[3, 4, 5, 1]] = 200;
        let images = set.images_tensor();
        assert_eq!(images.size(), [12, 6, 7, 2]);
        assert_eq!(images.kind(), Kind::Uint8);
        assert_eq!(images.int64_value(&[3, 4, 5, 1]), 200);
        assert_eq!(images.int64_value(&[11, 0, 0, 0]), 11);
        let labels = set.labels_tensor();
        assert_eq!((labels.size(), labels.kind()), (vec![12, 1], Kind::Int64));
        assert_eq!(labels.int64_value(&[11, 0]), 3);
        assert_eq!(numbered(0).images_tensor().size(), [0, 6, 7, 2]);
    }

    #[test]
    fn an_array_in_another_memory_order_keeps_its_meaning() {
        let mut set = numbered(2);
        set.images[[1, 2, 3, 0]] = 99;
        // As planes in memory, channels last in name only.
        let planes = set.images.clone().permuted_axes([0, 3, 1, 2]);
        let planes = planes.as_standard_layout().to_owned();
        let images = planes.permuted_axes([0, 2, 3, 1]);
        let odd = ImageSet::new(images, set.labels.clone(), &NAMES).unwrap();
        assert_eq!(odd.images_tensor(), set.images_tensor());
    }
}
