//! Where the files of a data set lie.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use crate::DataError;
use crate::files::{Kind, kind, unreadable};

/// The environment variable that names the folder with the data sets' folders, such as
/// `mnist`; without it that is `data` in the project.
pub const DIRECTORY_VARIABLE: &str = "LABBOOK_DATA_DIR";

/// Whether `LABBOOK_DATA=drawn` asks for stand-ins even where files are found.
fn drawn_is_asked_for() -> bool {
    env::var_os("LABBOOK_DATA").is_some_and(|value| value == "drawn")
}

/// The folder or file `name` of a data set; `None` where a stand-in takes its place.
///
/// Looked for in the folder that [`DIRECTORY_VARIABLE`] names; without it in `data` of the working
/// directory and of each folder above it, as far as the project's root.
///
/// # Errors
/// A variable that names no folder, and a folder that cannot be looked into.
pub fn locate(name: &str) -> Result<Option<PathBuf>, DataError> {
    if drawn_is_asked_for() {
        return Ok(None);
    }
    let current = env::current_dir().map_err(|source| unreadable(Path::new("."), source))?;
    locate_from(env::var_os(DIRECTORY_VARIABLE).as_deref(), &current, name)
}

fn locate_from(
    variable: Option<&OsStr>,
    current: &Path,
    name: &str,
) -> Result<Option<PathBuf>, DataError> {
    let there = |path: PathBuf| Ok((kind(&path)? != Kind::Missing).then_some(path));
    if let Some(value) = variable.filter(|value| !value.is_empty()) {
        let folder = current.join(value);
        return match kind(&folder)? {
            Kind::Directory => there(folder.join(name)),
            other => Err(DataError::file(
                &folder,
                format!("a folder with data sets, as {DIRECTORY_VARIABLE} names it"),
                other.described(),
                "correct the variable, or unset it",
            )),
        };
    }
    for dir in current.ancestors() {
        if let Some(found) = there(dir.join("data").join(name))? {
            return Ok(Some(found));
        }
        if is_project_root(dir) {
            break;
        }
    }
    Ok(None)
}

pub(super) fn is_project_root(dir: &Path) -> bool {
    let is_workspace = || {
        fs::read_to_string(dir.join("Cargo.toml"))
            .is_ok_and(|manifest| manifest.lines().any(|line| line.trim() == "[workspace]"))
    };
    dir.join(".git").exists() || is_workspace()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_goes_first_and_has_to_name_a_folder() {
        let root = tempfile::tempdir().unwrap();
        let named = root.path().join("sets");
        fs::create_dir_all(named.join("flowers")).unwrap();
        fs::create_dir_all(root.path().join("data/flowers")).unwrap();
        fs::create_dir(root.path().join(".git")).unwrap();
        let found = |variable: Option<&str>, name: &str| {
            locate_from(variable.map(OsStr::new), root.path(), name)
        };
        assert_eq!(
            found(Some("sets"), "flowers").unwrap(),
            Some(named.join("flowers"))
        );
        assert_eq!(found(Some("sets"), "trees").unwrap(), None);
        let beside = root.path().join("data/flowers");
        assert_eq!(found(None, "flowers").unwrap(), Some(beside));
        assert_eq!(found(None, "trees").unwrap(), None);
        let error = found(Some("nowhere"), "flowers").unwrap_err().to_string();
        assert!(
            error.contains("LABBOOK_DATA_DIR") && error.contains("missing"),
            "{error}"
        );
    }
}
