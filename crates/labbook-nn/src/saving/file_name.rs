use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// Ends the names of all files that hold a model.
pub(crate) const EXTENSION: &str = ".safetensors";

/// The path with `.safetensors` at its end; other formats are not written.
pub(crate) fn with_extension(path: &Path) -> Result<PathBuf> {
    const FOREIGN: [&str; 9] = [
        "h5", "hdf5", "keras", "pt", "pth", "bin", "npz", "onnx", "tf",
    ];
    let extension = path.extension().and_then(|extension| extension.to_str());
    match extension {
        Some(extension) if FOREIGN.contains(&extension) => Err(Error::file(
            path,
            "a name that ends with .safetensors",
            format!("one that ends with .{extension}"),
            "models are saved as safetensors: leave the ending out, and it is added",
        )),
        Some("safetensors") => Ok(path.to_owned()),
        _ => {
            let mut name = path.as_os_str().to_owned();
            name.push(EXTENSION);
            Ok(name.into())
        }
    }
}

/// A file to read: as given, or with the ending that saving added.
pub(crate) fn existing(path: &Path) -> PathBuf {
    match path.exists() {
        true => path.to_owned(),
        false => with_extension(path)
            .ok()
            .filter(|path| path.exists())
            .unwrap_or_else(|| path.to_owned()),
    }
}
