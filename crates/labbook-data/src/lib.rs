//! Labelled images of any size, and the data sets that the library knows.
//!
//! An [`ImageSet`] holds images with their classes; [`ImageSets`] are one to train on and one to
//! test on, with a [`Provenance`] that says where they came from. [`datasets`] has a module for each
//! data set that can be loaded by its name.
//!
//! ```
//! use labbook_data::ImageSet;
//! use ndarray::{Array2, Array4};
//!
//! let images = Array4::zeros((100, 28, 28, 1));
//! let labels = Array2::from_shape_fn((100, 1), |(image, _)| image as i64 % 2);
//! let set = ImageSet::new(images, labels, &["cat", "dog"])?;
//! assert_eq!(set.images_tensor().size(), [100, 28, 28, 1]);
//! assert_eq!(set.counts(), [50, 50]);
//! # Ok::<(), labbook_data::DataError>(())
//! ```
//!
//! Nothing here reaches the network or prints.

mod card;
mod data_error;
pub mod datasets;
mod files;
mod image_set;
mod image_sets;
mod numpy;
mod provenance;
mod rng;
mod rows;
mod shown_path;
mod splitting;
mod text_set;

pub use card::{CardTable, DataCard, HasCard, data_card};
pub use data_error::DataError;
pub use files::read_file;
pub use image_set::ImageSet;
pub use image_sets::ImageSets;
pub use numpy::{NumpyArray, NumpyArrays, ToNumpy, read_npy, read_npz, write_npy, write_npz};
pub use provenance::Provenance;
#[doc(hidden)] // for the crates of this project that draw stand-ins
pub use rng::Rng;
pub use rows::Rows;
pub use splitting::{KFold, Parts, StratifiedKFold, TrainTestSplit, train_test_split};
pub use text_set::{TextSet, TextSets};
