use tch::Tensor;

use super::activity::Activity;
use super::config::Kind as LayerKind;
use super::kernel_options::{KernelOptions, KernelWeights, kernel_options};
use crate::layers::layer::{layer_options, not_built, single};
use crate::tensors::casts::weight_like;
use crate::{
    Activation, BuildContext, Layer, LayerConfig, LayerOptions, Parameter, Phase, Result, Shape,
};

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
    kernel: KernelOptions,
    options: LayerOptions,
    activity: Activity,
    weights: Option<KernelWeights>,
}

impl Dense {
    /// A layer with `units` outputs.
    #[must_use]
    pub fn new(units: i64) -> Self {
        Self::with(units, KernelOptions::default())
    }

    pub(super) fn with(units: i64, kernel: KernelOptions) -> Self {
        Self {
            units,
            kernel,
            options: LayerOptions::default(),
            activity: Activity::default(),
            weights: None,
        }
    }

    kernel_options!(kernel);
    layer_options!();
}

impl Layer for Dense {
    crate::layers::step_memory::sees_same_step!();

    crate::layers::layer::passes_mask!();

    fn class_name(&self) -> &'static str {
        "Dense"
    }

    fn needs_whole_batch(&self) -> bool {
        // The penalty on outputs is a mean over the batch.
        self.kernel.activity_regularizer.is_some()
    }

    fn options(&self) -> &LayerOptions {
        &self.options
    }

    fn config(&self) -> Option<LayerConfig> {
        Some(LayerConfig(LayerKind::Dense {
            units: self.units,
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
        if self.units < 1 {
            return Err(context.error("at least 1 unit", self.units, "use Dense::new(10)"));
        }
        self.kernel.check(2, context)?;
        let Some((&inputs, outer)) = input.dims().split_last() else {
            return Err(context.error(
                "an input of rank 2 or more",
                input,
                "give each example at least one feature",
            ));
        };
        let kernel = context
            .dense_kernel(self.kernel.kernel_initializer, [inputs, self.units])?
            .f_set_requires_grad(true)?;
        let bias = self.kernel.bias(self.units, context)?;
        self.weights = Some(KernelWeights {
            kernel,
            keras_axes: None,
            bias,
        });
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

    fn forward(&self, x: &Tensor, phase: Phase, activation: Activation) -> Result<Tensor> {
        let Some(KernelWeights { kernel, bias, .. }) = &self.weights else {
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
        let y = match outer.len() {
            1 => y,
            _ => {
                *last = self.units;
                y.f_reshape(size.as_slice())?
            }
        };
        self.kernel.seen(&self.activity, y, phase, activation)
    }

    fn activation(&self) -> Activation {
        self.kernel.activation
    }

    fn parameters(&self) -> Vec<Parameter> {
        self.kernel.parameters(self.weights.as_ref())
    }

    fn multiply_adds(&self, output: &Shape) -> i64 {
        let inputs = self.weights.as_ref().map_or(0, |w| w.kernel.size()[0]);
        output.elements().unwrap_or(i64::MAX).saturating_mul(inputs)
    }

    fn penalty(&self) -> Result<Option<Tensor>> {
        match &self.weights {
            Some(weights) => self.kernel.penalty(weights, &self.activity),
            None => Ok(None),
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

#[cfg(test)]
mod tests {
    use tch::{Kind, no_grad};

    use super::*;
    use crate::L1L2;
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
