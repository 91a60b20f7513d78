use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::interpolation::Interpolation;
use super::registry::{Registered, layer_facts, registered};
use super::spatial::{axes, check_sizes, output_shape};
use crate::layers::layer::layer_options;
use crate::tensors::shape::Size2D;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// Makes images larger: repeats rows and columns or, with [`Interpolation::Bilinear`], draws lines
/// between the centres of pixels.
///
/// ```
/// use labbook_nn::{UpSampling2D, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(UpSampling2D::new((1, 2)).input_shape((4, 4, 3)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [4, 8, 3]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, height, width, channels) to (N, size · height, size · width, channels).
#[derive(Debug)]
pub struct UpSampling2D {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    size: Size2D,
    interpolation: Interpolation,
}

registered!(UpSampling2D);

impl UpSampling2D {
    /// Makes so many rows and columns of each; Keras's default is 2.
    #[must_use]
    pub fn new(size: impl Into<Size2D>) -> Self {
        Self::of(Settings {
            size: size.into(),
            interpolation: Interpolation::Nearest,
        })
    }

    /// Sets how new pixels come about; the default is [`Interpolation::Nearest`].
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn interpolation(mut self, interpolation: Interpolation) -> Self {
        self.settings.interpolation = interpolation;
        self
    }

    layer_options!();
}

impl Layer for UpSampling2D {
    layer_facts!(UpSampling2D);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let size = self.settings.size;
        check_sizes("a size", &size.array(), 1, context)?;
        let (sizes, channels) = axes(input, 2, context)?;
        let (height, width) = (
            sizes[0].saturating_mul(size.height),
            sizes[1].saturating_mul(size.width),
        );
        output_shape(vec![height, width, channels], context)
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let (size, Settings { size: times, .. }) = (x.size(), &self.settings);
        let target = [size[1] * times.height, size[2] * times.width];
        self.settings.interpolation.resize(x, target)
    }
}
