use tch::Tensor;

use super::config::Kind as LayerKind;
use crate::layers::layer::{layer_options, not_built, single};
use crate::tensors::casts::weight_like;
use crate::{
    Activation, BuildContext, Initializer, L1L2, Layer, LayerConfig, LayerOptions, Parameter,
    Phase, Result, Shape,
};

/// The builder methods of layers with a kernel.
macro_rules! kernel_options {
    () => {
        /// Sets the function at the end.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn activation(mut self, activation: Activation) -> Self {
            self.activation = activation;
            self
        }

        /// Adds a penalty on the kernel to the loss.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn kernel_regularizer(mut self, regularizer: L1L2) -> Self {
            self.kernel_regularizer = Some(regularizer);
            self
        }

        /// Sets what the kernel is before training; the default is Glorot uniform.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn kernel_initializer(mut self, initializer: Initializer) -> Self {
            self.kernel_initializer = initializer;
            self
        }

        /// Says whether there is a bias; the default is `true`.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn use_bias(mut self, use_bias: bool) -> Self {
            self.use_bias = use_bias;
            self
        }
    };
}
pub(super) use kernel_options;

/// A fully connected layer: `activation(x · kernel + bias)`.
///
/// Acts on the last axis of an input of any rank, as in Keras: on images (N, 32, 32, 3) it
/// is one small network applied to every pixel. Kernel (inputs, units) Glorot uniform, bias
/// (units,) zero, no activation unless asked for.
///
/// # Shapes
/// (N, .., inputs) to (N, .., units).
///
/// ```
/// use labbook_nn::{Dense, Input, Model};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let inputs = Input::new(8);
/// let outputs = Dense::new(16).call(&inputs);
/// let model = Model::new(&inputs, &outputs)?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 16)");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Dense {
    units: i64,
    activation: Activation,
    kernel_regularizer: Option<L1L2>,
    kernel_initializer: Initializer,
    use_bias: bool,
    options: LayerOptions,
    weights: Option<Weights>,
}

#[derive(Debug)]
struct Weights {
    kernel: Tensor,
    bias: Option<Tensor>,
}

impl Dense {
    /// A layer with `units` outputs.
    #[must_use]
    pub fn new(units: i64) -> Self {
        Self {
            units,
            activation: Activation::Linear,
            kernel_regularizer: None,
            kernel_initializer: Initializer::default(),
            use_bias: true,
            options: LayerOptions::default(),
            weights: None,
        }
    }

    kernel_options!();
    layer_options!();
}

impl Layer for Dense {
    fn class_name(&self) -> &'static str {
        "Dense"
    }

    fn needs_whole_batch(&self) -> bool {
        false
    }

    fn options(&self) -> &LayerOptions {
        &self.options
    }

    fn config(&self) -> Option<LayerConfig> {
        Some(LayerConfig(LayerKind::Dense {
            units: self.units,
            activation: self.activation,
            kernel_regularizer: self.kernel_regularizer,
            kernel_initializer: self.kernel_initializer,
            use_bias: self.use_bias,
        }))
    }

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        if self.units < 1 {
            return Err(context.error("at least 1 unit", self.units, "use Dense::new(10)"));
        }
        check_regularizer(self.kernel_regularizer, context)?;
        let Some((&inputs, outer)) = input.dims().split_last() else {
            return Err(context.error(
                "an input of rank 2 or more",
                input,
                "give each example at least one feature",
            ));
        };
        let kernel = context
            .dense_kernel(self.kernel_initializer, [inputs, self.units])?
            .f_set_requires_grad(true)?;
        let bias = bias(self.use_bias, self.units, context)?;
        self.weights = Some(Weights { kernel, bias });
        Ok(Shape::from([outer, &[self.units]].concat()))
    }

    fn compute_output_shape(
        &self,
        inputs: &[Shape],
        context: &BuildContext<'_>,
    ) -> Result<Option<Shape>> {
        let input = single(inputs, context)?;
        let Some(weights) = &self.weights else {
            return Ok(None);
        };
        match input.dims().split_last() {
            Some((last, outer)) if weights.kernel.size().first() == Some(last) => {
                Ok(Some(Shape::from([outer, &[self.units]].concat())))
            }
            _ => Ok(None),
        }
    }

    fn forward(&self, x: &Tensor, _phase: Phase, activation: Activation) -> Result<Tensor> {
        let Some(Weights { kernel, bias }) = &self.weights else {
            return Err(not_built(self.class_name(), &self.options));
        };
        let mut size = x.size();
        let Some((last, outer)) = size.split_last_mut() else {
            return Ok(x.shallow_clone());
        };
        let flat = match outer.len() {
            1 => x.shallow_clone(),
            _ => x.f_reshape([-1, *last])?,
        };
        let kernel = weight_like(kernel, x)?;
        // The activation works on the product itself: in place on a reshaped view, autograd
        // would copy.
        let y = activation.apply(match bias {
            Some(bias) => weight_like(bias, x)?.f_addmm(&flat, &kernel)?,
            None => flat.f_mm(&kernel)?,
        })?;
        if outer.len() == 1 {
            return Ok(y);
        }
        *last = self.units;
        Ok(y.f_reshape(size.as_slice())?)
    }

    fn activation(&self) -> Activation {
        self.activation
    }

    fn parameters(&self) -> Vec<Parameter> {
        let Some(weights) = &self.weights else {
            return Vec::new();
        };
        let bias = weights.bias.iter();
        [Parameter::new("kernel", &weights.kernel)]
            .into_iter()
            .chain(bias.map(|bias| Parameter::new("bias", bias)))
            .collect()
    }

    fn multiply_adds(&self, output: &Shape) -> i64 {
        let inputs = self.weights.as_ref().map_or(0, |w| w.kernel.size()[0]);
        output.elements().unwrap_or(i64::MAX).saturating_mul(inputs)
    }

    fn penalty(&self) -> Result<Option<Tensor>> {
        match (self.kernel_regularizer, &self.weights) {
            (Some(regularizer), Some(weights)) => regularizer.penalty(&weights.kernel).map(Some),
            _ => Ok(None),
        }
    }
}

/// A trainable row of zeros, if there is to be one.
pub(super) fn bias(
    use_bias: bool,
    size: i64,
    context: &mut BuildContext<'_>,
) -> Result<Option<Tensor>> {
    match use_bias {
        true => Ok(Some(context.zeros(size)?.f_set_requires_grad(true)?)),
        false => Ok(None),
    }
}

/// The penalty's factors have to be finite and not negative.
pub(super) fn check_regularizer(
    regularizer: Option<L1L2>,
    context: &BuildContext<'_>,
) -> Result<()> {
    match regularizer {
        Some(L1L2 { l1, l2 }) if !L1L2::new(l1, l2).is_valid() => Err(context.error(
            "a kernel_regularizer with finite factors of at least 0",
            format!("l1 = {l1}, l2 = {l2}"),
            "use L1L2::default() or, for instance, L1L2::new(0.0, 0.001)",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use tch::{Kind, no_grad};

    use super::*;
    use crate::layers::build;

    #[test]
    fn dense_acts_on_the_last_axis_of_images() -> Result<()> {
        let mut layer = Dense::new(2).activation(Activation::Relu);
        assert_eq!(build(&mut layer, (4, 5, 3))?, Shape::from((4, 5, 2)));
        let [kernel, bias] = &layer.parameters()[..] else {
            panic!("kernel and bias")
        };
        assert_eq!(kernel.value.size(), [3, 2]);
        assert_eq!(bias.value.abs().max().double_value(&[]), 0.0);
        no_grad(|| {
            bias.value
                .shallow_clone()
                .copy_(&Tensor::from_slice(&[0.1_f32, -0.2]))
        });

        let x = Tensor::arange(2 * 4 * 5 * 3, (Kind::Float, tch::Device::Cpu))
            .reshape([2, 4, 5, 3])
            .sin();
        let y = layer.forward(&x, Phase::Infer, Activation::Relu)?;
        assert_eq!(y.size(), [2, 4, 5, 2]);
        for (row, column, unit) in [(0, 0, 0), (1, 2, 1), (3, 4, 0), (2, 1, 1)] {
            let mut expected = bias.value.double_value(&[unit]);
            for channel in 0..3 {
                expected += x.double_value(&[1, row, column, channel])
                    * kernel.value.double_value(&[channel, unit]);
            }
            let computed = y.double_value(&[1, row, column, unit]);
            assert!((computed - expected.max(0.0)).abs() < 1e-6);
        }
        Ok(())
    }

    #[test]
    fn impossible_options_are_named() {
        let error = build(&mut Dense::new(0), 3).unwrap_err().to_string();
        assert_eq!(
            error,
            "layer layer (Dense): expected at least 1 unit, received 0; use Dense::new(10)"
        );
        let regularized = &mut Dense::new(1).kernel_regularizer(L1L2::new(-1.0, 0.0));
        let error = build(regularized, 3).unwrap_err().to_string();
        assert!(error.contains("received l1 = -1, l2 = 0"), "{error}");
        let error = build(&mut Dense::new(1), []).unwrap_err().to_string();
        assert!(
            error.contains("rank 2 or more, received (None,)"),
            "{error}"
        );
    }
}
