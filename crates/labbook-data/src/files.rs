//! Files read whole, never more of them than was allowed.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use crate::DataError;

/// What stands at a path.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Missing,
    Directory,
    File,
    Other,
}

impl Kind {
    pub(crate) fn described(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Directory => "a directory",
            Self::File => "a file",
            Self::Other => "neither a file nor a directory",
        }
    }
}

pub(crate) fn kind(path: &Path) -> Result<Kind, DataError> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Ok(Kind::Directory),
        Ok(found) if found.is_file() => Ok(Kind::File),
        Ok(_) => Ok(Kind::Other),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Kind::Missing),
        Err(source) => Err(unreadable(path, source)),
    }
}

pub(crate) fn unreadable(path: &Path, source: io::Error) -> DataError {
    DataError::Unreadable {
        path: path.to_path_buf(),
        source,
    }
}

/// Most bytes that a packed file may hold for each of its own; gzip reaches 1,032.
const MOST_EXPANSION: u64 = 1_100;

/// A regular file's bytes, unpacked where it is gzip's; `most` bounds what comes out.
///
/// # Errors
/// [`DataError::File`] for a folder, a pipe or a device, which are never opened, for more than
/// `most` bytes and for a damaged archive; [`DataError::Unreadable`] where the system refuses.
pub fn read_file(path: &Path, most: u64) -> Result<Vec<u8>, DataError> {
    match kind(path)? {
        Kind::File => {}
        Kind::Missing => {
            return Err(DataError::file(
                path,
                "a file",
                "nothing there",
                "correct the path",
            ));
        }
        other => {
            return Err(DataError::file(
                path,
                "a regular file",
                other.described(),
                "give the path of a file",
            ));
        }
    }
    let file = File::open(path).map_err(|source| unreadable(path, source))?;
    let length = file
        .metadata()
        .map_err(|source| unreadable(path, source))?
        .len();
    let too_long = || {
        DataError::file(
            path,
            format!("at most {most} bytes"),
            "more",
            "it may not be the file that you mean; else raise the limit",
        )
    };
    if length > most {
        return Err(too_long());
    }
    let mut bytes = Vec::new();
    file.take(length)
        .read_to_end(&mut bytes)
        .map_err(|source| unreadable(path, source))?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let most = most.min(length.saturating_mul(MOST_EXPANSION));
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(bytes.as_slice())
        .take(most.saturating_add(1))
        .read_to_end(&mut unpacked)
        .map_err(|error| {
            DataError::file(path, "a gzip file", error, "it is damaged: copy it anew")
        })?;
    match unpacked.len() as u64 > most {
        true => Err(too_long()),
        false => Ok(unpacked),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn packed_and_plain_files_read_the_same_within_the_limit() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        for bytes in [b"hello".to_vec(), packed(b"hello")] {
            fs::write(&path, bytes).unwrap();
            assert_eq!(read_file(&path, 100).unwrap(), b"hello");
        }
        fs::write(&path, packed(&[0; 10_000])).unwrap();
        let error = read_file(&path, 9_999).unwrap_err().to_string();
        assert!(error.contains("at most 9999 bytes"), "{error}");
        let mut cut = packed(b"hello");
        cut.truncate(cut.len() - 3);
        fs::write(&path, cut).unwrap();
        assert!(
            read_file(&path, 100)
                .unwrap_err()
                .to_string()
                .contains("damaged")
        );
    }

    #[test]
    fn what_is_no_file_is_not_opened() {
        let dir = tempfile::tempdir().unwrap();
        let error = read_file(dir.path(), 100).unwrap_err().to_string();
        assert!(error.contains("a directory"), "{error}");
        let error = read_file(&dir.path().join("b"), 100)
            .unwrap_err()
            .to_string();
        assert!(error.contains("nothing there"), "{error}");
        assert!(read_file(Path::new("/dev/zero"), 100).is_err());
    }
}
