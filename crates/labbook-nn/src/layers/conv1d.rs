use super::activity::Activity;
use super::conv2d::Padding;
use super::convolution::{Convolution, Settings, convolution_options, one_axis};
use super::kernel_facts::convolution_facts;
use super::kernel_options::kernel_options;
use super::registry::{Registered, registered};
use crate::layers::layer::layer_options;
use crate::{Layer, LayerOptions};

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
        Self::of(Settings::new(filters, one_axis(kernel_size)))
    }

    convolution_options!(i64 => one_axis, "steps");

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
    convolution_facts!(Conv1D, 1, output);
}
