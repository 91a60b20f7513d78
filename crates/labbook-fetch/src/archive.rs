use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::read::GzDecoder;

use crate::fetch_error::io_error;
use crate::{FetchError, Progress};

/// The six files that hold images.
pub(crate) const MEMBERS: [&str; 6] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
    "test_batch.bin",
];

/// The folder that they are in, in the archive and on disk.
pub(crate) const FOLDER: &str = "cifar-10-batches-bin";

/// Room for tar headers and the two small texts that come along.
const OTHER_BYTES: u64 = 16 << 20;

/// Writes the six files into `staging`, an empty folder. Names in the archive are only compared,
/// never used as paths; everything but the six is passed over.
pub(crate) fn unpack(
    archive: &Path,
    staging: &Path,
    member_bytes: u64,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), FetchError> {
    let unreadable = |source| FetchError::BadArchive {
        path: archive.to_path_buf(),
        source,
    };
    let file = File::open(archive).map_err(io_error("open", archive))?;
    // A small archive can unpack to any size; this one may not.
    let limit = member_bytes.saturating_mul(MEMBERS.len() as u64) + OTHER_BYTES;
    let bytes = GzDecoder::new(BufReader::new(file)).take(limit);
    let mut seen = [false; MEMBERS.len()];
    let mut tar = tar::Archive::new(bytes);
    for entry in tar.entries().map_err(unreadable)? {
        let mut entry = entry.map_err(unreadable)?;
        let Some(number) = member(&entry.path_bytes()) else {
            continue;
        };
        let name = MEMBERS[number];
        let bad = |found: String| FetchError::BadMember {
            name,
            expected: member_bytes,
            found,
        };
        if seen[number] {
            return Err(bad("a second one".to_owned()));
        }
        if entry.header().entry_type() != tar::EntryType::Regular {
            return Err(bad(format!("{:?}", entry.header().entry_type())));
        }
        if entry.size() != member_bytes {
            return Err(bad(format!("{} bytes", entry.size())));
        }
        let path = staging.join(name);
        let mut file = File::create_new(&path).map_err(io_error("create", &path))?;
        let copied = copy(&mut entry, &mut file, archive, &path)?;
        if copied != member_bytes {
            return Err(bad(format!("{copied} bytes")));
        }
        file.sync_all().map_err(io_error("write", &path))?;
        seen[number] = true;
        progress(Progress::Unpacking {
            files: seen.iter().filter(|&&seen| seen).count(),
            total: MEMBERS.len(),
        });
    }
    match seen.iter().position(|&seen| !seen) {
        Some(number) => Err(FetchError::MissingMember {
            name: MEMBERS[number],
        }),
        None => Ok(()),
    }
}

/// Which of the six a name in the archive is.
fn member(name: &[u8]) -> Option<usize> {
    let name = std::str::from_utf8(name).ok()?;
    let name = name.strip_prefix("./").unwrap_or(name);
    let name = name.strip_prefix(FOLDER)?.strip_prefix('/')?;
    MEMBERS.iter().position(|&member| member == name)
}

/// As `io::copy`, but telling a damaged archive from a full disk.
fn copy(
    from: &mut impl Read,
    to: &mut File,
    archive: &Path,
    path: &Path,
) -> Result<u64, FetchError> {
    let mut buffer = vec![0; 1 << 16];
    let mut copied = 0;
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(copied),
            Ok(n) => {
                io::Write::write_all(to, &buffer[..n]).map_err(io_error("write", path))?;
                copied += n as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => {
                let path = archive.to_path_buf();
                return Err(FetchError::BadArchive { path, source });
            }
        }
    }
}

/// Whether a folder has all six files with their full length.
pub(crate) fn is_complete(folder: &Path, member_bytes: u64) -> bool {
    MEMBERS.iter().all(|name| {
        fs::metadata(folder.join(name))
            .is_ok_and(|found| found.is_file() && found.len() == member_bytes)
    })
}
