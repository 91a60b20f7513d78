//! Files that are written whole or not at all.
//!
//! ```
//! let folder = std::env::temp_dir();
//! let path = folder.join("labbook-files-example.txt");
//! labbook_files::write_file(&path, b"hello")?;
//! assert_eq!(std::fs::read(&path)?, b"hello");
//! # std::fs::remove_file(&path)?;
//! # Ok::<(), std::io::Error>(())
//! ```

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// Ends the names of unfinished files.
const PARTIAL: &str = ".partial";

/// Counts the unfinished files of this process.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

/// Writes `bytes` to `path`, in place of what is there: beside it, to the disk, and renamed, so that after a kill
/// or a power cut the old file is there or the new one.
///
/// A killed process may leave an unfinished file with another name; the next one that writes there removes it.
///
/// # Errors
/// Those of the system, where the folder is missing or cannot be written to, or the disk is full.
pub fn write_file(path: impl AsRef<Path>, bytes: &[u8]) -> io::Result<()> {
    let path = path.as_ref();
    let Some(name) = path.file_name() else {
        let message = "expected the name of a file, received that of a folder";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    };
    remove_leftovers(path);
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let beside = folder(path).join(format!(
        ".{}.{}-{number}{PARTIAL}",
        name.to_string_lossy(),
        std::process::id()
    ));
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        // On the disk before its name.
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&beside, path));
    renamed.inspect_err(|_| {
        // The first error is the one to tell.
        let _ = fs::remove_file(&beside);
    })
}

/// The folder of a path, `.` for a name alone.
#[must_use]
pub fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Removes what killed processes left of `path`. Only tidies up, so that nothing can fail.
pub fn remove_leftovers(path: &Path) {
    let (Some(name), Ok(entries)) = (path.file_name(), fs::read_dir(folder(path))) else {
        return;
    };
    let begin = format!(".{}.", name.to_string_lossy());
    for entry in entries.flatten() {
        let name = entry.file_name();
        let process = name
            .to_str()
            .and_then(|name| name.strip_prefix(&begin)?.strip_suffix(PARTIAL))
            .and_then(|rest| rest.split_once('-')?.0.parse().ok());
        if process.is_some_and(has_ended) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether a process is known not to run; where there is no /proc nothing is known.
fn has_ended(process: u32) -> bool {
    let running = |process: &str| Path::new("/proc").join(process).exists();
    running("self") && !running(&process.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_takes_the_place_of_the_one_before_and_leaves_nothing_beside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a");
        write_file(&path, b"one").unwrap();
        write_file(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        fs::create_dir(folder.path().join("b")).unwrap();
        assert!(write_file(folder.path().join("b"), b"three").is_err());
        assert!(write_file(folder.path().join("missing/c"), b"four").is_err());
        assert!(write_file("/", b"five").is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_a_killed_process_left_goes_when_the_path_is_written_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        // No process has the largest number, and process 1 always runs.
        let dead = ".model.safetensors.4294967295-0.partial";
        let kept = [
            ".model.safetensors.1-0.partial",
            ".other.safetensors.4294967295-0.partial",
            ".model.safetensors.partial",
        ];
        for name in kept.iter().chain([&dead]) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        write_file(&path, b"new").unwrap();
        assert!(!folder.path().join(dead).exists());
        for name in kept {
            assert!(folder.path().join(name).exists(), "{name}");
        }
    }
}
