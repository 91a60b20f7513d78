use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// Leaves out the steps whose numbers are all one value, 0 unless another is told: layers behind it
/// pass them over.
///
/// ```
/// use labbook_nn::{LSTM, Masking, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Masking::new().input_shape((20, 4)));
/// model.add(LSTM::new(8));
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 8)");
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, steps, ..) as it is, with zeros in the steps left out.
#[derive(Debug)]
pub struct Masking {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    mask_value: f64,
}

registered!(Masking);

impl Masking {
    /// For steps of zeros.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Settings { mask_value: 0.0 })
    }

    /// Sets the number that fills the steps left out; the default is 0.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn mask_value(mut self, mask_value: f64) -> Self {
        self.settings.mask_value = mask_value;
        self
    }

    layer_options!();

    fn mask(&self, x: &Tensor) -> Result<Tensor> {
        Ok(x.f_ne(self.settings.mask_value)?.f_any_dim(-1, false)?)
    }
}

impl Layer for Masking {
    layer_facts!(Masking, whole_batch_or_not);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        match input.rank() {
            0 | 1 => Err(context.error(
                "sequences (None, steps, numbers)",
                input,
                "put it before layers that join the steps",
            )),
            _ => Ok(input.clone()),
        }
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let mask = self.mask(x)?.f_unsqueeze(-1)?;
        Ok(x.f_masked_fill(&mask.f_logical_not()?, 0.0)?)
    }

    fn compute_mask(
        &self,
        inputs: &[&Tensor],
        _masks: &[Option<&Tensor>],
    ) -> Result<Option<Tensor>> {
        inputs.first().map(|x| self.mask(x)).transpose()
    }

    fn makes_mask(&self) -> bool {
        true
    }

    fn needs_whole_batch(&self) -> bool {
        true
    }
}

impl Default for Masking {
    fn default() -> Self {
        Self::new()
    }
}
