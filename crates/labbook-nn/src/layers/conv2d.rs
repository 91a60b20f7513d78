use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::activity::Activity;
use super::config::Kind as LayerKind;
use super::convolution::{check_groups, check_kernel};
use super::kernel_options::{KernelOptions, KernelWeights, kernel_options};
use super::spatial::reach;
use crate::layers::layer::{layer_options, not_built, single};
use crate::tensors::casts::weight_like;
use crate::tensors::shape::{LARGEST_SIDE, Size2D};
use crate::{
    Activation, BuildContext, Layer, LayerConfig, LayerOptions, Parameter, Phase, Result, Shape,
};

/// What a convolution does at the border of an image.
///
/// ```
/// use labbook_nn::{Conv2D, Input, Model, Padding};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let inputs = Input::new((9, 9, 3));
/// let outputs = Conv2D::new(16, 3).padding(Padding::Same).call(&inputs);
/// let model = Model::new(&inputs, &outputs)?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 9, 9, 16)");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// Only whole kernels: a 3x3 kernel makes the image two pixels smaller.
    #[default]
    Valid,
    /// Zeros around the image, so that the output has ceil(input / stride) pixels.
    Same,
}

/// A convolution over images.
///
/// Strides 1, no padding, kernel Glorot uniform, bias zero and no activation unless asked
/// for, as in Keras. The kernel's shape is (kernel height, kernel width, channels, filters).
///
/// # Shapes
/// (N, height, width, channels) to (N, new height, new width, filters).
///
/// ```
/// use labbook_nn::{Conv2D, Input, Model};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let inputs = Input::new((9, 9, 3));
/// let outputs = Conv2D::new(16, 3).strides(2).call(&inputs);
/// let model = Model::new(&inputs, &outputs)?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 4, 4, 16)");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Conv2D {
    filters: i64,
    kernel_size: Size2D,
    strides: Size2D,
    padding: Padding,
    dilation_rate: Size2D,
    groups: i64,
    kernel: KernelOptions,
    options: LayerOptions,
    activity: Activity,
    /// The kernel is (filters, channels of a group, height, width) as libtorch reads it, channels
    /// last in memory.
    weights: Option<KernelWeights>,
}

/// Zero pixels around the image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Borders {
    top: i64,
    bottom: i64,
    left: i64,
    right: i64,
}

impl Conv2D {
    /// A convolution with `filters` outputs per pixel and a kernel such as `(3, 3)` or `3`.
    #[must_use]
    pub fn new(filters: i64, kernel_size: impl Into<Size2D>) -> Self {
        Self::with(filters, kernel_size.into(), KernelOptions::default())
    }

    pub(super) fn with(filters: i64, kernel_size: Size2D, kernel: KernelOptions) -> Self {
        Self {
            filters,
            kernel_size,
            strides: Size2D::from(1),
            padding: Padding::Valid,
            dilation_rate: Size2D::from(1),
            groups: 1,
            kernel,
            options: LayerOptions::default(),
            activity: Activity::default(),
            weights: None,
        }
    }

    /// Sets how many pixels the kernel moves at a time; the default is 1.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn strides(mut self, strides: impl Into<Size2D>) -> Self {
        self.strides = strides.into();
        self
    }

    /// Sets what happens at the border; the default is [`Padding::Valid`].
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn padding(mut self, padding: Padding) -> Self {
        self.padding = padding;
        self
    }

    /// Sets how many pixels lie between the numbers of the kernel; the default is 1. Not with
    /// strides.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn dilation_rate(mut self, dilation_rate: impl Into<Size2D>) -> Self {
        self.dilation_rate = dilation_rate.into();
        self
    }

    /// Sets into how many groups channels and filters are divided, each of which sees only its own;
    /// the default is 1.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn groups(mut self, groups: i64) -> Self {
        self.groups = groups;
        self
    }

    kernel_options!(kernel);
    layer_options!();

    fn check_options(&self, context: &BuildContext<'_>) -> Result<()> {
        if self.filters < 1 {
            return Err(context.error(
                "at least 1 filter",
                self.filters,
                "use Conv2D::new(32, (3, 3))",
            ));
        }
        check_window("a kernel", self.kernel_size, context)?;
        check_window("strides", self.strides, context)?;
        check_window("a dilation_rate", self.dilation_rate, context)?;
        let sizes = [self.kernel_size, self.strides, self.dilation_rate].map(Size2D::array);
        check_kernel([&sizes[0], &sizes[1], &sizes[2]], 2, context)?;
        self.kernel.check(4, context)
    }

    /// What the kernel reaches over, the pixels between its numbers included.
    fn reach(&self) -> Size2D {
        Size2D {
            height: reach(self.kernel_size.height, self.dilation_rate.height),
            width: reach(self.kernel_size.width, self.dilation_rate.width),
        }
    }

    /// What comes out for images of this shape.
    fn output(&self, input: &Shape, context: &BuildContext<'_>) -> Result<Shape> {
        let (height, width, _) = image_axes(input, context)?;
        let (kernel, strides) = (self.reach(), self.strides);
        if self.padding == Padding::Valid && (height < kernel.height || width < kernel.width) {
            return Err(context.error(
                &format!("images of at least {kernel} pixels"),
                input,
                "use fewer or smaller convolutions and pools before it, or \
                 .padding(Padding::Same)",
            ));
        }
        let of = |size: i64, kernel: i64, stride: i64| match self.padding {
            Padding::Same => same(size, kernel, stride).0,
            Padding::Valid => (size - kernel) / stride + 1,
        };
        Ok(Shape::from((
            of(height, kernel.height, strides.height),
            of(width, kernel.width, strides.width),
            self.filters,
        )))
    }

    /// The zero pixels around images of this size.
    fn borders(&self, height: i64, width: i64) -> Borders {
        let (kernel, strides) = (self.reach(), self.strides);
        let ((_, top, bottom), (_, left, right)) = match self.padding {
            Padding::Same => (
                same(height, kernel.height, strides.height),
                same(width, kernel.width, strides.width),
            ),
            Padding::Valid => Default::default(),
        };
        Borders {
            top,
            bottom,
            left,
            right,
        }
    }
}

impl Layer for Conv2D {
    fn class_name(&self) -> &'static str {
        "Conv2D"
    }

    fn needs_whole_batch(&self) -> bool {
        // The penalty on outputs is a mean over the batch.
        self.kernel.activity_regularizer.is_some()
    }

    fn options(&self) -> &LayerOptions {
        &self.options
    }

    fn config(&self) -> Option<LayerConfig> {
        Some(LayerConfig(LayerKind::Conv2D {
            filters: self.filters,
            kernel_size: self.kernel_size,
            strides: self.strides,
            padding: self.padding,
            dilation_rate: self.dilation_rate,
            groups: self.groups,
            activation: self.kernel.activation,
            kernel_regularizer: self.kernel.kernel_regularizer,
            kernel_initializer: self.kernel.kernel_initializer,
            use_bias: self.kernel.use_bias,
            bias_initializer: self.kernel.bias_initializer,
            bias_regularizer: self.kernel.bias_regularizer,
            activity_regularizer: self.kernel.activity_regularizer,
            kernel_constraint: self.kernel.kernel_constraint,
            bias_constraint: self.kernel.bias_constraint,
        }))
    }

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        self.check_options(context)?;
        let (_, _, channels) = image_axes(input, context)?;
        let output = self.output(input, context)?;
        check_groups(self.groups, channels, self.filters, context)?;
        let Size2D { height, width } = self.kernel_size;
        // Drawn with the channels innermost and then seen as libtorch wants the axes, which
        // gives the memory order that its fast convolutions use.
        let kernel = context
            .convolution_kernel(
                self.kernel.kernel_initializer,
                [self.filters, height, width, channels / self.groups],
            )?
            .f_permute([0, 3, 1, 2])?
            .f_set_requires_grad(true)?;
        let bias = self.kernel.bias(self.filters, context)?;
        self.weights = Some(KernelWeights {
            kernel,
            keras_axes: Some(vec![2, 3, 1, 0]),
            bias,
        });
        Ok(output)
    }

    fn compute_output_shape(
        &self,
        inputs: &[Shape],
        context: &BuildContext<'_>,
    ) -> Result<Option<Shape>> {
        let input = single(inputs, context)?;
        let (_, _, channels) = image_axes(input, context)?;
        let kernel = self.weights.as_ref().map(|weights| weights.kernel.size());
        let known = kernel.and_then(|kernel| kernel.get(1).copied());
        match known.map(|inner| inner * self.groups) == Some(channels) {
            true => self.output(input, context).map(Some),
            false => Ok(None),
        }
    }

    fn forward(&self, x: &Tensor, phase: Phase, activation: Activation) -> Result<Tensor> {
        let Some(weights) = &self.weights else {
            return Err(not_built(self.class_name(), &self.options));
        };
        let mut x = channels_first(x)?;
        let (height, width) = match *x.size().as_slice() {
            [_, _, height, width] => (height, width),
            _ => (0, 0),
        };
        let Borders {
            top,
            bottom,
            left,
            right,
        } = self.borders(height, width);
        let mut padding = [top, left];
        if top != bottom || left != right {
            // libtorch pads both sides alike; Keras puts the odd pixel at the bottom right.
            x = x.f_constant_pad_nd([left, right, top, bottom])?;
            padding = [0, 0];
        }
        let y = x.f_conv2d(
            &weight_like(&weights.kernel, &x)?,
            weights.bias_like(&x)?,
            self.strides.array(),
            padding,
            self.dilation_rate.array(),
            self.groups,
        )?;
        let y = channels_last(y, activation)?;
        self.kernel.seen(&self.activity, y, phase, activation)
    }

    fn activation(&self) -> Activation {
        self.kernel.activation
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.kernel.parameters(self.weights.as_ref())
    }

    fn multiply_adds(&self, output: &Shape) -> i64 {
        multiply_adds(self.weights.as_ref().map(|w| &w.kernel), output)
    }

    fn penalty(&self) -> Result<Option<Tensor>> {
        match &self.weights {
            Some(weights) => self.kernel.penalty(weights, &self.activity),
            None => Ok(None),
        }
    }
}

/// Those of one example: every output sees one filter's numbers.
pub(super) fn multiply_adds(kernel: Option<&Tensor>, output: &Shape) -> i64 {
    let filter = kernel.map_or(0, |kernel| kernel.size()[1..].iter().product());
    output.elements().unwrap_or(i64::MAX).saturating_mul(filter)
}

/// (N, height, width, channels) seen as libtorch's (N, channels, height, width): no copy.
pub(super) fn channels_first(x: &Tensor) -> Result<Tensor> {
    Ok(x.f_permute([0, 3, 1, 2])?)
}

/// The way back, after the activation: in place on a view, autograd would copy.
pub(super) fn channels_last(y: Tensor, activation: Activation) -> Result<Tensor> {
    if activation.sees_the_last_axis() {
        // Softmax and its like have to see the channels there.
        return activation.apply(y.f_permute([0, 2, 3, 1])?);
    }
    Ok(activation.apply(y)?.f_permute([0, 2, 3, 1])?)
}

/// The axes of an image, or an error that names the layer.
pub(super) fn image_axes(input: &Shape, context: &BuildContext<'_>) -> Result<(i64, i64, i64)> {
    match *input.dims() {
        [height, width, channels] => Ok((height, width, channels)),
        _ => Err(context.error(
            "images (None, height, width, channels)",
            input,
            "put it before Flatten, and give greyscale images an axis of size 1",
        )),
    }
}

/// Checks the extents of a kernel, a pool or strides.
pub(super) fn check_window(what: &str, size: Size2D, context: &BuildContext<'_>) -> Result<()> {
    match size.is_positive() {
        true => Ok(()),
        false => Err(context.error(
            &format!("{what} of 1 to {LARGEST_SIDE} pixels along each axis"),
            size,
            "use small whole numbers, such as 2 or 3",
        )),
    }
}

/// Output size and the zero pixels before and after, for `Padding::Same`.
pub(super) fn same(size: i64, kernel: i64, stride: i64) -> (i64, i64, i64) {
    let output = (size + stride - 1) / stride;
    let total = ((output - 1) * stride + kernel - size).max(0);
    (output, total / 2, total - total / 2)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind, no_grad};

    use super::*;
    use crate::layers::build;

    fn wave(sizes: &[i64]) -> Tensor {
        let count = sizes.iter().product::<i64>();
        (Tensor::arange(count, (Kind::Float, Device::Cpu)) * 0.7)
            .sin()
            .reshape(sizes)
    }

    /// Compares with a loop that follows the definition; tells the output shape.
    fn check_against_loop(mut layer: Conv2D, (height, width): (i64, i64)) -> Result<Vec<i64>> {
        build(&mut layer, (height, width, 2))?;
        let parameters = layer.parameters();
        let (kernel, bias) = (&parameters[0], &parameters[1].value);
        no_grad(|| bias.shallow_clone().copy_(&wave(&bias.size())));
        let kernel = kernel.keras_view(&kernel.value)?;
        assert_eq!(kernel.size()[2..], [2, layer.filters]);
        let Borders { top, left, .. } = layer.borders(height, width);

        let x = wave(&[2, height, width, 2]);
        let y = layer.forward(&x, Phase::Infer, Activation::Linear)?;
        assert!(y.is_contiguous(), "images stay channels-last in memory");
        let size = y.size();
        for row in 0..size[1] {
            for column in 0..size[2] {
                for filter in 0..size[3] {
                    let mut sum = bias.double_value(&[filter]);
                    for i in 0..layer.kernel_size.height {
                        for j in 0..layer.kernel_size.width {
                            let r = row * layer.strides.height + i - top;
                            let c = column * layer.strides.width + j - left;
                            if r < 0 || r >= height || c < 0 || c >= width {
                                continue;
                            }
                            for channel in 0..2 {
                                sum += x.double_value(&[1, r, c, channel])
                                    * kernel.double_value(&[i, j, channel, filter]);
                            }
                        }
                    }
                    let computed = y.double_value(&[1, row, column, filter]);
                    assert!((computed - sum).abs() < 1e-5, "{row} {column} {filter}");
                }
            }
        }
        Ok(size)
    }

    #[test]
    fn a_convolution_equals_its_definition() -> Result<()> {
        assert_eq!(
            check_against_loop(Conv2D::new(3, (3, 3)), (7, 6))?,
            [2, 5, 4, 3]
        );
        let strided = Conv2D::new(3, (2, 3)).strides((2, 1));
        assert_eq!(check_against_loop(strided, (7, 6))?, [2, 3, 4, 3]);
        Ok(())
    }

    #[test]
    fn same_padding_puts_the_odd_pixel_at_the_end() -> Result<()> {
        assert_eq!(same(7, 3, 1), (7, 1, 1));
        assert_eq!(same(6, 3, 2), (3, 0, 1));
        let even = Conv2D::new(3, 3).padding(Padding::Same);
        assert_eq!(check_against_loop(even, (7, 6))?, [2, 7, 6, 3]);
        let odd = Conv2D::new(3, (2, 3)).padding(Padding::Same).strides(2);
        assert_eq!(check_against_loop(odd, (7, 6))?, [2, 4, 3, 3]);
        Ok(())
    }

    #[test]
    fn the_kernel_lies_channels_last_in_memory() -> Result<()> {
        let mut layer = Conv2D::new(4, (3, 3));
        build(&mut layer, (5, 5, 2))?;
        let kernel = &layer.parameters()[0].value;
        assert_eq!(kernel.size(), [4, 2, 3, 3]);
        assert_eq!(kernel.stride(), [18, 1, 6, 2]);
        Ok(())
    }

    #[test]
    fn softmax_runs_over_the_filters() -> Result<()> {
        let mut layer = Conv2D::new(4, 1);
        build(&mut layer, (3, 3, 2))?;
        let y = layer.forward(&wave(&[1, 3, 3, 2]), Phase::Infer, Activation::Softmax)?;
        let sums = y.sum_dim_intlist(-1, false, Kind::Float);
        assert!((sums - 1.0).abs().max().double_value(&[]) < 1e-6);
        Ok(())
    }

    #[test]
    fn impossible_options_are_named() {
        for (mut layer, input, part) in [
            (
                Conv2D::new(0, 3),
                Shape::from((5, 5, 1)),
                "at least 1 filter",
            ),
            (
                Conv2D::new(1, (0, 3)),
                Shape::from((5, 5, 1)),
                "received (0, 3)",
            ),
            (
                Conv2D::new(1, 3).strides(0),
                Shape::from((5, 5, 1)),
                "strides",
            ),
            (
                Conv2D::new(1, 3),
                Shape::from((2, 5, 1)),
                "at least (3, 3) pixels",
            ),
            (Conv2D::new(1, 3), Shape::from(10), "before Flatten"),
        ] {
            let error = build(&mut layer, input).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
