use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::activity::Activity;
use super::conv2d::Padding;
use super::depthwise::Depthwise;
use super::kernel_options::{KernelOptions, KernelWeights, bias_options};
use super::registry::{Registered, layer_facts, registered};
use super::spatial::{axes, channels_first, channels_last, output_shape};
use crate::layers::layer::{layer_options, not_built};
use crate::tensors::shape::Size2D;
use crate::{
    Activation, BuildContext, Constraint, Initializer, Layer, LayerOptions, Parameter, Phase,
    Regularizer, Result, Shape,
};

/// A convolution of each channel by itself, with filters of its own.
///
/// Strides 1, no padding, one filter for each channel, kernel Glorot uniform, bias zero and no
/// activation unless asked for, as in Keras. The kernel's shape is (kernel height, kernel width,
/// channels, depth multiplier).
///
/// ```
/// use labbook_nn::{DepthwiseConv2D, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// let layer = DepthwiseConv2D::new(3).depth_multiplier(2);
/// model.add(layer.input_shape((8, 8, 5)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [6, 6, 10]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, height, width, channels) to (N, new height, new width, channels · depth multiplier).
#[derive(Debug)]
pub struct DepthwiseConv2D {
    settings: Settings,
    options: LayerOptions,
    activity: Activity,
    built: Option<Built>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    depthwise: Depthwise,
    kernel: KernelOptions,
}

#[derive(Debug)]
struct Built {
    weights: KernelWeights,
    borders: Vec<(i64, i64)>,
}

registered!(DepthwiseConv2D, activity: Activity::default(), built: None);

impl DepthwiseConv2D {
    /// A convolution with a kernel such as `(3, 3)` or `3`.
    #[must_use]
    pub fn new(kernel_size: impl Into<Size2D>) -> Self {
        Self::of(Settings {
            depthwise: Depthwise::new(kernel_size.into()),
            kernel: KernelOptions::default(),
        })
    }

    super::depthwise::depthwise_options!();

    /// Sets the function at the end.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn activation(mut self, activation: Activation) -> Self {
        self.settings.kernel.activation = activation;
        self
    }

    /// Sets what the kernel is before training; the default is Glorot uniform.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn depthwise_initializer(mut self, initializer: Initializer) -> Self {
        self.settings.kernel.kernel_initializer = initializer;
        self
    }

    /// Adds a penalty on the kernel to the loss.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn depthwise_regularizer(mut self, regularizer: impl Into<Regularizer>) -> Self {
        self.settings.kernel.kernel_regularizer = Some(regularizer.into());
        self
    }

    /// Holds the kernel within a [constraint](crate::Constraint) after each step.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn depthwise_constraint(mut self, constraint: Constraint) -> Self {
        self.settings.kernel.kernel_constraint = Some(constraint);
        self
    }

    bias_options!(settings.kernel);
    layer_options!();
}

impl Layer for DepthwiseConv2D {
    layer_facts!(DepthwiseConv2D, whole_batch_or_not);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let Settings { depthwise, kernel } = &self.settings;
        depthwise.check(context)?;
        kernel.check(4, context)?;
        let (sizes, channels) = axes(input, 2, context)?;
        let (mut output, borders) = depthwise.windows(sizes, input, context)?;
        let filters = channels.saturating_mul(depthwise.depth_multiplier);
        output.push(filters);
        let output = output_shape(output, context)?;
        self.built = Some(Built {
            weights: KernelWeights {
                kernel: depthwise.kernel(kernel.kernel_initializer, channels, context)?,
                keras_axes: Some(vec![2, 3, 0, 1]),
                bias: kernel.bias(filters, context)?,
            },
            borders,
        });
        Ok(output)
    }

    fn forward(&self, x: &Tensor, phase: Phase, activation: Activation) -> Result<Tensor> {
        let Some(Built { weights, borders }) = &self.built else {
            return Err(not_built(self.class_name(), &self.options));
        };
        let Settings { depthwise, kernel } = &self.settings;
        let x = channels_first(x)?;
        let bias = weights.bias_like(&x)?;
        let y = depthwise.forward(&x, &weights.kernel, bias, borders)?;
        let y = channels_last(y, activation)?;
        kernel.seen(&self.activity, y, phase, activation)
    }

    fn activation(&self) -> Activation {
        self.settings.kernel.activation
    }

    fn parameters(&self) -> Vec<Parameter> {
        let weights = self.built.as_ref().map(|built| &built.weights);
        self.settings.kernel.parameters(weights)
    }

    fn penalty(&self) -> Result<Option<Tensor>> {
        match &self.built {
            Some(built) => self.settings.kernel.penalty(&built.weights, &self.activity),
            None => Ok(None),
        }
    }

    fn needs_whole_batch(&self) -> bool {
        self.settings.kernel.activity_regularizer.is_some()
    }

    fn multiply_adds(&self, output: &Shape) -> i64 {
        let field = self.settings.depthwise.field();
        output.elements().unwrap_or(i64::MAX).saturating_mul(field)
    }
}
