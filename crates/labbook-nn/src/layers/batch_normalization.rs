use tch::{Kind, Tensor, no_grad_guard};

use super::config::Kind as LayerKind;
use super::conv2d::{channels_first, channels_last};
use super::dense::bias;
use crate::layers::layer::{layer_options, not_built, single};
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
///
/// ```
/// use labbook_nn::{BatchNormalization, Input, Model};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let inputs = Input::new((8, 8, 3));
/// let outputs = BatchNormalization::new().momentum(0.9).call(&inputs);
/// let model = Model::new(&inputs, &outputs)?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 8, 8, 3)");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct BatchNormalization {
    momentum: f64,
    epsilon: f64,
    center: bool,
    scale: bool,
    options: LayerOptions,
    weights: Option<Weights>,
}

#[derive(Debug)]
struct Weights {
    gamma: Option<Tensor>,
    beta: Option<Tensor>,
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
            center: true,
            scale: true,
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

    /// Says whether the result is shifted by a trainable beta; the default is `true`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn center(mut self, center: bool) -> Self {
        self.center = center;
        self
    }

    /// Says whether the result is multiplied by a trainable gamma; the default is `true`.
    /// Where a layer with a bias or a kernel follows, gamma adds nothing that it could not do.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn scale(mut self, scale: bool) -> Self {
        self.scale = scale;
        self
    }

    layer_options!();

    /// Normalizes with the statistics of the batch and moves the stored ones towards them.
    fn train(&self, weights: &Weights, x: &Tensor) -> Result<Tensor> {
        let size = x.size();
        let channels = weights.moving_mean.size()[0];
        let count = x.numel() as f64 / channels as f64;
        // With momentum 1 libtorch hands out the statistics of the batch itself.
        let mean = weights.moving_mean.f_zeros_like()?;
        let variance = weights.moving_variance.f_zeros_like()?;
        let y = self.normalize(weights, x, (&mean, &variance), true)?;
        let _guard = no_grad_guard();
        // libtorch divides by n - 1, which Keras does for images only.
        let variance = match (count > 1.0, size.len() == 4) {
            (true, true) => variance,
            (true, false) => variance.f_mul_scalar((count - 1.0) / count)?,
            (false, _) => variance.f_zeros_like()?,
        };
        let share = 1.0 - self.momentum;
        let _ = weights.moving_mean.shallow_clone().f_lerp_(&mean, share)?;
        let _ = weights
            .moving_variance
            .shallow_clone()
            .f_lerp_(&variance, share)?;
        Ok(y)
    }

    /// Training on the steps that count: they alone make the statistics, by which all are scaled.
    fn train_masked(&self, weights: &Weights, x: &Tensor, mask: &Tensor) -> Result<Tensor> {
        let seen = x.f_to_kind(Kind::Float)?.f_index(&[Some(mask)])?;
        let seen = seen.f_reshape([-1, weights.moving_mean.size()[0]])?;
        let (variance, mean) = seen.f_var_mean_correction([0_i64].as_slice(), 0, false)?;
        let y = x.f_sub(&mean)?;
        let mut y = y.f_mul(&variance.f_add_scalar(self.epsilon)?.f_rsqrt()?)?;
        if let Some(gamma) = &weights.gamma {
            y = y.f_mul(gamma)?;
        }
        if let Some(beta) = &weights.beta {
            y = y.f_add(beta)?;
        }
        let _guard = no_grad_guard();
        let share = 1.0 - self.momentum;
        for (kept, new) in [
            (&weights.moving_mean, &mean),
            (&weights.moving_variance, &variance),
        ] {
            let _ = kept.shallow_clone().f_lerp_(&new.f_detach()?, share)?;
        }
        Ok(y.f_to_kind(x.f_kind()?)?)
    }

    /// libtorch's own kernel, which wants the channels on the second axis.
    fn normalize(
        &self,
        weights: &Weights,
        x: &Tensor,
        (mean, variance): (&Tensor, &Tensor),
        training: bool,
    ) -> Result<Tensor> {
        let images = x.dim() == 4;
        let channels = mean.size()[0];
        let x_seen = match images {
            true => channels_first(x)?,
            false => x.f_reshape([-1, channels])?,
        };
        let y = x_seen.f_batch_norm(
            weights.gamma.as_ref(),
            weights.beta.as_ref(),
            Some(mean),
            Some(variance),
            training,
            1.0,
            self.epsilon,
            true,
        )?;
        match images {
            true => channels_last(y, Activation::Linear),
            false => Ok(y.f_reshape(x.size())?),
        }
    }
}

impl Default for BatchNormalization {
    fn default() -> Self {
        Self::new()
    }
}

impl Layer for BatchNormalization {
    crate::layers::layer::passes_mask!();

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
            center: self.center,
            scale: self.scale,
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
        let ones = |context: &mut BuildContext<'_>| -> Result<Tensor> {
            Ok(context.zeros(channels)?.f_add_scalar(1.0)?)
        };
        let gamma = match self.scale {
            true => Some(ones(context)?.f_set_requires_grad(true)?),
            false => None,
        };
        self.weights = Some(Weights {
            gamma,
            beta: bias(self.center, channels, context)?,
            moving_mean: context.zeros(channels)?,
            moving_variance: ones(context)?,
        });
        Ok(input.clone())
    }

    fn compute_output_shape(
        &self,
        inputs: &[Shape],
        context: &BuildContext<'_>,
    ) -> Result<Option<Shape>> {
        let input = single(inputs, context)?;
        let numbers = self.weights.as_ref().map(|weights| &weights.moving_mean);
        let fits = numbers.is_some_and(|numbers| numbers.size().last() == input.dims().last());
        Ok(fits.then(|| input.clone()))
    }

    fn forward(&self, x: &Tensor, phase: Phase, _activation: Activation) -> Result<Tensor> {
        let Some(weights) = &self.weights else {
            return Err(not_built(self.class_name(), &self.options));
        };
        match phase {
            Phase::Train => self.train(weights, x),
            Phase::Infer => {
                let stored = (&weights.moving_mean, &weights.moving_variance);
                self.normalize(weights, x, stored, false)
            }
        }
    }

    fn forward_masked(
        &self,
        inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
        phase: Phase,
        activation: Activation,
    ) -> Result<Tensor> {
        match (&self.weights, inputs, masks, phase) {
            (Some(weights), [x], [Some(mask)], Phase::Train)
                if mask.f_any()?.f_int64_value(&[])? == 1 =>
            {
                self.train_masked(weights, x, mask)
            }
            _ => self.forward_many(inputs, phase, activation),
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        let Some(weights) = &self.weights else {
            return Vec::new();
        };
        let fixed = |name, value| Parameter {
            trainable: false,
            ..Parameter::new(name, value)
        };
        let gamma = weights.gamma.iter().map(|w| Parameter::new("gamma", w));
        let beta = weights.beta.iter().map(|w| Parameter::new("beta", w));
        gamma
            .chain(beta)
            .chain([
                fixed("moving_mean", &weights.moving_mean),
                fixed("moving_variance", &weights.moving_variance),
            ])
            .collect()
    }

    /// It keeps its statistics then, as in Keras.
    fn infers_when_frozen(&self) -> bool {
        true
    }

    fn needs_whole_batch(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, no_grad};

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

    /// The definition in plain operations: output, and the batch's mean and variance.
    fn by_definition(x: &Tensor, gamma: &Tensor, beta: &Tensor) -> [Tensor; 3] {
        let axes: Vec<i64> = (0..x.dim() as i64 - 1).collect();
        let mean = x.mean_dim(axes.as_slice(), false, None::<Kind>);
        let variance = (x - &mean)
            .square()
            .mean_dim(axes.as_slice(), false, None::<Kind>);
        let y = (x - &mean) * (&variance + 0.01).rsqrt() * gamma + beta;
        [y, mean, variance]
    }

    fn assert_close(a: &Tensor, b: &Tensor, tolerance: f64) {
        assert_eq!(a.size(), b.size());
        let error = (a - b).abs().max().double_value(&[]);
        assert!(error < tolerance, "{error}");
    }

    #[test]
    fn outputs_gradients_and_statistics_are_those_of_the_definition() -> Result<()> {
        for (size, center, scale) in [
            (vec![4_i64, 3, 5, 6], true, true),
            (vec![4, 3, 5, 6], true, false),
            (vec![4, 3, 5, 6], false, true),
            (vec![9, 6], true, true),
            (vec![4, 5, 6], true, false),
        ] {
            let mut layer = BatchNormalization::new()
                .momentum(0.7)
                .epsilon(0.01)
                .center(center)
                .scale(scale);
            build(&mut layer, &size[1..])?;
            let trainable = i64::from(center) + i64::from(scale);
            assert_eq!(layer.parameters().len() as i64, trainable + 2);
            let wave = |sizes: &[i64], phase: f64| {
                let count = sizes.iter().product::<i64>();
                (Tensor::arange(count, (Kind::Float, Device::Cpu)) * 0.7 + phase)
                    .sin()
                    .reshape(sizes)
            };
            let mut leaves = vec![(wave(&size, 0.0) + 1.0).set_requires_grad(true)];
            let (mut gamma, mut beta) = (Tensor::from(1.0_f32), Tensor::from(0.0_f32));
            for (index, parameter) in layer.parameters().iter().enumerate() {
                if parameter.trainable {
                    let values = wave(&[6], index as f64 + 1.0);
                    no_grad(|| parameter.value.shallow_clone().copy_(&values));
                    match parameter.name.as_str() {
                        "gamma" => gamma = parameter.value.shallow_clone(),
                        _ => beta = parameter.value.shallow_clone(),
                    }
                    leaves.push(parameter.value.shallow_clone());
                }
            }
            let towards = wave(&size, 3.0);
            let [expected, mean, variance] = by_definition(&leaves[0], &gamma, &beta);
            let y = layer.forward(&leaves[0], Phase::Train, Activation::Linear)?;
            assert_close(&y, &expected, 1e-5);
            let gradients = |y: &Tensor| {
                let sum = (y * &towards).sum(Kind::Float);
                Tensor::run_backward(&[sum], &leaves, false, false)
            };
            for (gradient, expected) in gradients(&y).iter().zip(&gradients(&expected)) {
                assert_close(gradient, expected, 2e-4);
            }
            let count = (y.numel() / 6) as f64;
            let correction = match size.len() {
                4 => count / (count - 1.0),
                _ => 1.0,
            };
            let stored = &layer.parameters()[trainable as usize..];
            assert_close(&stored[0].value, &(mean * 0.3), 1e-6);
            assert_close(&stored[1].value, &(variance * 0.3 * correction + 0.7), 1e-6);
        }
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
