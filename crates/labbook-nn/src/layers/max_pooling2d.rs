use tch::Tensor;

use super::config::Kind as LayerKind;
use super::conv2d::{channels_first, channels_last, image_axes};
use crate::layer::layer_options;
use crate::shape::Size2D;
use crate::{Activation, BuildContext, Layer, LayerConfig, LayerOptions, Phase, Result, Shape};

/// The largest value of each window, channel by channel.
///
/// Strides equal the pool size unless asked for otherwise. Only whole windows count, so odd
/// rows and columns at the end are dropped, as with Keras's default padding.
///
/// # Shapes
/// (N, height, width, channels) to (N, new height, new width, channels).
#[derive(Debug)]
pub struct MaxPooling2D {
    pool_size: Size2D,
    strides: Option<Size2D>,
    options: LayerOptions,
}

impl MaxPooling2D {
    /// Pools windows such as `(2, 2)` or `2`.
    #[must_use]
    pub fn new(pool_size: impl Into<Size2D>) -> Self {
        Self {
            pool_size: pool_size.into(),
            strides: None,
            options: LayerOptions::default(),
        }
    }

    /// Sets how many pixels the window moves at a time; the default is the pool size.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn strides(mut self, strides: impl Into<Size2D>) -> Self {
        self.strides = Some(strides.into());
        self
    }

    layer_options!();

    fn step(&self) -> Size2D {
        self.strides.unwrap_or(self.pool_size)
    }
}

impl Layer for MaxPooling2D {
    fn class_name(&self) -> &'static str {
        "MaxPooling2D"
    }

    fn options(&self) -> &LayerOptions {
        &self.options
    }

    fn config(&self) -> Option<LayerConfig> {
        Some(LayerConfig(LayerKind::MaxPooling2D {
            pool_size: self.pool_size,
            strides: self.strides,
        }))
    }

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let (height, width, channels) = image_axes(input, context)?;
        let (pool, step) = (self.pool_size, self.step());
        for (option, size) in [
            ("a pool of at least (1, 1)", pool),
            ("strides of at least (1, 1)", step),
        ] {
            if !size.is_positive() {
                return Err(context.error(option, size, "use positive whole numbers"));
            }
        }
        if height < pool.height || width < pool.width {
            return Err(context.error(
                &format!("images of at least {pool} pixels"),
                input,
                "use fewer or smaller convolutions and pools before it",
            ));
        }
        Ok(Shape::from((
            (height - pool.height) / step.height + 1,
            (width - pool.width) / step.width + 1,
            channels,
        )))
    }

    fn forward(&self, x: &Tensor, _phase: Phase, activation: Activation) -> Result<Tensor> {
        let y = channels_first(x)?.f_max_pool2d(
            self.pool_size.array(),
            self.step().array(),
            0,
            1,
            false,
        )?;
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
            let (pool, step) = (layer.pool_size, layer.step());
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
