//! MNIST (LeCun, Cortes, Burges, 1998): handwritten digits.

use std::path::{Path, PathBuf};

use super::glyphs;
use super::idx_images::Layout;
use crate::{DataError, ImageSets};

pub use super::idx_images::DRAWN_IMAGES;

/// The classes' names, by label.
pub const CLASS_NAMES: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

const LAYOUT: Layout = Layout {
    folder: "mnist",
    title: "MNIST",
    class_names: &CLASS_NAMES,
    official: Some([
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ]),
};

/// Loads the set from `data/mnist`, or draws a stand-in of [`DRAWN_IMAGES`] where that is missing.
///
/// The folder holds the four official IDX files, gzipped or not. It is looked for in the folder
/// that [`DIRECTORY_VARIABLE`](super::DIRECTORY_VARIABLE) names; without it in `data` of the
/// working directory and of those above it, as far as the project's root. Images are
/// (N, 28, 28, 1).
///
/// ```no_run
/// use labbook_data::datasets::mnist;
///
/// let data = mnist::load_data()?;
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

/// Digits of the embedded font, turned, slanted, stretched and moved at random.
///
/// ```
/// use labbook_data::datasets::mnist;
///
/// let data = mnist::drawn(50, 10, 0)?;
/// assert_eq!(data.train.images.shape(), [50, 28, 28, 1]);
/// assert!(data.provenance.is_drawn());
/// # Ok::<(), labbook_data::DataError>(())
/// ```
///
/// # Errors
/// When the font cannot be read, which does not happen.
pub fn drawn(train: usize, test: usize, seed: u64) -> Result<ImageSets, DataError> {
    glyphs::drawn(
        "0123456789",
        &CLASS_NAMES,
        LAYOUT.title,
        (train, test),
        seed,
    )
}
