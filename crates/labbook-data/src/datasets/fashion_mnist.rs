//! Fashion-MNIST (Xiao, Rasul, Vollgraf, 2017): clothes, shoes and bags.

use std::path::{Path, PathBuf};

use super::glyphs;
use super::idx_images::Layout;
use crate::{DataError, ImageSets};

pub use super::idx_images::DRAWN_IMAGES;

/// The classes' names, by label.
pub const CLASS_NAMES: [&str; 10] = [
    "T-shirt/top",
    "Trouser",
    "Pullover",
    "Dress",
    "Coat",
    "Sandal",
    "Shirt",
    "Sneaker",
    "Bag",
    "Ankle boot",
];

const LAYOUT: Layout = Layout {
    folder: "fashion-mnist",
    title: "Fashion-MNIST",
    class_names: &CLASS_NAMES,
    official: None,
};

/// Loads the set from `data/fashion-mnist`, or draws a stand-in of [`DRAWN_IMAGES`] where that is missing.
///
/// The folder holds the four official IDX files, gzipped or not. It is looked for in the folder
/// that [`DIRECTORY_VARIABLE`](super::DIRECTORY_VARIABLE) names; without it in `data` of the
/// working directory and of those above it, as far as the project's root. Images are
/// (N, 28, 28, 1). The stand-in's classes are letters.
///
/// ```no_run
/// use labbook_data::datasets::fashion_mnist;
///
/// let data = fashion_mnist::load_data()?;
/// println!("{}", data.provenance);
/// # Ok::<(), labbook_data::DataError>(())
/// ```
///
/// # Errors
/// A folder that is found but incomplete or damaged.
pub fn load_data() -> Result<ImageSets, DataError> {
    LAYOUT.load(drawn)
}

/// Reads the four files of one folder.
///
/// # Errors
/// A [`DataError`] that names the first file that is missing, unreadable or not as it should be.
pub fn read(folder: &Path) -> Result<ImageSets, DataError> {
    LAYOUT.read(folder)
}

/// The folder that [`load_data`] would read; `None` if it would draw.
///
/// # Errors
/// A variable that names no folder.
pub fn locate() -> Result<Option<PathBuf>, DataError> {
    LAYOUT.locate()
}

const DRAWN_NAMES: [&str; 10] = ["A", "C", "E", "H", "K", "M", "R", "S", "T", "X"];

/// Ten letters of the embedded font, turned, slanted, stretched and moved at random, with their
/// own class names.
///
/// # Errors
/// When the font cannot be read, which does not happen.
pub fn drawn(train: usize, test: usize, seed: u64) -> Result<ImageSets, DataError> {
    glyphs::drawn(
        "ACEHKMRSTX",
        &DRAWN_NAMES,
        LAYOUT.title,
        (train, test),
        seed,
    )
}
