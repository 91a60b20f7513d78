//! CIFAR-10 and the drawn stand-in data set: reading, checking, slicing into arrays and tensors.
//!
//! [`cifar10::load_data`] is the way in. It reads the official binary files where it finds them and
//! otherwise draws a set of the same shapes, and [`Cifar10::provenance`] says which of the two came.
//!
//! ```
//! use labbook_data::DrawnSet;
//!
//! let train = DrawnSet::new(0).train(100);
//! assert_eq!(train.images.shape(), [100, 32, 32, 3]);
//! assert_eq!(train.images_tensor().size(), [100, 32, 32, 3]);
//! assert_eq!(train.counts(), vec![10; 10]);
//! ```
//!
//! Nothing here reaches the network or prints.

pub mod cifar10;
mod data_error;
mod drawn;
mod image_set;
mod provenance;
mod rng;
mod shown_path;

pub use cifar10::Cifar10;
pub use data_error::DataError;
pub use drawn::{DrawnSet, Split};
pub use image_set::ImageSet;
pub use provenance::Provenance;

/// Width and height of every image, in pixels.
pub const SIDE: usize = 32;

/// Colour channels of every image: red, green, blue.
pub const CHANNELS: usize = 3;

/// How many classes a set has; labels run from 0 to one less.
pub const CLASSES: usize = 10;
