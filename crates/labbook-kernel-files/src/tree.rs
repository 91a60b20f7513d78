use std::fs;
use std::io;
use std::path::Path;

/// Copies `from` to `to`, sharing the large compiled files by hard link.
///
/// Compilers replace such files instead of writing into them, so the two trees stay independent.
/// Everything else (cargo's records are rewritten in place) is copied. Modification times are
/// kept, because cargo compares them. `keep` decides about each entry by its path.
pub fn link_tree(from: &Path, to: &Path, keep: &dyn Fn(&Path) -> bool) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if !keep(&source) {
            continue;
        }
        let kind = entry.file_type()?;
        if kind.is_dir() {
            link_tree(&source, &target, keep)?;
        } else if kind.is_file() && !target.exists() {
            let linked = is_compiled(&source) && fs::hard_link(&source, &target).is_ok();
            if !linked {
                copy_file(&source, &target)?;
            }
        }
    }
    Ok(())
}

fn is_compiled(path: &Path) -> bool {
    path.extension()
        .is_some_and(|e| e == "rlib" || e == "rmeta" || e == "so" || e == "a")
        || path.file_name().is_some_and(|n| n == "build-script-build")
}

fn copy_file(source: &Path, target: &Path) -> io::Result<()> {
    fs::copy(source, target)?;
    let modified = fs::metadata(source)?.modified()?;
    fs::File::options()
        .write(true)
        .open(target)?
        .set_modified(modified)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn compiled_files_are_linked_and_the_rest_is_copied_with_its_time() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("deps"))?;
        fs::write(from.join("deps/liba.rlib"), "a")?;
        fs::write(from.join("deps/record"), "r")?;
        fs::write(from.join("deps/labbook"), "own")?;
        link_tree(&from, &to, &|path| !path.ends_with("labbook"))?;

        let inode = |path: &Path| fs::metadata(path).map(|m| m.ino());
        assert_eq!(
            inode(&from.join("deps/liba.rlib"))?,
            inode(&to.join("deps/liba.rlib"))?
        );
        assert_ne!(
            inode(&from.join("deps/record"))?,
            inode(&to.join("deps/record"))?
        );
        let time = |path: &Path| fs::metadata(path).and_then(|m| m.modified());
        assert_eq!(
            time(&from.join("deps/record"))?,
            time(&to.join("deps/record"))?
        );
        assert!(!to.join("deps/labbook").exists());
        Ok(())
    }
}
