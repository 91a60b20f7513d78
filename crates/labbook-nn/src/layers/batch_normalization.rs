use tch::{Kind, Tensor, no_grad_guard};

use super::config::Kind as LayerKind;
use crate::layer::{layer_options, not_built};
use crate::{
    Activation, BuildContext, Layer, LayerConfig, LayerOptions, Parameter, Phase, Result, Shape,
};

/// Gives every channel mean 0 and variance 1 over a batch, then scales and shifts it.
///
/// Acts on the last axis, with momentum 0.99 and epsilon 0.001, as in Keras. Training uses the
/// statistics of the batch and moves the stored ones towards them by `1 - momentum`; inference
/// uses the stored ones. The variance is the mean square, without correction, but what moves
/// the stored variance of images is corrected by n / (n - 1), as Keras 2.4's fused kernel does.
///
/// # Shapes
/// Output as input.
#[derive(Debug)]
pub struct BatchNormalization {
    momentum: f64,
    epsilon: f64,
    options: LayerOptions,
    weights: Option<Weights>,
}

#[derive(Debug)]
struct Weights {
    gamma: Tensor,
    beta: Tensor,
    moving_mean: Tensor,
    moving_variance: Tensor,
}

impl BatchNormalization {
    /// A layer with Keras's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            momentum: 0.99,
            epsilon: 1e-3,
            options: LayerOptions::default(),
            weights: None,
        }
    }

    /// Sets how slowly the stored statistics move, from 0 to 1; the default is 0.99.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Sets the number that keeps the division finite; the default is 0.001.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.epsilon = epsilon;
        self
    }

    layer_options!();

    /// Moves the stored statistics towards those of a batch.
    fn remember(&self, weights: &Weights, x: &Tensor, mean: &Tensor, var: &Tensor) -> Result<()> {
        let _guard = no_grad_guard();
        let channels = mean.numel().max(1);
        let count = (x.numel() / channels) as f64;
        let correction = match x.dim() {
            4 => count / (count - 1.0).max(1.0),
            _ => 1.0,
        };
        let share = 1.0 - self.momentum;
        let _ = weights.moving_mean.shallow_clone().f_lerp_(mean, share)?;
        let var = var.f_mul_scalar(correction)?;
        let _ = weights
            .moving_variance
            .shallow_clone()
            .f_lerp_(&var, share)?;
        Ok(())
    }
}

impl Default for BatchNormalization {
    fn default() -> Self {
        Self::new()
    }
}

impl Layer for BatchNormalization {
    fn class_name(&self) -> &'static str {
        "BatchNormalization"
    }

    fn options(&self) -> &LayerOptions {
        &self.options
    }

    fn config(&self) -> Option<LayerConfig> {
        Some(LayerConfig(LayerKind::BatchNormalization {
            momentum: self.momentum,
            epsilon: self.epsilon,
        }))
    }

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        if !(0.0..=1.0).contains(&self.momentum) {
            let advice = "leave it out for Keras's 0.99";
            return Err(context.error("a momentum from 0 to 1", self.momentum, advice));
        }
        if !(self.epsilon.is_finite() && self.epsilon > 0.0) {
            let advice = "leave it out for Keras's 0.001";
            return Err(context.error("an epsilon above 0", self.epsilon, advice));
        }
        let Some(&channels) = input.dims().last() else {
            return Err(context.error(
                "an input of rank 2 or more",
                input,
                "give each example at least one feature",
            ));
        };
        let (gamma, beta) = (context.zeros(channels)?, context.zeros(channels)?);
        self.weights = Some(Weights {
            gamma: gamma.f_add_scalar(1.0)?.f_set_requires_grad(true)?,
            beta: beta.f_set_requires_grad(true)?,
            moving_mean: context.zeros(channels)?,
            moving_variance: context.zeros(channels)?.f_add_scalar(1.0)?,
        });
        Ok(input.clone())
    }

    fn forward(&self, x: &Tensor, phase: Phase, _activation: Activation) -> Result<Tensor> {
        let Some(weights) = &self.weights else {
            return Err(not_built(self));
        };
        let (mean, variance) = match phase {
            Phase::Infer => (
                weights.moving_mean.shallow_clone(),
                weights.moving_variance.shallow_clone(),
            ),
            Phase::Train => {
                let axes: Vec<i64> = (0..x.dim() as i64 - 1).collect();
                let mean = x.f_mean_dim(axes.as_slice(), false, None::<Kind>)?;
                let squares = x.f_sub(&mean)?.f_square()?;
                let variance = squares.f_mean_dim(axes.as_slice(), false, None::<Kind>)?;
                self.remember(weights, x, &mean, &variance)?;
                (mean, variance)
            }
        };
        let scale = variance
            .f_add_scalar(self.epsilon)?
            .f_rsqrt()?
            .f_mul(&weights.gamma)?;
        Ok(x.f_sub(&mean)?.f_mul(&scale)?.f_add(&weights.beta)?)
    }

    fn parameters(&self) -> Vec<Parameter> {
        let Some(weights) = &self.weights else {
            return Vec::new();
        };
        let fixed = |name, value| Parameter {
            trainable: false,
            ..Parameter::new(name, value)
        };
        vec![
            Parameter::new("gamma", &weights.gamma),
            Parameter::new("beta", &weights.beta),
            fixed("moving_mean", &weights.moving_mean),
            fixed("moving_variance", &weights.moving_variance),
        ]
    }

    fn needs_whole_batch(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use tch::Device;

    use super::*;
    use crate::layers::build;

    #[test]
    fn a_batch_gets_mean_0_and_variance_1_and_the_statistics_move() -> Result<()> {
        let mut layer = BatchNormalization::new().momentum(0.9);
        assert_eq!(build(&mut layer, 2)?, Shape::from(2));
        let x = Tensor::from_slice(&[1.0_f32, 10.0, 3.0, 30.0]).reshape([2, 2]);
        let y = layer.forward(&x, Phase::Train, Activation::Linear)?;
        let scale = 1.0 / 1.001_f64.sqrt();
        assert!((y.double_value(&[1, 0]) - scale).abs() < 1e-6);
        assert!((y.double_value(&[0, 1]) + 10.0 / 100.001_f64.sqrt()).abs() < 1e-6);
        let stored: Vec<f64> = layer.parameters()[2..]
            .iter()
            .flat_map(|p| [p.value.double_value(&[0]), p.value.double_value(&[1])])
            .collect();
        for (stored, expected) in stored.iter().zip([0.2, 2.0, 1.0, 10.9]) {
            assert!((stored - expected).abs() < 1e-5, "{stored} {expected}");
        }
        let z = layer.forward(&x, Phase::Infer, Activation::Linear)?;
        assert!((z.double_value(&[0, 0]) - 0.8 * scale).abs() < 1e-6);
        assert!(!layer.parameters()[2].trainable);
        Ok(())
    }

    #[test]
    fn a_batch_of_one_and_impossible_options_are_handled() -> Result<()> {
        let mut layer = BatchNormalization::new();
        build(&mut layer, (1, 1, 3))?;
        let x = Tensor::ones([1, 1, 1, 3], (Kind::Float, Device::Cpu));
        let y = layer.forward(&x, Phase::Train, Activation::Linear)?;
        assert_eq!(y.abs().max().double_value(&[]), 0.0);
        assert!(build(&mut BatchNormalization::new().momentum(1.1), 3).is_err());
        assert!(build(&mut BatchNormalization::new().epsilon(0.0), 3).is_err());
        Ok(())
    }
}
