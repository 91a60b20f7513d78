use tch::{Device, Kind, Tensor};

use super::config::Kind as LayerKind;
use super::spatial::check_rate;
use crate::engine::kernels::{self, Dropping, Instructions};
use crate::layers::layer::{layer_options, single};
use crate::random::mask_seed;
use crate::{Activation, BuildContext, Layer, LayerConfig, LayerOptions, Phase, Result, Shape};

/// Sets a random share of its input to zero in training and scales up the rest.
///
/// Inverted dropout: what stays is divided by `1 - rate`, so that inference needs no change
/// and passes everything through.
///
/// # Shapes
/// Output as input.
///
/// ```
/// use labbook_nn::{Dropout, Input, Model};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let inputs = Input::new(8);
/// let outputs = Dropout::new(0.2).call(&inputs);
/// let model = Model::new(&inputs, &outputs)?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 8)");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Dropout {
    rate: f64,
    options: LayerOptions,
}

impl Dropout {
    /// Drops each number with probability `rate`, at least 0 and below 1.
    #[must_use]
    pub fn new(rate: f64) -> Self {
        Self {
            rate,
            options: LayerOptions::default(),
        }
    }

    layer_options!();
}

impl Layer for Dropout {
    crate::layers::step_memory::sees_same_step!();

    crate::layers::layer::passes_mask!();

    fn class_name(&self) -> &'static str {
        "Dropout"
    }

    fn needs_whole_batch(&self) -> bool {
        false
    }

    fn options(&self) -> &LayerOptions {
        &self.options
    }

    fn config(&self) -> Option<LayerConfig> {
        Some(LayerConfig(LayerKind::Dropout { rate: self.rate }))
    }

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        check_rate(self.rate, "use Dropout::new(0.2) to drop a fifth", context)?;
        Ok(input.clone())
    }

    fn compute_output_shape(
        &self,
        inputs: &[Shape],
        context: &BuildContext<'_>,
    ) -> Result<Option<Shape>> {
        single(inputs, context).cloned().map(Some)
    }

    fn forward(&self, x: &Tensor, phase: Phase, _activation: Activation) -> Result<Tensor> {
        if phase == Phase::Infer || self.rate == 0.0 {
            return Ok(x.shallow_clone());
        }
        let kind = x.f_kind()?;
        let drawn = [Kind::Float, Kind::BFloat16, Kind::Half].contains(&kind);
        if x.device() != Device::Cpu || !drawn {
            return Ok(x.f_dropout(self.rate, true)?);
        }
        // libtorch draws its masks number by number from one generator, on one thread.
        let dropping = Dropping::new(self.rate, mask_seed()?);
        let mask = kernels::new_tensor(&x.size(), 1.0, |mask| {
            dropping.apply(Instructions::best(), mask, 0);
            Ok(())
        })?;
        Ok(x.f_mul(&mask.f_to_kind(kind)?)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::build;

    #[test]
    fn dropout_drops_its_share_and_scales_the_rest_in_training_only() -> Result<()> {
        let kinds = [Kind::Float, Kind::BFloat16, Kind::Double];
        let all = kinds.map(|kind| [0.2, 0.25, 0.5].map(|rate| (rate, kind)));
        for (rate, kind) in all.into_iter().flatten() {
            let mut layer = Dropout::new(rate);
            assert_eq!(build(&mut layer, (3, 4))?, Shape::from((3, 4)));
            let x = Tensor::ones([100, 100], (kind, Device::Cpu)).set_requires_grad(true);
            assert_eq!(layer.forward(&x, Phase::Infer, Activation::Linear)?, x);
            let y = layer.forward(&x, Phase::Train, Activation::Linear)?;
            let dropped = y.eq(0.0).sum(Kind::Int64).int64_value(&[]);
            // Six standard deviations of a binomial distribution.
            let spread = 6.0 * (10_000.0 * rate * (1.0 - rate)).sqrt();
            assert!(
                (dropped as f64 - 10_000.0 * rate).abs() < spread,
                "{dropped}"
            );
            // As the kind has it.
            let scaled = Tensor::from(1.0 / (1.0 - rate)).to_kind(kind);
            let kept = (&y - scaled)
                .abs()
                .lt(1e-6)
                .sum(Kind::Int64)
                .int64_value(&[]);
            assert_eq!(kept + dropped, 10_000);
            let gradient = Tensor::run_backward(&[y.sum(Kind::Float)], &[&x], false, false);
            assert_eq!(gradient[0], y, "what was dropped learns nothing");
            assert_ne!(layer.forward(&x, Phase::Train, Activation::Linear)?, y);
        }
        Ok(())
    }

    #[test]
    fn a_rate_outside_its_range_is_named() {
        for rate in [-0.1, 1.0, f64::NAN] {
            let error = build(&mut Dropout::new(rate), 3).unwrap_err().to_string();
            assert!(
                error.contains("a rate of at least 0 and below 1"),
                "{error}"
            );
        }
    }
}
