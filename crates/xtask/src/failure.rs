use std::fmt;
use std::path::Path;

/// A sentence for the person at the terminal: what failed and what to do.
#[derive(Debug)]
pub(crate) struct Failure(String);

pub(crate) type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    pub(crate) fn new(sentence: impl Into<String>) -> Failure {
        Failure(sentence.into())
    }

    pub(crate) fn usage(error: impl fmt::Display) -> Failure {
        Failure(format!("{error}; `cargo xtask help` lists the commands"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Adds the file to an input or output error.
pub(crate) trait At<T> {
    fn at(self, doing: &str, path: &Path) -> Result<T>;
}

impl<T> At<T> for std::io::Result<T> {
    fn at(self, doing: &str, path: &Path) -> Result<T> {
        self.map_err(|error| Failure(format!("cannot {doing} {}: {error}", path.display())))
    }
}
