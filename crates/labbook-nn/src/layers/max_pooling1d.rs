use tch::Tensor;

use super::conv2d::Padding;
use super::registry::{Registered, layer_facts, registered};
use super::windows::Settings;
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// The largest value of each window of steps, channel by channel.
///
/// Strides equal the pool size unless asked for otherwise. Only whole windows count, as with
/// Keras's default padding.
///
/// ```
/// use labbook_nn::{MaxPooling1D, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(MaxPooling1D::new(2).input_shape((9, 4)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [4, 4]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, steps, channels) to (N, new steps, channels).
#[derive(Debug)]
pub struct MaxPooling1D {
    settings: Settings,
    options: LayerOptions,
}

registered!(MaxPooling1D);

impl MaxPooling1D {
    /// Pools windows of `pool_size`; Keras's default is 2.
    #[must_use]
    pub fn new(pool_size: i64) -> Self {
        Self::of(Settings::new(vec![pool_size]))
    }

    /// Sets how far the window moves at a time; the default is the pool size.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn strides(mut self, strides: i64) -> Self {
        self.settings.strides = Some(vec![strides]);
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

impl Layer for MaxPooling1D {
    layer_facts!(MaxPooling1D);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        self.settings.output(1, input, context)
    }

    fn forward(&self, x: &Tensor, _phase: Phase, activation: Activation) -> Result<Tensor> {
        self.settings.largest(x, activation)
    }

    fn selects_maxima(&self) -> bool {
        true
    }
}
