use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use crate::failure::{At, Failure, Result};

/// Others' right to write, as `chmod` numbers it.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// Makes the cache's folder, or sees to it that nobody else may write to it: what lies there runs with
/// its owner's rights.
pub(super) fn make_private(cache: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(cache)
        .at("create", cache)?;
    let mode = fs::metadata(cache)
        .at("look at", cache)?
        .permissions()
        .mode();
    if mode & WRITABLE_BY_OTHERS == 0 {
        return Ok(());
    }
    let private = fs::Permissions::from_mode(mode & !WRITABLE_BY_OTHERS);
    fs::set_permissions(cache, private).map_err(|error| {
        Failure::new(format!(
            "others may write to the cache folder {}, whose programs the kernel runs, and that \
             could not be changed ({error}); set LABBOOK_CACHE to a folder of your own",
            cache.display()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_new_cache_is_its_owners_and_an_old_one_is_closed_to_writers() {
        let folder = tempfile::tempdir().unwrap();
        let cache = folder.path().join("cache/labbook");
        make_private(&cache).unwrap();
        assert_eq!(mode(&cache), 0o700);
        fs::set_permissions(&cache, fs::Permissions::from_mode(0o777)).unwrap();
        make_private(&cache).unwrap();
        assert_eq!(mode(&cache), 0o755);
    }
}
