use tch::Tensor;

use super::activity::Activity;
use super::conv2d::Padding;
use super::kernel_facts::kernel_facts;
use super::kernel_options::kernel_options;
use super::registry::{Registered, layer_facts, registered};
use super::transposed::{Settings, Transposed};
use crate::layers::layer::layer_options;
use crate::layers::layer::not_built;
use crate::tensors::shape::Size2D;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// A transposed convolution over images: what makes them larger where a
/// [`Conv2D`](crate::Conv2D) of the same strides makes them smaller.
///
/// Strides 1, no padding, kernel Glorot uniform, bias zero and no activation unless asked for, as in
/// Keras. The kernel's shape is (kernel height, kernel width, filters, channels).
///
/// ```
/// use labbook_nn::{Conv2DTranspose, Padding, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// let layer = Conv2DTranspose::new(3, 3).strides(2).padding(Padding::Same);
/// model.add(layer.input_shape((16, 16, 8)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [32, 32, 3]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, height, width, channels) to (N, new height, new width, filters).
#[derive(Debug)]
pub struct Conv2DTranspose {
    settings: Settings,
    options: LayerOptions,
    activity: Activity,
    built: Option<Transposed>,
}

registered!(Conv2DTranspose, activity: Activity::default(), built: None);

impl Conv2DTranspose {
    /// A convolution with `filters` outputs per pixel and a kernel such as `(3, 3)`.
    #[must_use]
    pub fn new(filters: i64, kernel_size: impl Into<Size2D>) -> Self {
        Self::of(Settings::new(filters, kernel_size.into().array().to_vec()))
    }

    /// Sets how many pixels lie between the places of neighbouring inputs in the output; the default is 1.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn strides(mut self, strides: impl Into<Size2D>) -> Self {
        self.settings.strides = strides.into().array().to_vec();
        self
    }

    /// Sets what happens at the border; the default is [`Padding::Valid`]. With [`Padding::Same`]
    /// the output is as long as the input times the strides.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn padding(mut self, padding: Padding) -> Self {
        self.settings.padding = padding;
        self
    }

    /// Sets how many pixels lie between the numbers of the kernel; the default is 1. Not with
    /// strides.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn dilation_rate(mut self, dilation_rate: impl Into<Size2D>) -> Self {
        self.settings.dilation_rate = dilation_rate.into().array().to_vec();
        self
    }

    /// Sets how much longer the output is at its end than it has to be; without this it is as long
    /// as Keras makes it.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn output_padding(mut self, output_padding: impl Into<Size2D>) -> Self {
        self.settings.output_padding = Some(output_padding.into().array().to_vec());
        self
    }
    kernel_options!(settings.kernel);

    layer_options!();
}

impl Layer for Conv2DTranspose {
    layer_facts!(Conv2DTranspose, whole_batch_or_not);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let (built, output) = self.settings.build(2, input, context)?;
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

    kernel_facts!(input);
}
