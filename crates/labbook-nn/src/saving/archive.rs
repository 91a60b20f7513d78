use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};

use super::beside::write_beside;
use crate::{Error, Result};

/// Where the header's length stands.
pub(crate) const LENGTH_BYTES: usize = 8;

/// A kind of file, and what to do about one that is damaged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Format {
    pub(crate) name: &'static str,
    pub(crate) advice: &'static str,
}

/// Writes tensors and what they mean as one safetensors file, beside `path` and renamed, so that
/// `path` is always whole.
///
/// The header's metadata holds three texts: `format` says which kind of file this is,
/// `manifest` is JSON, and `sha256` is a checksum over everything else, so that a damaged file
/// is never taken for another model. [`open`](super::opened::open) reads it.
pub(crate) fn write(
    path: &Path,
    format: Format,
    manifest: &impl Serialize,
    tensors: &[(String, Tensor)],
) -> Result<()> {
    let manifest =
        serde_json::to_string(manifest).map_err(|error| unwritable(path, &error.to_string()))?;
    let parts = parts_of(path, tensors)?;
    if let Some((name, _)) = parts.iter().find(|(_, part)| part.0 == Dtype::I64) {
        return Err(unwritable(path, &format!("{name} of whole numbers")));
    }
    let mut checksum = Checksum::new(format.name, &manifest);
    for (name, (dtype, shape, data)) in &parts {
        checksum.tensor(name, *dtype, shape, data);
    }
    let texts = HashMap::from([
        ("format".to_owned(), format.name.to_owned()),
        ("sha256".to_owned(), checksum.finish()),
        ("manifest".to_owned(), manifest),
    ]);
    write_parts(path, texts, &parts)
}

/// Writes tensors for other libraries: a safetensors file without manifest and checksum.
pub(crate) fn write_tensors(
    path: &Path,
    texts: HashMap<String, String>,
    tensors: &[(String, Tensor)],
) -> Result<()> {
    write_parts(path, texts, &parts_of(path, tensors)?)
}

type Part = (Dtype, Vec<usize>, Vec<u8>);

fn parts_of<'a>(path: &Path, tensors: &'a [(String, Tensor)]) -> Result<BTreeMap<&'a str, Part>> {
    let tensors = tensors.iter();
    tensors
        .map(|(name, tensor)| Ok((name.as_str(), bytes(path, name, tensor)?)))
        .collect()
}

fn write_parts(
    path: &Path,
    texts: HashMap<String, String>,
    parts: &BTreeMap<&str, Part>,
) -> Result<()> {
    let mut views = Vec::new();
    for (name, (dtype, shape, data)) in parts {
        let view = TensorView::new(*dtype, shape.clone(), data)
            .map_err(|error| unwritable(path, &error.to_string()))?;
        views.push((*name, view));
    }
    let file = safetensors::serialize(views, Some(texts))
        .map_err(|error| unwritable(path, &error.to_string()))?;
    write_beside(path, &file)
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
fn bytes(path: &Path, name: &str, tensor: &Tensor) -> Result<Part> {
    let kind = tensor.f_kind()?;
    let dtype = match kind {
        Kind::Float => Dtype::F32,
        Kind::Double => Dtype::F64,
        Kind::Int64 => Dtype::I64,
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

/// SHA-256 over the format, the manifest and every tensor with its name, kind and shape.
pub(crate) struct Checksum(Sha256);

impl Checksum {
    pub(crate) fn new(format: &str, manifest: &str) -> Self {
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

    pub(crate) fn tensor(&mut self, name: &str, dtype: Dtype, shape: &[usize], bytes: &[u8]) {
        self.part(name.as_bytes());
        self.part(format!("{dtype:?}{shape:?}").as_bytes());
        self.part(bytes);
    }

    pub(crate) fn finish(self) -> String {
        let digest = self.0.finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
