use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use super::spatial::check_rate;
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// Drops the whole of some examples in training and scales up the others: at the end of a residual
/// branch, whose block is then skipped (Huang et al. 2016).
///
/// Keras writes it as `Dropout(rate, noise_shape=(None, 1, 1, 1))`.
///
/// ```
/// use labbook_nn::{Add, Dense, Input, Model, StochasticDepth};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let inputs = Input::new(4);
/// let branch = Dense::new(4).call(&inputs);
/// let branch = StochasticDepth::new(0.2).call(&branch);
/// let model = Model::new(&inputs, &Add::new().call([&inputs, &branch]))?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 4)");
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// Output as input.
#[derive(Debug)]
pub struct StochasticDepth {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    rate: f64,
}

registered!(StochasticDepth);

impl StochasticDepth {
    /// Drops each example with probability `rate`, at least 0 and below 1.
    #[must_use]
    pub fn new(rate: f64) -> Self {
        Self::of(Settings { rate })
    }

    layer_options!();
}

impl Layer for StochasticDepth {
    layer_facts!(StochasticDepth);

    crate::layers::layer::passes_mask!();

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        check_rate(self.settings.rate, "use StochasticDepth::new(0.2)", context)?;
        Ok(input.clone())
    }

    fn forward(&self, x: &Tensor, phase: Phase, _activation: Activation) -> Result<Tensor> {
        if phase == Phase::Infer || self.settings.rate == 0.0 {
            return Ok(x.shallow_clone());
        }
        let mut sizes = vec![1; x.dim()];
        sizes[0] = x.size()[0];
        let mask = x.f_new_ones(&sizes, (x.f_kind()?, x.device()))?;
        Ok(x.f_mul(&mask.f_dropout(self.settings.rate, true)?)?)
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::layers::build;

    #[test]
    fn an_example_goes_as_a_whole_or_is_scaled_as_a_whole() -> Result<()> {
        let mut layer = StochasticDepth::new(0.5);
        assert_eq!(build(&mut layer, (3, 2))?, Shape::from((3, 2)));
        let x = Tensor::ones([64, 3, 2], (Kind::Float, Device::Cpu));
        assert_eq!(layer.forward(&x, Phase::Infer, Activation::Linear)?, x);
        let y = layer.forward(&x, Phase::Train, Activation::Linear)?;
        let rows = Vec::<Vec<f64>>::try_from(y.reshape([64, 6]))?;
        for row in rows {
            assert!(row == [0.0; 6] || row == [2.0; 6], "{row:?}");
        }
        let error = build(&mut StochasticDepth::new(1.0), 3).unwrap_err();
        assert!(error.to_string().contains("below 1"), "{error}");
        Ok(())
    }
}
