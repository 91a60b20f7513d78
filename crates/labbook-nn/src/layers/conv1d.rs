use tch::Tensor;

use super::activity::Activity;
use super::conv2d::Padding;
use super::convolution::{Convolution, Settings};
use super::kernel_facts::kernel_facts;
use super::kernel_options::kernel_options;
use super::registry::{Registered, layer_facts, registered};
use crate::layers::layer::layer_options;
use crate::layers::layer::not_built;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// A convolution over sequences.
///
/// Strides 1, no padding, kernel Glorot uniform, bias zero and no activation unless asked for, as in
/// Keras. The kernel's shape is (kernel size, channels, filters).
///
/// ```
/// use labbook_nn::{Conv1D, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Conv1D::new(8, 3).input_shape((20, 4)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [18, 8]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, steps, channels) to (N, new steps, filters).
#[derive(Debug)]
pub struct Conv1D {
    settings: Settings,
    options: LayerOptions,
    activity: Activity,
    built: Option<Convolution>,
}

registered!(Conv1D, activity: Activity::default(), built: None);

impl Conv1D {
    /// A convolution with `filters` outputs per step and a kernel such as `3`.
    #[must_use]
    pub fn new(filters: i64, kernel_size: i64) -> Self {
        Self::of(Settings::new(filters, vec![kernel_size]))
    }

    /// Sets how many steps the kernel moves at a time; the default is 1.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn strides(mut self, strides: i64) -> Self {
        self.settings.strides = vec![strides];
        self
    }

    /// Sets what happens at the border; the default is [`Padding::Valid`].
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn padding(mut self, padding: Padding) -> Self {
        self.settings.padding = padding;
        self
    }

    /// Sets how many steps lie between the numbers of the kernel; the default is 1. Not with
    /// strides.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn dilation_rate(mut self, dilation_rate: i64) -> Self {
        self.settings.dilation_rate = vec![dilation_rate];
        self
    }

    /// Sets into how many groups channels and filters are divided, each of which sees only its own;
    /// the default is 1.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn groups(mut self, groups: i64) -> Self {
        self.settings.groups = groups;
        self
    }

    /// Says that no step sees those after it: zeros stand before the first one, and the output is
    /// as long as the input, divided by the strides. Keras's padding `causal`; it takes the place of
    /// [`padding`](Self::padding).
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn causal(mut self) -> Self {
        self.settings.causal = true;
        self
    }
    kernel_options!(settings.kernel);

    layer_options!();
}

impl Layer for Conv1D {
    layer_facts!(Conv1D, whole_batch_or_not);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let (built, output) = self.settings.build(1, input, context)?;
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
