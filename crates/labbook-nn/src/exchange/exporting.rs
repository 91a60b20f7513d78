use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::weight_map::WeightNames;
use crate::saving::archive::write_tensors;
use crate::saving::file_name::with_extension;
use crate::{Model, Result};

impl Model {
    /// Writes the weights to a safetensors file as Keras or PyTorch name and shape them.
    ///
    /// `names` is a [`WeightLayout`](crate::WeightLayout), or a [`WeightMap`](crate::WeightMap)
    /// with names of one's own. `.safetensors` is added to the path if it is not there; the path
    /// that was written is given back. The numbers are `f32`.
    ///
    /// PyTorch takes the file with `net.load_state_dict(safetensors.torch.load_file(path))`.
    /// In Keras each layer takes its own:
    ///
    /// ```python
    /// weights = safetensors.numpy.load_file(path)
    /// for layer in model.layers:
    ///     layer.set_weights([weights[f"{layer.name}/{weight.name}"] for weight in layer.weights])
    /// ```
    ///
    /// The networks have to compute alike, too: PyTorch's batch normalization has an epsilon of
    /// 1e-5 and a momentum counted from the other end, where Keras's has 1e-3.
    ///
    /// ```
    /// use labbook_nn::{Dense, Sequential, WeightLayout};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let mut model = Sequential::new();
    /// model.add(Dense::new(3).name("out").input_shape(4));
    /// # let folder = std::env::temp_dir().join(format!("labbook-export-{}", std::process::id()));
    /// let path = model.export_weights(folder.join("net"), WeightLayout::PyTorch)?;
    /// let taken = model.import_weights(&path, WeightLayout::PyTorch)?;
    /// assert_eq!(taken.taken, ["out/kernel:0", "out/bias:0"]);
    /// # std::fs::remove_dir_all(folder).ok();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the model is not built, the map is another model's, or the file cannot be written.
    pub fn export_weights(
        &self,
        path: impl AsRef<Path>,
        names: impl Into<WeightNames>,
    ) -> Result<PathBuf> {
        let path = with_extension(path.as_ref())?;
        let map = names.into().of(self)?;
        let mut tensors = Vec::new();
        for (row, (_, weight)) in map.rows().iter().zip(self.weights()?) {
            tensors.push((row.name.clone(), row.to_file(&weight)?));
        }
        let constants = map.constants();
        tensors.extend(constants.map(|(name, value)| (name, value.shallow_clone())));
        let texts = HashMap::from([("format".to_owned(), map.layout().format().to_owned())]);
        write_tensors(&path, texts, &tensors)?;
        Ok(path)
    }
}
