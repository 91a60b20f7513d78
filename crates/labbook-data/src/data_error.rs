use std::io;
use std::path::PathBuf;

use crate::shown_path::shown;

/// Why a data set could not be read or selected from.
///
/// Each message names the place, what was expected, what was found and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// `LABBOOK_DATA` names something that is no folder.
    #[error(
        "LABBOOK_DATA should name a folder that is or holds cifar-10-batches-bin. Received: \"{}\", \
         which is {found}. Correct it, or unset it to use the drawn set",
        shown(path)
    )]
    EnvNotADirectory {
        /// The variable's value.
        path: PathBuf,
        /// What is there instead, such as "missing" or "a file".
        found: &'static str,
    },
    /// `LABBOOK_DATA` names a folder without CIFAR-10 in it.
    #[error(
        "LABBOOK_DATA should name a folder that is or holds cifar-10-batches-bin. Received: \"{}\", \
         which has neither that folder nor data_batch_1.bin. Correct it, or unset it to use the drawn set",
        shown(path)
    )]
    EnvWithoutCifar10 {
        /// The variable's value.
        path: PathBuf,
    },
    /// One of the six files is not there.
    #[error(
        "{} is missing: CIFAR-10 is data_batch_1.bin to data_batch_5.bin and test_batch.bin, \
         all in one folder. Run `cargo xtask data` to complete it",
        shown(path)
    )]
    MissingFile {
        /// The file looked for.
        path: PathBuf,
    },
    /// Something else stands where a file should.
    #[error(
        "{} should be a regular file. Received: {found}. Move it away and run `cargo xtask data`",
        shown(path)
    )]
    NotAFile {
        /// The path looked at.
        path: PathBuf,
        /// What is there, such as "a directory".
        found: &'static str,
    },
    /// A file or folder that the system would not let us read.
    #[error(
        "{} could not be read: {source}. Check that it is yours to read",
        shown(path)
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// A file with another length than the layout requires; a broken download is the usual cause.
    #[error(
        "{} should have {expected} bytes (10,000 records of 3,073). Received: {found} bytes. \
         Delete it and run `cargo xtask data`",
        shown(path)
    )]
    WrongSize {
        /// The file.
        path: PathBuf,
        /// Length in bytes that the layout requires.
        expected: u64,
        /// Length in bytes that the file has.
        found: u64,
    },
    /// A label byte that names no class.
    #[error(
        "{}, record {record}: the label should be 0 to 9. Received: {found}. The file is no CIFAR-10 \
         batch, or is damaged: delete it and run `cargo xtask data`",
        shown(path)
    )]
    BadLabel {
        /// The file.
        path: PathBuf,
        /// Which record, counted from 0.
        record: usize,
        /// The byte found.
        found: u8,
    },
    /// Arrays that do not make an image set.
    #[error(
        "an image set needs images (N, 32, 32, 3) and labels (N, 1) with one N. \
         Received: images {images:?} and labels {labels:?}"
    )]
    WrongShape {
        /// Shape of the images.
        images: Vec<usize>,
        /// Shape of the labels.
        labels: Vec<usize>,
    },
    /// An image number past the end.
    #[error("the set has {len} images, numbered from 0. Received: index {index}")]
    NoSuchImage {
        /// The number asked for.
        index: usize,
        /// How many images there are.
        len: usize,
    },
}
