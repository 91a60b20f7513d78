use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo};
use serde::de::DeserializeOwned;
use tch::{Kind, Tensor};

use super::archive::{Checksum, Format, LENGTH_BYTES};
use crate::error::cannot;
use crate::tensors::memory::{available_memory, gigabytes};
use crate::tensors::shape::tuple;
use crate::{Error, Result};

/// A longer header describes no model that a person would train.
const MAX_HEADER: u64 = 16 << 20;

/// An archive whose header and manifest were read; its numbers are still in the file.
#[derive(Debug)]
pub(crate) struct Opened {
    format: Format,
    path: PathBuf,
    file: File,
    /// The manifest as it stands in the file, and the checksum over everything.
    text: String,
    sha256: Option<String>,
    tensors: BTreeMap<String, TensorInfo>,
    /// Where the numbers begin, how long the file is, and how many bytes its header tells of.
    start: u64,
    size: u64,
    data: u64,
}

/// Opens an archive of this format and reads what it says of itself.
///
/// Whoever opens it checks that before the numbers are read, which may be many more than memory
/// holds.
pub(crate) fn open<M: DeserializeOwned>(path: &Path, format: Format) -> Result<(M, Opened)> {
    let foreign = |received: String| {
        let advice = "pass a file that this crate wrote, or save the model again";
        Error::file(
            path,
            format!("a file of the format {}", format.name),
            received,
            advice,
        )
    };
    let (mut opened, mut texts) = open_header(path, format, &foreign)?;
    match texts.get("format") {
        Some(found) if found == format.name => {}
        Some(found) => return Err(foreign(format!("the format {found}"))),
        None => return Err(foreign("a safetensors file without a format".to_owned())),
    }
    opened.check_size()?;
    opened.sha256 = texts.remove("sha256");
    opened.text = texts.remove("manifest").unwrap_or_default();
    let manifest = serde_json::from_str(&opened.text)
        .map_err(|error| foreign(format!("a manifest that does not fit: {error}")))?;
    opened.check_memory()?;
    Ok((manifest, opened))
}

/// Opens a safetensors file of any library.
pub(crate) fn open_tensors(path: &Path) -> Result<Opened> {
    const TENSORS: Format = Format {
        name: "safetensors",
        advice: "it was damaged or cut short: write it again, or use an earlier copy",
    };
    let foreign = |received: String| {
        Error::file(
            path,
            "a safetensors file",
            received,
            "write it as one: see import_weights; examples/keras_to_safetensors.py converts \
             Keras's files",
        )
    };
    let (opened, _) = open_header(path, TENSORS, &foreign)?;
    opened.check_size()?;
    Ok(opened)
}

/// Reads the header, which may say anything of the bytes behind it.
fn open_header(
    path: &Path,
    format: Format,
    foreign: &dyn Fn(String) -> Error,
) -> Result<(Opened, HashMap<String, String>)> {
    check_regular(path)?;
    let mut file = File::open(path).map_err(|error| cannot("open", path, &error))?;
    let size = file
        .metadata()
        .map_err(|error| cannot("read", path, &error))?
        .len();
    let read = |file: &mut File, length: u64| -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        file.take(length)
            .read_to_end(&mut bytes)
            .map_err(|error| cannot("read", path, &error))?;
        Ok(bytes)
    };
    let length = read(&mut file, LENGTH_BYTES as u64)?;
    if let Some(kind) = foreign_kind(&length) {
        return Err(foreign(kind.to_owned()));
    }
    let length = <[u8; LENGTH_BYTES]>::try_from(length.as_slice())
        .map(u64::from_le_bytes)
        .map_err(|_| foreign(format!("{size} bytes, too few for a header")))?;
    if length > MAX_HEADER || length > size {
        return Err(foreign(format!("a header of {length} bytes in {size}")));
    }
    let header = read(&mut file, length)?;
    let metadata: Metadata = serde_json::from_slice(&header)
        .map_err(|error| foreign(format!("a header that is none: {error}")))?;
    let texts = metadata.metadata().clone().unwrap_or_default();
    let tensors = metadata.tensors().into_iter();
    let opened = Opened {
        format,
        path: path.to_owned(),
        file,
        text: String::new(),
        sha256: None,
        tensors: tensors.map(|(name, info)| (name, info.clone())).collect(),
        start: length + LENGTH_BYTES as u64,
        size,
        data: metadata.data_len() as u64,
    };
    Ok((opened, texts))
}

/// What the files of other libraries begin with.
fn foreign_kind(begin: &[u8]) -> Option<&'static str> {
    match begin {
        [b'P', b'K', 3, 4, ..] => Some("a zip file, as torch.save and Keras write it"),
        [0x89, b'H', b'D', b'F', ..] => Some("an HDF5 file, as Keras writes it"),
        _ => None,
    }
}

impl Opened {
    /// Checks that the file holds the tensors of these names and, where known, shapes, and no
    /// others.
    pub(crate) fn check_tensors(&self, expected: &[(String, Option<Vec<i64>>)]) -> Result<()> {
        for (name, sizes) in expected {
            let Some(info) = self.tensors.get(name) else {
                return Err(Error::weights(
                    format!("a tensor {name}"),
                    "none",
                    self.format.advice,
                ));
            };
            let Some(sizes) = sizes else {
                continue;
            };
            let same = info.shape.len() == sizes.len()
                && info
                    .shape
                    .iter()
                    .zip(sizes)
                    .all(|(&found, &size)| i64::try_from(found) == Ok(size));
            if !same {
                return Err(Error::weights(
                    format!("{name} of shape {}", tuple(sizes)),
                    format!("one of shape {}", of_python(&info.shape)),
                    "take them from a model of the same architecture",
                ));
            }
        }
        let expected: HashSet<&String> = expected.iter().map(|(name, _)| name).collect();
        match self.tensors.keys().find(|name| !expected.contains(name)) {
            Some(name) => Err(Error::weights(
                "no tensors beyond those of the model",
                name,
                self.format.advice,
            )),
            None => Ok(()),
        }
    }

    /// The names of all tensors.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    /// The shape of a tensor, if the file has it.
    pub(crate) fn shape_of(&self, name: &str) -> Option<Vec<i64>> {
        let sizes = self.tensors.get(name)?.shape.iter();
        sizes.map(|&size| i64::try_from(size).ok()).collect()
    }

    /// Reads the numbers, tensor by tensor, on the CPU.
    pub(crate) fn read(self) -> Result<BTreeMap<String, Tensor>> {
        let mut checksum = Checksum::new(self.format.name, &self.text);
        let mut tensors = BTreeMap::new();
        for (name, info) in &self.tensors {
            let bytes = self.bytes_of(name, info)?;
            checksum.tensor(name, info.dtype, &info.shape, &bytes);
            tensors.insert(name.clone(), self.tensor(name, info, &bytes)?);
        }
        match self.sha256 == Some(checksum.finish()) {
            true => Ok(tensors),
            false => Err(self.damaged("bytes that do not match their checksum")),
        }
    }

    /// Reads the numbers of some tensors, on the CPU.
    pub(crate) fn read_some(mut self, names: &HashSet<String>) -> Result<BTreeMap<String, Tensor>> {
        self.tensors.retain(|name, _| names.contains(name));
        self.check_memory()?;
        let tensors = self.tensors.iter().map(|(name, info)| {
            let bytes = self.bytes_of(name, info)?;
            Ok((name.clone(), self.tensor(name, info, &bytes)?))
        });
        tensors.collect()
    }

    fn check_size(&self) -> Result<()> {
        match self.data.checked_add(self.start) == Some(self.size) {
            true => Ok(()),
            false => Err(self.damaged(&format!(
                "{} bytes, which is not what its header says",
                self.size
            ))),
        }
    }

    /// A file with holes may say that it is larger than any memory.
    fn check_memory(&self) -> Result<()> {
        let needed = self.tensors.values().map(|info| {
            let (start, end) = info.data_offsets;
            end.saturating_sub(start) as u64
        });
        let needed = needed.fold(0, u64::saturating_add);
        match available_memory().filter(|&available| needed > available) {
            Some(available) => Err(Error::file(
                &self.path,
                format!(
                    "at most {} of numbers, as the memory holds",
                    gigabytes(available)
                ),
                gigabytes(needed),
                "free memory, or use a machine with more",
            )),
            None => Ok(()),
        }
    }

    fn bytes_of(&self, name: &str, info: &TensorInfo) -> Result<Vec<u8>> {
        let (start, end) = info.data_offsets;
        let length = end.saturating_sub(start);
        let mut bytes = Vec::new();
        bytes.try_reserve_exact(length).map_err(|_| {
            let received = format!("{name}, which needs {}", gigabytes(length as u64));
            let advice = "free memory, or use a machine with more";
            Error::file(&self.path, "tensors that memory holds", received, advice)
        })?;
        let mut file = &self.file;
        file.seek(SeekFrom::Start(self.start.saturating_add(start as u64)))
            .and_then(|_| file.take(length as u64).read_to_end(&mut bytes))
            .map_err(|error| cannot("read", &self.path, &error))?;
        match bytes.len() == length {
            true => Ok(bytes),
            false => Err(self.damaged(&format!("too few bytes for {name}"))),
        }
    }

    fn tensor(&self, name: &str, info: &TensorInfo, bytes: &[u8]) -> Result<Tensor> {
        let kind = match info.dtype {
            Dtype::F32 => Kind::Float,
            Dtype::F64 => Kind::Double,
            Dtype::F16 => Kind::Half,
            Dtype::BF16 => Kind::BFloat16,
            other => {
                let received = format!("{name} of kind {other:?}");
                let advice = self.format.advice;
                return Err(Error::file(
                    &self.path,
                    "tensors of kind F32, F64, F16 or BF16",
                    received,
                    advice,
                ));
            }
        };
        let sizes: Result<Vec<i64>, _> = info.shape.iter().map(|&n| i64::try_from(n)).collect();
        let sizes = sizes.map_err(|_| self.damaged(&format!("an impossible shape of {name}")))?;
        Ok(Tensor::f_from_data_size(bytes, &sizes, kind)?)
    }

    fn damaged(&self, received: &str) -> Error {
        damaged(&self.path, self.format, received)
    }
}

fn of_python(shape: &[usize]) -> String {
    let sizes: Vec<i64> = shape
        .iter()
        .map(|&size| i64::try_from(size).unwrap_or(i64::MAX))
        .collect();
    tuple(&sizes)
}

/// A pipe would be waited for, and a device has no end; the system tells a folder by itself.
pub(crate) fn check_regular(path: &Path) -> Result<()> {
    let Ok(found) = fs::metadata(path) else {
        return Ok(());
    };
    match found.is_file() || found.is_dir() {
        true => Ok(()),
        false => Err(Error::file(
            path,
            "a regular file",
            "a pipe, a device or the like",
            "remove it, or choose another name",
        )),
    }
}

fn damaged(path: &Path, format: Format, received: &str) -> Error {
    Error::file(path, "a whole file", received, format.advice)
}
