use std::fmt;
use std::path::Path;

use super::npy::{MOST, bytes_of, parsed, write};
use super::numpy_array::NumpyArray;
use super::to_numpy::ToNumpy;
use crate::{DataError, read_file};
use labbook_zip as zip;

/// The arrays of an `.npz` file by their names, in its order.
///
/// ```
/// use labbook_data::{read_npz, write_npz};
/// use ndarray::array;
///
/// # let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("data.npz");
/// write_npz(&path, [("x", &array![[1.0, 2.0]])])?;
/// let data = read_npz(&path)?;
/// assert_eq!(data.names(), ["x"]);
/// assert_eq!(data.get("x")?.shape(), [1, 2]);
/// assert_eq!(data.tensor("x")?.size(), [1, 2]);
/// # Ok::<(), labbook_data::DataError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct NumpyArrays(Vec<(String, NumpyArray)>);

impl NumpyArrays {
    /// The names, in the file's order.
    #[must_use]
    pub fn names(&self) -> Vec<&str> {
        self.0.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// The array of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, name: &str) -> Result<&NumpyArray, DataError> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, array)| array).ok_or_else(|| {
            let known = self.names().join(", ");
            DataError::option("array", format!("one of {known}"), name, "correct the name")
        })
    }

    /// The array of this name as a tensor.
    ///
    /// # Errors
    /// When there is none, and as [`NumpyArray::tensor`].
    pub fn tensor(&self, name: &str) -> Result<tch::Tensor, DataError> {
        self.get(name)?.tensor()
    }
}

/// A line for each array: its name, its kind and its shape.
impl fmt::Display for NumpyArrays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines = self
            .0
            .iter()
            .map(|(name, array)| format!("{name}: {array}"));
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

/// Reads the arrays that `numpy.savez` or `numpy.savez_compressed` wrote.
///
/// # Errors
/// For what is no such file or a damaged one, and as [`read_npy`](crate::read_npy) for each array.
pub fn read_npz(path: impl AsRef<Path>) -> Result<NumpyArrays, DataError> {
    let path = path.as_ref();
    let bytes = read_file(path, MOST)?;
    let damaged = |(expected, found): (String, String)| {
        let advice = "save it again with numpy.savez(..) of plain numbers or texts";
        DataError::file(path, expected, found, advice)
    };
    let entries = zip::entries(&bytes).map_err(damaged)?;
    let mut arrays = Vec::new();
    for entry in entries {
        let name = entry
            .name
            .strip_suffix(".npy")
            .unwrap_or(&entry.name)
            .to_owned();
        let of = |(expected, found)| damaged((format!("{expected} (array {name:?})"), found));
        let array = zip::unpacked(&bytes, &entry)
            .and_then(|bytes| parsed(&bytes))
            .map_err(of)?;
        if arrays.iter().any(|(known, _)| *known == name) {
            return Err(of((
                "names that differ".to_owned(),
                "the same one twice".to_owned(),
            )));
        }
        arrays.push((name, array));
    }
    Ok(NumpyArrays(arrays))
}

/// Writes tensors, arrays or vectors by their names for `numpy.load`, beside its place and renamed.
///
/// Values of several sorts are given as references to [`ToNumpy`]:
/// `[("x", &x as &dyn ToNumpy), ("y", &y)]`.
///
/// # Errors
/// For a name twice, and when the file cannot be written.
pub fn write_npz<'a, A: ToNumpy + ?Sized + 'a>(
    path: impl AsRef<Path>,
    arrays: impl IntoIterator<Item = (&'a str, &'a A)>,
) -> Result<(), DataError> {
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    for (name, array) in arrays {
        let file = format!("{name}.npy");
        let free = !files.iter().any(|(known, _)| *known == file);
        if name.is_empty() || name.len() > 1000 || !free {
            let expected = "names that differ, of 1 to 1000 bytes";
            return Err(DataError::option(
                "arrays",
                expected,
                name,
                "choose another name",
            ));
        }
        files.push((file, bytes_of(&array.to_numpy()?)));
    }
    let bytes = zip::written(&files).map_err(|(expected, found)| {
        DataError::option("arrays", expected, found, "write several files")
    })?;
    write(path.as_ref(), &bytes)
}
