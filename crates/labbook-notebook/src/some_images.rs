//! Images for tests, of no data set in particular.

use labbook_data::ImageSet;
use ndarray::{Array2, Array4};

const NAMES: [&str; 10] = [
    "ball", "ring", "cube", "pyramid", "cross", "star", "heart", "moon", "flag", "kite",
];

/// Colour images of 14 x 12 pixels that differ, class i mod 10.
pub(crate) fn some_images(count: usize) -> ImageSet {
    let images = Array4::from_shape_fn((count, 14, 12, 3), |(image, row, column, channel)| {
        (37 * image + 11 * row + 5 * column + 80 * channel) as u8
    });
    let labels = Array2::from_shape_fn((count, 1), |(image, _)| (image % NAMES.len()) as i64);
    ImageSet::new(images, labels, &NAMES).unwrap()
}
