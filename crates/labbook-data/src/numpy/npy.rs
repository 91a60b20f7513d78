use std::path::Path;

use super::header::{Fault, Header, parse, written};
use super::numbers::Numbers;
use super::numpy_array::NumpyArray;
use super::to_numpy::ToNumpy;
use labbook_files::write_file;

use crate::{DataError, read_file};

/// Most bytes of a file.
pub(super) const MOST: u64 = 64 << 30;

const DAMAGED: &str = "save it again with numpy.save(..) of plain numbers or texts";

/// Reads one array that `numpy.save` wrote.
///
/// See [`NumpyArray`] for an example.
///
/// # Errors
/// For what is no file, a damaged one, one with bytes too many or too few, and for Python's
/// objects, tables, complex numbers and dates.
pub fn read_npy(path: impl AsRef<Path>) -> Result<NumpyArray, DataError> {
    let path = path.as_ref();
    let bytes = read_file(path, MOST)?;
    parsed(&bytes).map_err(|(expected, found)| DataError::file(path, expected, found, DAMAGED))
}

pub(super) fn parsed(bytes: &[u8]) -> Result<NumpyArray, Fault> {
    let (header, values) = parse(bytes)?;
    let count = header
        .shape
        .iter()
        .try_fold(1_usize, |all, &size| all.checked_mul(size));
    let count = count.ok_or_else(|| {
        let expected = "a shape that memory holds".to_owned();
        (expected, format!("{:?}", header.shape))
    })?;
    let numbers = Numbers::read(&header.descr, values, count)?;
    let array = NumpyArray {
        shape: header.shape,
        numbers,
    };
    Ok(match header.fortran_order {
        true => array.transposed(),
        false => array,
    })
}

pub(super) fn bytes_of(array: &NumpyArray) -> Vec<u8> {
    let (descr, values) = array.numbers.written();
    let mut bytes = written(&Header {
        descr,
        fortran_order: false,
        shape: array.shape.clone(),
    });
    bytes.extend(values);
    bytes
}

/// Writes a tensor, an array or a vector for `numpy.load`, beside its place and renamed.
///
/// ```
/// use labbook_data::{read_npy, write_npy};
///
/// # let folder = tempfile::tempdir().unwrap();
/// let path = folder.path().join("names.npy");
/// write_npy(&path, &vec!["cat", "dog"])?;
/// assert_eq!(read_npy(&path)?.texts()?, ["cat", "dog"]);
/// # Ok::<(), labbook_data::DataError>(())
/// ```
///
/// # Errors
/// When the file cannot be written.
pub fn write_npy<A: ToNumpy + ?Sized>(path: impl AsRef<Path>, array: &A) -> Result<(), DataError> {
    let bytes = bytes_of(&array.to_numpy()?);
    write(path.as_ref(), &bytes)
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), DataError> {
    write_file(path, bytes).map_err(|error| {
        let advice = "choose a folder that is there and that you may write to";
        DataError::file(path, "a place to write to", error, advice)
    })
}
