use super::activity::Activity;
use super::conv2d::Padding;
use super::convolution::one_axis;
use super::kernel_facts::convolution_facts;
use super::kernel_options::kernel_options;
use super::registry::{Registered, registered};
use super::transposed::{Settings, Transposed, transposed_options};
use crate::layers::layer::layer_options;
use crate::{Layer, LayerOptions};

/// A transposed convolution over sequences: what makes them longer where a
/// [`Conv1D`](crate::Conv1D) of the same strides makes them shorter.
///
/// Strides 1, no padding, kernel Glorot uniform, bias zero and no activation unless asked for, as in
/// Keras. The kernel's shape is (kernel size, filters, channels).
///
/// ```
/// use labbook_nn::{Conv1DTranspose, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Conv1DTranspose::new(8, 3).strides(2).input_shape((10, 4)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [21, 8]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, steps, channels) to (N, new steps, filters).
#[derive(Debug)]
pub struct Conv1DTranspose {
    settings: Settings,
    options: LayerOptions,
    activity: Activity,
    built: Option<Transposed>,
}

registered!(Conv1DTranspose, activity: Activity::default(), built: None);

impl Conv1DTranspose {
    /// A convolution with `filters` outputs per step and a kernel such as `3`.
    #[must_use]
    pub fn new(filters: i64, kernel_size: i64) -> Self {
        Self::of(Settings::new(filters, one_axis(kernel_size)))
    }

    transposed_options!(i64 => one_axis, "steps");

    kernel_options!(settings.kernel);

    layer_options!();
}

impl Layer for Conv1DTranspose {
    convolution_facts!(Conv1DTranspose, 1, input);
}
