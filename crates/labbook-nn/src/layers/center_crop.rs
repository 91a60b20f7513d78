use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::interpolation::Interpolation;
use super::registry::{Registered, layer_facts, registered};
use super::resizing::cropped;
use super::spatial::{axes, check_sizes, output_shape};
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// Cuts the middle out of images; smaller ones are scaled up and cut.
///
/// ```
/// use labbook_nn::{CenterCrop, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(CenterCrop::new(4, 6).input_shape((8, 8, 3)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [4, 6, 3]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, height, width, channels) to (N, new height, new width, channels).
#[derive(Debug)]
pub struct CenterCrop {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    height: i64,
    width: i64,
}

registered!(CenterCrop);

impl CenterCrop {
    /// Of this height and width.
    #[must_use]
    pub fn new(height: i64, width: i64) -> Self {
        Self::of(Settings { height, width })
    }

    layer_options!();
}

impl Layer for CenterCrop {
    layer_facts!(CenterCrop);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let Settings { height, width } = self.settings;
        check_sizes("height and width", &[height, width], 1, context)?;
        let (_, channels) = axes(input, 2, context)?;
        output_shape(vec![height, width, channels], context)
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let Settings { height, width } = self.settings;
        let size = x.size();
        if size[1] < height || size[2] < width {
            let target = [height, width];
            return Interpolation::Bilinear.resize(&cropped(x, target)?, target);
        }
        let x = x.f_narrow(1, (size[1] - height) / 2, height)?;
        Ok(x.f_narrow(2, (size[2] - width) / 2, width)?)
    }
}
