use std::fmt;
use std::ops::Range;

use tch::{Cuda, Device, Kind, Tensor, no_grad_guard};

use crate::data::batches::Batches;
use crate::tensors::casts::Casts;
use crate::interrupt::{self, Interruptible};
use crate::losses::loss::Output;
use crate::names::unique_name;
use crate::random::{Rng, fresh_seed, session_seed};
use crate::tensors::shape::tuple;
use crate::{
    Activation, BuildContext, DtypePolicy, Error, History, Layer, LayerConfig, LayerInfo, Loss,
    LossConfig, Metrics, Optimizer, OptimizerConfig, OptimizerState, Parameter, Phase, Predict,
    Result, Shape, Summary, SummaryRow,
};

/// Batches of this size pass through `predict`, as in Keras.
pub(crate) const PREDICT_BATCH: i64 = 32;

/// Keeps the random numbers of kernels apart from those of trainings.
const KERNEL_STREAM: u64 = u64::MAX;

/// A model whose layers follow one another.
///
/// Images are (N, height, width, channels) throughout. A model lives on one device: the GPU
/// if there is one. It is built, and thus has weights, as soon as it knows the shape of its
/// input: from the first layer's `input_shape`, from [`build`](Self::build), or from the first
/// data it sees.
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
pub struct Sequential {
    name: String,
    pub(crate) device: Device,
    dtype_policy: DtypePolicy,
    pub(crate) seed: u64,
    /// Whether somebody chose the seed.
    own_seed: bool,
    pub(crate) trainings: u64,
    nodes: Vec<Node>,
    input_shape: Option<Shape>,
    kernel_rng: Rng,
    /// What went wrong in `add`, told by the first call that can fail.
    problem: Option<Error>,
    pub(crate) compiled: Option<Compiled>,
    history: Option<History>,
    /// How many numbers the weights may hold; fewer while a file is loaded.
    room: Option<i64>,
}

/// A layer's name, the layer, and the function that it has to end with.
pub(crate) type Planned<'a> = (&'a str, &'a dyn Layer, Activation);

/// A layer in its place.
#[derive(Debug)]
struct Node {
    name: String,
    layer: Box<dyn Layer>,
    /// Known once the layer is built.
    output_shape: Option<Shape>,
}

/// What `compile` was given.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// The optimizer's options at first; callbacks may change the learning rate.
    pub(crate) as_compiled: Option<OptimizerConfig>,
    pub(crate) optimizer: Box<dyn Optimizer>,
    pub(crate) loss: Box<dyn Loss>,
    pub(crate) metrics: Metrics,
}

impl Sequential {
    /// An empty model on the GPU if there is one, else on the CPU.
    #[must_use]
    pub fn new() -> Self {
        Self::on(Device::cuda_if_available())
    }

    /// An empty model on a chosen device.
    ///
    /// The first model on a GPU lets cuDNN try its algorithms for every new shape and keep the
    /// fastest, as TensorFlow does.
    #[must_use]
    pub fn on(device: Device) -> Self {
        if device.is_cuda() {
            Cuda::cudnn_set_benchmark(true);
        }
        let session_seed = session_seed();
        let seed = session_seed.unwrap_or_else(fresh_seed);
        Self {
            name: unique_name("Sequential"),
            device,
            dtype_policy: DtypePolicy::default(),
            seed,
            own_seed: session_seed.is_some(),
            trainings: 0,
            nodes: Vec::new(),
            input_shape: None,
            kernel_rng: Rng::new(seed, KERNEL_STREAM),
            problem: None,
            compiled: None,
            history: None,
            room: None,
        }
    }

    /// Names the model.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Gives an empty model a seed of its own, whatever [`set_random_seed`] said.
    ///
    /// [`set_random_seed`]: crate::set_random_seed
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn seeded(mut self, seed: u64) -> Self {
        self.seed = seed;
        self.own_seed = true;
        self.kernel_rng = Rng::new(seed, KERNEL_STREAM);
        self
    }

    /// The model's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
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

    /// Puts a layer at the end.
    ///
    /// Never fails: a layer that does not fit is reported by the next call that can fail, such
    /// as `summary`, `compile` or `fit`. A compiled model has to be compiled again.
    pub fn add(&mut self, layer: impl Layer + 'static) {
        self.add_boxed(Box::new(layer));
    }

    pub(crate) fn add_boxed(&mut self, layer: Box<dyn Layer>) {
        let name = match &layer.options().name {
            Some(name) => name.clone(),
            None => unique_name(layer.class_name()),
        };
        if self.nodes.iter().any(|node| node.name == name) {
            self.problem.get_or_insert(Error::DuplicateLayer {
                model: self.name.clone(),
                layer: name.clone(),
            });
        }
        let first = self.nodes.is_empty();
        let input_shape = layer.options().input_shape.clone().filter(|_| first);
        self.compiled = None;
        self.nodes.push(Node {
            name,
            layer,
            output_shape: None,
        });
        if self.problem.is_none() {
            let built = match input_shape {
                Some(shape) => self.build(shape),
                None => self.build_last(),
            };
            self.problem = built.err();
        }
    }

    /// Makes the weights for inputs of this shape, given without the batch axis.
    ///
    /// # Errors
    /// When a layer does not fit its input, or the model was built for another shape.
    pub fn build(&mut self, input_shape: impl Into<Shape>) -> Result<()> {
        let shape = input_shape.into();
        self.check_problem()?;
        if let Some(built) = &self.input_shape {
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
        if self.nodes.is_empty() {
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
        self.kernel_rng = Rng::new(self.seed, KERNEL_STREAM);
        let mut input = shape.clone();
        for index in 0..self.nodes.len() {
            input = self.build_node(index, &input)?;
        }
        self.input_shape = Some(shape);
        Ok(())
    }

    /// Builds the layer just added, if those before it are built.
    fn build_last(&mut self) -> Result<()> {
        let last = self.nodes.len() - 1;
        let input = match self.nodes.iter().nth_back(1) {
            Some(before) if self.input_shape.is_some() => before.output_shape.clone(),
            _ => None,
        };
        if let Some(input) = input {
            self.build_node(last, &input)?;
        }
        Ok(())
    }

    fn build_node(&mut self, index: usize, input: &Shape) -> Result<Shape> {
        let node = &mut self.nodes[index];
        let mut context = BuildContext {
            name: &node.name,
            class_name: node.layer.class_name(),
            rng: &mut self.kernel_rng,
            device: self.device,
            room: &mut self.room,
        };
        let output = node
            .layer
            .build(input, &mut context)
            .map_err(|error| error.within(&format!("the weights of layer {}", node.name)))?;
        node.output_shape = Some(output.clone());
        Ok(output)
    }

    /// Chooses optimizer, loss and metrics; weights that exist are kept.
    ///
    /// # Errors
    /// When a layer added before does not fit, or an option is outside its range.
    pub fn compile(
        &mut self,
        optimizer: impl Optimizer + 'static,
        loss: impl Loss + 'static,
        metrics: impl Into<Metrics>,
    ) -> Result<()> {
        self.compile_boxed(Box::new(optimizer), Box::new(loss), metrics.into())
    }

    pub(crate) fn compile_boxed(
        &mut self,
        optimizer: Box<dyn Optimizer>,
        loss: Box<dyn Loss>,
        metrics: Metrics,
    ) -> Result<()> {
        self.check_problem()?;
        if self.nodes.is_empty() {
            return Err(self.no_layers());
        }
        optimizer.check()?;
        loss.check()?;
        metrics.check()?;
        self.compiled = Some(Compiled {
            as_compiled: optimizer.config(),
            optimizer,
            loss,
            metrics,
        });
        Ok(())
    }

    /// The table of layers.
    ///
    /// # Errors
    /// When a layer does not fit or the input shape is not known yet.
    pub fn summary(&self) -> Result<Summary> {
        let layers = self.layers()?;
        let total_params = layers.iter().map(|layer| layer.params).sum();
        let trainable_params = layers.iter().map(|layer| layer.trainable_params).sum();
        let rows = layers
            .into_iter()
            .map(|layer| SummaryRow {
                name: layer.name,
                class_name: layer.class_name,
                output_shape: layer.output_shape.to_string(),
                params: layer.params,
            })
            .collect();
        Ok(Summary {
            model: self.name.clone(),
            rows,
            total_params,
            trainable_params,
            non_trainable_params: total_params - trainable_params,
        })
    }

    /// All layers in order: names, shapes, sizes.
    ///
    /// # Errors
    /// When a layer does not fit or the input shape is not known yet.
    pub fn layers(&self) -> Result<Vec<LayerInfo>> {
        let mut input_shape = self.built_for()?.clone();
        let mut layers = Vec::new();
        for node in &self.nodes {
            let output_shape = node.output_shape.clone().ok_or_else(|| self.not_built())?;
            let parameters = node.layer.parameters();
            let trainable = parameters.iter().filter(|parameter| parameter.trainable);
            layers.push(LayerInfo {
                name: node.name.clone(),
                class_name: node.layer.class_name().to_owned(),
                input_shape,
                output_shape: output_shape.clone(),
                activation: node.layer.activation(),
                params: parameters.iter().map(Parameter::count).sum(),
                trainable_params: trainable.map(Parameter::count).sum(),
                flops: node.layer.multiply_adds(&output_shape).saturating_mul(2),
            });
            input_shape = output_shape;
        }
        Ok(layers)
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

    /// Shape of one example that goes in, if it is known yet.
    #[must_use]
    pub fn input_shape(&self) -> Option<&Shape> {
        self.input_shape.as_ref()
    }

    /// Copies of all weights on the CPU, in Keras's order and shapes, named as Keras names
    /// them: `dense/kernel:0`.
    ///
    /// # Errors
    /// When the model is not built.
    pub fn weights(&self) -> Result<Vec<(String, Tensor)>> {
        self.built_for()?;
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
        self.built_for()?;
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

    /// The loss's options, if the model was compiled and they can be told.
    #[must_use]
    pub fn loss_config(&self) -> Option<LossConfig> {
        self.compiled.as_ref()?.loss.config()
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
    pub(crate) fn with_room(mut self, room: Option<i64>) -> Self {
        self.room = room;
        self
    }

    /// The options of the layers, as far as a file can keep them.
    pub(crate) fn layer_configs(&self) -> Vec<Option<LayerConfig>> {
        self.nodes.iter().map(|node| node.layer.config()).collect()
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

    /// The model's output for each example: (N, classes) `f32` probabilities on the CPU.
    ///
    /// # Errors
    /// When `x` does not fit the model, or it is [interrupted](crate::interrupt).
    pub fn predict(&mut self, x: &Tensor) -> Result<Tensor> {
        self.predict_in_batches(x, PREDICT_BATCH)
    }

    /// [`predict`](Self::predict) with another batch size than 32.
    ///
    /// # Errors
    /// When `x` does not fit the model, the batch size is below 1, or it is
    /// [interrupted](crate::interrupt).
    pub fn predict_in_batches(&mut self, x: &Tensor, batch_size: i64) -> Result<Tensor> {
        self.predict_with(x, &Predict::new().batch_size(batch_size))
    }

    /// [`predict`](Self::predict) with options.
    ///
    /// # Errors
    /// When `x` or the options do not fit the model, or it is [interrupted](crate::interrupt).
    pub fn predict_with(&mut self, x: &Tensor, options: &Predict) -> Result<Tensor> {
        options.check()?;
        let interruptible = Interruptible::begin();
        self.build_for("x", x)?;
        if let Some(views) = options.views {
            views.check(self.built_for()?)?;
        }
        let _guard = no_grad_guard();
        let _casts = Casts::keep();
        let batches = Batches::new("x", x, self.built_for()?, self.device)?;
        let mut outputs = Vec::new();
        for (start, length) in spans(batches.count(), options.batch_size) {
            let (x, _) = batches.slice(start, length)?;
            let output = self.infer(&x, options.views)?.predictions()?;
            outputs.push(output.f_to_device(Device::Cpu)?);
            if interrupt::is_requested() {
                return Err(interruptible.error("predict"));
            }
        }
        Ok(Tensor::f_cat(&outputs, 0)?)
    }

    /// The most probable class of each example, `i64` of shape (N,); the first one of equals.
    ///
    /// # Errors
    /// When `x` does not fit the model, or it is [interrupted](crate::interrupt).
    pub fn predict_classes(&mut self, x: &Tensor) -> Result<Tensor> {
        Ok(self.predict(x)?.f_argmax(-1, false)?)
    }

    /// Runs the layers, stopping before the softmax if the last one ends with it.
    pub(crate) fn forward(&self, x: &Tensor, phase: Phase) -> Result<Output> {
        self.forward_from(0, x, phase)
    }

    /// The same from the layer with the index `first` on.
    pub(crate) fn forward_from(&self, first: usize, x: &Tensor, phase: Phase) -> Result<Output> {
        let mut x = x.f_to_kind(self.dtype_policy.compute_kind())?;
        let (plan, ends_with_softmax) = self.plan_from(first);
        for (name, layer, activation) in plan {
            let y = layer.forward(&x, phase, activation);
            x = y.map_err(|error| error.within(&format!("layer {name}")))?;
        }
        let x = x.f_to_kind(Kind::Float)?;
        Ok(match ends_with_softmax {
            true => Output::Logits(x),
            false => Output::Values(x),
        })
    }

    /// The layers from one on with the functions that they have to end with, and whether a last
    /// softmax is left to the loss.
    pub(crate) fn plan_from(&self, first: usize) -> (Vec<Planned<'_>>, bool) {
        let mut plan: Vec<Planned<'_>> = Vec::new();
        let mut nodes = self.nodes.iter().skip(first).peekable();
        let mut ends_with_softmax = false;
        while let Some(node) = nodes.next() {
            let mut activation = node.layer.activation();
            let pool = nodes.next_if(|next| {
                activation == Activation::Relu
                    && next.layer.selects_maxima()
                    && next.layer.activation() == Activation::Linear
            });
            ends_with_softmax = nodes.peek().is_none() && activation == Activation::Softmax;
            if pool.is_some() || ends_with_softmax {
                // Maxima and ReLU may change places; after a 2x2 pool there is a quarter of the
                // numbers left.
                activation = Activation::Linear;
            }
            plan.push((node.name.as_str(), node.layer.as_ref(), activation));
            if let Some(pool) = pool {
                plan.push((pool.name.as_str(), pool.layer.as_ref(), Activation::Relu));
            }
        }
        (plan, ends_with_softmax)
    }

    /// Runs some layers for inference, each to the end of its own activation function.
    pub(crate) fn forward_through(&self, layers: Range<usize>, x: &Tensor) -> Result<Tensor> {
        let mut x = x.f_to_kind(self.dtype_policy.compute_kind())?;
        for node in self.nodes.iter().take(layers.end).skip(layers.start) {
            x = node.forward(&x, Phase::Infer, node.layer.activation())?;
        }
        Ok(x.f_to_kind(Kind::Float)?)
    }

    pub(crate) fn layer_count(&self) -> usize {
        self.nodes.len()
    }

    /// The sum of the layers' penalties, if any has one.
    pub(crate) fn penalty(&self) -> Result<Option<Tensor>> {
        let mut sum: Option<Tensor> = None;
        for node in &self.nodes {
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
        self.nodes
            .iter()
            .flat_map(|node| {
                let parameters = node.layer.parameters().into_iter();
                parameters.map(|p| (format!("{}/{}:0", node.name, p.name), p))
            })
            .collect()
    }

    pub(crate) fn needs_whole_batch(&self) -> bool {
        self.nodes.iter().any(|node| node.layer.needs_whole_batch())
    }

    /// Numbers that the layers put out for one example: a measure of the memory it takes.
    pub(crate) fn activation_count(&self) -> i64 {
        let shapes = self
            .nodes
            .iter()
            .filter_map(|node| node.output_shape.as_ref());
        let counts = shapes.filter_map(Shape::elements);
        counts.fold(0, i64::saturating_add)
    }

    pub(crate) fn output_shape(&self) -> Result<&Shape> {
        self.built_for()?;
        let last = self
            .nodes
            .last()
            .and_then(|node| node.output_shape.as_ref());
        last.ok_or_else(|| self.not_built())
    }

    /// Builds a model that waits for its first data.
    pub(crate) fn build_for(&mut self, argument: &str, x: &Tensor) -> Result<()> {
        self.check_problem()?;
        if self.input_shape.is_some() {
            return Ok(());
        }
        match x.size().as_slice() {
            [_, dims @ ..] if !dims.is_empty() => self.build(dims),
            size => Err(Error::data(
                argument,
                "shape (N, ..), one row per example",
                tuple(size),
                "add the missing axis with unsqueeze(0) or unsqueeze(-1)",
            )),
        }
    }

    /// The input shape of a sound and built model.
    pub(crate) fn built_for(&self) -> Result<&Shape> {
        self.check_problem()?;
        if self.nodes.is_empty() {
            return Err(self.no_layers());
        }
        self.input_shape.as_ref().ok_or_else(|| self.not_built())
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

    fn check_problem(&self) -> Result<()> {
        self.problem.clone().map_or(Ok(()), Err)
    }

    fn no_layers(&self) -> Error {
        Error::NoLayers {
            model: self.name.clone(),
        }
    }

    fn not_built(&self) -> Error {
        Error::NotBuilt {
            model: self.name.clone(),
        }
    }
}

impl Node {
    fn forward(&self, x: &Tensor, phase: Phase, activation: Activation) -> Result<Tensor> {
        self.layer
            .forward(x, phase, activation)
            .map_err(|error| error.within(&format!("layer {}", self.name)))
    }
}

impl Default for Sequential {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Sequential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sequential")
            .field("name", &self.name)
            .field("device", &self.device)
            .field("seed", &self.seed)
            .field("input_shape", &self.input_shape)
            .field("layers", &self.nodes)
            .field("compiled", &self.compiled)
            .field("problem", &self.problem)
            .finish_non_exhaustive()
    }
}

/// Start and length of each batch, the last one perhaps shorter.
pub(crate) fn spans(count: i64, batch_size: i64) -> Vec<(i64, i64)> {
    let starts = (0..count).step_by(usize::try_from(batch_size).unwrap_or(usize::MAX));
    starts
        .map(|start| (start, batch_size.min(count - start)))
        .collect()
}

/// A copy with memory of its own.
pub(crate) fn copy(tensor: &Tensor) -> Result<Tensor> {
    let mut copy = tensor.f_empty_like()?;
    copy.f_copy_(tensor)?;
    Ok(copy)
}
