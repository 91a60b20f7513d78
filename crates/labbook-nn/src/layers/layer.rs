use std::fmt;

use tch::{Device, Tensor};

use crate::random::Rng;
use crate::tensors::memory::{available_memory, gigabytes};
use crate::{
    Activation, Constraint, Error, Initializer, LayerConfig, Result, Shape, StepMemory, StepsSeen,
};

/// Whether a layer runs for training or for inference.
///
/// ```
/// use labbook_nn::{Activation, Dropout, Layer, Phase};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let x = Tensor::ones([2, 3], (Kind::Float, Device::Cpu));
/// let kept = Dropout::new(0.5).forward(&x, Phase::Infer, Activation::Linear)?;
/// assert_eq!(kept, x);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Dropout drops, gradients are kept.
    Train,
    /// Evaluation and prediction.
    Infer,
}

/// The options that every layer has.
///
/// ```
/// use labbook_nn::{Dense, Layer};
///
/// let layer = Dense::new(4).name("hidden").trainable(false);
/// assert_eq!(layer.options().name.as_deref(), Some("hidden"));
/// assert!(layer.options().frozen);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LayerOptions {
    /// The name asked for; `None` counts one as Keras does.
    pub name: Option<String>,
    /// The shape of one example, given to the first layer of a model.
    pub input_shape: Option<Shape>,
    /// Whether training leaves the weights as they are.
    pub frozen: bool,
}

/// The builder methods that all layers share.
macro_rules! layer_options {
    () => {
        $crate::layers::layer::layer_options!(without_call);

        /// What the layer makes of one symbolic tensor or, for a merging layer, of several; as
        /// `layer(x)` does in Keras.
        ///
        /// Never fails: what does not fit is told by [`Model::new`]($crate::Model::new).
        pub fn call(self, inputs: impl Into<$crate::SymbolicTensors>) -> $crate::SymbolicTensor {
            self.shared().call(inputs)
        }
    };
    // For a layer whose own `call` computes at once.
    (without_call) => {
        /// The layer to be called in several places, with the same weights in each.
        #[must_use]
        pub fn shared(self) -> $crate::SharedLayer {
            $crate::SharedLayer::new(self)
        }

        /// Names the layer; without this it is named as Keras would name it.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn name(mut self, name: impl Into<String>) -> Self {
            self.options.name = Some(name.into());
            self
        }

        /// Tells the shape of one example, without the batch axis, when this layer comes first.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn input_shape(mut self, shape: impl Into<$crate::Shape>) -> Self {
            self.options.input_shape = Some(shape.into());
            self
        }

        /// Says whether training changes the layer's weights; the default is `true`.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn trainable(mut self, trainable: bool) -> Self {
            self.options.frozen = !trainable;
            self
        }
    };
}
pub(crate) use layer_options;

/// One weight of a layer.
///
/// ```
/// use labbook_nn::Parameter;
/// use tch::Tensor;
///
/// let kernel = Parameter::new("kernel", &Tensor::from_slice(&[1_f32, 2.0]));
/// assert_eq!(kernel.count(), 2);
/// assert!(kernel.trainable);
/// ```
#[derive(Debug)]
pub struct Parameter {
    /// Name within the layer: `kernel`, `bias`. Of two with one name a model numbers the second.
    pub name: String,
    /// The tensor that the layer computes with; a leaf of the autograd graph.
    pub value: Tensor,
    /// The axes of `value` in Keras's order; `None` where the two orders agree.
    pub keras_axes: Option<Vec<i64>>,
    /// Whether the optimizer changes it.
    pub trainable: bool,
    /// What it is held to after each step.
    pub constraint: Option<Constraint>,
}

impl Parameter {
    /// A trainable weight that is stored in Keras's order of axes.
    #[must_use]
    pub fn new(name: impl Into<String>, value: &Tensor) -> Self {
        Self {
            name: name.into(),
            value: value.shallow_clone(),
            keras_axes: None,
            trainable: true,
            constraint: None,
        }
    }

    /// Says whether training changes it; the default is `true`. A running mean is not trained: it
    /// is state, which `forward` changes in place and a saved model keeps.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn trainable(mut self, trainable: bool) -> Self {
        self.trainable = trainable;
        self
    }

    /// States the order in which the stored axes give Keras's shape.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn keras_axes(mut self, axes: impl Into<Vec<i64>>) -> Self {
        self.keras_axes = Some(axes.into());
        self
    }

    /// A gradient-free view of `tensor`, which is stored like this weight, in Keras's shape.
    pub(crate) fn keras_view(&self, tensor: &Tensor) -> Result<Tensor> {
        let tensor = tensor.f_detach()?;
        match &self.keras_axes {
            Some(axes) => Ok(tensor.f_permute(axes.as_slice())?),
            None => Ok(tensor),
        }
    }

    /// How many numbers the weight holds.
    #[must_use]
    pub fn count(&self) -> i64 {
        self.value.size().iter().product()
    }
}

/// Weights are `f32`.
const BYTES_OF_A_NUMBER: u64 = 4;
/// Below this there is no need to ask how much memory there is.
const LARGE: u64 = 256 << 20;

/// What a layer is given to make its weights.
///
/// ```
/// use labbook_nn::{BuildContext, Initializer, Result, Shape};
/// use tch::Tensor;
///
/// /// What the `build` of a layer of one's own does with it.
/// fn kernel(input: &Shape, context: &mut BuildContext<'_>) -> Result<Tensor> {
///     match input.dims() {
///         &[features] => context.dense_kernel(Initializer::HeNormal, [features, 4]),
///         _ => Err(context.error("rows of numbers", input, "put Flatten before it")),
///     }
/// }
/// ```
#[derive(Debug)]
pub struct BuildContext<'a> {
    pub(crate) name: &'a str,
    pub(crate) class_name: &'static str,
    pub(crate) rng: &'a mut Rng,
    pub(crate) device: Device,
    /// How many numbers the weights may still hold: a file's promise, when one is loaded.
    pub(crate) room: &'a mut Option<i64>,
}

impl BuildContext<'_> {
    /// Where the weights have to live.
    #[must_use]
    pub fn device(&self) -> Device {
        self.device
    }

    /// The kernel of a convolution, of shape (filters, height, width, channels).
    ///
    /// # Errors
    /// When there is not enough memory.
    pub fn convolution_kernel(
        &mut self,
        initializer: Initializer,
        sizes: [i64; 4],
    ) -> Result<Tensor> {
        self.take_room(&sizes)?;
        initializer.convolution(sizes, self.rng, self.device)
    }

    /// The kernel of a fully connected layer, of shape (inputs, units).
    ///
    /// # Errors
    /// When there is not enough memory.
    pub fn dense_kernel(&mut self, initializer: Initializer, sizes: [i64; 2]) -> Result<Tensor> {
        self.take_room(&sizes)?;
        initializer.dense(sizes, self.rng, self.device)
    }

    /// Any other weight, given how many inputs one output is connected to, and how many outputs
    /// one input.
    ///
    /// # Errors
    /// When there is not enough memory.
    pub fn weight(
        &mut self,
        initializer: Initializer,
        sizes: &[i64],
        fans: (f64, f64),
    ) -> Result<Tensor> {
        self.take_room(sizes)?;
        initializer.draw(sizes, fans, self.rng, self.device)
    }

    /// A row of `size` zeros.
    ///
    /// # Errors
    /// When there is not enough memory.
    pub fn zeros(&mut self, size: i64) -> Result<Tensor> {
        self.take_room(&[size])?;
        crate::layers::initializer::zeros(size, self.device)
    }

    fn take_room(&mut self, sizes: &[i64]) -> Result<()> {
        let count = sizes
            .iter()
            .try_fold(1_i64, |product, &size| product.checked_mul(size));
        let bytes = count.map_or(u64::MAX, |count| {
            count.unsigned_abs().saturating_mul(BYTES_OF_A_NUMBER)
        });
        // The system may promise more memory than it has, and end the process that uses it.
        if bytes > LARGE
            && let Some(available) = available_memory().filter(|&available| bytes > available)
        {
            return Err(self.error(
                &format!("weights that fit into {} of memory", gigabytes(available)),
                format!("a weight of the sizes {sizes:?}"),
                "use fewer units or filters, a smaller kernel, or smaller inputs",
            ));
        }
        let Some(room) = *self.room else {
            return Ok(());
        };
        let left = count
            .and_then(|count| room.checked_sub(count))
            .filter(|&left| left >= 0);
        let left = left.ok_or_else(|| {
            self.error(
                &format!("weights of at most {room} numbers"),
                format!("a weight of the sizes {sizes:?}"),
                "use smaller layers; if the model comes from a file, save it again",
            )
        })?;
        *self.room = Some(left);
        Ok(())
    }

    /// An error that names the layer being built.
    #[must_use]
    pub fn error(&self, expected: &str, received: impl fmt::Display, advice: &str) -> Error {
        Error::Layer {
            layer: self.name.to_owned(),
            class_name: self.class_name.to_owned(),
            expected: expected.to_owned(),
            received: received.to_string(),
            advice: advice.to_owned(),
        }
    }
}

/// A step of a [`Model`](crate::Model).
///
/// Tensors are Keras-shaped: the batch axis first, images as (N, height, width, channels).
/// They are `f32`, or bfloat16 where the model's [dtype policy](crate::DtypePolicy) says so, and
/// a layer puts out what it was given.
/// A layer is made by its options alone and gets its weights when the model learns the shape
/// of its input.
///
/// ```
/// use labbook_nn::{Activation, BuildContext, Layer, LayerOptions, Parameter, Phase, Result, Sequential, Shape};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// /// Adds a bias that it learns.
/// #[derive(Debug, Default)]
/// struct Shift {
///     options: LayerOptions,
///     bias: Option<Tensor>,
/// }
///
/// impl Layer for Shift {
///     fn class_name(&self) -> &'static str {
///         "Shift"
///     }
///
///     fn options(&self) -> &LayerOptions {
///         &self.options
///     }
///
///     fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
///         let Some(&last) = input.dims().last() else {
///             return Err(context.error("an input of rank 2 or more", input, "use rows"));
///         };
///         self.bias = Some(context.zeros(last)?);
///         Ok(input.clone())
///     }
///
///     fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
///         Ok(match &self.bias {
///             Some(bias) => x + bias,
///             None => x.shallow_clone(),
///         })
///     }
///
///     fn parameters(&self) -> Vec<Parameter> {
///         self.bias.iter().map(|bias| Parameter::new("bias", bias)).collect()
///     }
/// }
///
/// let mut model = Sequential::new();
/// model.add(Shift::default());
/// model.build(4)?;
/// assert_eq!(model.count_params()?, 4);
/// # Ok(())
/// # }
/// ```
pub trait Layer: fmt::Debug + Send {
    /// Name of the kind of layer, such as `Conv2D`.
    fn class_name(&self) -> &'static str;

    /// The name and the input shape that were asked for.
    fn options(&self) -> &LayerOptions;

    /// The options, if a saved model can keep them: those of a layer written elsewhere it
    /// cannot.
    fn config(&self) -> Option<LayerConfig> {
        None
    }

    /// Checks the options against the input, makes the weights and tells the output shape.
    ///
    /// # Errors
    /// When options or input do not fit; [`BuildContext::error`] makes the message.
    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape>;

    /// [`build`](Self::build) for a layer that takes several tensors at once.
    ///
    /// # Errors
    /// When options or inputs do not fit.
    fn build_many(&mut self, inputs: &[Shape], context: &mut BuildContext<'_>) -> Result<Shape> {
        self.build(single(inputs, context)?, context)
    }

    /// The output shape for inputs of other shapes than those it was built for, with the weights
    /// that it has; `None` if it serves only those.
    ///
    /// A layer may be called in several places. The safe answer is the default: a layer that
    /// remembers the shapes it was built for must not be called on others.
    ///
    /// # Errors
    /// When the inputs do not fit, with more to say than that they differ.
    fn compute_output_shape(
        &self,
        inputs: &[Shape],
        context: &BuildContext<'_>,
    ) -> Result<Option<Shape>> {
        let _ = (inputs, context);
        Ok(None)
    }

    /// Computes the output, ending with `activation` in place of the layer's own.
    ///
    /// The model passes the layer's own, or `Linear` where it wants the values before it, or
    /// `Relu` to a layer that [selects maxima](Self::selects_maxima).
    ///
    /// # Errors
    /// When libtorch refuses, for instance for lack of memory.
    fn forward(&self, x: &Tensor, phase: Phase, activation: Activation) -> Result<Tensor>;

    /// [`forward`](Self::forward) for a layer that takes several tensors at once. What it is
    /// given others may need as well, so it must not change it.
    ///
    /// # Errors
    /// When libtorch refuses, for instance for lack of memory.
    fn forward_many(
        &self,
        inputs: &[&Tensor],
        phase: Phase,
        activation: Activation,
    ) -> Result<Tensor> {
        match inputs {
            [x] => self.forward(x, phase, activation),
            _ => Err(not_built(self.class_name(), self.options())),
        }
    }

    /// [`forward_many`](Self::forward_many) with the masks that come with the inputs: `bool`
    /// tensors (N, steps), `false` where a step is no part of its sequence. Layers that treat all
    /// steps alike need not know of them.
    ///
    /// # Errors
    /// When libtorch refuses, for instance for lack of memory.
    fn forward_masked(
        &self,
        inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
        phase: Phase,
        activation: Activation,
    ) -> Result<Tensor> {
        let _ = masks;
        self.forward_many(inputs, phase, activation)
    }

    /// Which steps the output at a step depends on; the safe answer, all, is the default.
    fn steps_seen(&self) -> StepsSeen {
        StepsSeen::All
    }

    /// The outputs of steps that follow those that the layer remembers, for inference: what
    /// [`forward_many`](Self::forward_many) on all of them would give for these. Asked only of layers
    /// that see [no later steps](StepsSeen); those that see earlier ones keep what they need.
    ///
    /// # Errors
    /// When libtorch refuses.
    fn forward_next(
        &self,
        inputs: &[&Tensor],
        memory: &mut StepMemory,
        activation: Activation,
    ) -> Result<Tensor> {
        let _ = memory;
        self.forward_many(inputs, Phase::Infer, activation)
    }

    /// How much of each step the heads of a layer of attention gather for each step, (N, heads, steps,
    /// steps); none from other layers.
    ///
    /// # Errors
    /// When libtorch refuses.
    fn attention_scores(
        &self,
        inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
    ) -> Result<Option<Tensor>> {
        let _ = (inputs, masks);
        Ok(None)
    }

    /// Forgets the state that a stateful layer carries from batch to batch.
    fn reset_states(&self) {}

    /// The mask of the output. As in Keras 3, the layers behind see none unless a layer says
    /// otherwise; one that leaves the steps where they are passes the first on:
    /// `Ok(masks[0].map(Tensor::shallow_clone))`.
    ///
    /// Asked only for models in which some layer [makes masks](Self::makes_mask).
    ///
    /// # Errors
    /// When libtorch refuses.
    fn compute_mask(
        &self,
        inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
    ) -> Result<Option<Tensor>> {
        let _ = (inputs, masks);
        Ok(None)
    }

    /// Whether it gives its output a mask though its input has none. A mean over the steps that
    /// count is one over the batch, so such a layer needs the [whole
    /// batch](Self::needs_whole_batch), too.
    fn makes_mask(&self) -> bool {
        false
    }

    /// Whether a layer whose weights training leaves as they are also computes as for inference.
    fn infers_when_frozen(&self) -> bool {
        false
    }

    /// Whether it takes whole numbers, `i64`, as an embedding does: they then stay such on their
    /// way from the data, also where others compute in bfloat16.
    fn takes_integers(&self) -> bool {
        false
    }

    /// The function that the layer ends with.
    fn activation(&self) -> Activation {
        Activation::Linear
    }

    /// The weights, in Keras's order. Empty before `build`.
    fn parameters(&self) -> Vec<Parameter> {
        Vec::new()
    }

    /// What the layer adds to the loss, as a tensor without axes.
    ///
    /// # Errors
    /// When libtorch refuses.
    fn penalty(&self) -> Result<Option<Tensor>> {
        Ok(None)
    }

    /// How many multiplications, each with an addition, an example with this output takes.
    /// Layers without a kernel count as none.
    fn multiply_adds(&self, output: &Shape) -> i64 {
        let _ = output;
        0
    }

    /// Whether every output is the largest of some inputs, so that ReLU may as well come after.
    fn selects_maxima(&self) -> bool {
        false
    }

    /// Whether training has to see a batch as a whole, because examples influence each other.
    ///
    /// Otherwise the model may send a batch through in pieces and add the gradients up, which
    /// is faster. The safe answer is the default.
    fn needs_whole_batch(&self) -> bool {
        true
    }
}

/// The one input of a layer that takes one.
pub(crate) fn single<'a>(inputs: &'a [Shape], context: &BuildContext<'_>) -> Result<&'a Shape> {
    match inputs {
        [input] => Ok(input),
        _ => Err(context.error(
            "one input",
            format!("{} inputs", inputs.len()),
            "join them first, for instance with Concatenate",
        )),
    }
}

/// Passes the mask of the first input on, for layers that leave the steps where they are.
macro_rules! passes_mask {
    () => {
        fn compute_mask(
            &self,
            _inputs: &[&tch::Tensor],
            masks: &[Option<&tch::Tensor>],
        ) -> $crate::Result<Option<tch::Tensor>> {
            Ok($crate::layers::layer::first_mask(masks).map(tch::Tensor::shallow_clone))
        }
    };
}
pub(crate) use passes_mask;

/// The calls without masks of a layer that computes in `forward_masked`, for one input or several.
macro_rules! masked_calls {
    () => {
        fn forward(
            &self,
            x: &tch::Tensor,
            phase: $crate::Phase,
            activation: $crate::Activation,
        ) -> $crate::Result<tch::Tensor> {
            self.forward_masked(&[x], &[None], phase, activation)
        }
    };
    (several) => {
        $crate::layers::layer::masked_calls!();

        fn build(
            &mut self,
            input: &$crate::Shape,
            context: &mut $crate::BuildContext<'_>,
        ) -> $crate::Result<$crate::Shape> {
            self.build_many(std::slice::from_ref(input), context)
        }

        fn forward_many(
            &self,
            inputs: &[&tch::Tensor],
            phase: $crate::Phase,
            activation: $crate::Activation,
        ) -> $crate::Result<tch::Tensor> {
            self.forward_masked(inputs, &[], phase, activation)
        }
    };
}
pub(crate) use masked_calls;

/// The mask of the first input.
pub(crate) fn first_mask<'a>(masks: &[Option<&'a Tensor>]) -> Option<&'a Tensor> {
    masks.first().copied().flatten()
}

/// What a layer answers when it is asked to compute before it has weights.
pub(crate) fn not_built(class_name: &str, options: &LayerOptions) -> Error {
    Error::Layer {
        layer: options.name.clone().unwrap_or_default(),
        class_name: class_name.to_owned(),
        expected: "a built layer".to_owned(),
        received: "one without weights".to_owned(),
        advice: "add it to a model, which builds it".to_owned(),
    }
}

/// A layer as the model sees it: its names, shapes and size.
///
/// ```
/// use labbook_nn::{Dense, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Dense::new(3).name("rows").input_shape(4));
/// let info = model.layer("rows")?;
/// assert_eq!((info.params, info.flops), (15, 24));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerInfo {
    /// Name within the model, such as `conv2d_1`.
    pub name: String,
    /// Kind of layer, such as `Conv2D`.
    pub class_name: String,
    /// What goes in: the layers that give it, or the model's inputs.
    pub inputs: Vec<String>,
    /// Shape of one example that goes in; of several inputs the first one's.
    pub input_shape: Shape,
    /// Shape of one example that comes out.
    pub output_shape: Shape,
    /// The function that the layer ends with.
    pub activation: Activation,
    /// Number of weights.
    pub params: i64,
    /// Number of weights that training changes.
    pub trainable_params: i64,
    /// Floating-point operations for one example in all calls of the layer: twice the
    /// multiplications of the kernels.
    pub flops: i64,
}
