use std::fs::{self, DirEntry};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::{Error, Result};

const EXTENSIONS: [&str; 6] = ["bmp", "gif", "jpeg", "jpg", "png", "webp"];

/// Folders within folders are followed as far as this.
const DEEPEST: usize = 32;

/// The files of images with the numbers of their classes, and the classes' names.
pub(super) type Listed = (Vec<(PathBuf, i64)>, Vec<String>);

/// The images in the folders of a folder, each of which is a class.
pub(super) fn list(directory: &Path) -> Result<Listed> {
    let (mut files, mut class_names) = (Vec::new(), Vec::new());
    let mut beside = 0;
    for (path, _) in entries(directory)? {
        if !metadata(&path)?.is_dir() {
            beside += usize::from(is_image(&path));
            continue;
        }
        let label = class_names.len() as i64;
        class_names.push(name(&path));
        add(&path, label, &mut files, DEEPEST)?;
    }
    match files.is_empty() {
        false => Ok((files, class_names)),
        true => Err(Error::file(
            directory,
            "a folder for each class with images in it",
            format!("{} folders, and {beside} images in none", class_names.len()),
            "put the images of each class in a folder with its name, or use \
             image_dataset_from_files",
        )),
    }
}

fn add(folder: &Path, label: i64, files: &mut Vec<(PathBuf, i64)>, deepest: usize) -> Result<()> {
    for (path, entry) in entries(folder)? {
        // A link may lead back to where it is.
        let linked = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        let found = metadata(&path)?;
        if found.is_dir() && !linked && deepest > 0 {
            add(&path, label, files, deepest - 1)?;
        } else if is_image(&path) {
            if !found.is_file() {
                return Err(Error::file(
                    &path,
                    "a regular file, as it is called an image",
                    "a folder, a pipe or a device",
                    "move it away or rename it",
                ));
            }
            files.push((path, label));
        }
    }
    Ok(())
}

fn is_image(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
    EXTENSIONS.iter().any(|known| extension == *known)
}

/// What lies in a folder, by name, without what is hidden.
fn entries(folder: &Path) -> Result<Vec<(PathBuf, DirEntry)>> {
    if !metadata(folder)?.is_dir() {
        return Err(Error::file(
            folder,
            "a folder",
            "something else",
            "correct the path",
        ));
    }
    let listed: std::io::Result<Vec<DirEntry>> = fs::read_dir(folder).and_then(Iterator::collect);
    let listed = listed.map_err(|error| unreadable(folder, &error))?;
    let entries = listed.into_iter().map(|entry| (entry.path(), entry));
    let mut entries: Vec<_> = entries
        .filter(|(path, _)| !name(path).starts_with('.'))
        .collect();
    entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(entries)
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn metadata(path: &Path) -> Result<fs::Metadata> {
    fs::metadata(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => Error::file(
            path,
            "a file or folder",
            "nothing there",
            "correct the path",
        ),
        _ => {
            let advice = "check that it is yours to read";
            Error::file(path, "a file or folder", error.to_string(), advice)
        }
    }
}
