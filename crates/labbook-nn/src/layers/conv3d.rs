use super::activity::Activity;
use super::conv2d::Padding;
use super::convolution::{Convolution, Settings, convolution_options, three_axes};
use super::kernel_facts::convolution_facts;
use super::kernel_options::kernel_options;
use super::registry::{Registered, registered};
use crate::layers::layer::layer_options;
use crate::tensors::shape::Size3D;
use crate::{Layer, LayerOptions};

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
        Self::of(Settings::new(filters, three_axes(kernel_size)))
    }

    convolution_options!(impl Into<Size3D> => three_axes, "pixels");

    kernel_options!(settings.kernel);

    layer_options!();
}

impl Layer for Conv3D {
    convolution_facts!(Conv3D, 3, output);
}
