use tch::Tensor;

use super::config::Kind as LayerKind;
use super::conv2d::{Padding, channels_first, channels_last};
use super::pool::{Pool, pool_options};
use crate::layers::layer::{layer_options, single};
use crate::tensors::shape::Size2D;
use crate::{Activation, BuildContext, Layer, LayerConfig, LayerOptions, Phase, Result, Shape};

/// The largest value of each window, channel by channel.
///
/// Strides equal the pool size unless asked for otherwise. Only whole windows count, so odd
/// rows and columns at the end are dropped, as with Keras's default padding.
///
/// # Shapes
/// (N, height, width, channels) to (N, new height, new width, channels).
///
/// ```
/// use labbook_nn::{Input, MaxPooling2D, Model};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let inputs = Input::new((8, 8, 3));
/// let outputs = MaxPooling2D::new(2).call(&inputs);
/// let model = Model::new(&inputs, &outputs)?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 4, 4, 3)");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MaxPooling2D {
    pool: Pool,
    options: LayerOptions,
}

impl MaxPooling2D {
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
}

impl Layer for MaxPooling2D {
    fn class_name(&self) -> &'static str {
        "MaxPooling2D"
    }

    fn needs_whole_batch(&self) -> bool {
        false
    }

    fn options(&self) -> &LayerOptions {
        &self.options
    }

    fn config(&self) -> Option<LayerConfig> {
        Some(LayerConfig(LayerKind::MaxPooling2D(self.pool)))
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
        let mut x = channels_first(x)?;
        if let Some(borders) = self.pool.borders(&x) {
            // Never the largest: every window holds at least one pixel of the image.
            x = x.f_pad(borders, "constant", f64::NEG_INFINITY)?;
        }
        let Pool { pool_size, .. } = self.pool;
        let y = x.f_max_pool2d(pool_size.array(), self.pool.step().array(), 0, 1, false)?;
        channels_last(y, activation)
    }

    fn selects_maxima(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::layers::build;

    #[test]
    fn pooling_takes_the_largest_of_whole_windows() -> Result<()> {
        for (mut layer, expected) in [
            (MaxPooling2D::new((2, 2)), [1, 2, 3, 2]),
            (MaxPooling2D::new((3, 2)).strides((1, 3)), [1, 3, 2, 2]),
        ] {
            let shape = build(&mut layer, (5, 7, 2))?;
            assert_eq!(shape.dims(), &expected[1..]);
            let x = (Tensor::arange(70, (Kind::Float, Device::Cpu)) * 1.3)
                .sin()
                .reshape([1, 5, 7, 2]);
            let y = layer.forward(&x, Phase::Infer, Activation::Linear)?;
            assert_eq!(y.size(), expected);
            let (pool, step) = (layer.pool.pool_size, layer.pool.step());
            for row in 0..expected[1] {
                for column in 0..expected[2] {
                    for channel in 0..2 {
                        let mut largest = f64::NEG_INFINITY;
                        for i in 0..pool.height {
                            for j in 0..pool.width {
                                let (r, c) = (row * step.height + i, column * step.width + j);
                                largest = largest.max(x.double_value(&[0, r, c, channel]));
                            }
                        }
                        assert_eq!(y.double_value(&[0, row, column, channel]), largest);
                    }
                }
            }
        }
        Ok(())
    }

    #[test]
    fn impossible_options_are_named() {
        for (mut layer, input, part) in [
            (
                MaxPooling2D::new(0),
                Shape::from((5, 5, 1)),
                "received (0, 0)",
            ),
            (
                MaxPooling2D::new(2).strides(-1),
                Shape::from((5, 5, 1)),
                "strides",
            ),
            (
                MaxPooling2D::new(2),
                Shape::from((1, 5, 1)),
                "at least (2, 2) pixels",
            ),
            (MaxPooling2D::new(2), Shape::from(10), "received (None, 10)"),
        ] {
            let error = build(&mut layer, input).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
