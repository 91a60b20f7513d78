use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::activity::Activity;
use super::conv2d::Padding;
use super::convolution::{check_kernel, keras_axes};
use super::kernel_options::{KernelOptions, KernelWeights};
use super::spatial::{axes, channels_first, channels_last, check_sizes, output_shape, pad, reach};
use crate::tensors::casts::weight_like;
use crate::{Activation, BuildContext, Phase, Result, Shape};

/// The options of transposed convolutions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(super) filters: i64,
    pub(super) kernel_size: Vec<i64>,
    pub(super) strides: Vec<i64>,
    pub(super) padding: Padding,
    pub(super) output_padding: Option<Vec<i64>>,
    pub(super) dilation_rate: Vec<i64>,
    pub(super) kernel: KernelOptions,
}

/// A transposed convolution that has its weights.
#[derive(Debug)]
pub(super) struct Transposed {
    /// (channels, filters, ..) as libtorch reads it.
    pub(super) weights: KernelWeights,
    /// What is to be added to both ends of each axis of libtorch's output; mostly negative.
    borders: Vec<(i64, i64)>,
}

impl Settings {
    pub(super) fn new(filters: i64, kernel_size: Vec<i64>) -> Self {
        let ones = vec![1; kernel_size.len()];
        Self {
            filters,
            kernel_size,
            strides: ones.clone(),
            padding: Padding::Valid,
            output_padding: None,
            dilation_rate: ones,
            kernel: KernelOptions::default(),
        }
    }

    /// Checks the options, makes the weights and tells the output's shape.
    pub(super) fn build(
        &self,
        rank: usize,
        input: &Shape,
        context: &mut BuildContext<'_>,
    ) -> Result<(Transposed, Shape)> {
        check_sizes("a number of filters", &[self.filters], 1, context)?;
        check_kernel(
            [&self.kernel_size, &self.strides, &self.dilation_rate],
            rank,
            context,
        )?;
        self.check_output_padding(rank, context)?;
        self.kernel.check(rank + 2, context)?;
        let (sizes, channels) = axes(input, rank, context)?;
        let mut borders = Vec::new();
        let mut output = Vec::new();
        for (axis, &size) in sizes.iter().enumerate() {
            let (before, after) = self.borders(axis);
            let reach = reach(self.kernel_size[axis], self.dilation_rate[axis]);
            let natural = (size - 1).saturating_mul(self.strides[axis]);
            output.push(natural.saturating_add(reach + before + after));
            borders.push((before, after));
        }
        output.push(self.filters);
        let output = output_shape(output, context)?;
        let drawn = [&[channels], self.kernel_size.as_slice(), &[self.filters]].concat();
        let field: f64 = self.kernel_size.iter().map(|&size| size as f64).product();
        // Keras takes the last but one axis of a kernel for its inputs, here the filters.
        let fans = (field * self.filters as f64, field * channels as f64);
        let kernel = context.weight(self.kernel.kernel_initializer, &drawn, fans)?;
        let transposed = Transposed {
            weights: KernelWeights {
                kernel: channels_first(&kernel)?.f_set_requires_grad(true)?,
                keras_axes: Some(keras_axes(rank)),
                bias: self.kernel.bias(self.filters, context)?,
            },
            borders,
        };
        Ok((transposed, output))
    }

    fn check_output_padding(&self, rank: usize, context: &BuildContext<'_>) -> Result<()> {
        let Some(padding) = &self.output_padding else {
            return Ok(());
        };
        let pairs = padding.iter().zip(&self.strides);
        let fits = padding.len() == rank
            && pairs
                .clone()
                .all(|(&padding, &stride)| (0..stride).contains(&padding));
        match fits {
            true => Ok(()),
            false => Err(context.error(
                "an output_padding of at least 0 and below the strides",
                format!("{padding:?} with strides {:?}", self.strides),
                "leave it out, as Keras does",
            )),
        }
    }

    /// libtorch's output is as long as (size - 1) · stride + reach; Keras has other sizes.
    fn borders(&self, axis: usize) -> (i64, i64) {
        let stride = self.strides[axis];
        let reach = reach(self.kernel_size[axis], self.dilation_rate[axis]);
        let more = self.output_padding.as_ref().map(|padding| padding[axis]);
        let (left, right) = match self.padding {
            Padding::Valid => {
                let more = more.unwrap_or(reach.max(stride) - reach);
                (reach - 1, reach - 1 + more)
            }
            Padding::Same => {
                let both = match more {
                    None => stride + reach - 2,
                    Some(more) => reach + reach % 2 - 2 + more,
                };
                let left = (both - both / 2).min(reach - 1);
                (left, both - left)
            }
        };
        (left - (reach - 1), right - (reach - 1))
    }

    pub(super) fn forward(
        &self,
        transposed: &Transposed,
        activity: &Activity,
        x: &Tensor,
        phase: Phase,
        activation: Activation,
    ) -> Result<Tensor> {
        let mut x = channels_first(x)?;
        let mut kernel = weight_like(&transposed.weights.kernel, &x)?;
        let bias = transposed.weights.bias_like(&x)?;
        let (mut strides, mut dilation) = (self.strides.clone(), self.dilation_rate.clone());
        let mut borders = transposed.borders.clone();
        let sequence = self.kernel_size.len() == 1;
        if sequence {
            // As an image of one row.
            (x, kernel) = (x.f_unsqueeze(2)?, kernel.f_unsqueeze(2)?);
            strides.insert(0, 1);
            dilation.insert(0, 1);
            borders.insert(0, (0, 0));
        }
        // oneDNN adds the bias of channels that lie last, and derives it, one number at a time.
        let none = None::<&Tensor>;
        let y = x.f_conv_transpose2d(&kernel, none, &strides, 0, 0, 1, &dilation)?;
        let mut y = pad(&y, &borders)?;
        if let Some(bias) = bias {
            let _ = y.f_add_(&bias.f_reshape([1, self.filters, 1, 1])?)?;
        }
        if sequence {
            y = y.f_squeeze_dim(2)?;
        }
        let y = channels_last(y, activation)?;
        self.kernel.seen(activity, y, phase, activation)
    }
}

/// The builder methods of transposed convolutions, by the type of a size and what makes a list of one.
macro_rules! transposed_options {
    ($size:ty => $sizes:path, $unit:literal) => {
        #[doc = concat!("Sets how many ", $unit, " lie between the places of neighbouring inputs in the")]
        /// output; the default is 1.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn strides(mut self, strides: $size) -> Self {
            self.settings.strides = $sizes(strides);
            self
        }

        /// Sets what happens at the border; the default is [`Padding::Valid`]. With
        /// [`Padding::Same`] the output is as long as the input times the strides.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn padding(mut self, padding: Padding) -> Self {
            self.settings.padding = padding;
            self
        }

        $crate::layers::convolution::dilation_option!($size => $sizes, $unit);

        /// Sets how much longer the output is at its end than it has to be; without this it is as
        /// long as Keras makes it.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn output_padding(mut self, output_padding: $size) -> Self {
            self.settings.output_padding = Some($sizes(output_padding));
            self
        }
    };
}
pub(super) use transposed_options;
