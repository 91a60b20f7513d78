use std::time::Duration;

use crate::Contents;

/// What to download and how patiently.
///
/// ```
/// use labbook_fetch::{Contents, Options};
///
/// let penguins = Options::new(
///     "https://example.org/penguins.csv",
///     15_241,
///     "f204db2c753b0937caac3cb35258562c14f073e4bbc76be24b4c51ce22767a93",
///     Contents::File("penguins.csv"),
/// );
/// assert_eq!(penguins.stall.as_secs(), 60);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where the file is. Must be https, except on a loopback address such as 127.0.0.1.
    pub url: String,
    /// Length of the file in bytes.
    pub bytes: u64,
    /// SHA-256 of the file in hexadecimal digits.
    pub sha256: String,
    /// What is in it.
    pub contents: Contents,
    /// How long the server may send nothing at all before the download is given up.
    pub stall: Duration,
}

impl Options {
    /// A download with one minute of patience.
    #[must_use]
    pub fn new(url: &str, bytes: u64, sha256: &str, contents: Contents) -> Self {
        Self {
            url: url.to_owned(),
            bytes,
            sha256: sha256.to_owned(),
            contents,
            stall: Duration::from_secs(60),
        }
    }
}
