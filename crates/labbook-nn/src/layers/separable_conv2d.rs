use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::activity::Activity;
use super::conv2d::Padding;
use super::depthwise::Depthwise;
use super::kernel_options::{KernelOptions, KernelWeights, bias_options};
use super::registry::{Registered, layer_facts, registered};
use super::spatial::{axes, channels_first, channels_last, check_sizes, output_shape};
use crate::layers::layer::{layer_options, not_built};
use crate::tensors::casts::weight_like;
use crate::tensors::shape::Size2D;
use crate::{
    Activation, BuildContext, Constraint, Initializer, Layer, LayerOptions, Parameter, Phase,
    Regularizer, Result, Shape,
};

/// A convolution of each channel by itself, and then one of single pixels that joins the channels:
/// far fewer weights than a [`Conv2D`](crate::Conv2D) has.
///
/// Strides 1, no padding, kernels Glorot uniform, bias zero and no activation unless asked for, as
/// in Keras. The kernels' shapes are (kernel height, kernel width, channels, depth multiplier) and
/// (1, 1, channels · depth multiplier, filters).
///
/// ```
/// use labbook_nn::{SeparableConv2D, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(SeparableConv2D::new(16, 3).input_shape((8, 8, 4)));
/// assert_eq!(model.count_params()?, 3 * 3 * 4 + 4 * 16 + 16);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, height, width, channels) to (N, new height, new width, filters).
#[derive(Debug)]
pub struct SeparableConv2D {
    settings: Settings,
    options: LayerOptions,
    activity: Activity,
    built: Option<Built>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    filters: i64,
    depthwise: Depthwise,
    depthwise_initializer: Initializer,
    depthwise_regularizer: Option<Regularizer>,
    depthwise_constraint: Option<Constraint>,
    pointwise: KernelOptions,
}

#[derive(Debug)]
struct Built {
    depthwise: Tensor,
    pointwise: KernelWeights,
    borders: Vec<(i64, i64)>,
}

registered!(SeparableConv2D, activity: Activity::default(), built: None);

impl SeparableConv2D {
    /// A convolution with `filters` outputs per pixel and a kernel such as `(3, 3)` or `3`.
    #[must_use]
    pub fn new(filters: i64, kernel_size: impl Into<Size2D>) -> Self {
        Self::of(Settings {
            filters,
            depthwise: Depthwise::new(kernel_size.into()),
            depthwise_initializer: Initializer::default(),
            depthwise_regularizer: None,
            depthwise_constraint: None,
            pointwise: KernelOptions::default(),
        })
    }

    super::depthwise::depthwise_options!();

    /// Sets the function at the end.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn activation(mut self, activation: Activation) -> Self {
        self.settings.pointwise.activation = activation;
        self
    }

    /// Sets what the first kernel is before training; the default is Glorot uniform.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn depthwise_initializer(mut self, initializer: Initializer) -> Self {
        self.settings.depthwise_initializer = initializer;
        self
    }

    /// Adds a penalty on the first kernel to the loss.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn depthwise_regularizer(mut self, regularizer: impl Into<Regularizer>) -> Self {
        self.settings.depthwise_regularizer = Some(regularizer.into());
        self
    }

    /// Holds the first kernel within a [constraint](crate::Constraint) after each step.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn depthwise_constraint(mut self, constraint: Constraint) -> Self {
        self.settings.depthwise_constraint = Some(constraint);
        self
    }

    /// Sets what the second kernel is before training; the default is Glorot uniform.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn pointwise_initializer(mut self, initializer: Initializer) -> Self {
        self.settings.pointwise.kernel_initializer = initializer;
        self
    }

    /// Adds a penalty on the second kernel to the loss.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn pointwise_regularizer(mut self, regularizer: impl Into<Regularizer>) -> Self {
        self.settings.pointwise.kernel_regularizer = Some(regularizer.into());
        self
    }

    /// Holds the second kernel within a [constraint](crate::Constraint) after each step.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn pointwise_constraint(mut self, constraint: Constraint) -> Self {
        self.settings.pointwise.kernel_constraint = Some(constraint);
        self
    }

    bias_options!(settings.pointwise);
    layer_options!();
}

impl Layer for SeparableConv2D {
    layer_facts!(SeparableConv2D, whole_batch_or_not);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let settings = &self.settings;
        check_sizes("a number of filters", &[settings.filters], 1, context)?;
        settings.depthwise.check(context)?;
        settings.pointwise.check(4, context)?;
        // The first kernel's own options are checked as a kernel's.
        KernelOptions {
            kernel_initializer: settings.depthwise_initializer,
            kernel_regularizer: settings.depthwise_regularizer,
            kernel_constraint: settings.depthwise_constraint,
            ..KernelOptions::default()
        }
        .check(4, context)?;
        let (sizes, channels) = axes(input, 2, context)?;
        let (mut output, borders) = settings.depthwise.windows(sizes, input, context)?;
        output.push(settings.filters);
        let output = output_shape(output, context)?;
        let inner = channels.saturating_mul(settings.depthwise.depth_multiplier);
        let depthwise =
            settings
                .depthwise
                .kernel(settings.depthwise_initializer, channels, context)?;
        let initializer = settings.pointwise.kernel_initializer;
        let pointwise = context
            .convolution_kernel(initializer, [settings.filters, 1, 1, inner])?
            .f_permute([0, 3, 1, 2])?
            .f_set_requires_grad(true)?;
        self.built = Some(Built {
            depthwise,
            pointwise: KernelWeights {
                kernel: pointwise,
                keras_axes: Some(vec![2, 3, 1, 0]),
                bias: settings.pointwise.bias(settings.filters, context)?,
            },
            borders,
        });
        Ok(output)
    }

    fn forward(&self, x: &Tensor, phase: Phase, activation: Activation) -> Result<Tensor> {
        let Some(built) = &self.built else {
            return Err(not_built(self.class_name(), &self.options));
        };
        let x = channels_first(x)?;
        let settings = &self.settings;
        let x = settings
            .depthwise
            .forward(&x, &built.depthwise, None, &built.borders)?;
        let kernel = weight_like(&built.pointwise.kernel, &x)?;
        let bias = built.pointwise.bias_like(&x)?;
        let y = channels_last(x.f_conv2d(&kernel, bias, 1, 0, 1, 1)?, activation)?;
        settings
            .pointwise
            .seen(&self.activity, y, phase, activation)
    }

    fn activation(&self) -> Activation {
        self.settings.pointwise.activation
    }

    fn parameters(&self) -> Vec<Parameter> {
        let Some(built) = &self.built else {
            return Vec::new();
        };
        let depthwise = Parameter {
            constraint: self.settings.depthwise_constraint,
            ..Parameter::new("depthwise_kernel", &built.depthwise).keras_axes([2, 3, 0, 1])
        };
        let mut others = self.settings.pointwise.parameters(Some(&built.pointwise));
        if let Some(kernel) = others.first_mut() {
            kernel.name = "pointwise_kernel".to_owned();
        }
        [depthwise].into_iter().chain(others).collect()
    }

    fn penalty(&self) -> Result<Option<Tensor>> {
        let Some(built) = &self.built else {
            return Ok(None);
        };
        let pointwise = self
            .settings
            .pointwise
            .penalty(&built.pointwise, &self.activity)?;
        let Some(regularizer) = self.settings.depthwise_regularizer else {
            return Ok(pointwise);
        };
        let depthwise = regularizer.penalty(&built.depthwise)?;
        Ok(Some(match pointwise {
            Some(pointwise) => depthwise.f_add(&pointwise)?,
            None => depthwise,
        }))
    }

    fn needs_whole_batch(&self) -> bool {
        self.settings.pointwise.activity_regularizer.is_some()
    }

    fn multiply_adds(&self, output: &Shape) -> i64 {
        let filters = self.settings.filters.max(1);
        let pixels = output.elements().unwrap_or(i64::MAX) / filters;
        let inner = self.built.as_ref();
        let inner = inner.map_or(0, |built| built.pointwise.kernel.size()[1]);
        let each = inner.saturating_mul(self.settings.depthwise.field() + filters);
        pixels.saturating_mul(each)
    }
}
