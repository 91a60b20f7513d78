//! Models in ONNX, the format that other runtimes read.

mod builder;
mod layers;

use std::path::{Path, PathBuf};

use builder::Builder;
use layers::add_layer;

use crate::model::graph::Source;
use crate::saving::beside::write_beside;
use crate::{Error, Model, Result, Shape};

/// Files of protobuf hold less than 2 GiB.
const MOST: usize = (1 << 31) - 1;

impl Model {
    /// Writes the model to an ONNX file, for onnxruntime and others: what it computes for
    /// predictions, in `f32`.
    ///
    /// Inputs and outputs have the names and shapes that they have here, images with their channels
    /// last; the batch axis is free. `.onnx` is added to the path if it is not there; the path that
    /// was written is given back. Dropout, noise and random changes of images are left out, as
    /// [`predict`](Self::predict) leaves them out. Operators are those of version 17 of the
    /// standard's set.
    ///
    /// ```
    /// use labbook_nn::Activation::Softmax;
    /// use labbook_nn::{Dense, Sequential};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let mut model = Sequential::new();
    /// model.add(Dense::new(3).activation(Softmax).input_shape(4));
    /// # let folder = std::env::temp_dir().join(format!("labbook-onnx-{}", std::process::id()));
    /// let path = model.export_onnx(folder.join("classes"))?;
    /// assert!(path.ends_with("classes.onnx"));
    /// # std::fs::remove_dir_all(folder).ok();
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When the model is not built, has a layer or an activation that is not written here (it is
    /// named), or the file cannot be written.
    pub fn export_onnx(&self, path: impl AsRef<Path>) -> Result<PathBuf> {
        let path = path.as_ref();
        let path = match path
            .extension()
            .is_some_and(|extension| extension == "onnx")
        {
            true => path.to_owned(),
            false => {
                let mut name = path.as_os_str().to_owned();
                name.push(".onnx");
                PathBuf::from(name)
            }
        };
        let bytes = self.onnx()?;
        if bytes.len() > MOST {
            let received = format!("{} bytes", bytes.len());
            let advice = "make the model smaller, or use export_weights";
            return Err(Error::file(
                &path,
                "an ONNX file below 2 GiB",
                received,
                advice,
            ));
        }
        write_beside(&path, &bytes)?;
        Ok(path)
    }

    fn onnx(&self) -> Result<Vec<u8>> {
        self.built()?;
        let graph = &self.graph;
        let mut builder = Builder::default();
        for (input, shape) in graph.inputs.iter().zip(self.input_shapes()?) {
            builder.input(&input.name, shape.dims());
        }
        // The value that each node gives.
        let mut given: Vec<String> = Vec::new();
        let name_of = |source: Source, given: &[String]| match source {
            Source::Input(index) => graph.inputs.get(index).map(|input| input.name.clone()),
            Source::Node(index) => given.get(index).cloned(),
        };
        for (number, node) in graph.nodes.iter().enumerate() {
            let inputs = node.inputs.iter().filter_map(|&source| {
                let shape = graph.shape_of(source).cloned();
                Some((name_of(source, &given)?, shape?))
            });
            let inputs: Vec<(String, Shape)> = inputs.collect();
            let mut before = graph.nodes[..number].iter();
            let name = match before.any(|other| other.layer.is(&node.layer)) {
                // A layer that is called again gives another value.
                true => format!("{}_{number}", node.full_name()),
                false => node.full_name(),
            };
            given.push(add_layer(&mut builder, &node.layer, &name, &inputs)?);
        }
        let outputs = graph.outputs.iter().zip(self.output_names());
        for ((source, name), shape) in outputs.zip(self.output_shapes()?) {
            let value = name_of(*source, &given).ok_or_else(|| self.not_built())?;
            builder.output(&name, &value, shape.dims());
        }
        Ok(builder.model(self.name()))
    }
}
