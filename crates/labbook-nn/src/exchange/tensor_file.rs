use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use tch::Tensor;

use super::torch_file::TorchFile;
use crate::Result;
use crate::error::cannot;
use crate::saving::opened::{Opened, check_regular, open_tensors};

/// A file of weights that another library wrote.
#[derive(Debug)]
pub(crate) enum TensorFile {
    Safetensors(Opened),
    Torch(TorchFile),
}

impl TensorFile {
    /// Opens a file by what it begins with, whatever its name ends in.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        check_regular(path)?;
        let file = File::open(path).map_err(|error| cannot("open", path, &error))?;
        let mut begin = Vec::new();
        file.take(16)
            .read_to_end(&mut begin)
            .map_err(|error| cannot("read", path, &error))?;
        Ok(match TorchFile::is_one(&begin) {
            true => Self::Torch(TorchFile::open(path)?),
            false => Self::Safetensors(open_tensors(path)?),
        })
    }

    pub(crate) fn names(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Self::Safetensors(file) => Box::new(file.names()),
            Self::Torch(file) => Box::new(file.names()),
        }
    }

    /// The shape of a tensor, if the file has it.
    pub(crate) fn shape_of(&self, name: &str) -> Option<Vec<i64>> {
        match self {
            Self::Safetensors(file) => file.shape_of(name),
            Self::Torch(file) => file.shape_of(name),
        }
    }

    /// Reads the numbers of some tensors, on the CPU.
    pub(crate) fn read_some(self, names: &HashSet<String>) -> Result<BTreeMap<String, Tensor>> {
        match self {
            Self::Safetensors(file) => file.read_some(names),
            Self::Torch(file) => file.read_some(names),
        }
    }
}
