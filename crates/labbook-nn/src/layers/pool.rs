use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::conv2d::{Padding, check_window, image_axes, same};
use crate::tensors::shape::Size2D;
use crate::{BuildContext, Result, Shape};

/// The windows of a pooling layer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pool {
    pub(crate) pool_size: Size2D,
    pub(crate) strides: Option<Size2D>,
    pub(crate) padding: Padding,
}

impl Pool {
    pub(super) fn new(pool_size: Size2D) -> Self {
        Self {
            pool_size,
            strides: None,
            padding: Padding::Valid,
        }
    }

    pub(crate) fn step(&self) -> Size2D {
        self.strides.unwrap_or(self.pool_size)
    }

    /// Checks the options against the input and tells the output shape.
    pub(super) fn output(&self, input: &Shape, context: &BuildContext<'_>) -> Result<Shape> {
        let (height, width, channels) = image_axes(input, context)?;
        let (pool, step) = (self.pool_size, self.step());
        check_window("a pool", pool, context)?;
        check_window("strides", step, context)?;
        if self.padding == Padding::Same {
            let (height, ..) = same(height, pool.height, step.height);
            let (width, ..) = same(width, pool.width, step.width);
            return Ok(Shape::from((height, width, channels)));
        }
        if height < pool.height || width < pool.width {
            return Err(context.error(
                &format!("images of at least {pool} pixels"),
                input,
                "use fewer or smaller convolutions and pools before it, or \
                 .padding(Padding::Same)",
            ));
        }
        Ok(Shape::from((
            (height - pool.height) / step.height + 1,
            (width - pool.width) / step.width + 1,
            channels,
        )))
    }

    /// How many of so many rows and columns the windows reach.
    pub(crate) fn reads(&self, (rows, columns): (i64, i64)) -> (i64, i64) {
        if self.padding == Padding::Same {
            return (rows, columns);
        }
        let (pool, step) = (self.pool_size, self.step());
        let reach = |size: i64, pool: i64, step: i64| (size - pool) / step * step + pool;
        (
            reach(rows, pool.height, step.height).clamp(1, rows),
            reach(columns, pool.width, step.width).clamp(1, columns),
        )
    }

    /// Pixels to put left, right, above and below (N, channels, height, width), if any.
    pub(super) fn borders(&self, x: &Tensor) -> Option<[i64; 4]> {
        let (&[_, _, height, width], Padding::Same) = (x.size().as_slice(), self.padding) else {
            return None;
        };
        let step = self.step();
        let (_, top, bottom) = same(height, self.pool_size.height, step.height);
        let (_, left, right) = same(width, self.pool_size.width, step.width);
        let borders = [left, right, top, bottom];
        borders.iter().any(|&pixels| pixels > 0).then_some(borders)
    }
}

/// The builder methods that pooling layers share.
macro_rules! pool_options {
    () => {
        /// Sets how many pixels the window moves at a time; the default is the pool size.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn strides(mut self, strides: impl Into<Size2D>) -> Self {
            self.pool.strides = Some(strides.into());
            self
        }

        /// Sets what happens at the border; the default is [`Padding::Valid`]. With
        /// [`Padding::Same`] windows may reach over it, and only pixels of the image count.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn padding(mut self, padding: Padding) -> Self {
            self.pool.padding = padding;
            self
        }
    };
}
pub(super) use pool_options;
