use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::conv2d::Padding;
use super::convolution::{check_kernel, padded, too_small};
use super::spatial::{Windows, check_sizes, reach};
use crate::tensors::casts::weight_like;
use crate::tensors::shape::Size2D;
use crate::{BuildContext, Initializer, Result, Shape};

/// A convolution of each channel by itself: the options that its two layers share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Depthwise {
    pub(super) kernel_size: Size2D,
    pub(super) strides: Size2D,
    pub(super) padding: Padding,
    pub(super) dilation_rate: Size2D,
    pub(super) depth_multiplier: i64,
}

impl Depthwise {
    pub(super) fn new(kernel_size: Size2D) -> Self {
        Self {
            kernel_size,
            strides: Size2D::from(1),
            padding: Padding::Valid,
            dilation_rate: Size2D::from(1),
            depth_multiplier: 1,
        }
    }

    pub(super) fn check(&self, context: &BuildContext<'_>) -> Result<()> {
        check_sizes("a depth_multiplier", &[self.depth_multiplier], 1, context)?;
        let sizes = [self.kernel_size, self.strides, self.dilation_rate].map(Size2D::array);
        check_kernel([&sizes[0], &sizes[1], &sizes[2]], 2, context)
    }

    /// How many numbers of the input an output sees.
    pub(super) fn field(&self) -> i64 {
        self.kernel_size.height * self.kernel_size.width
    }

    /// Height and width of the output, and the zeros around the input.
    #[expect(clippy::type_complexity, reason = "two lists, one entry for each axis")]
    pub(super) fn windows(
        &self,
        sizes: &[i64],
        input: &Shape,
        context: &BuildContext<'_>,
    ) -> Result<(Vec<i64>, Vec<(i64, i64)>)> {
        let (kernel, strides) = (self.kernel_size.array(), self.strides.array());
        let (mut output, mut borders) = (Vec::new(), Vec::new());
        for (axis, &size) in sizes.iter().enumerate().take(2) {
            let reach = reach(kernel[axis], self.dilation_rate.array()[axis]);
            let windows = Windows::of(size, reach, strides[axis], self.padding);
            let windows = windows.ok_or_else(|| too_small(&kernel, input, context))?;
            output.push(windows.output);
            borders.push((windows.before, windows.after));
        }
        Ok((output, borders))
    }

    /// A kernel stored as (channels, multiplier, height, width).
    pub(super) fn kernel(
        &self,
        initializer: Initializer,
        channels: i64,
        context: &mut BuildContext<'_>,
    ) -> Result<Tensor> {
        let Size2D { height, width } = self.kernel_size;
        let field = self.field() as f64;
        let fans = (
            field * channels as f64,
            field * self.depth_multiplier as f64,
        );
        let sizes = [channels, self.depth_multiplier, height, width];
        let kernel = context.weight(initializer, &sizes, fans)?;
        Ok(kernel.f_set_requires_grad(true)?)
    }

    /// What comes of (N, channels, height, width).
    pub(super) fn forward(
        &self,
        x: &Tensor,
        kernel: &Tensor,
        bias: Option<Tensor>,
        borders: &[(i64, i64)],
    ) -> Result<Tensor> {
        let sizes = kernel.size();
        let filters = weight_like(kernel, x)?.f_flatten(0, 1)?.f_unsqueeze(1)?;
        let (x, padding) = padded(x, borders)?;
        Ok(x.f_conv2d(
            &filters,
            bias,
            self.strides.array(),
            &padding,
            self.dilation_rate.array(),
            sizes[0],
        )?)
    }
}

/// The builder methods of both.
macro_rules! depthwise_options {
    () => {
        /// Sets how many pixels the kernel moves at a time; the default is 1.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn strides(mut self, strides: impl Into<$crate::Size2D>) -> Self {
            self.settings.depthwise.strides = strides.into();
            self
        }

        /// Sets what happens at the border; the default is [`Padding::Valid`].
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn padding(mut self, padding: Padding) -> Self {
            self.settings.depthwise.padding = padding;
            self
        }

        /// Sets how many pixels lie between the numbers of the kernel; the default is 1. Not with
        /// strides.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn dilation_rate(mut self, dilation_rate: impl Into<$crate::Size2D>) -> Self {
            self.settings.depthwise.dilation_rate = dilation_rate.into();
            self
        }

        /// Sets how many filters each channel has; the default is 1.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn depth_multiplier(mut self, depth_multiplier: i64) -> Self {
            self.settings.depthwise.depth_multiplier = depth_multiplier;
            self
        }
    };
}
pub(super) use depthwise_options;
