use tch::Tensor;

use super::config::Kind as LayerKind;
use super::conv2d::{Padding, channels_first, channels_last};
use super::pool::{Pool, pool_options};
use crate::layers::layer::{layer_options, single};
use crate::tensors::shape::Size2D;
use crate::{Activation, BuildContext, Layer, LayerConfig, LayerOptions, Phase, Result, Shape};

/// The mean of each window, channel by channel.
///
/// Strides equal the pool size unless asked for otherwise. Only whole windows count, as with
/// Keras's default padding.
///
/// # Shapes
/// (N, height, width, channels) to (N, new height, new width, channels).
///
/// ```
/// use labbook_nn::{AveragePooling2D, Input, Model};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let inputs = Input::new((8, 8, 3));
/// let outputs = AveragePooling2D::new(2).call(&inputs);
/// let model = Model::new(&inputs, &outputs)?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 4, 4, 3)");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AveragePooling2D {
    pool: Pool,
    options: LayerOptions,
}

impl AveragePooling2D {
    /// Pools windows such as `(2, 2)` or `2`.
    #[must_use]
    pub fn new(pool_size: impl Into<Size2D>) -> Self {
        Self {
            pool: Pool::new(pool_size.into()),
            options: LayerOptions::default(),
        }
    }

    pool_options!();
    layer_options!();

    /// The sums of all windows of (N, channels, height, width).
    fn sums(&self, x: &Tensor) -> Result<Tensor> {
        let (size, step) = (self.pool.pool_size, self.pool.step());
        Ok(x.f_avg_pool2d(size.array(), step.array(), 0, false, true, 1)?)
    }
}

impl Layer for AveragePooling2D {
    fn class_name(&self) -> &'static str {
        "AveragePooling2D"
    }

    fn needs_whole_batch(&self) -> bool {
        false
    }

    fn options(&self) -> &LayerOptions {
        &self.options
    }

    fn config(&self) -> Option<LayerConfig> {
        Some(LayerConfig(LayerKind::AveragePooling2D(self.pool)))
    }

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        self.pool.output(input, context)
    }

    fn compute_output_shape(
        &self,
        inputs: &[Shape],
        context: &BuildContext<'_>,
    ) -> Result<Option<Shape>> {
        self.pool
            .output(single(inputs, context)?, context)
            .map(Some)
    }

    fn forward(&self, x: &Tensor, _phase: Phase, activation: Activation) -> Result<Tensor> {
        let x = channels_first(x)?;
        let y = match self.pool.borders(&x) {
            Some(borders) => {
                let inside = x.f_narrow(0, 0, 1)?.f_narrow(1, 0, 1)?.f_ones_like()?;
                let counts = self.sums(&inside.f_constant_pad_nd(borders)?)?;
                self.sums(&x.f_constant_pad_nd(borders)?)?.f_div(&counts)?
            }
            None => {
                let (size, step) = (self.pool.pool_size, self.pool.step());
                x.f_avg_pool2d(size.array(), step.array(), 0, false, true, None::<i64>)?
            }
        };
        channels_last(y, activation)
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::layers::build;

    #[test]
    fn windows_become_their_means_and_borders_do_not_count() -> Result<()> {
        let x = Tensor::arange(9, (Kind::Float, Device::Cpu)).reshape([1, 3, 3, 1]);
        let forward = |mut layer: AveragePooling2D| -> Result<Tensor> {
            let shape = build(&mut layer, (3, 3, 1))?;
            let y = layer.forward(&x, Phase::Infer, Activation::Linear)?;
            assert_eq!(y.size()[1..], *shape.dims());
            Ok(y.flatten(0, -1))
        };
        assert_eq!(
            forward(AveragePooling2D::new(2))?,
            Tensor::from_slice(&[2.0_f32])
        );
        let same = AveragePooling2D::new(2).padding(Padding::Same);
        assert_eq!(
            forward(same)?,
            Tensor::from_slice(&[2.0_f32, 3.5, 6.5, 8.0])
        );
        Ok(())
    }
}
