use std::fs::{self, File};
use std::io::{Error, ErrorKind, Read};
use std::path::Path;

use crate::{Result, TextError};

/// More than any vocabulary takes: larger files are refused before they are read.
const LARGEST: u64 = 1 << 30;

/// The text of a file that is one.
pub(crate) fn read(path: &Path) -> Result<String> {
    let problem = |error| problem(path, &error);
    let found = fs::metadata(path).map_err(problem)?;
    if !found.is_file() || found.len() > LARGEST {
        let told = "expected a file of at most 1 GiB";
        return Err(problem(Error::new(ErrorKind::InvalidInput, told)));
    }
    let mut text = String::new();
    let file = File::open(path).map_err(problem)?;
    let mut limited = file.take(LARGEST);
    limited.read_to_string(&mut text).map_err(problem)?;
    Ok(text)
}

/// Writes a file, whole or not at all.
pub(crate) fn write(path: &Path, text: &str) -> Result<()> {
    labbook_files::write_file(path, text.as_bytes()).map_err(|error| problem(path, &error))
}

fn problem(path: &Path, error: &Error) -> TextError {
    TextError::File {
        path: path.display().to_string(),
        message: error.to_string(),
    }
}
