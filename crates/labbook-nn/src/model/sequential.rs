use std::ops::{Deref, DerefMut};

use tch::Device;

use super::graph::{Node, Source};
use super::model::Model;
use super::shared_layer::SharedLayer;
use super::symbolic_tensor::InputSpec;
use crate::names::unique_name;
use crate::tensors::shape::tuple;
use crate::{Error, Layer, Result, Shape, Tensors};

/// A model whose layers follow one another.
///
/// It is a [`Model`], so that all of a model's methods are its own. It is built, and thus has
/// weights, as soon as it knows the shape of its input: from the first layer's `input_shape`,
/// from [`build`](Self::build), or from the first data it sees.
///
/// ```
/// use labbook_nn::Activation::{Relu, Softmax};
/// use labbook_nn::{Conv2D, Dense, Flatten, MaxPooling2D, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Conv2D::new(32, (3, 3)).activation(Relu).input_shape((32, 32, 3)));
/// model.add(MaxPooling2D::new((2, 2)));
/// model.add(Flatten::new());
/// model.add(Dense::new(10).activation(Softmax));
/// assert_eq!(model.count_params()?, 896 + 72_010);
/// println!("{}", model.summary()?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Sequential(Model);

impl Sequential {
    /// An empty model on the GPU if there is one, else on the CPU.
    #[must_use]
    pub fn new() -> Self {
        Self::on(Device::cuda_if_available())
    }

    /// An empty model on a chosen device.
    #[must_use]
    pub fn on(device: Device) -> Self {
        let mut model = Model::empty(unique_name("Sequential"), CLASS_NAME, device);
        model.graph.inputs.push(InputSpec {
            name: format!("{}_input", model.name()),
            shape: None,
        });
        Self(model)
    }

    /// A model as a chain of layers, if it is one.
    pub(crate) fn of(model: Model) -> Result<Self> {
        match model.class_name() == CLASS_NAME {
            true => Ok(Self(model)),
            false => Err(Error::option(
                "model",
                "one whose layers follow one another",
                format!(
                    "the model {} with inputs and outputs of its own",
                    model.name()
                ),
                "use Model in place of Sequential",
            )),
        }
    }

    /// The model, which may then be of any kind.
    #[must_use]
    pub fn into_model(self) -> Model {
        self.0
    }

    /// Names the model.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.0.set_name(name.into());
        self
    }

    /// Gives an empty model a seed of its own, whatever [`set_random_seed`] said.
    ///
    /// [`set_random_seed`]: crate::set_random_seed
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn seeded(mut self, seed: u64) -> Self {
        self.0.set_seed(seed);
        self
    }

    /// Puts a layer at the end.
    ///
    /// Never fails: a layer that does not fit is reported by the next call that can fail, such
    /// as `summary`, `compile` or `fit`. A compiled model has to be compiled again.
    pub fn add(&mut self, layer: impl Layer + 'static) {
        self.add_shared(SharedLayer::new(layer));
    }

    pub(crate) fn add_shared(&mut self, layer: SharedLayer) {
        let model = &mut self.0;
        let nodes = &model.graph.nodes;
        if nodes.iter().any(|node| node.layer.name() == layer.name()) {
            model.set_problem(Error::DuplicateLayer {
                model: model.name().to_owned(),
                layer: layer.name().to_owned(),
            });
        }
        let nodes = &model.graph.nodes;
        let input_shape = layer.input_shape().filter(|_| nodes.is_empty()).cloned();
        let inputs = vec![model.graph.last()];
        model.changed();
        model.graph.nodes.push(Node {
            layer,
            inputs,
            output_shape: None,
            scope: None,
        });
        model.graph.outputs = vec![Source::Node(model.graph.nodes.len() - 1)];
        if self.0.check_problem().is_ok() {
            let built = match input_shape {
                Some(shape) => self.build(shape),
                None => self.build_last(),
            };
            if let Err(error) = built {
                self.0.set_problem(error);
            }
        }
    }

    /// Makes the weights for inputs of this shape, given without the batch axis.
    ///
    /// # Errors
    /// When a layer does not fit its input, or the model was built for another shape.
    pub fn build(&mut self, input_shape: impl Into<Shape>) -> Result<()> {
        self.0.build_chain(input_shape.into())
    }

    /// Builds the layer just added, if those before it are built.
    fn build_last(&mut self) -> Result<()> {
        let last = self.0.graph.nodes.len() - 1;
        let before = self.0.graph.nodes[last].inputs[0];
        match self.0.graph.shape_of(before) {
            Some(_) => self.0.build_node(last, false),
            None => Ok(()),
        }
    }
}

const CLASS_NAME: &str = "Sequential";

impl Model {
    /// Builds the layers of a chain for inputs of this shape.
    pub(crate) fn build_chain(&mut self, shape: Shape) -> Result<()> {
        self.check_problem()?;
        if let Some(built) = self.input_shape() {
            if *built == shape {
                return Ok(());
            }
            return Err(Error::option(
                "input shape",
                built.to_string(),
                shape.to_string(),
                "make a new model for inputs of another shape",
            ));
        }
        if self.graph.nodes.is_empty() {
            return Err(self.no_layers());
        }
        if shape.elements().is_none_or(|n| n < 1) || shape.dims().iter().any(|&size| size < 1) {
            return Err(Error::option(
                "input shape",
                "sizes of at least 1",
                shape.to_string(),
                "leave the batch axis out: (32, 32, 3) for colour images",
            ));
        }
        self.graph.inputs[0].shape = Some(shape);
        let built = self.build_all();
        if built.is_err() {
            self.graph.inputs[0].shape = None;
        }
        built
    }

    /// Builds a model that waits for its first data.
    pub(crate) fn build_for(&mut self, argument: &str, x: &Tensors) -> Result<()> {
        self.check_problem()?;
        if self.graph.inputs.iter().all(|input| input.shape.is_some()) {
            return Ok(());
        }
        let size = x.as_slice().first().map(|x| x.size()).unwrap_or_default();
        match size.as_slice() {
            [_, dims @ ..] if !dims.is_empty() => self.build_chain(dims.into()),
            size => Err(Error::data(
                argument,
                "shape (N, ..), one row per example",
                tuple(size),
                "add the missing axis with unsqueeze(0) or unsqueeze(-1)",
            )),
        }
    }
}

impl Default for Sequential {
    fn default() -> Self {
        Self::new()
    }
}

impl Deref for Sequential {
    type Target = Model;

    fn deref(&self) -> &Model {
        &self.0
    }
}

impl DerefMut for Sequential {
    fn deref_mut(&mut self) -> &mut Model {
        &mut self.0
    }
}

impl From<Sequential> for Model {
    fn from(model: Sequential) -> Self {
        model.0
    }
}
