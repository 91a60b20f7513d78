use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::activity::Activity;
use super::conv2d::Padding;
use super::kernel_options::{KernelOptions, KernelWeights};
use super::spatial::{
    Windows, axes, channels_first, channels_last, check_sizes, output_shape, pad, reach,
};
use crate::tensors::casts::weight_like;
use crate::{Activation, BuildContext, Phase, Result, Shape, Size2D, Size3D};

/// The options of convolutions over sequences and volumes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(super) filters: i64,
    pub(super) kernel_size: Vec<i64>,
    pub(super) strides: Vec<i64>,
    pub(super) padding: Padding,
    pub(super) dilation_rate: Vec<i64>,
    pub(super) groups: i64,
    /// Whether a step sees none that come after it.
    pub(super) causal: bool,
    pub(super) kernel: KernelOptions,
}

/// A convolution that has its weights.
#[derive(Debug)]
pub(super) struct Convolution {
    /// (filters, channels of a group, ..) as libtorch reads it, channels last in memory.
    pub(super) weights: KernelWeights,
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
            dilation_rate: ones,
            groups: 1,
            causal: false,
            kernel: KernelOptions::default(),
        }
    }

    /// Checks the options, makes the weights and tells the output's shape.
    pub(super) fn build(
        &self,
        rank: usize,
        input: &Shape,
        context: &mut BuildContext<'_>,
    ) -> Result<(Convolution, Shape)> {
        check_sizes("a number of filters", &[self.filters], 1, context)?;
        check_kernel(
            [&self.kernel_size, &self.strides, &self.dilation_rate],
            rank,
            context,
        )?;
        self.kernel.check(rank + 2, context)?;
        let (sizes, channels) = axes(input, rank, context)?;
        check_groups(self.groups, channels, self.filters, context)?;
        let padding = match self.causal {
            true => Padding::Same,
            false => self.padding,
        };
        let mut borders = Vec::new();
        let mut output = Vec::new();
        for (axis, &size) in sizes.iter().enumerate() {
            let reach = reach(self.kernel_size[axis], self.dilation_rate[axis]);
            let windows = Windows::of(size, reach, self.strides[axis], padding);
            let windows = windows.ok_or_else(|| too_small(&self.kernel_size, input, context))?;
            borders.push(match self.causal {
                true => (reach - 1, 0),
                false => (windows.before, windows.after),
            });
            output.push(windows.output);
        }
        output.push(self.filters);
        let output = output_shape(output, context)?;
        let inner = channels / self.groups;
        let drawn = [&[self.filters], self.kernel_size.as_slice(), &[inner]].concat();
        let field: f64 = self.kernel_size.iter().map(|&size| size as f64).product();
        let fans = (field * inner as f64, field * self.filters as f64);
        let kernel = context.weight(self.kernel.kernel_initializer, &drawn, fans)?;
        let convolution = Convolution {
            weights: KernelWeights {
                kernel: channels_first(&kernel)?.f_set_requires_grad(true)?,
                keras_axes: Some(keras_axes(rank)),
                bias: self.kernel.bias(self.filters, context)?,
            },
            borders,
        };
        Ok((convolution, output))
    }

    pub(super) fn forward(
        &self,
        convolution: &Convolution,
        activity: &Activity,
        x: &Tensor,
        phase: Phase,
        activation: Activation,
    ) -> Result<Tensor> {
        let x = channels_first(x)?;
        let kernel = weight_like(&convolution.weights.kernel, &x)?;
        let bias = convolution.weights.bias_like(&x)?;
        let (x, padding) = padded(&x, &convolution.borders)?;
        let y = match self.kernel_size.len() {
            1 => {
                // As an image of one row, for which libtorch has the faster convolutions.
                let along = |size: i64| [1, size];
                let y = x.f_unsqueeze(2)?.f_conv2d(
                    &kernel.f_unsqueeze(2)?,
                    bias,
                    along(self.strides[0]),
                    [0, padding[0]],
                    along(self.dilation_rate[0]),
                    self.groups,
                )?;
                y.f_squeeze_dim(2)?
            }
            _ => x.f_conv3d(
                &kernel,
                bias,
                &self.strides,
                &padding,
                &self.dilation_rate,
                self.groups,
            )?,
        };
        let y = channels_last(y, activation)?;
        self.kernel.seen(activity, y, phase, activation)
    }
}

/// Zeros on one side more than on the other are added here; libtorch adds the others itself.
pub(super) fn padded(x: &Tensor, borders: &[(i64, i64)]) -> Result<(Tensor, Vec<i64>)> {
    match borders.iter().all(|(before, after)| before == after) {
        true => {
            let padding = borders.iter().map(|&(before, _)| before);
            Ok((x.shallow_clone(), padding.collect()))
        }
        false => Ok((pad(x, borders)?, vec![0; borders.len()])),
    }
}

/// Where libtorch's axes of a kernel are in Keras.
pub(super) fn keras_axes(rank: usize) -> Vec<i64> {
    (2..rank as i64 + 2).chain([1, 0]).collect()
}

/// Sizes of a kernel, strides and dilation: one of each for every axis.
pub(super) fn check_kernel(
    [kernel, strides, dilation]: [&[i64]; 3],
    rank: usize,
    context: &BuildContext<'_>,
) -> Result<()> {
    for (option, sizes) in [
        ("a kernel", kernel),
        ("strides", strides),
        ("a dilation_rate", dilation),
    ] {
        if sizes.len() != rank {
            let expected = format!("{option} of {rank} sizes");
            return Err(context.error(&expected, format!("{sizes:?}"), "give one for each axis"));
        }
        check_sizes(option, sizes, 1, context)?;
    }
    let (strided, dilated) = [strides, dilation]
        .map(|s| s.iter().any(|&size| size > 1))
        .into();
    if strided && dilated {
        return Err(context.error(
            "strides or a dilation_rate above 1, as in Keras, but not both",
            format!("strides {strides:?} and dilation_rate {dilation:?}"),
            "leave one of them at 1",
        ));
    }
    Ok(())
}

/// Groups have to divide channels and filters.
pub(super) fn check_groups(
    groups: i64,
    channels: i64,
    filters: i64,
    context: &BuildContext<'_>,
) -> Result<()> {
    if groups >= 1 && channels % groups == 0 && filters % groups == 0 {
        return Ok(());
    }
    Err(context.error(
        &format!("groups that divide {channels} channels and {filters} filters"),
        groups,
        "leave it out for 1",
    ))
}

/// What is told where not even one window fits.
pub(super) fn too_small(kernel: &[i64], input: &Shape, context: &BuildContext<'_>) -> crate::Error {
    context.error(
        &format!("an input that a kernel of {kernel:?} fits into, dilation included"),
        input,
        "use fewer or smaller convolutions and pools before it, or .padding(Padding::Same)",
    )
}

/// The builder methods of convolutions, by the type of a size and what makes a list of one.
macro_rules! convolution_options {
    ($size:ty => $sizes:path, $unit:literal) => {
        #[doc = concat!("Sets how many ", $unit, " the kernel moves at a time; the default is 1.")]
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn strides(mut self, strides: $size) -> Self {
            self.settings.strides = $sizes(strides);
            self
        }

        /// Sets what happens at the border; the default is [`Padding::Valid`].
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn padding(mut self, padding: Padding) -> Self {
            self.settings.padding = padding;
            self
        }

        $crate::layers::convolution::dilation_option!($size => $sizes, $unit);

        /// Sets into how many groups channels and filters are divided, each of which sees only its
        /// own; the default is 1.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn groups(mut self, groups: i64) -> Self {
            self.settings.groups = groups;
            self
        }
    };
}
pub(super) use convolution_options;

/// The builder method that transposed convolutions have, too.
macro_rules! dilation_option {
    ($size:ty => $sizes:path, $unit:literal) => {
        #[doc = concat!("Sets how many ", $unit, " lie between the numbers of the kernel; the default is 1. Not with")]
        /// strides.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn dilation_rate(mut self, dilation_rate: $size) -> Self {
            self.settings.dilation_rate = $sizes(dilation_rate);
            self
        }
    };
}
pub(super) use dilation_option;

/// The size along one axis, as a list.
pub(super) fn one_axis(size: i64) -> Vec<i64> {
    vec![size]
}

/// The sizes along two axes.
pub(super) fn two_axes(size: impl Into<Size2D>) -> Vec<i64> {
    size.into().array().to_vec()
}

/// The sizes along three axes.
pub(super) fn three_axes(size: impl Into<Size3D>) -> Vec<i64> {
    size.into().array().to_vec()
}
