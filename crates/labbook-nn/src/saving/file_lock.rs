use std::fs::{self, File, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::Result;
use crate::error::cannot;
use crate::saving::opened::check_regular;

/// A file that one process or thread holds at a time. Whoever is killed holds it no longer.
///
/// ```
/// use labbook_nn::FileLock;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// let path = dir.path().join("case-3.lock");
/// let lock = FileLock::take(&path)?;
/// assert!(lock.is_some() && FileLock::take(&path)?.is_none());
/// drop(lock);
/// assert!(FileLock::take(&path)?.is_some());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct FileLock {
    path: PathBuf,
    /// Locked while it is open.
    file: File,
}

impl FileLock {
    /// Makes the file if it is not there, and takes it; `None` where another has it. Where the file system knows
    /// no locks, nobody is kept out.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when the file cannot be made, [`Error::File`](crate::Error::File) when
    /// something else is there.
    pub fn take(path: impl AsRef<Path>) -> Result<Option<Self>> {
        let path = path.as_ref();
        check_regular(path)?;
        // A holder that ends meanwhile removes the file, and what was locked then keeps nobody out.
        loop {
            let file = File::create(path).map_err(|error| cannot("create", path, &error))?;
            if matches!(file.try_lock(), Err(TryLockError::WouldBlock)) {
                return Ok(None);
            }
            let own = file.metadata().map(|file| (file.dev(), file.ino()));
            let there = fs::metadata(path).map(|file| (file.dev(), file.ino()));
            let gone = matches!((&own, &there), (Ok(own), Ok(there)) if own != there)
                || matches!(&there, Err(error) if error.kind() == ErrorKind::NotFound);
            if !gone {
                let path = path.to_owned();
                return Ok(Some(Self { path, file }));
            }
        }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file and gives it up.
    ///
    /// # Errors
    /// [`Error::Io`](crate::Error::Io) when it cannot be removed.
    pub fn release(self) -> Result<()> {
        let removed = fs::remove_file(&self.path);
        drop(self.file);
        match removed {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(cannot("remove", &self.path, &error))
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    #[test]
    fn a_file_has_one_holder_also_while_another_gives_it_back() {
        let dir = tempfile::tempdir().unwrap();
        let (path, holders) = (dir.path().join("name.lock"), AtomicUsize::new(0));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        if let Some(lock) = FileLock::take(&path).unwrap() {
                            assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                            holders.fetch_sub(1, Ordering::SeqCst);
                            lock.release().unwrap();
                        }
                    }
                });
            }
        });
    }
}
