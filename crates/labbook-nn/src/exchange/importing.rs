use std::collections::HashSet;
use std::path::Path;

use super::imported_weights::{ImportedWeights, some_of};
use super::tensor_file::TensorFile;
use super::weight_map::WeightNames;
use crate::saving::file_name::existing;
use crate::saving::saved::unfit;
use crate::tensors::shape::tuple;
use crate::{Error, Model, Result};

impl Model {
    /// Overwrites all weights with those of a file that Keras or PyTorch wrote, or
    /// [`export_weights`](Self::export_weights): safetensors, or a state dictionary of
    /// `torch.save`.
    ///
    /// `names` is a [`WeightLayout`](crate::WeightLayout), or a [`WeightMap`](crate::WeightMap)
    /// with the names that the file has. The file has to have every weight and nothing else, but
    /// for the numbers of batches that PyTorch counts; nothing changes if something does not
    /// fit. [`import_matching_weights`](Self::import_matching_weights) takes what there is.
    ///
    /// In PyTorch the file is written by `torch.save(net.state_dict(), "net.pt")`, or by
    /// `safetensors.torch.save_file(net.state_dict(), "net.safetensors")`. A file of `torch.save` is
    /// a program; here it can make tensors and nothing else, and one that asks for more is
    /// refused. Of a training's checkpoint the `state_dict` or `model` within it is taken. In
    /// Keras a file is written as follows, and `examples/keras_to_safetensors.py` makes one of
    /// `.keras` and `.h5` files:
    ///
    /// ```python
    /// weights = {f"{layer.name}/{w.name}": w.numpy() for layer in model.layers for w in layer.weights}
    /// safetensors.numpy.save_file(weights, "net.safetensors")
    /// ```
    ///
    /// Numbers of 16 and 64 bits become `f32`.
    ///
    /// # Errors
    /// When the model is not built, the file is damaged or of another kind, a weight is missing or
    /// left over, or one has another shape.
    pub fn import_weights(
        &mut self,
        path: impl AsRef<Path>,
        names: impl Into<WeightNames>,
    ) -> Result<ImportedWeights> {
        self.import(path.as_ref(), names.into(), true)
    }

    /// [`import_weights`](Self::import_weights) of those weights that the file has; the others
    /// stay as they are. What is missing and what is left over is told.
    ///
    /// # Errors
    /// As [`import_weights`](Self::import_weights), and when the file has none of the weights.
    pub fn import_matching_weights(
        &mut self,
        path: impl AsRef<Path>,
        names: impl Into<WeightNames>,
    ) -> Result<ImportedWeights> {
        self.import(path.as_ref(), names.into(), false)
    }

    fn import(&mut self, path: &Path, names: WeightNames, all: bool) -> Result<ImportedWeights> {
        let path = existing(path);
        let map = names.of(self)?;
        let file = TensorFile::open(&path)?;
        let mut imported = ImportedWeights::default();
        let mut wanted = HashSet::new();
        for row in map.rows() {
            let Some(shape) = file.shape_of(&row.name) else {
                imported.missing.push(row.name.clone());
                continue;
            };
            if shape != row.shape {
                return Err(Error::file(
                    &path,
                    format!("{} of shape {}", row.name, tuple(&row.shape)),
                    format!("one of shape {}", tuple(&shape)),
                    format!(
                        "it is {} here: compare the layers, or name another with rename(..)",
                        row.weight
                    ),
                ));
            }
            wanted.insert(row.name.clone());
            imported.taken.push(row.weight.clone());
        }
        let counts: HashSet<String> = map.constants().map(|(name, _)| name).collect();
        let names = file.names();
        let left = names.filter(|name| !wanted.contains(*name) && !counts.contains(*name));
        imported.left_over = left.map(str::to_owned).collect();
        if imported.taken.is_empty() || (all && !imported.is_complete()) {
            return Err(Error::file(
                &path,
                format!(
                    "the weights of {} in {}'s names, as {}",
                    self.name(),
                    map.layout(),
                    some_of(map.rows().iter().map(|row| row.name.as_str())),
                ),
                imported.gaps(),
                "see model.weight_map(..) for the names, which rename(..) and layers(..) change, \
                 or call import_matching_weights",
            ));
        }
        let mut tensors = file.read_some(&wanted)?;
        let mut weights = self.weights()?;
        for (row, (_, weight)) in map.rows().iter().zip(&mut weights) {
            if let Some(tensor) = tensors.remove(&row.name) {
                *weight = row.as_here(&tensor)?;
            }
        }
        self.set_weights(&weights)
            .map_err(|error| unfit(&path, error, "pass the file of a model of the same layers"))?;
        Ok(imported)
    }
}
