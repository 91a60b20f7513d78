use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tch::{Cuda, Device};

use super::compiled::{Compile, Compiled, Losses, OptimizerChoice};
use super::graph::Graph;
use super::symbolic_tensor::SymbolicTensors;
use super::symbols::Symbols;
use crate::layers::layer::BuildContext;
use crate::names::unique_name;
use crate::random::{Rng, fresh_seed, session_seed};
use crate::{DtypePolicy, Error, History, LossConfig, Metrics, OptimizerConfig, Result, Shape};

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
/// use labbook_nn::{Adam, Compile, Concatenate, Dense, Fit, Input, Model};
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
    pub(super) name: String,
    pub(super) class_name: &'static str,
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
    /// Texts that belong to the model, by name.
    pub(crate) assets: BTreeMap<String, String>,
    /// How many numbers the weights may hold; fewer while a file is loaded.
    room: Option<i64>,
    /// The model's symbolic tensors, once somebody asked: its inputs and what its nodes give.
    pub(super) symbols: Mutex<Option<Arc<Symbols>>>,
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
            assets: BTreeMap::new(),
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
    /// trains convolutions about twice as fast. Small dense networks on rows of a table may be trained in `f32` all
    /// the same, which takes less time there. It may be changed at any time and is saved with
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

    /// Forgets the states that stateful layers carry from batch to batch.
    ///
    /// ```
    /// use labbook_nn::{LSTM, Sequential};
    /// use tch::{Device, Kind, Tensor};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let mut model = Sequential::new();
    /// model.add(LSTM::new(3).stateful(true).input_shape((5, 2)));
    /// let x = Tensor::ones([4, 5, 2], (Kind::Float, Device::Cpu));
    /// let (first, second) = (model.predict(&x)?, model.predict(&x)?);
    /// assert_ne!(first, second);
    /// model.reset_states();
    /// assert_eq!(model.predict(&x)?, first);
    /// # Ok(())
    /// # }
    /// ```
    pub fn reset_states(&self) {
        for node in &self.graph.nodes {
            node.layer.reset_states();
        }
    }

    /// Forgets what depends on the layers, of which there is another one.
    pub(crate) fn changed(&mut self) {
        self.compiled = None;
        *self
            .symbols
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner) = None;
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
