use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{At, Failure, Result};
use crate::short_hash::short_hash;

/// Where things are: the clone, and the one cache folder outside it.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    /// The clone.
    pub(crate) root: PathBuf,
    /// `LABBOOK_CACHE`, else `$XDG_CACHE_HOME/labbook`, else `~/.cache/labbook`.
    pub(crate) cache: PathBuf,
}

impl Places {
    pub(crate) fn find() -> Result<Places> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let root = root.canonicalize().at("find", &root)?;
        let set = |name: &str| {
            std::env::var_os(name)
                .filter(|v| !v.is_empty())
                .map(PathBuf::from)
        };
        let cache = set("LABBOOK_CACHE")
            .or_else(|| set("XDG_CACHE_HOME").map(|dir| dir.join("labbook")))
            .or_else(|| set("HOME").map(|dir| dir.join(".cache/labbook")))
            .ok_or_else(|| {
                Failure::new("no place for the cache: set HOME or LABBOOK_CACHE to a folder")
            })?;
        let cache = std::path::absolute(&cache).at("resolve", &cache)?;
        let text = cache.display().to_string();
        if text.chars().any(char::is_whitespace) {
            return Err(Failure::new(format!(
                "the cache folder \"{text}\" has a space in its path, which the notebook kernel \
                 cannot load libraries from; set LABBOOK_CACHE to a folder without one"
            )));
        }
        Ok(Places { root, cache })
    }

    /// What belongs to this clone alone: compiled workspace, kernel template, kernelspec.
    pub(crate) fn clone_folder(&self) -> PathBuf {
        let name = self.root.file_name().unwrap_or_default().to_string_lossy();
        let plain: String = name
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
            .collect();
        let hash = short_hash(self.root.display().to_string().as_bytes());
        self.cache.join("clones").join(format!("{plain}-{hash}"))
    }

    /// Cargo's target folder for this clone.
    pub(crate) fn target(&self) -> PathBuf {
        self.clone_folder().join("target")
    }

    /// Folder of the kernel's template and slots.
    pub(crate) fn kernel(&self) -> PathBuf {
        self.clone_folder().join("kernel")
    }

    /// A Jupyter data path that holds this clone's kernelspec and nothing else.
    pub(crate) fn jupyter_path(&self) -> PathBuf {
        self.clone_folder().join("jupyter")
    }

    pub(crate) fn notebooks(&self) -> PathBuf {
        self.root.join("notebooks")
    }

    pub(crate) fn reports(&self) -> PathBuf {
        self.root.join("reports")
    }
}

/// Writes a file beside its place and renames it, unless it already says the same.
pub(crate) fn write(path: &Path, contents: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == contents) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).at("create", parent)?;
    }
    let beside = path.with_extension(format!("part{}", std::process::id()));
    fs::write(&beside, contents).at("write", &beside)?;
    fs::rename(&beside, path).at("rename to", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_in_different_places_do_not_share_a_folder() {
        let places = |root: &str| Places {
            root: root.into(),
            cache: "/c".into(),
        };
        let (a, b) = (
            places("/a/labbook").clone_folder(),
            places("/b/labbook").clone_folder(),
        );
        assert_ne!(a, b);
        assert!(a.starts_with("/c/clones"));
    }

    #[test]
    fn a_file_that_says_the_same_is_left_alone() -> std::io::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("sub/file");
        write(&path, "one").map_err(|e| std::io::Error::other(e.to_string()))?;
        let before = fs::metadata(&path)?.modified()?;
        write(&path, "one").map_err(|e| std::io::Error::other(e.to_string()))?;
        assert_eq!(fs::metadata(&path)?.modified()?, before);
        assert_eq!(fs::read_dir(dir.path().join("sub"))?.count(), 1);
        Ok(())
    }
}
