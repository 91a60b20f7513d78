use tch::Tensor;

use super::conv2d::Padding;
use super::registry::{Registered, layer_facts, registered};
use super::windows::Settings;
use crate::layers::layer::layer_options;
use crate::tensors::shape::Size3D;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// The largest value of each window of voxels, channel by channel.
///
/// Strides equal the pool size unless asked for otherwise. Only whole windows count, as with
/// Keras's default padding.
///
/// ```
/// use labbook_nn::{MaxPooling3D, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(MaxPooling3D::new(2).input_shape([5, 4, 4, 3]));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [2, 2, 2, 3]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, depth, height, width, channels) to (N, new depth, new height, new width, channels).
#[derive(Debug)]
pub struct MaxPooling3D {
    settings: Settings,
    options: LayerOptions,
}

registered!(MaxPooling3D);

impl MaxPooling3D {
    /// Pools windows of `pool_size`; Keras's default is 2.
    #[must_use]
    pub fn new(pool_size: impl Into<Size3D>) -> Self {
        Self::of(Settings::new(pool_size.into().array().to_vec()))
    }

    /// Sets how far the window moves at a time; the default is the pool size.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn strides(mut self, strides: impl Into<Size3D>) -> Self {
        self.settings.strides = Some(strides.into().array().to_vec());
        self
    }

    /// Sets what happens at the border; the default is [`Padding::Valid`]. With
    /// [`Padding::Same`] windows may reach over it, and only what is within counts.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn padding(mut self, padding: Padding) -> Self {
        self.settings.padding = padding;
        self
    }

    layer_options!();
}

impl Layer for MaxPooling3D {
    layer_facts!(MaxPooling3D);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        self.settings.output(3, input, context)
    }

    fn forward(&self, x: &Tensor, _phase: Phase, activation: Activation) -> Result<Tensor> {
        self.settings.largest(x, activation)
    }

    fn selects_maxima(&self) -> bool {
        true
    }
}
