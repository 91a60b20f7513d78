use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use safetensors::Dtype;
use safetensors::tensor::{Metadata, TensorInfo, TensorView};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};

use crate::error::cannot;
use crate::{Error, Result};

/// Ends the names of all files that hold a model.
pub(crate) const EXTENSION: &str = ".safetensors";

/// A longer header describes no model that a person would train.
const MAX_HEADER: u64 = 16 << 20;

/// Where the header's length stands.
const LENGTH_BYTES: usize = 8;

/// Ends the names of unfinished files.
const PARTIAL: &str = ".partial";

/// Counts the unfinished files of this process.
static WRITTEN: AtomicU64 = AtomicU64::new(0);

/// Tensors and what they mean, as one safetensors file.
///
/// The header's metadata holds three texts: `format` says which kind of file this is,
/// `manifest` is JSON, and `sha256` is a checksum over everything else, so that a damaged file
/// is never taken for another model.
#[derive(Debug)]
pub(crate) struct Archive<M> {
    pub(crate) manifest: M,
    pub(crate) tensors: BTreeMap<String, Tensor>,
}

/// Writes an archive beside `path` and renames it, so that `path` is always whole.
pub(crate) fn write(
    path: &Path,
    format: &str,
    manifest: &impl Serialize,
    tensors: &[(String, Tensor)],
) -> Result<()> {
    let manifest =
        serde_json::to_string(manifest).map_err(|error| unwritable(path, &error.to_string()))?;
    let mut parts = BTreeMap::new();
    for (name, tensor) in tensors {
        parts.insert(name.as_str(), bytes(path, name, tensor)?);
    }
    let mut checksum = Checksum::new(format, &manifest);
    let mut views = Vec::new();
    for (name, (dtype, shape, data)) in &parts {
        checksum.tensor(name, *dtype, shape, data);
        let view = TensorView::new(*dtype, shape.clone(), data)
            .map_err(|error| unwritable(path, &error.to_string()))?;
        views.push((*name, view));
    }
    let texts = HashMap::from([
        ("format".to_owned(), format.to_owned()),
        ("sha256".to_owned(), checksum.finish()),
        ("manifest".to_owned(), manifest),
    ]);
    let file = safetensors::serialize(views, Some(texts))
        .map_err(|error| unwritable(path, &error.to_string()))?;
    write_beside(path, &file)
}

/// Reads an archive of this format; the tensors are on the CPU.
///
/// Memory is taken only for what the file really holds.
pub(crate) fn read<M: DeserializeOwned>(path: &Path, format: &str) -> Result<Archive<M>> {
    let foreign = |received: String| {
        let advice = "pass a file that this crate wrote, or save the model again";
        Error::file(
            path,
            format!("a file of the format {format}"),
            received,
            advice,
        )
    };
    let mut file = File::open(path).map_err(|error| cannot("open", path, &error))?;
    let read = |file: &mut File, length: u64| -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        file.take(length)
            .read_to_end(&mut bytes)
            .map_err(|error| cannot("read", path, &error))?;
        Ok(bytes)
    };
    let size = file
        .metadata()
        .map_err(|error| cannot("read", path, &error))?
        .len();
    let length = read(&mut file, LENGTH_BYTES as u64)?;
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
    match texts.get("format") {
        Some(found) if found == format => {}
        Some(found) => return Err(foreign(format!("the format {found}"))),
        None => return Err(foreign("a safetensors file without a format".to_owned())),
    }
    let expected = (metadata.data_len() as u64)
        .checked_add(length + LENGTH_BYTES as u64)
        .filter(|&expected| expected == size);
    if expected.is_none() {
        let received = format!("{size} bytes, which is not what its header says");
        return Err(damaged(path, &received));
    }
    let data = read(&mut file, size)?;

    let manifest = texts.get("manifest").map_or("", String::as_str);
    let mut checksum = Checksum::new(format, manifest);
    let mut tensors = BTreeMap::new();
    let infos: BTreeMap<String, &TensorInfo> = metadata.tensors().into_iter().collect();
    for (name, info) in infos {
        let (start, end) = info.data_offsets;
        let bytes = data
            .get(start..end)
            .ok_or_else(|| damaged(path, &format!("too few bytes for {name}")))?;
        checksum.tensor(&name, info.dtype, &info.shape, bytes);
        tensors.insert(name.clone(), tensor(path, &name, info, bytes)?);
    }
    if texts.get("sha256") != Some(&checksum.finish()) {
        return Err(damaged(path, "bytes that do not match their checksum"));
    }
    let manifest = serde_json::from_str(manifest)
        .map_err(|error| foreign(format!("a manifest that does not fit: {error}")))?;
    Ok(Archive { manifest, tensors })
}

fn damaged(path: &Path, received: &str) -> Error {
    Error::file(
        path,
        "a whole file",
        received,
        "it was damaged or cut short: save it again, or use an earlier copy",
    )
}

fn unwritable(path: &Path, received: &str) -> Error {
    Error::file(
        path,
        "a model that can be written",
        received,
        "save the weights alone with save_weights",
    )
}

/// The bytes of a tensor, in the order of its axes.
fn bytes(path: &Path, name: &str, tensor: &Tensor) -> Result<(Dtype, Vec<usize>, Vec<u8>)> {
    let kind = tensor.f_kind()?;
    let dtype = match kind {
        Kind::Float => Dtype::F32,
        Kind::Double => Dtype::F64,
        _ => return Err(unwritable(path, &format!("{name} of kind {kind:?}"))),
    };
    let tensor = tensor
        .f_detach()?
        .f_to_device(Device::Cpu)?
        .f_contiguous()?;
    let count = tensor.numel();
    let mut bytes = vec![0; count * kind.elt_size_in_bytes()];
    tensor.f_copy_data_u8(&mut bytes, count)?;
    let shape = tensor
        .size()
        .into_iter()
        .map(|size| size as usize)
        .collect();
    Ok((dtype, shape, bytes))
}

fn tensor(path: &Path, name: &str, info: &TensorInfo, bytes: &[u8]) -> Result<Tensor> {
    let kind = match info.dtype {
        Dtype::F32 => Kind::Float,
        Dtype::F64 => Kind::Double,
        other => {
            let received = format!("{name} of kind {other:?}");
            return Err(Error::file(
                path,
                "tensors of kind F32 or F64",
                received,
                "save the model again",
            ));
        }
    };
    let sizes: Result<Vec<i64>, _> = info.shape.iter().map(|&n| i64::try_from(n)).collect();
    let sizes = sizes.map_err(|_| damaged(path, &format!("an impossible shape of {name}")))?;
    Ok(Tensor::f_from_data_size(bytes, &sizes, kind)?)
}

/// SHA-256 over the format, the manifest and every tensor with its name, kind and shape.
struct Checksum(Sha256);

impl Checksum {
    fn new(format: &str, manifest: &str) -> Self {
        let mut checksum = Self(Sha256::new());
        checksum.part(format.as_bytes());
        checksum.part(manifest.as_bytes());
        checksum
    }

    /// Every part with its length, so that no two sequences of parts are alike.
    fn part(&mut self, bytes: &[u8]) {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn tensor(&mut self, name: &str, dtype: Dtype, shape: &[usize], bytes: &[u8]) {
        self.part(name.as_bytes());
        self.part(format!("{dtype:?}{shape:?}").as_bytes());
        self.part(bytes);
    }

    fn finish(self) -> String {
        let digest = self.0.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// A killed process may leave an unfinished file with another name, never half a `path`; the
/// next one that writes there removes it.
fn write_beside(path: &Path, bytes: &[u8]) -> Result<()> {
    let name = path
        .file_name()
        .ok_or_else(|| Error::file(path, "the name of a file", "a folder", "add a name to it"))?;
    let folder = folder(path);
    fs::create_dir_all(folder).map_err(|error| cannot("create", folder, &error))?;
    sweep(path);
    let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
    let beside = folder.join(format!(
        ".{}.{}-{number}{PARTIAL}",
        name.to_string_lossy(),
        std::process::id()
    ));
    let written = File::create(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        // On the disk before its name, so that a power cut leaves the old file or the new.
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&beside, path));
    renamed.map_err(|error| {
        // The first error is the one to tell.
        let _ = fs::remove_file(&beside);
        cannot("write", path, &error)
    })
}

fn folder(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

/// Removes what killed processes left of `path`. Only tidies up, so that nothing can fail.
pub(crate) fn sweep(path: &Path) {
    let (Some(name), Ok(entries)) = (path.file_name(), fs::read_dir(folder(path))) else {
        return;
    };
    let begin = format!(".{}.", name.to_string_lossy());
    for entry in entries.flatten() {
        let name = entry.file_name();
        let process = name
            .to_str()
            .and_then(|name| name.strip_prefix(&begin)?.strip_suffix(PARTIAL))
            .and_then(|rest| rest.split_once('-')?.0.parse().ok());
        if process.is_some_and(has_ended) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// Whether a process is known not to run; where there is no /proc nothing is known.
fn has_ended(process: u32) -> bool {
    let running = |process: &str| Path::new("/proc").join(process).exists();
    running("self") && !running(&process.to_string())
}

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

/// Numbers in JSON, which itself knows neither NaN nor infinity.
pub(crate) mod number {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Written {
        Finite(f64),
        Other(String),
    }

    fn written(value: f64) -> Written {
        match value.is_finite() {
            true => Written::Finite(value),
            false => Written::Other(value.to_string()),
        }
    }

    fn value<E: serde::de::Error>(written: Written) -> Result<f64, E> {
        match written {
            Written::Finite(value) => Ok(value),
            Written::Other(text) => match text.as_str() {
                "NaN" => Ok(f64::NAN),
                "inf" => Ok(f64::INFINITY),
                "-inf" => Ok(f64::NEG_INFINITY),
                _ => Err(E::custom("expected a number, NaN, inf or -inf")),
            },
        }
    }

    /// Named columns of numbers.
    pub(crate) mod columns {
        use super::{Deserialize, Deserializer, Serialize, Serializer, Written, value, written};

        pub(crate) fn serialize<S: Serializer>(
            columns: &[(String, Vec<f64>)],
            serializer: S,
        ) -> Result<S::Ok, S::Error> {
            let columns = columns.iter();
            let columns: Vec<(&str, Vec<Written>)> = columns
                .map(|(name, values)| {
                    let values = values.iter().map(|&value| written(value));
                    (name.as_str(), values.collect())
                })
                .collect();
            columns.serialize(serializer)
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(
            deserializer: D,
        ) -> Result<Vec<(String, Vec<f64>)>, D::Error> {
            let columns = Vec::<(String, Vec<Written>)>::deserialize(deserializer)?;
            let columns = columns.into_iter();
            columns
                .map(|(name, values)| {
                    let values: Result<_, _> = values.into_iter().map(value).collect();
                    Ok((name, values?))
                })
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_left_goes_when_the_path_is_written_again() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        // No process has the largest number, and process 1 always runs.
        let dead = ".model.safetensors.4294967295-0.partial";
        let kept = [
            ".model.safetensors.1-0.partial",
            ".other.safetensors.4294967295-0.partial",
            ".model.safetensors.partial",
        ];
        for name in kept.iter().chain([&dead]) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        write(&path, "test", &1, &[])?;
        assert!(!folder.path().join(dead).exists());
        for name in kept {
            assert!(folder.path().join(name).exists(), "{name}");
        }
        Ok(())
    }
}
