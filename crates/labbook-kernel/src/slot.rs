//! Private build folders, one for each running kernel.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use labbook_kernel_files::{STAMP, link_tree};

use crate::{Settings, further, replay};

/// More kernels than this at once on one machine is a mistake rather than a wish.
const SLOTS: usize = 64;

/// A build folder and the lock that keeps other kernels out of it.
#[derive(Debug)]
pub struct Slot {
    /// The folder given to evcxr.
    pub folder: PathBuf,
    /// Held for as long as somebody has it: the kernel gets it, too.
    pub lock: File,
}

/// Takes the first free slot, filling it from the template when it is new or out of date.
pub fn take(settings: &Settings) -> io::Result<Slot> {
    let slots = settings.folder.join("slots");
    fs::create_dir_all(&slots)?;
    for number in 0..SLOTS {
        let lock = File::create(slots.join(format!("{number}.lock")))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => continue,
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let folder = slots.join(number.to_string());
        fill(&settings.template(), &folder)?;
        replay::forget(&folder)?;
        further::forget(&folder)?;
        return Ok(Slot { folder, lock });
    }
    Err(io::Error::other(format!(
        "{SLOTS} kernels run already; shut one down first"
    )))
}

/// Brings `folder` up to the template: nothing when the stamps agree, else a fresh copy.
fn fill(template: &Path, folder: &Path) -> io::Result<()> {
    let stamp = fs::read(template.join(STAMP))?;
    if fs::read(folder.join(STAMP)).is_ok_and(|found| found == stamp) {
        return Ok(());
    }
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    // The stamp comes last, so that an interrupted copy is seen as such.
    let not_stamp = |path: &Path| !path.ends_with(STAMP) && !path.ends_with("incremental");
    link_tree(template, folder, &not_stamp)?;
    fs::write(folder.join(STAMP), stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(folder: &Path) -> Settings {
        Settings {
            folder: folder.to_owned(),
            evcxr: PathBuf::new(),
            cargo: PathBuf::new(),
            rustc: PathBuf::new(),
            facade: PathBuf::new(),
            rustflags: String::new(),
            env: Default::default(),
            library_path: Vec::new(),
        }
    }

    #[test]
    fn two_kernels_get_two_folders_and_a_freed_one_is_used_again() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let settings = settings(dir.path());
        fs::create_dir_all(settings.template())?;
        fs::write(settings.template().join(STAMP), "1")?;
        fs::write(settings.template().join("file"), "x")?;

        let first = take(&settings)?;
        let second = take(&settings)?;
        assert_ne!(first.folder, second.folder);
        assert!(second.folder.join("file").exists());
        let freed = first.folder.clone();
        drop(first);
        assert_eq!(take(&settings)?.folder, freed);
        Ok(())
    }

    #[test]
    fn a_slot_follows_a_new_template_and_mends_an_interrupted_copy() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let settings = settings(dir.path());
        fs::create_dir_all(settings.template())?;
        fs::write(settings.template().join(STAMP), "1")?;
        let folder = take(&settings)?.folder;
        fs::remove_file(folder.join(STAMP))?;
        fs::write(folder.join("half"), "written")?;
        assert!(!take(&settings)?.folder.join("half").exists());

        fs::write(settings.template().join(STAMP), "2")?;
        fs::write(settings.template().join("new"), "x")?;
        assert!(take(&settings)?.folder.join("new").exists());
        Ok(())
    }
}
