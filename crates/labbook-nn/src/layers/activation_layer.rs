use tch::Tensor;

use super::config::Kind as LayerKind;
use crate::layers::layer::{layer_options, single};
use crate::{Activation, BuildContext, Layer, LayerConfig, LayerOptions, Phase, Result, Shape};

/// An activation function as a layer of its own, for instance after a
/// [`BatchNormalization`](crate::BatchNormalization).
///
/// Keras calls it `layers.Activation`, and so do names and summaries; here
/// [`Activation`] is the function itself.
///
/// # Shapes
/// Output as input.
///
/// ```
/// use labbook_nn::{Activation, ActivationLayer, Input, Model};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let inputs = Input::new(8);
/// let outputs = ActivationLayer::new(Activation::Relu).call(&inputs);
/// let model = Model::new(&inputs, &outputs)?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 8)");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ActivationLayer {
    activation: Activation,
    options: LayerOptions,
}

impl ActivationLayer {
    /// A layer that applies `activation`.
    #[must_use]
    pub fn new(activation: Activation) -> Self {
        Self {
            activation,
            options: LayerOptions::default(),
        }
    }

    layer_options!();
}

impl Layer for ActivationLayer {
    crate::layers::step_memory::sees_same_step!();

    crate::layers::layer::passes_mask!();

    fn class_name(&self) -> &'static str {
        "Activation"
    }

    fn needs_whole_batch(&self) -> bool {
        false
    }

    fn options(&self) -> &LayerOptions {
        &self.options
    }

    fn config(&self) -> Option<LayerConfig> {
        Some(LayerConfig(LayerKind::Activation {
            activation: self.activation,
        }))
    }

    fn build(&mut self, input: &Shape, _context: &mut BuildContext<'_>) -> Result<Shape> {
        Ok(input.clone())
    }

    fn compute_output_shape(
        &self,
        inputs: &[Shape],
        context: &BuildContext<'_>,
    ) -> Result<Option<Shape>> {
        single(inputs, context).cloned().map(Some)
    }

    fn forward(&self, x: &Tensor, _phase: Phase, activation: Activation) -> Result<Tensor> {
        activation.of(x)
    }

    fn activation(&self) -> Activation {
        self.activation
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::build;

    #[test]
    fn the_input_stays_as_it_is() -> Result<()> {
        for activation in [
            Activation::Linear,
            Activation::Relu,
            Activation::Softmax,
            Activation::Sigmoid,
            Activation::Tanh,
            Activation::Gelu,
            Activation::Elu,
            Activation::LeakyRelu,
            Activation::Softplus,
            Activation::Silu,
        ] {
            let mut layer = ActivationLayer::new(activation);
            assert_eq!(build(&mut layer, (2, 3))?, Shape::from((2, 3)));
            let values: Vec<f32> = (0..12).map(|i| (i as f32).sin()).collect();
            let x = Tensor::from_slice(&values).reshape([2, 2, 3]);
            let y = layer.forward(&x, Phase::Train, activation)?;
            assert_eq!(y, activation.apply(x.copy())?);
            assert_eq!(x, Tensor::from_slice(&values).reshape([2, 2, 3]));
        }
        Ok(())
    }
}
