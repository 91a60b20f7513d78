use super::activity::Activity;
use super::conv2d::Padding;
use super::convolution::two_axes;
use super::kernel_facts::convolution_facts;
use super::kernel_options::kernel_options;
use super::registry::{Registered, registered};
use super::transposed::{Settings, Transposed, transposed_options};
use crate::layers::layer::layer_options;
use crate::tensors::shape::Size2D;
use crate::{Layer, LayerOptions};

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
        Self::of(Settings::new(filters, two_axes(kernel_size)))
    }

    transposed_options!(impl Into<Size2D> => two_axes, "pixels");

    kernel_options!(settings.kernel);

    layer_options!();
}

impl Layer for Conv2DTranspose {
    convolution_facts!(Conv2DTranspose, 2, input);
}
