use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::cannot;
use crate::{Error, Result};

/// Ends the names of unfinished files.
const PARTIAL: &str = ".partial";

/// Counts the unfinished files of this process.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

/// A killed process may leave an unfinished file with another name, never half a `path`; the
/// next one that writes there removes it.
pub(crate) fn write_beside(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = folder(path);
    fs::create_dir_all(folder).map_err(|error| cannot("create", folder, &error))?;
    replace(path, bytes)
}

/// The same in a folder that has to be there.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let name = path
        .file_name()
        .ok_or_else(|| Error::file(path, "the name of a file", "a folder", "add a name to it"))?;
    let folder = folder(path);
    sweep(path);
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let beside = folder.join(format!(
        ".{}.{}-{number}{PARTIAL}",
        name.to_string_lossy(),
        std::process::id()
    ));
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        // On the disk before its name, so that a power cut leaves the old file or the new.
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&beside, path));
    renamed.map_err(|error| {
        // The first error is the one to tell.
        let _ = fs::remove_file(&beside);
        cannot("write", path, &error)
    })
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Removes what killed processes left of `path`. Only tidies up, so that nothing can fail.
pub(crate) fn sweep(path: &Path) {
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
    fn what_a_killed_process_left_goes_when_the_path_is_written_again() -> Result<()> {
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
        write_beside(&path, b"new")?;
        assert!(!folder.path().join(dead).exists());
        for name in kept {
            assert!(folder.path().join(name).exists(), "{name}");
        }
        Ok(())
    }
}
