use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use super::publisher::{DEVIATION, MEAN, Publisher};
use crate::exchange::tensor_file::TensorFile;
use crate::saving::file_name::existing;
use crate::{Error, Model, Result, WeightLayout};

/// What a file of weights says of itself.
#[derive(Debug)]
pub(super) struct WeightFile {
    path: PathBuf,
    shapes: BTreeMap<String, Vec<i64>>,
}

impl WeightFile {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let path = existing(path);
        let file = TensorFile::open(&path)?;
        let shapes = file.names().map(|name| {
            let shape = file.shape_of(name).unwrap_or_default();
            (name.to_owned(), shape)
        });
        let shapes = shapes.collect();
        Ok(Self { path, shapes })
    }

    /// Whose names these are. Where torchvision and timm agree, so do their networks.
    pub(super) fn publisher(&self) -> Publisher {
        let mut names = self.shapes.keys();
        if self.shapes.keys().any(|name| name.contains('/')) {
            return Publisher::Keras;
        }
        let of_timm = |name: &String| name.starts_with("conv_stem.") || name.starts_with("pre_log");
        match names.any(of_timm) {
            true => Publisher::Timm,
            false => Publisher::Torchvision,
        }
    }

    /// How many classes the layer of this name tells, if it is there.
    pub(super) fn classes(&self, layer: &str) -> Option<i64> {
        let biases = [format!("{layer}.bias"), format!("{layer}/bias")];
        let shape = biases.iter().find_map(|name| self.shapes.get(name))?;
        shape.first().copied()
    }

    /// Mean and variance of the channels of images from 0 to 1, which Keras's EfficientNet holds.
    ///
    /// With ImageNet's numbers Keras puts a layer behind them that divides by the root of the
    /// deviation, because the stored variance is in truth the deviation.
    pub(super) fn image_statistics(&self) -> Result<(Vec<f64>, Vec<f64>)> {
        let named = |part: &str| {
            let mut names = self.shapes.iter();
            let found = names.find(|(name, shape)| {
                name.starts_with("normalization") && name.ends_with(part) && shape[..] == [3]
            });
            found.map(|(name, _)| name.clone())
        };
        let (Some(mean), Some(variance)) = (named("/mean"), named("/variance")) else {
            return Ok((vec![0.0; 3], vec![1.0; 3]));
        };
        let file = TensorFile::open(&self.path)?;
        let tensors = file.read_some(&HashSet::from([mean.clone(), variance.clone()]))?;
        let numbers = |name: &str| -> Result<Vec<f64>> {
            let tensor = tensors.get(name).map(tch::Tensor::shallow_clone);
            let tensor = tensor.unwrap_or_else(|| tch::Tensor::from_slice::<f64>(&[]));
            Ok(Vec::try_from(tensor.f_to_kind(tch::Kind::Double)?)?)
        };
        let (mean, mut variance) = (numbers(&mean)?, numbers(&variance)?);
        let of_imagenet = mean
            .iter()
            .zip(MEAN)
            .all(|(found, known)| (found - known).abs() < 1e-3);
        if of_imagenet {
            for (variance, deviation) in variance.iter_mut().zip(DEVIATION) {
                *variance *= deviation;
            }
        }
        Ok((mean, variance))
    }

    /// Gives the model all its weights; the file may have those of `unused` layers besides.
    pub(super) fn load(
        &self,
        model: &mut Model,
        publisher: Publisher,
        unused: &[&str],
    ) -> Result<()> {
        let layout = match publisher {
            Publisher::Keras => WeightLayout::Keras,
            Publisher::Torchvision | Publisher::Timm => WeightLayout::PyTorch,
        };
        let mut imported = model.import_matching_weights(&self.path, layout)?;
        imported.left_over.retain(|name| {
            let layer = name.rsplit_once(['/', '.']).map_or("", |(layer, _)| layer);
            !unused.contains(&layer) && !layer.starts_with("normalization")
        });
        match imported.is_complete() {
            true => Ok(()),
            false => Err(Error::file(
                &self.path,
                format!("the weights of {publisher}'s {}", model.name()),
                imported.gaps(),
                "build it without weights, and see model.weight_map(..) for the names and \
                 import_matching_weights for what there is",
            )),
        }
    }
}
