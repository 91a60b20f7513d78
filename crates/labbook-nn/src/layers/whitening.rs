use tch::{Kind, Tensor, no_grad_guard};

use super::config::Kind as LayerKind;
use super::conv2d::{channels_first, channels_last, check_window, image_axes};
use super::dense::bias;
use crate::data::spans::spans;
use crate::layers::layer::{layer_options, not_built, single};
use crate::tensors::casts::weight_like;
use crate::tensors::shape::{Size2D, tuple};
use crate::{
    Activation, BuildContext, Error, Layer, LayerConfig, LayerOptions, Parameter, Phase, Result,
    Shape,
};

/// A convolution whose filters come from the data and make neighbouring pixels uncorrelated.
///
/// The filters are the eigenvectors of the covariance of the images' patches, each divided by
/// the root of its eigenvalue plus epsilon, the largest eigenvalue first, and after them their
/// negatives, so that no sign is lost in a function such as GELU. They stay fixed in training;
/// the bias, zero at first, is trained. From David Page's "How to train your ResNet" (2018), in
/// the form that K. Jordan's "94% on CIFAR-10 in 3.29 seconds on a single GPU" (2024) uses.
///
/// ```
/// use labbook_nn::{Sequential, Whitening};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let x = Tensor::randn([100, 8, 8, 3], (Kind::Float, Device::Cpu));
/// let mut whitening = Whitening::new(2);
/// whitening.adapt(&x)?;
/// let mut model = Sequential::new();
/// model.add(whitening.input_shape((8, 8, 3)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [7, 7, 24]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, height, width, channels) to (N, height - kernel height + 1, width - kernel width + 1,
/// 2 · kernel height · kernel width · channels).
#[derive(Debug)]
pub struct Whitening {
    kernel_size: Size2D,
    epsilon: f64,
    use_bias: bool,
    options: LayerOptions,
    /// (filters, height, width, channels), from `adapt`.
    adapted: Option<Tensor>,
    /// Whether a file's weights will take the place of the filters.
    to_be_filled: bool,
    weights: Option<Weights>,
}

#[derive(Debug)]
struct Weights {
    kernel: Tensor,
    bias: Option<Tensor>,
}

/// As many images tell the covariance of their patches well enough.
const EXAMPLES: i64 = 5000;

/// Images whose patches are laid out at a time.
const CHUNK: i64 = 250;

impl Whitening {
    /// A layer for patches such as `2` or `(2, 2)`, which still has to be adapted.
    #[must_use]
    pub fn new(kernel_size: impl Into<Size2D>) -> Self {
        Self {
            kernel_size: kernel_size.into(),
            epsilon: 5e-4,
            use_bias: true,
            options: LayerOptions::default(),
            adapted: None,
            to_be_filled: false,
            weights: None,
        }
    }

    /// A layer that gets its filters from a file.
    pub(super) fn to_be_filled(kernel_size: Size2D) -> Self {
        Self {
            to_be_filled: true,
            ..Self::new(kernel_size)
        }
    }

    /// Sets what is added to the eigenvalues, to leave small ones small; the default is 0.0005,
    /// which suits images of variance 1. Counts when the layer is adapted.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    /// Says whether there is a bias, which is trained; the default is `true`. Without one the
    /// layer learns nothing, and the gradient of its output is not computed.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn use_bias(mut self, use_bias: bool) -> Self {
        self.use_bias = use_bias;
        self
    }

    layer_options!();

    /// What comes out for images of this shape.
    fn output(&self, input: &Shape, filters: i64, context: &BuildContext<'_>) -> Result<Shape> {
        let (rows, columns, _) = image_axes(input, context)?;
        let Size2D { height, width } = self.kernel_size;
        match rows >= height && columns >= width {
            true => Ok(Shape::from((
                rows - height + 1,
                columns - width + 1,
                filters,
            ))),
            false => Err(context.error(
                &format!("images of at least {} pixels", self.kernel_size),
                input,
                "use Whitening::new(2)",
            )),
        }
    }

    /// Computes the filters from the first 5,000 images of shape (N, height, width, channels),
    /// given as they will come into this layer: after [`Normalization`](crate::Normalization),
    /// what its `call` gives.
    ///
    /// # Errors
    /// When these are no images as large as the kernel, or numbers are NaN or infinite.
    pub fn adapt(&mut self, x: &Tensor) -> Result<()> {
        let _guard = no_grad_guard();
        let Size2D { height, width } = self.kernel_size;
        let size = x.size();
        let (count, channels) = match *size.as_slice() {
            [count, rows, columns, channels]
                if x.numel() > 0
                    && self.kernel_size.is_positive()
                    && rows >= height
                    && columns >= width =>
            {
                (count.min(EXAMPLES), channels)
            }
            _ => {
                return Err(Error::data(
                    "x",
                    format!(
                        "images (N, height, width, channels) of at least {} pixels",
                        self.kernel_size
                    ),
                    tuple(&size),
                    "pass the training images",
                ));
            }
        };
        let length = height * width * channels;
        let mut products = Tensor::f_zeros([length, length], (Kind::Double, x.device()))?;
        let mut sum = Tensor::f_zeros([length], (Kind::Double, x.device()))?;
        let mut rows = 0;
        for (start, images) in spans(count, CHUNK) {
            let x = x.f_narrow(0, start, images)?.f_to_kind(Kind::Float)?;
            // (N, new height, new width, channels, kernel height, kernel width).
            let patches = x.f_unfold(1, height, 1)?.f_unfold(2, width, 1)?;
            let patches = patches.f_permute([0, 1, 2, 4, 5, 3])?;
            let patches = patches.f_reshape([-1, length])?;
            rows += patches.size()[0];
            let _ = products.f_add_(&patches.f_tr()?.f_mm(&patches)?)?;
            let _ =
                sum.f_add_(&patches.f_sum_dim_intlist([0_i64].as_slice(), false, Kind::Double)?)?;
        }
        let mean = sum.f_div_scalar(rows as f64)?;
        let covariance = products
            .f_div_scalar(rows as f64)?
            .f_sub(&mean.f_outer(&mean)?)?;
        if !covariance
            .f_sum(Kind::Double)?
            .f_double_value(&[])?
            .is_finite()
        {
            return Err(Error::data(
                "x",
                "finite numbers",
                "some that are NaN or infinite",
                "look for a division by zero in the preparation of the data",
            ));
        }
        let (values, vectors) = covariance.f_linalg_eigh("L")?;
        let scale = values.f_clamp_min(0.0)?.f_add_scalar(self.epsilon)?;
        // A row per filter, the largest eigenvalue first.
        let filters = vectors.f_mul(&scale.f_rsqrt()?)?.f_tr()?.f_flip([0_i64])?;
        // An eigenvector has no sign of its own.
        let largest = filters.f_abs()?.f_argmax(1, true)?;
        let sign = filters.f_gather(1, &largest, false)?.f_sign()?;
        let filters = filters.f_mul(&sign)?.f_to_kind(Kind::Float)?;
        let both = Tensor::f_cat(&[filters.shallow_clone(), filters.f_neg()?], 0)?;
        self.adapted = Some(both.f_reshape([2 * length, height, width, channels])?);
        Ok(())
    }
}

impl Layer for Whitening {
    fn class_name(&self) -> &'static str {
        "Whitening"
    }

    fn needs_whole_batch(&self) -> bool {
        false
    }

    fn options(&self) -> &LayerOptions {
        &self.options
    }

    fn config(&self) -> Option<LayerConfig> {
        Some(LayerConfig(LayerKind::Whitening {
            kernel_size: self.kernel_size,
            epsilon: self.epsilon,
            use_bias: self.use_bias,
        }))
    }

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        check_window("a kernel", self.kernel_size, context)?;
        let (_, _, channels) = image_axes(input, context)?;
        let Size2D { height, width } = self.kernel_size;
        self.output(input, 1, context)?;
        if !(self.epsilon.is_finite() && self.epsilon > 0.0) {
            return Err(context.error("an epsilon above 0", self.epsilon, "leave it out"));
        }
        let filters = (height * width).checked_mul(2 * channels);
        let numbers = filters.and_then(|filters| filters.checked_mul(filters / 2));
        let (Some(filters), Some(numbers)) = (filters, numbers) else {
            return Err(context.error("a kernel that fits in memory", input, "use a smaller one"));
        };
        let sizes = [filters, height, width, channels];
        let kernel = context.zeros(numbers)?.f_reshape(sizes)?;
        match &self.adapted {
            Some(adapted) if adapted.size() == sizes => {
                kernel.shallow_clone().f_copy_(adapted)?;
            }
            _ if self.to_be_filled => {}
            _ => {
                return Err(context.error(
                    &format!("filters from images with {channels} channels"),
                    "none",
                    "call adapt(&x_train) before adding the layer",
                ));
            }
        }
        self.weights = Some(Weights {
            kernel: kernel.f_permute([0, 3, 1, 2])?,
            bias: bias(self.use_bias, filters, context)?,
        });
        self.output(input, filters, context)
    }

    fn compute_output_shape(
        &self,
        inputs: &[Shape],
        context: &BuildContext<'_>,
    ) -> Result<Option<Shape>> {
        let input = single(inputs, context)?;
        let (_, _, channels) = image_axes(input, context)?;
        match self.weights.as_ref().map(|weights| weights.kernel.size()) {
            Some(kernel) if kernel.get(1) == Some(&channels) => {
                self.output(input, kernel[0], context).map(Some)
            }
            _ => Ok(None),
        }
    }

    fn forward(&self, x: &Tensor, _phase: Phase, activation: Activation) -> Result<Tensor> {
        let Some(weights) = &self.weights else {
            return Err(not_built(self.class_name(), &self.options));
        };
        let x = channels_first(x)?;
        let bias = weights.bias.as_ref().map(|bias| weight_like(bias, &x));
        let kernel = weight_like(&weights.kernel, &x)?;
        let y = x.f_conv2d(&kernel, bias.transpose()?, 1, 0, 1, 1)?;
        channels_last(y, activation)
    }

    fn parameters(&self) -> Vec<Parameter> {
        let Some(weights) = &self.weights else {
            return Vec::new();
        };
        let kernel = Parameter {
            trainable: false,
            ..Parameter::new("kernel", &weights.kernel).keras_axes([2, 3, 1, 0])
        };
        let bias = weights.bias.iter();
        [kernel]
            .into_iter()
            .chain(bias.map(|bias| Parameter::new("bias", bias)))
            .collect()
    }

    fn multiply_adds(&self, output: &Shape) -> i64 {
        let kernel = self.weights.as_ref().map(|weights| &weights.kernel);
        super::conv2d::multiply_adds(kernel, output)
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::layers::build;

    /// Images whose neighbouring pixels and channels resemble each other.
    fn images() -> Tensor {
        let count = 300 * 8 * 8 * 3;
        let noise = (Tensor::arange(count, (Kind::Double, Device::Cpu)).square() * 0.0137).sin();
        let noise = noise.reshape([300, 8, 8, 3]);
        let smooth = &noise + noise.roll([1], [1]) + noise.roll([1], [2]) * 0.5;
        (smooth + noise.roll([1], [3]) + 0.3).to_kind(Kind::Float)
    }

    #[test]
    fn patches_become_uncorrelated_and_of_variance_1() -> Result<()> {
        let x = images();
        let mut layer = Whitening::new(2).epsilon(1e-9);
        layer.adapt(&x)?;
        assert_eq!(build(&mut layer, (8, 8, 3))?, Shape::from((7, 7, 24)));
        let y = layer.forward(&x, Phase::Train, Activation::Linear)?;
        assert_eq!(y.narrow(3, 12, 12), -y.narrow(3, 0, 12));
        let y = y.narrow(3, 0, 12).reshape([-1, 12]).to_kind(Kind::Double);
        let y = &y - y.mean_dim(0, true, Kind::Double);
        let covariance = y.tr().mm(&y) / y.size()[0] as f64;
        let error = covariance - Tensor::eye(12, (Kind::Double, Device::Cpu));
        assert!(error.abs().max().double_value(&[]) < 1e-3);
        let [kernel, bias] = &layer.parameters()[..] else {
            panic!("kernel and bias")
        };
        assert!(!kernel.trainable && bias.trainable);
        // The first filter answers to what varies most, so it is the smallest.
        let norms =
            kernel
                .value
                .square()
                .sum_dim_intlist([1_i64, 2, 3].as_slice(), false, Kind::Float);
        assert_eq!(
            norms.narrow(0, 0, 12).argmin(None, false).int64_value(&[]),
            0
        );
        Ok(())
    }

    #[test]
    fn epsilon_limits_how_much_is_amplified() -> Result<()> {
        let mut layer = Whitening::new(1).epsilon(0.25).use_bias(false);
        layer.adapt(&Tensor::ones([2, 2, 2, 1], (Kind::Uint8, Device::Cpu)))?;
        build(&mut layer, (2, 2, 1))?;
        let [kernel] = &layer.parameters()[..] else {
            panic!("a kernel alone")
        };
        assert_eq!(
            kernel.value.reshape([-1]),
            Tensor::from_slice(&[2.0_f32, -2.0])
        );
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_told() -> Result<()> {
        let error = build(&mut Whitening::new(2), (8, 8, 3))
            .unwrap_err()
            .to_string();
        assert!(error.contains("call adapt(&x_train)"), "{error}");
        let mut adapted = Whitening::new(2);
        adapted.adapt(&images())?;
        let error = build(&mut adapted, (8, 8, 4)).unwrap_err().to_string();
        assert!(error.contains("images with 4 channels"), "{error}");
        assert!(build(&mut adapted, (1, 8, 3)).is_err());
        for x in [images().select(0, 0), images() * f64::NAN] {
            assert!(Whitening::new(2).adapt(&x).is_err());
        }
        Ok(())
    }
}
