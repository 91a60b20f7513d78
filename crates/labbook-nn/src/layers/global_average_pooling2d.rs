use tch::{Kind, Tensor};

use super::config::Kind as LayerKind;
use super::conv2d::image_axes;
use crate::layers::layer::{layer_options, single};
use crate::{Activation, BuildContext, Layer, LayerConfig, LayerOptions, Phase, Result, Shape};

/// The mean of each channel over the whole image.
///
/// # Shapes
/// (N, height, width, channels) to (N, channels).
///
/// ```
/// use labbook_nn::{GlobalAveragePooling2D, Input, Model};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let inputs = Input::new((8, 8, 3));
/// let outputs = GlobalAveragePooling2D::new().call(&inputs);
/// let model = Model::new(&inputs, &outputs)?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 3)");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct GlobalAveragePooling2D {
    options: LayerOptions,
}

impl GlobalAveragePooling2D {
    /// A layer that averages.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    layer_options!();
}

impl Layer for GlobalAveragePooling2D {
    fn class_name(&self) -> &'static str {
        "GlobalAveragePooling2D"
    }

    fn needs_whole_batch(&self) -> bool {
        false
    }

    fn options(&self) -> &LayerOptions {
        &self.options
    }

    fn config(&self) -> Option<LayerConfig> {
        Some(LayerConfig(LayerKind::GlobalAveragePooling2D {}))
    }

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let (_, _, channels) = image_axes(input, context)?;
        Ok(Shape::from(channels))
    }

    fn compute_output_shape(
        &self,
        inputs: &[Shape],
        context: &BuildContext<'_>,
    ) -> Result<Option<Shape>> {
        let (_, _, channels) = image_axes(single(inputs, context)?, context)?;
        Ok(Some(Shape::from(channels)))
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        Ok(x.f_mean_dim([1_i64, 2].as_slice(), false, None::<Kind>)?)
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::layers::build;

    #[test]
    fn every_channel_becomes_its_mean() -> Result<()> {
        let mut layer = GlobalAveragePooling2D::new();
        assert_eq!(build(&mut layer, (2, 3, 2))?, Shape::from(2));
        let x = Tensor::arange(12, (Kind::Float, Device::Cpu)).reshape([1, 2, 3, 2]);
        let y = layer.forward(&x, Phase::Infer, Activation::Linear)?;
        assert_eq!(y, Tensor::from_slice(&[5.0_f32, 6.0]).reshape([1, 2]));
        assert!(build(&mut GlobalAveragePooling2D::new(), 3).is_err());
        Ok(())
    }
}
