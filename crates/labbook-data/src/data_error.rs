use std::io;
use std::path::{Path, PathBuf};

use crate::shown_path::shown;

/// Why a data set could not be read or selected from.
///
/// Each message names the place, what was expected, what was found and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DataError {
    /// `LABBOOK_DATA` names something that is no folder.
    #[error(
        "LABBOOK_DATA should name a folder that is or holds {wanted}. Received: \"{}\", \
         which is {found}. Correct it, or unset it to use the drawn set",
        shown(path)
    )]
    EnvNotADirectory {
        /// The folder's name in the data set's archive.
        wanted: &'static str,
        /// The variable's value.
        path: PathBuf,
        /// What is there instead, such as "missing" or "a file".
        found: &'static str,
    },
    /// `LABBOOK_DATA` names a folder without the data set in it.
    #[error(
        "LABBOOK_DATA should name a folder that is or holds {wanted}. Received: \"{}\", \
         which has neither that folder nor {first}. Correct it, or unset it to use the drawn set",
        shown(path)
    )]
    EnvWithoutData {
        /// The folder's name in the data set's archive.
        wanted: &'static str,
        /// The first of the data set's files.
        first: &'static str,
        /// The variable's value.
        path: PathBuf,
    },
    /// One of a data set's files is not there.
    #[error(
        "{} is missing: {layout}. Run `cargo xtask data` to complete it",
        shown(path)
    )]
    MissingFile {
        /// Which files the data set is made of.
        layout: &'static str,
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
        "{} should have {expected} bytes ({layout}). Received: {found} bytes. \
         Delete it and run `cargo xtask data`",
        shown(path)
    )]
    WrongSize {
        /// What the bytes should be.
        layout: &'static str,
        /// The file.
        path: PathBuf,
        /// Length in bytes that the layout requires.
        expected: u64,
        /// Length in bytes that the file has.
        found: u64,
    },
    /// A label byte that names no class.
    #[error(
        "{}, record {record}: the label should be 0 to {}. Received: {found}. The file is no {what}, \
         or is damaged: delete it and run `cargo xtask data`",
        shown(path),
        classes - 1
    )]
    BadLabel {
        /// What the file should be.
        what: &'static str,
        /// How many classes there are.
        classes: usize,
        /// The file.
        path: PathBuf,
        /// Which record, counted from 0.
        record: usize,
        /// The byte found.
        found: u8,
    },
    /// Arrays that do not make an image set.
    #[error(
        "an image set needs images (N, height, width, channels) and labels (N, 1) with one N. \
         Received: images {images:?} and labels {labels:?}"
    )]
    WrongShape {
        /// Shape of the images.
        images: Vec<usize>,
        /// Shape of the labels.
        labels: Vec<usize>,
    },
    /// A label that no class name belongs to.
    #[error(
        "each label should be the number of one of the {classes} class names{}. Received: {label}. \
         Give a name for every class",
        range(*classes)
    )]
    NoSuchClass {
        /// The label.
        label: i64,
        /// How many names there are.
        classes: usize,
    },
    /// An image number past the end.
    #[error("the set has {len} images, numbered from 0. Received: index {index}")]
    NoSuchImage {
        /// The number asked for.
        index: usize,
        /// How many images there are.
        len: usize,
    },
    /// A row's number past the end.
    #[error("there are {len} rows, numbered from 0. Received: row {index}")]
    NoSuchRow {
        /// The number asked for.
        index: usize,
        /// How many rows there are.
        len: usize,
    },
    /// polars refused.
    #[error(transparent)]
    Frame(#[from] polars::error::PolarsError),
    /// libtorch refused.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// A file is not what it has to be.
    #[error(
        "{}: expected {expected}. Received: {found}. To go on: {advice}",
        shown(path)
    )]
    File {
        /// The file.
        path: PathBuf,
        /// What it has to be or hold.
        expected: String,
        /// What it is or holds.
        found: String,
        /// What to do about it.
        advice: String,
    },
    /// An argument is outside its range.
    #[error("{option}: expected {expected}. Received: {received}. To go on: {advice}")]
    Option {
        /// Which argument.
        option: String,
        /// What it may be.
        expected: String,
        /// What it was.
        received: String,
        /// What to do about it.
        advice: String,
    },
}

impl DataError {
    /// A [`File`](Self::File) of these words.
    pub fn file(
        path: &Path,
        expected: impl ToString,
        found: impl ToString,
        advice: impl ToString,
    ) -> Self {
        Self::File {
            path: path.to_path_buf(),
            expected: expected.to_string(),
            found: found.to_string(),
            advice: advice.to_string(),
        }
    }

    /// An [`Option`](Self::Option) of these words.
    pub fn option(
        option: impl ToString,
        expected: impl ToString,
        received: impl ToString,
        advice: impl ToString,
    ) -> Self {
        Self::Option {
            option: option.to_string(),
            expected: expected.to_string(),
            received: received.to_string(),
            advice: advice.to_string(),
        }
    }
}

/// `, 0 to 3`; nothing where there is no class.
fn range(classes: usize) -> String {
    let last = classes.checked_sub(1);
    last.map_or_else(String::new, |last| format!(", 0 to {last}"))
}
