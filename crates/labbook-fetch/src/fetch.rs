use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::archive::{is_complete, unpack};
use crate::download::download;
use crate::fetch_error::io_error;
use crate::{Contents, FetchError, Options, Progress};

/// Left free beyond what is downloaded and unpacked.
const SPARE_BYTES: u64 = 1 << 20;

/// Puts what a download holds into `dest_dir` and returns the file or folder.
///
/// Does nothing when it is there. An earlier download that broke off is continued. Nothing gets its
/// final name before the download's length and SHA-256 are right; an archive is deleted at the end.
/// When another process is at it in the same folder, this one reports [`Progress::Waiting`] and
/// waits.
///
/// # Errors
/// See [`FetchError`].
pub fn fetch(
    dest_dir: &Path,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<PathBuf, FetchError> {
    let name = options.contents.name();
    let place = dest_dir.join(name);
    if is_complete(dest_dir, options) {
        return Ok(place);
    }
    fs::create_dir_all(dest_dir).map_err(io_error("create", dest_dir))?;
    let lock_path = dest_dir.join(format!("{name}.lock"));
    let lock = locked(&lock_path, progress)?;
    // The one that we waited for may have done it all.
    if is_complete(dest_dir, options) {
        return Ok(place);
    }

    let part = dest_dir.join(format!("{name}.download.part"));
    check_room(dest_dir, &part, options)?;
    download(&part, options, progress)?;
    progress(Progress::Verifying);
    verify(&part, options)?;
    match &options.contents {
        Contents::File(_) => {
            fs::rename(&part, &place).map_err(io_error("create", &place))?;
        }
        contents => {
            let staging = dest_dir.join(format!("{name}.part"));
            remove_folder(&staging)?;
            fs::create_dir(&staging).map_err(io_error("create", &staging))?;
            unpack(&part, &staging, contents, progress)?;
            settle(&staging, &place, contents)?;
            fs::remove_file(&part).map_err(io_error("delete", &part))?;
        }
    }
    // Whoever waits for the lock finds the files complete, so its file is needed no more.
    fs::remove_file(&lock_path).map_err(io_error("delete", &lock_path))?;
    drop(lock);
    Ok(place)
}

/// Gives the unpacked files their names.
fn settle(staging: &Path, place: &Path, contents: &Contents) -> Result<(), FetchError> {
    let Contents::Members { members, .. } = contents else {
        // An incomplete folder is in the way.
        remove_folder(place)?;
        return fs::rename(staging, place).map_err(io_error("create", place));
    };
    fs::create_dir_all(place).map_err(io_error("create", place))?;
    for (name, _) in members {
        let to = place.join(name);
        fs::rename(staging.join(name), &to).map_err(io_error("create", &to))?;
    }
    remove_folder(staging)
}

/// Holds until the file is dropped, or the process ends in any way.
fn locked(path: &Path, progress: &mut dyn FnMut(Progress)) -> Result<File, FetchError> {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .map_err(io_error("create", path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            progress(Progress::Waiting);
            file.lock().map_err(io_error("lock", path))?;
        }
        Err(TryLockError::Error(source)) => return Err(io_error("lock", path)(source)),
    }
    Ok(file)
}

fn check_room(dest_dir: &Path, part: &Path, options: &Options) -> Result<(), FetchError> {
    let have = fs::metadata(part).map_or(0, |found| found.len());
    let to_download = options.bytes.saturating_sub(have);
    let to_unpack = options.contents.unpacked_bytes();
    let needed = to_download
        .saturating_add(to_unpack)
        .saturating_add(SPARE_BYTES);
    let disk = rustix::fs::statvfs(dest_dir)
        .map_err(|error| io_error("read the free space of", dest_dir)(error.into()))?;
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    if free < needed {
        let dir = dest_dir.to_path_buf();
        return Err(FetchError::DiskFull { dir, needed, free });
    }
    Ok(())
}

fn verify(part: &Path, options: &Options) -> Result<(), FetchError> {
    let mut file = File::open(part).map_err(io_error("open", part))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let n = match io::Read::read(&mut file, &mut buffer) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(io_error("read", part)(error)),
        };
        hasher.update(&buffer[..n]);
    }
    let digest = hasher.finalize();
    let found: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    if found.eq_ignore_ascii_case(&options.sha256) {
        return Ok(());
    }
    // Going on from these bytes could never end well.
    fs::remove_file(part).map_err(io_error("delete", part))?;
    Err(FetchError::Checksum {
        expected: options.sha256.clone(),
        found,
    })
}

fn remove_folder(path: &Path) -> Result<(), FetchError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(io_error("delete", path)(error))
        }
        _ => Ok(()),
    }
}
