use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tch::{Cuda, Device, Kind, Tensor};

use super::compiled::{Compile, Compiled, Losses, OptimizerChoice};
use super::graph::{Graph, Source};
use super::summary::{Summary, SummaryRow};
use super::symbolic_tensor::{Origin, Scope, SymbolicTensor, SymbolicTensors};
use crate::layers::layer::BuildContext;
use crate::names::unique_name;
use crate::random::{Rng, fresh_seed, session_seed};
use crate::tensors::copy::copy;
use crate::tensors::shape::tuple;
use crate::{
    DtypePolicy, Error, History, LayerConfig, LayerInfo, LayerRange, LossConfig, Metrics,
    OptimizerConfig, OptimizerState, Parameter, Result, Shape,
};

/// Keeps the random numbers of kernels apart from those of trainings.
const KERNEL_STREAM: u64 = u64::MAX;

/// A network of layers: branches, shared layers, several inputs and outputs.
///
/// It is made of [`Input`](crate::Input)s and what layers make of them, as with the functional
/// interface of Keras. [`Sequential`](crate::Sequential) is the model whose layers follow one
/// another; all that a model can do, it can do as well.
///
/// Images are (N, height, width, channels) throughout. A model lives on one device: the GPU
/// if there is one.
///
/// ```
/// use labbook_nn::Activation::{Relu, Sigmoid};
/// use labbook_nn::{Adam, Compile, Concatenate, Dense, Fit, Input, LayerExt, Model};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let (size, place) = (Input::named("size", 3), Input::named("place", 2));
/// let hidden = Dense::new(8).activation(Relu).call(&size);
/// let both = Concatenate::new().call([&hidden, &place]);
/// let price = Dense::new(1).name("price").call(&both);
/// let sold = Dense::new(1).activation(Sigmoid).name("sold").call(&both);
///
/// let mut model = Model::new([&size, &place], [&price, &sold])?;
/// model.compile_with(
///     Compile::new(Adam::new(), ["mse", "binary_crossentropy"]).loss_weights([1.0, 0.5]),
/// )?;
/// let random = |columns: i64| Tensor::rand([32, columns], (Kind::Float, Device::Cpu));
/// let history = model.fit(
///     [&random(3), &random(2)],
///     [&random(1), &random(1).round()],
///     &Fit::new().verbose(0),
/// )?;
/// assert_eq!(history.keys(), ["loss", "price_loss", "sold_loss"]);
/// # Ok(())
/// # }
/// ```
pub struct Model {
    name: String,
    class_name: &'static str,
    pub(crate) device: Device,
    dtype_policy: DtypePolicy,
    pub(crate) seed: u64,
    /// Whether somebody chose the seed.
    own_seed: bool,
    pub(crate) trainings: u64,
    pub(crate) graph: Graph,
    /// Numbers of the nodes whose layers got their weights from this model.
    own_layers: Vec<usize>,
    kernel_rng: Rng,
    /// What went wrong where nothing could be told, told by the first call that can fail.
    problem: Option<Error>,
    pub(crate) compiled: Option<Compiled>,
    history: Option<History>,
    /// How many numbers the weights may hold; fewer while a file is loaded.
    room: Option<i64>,
    /// The model's symbolic tensors, once somebody asked: its inputs and what its nodes give.
    symbols: Mutex<Option<Arc<Symbols>>>,
}

struct Symbols {
    inputs: Vec<SymbolicTensor>,
    nodes: Vec<SymbolicTensor>,
}

impl Model {
    /// The model between symbolic inputs and outputs, on the GPU if there is one, else on the
    /// CPU.
    ///
    /// Layers that have no weights yet get them now, in the order in which they were called;
    /// those that belong to other models as well keep theirs.
    ///
    /// # Errors
    /// When a layer does not fit what it is called on, an input is missing, or two layers have
    /// one name.
    pub fn new(
        inputs: impl Into<SymbolicTensors>,
        outputs: impl Into<SymbolicTensors>,
    ) -> Result<Self> {
        Self::on(Device::cuda_if_available(), inputs, outputs)
    }

    /// [`new`](Self::new) on a chosen device.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn on(
        device: Device,
        inputs: impl Into<SymbolicTensors>,
        outputs: impl Into<SymbolicTensors>,
    ) -> Result<Self> {
        let (inputs, outputs) = (inputs.into().0, outputs.into().0);
        let mut model = Self::empty(unique_name("Functional"), "Functional", device);
        model.graph = Graph::between(&model.name, &inputs, &outputs)?;
        model.build_all()?;
        Ok(model)
    }

    /// A model without layers.
    ///
    /// The first model on a GPU lets cuDNN try its algorithms for every new shape and keep the
    /// fastest, as TensorFlow does.
    pub(crate) fn empty(name: String, class_name: &'static str, device: Device) -> Self {
        if device.is_cuda() {
            Cuda::cudnn_set_benchmark(true);
        }
        let session_seed = session_seed();
        let seed = session_seed.unwrap_or_else(fresh_seed);
        Self {
            name,
            class_name,
            device,
            dtype_policy: DtypePolicy::default(),
            seed,
            own_seed: session_seed.is_some(),
            trainings: 0,
            graph: Graph::default(),
            own_layers: Vec::new(),
            kernel_rng: Rng::new(seed, KERNEL_STREAM),
            problem: None,
            compiled: None,
            history: None,
            room: None,
            symbols: Mutex::new(None),
        }
    }

    /// Names the model.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.set_name(name.into());
        self
    }

    pub(crate) fn set_name(&mut self, name: String) {
        self.name = name;
    }

    /// Gives the model a seed of its own, whatever [`set_random_seed`] said, and draws anew the
    /// weights that it drew before.
    ///
    /// [`set_random_seed`]: crate::set_random_seed
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn seeded(mut self, seed: u64) -> Self {
        self.set_seed(seed);
        self
    }

    pub(crate) fn set_seed(&mut self, seed: u64) {
        self.seed = seed;
        self.own_seed = true;
        self.kernel_rng = Rng::new(seed, KERNEL_STREAM);
        for index in self.own_layers.clone() {
            if let Err(error) = self.build_node(index, true) {
                self.problem.get_or_insert(error);
            }
        }
    }

    /// The model's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `Functional`, or `Sequential` for a chain of layers that was made as one.
    #[must_use]
    pub fn class_name(&self) -> &'static str {
        self.class_name
    }

    /// Where the weights are.
    #[must_use]
    pub fn device(&self) -> Device {
        self.device
    }

    /// Sets the precision that the layers compute in: `"float32"`, the default, or
    /// `"mixed_bfloat16"`, with the meaning that these names have in Keras.
    ///
    /// With `mixed_bfloat16` the input, the kernels and what goes from layer to layer have 8
    /// significant bits instead of 24, and the range of an `f32`. Weights, optimizer, the
    /// statistics of [`BatchNormalization`](crate::BatchNormalization), softmax and loss stay
    /// `f32`, and so do predictions. Where [`bfloat16_is_fast`](crate::bfloat16_is_fast), it
    /// trains convolutions about twice as fast. It may be changed at any time and is saved with
    /// the model.
    ///
    /// ```
    /// # fn main() -> labbook_nn::Result<()> {
    /// use labbook_nn::{Sequential, bfloat16_is_fast};
    ///
    /// let mut model = Sequential::new();
    /// if bfloat16_is_fast() {
    ///     model.set_dtype_policy("mixed_bfloat16")?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When there is no policy of this name.
    pub fn set_dtype_policy(&mut self, policy: &str) -> Result<()> {
        self.dtype_policy = policy.parse()?;
        Ok(())
    }

    /// The precision that the layers compute in.
    #[must_use]
    pub fn dtype_policy(&self) -> DtypePolicy {
        self.dtype_policy
    }

    /// The seed of kernels, shuffles and dropout.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Builds all layers, whose inputs have to be known.
    pub(crate) fn build_all(&mut self) -> Result<()> {
        self.kernel_rng = Rng::new(self.seed, KERNEL_STREAM);
        for index in 0..self.graph.nodes.len() {
            self.build_node(index, false)?;
        }
        Ok(())
    }

    /// Builds the layer of a node, unless it has its weights and may keep them.
    pub(crate) fn build_node(&mut self, index: usize, anew: bool) -> Result<()> {
        let node = &self.graph.nodes[index];
        let inputs = node.inputs.iter().map(|source| {
            let shape = self.graph.shape_of(*source);
            shape.cloned().ok_or_else(|| self.not_built())
        });
        let inputs = inputs.collect::<Result<Vec<Shape>>>()?;
        let layer = node.layer.clone();
        let mut context = BuildContext {
            name: layer.name(),
            class_name: layer.class_name(),
            rng: &mut self.kernel_rng,
            device: self.device,
            room: &mut self.room,
        };
        let known = match anew {
            true => None,
            false => layer.output_for(&inputs, &context)?,
        };
        let output = match known {
            Some(output) => output,
            None => {
                let what = format!("the weights of layer {}", layer.name());
                let built = layer.build(&inputs, &mut context);
                if !self.own_layers.contains(&index) {
                    self.own_layers.push(index);
                }
                built.map_err(|error| error.within(&what))?
            }
        };
        self.graph.nodes[index].output_shape = Some(output);
        Ok(())
    }

    /// Chooses optimizer, loss and metrics; weights that exist are kept.
    ///
    /// Optimizer, loss and metrics are objects, or Keras's names: `"adam"`, `"mse"`, `["mae"]`.
    /// Several outputs take one loss each; metrics are then reported for every output.
    /// [`compile_with`](Self::compile_with) has more options.
    ///
    /// # Errors
    /// When a layer does not fit, a name is unknown, or an option is outside its range.
    pub fn compile(
        &mut self,
        optimizer: impl Into<OptimizerChoice>,
        loss: impl Into<Losses>,
        metrics: impl Into<Metrics>,
    ) -> Result<()> {
        self.compile_with(Compile::new(optimizer, loss).metrics(metrics))
    }

    /// [`compile`](Self::compile) with weights of losses, weighted metrics, and metrics for
    /// single outputs.
    ///
    /// # Errors
    /// As [`compile`](Self::compile).
    pub fn compile_with(&mut self, compile: Compile) -> Result<()> {
        self.check_problem()?;
        if self.graph.nodes.is_empty() {
            return Err(self.no_layers());
        }
        let names = self.output_names();
        self.compiled = Some(compile.into_compiled(&names)?);
        Ok(())
    }

    /// The names of the outputs: those of the layers that give them.
    #[must_use]
    pub fn output_names(&self) -> Vec<String> {
        let outputs = self.graph.outputs.iter().map(|source| match source {
            Source::Input(index) => self.graph.inputs[*index].name.clone(),
            Source::Node(index) => self.graph.nodes[*index].full_name(),
        });
        outputs.collect()
    }

    /// The names of the inputs.
    #[must_use]
    pub fn input_names(&self) -> Vec<String> {
        let inputs = self.graph.inputs.iter();
        inputs.map(|input| input.name.clone()).collect()
    }

    /// The model's first symbolic input, to make another model of its layers:
    /// `Model::new(&model.input()?, &model.layer_outputs(..8)?)`.
    ///
    /// # Errors
    /// When the model is not built.
    pub fn input(&self) -> Result<SymbolicTensor> {
        self.inputs()?
            .0
            .into_iter()
            .next()
            .ok_or_else(|| self.not_built())
    }

    /// All symbolic inputs of the model.
    ///
    /// # Errors
    /// When the model is not built.
    pub fn inputs(&self) -> Result<SymbolicTensors> {
        Ok(SymbolicTensors(self.symbols()?.inputs.clone()))
    }

    /// The model's first symbolic output.
    ///
    /// # Errors
    /// When the model is not built.
    pub fn output(&self) -> Result<SymbolicTensor> {
        self.outputs()?
            .0
            .into_iter()
            .next()
            .ok_or_else(|| self.not_built())
    }

    /// All symbolic outputs of the model.
    ///
    /// # Errors
    /// When the model is not built.
    pub fn outputs(&self) -> Result<SymbolicTensors> {
        let symbols = self.symbols()?;
        let outputs = self.graph.outputs.iter().map(|source| match source {
            Source::Input(index) => symbols.inputs[*index].clone(),
            Source::Node(index) => symbols.nodes[*index].clone(),
        });
        Ok(SymbolicTensors(outputs.collect()))
    }

    /// What a layer gives, to make another model that ends there; of a layer that is called
    /// several times, what it gives first.
    ///
    /// # Errors
    /// When no layer has this name, or the model is not built.
    pub fn layer_output(&self, name: &str) -> Result<SymbolicTensor> {
        let index = self.node_of(name)?;
        Ok(self.symbols()?.nodes[index].clone())
    }

    /// What some layers give, as a range such as `..8` of their places in the summary.
    ///
    /// ```
    /// use labbook_nn::{Dense, Model, Sequential};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let mut model = Sequential::new();
    /// model.add(Dense::new(8).input_shape(2));
    /// model.add(Dense::new(3));
    /// let activations = Model::new(&model.input()?, &model.layer_outputs(..)?)?;
    /// assert_eq!(activations.output_names().len(), 2);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When there are no such layers, or the model is not built.
    pub fn layer_outputs(&self, layers: impl Into<LayerRange>) -> Result<SymbolicTensors> {
        let symbols = self.symbols()?;
        let layers = layers.into().within(self.graph.nodes.len())?;
        Ok(SymbolicTensors(symbols.nodes[layers].to_vec()))
    }

    /// What the whole model makes of other symbolic tensors: a model within a model.
    ///
    /// Its layers keep their weights and are shared with the model that is made. Never fails:
    /// what does not fit is told by [`Model::new`].
    pub fn call(&self, inputs: impl Into<SymbolicTensors>) -> SymbolicTensor {
        let mut outputs = self.call_all(inputs).into_iter();
        match (outputs.next(), outputs.next()) {
            (Some(output), None) => output,
            (first, _) => SymbolicTensor::of(
                Origin::Problem(format!(
                    "model {} with {}, where one output is needed: use call_all",
                    self.name,
                    match first {
                        Some(_) => "several outputs",
                        None => "none",
                    }
                )),
                Vec::new(),
            ),
        }
    }

    /// [`call`](Self::call) of a model with several outputs.
    pub fn call_all(&self, inputs: impl Into<SymbolicTensors>) -> Vec<SymbolicTensor> {
        let inputs = inputs.into().0;
        if inputs.len() != self.graph.inputs.len() {
            let told = format!(
                "model {} on {} tensors, where it takes {}",
                self.name,
                inputs.len(),
                self.graph.inputs.len()
            );
            return vec![SymbolicTensor::of(Origin::Problem(told), Vec::new())];
        }
        let scope = Arc::new(Scope {
            name: self.name.clone(),
            class_name: self.class_name,
            call: super::symbolic_tensor::next_number(),
        });
        let nodes = self.graph.calls(&inputs, Some(&scope));
        let outputs = self.graph.outputs.iter().map(|source| match source {
            Source::Input(index) => inputs[*index].clone(),
            Source::Node(index) => nodes[*index].clone(),
        });
        outputs.collect()
    }

    fn symbols(&self) -> Result<Arc<Symbols>> {
        self.built()?;
        let mut symbols = self.symbols.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(symbols) = &*symbols {
            return Ok(symbols.clone());
        }
        let inputs = self.graph.inputs.iter();
        let inputs: Vec<SymbolicTensor> = inputs
            .map(|spec| SymbolicTensor::of(Origin::Input(spec.clone()), Vec::new()))
            .collect();
        let nodes = self.graph.calls(&inputs, None);
        let made = Arc::new(Symbols { inputs, nodes });
        *symbols = Some(made.clone());
        Ok(made)
    }

    /// Forgets what depends on the layers, of which there is another one.
    pub(crate) fn changed(&mut self) {
        self.compiled = None;
        *self
            .symbols
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Says whether training changes the weights of all layers of this model, in whichever
    /// models they are.
    ///
    /// Compile again afterwards, as in Keras: an optimizer keeps what it remembers for the
    /// weights that it began with.
    ///
    /// # Errors
    /// When libtorch refuses.
    pub fn set_trainable(&mut self, trainable: bool) -> Result<()> {
        for node in &self.graph.nodes {
            node.layer.set_trainable(trainable)?;
        }
        Ok(())
    }

    /// Says whether training changes the weights of one layer; see
    /// [`set_trainable`](Self::set_trainable).
    ///
    /// # Errors
    /// When no layer has this name.
    pub fn set_layer_trainable(&mut self, name: &str, trainable: bool) -> Result<()> {
        let index = self.node_of(name)?;
        self.graph.nodes[index].layer.set_trainable(trainable)
    }

    /// Takes over the weights of all layers that another model has under the same names and
    /// with the same shapes; tells the names of those layers.
    ///
    /// # Errors
    /// When a model is not built, or a weight of a layer of the same name has another shape.
    pub fn copy_weights_from(&mut self, other: &Model) -> Result<Vec<String>> {
        let theirs = other.weights()?;
        let mut taken: Vec<String> = Vec::new();
        let mut weights = Vec::new();
        for (name, own) in self.weights()? {
            match theirs.iter().find(|(other, _)| *other == name) {
                Some((_, weight)) => {
                    let layer = name
                        .rsplit_once('/')
                        .map_or(name.as_str(), |(layer, _)| layer);
                    if taken.last().is_none_or(|last| last != layer) {
                        taken.push(layer.to_owned());
                    }
                    weights.push((name, weight.shallow_clone()));
                }
                None => weights.push((name, own)),
            }
        }
        self.set_weights(&weights)?;
        Ok(taken)
    }

    /// The table of layers.
    ///
    /// # Errors
    /// When a layer does not fit or the input shape is not known yet.
    pub fn summary(&self) -> Result<Summary> {
        let layers = self.layers()?;
        let total_params = layers.iter().map(|layer| layer.params).sum();
        let trainable_params = layers.iter().map(|layer| layer.trainable_params).sum();
        let mut rows: Vec<SummaryRow> = Vec::new();
        let connected = self.class_name != "Sequential";
        if connected {
            rows.extend(self.graph.inputs.iter().map(|input| {
                SummaryRow {
                    name: input.name.clone(),
                    class_name: "InputLayer".to_owned(),
                    output_shape: input
                        .shape
                        .as_ref()
                        .map(Shape::to_string)
                        .unwrap_or_default(),
                    params: 0,
                    connected_to: Vec::new(),
                }
            }));
        }
        let mut scopes: Vec<&str> = Vec::new();
        for ((_, node), layer) in self.graph.layers().into_iter().zip(&layers) {
            // A model within the model is one row, as in Keras: its last layer's output.
            let scope = node.scope.as_ref();
            let (name, class_name) = match scope {
                Some(scope) => (scope.name.clone(), scope.class_name.to_owned()),
                None => (layer.name.clone(), layer.class_name.clone()),
            };
            if let Some(scope) = scope {
                if scopes.last() == Some(&scope.name.as_str())
                    && let Some(row) = rows.last_mut()
                {
                    row.params += layer.params;
                    row.output_shape = layer.output_shape.to_string();
                    continue;
                }
                scopes.push(&scope.name);
            }
            rows.push(SummaryRow {
                name,
                class_name,
                output_shape: layer.output_shape.to_string(),
                params: layer.params,
                connected_to: match connected {
                    true => layer.inputs.clone(),
                    false => Vec::new(),
                },
            });
        }
        Ok(Summary {
            model: self.name.clone(),
            class_name: self.class_name.to_owned(),
            rows,
            total_params,
            trainable_params,
            non_trainable_params: total_params - trainable_params,
        })
    }

    /// All layers in order: names, shapes, sizes. A layer that is called several times is told
    /// once.
    ///
    /// # Errors
    /// When a layer does not fit or the input shape is not known yet.
    pub fn layers(&self) -> Result<Vec<LayerInfo>> {
        self.built()?;
        let mut layers = Vec::new();
        for (_, node) in self.graph.layers() {
            let output_shape = node.output_shape.clone().ok_or_else(|| self.not_built())?;
            let shapes = node
                .inputs
                .iter()
                .map(|source| self.graph.shape_of(*source));
            let input_shape = shapes.flatten().next().cloned();
            let parameters = node.layer.parameters();
            let trainable = parameters.iter().filter(|parameter| parameter.trainable);
            let full_name = node.full_name();
            let calls = self
                .graph
                .nodes
                .iter()
                .filter(|other| other.full_name() == full_name);
            let inputs = calls
                .flat_map(|call| &call.inputs)
                .map(|source| match source {
                    Source::Input(index) => self.graph.inputs[*index].name.clone(),
                    Source::Node(index) => self.graph.nodes[*index].full_name(),
                });
            layers.push(LayerInfo {
                name: full_name.clone(),
                class_name: node.layer.class_name().to_owned(),
                inputs: inputs.collect(),
                input_shape: input_shape.ok_or_else(|| self.not_built())?,
                output_shape: output_shape.clone(),
                activation: node.layer.activation(),
                params: parameters.iter().map(Parameter::count).sum(),
                trainable_params: trainable.map(Parameter::count).sum(),
                flops: node.layer.multiply_adds(&output_shape).saturating_mul(2),
            });
        }
        Ok(layers)
    }

    /// The number of the first node that calls the layer of this name.
    pub(crate) fn node_of(&self, name: &str) -> Result<usize> {
        let nodes = &self.graph.nodes;
        let found = nodes.iter().position(|node| node.full_name() == name);
        found.ok_or_else(|| {
            let layers = self.graph.layers().into_iter();
            let known: Vec<String> = layers.map(|(_, node)| node.full_name()).collect();
            Error::UnknownLayer {
                name: name.to_owned(),
                known: known.join(", "),
            }
        })
    }

    /// One layer by its name.
    ///
    /// # Errors
    /// When no layer has this name, or the model is not built.
    pub fn layer(&self, name: &str) -> Result<LayerInfo> {
        let layers = self.layers()?;
        let known: Vec<&str> = layers.iter().map(|layer| layer.name.as_str()).collect();
        let known = known.join(", ");
        layers
            .into_iter()
            .find(|layer| layer.name == name)
            .ok_or_else(|| Error::UnknownLayer {
                name: name.to_owned(),
                known,
            })
    }

    /// The number of weights.
    ///
    /// # Errors
    /// When the model is not built.
    pub fn count_params(&self) -> Result<i64> {
        Ok(self.layers()?.iter().map(|layer| layer.params).sum())
    }

    /// Floating-point operations that the prediction for one example takes.
    ///
    /// Counts what is usually counted: two for every multiplication in a kernel of a dense,
    /// convolutional or whitening layer, one for the product and one for its addition to the
    /// sum. Biases, activation functions, pooling and normalization are left out; they take
    /// time, but few operations. A training step takes about three times as many per example:
    /// the gradients of a layer's input and of its kernel cost as much as its output each.
    /// [`layers`](Self::layers) has the numbers of every layer.
    ///
    /// # Errors
    /// When the model is not built.
    pub fn flops(&self) -> Result<i64> {
        let layers = self.layers()?;
        Ok(layers
            .iter()
            .fold(0, |sum, layer| sum.saturating_add(layer.flops)))
    }

    /// Shape of one example that goes into the first input, if it is known yet.
    #[must_use]
    pub fn input_shape(&self) -> Option<&Shape> {
        self.graph.inputs.first()?.shape.as_ref()
    }

    /// The shapes of what goes into each input.
    ///
    /// # Errors
    /// When the model is not built.
    pub fn input_shapes(&self) -> Result<Vec<Shape>> {
        let inputs = self.graph.inputs.iter();
        let shapes = inputs.map(|input| input.shape.clone().ok_or_else(|| self.not_built()));
        shapes.collect()
    }

    /// The shapes of what each output gives for one example.
    ///
    /// # Errors
    /// When the model is not built.
    pub fn output_shapes(&self) -> Result<Vec<Shape>> {
        self.built()?;
        let outputs = self.graph.outputs.iter();
        let shapes = outputs.map(|output| self.graph.shape_of(*output).cloned());
        shapes
            .map(|shape| shape.ok_or_else(|| self.not_built()))
            .collect()
    }

    /// Copies of all weights on the CPU, in Keras's order and shapes, named as Keras names
    /// them: `dense/kernel:0`.
    ///
    /// # Errors
    /// When the model is not built.
    pub fn weights(&self) -> Result<Vec<(String, Tensor)>> {
        self.built()?;
        let mut weights = Vec::new();
        for (name, parameter) in self.parameters() {
            let view = parameter.keras_view(&parameter.value)?;
            weights.push((name, copy(&view)?.f_to_device(Device::Cpu)?));
        }
        Ok(weights)
    }

    /// Overwrites all weights, given as [`weights`](Self::weights) gives them.
    ///
    /// They are matched by their order and checked by their shapes; names may differ, since
    /// they count on from model to model. Nothing changes if one does not fit. The optimizer
    /// keeps what it remembers.
    ///
    /// # Errors
    /// When number, shapes or kinds differ, or the model is not built.
    pub fn set_weights(&mut self, weights: &[(String, Tensor)]) -> Result<()> {
        self.built()?;
        let parameters = self.parameters();
        if parameters.len() != weights.len() {
            return Err(Error::weights(
                format!("{} weights", parameters.len()),
                weights.len().to_string(),
                "take them from a model of the same architecture",
            ));
        }
        for ((name, parameter), (given, weight)) in parameters.iter().zip(weights) {
            let size = parameter.keras_view(&parameter.value)?.size();
            let kind = weight.f_kind()?;
            let is_real = matches!(
                kind,
                Kind::Float | Kind::Double | Kind::Half | Kind::BFloat16
            );
            if size != weight.size() || !is_real {
                return Err(Error::weights(
                    format!("{name} of shape {} and a floating-point kind", tuple(&size)),
                    format!(
                        "{given} of shape {} and kind {kind:?}",
                        tuple(&weight.size())
                    ),
                    "take them from a model of the same architecture",
                ));
            }
        }
        for ((_, parameter), (_, weight)) in parameters.iter().zip(weights) {
            let mut view = parameter.keras_view(&parameter.value)?;
            view.f_copy_(&weight.f_detach()?)?;
        }
        Ok(())
    }

    /// The history of the last training, as `fit` gave it or a file kept it; during a training
    /// that of the epochs so far.
    #[must_use]
    pub fn history(&self) -> Option<&History> {
        self.history.as_ref()
    }

    /// The optimizer's options as the model was compiled with them, if it was and they can be told.
    #[must_use]
    pub fn optimizer_config(&self) -> Option<OptimizerConfig> {
        self.compiled.as_ref()?.as_compiled.clone()
    }

    /// The first output's loss, if the model was compiled and the loss's options can be told.
    #[must_use]
    pub fn loss_config(&self) -> Option<LossConfig> {
        self.compiled.as_ref()?.losses.first()?.loss.config()
    }

    /// Checks that an optimizer's slots have the shapes of the weights that it changes.
    pub(crate) fn check_slots(&self, state: &OptimizerState) -> Result<()> {
        let mut sizes = Vec::new();
        for (_, parameter) in self.parameters() {
            if parameter.trainable {
                sizes.push(parameter.keras_view(&parameter.value)?.size());
            }
        }
        let kinds = state.slots.len() / sizes.len().max(1);
        let expected = sizes.iter().flat_map(|size| vec![size; kinds]);
        let fits = state.slots.len() == kinds * sizes.len()
            && expected
                .zip(&state.slots)
                .all(|(size, (_, slot))| *size == slot.size());
        match fits {
            true => Ok(()),
            false => Err(Error::weights(
                "slots of the optimizer with the shapes of the weights",
                format!("{} slots, or other shapes", state.slots.len()),
                "take them from a model of the same architecture",
            )),
        }
    }

    /// What the optimizer remembers, in Keras's shapes.
    ///
    /// # Errors
    /// When the model is not compiled.
    pub fn optimizer_state(&self) -> Result<OptimizerState> {
        self.compiled()?.optimizer.state()
    }

    /// Goes back to a state of the optimizer.
    ///
    /// # Errors
    /// When the model is not compiled, or with another kind of optimizer.
    pub fn set_optimizer_state(&mut self, state: &OptimizerState) -> Result<()> {
        self.compiled_mut()?.optimizer.set_state(state)
    }

    /// The learning rate of the next step.
    ///
    /// # Errors
    /// When the model is not compiled.
    pub fn learning_rate(&self) -> Result<f64> {
        Ok(self.compiled()?.optimizer.learning_rate())
    }

    /// Changes the learning rate from the next step on.
    ///
    /// # Errors
    /// When the model is not compiled, or the rate is negative or not finite.
    pub fn set_learning_rate(&mut self, learning_rate: f64) -> Result<()> {
        if !learning_rate.is_finite() || learning_rate < 0.0 {
            return Err(Error::option(
                "learning rate",
                "a finite number of at least 0",
                learning_rate,
                "Keras's default for Adam is 0.001",
            ));
        }
        let optimizer = &mut self.compiled_mut()?.optimizer;
        optimizer.set_learning_rate(learning_rate);
        Ok(())
    }

    pub(crate) fn set_history(&mut self, history: Option<History>) {
        self.history = history;
    }

    pub(crate) fn has_own_seed(&self) -> bool {
        self.own_seed
    }

    /// The learning rate, if it was set after `compile`.
    pub(crate) fn learning_rate_override(&self) -> Result<Option<f64>> {
        let compiled = self.compiled()?;
        let changed =
            compiled.optimizer.config() != compiled.as_compiled || compiled.as_compiled.is_none();
        Ok(changed.then(|| compiled.optimizer.learning_rate()))
    }

    /// Limits how many numbers the weights of further layers may hold.
    pub(crate) fn set_room(&mut self, room: Option<i64>) {
        self.room = room;
    }

    /// The options of the layers, as far as a file can keep them.
    pub(crate) fn layer_configs(&self) -> Vec<Option<LayerConfig>> {
        let layers = self.graph.layers().into_iter();
        layers.map(|(_, node)| node.layer.config()).collect()
    }

    /// The sum of the layers' penalties, if any has one.
    pub(crate) fn penalty(&self) -> Result<Option<Tensor>> {
        let mut sum: Option<Tensor> = None;
        for (_, node) in self.graph.layers() {
            if let Some(penalty) = node.layer.penalty()? {
                sum = Some(match sum {
                    Some(sum) => sum.f_add(&penalty)?,
                    None => penalty,
                });
            }
        }
        Ok(sum)
    }

    /// All weights with their full names.
    pub(crate) fn parameters(&self) -> Vec<(String, Parameter)> {
        let layers = self.graph.layers().into_iter();
        layers
            .flat_map(|(_, node)| {
                let name = node.full_name();
                let parameters = node.layer.parameters().into_iter();
                parameters.map(move |p| (format!("{name}/{}:0", p.name), p))
            })
            .collect()
    }

    /// Numbers that the layers put out for one example: a measure of the memory it takes.
    pub(crate) fn activation_count(&self) -> i64 {
        let nodes = self.graph.nodes.iter();
        let shapes = nodes.filter_map(|node| node.output_shape.as_ref());
        let counts = shapes.filter_map(Shape::elements);
        counts.fold(0, i64::saturating_add)
    }

    /// The output's shape of a model with one output.
    pub(crate) fn output_shape(&self) -> Result<&Shape> {
        self.built()?;
        let shape = self.graph.outputs.first();
        shape
            .and_then(|output| self.graph.shape_of(*output))
            .ok_or_else(|| self.not_built())
    }

    /// A sound model that knows the shapes of its inputs.
    pub(crate) fn built(&self) -> Result<()> {
        self.check_problem()?;
        if self.graph.nodes.is_empty() && self.class_name == "Sequential" {
            return Err(self.no_layers());
        }
        match self.graph.inputs.iter().all(|input| input.shape.is_some()) {
            true => Ok(()),
            false => Err(self.not_built()),
        }
    }

    /// The input shape of a sound and built model with one input.
    pub(crate) fn built_for(&self) -> Result<&Shape> {
        self.built()?;
        self.input_shape().ok_or_else(|| self.not_built())
    }

    pub(crate) fn compiled(&self) -> Result<&Compiled> {
        self.check_problem()?;
        self.compiled.as_ref().ok_or_else(|| Error::NotCompiled {
            model: self.name.clone(),
        })
    }

    pub(crate) fn compiled_mut(&mut self) -> Result<&mut Compiled> {
        self.check_problem()?;
        self.compiled.as_mut().ok_or_else(|| Error::NotCompiled {
            model: self.name.clone(),
        })
    }

    pub(crate) fn set_problem(&mut self, problem: Error) {
        self.problem.get_or_insert(problem);
    }

    pub(crate) fn check_problem(&self) -> Result<()> {
        self.problem.clone().map_or(Ok(()), Err)
    }

    pub(crate) fn no_layers(&self) -> Error {
        Error::NoLayers {
            model: self.name.clone(),
        }
    }

    pub(crate) fn not_built(&self) -> Error {
        Error::NotBuilt {
            model: self.name.clone(),
        }
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(self.class_name)
            .field("name", &self.name)
            .field("device", &self.device)
            .field("seed", &self.seed)
            .field("graph", &self.graph)
            .field("compiled", &self.compiled)
            .field("problem", &self.problem)
            .finish_non_exhaustive()
    }
}
