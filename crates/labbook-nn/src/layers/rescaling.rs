use tch::Tensor;

use super::config::Kind as LayerKind;
use crate::layers::layer::{layer_options, single};
use crate::{Activation, BuildContext, Layer, LayerConfig, LayerOptions, Phase, Result, Shape};

/// Multiplies its input by a constant and adds another: `scale · x + offset`.
///
/// At the beginning of a model it scales the pixels, as in `Rescaling::new(1.0 / 255.0)`; at the
/// end it tempers what goes into the softmax.
///
/// # Shapes
/// Output as input.
///
/// ```
/// use labbook_nn::{Input, Model, Rescaling};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let inputs = Input::new((8, 8, 3));
/// let outputs = Rescaling::new(1.0 / 255.0).call(&inputs);
/// let model = Model::new(&inputs, &outputs)?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 8, 8, 3)");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Rescaling {
    scale: f64,
    offset: f64,
    options: LayerOptions,
}

impl Rescaling {
    /// Multiplies by `scale`.
    #[must_use]
    pub fn new(scale: f64) -> Self {
        Self {
            scale,
            offset: 0.0,
            options: LayerOptions::default(),
        }
    }

    /// Sets what is added afterwards; the default is 0.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn offset(mut self, offset: f64) -> Self {
        self.offset = offset;
        self
    }

    layer_options!();
}

impl Layer for Rescaling {
    crate::layers::step_memory::sees_same_step!();

    crate::layers::layer::passes_mask!();

    fn class_name(&self) -> &'static str {
        "Rescaling"
    }

    fn needs_whole_batch(&self) -> bool {
        false
    }

    fn options(&self) -> &LayerOptions {
        &self.options
    }

    fn config(&self) -> Option<LayerConfig> {
        Some(LayerConfig(LayerKind::Rescaling {
            scale: self.scale,
            offset: self.offset,
        }))
    }

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        for (number, name) in [(self.scale, "scale"), (self.offset, "offset")] {
            if !number.is_finite() {
                return Err(context.error(
                    &format!("a finite {name}"),
                    number,
                    "use Rescaling::new(1.0 / 255.0) for pixels",
                ));
            }
        }
        Ok(input.clone())
    }

    fn compute_output_shape(
        &self,
        inputs: &[Shape],
        context: &BuildContext<'_>,
    ) -> Result<Option<Shape>> {
        single(inputs, context).cloned().map(Some)
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let y = x.f_mul_scalar(self.scale)?;
        match self.offset == 0.0 {
            true => Ok(y),
            false => Ok(y.f_add_scalar(self.offset)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::build;

    #[test]
    fn numbers_are_scaled_and_shifted() -> Result<()> {
        let mut layer = Rescaling::new(0.5).offset(-1.0);
        assert_eq!(build(&mut layer, (1, 2))?, Shape::from((1, 2)));
        let x = Tensor::from_slice(&[2.0_f32, 6.0]).reshape([1, 1, 2]);
        let y = layer.forward(&x, Phase::Train, Activation::Linear)?;
        assert_eq!(y, Tensor::from_slice(&[0.0_f32, 2.0]).reshape([1, 1, 2]));
        let error = build(&mut Rescaling::new(f64::NAN), 3).unwrap_err();
        assert!(error.to_string().contains("a finite scale"), "{error}");
        Ok(())
    }
}
