use std::fs;
use std::path::Path;

use labbook_files::{folder, write_file};

use crate::Result;
use crate::error::cannot;

/// Writes a file, whole or not at all, in a folder that is made where it is missing.
pub(crate) fn write_beside(path: &Path, bytes: &[u8]) -> Result<()> {
    let folder = folder(path);
    fs::create_dir_all(folder).map_err(|error| cannot("create", folder, &error))?;
    write_file(path, bytes).map_err(|error| cannot("write", path, &error))
}
