use tch::Tensor;

use super::activity::Activity;
use super::conv2d::Padding;
use super::convolution::{Convolution, Settings};
use super::kernel_facts::kernel_facts;
use super::kernel_options::kernel_options;
use super::registry::{Registered, layer_facts, registered};
use crate::layers::layer::layer_options;
use crate::layers::layer::not_built;
use crate::tensors::shape::Size3D;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// A convolution over volumes, or over images that follow each other in time.
///
/// Strides 1, no padding, kernel Glorot uniform, bias zero and no activation unless asked for, as in
/// Keras. The kernel's shape is (depth, height, width, channels, filters).
///
/// ```
/// use labbook_nn::{Conv3D, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Conv3D::new(8, 3).input_shape([9, 9, 9, 2]));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [7, 7, 7, 8]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, depth, height, width, channels) to (N, new depth, new height, new width, filters).
#[derive(Debug)]
pub struct Conv3D {
    settings: Settings,
    options: LayerOptions,
    activity: Activity,
    built: Option<Convolution>,
}

registered!(Conv3D, activity: Activity::default(), built: None);

impl Conv3D {
    /// A convolution with `filters` outputs per pixel and a kernel such as `(3, 3, 3)`.
    #[must_use]
    pub fn new(filters: i64, kernel_size: impl Into<Size3D>) -> Self {
        Self::of(Settings::new(filters, kernel_size.into().array().to_vec()))
    }

    /// Sets how many pixels the kernel moves at a time; the default is 1.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn strides(mut self, strides: impl Into<Size3D>) -> Self {
        self.settings.strides = strides.into().array().to_vec();
        self
    }

    /// Sets what happens at the border; the default is [`Padding::Valid`].
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn padding(mut self, padding: Padding) -> Self {
        self.settings.padding = padding;
        self
    }

    /// Sets how many pixels lie between the numbers of the kernel; the default is 1. Not with
    /// strides.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn dilation_rate(mut self, dilation_rate: impl Into<Size3D>) -> Self {
        self.settings.dilation_rate = dilation_rate.into().array().to_vec();
        self
    }

    /// Sets into how many groups channels and filters are divided, each of which sees only its own;
    /// the default is 1.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn groups(mut self, groups: i64) -> Self {
        self.settings.groups = groups;
        self
    }
    kernel_options!(settings.kernel);

    layer_options!();
}

impl Layer for Conv3D {
    layer_facts!(Conv3D, whole_batch_or_not);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let (built, output) = self.settings.build(3, input, context)?;
        self.built = Some(built);
        Ok(output)
    }

    fn forward(&self, x: &Tensor, phase: Phase, activation: Activation) -> Result<Tensor> {
        let Some(built) = &self.built else {
            return Err(not_built(self.class_name(), &self.options));
        };
        let settings = &self.settings;
        settings.forward(built, &self.activity, x, phase, activation)
    }

    kernel_facts!(output);
}
