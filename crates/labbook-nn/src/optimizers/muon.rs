use tch::Tensor;

use crate::optimizers::learning_rate::{LearningRate, check_option, learning_rate_options};
use crate::optimizers::learning_rate_multipliers::LearningRateMultipliers;
use crate::optimizers::optimizer::OptimizerKind;
use crate::optimizers::shared_options::{SharedOptions, shared_options};
use crate::optimizers::slots::{Slot, Slots};
use crate::{Optimizer, OptimizerConfig, OptimizerState, Result};

/// Muon (Jordan 2024): momentum whose matrices are made nearly orthogonal before each step.
///
/// Kernels of convolutions and dense layers but the last one are taken as matrices, one row
/// per filter. In each step, with the gradient g,
///
/// ```text
/// m = momentum · m + g
/// u = g + momentum · m                        or, without Nesterov's momentum, u = m
/// w *= sqrt(filters) / |w|
/// w -= learning_rate · N(u)
/// ```
///
/// where N sets the singular values of u to about 1 by Newton-Schulz steps: from u / |u|
/// each step makes a·x + (b·a' + c·a'·a')·x with a' = x·xᵀ and (a, b, c) = (3.4445, -4.7750,
/// 2.0315). All other weights take plain steps along u with momentum 0.85: biases, the scales
/// and shifts of batch normalizations, the last layer's kernel and bias.
///
/// Learning rate, momenta and the number of Newton-Schulz steps are those of Jordan's network
/// for CIFAR-10, `airbench94_muon`, where the learning rate falls to 0. Its last layer has no
/// bias and begins with a kernel of standard deviation 1/256. With such a layer, batch
/// normalization and batches of 2000 it takes a [`bias_lr_ratio`](Self::bias_lr_ratio) of 440, a
/// [`head_lr_ratio`](Self::head_lr_ratio) of 0.085 (of 0.085 · 81 if a kernel of the usual size
/// is followed by a division by 9) and a [`weight_decay`](Self::weight_decay) of 0.11, restated
/// for a mean loss; ratio and decay are proportional to the size of batches. Where the last
/// layer begins at its usual size, such a ratio diverges.
///
/// Keras's Muon differs: its other weights are Adam's, the size of a step depends on the shape
/// of a kernel, and convolutions are none of its matrices.
///
/// ```
/// use labbook_nn::{LearningRateSchedule, Muon};
///
/// let falling = LearningRateSchedule::polynomial_decay(0.24, 8 * 25);
/// let muon = Muon::new().schedule(falling);
/// ```
#[derive(Debug)]
pub struct Muon {
    learning_rate: LearningRate,
    multipliers: LearningRateMultipliers,
    momentum: f64,
    nesterov: bool,
    ns_steps: usize,
    sgd_momentum: f64,
    bias_lr_ratio: f64,
    head_lr_ratio: f64,
    weight_decay: f64,
    exclude_layers: Vec<String>,
    shared: SharedOptions,
    step: i64,
    slots: Slots,
}

const KINDS: [&str; 1] = ["momentum"];

/// The coefficients of a Newton-Schulz step: steep at zero, so that few steps are needed.
const NEWTON_SCHULZ: [f64; 3] = [3.4445, -4.7750, 2.0315];

/// Keeps divisions by a norm finite.
const EPSILON: f64 = 1e-7;

/// How a weight is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// A matrix of filters, by Muon.
    Filters,
    /// A kernel that is none.
    Head,
    /// Everything else.
    Bias,
}

impl Muon {
    /// Muon with the defaults of `airbench94_muon`.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    learning_rate_options!("0.24");

    /// Sets the share of a step that goes on in the next one, for the matrices, from 0 to 1;
    /// the default is 0.6.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn momentum(mut self, momentum: f64) -> Self {
        self.momentum = momentum;
        self
    }

    /// Says whether momentum is Nesterov's; the default is `true`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn nesterov(mut self, nesterov: bool) -> Self {
        self.nesterov = nesterov;
        self
    }

    /// Sets how many Newton-Schulz steps to make; the default is 3, Keras's is 5.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn ns_steps(mut self, ns_steps: usize) -> Self {
        self.ns_steps = ns_steps;
        self
    }

    /// Sets the momentum of the weights that are no matrices; the default is 0.85.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn sgd_momentum(mut self, sgd_momentum: f64) -> Self {
        self.sgd_momentum = sgd_momentum;
        self
    }

    /// Sets the learning rate of biases, scales and shifts, as a multiple of the matrices';
    /// the default is 1.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn bias_lr_ratio(mut self, bias_lr_ratio: f64) -> Self {
        self.bias_lr_ratio = bias_lr_ratio;
        self
    }

    /// Sets the learning rate of the last layer, as a multiple of the matrices'; the default
    /// is 0.1.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn head_lr_ratio(mut self, head_lr_ratio: f64) -> Self {
        self.head_lr_ratio = head_lr_ratio;
        self
    }

    /// Shrinks the weights that are no matrices by `learning_rate · weight_decay` of them
    /// before each step; the default is 0. Matrices keep their norm anyway.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn weight_decay(mut self, weight_decay: f64) -> Self {
        self.weight_decay = weight_decay;
        self
    }

    /// Names layers whose kernels are changed as the last layer's is; the default is none.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn exclude_layers(mut self, names: &[&str]) -> Self {
        self.exclude_layers = names.iter().map(|&name| name.to_owned()).collect();
        self
    }

    /// Multiplies the learning rate of the weights whose names end so, as
    /// [`SGD`](crate::SGD::learning_rate_multiplier) does.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn learning_rate_multiplier(mut self, name: impl Into<String>, factor: f64) -> Self {
        self.multipliers.push(name.into(), factor);
        self
    }

    pub(crate) fn multipliers(mut self, multipliers: LearningRateMultipliers) -> Self {
        self.multipliers = multipliers;
        self
    }

    shared_options!();

    fn kinds(&self) -> Vec<&'static str> {
        self.shared.kinds(&KINDS)
    }

    fn roles(&self, weights: &[(String, Tensor)]) -> Vec<Role> {
        let is_kernel = |weight: &Tensor| weight.dim() > 1;
        let layer = |name: &str| name.rsplit_once('/').map(|(layer, _)| layer.to_owned());
        let last = weights.iter().rfind(|(_, weight)| is_kernel(weight));
        let head = last.and_then(|(name, _)| layer(name));
        let roles = weights.iter().map(|(name, weight)| {
            let layer = layer(name);
            let is_head = layer == head;
            let excluded = layer.is_some_and(|layer| self.exclude_layers.contains(&layer));
            match is_kernel(weight) {
                _ if is_head => Role::Head,
                true if excluded => Role::Head,
                true => Role::Filters,
                false => Role::Bias,
            }
        });
        roles.collect()
    }

    /// Changes the weights by the gradients that the shared options leave.
    fn update(
        &self,
        plain_rate: f64,
        roles: &[Role],
        slots: &mut [Slot],
        weights: &[(String, Tensor)],
        gradients: &[Tensor],
    ) -> Result<()> {
        let weights = weights.iter().zip(gradients).zip(roles);
        for (slot, (((name, weight), gradient), role)) in slots.iter_mut().zip(weights) {
            let Some(memory) = slot.tensors.first_mut() else {
                continue;
            };
            let (momentum, ratio) = match role {
                Role::Filters => (self.momentum, 1.0),
                Role::Head => (self.sgd_momentum, self.head_lr_ratio),
                Role::Bias => (self.sgd_momentum, self.bias_lr_ratio),
            };
            let rate = plain_rate * ratio * self.multipliers.factor(name);
            let _ = memory.f_mul_scalar_(momentum)?;
            let _ = memory.f_add_(gradient)?;
            let update = &mut slot.scratch;
            let share = if self.nesterov { momentum } else { 1.0 };
            let _ = memory.f_mul_scalar_out(update, share)?;
            if self.nesterov {
                let _ = update.f_add_(gradient)?;
            }
            let mut weight = weight.shallow_clone();
            if *role == Role::Filters {
                let filters = weight.size().last().copied().unwrap_or(1);
                let scale = weight.f_norm()?.f_add_scalar(EPSILON)?.f_reciprocal()?;
                let scale = scale.f_mul_scalar((filters as f64).sqrt())?;
                let _ = weight.f_mul_(&scale)?;
                let update = orthogonal(update, self.ns_steps)?;
                let _ = weight.f_sub_(&update.f_mul_scalar(rate)?)?;
                continue;
            }
            let keep = self.shared.keep(name, plain_rate, self.weight_decay);
            if keep < 1.0 {
                let _ = weight.f_mul_scalar_(keep)?;
            }
            let _ = update.f_mul_scalar_(rate)?;
            let _ = weight.f_sub_(update)?;
        }
        Ok(())
    }
}

impl Default for Muon {
    fn default() -> Self {
        Self {
            learning_rate: LearningRate::constant(0.24),
            multipliers: LearningRateMultipliers::default(),
            momentum: 0.6,
            nesterov: true,
            ns_steps: 3,
            sgd_momentum: 0.85,
            bias_lr_ratio: 1.0,
            head_lr_ratio: 0.1,
            weight_decay: 0.0,
            exclude_layers: Vec::new(),
            shared: SharedOptions::default(),
            step: 0,
            slots: Slots::default(),
        }
    }
}

impl Optimizer for Muon {
    fn name(&self) -> &'static str {
        "Muon"
    }

    fn config(&self) -> Option<OptimizerConfig> {
        Some(OptimizerConfig(OptimizerKind::Muon {
            learning_rate: self.learning_rate.constant,
            schedule: self.learning_rate.schedule.clone(),
            multipliers: self.multipliers.clone(),
            momentum: self.momentum,
            nesterov: self.nesterov,
            ns_steps: self.ns_steps,
            sgd_momentum: self.sgd_momentum,
            bias_lr_ratio: self.bias_lr_ratio,
            head_lr_ratio: self.head_lr_ratio,
            weight_decay: self.weight_decay,
            exclude_layers: self.exclude_layers.clone(),
            shared: self.shared.clone(),
        }))
    }

    fn check(&self) -> Result<()> {
        let check = |option, value, fits, expected| {
            check_option(self.name(), option, value, fits, expected)
        };
        self.learning_rate.check(self.name())?;
        self.multipliers.check(self.name())?;
        self.shared.check(self.name())?;
        for (option, value) in [
            ("momentum", self.momentum),
            ("sgd_momentum", self.sgd_momentum),
        ] {
            check(option, value, (0.0..=1.0).contains(&value), "from 0 to 1")?;
        }
        for (option, value) in [
            ("bias_lr_ratio", self.bias_lr_ratio),
            ("head_lr_ratio", self.head_lr_ratio),
        ] {
            let fits = value.is_finite() && value >= 0.0;
            check(option, value, fits, "a finite number of at least 0")?;
        }
        let steps = self.ns_steps;
        check("ns_steps", steps as f64, steps > 0, "at least 1")?;
        let decay = self.weight_decay;
        let fits = (0.0..1.0).contains(&decay);
        check("weight_decay", decay, fits, "at least 0 and below 1")
    }

    fn learning_rate(&self) -> f64 {
        self.learning_rate.at(self.step)
    }

    fn set_learning_rate(&mut self, learning_rate: f64) {
        self.learning_rate = LearningRate::constant(learning_rate);
    }

    fn step(&mut self, weights: &[(String, Tensor)], gradients: &[Tensor]) -> Result<()> {
        let (plain_rate, roles) = (self.learning_rate.at(self.step), self.roles(weights));
        let kinds = self.kinds();
        // What follows reads the other options while the slots change.
        let mut all_slots = std::mem::take(&mut self.slots);
        let steps = self.step;
        let stepped = all_slots.of("Muon", &kinds, weights).and_then(|slots| {
            self.step += 1;
            let update = |slots: &mut [Slot], gradients: &[Tensor], _| {
                self.update(plain_rate, &roles, slots, weights, gradients)
            };
            self.shared.step(steps, slots, weights, gradients, update)
        });
        self.slots = all_slots;
        stepped
    }

    fn finish(&mut self, weights: &[(String, Tensor)]) -> Result<()> {
        self.shared.finish(&self.slots, weights)
    }

    fn state(&self) -> Result<OptimizerState> {
        self.slots.state("Muon", &self.kinds(), self.step)
    }

    fn set_state(&mut self, state: &OptimizerState) -> Result<()> {
        self.slots.set_state("Muon", &self.kinds(), state)?;
        self.step = state.step;
        Ok(())
    }
}

/// A tensor whose last axis counts filters, as a matrix with singular values of about 1.
fn orthogonal(tensor: &Tensor, steps: usize) -> Result<Tensor> {
    // Filters first is how the layers keep their kernels, so nothing is copied.
    let filters_first = tensor.f_movedim_int(-1, 0)?;
    let matrix = filters_first.f_reshape([filters_first.size()[0], -1])?;
    let tall = matrix.size()[0] > matrix.size()[1];
    let mut x = if tall {
        matrix.f_transpose(0, 1)?
    } else {
        matrix
    };
    x = x.f_div(&x.f_norm()?.f_add_scalar(EPSILON)?)?;
    let [a, b, c] = NEWTON_SCHULZ;
    for _ in 0..steps {
        let square = x.f_mm(&x.f_transpose(0, 1)?)?;
        let mut factor = square.f_mm(&square)?.f_mul_scalar(c)?;
        let _ = factor.f_add_(&square.f_mul_scalar(b)?)?;
        // a·x comes with the same product: a is added to the diagonal.
        let _ = factor.f_diagonal(0, 0, 1)?.f_add_scalar_(a)?;
        x = factor.f_mm(&x)?;
    }
    let x = if tall { x.f_transpose(0, 1)? } else { x };
    Ok(x.f_reshape(filters_first.size())?.f_movedim_int(0, -1)?)
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    fn wave(sizes: &[i64]) -> Tensor {
        let count = sizes.iter().product::<i64>();
        (Tensor::arange(count, (Kind::Double, Device::Cpu)) * 0.7 + 0.3)
            .sin()
            .reshape(sizes)
    }

    fn largest(difference: &Tensor) -> f64 {
        difference.abs().max().double_value(&[])
    }

    #[test]
    fn newton_schulz_steps_are_those_of_keras() -> Result<()> {
        // keras.optimizers.Muon().zeropower_via_newtonschulz5(.., 3) of Keras 3, in float64.
        let tall = [
            -0.163_363_403_383_709_92,
            0.628_134_211_659_824_7,
            0.865_633_916_269_257_5,
            0.007_685_921_745_571_811,
            0.457_622_050_475_374_4,
            -0.625_521_503_340_525_3,
        ];
        let wide = [
            0.513_288_866_121_429_7,
            0.546_061_573_418_065_8,
            0.322_012_990_288_736_76,
            -0.053_483_333_765_154_184,
            0.438_464_216_453_509_97,
            0.054_536_598_841_979_79,
            -0.355_040_433_362_796_56,
            -0.597_636_402_097_248,
        ];
        for (sizes, expected) in [([3, 2], &tall[..]), ([2, 4], &wide[..])] {
            let expected = Tensor::from_slice(expected).reshape(sizes);
            assert!(largest(&(orthogonal(&wave(&sizes), 3)? - expected)) < 1e-9);
        }
        Ok(())
    }

    #[test]
    fn singular_values_come_close_to_1() -> Result<()> {
        let kernel = (Tensor::arange(288, (Kind::Double, Device::Cpu)).square() * 0.7).sin();
        let matrix = orthogonal(&kernel.reshape([3, 3, 4, 8]), 5)?.reshape([36, 8]);
        let squares = matrix.tr().matmul(&matrix).linalg_eigvalsh("L");
        assert!(squares.min().double_value(&[]) > 0.25, "{squares}");
        assert!(squares.max().double_value(&[]) < 1.69, "{squares}");
        Ok(())
    }

    fn weights() -> Vec<(String, Tensor)> {
        [
            ("conv/kernel:0", vec![2, 1, 2, 3]),
            ("norm/beta:0", vec![3]),
            ("hidden/kernel:0", vec![3, 2]),
            ("out/kernel:0", vec![2, 2]),
            ("out/bias:0", vec![2]),
        ]
        .map(|(name, sizes)| (name.to_owned(), wave(&sizes)))
        .into()
    }

    #[test]
    fn steps_follow_the_formulas() -> Result<()> {
        let mut muon = Muon::new()
            .learning_rate(0.5)
            .bias_lr_ratio(2.0)
            .head_lr_ratio(0.5)
            .weight_decay(0.1)
            .learning_rate_multiplier("out/bias", 3.0);
        muon.check()?;
        let weights = weights();
        let mut expected: Vec<Tensor> = weights.iter().map(|(_, w)| w.copy()).collect();
        let mut memory: Vec<Tensor> = expected.iter().map(Tensor::zeros_like).collect();
        for step in 1..4 {
            let gradients: Vec<Tensor> = expected
                .iter()
                .map(|w| (wave(&w.size()) * f64::from(step)).cos())
                .collect();
            muon.step(&weights, &gradients)?;
            for (i, gradient) in gradients.iter().enumerate() {
                let momentum = [0.6, 0.85, 0.6, 0.85, 0.85][i];
                memory[i] = &memory[i] * momentum + gradient;
                let update = gradient + &memory[i] * momentum;
                expected[i] = match i {
                    0 | 2 => {
                        let filters = expected[i].size().last().copied().unwrap() as f64;
                        let w = &expected[i] * (filters.sqrt() / expected[i].norm());
                        w - orthogonal(&update, 3)? * 0.5
                    }
                    _ => &expected[i] * 0.95 - update * [0.0, 1.0, 0.0, 0.25, 0.75][i],
                };
            }
        }
        for ((name, weight), expected) in weights.iter().zip(&expected) {
            // A norm is kept away from zero by 1e-7.
            assert!(largest(&(weight - expected)) < 1e-6, "{name}");
        }
        assert_eq!(muon.state()?.slots[0].0, "Muon/conv/kernel/momentum:0");
        Ok(())
    }

    #[test]
    fn excluded_layers_are_changed_as_the_last_one() -> Result<()> {
        let roles = |muon: Muon| muon.roles(&weights());
        use Role::{Bias, Filters, Head};
        assert_eq!(roles(Muon::new()), [Filters, Bias, Filters, Head, Head]);
        let excluded = Muon::new().exclude_layers(&["conv", "norm"]);
        assert_eq!(roles(excluded), [Head, Bias, Filters, Head, Head]);
        Ok(())
    }

    #[test]
    fn a_restored_state_goes_on_as_if_never_interrupted() -> Result<()> {
        let gradients: Vec<Tensor> = weights().iter().map(|(_, w)| w.cos()).collect();
        let run = |muon: &mut Muon, weights: &[(String, Tensor)], steps: usize| {
            (0..steps).try_for_each(|_| muon.step(weights, &gradients))
        };
        let (whole, halves) = (weights(), weights());
        run(&mut Muon::new(), &whole, 4)?;
        let (mut first, mut second) = (Muon::new(), Muon::new());
        run(&mut first, &halves, 2)?;
        second.set_state(&first.state()?)?;
        run(&mut second, &halves, 2)?;
        assert_eq!(whole, halves);
        Ok(())
    }

    #[test]
    fn options_that_do_not_fit_are_errors_and_a_file_keeps_them() {
        assert!(Muon::new().check().is_ok());
        for muon in [
            Muon::new().learning_rate(-1.0),
            Muon::new().momentum(1.5),
            Muon::new().sgd_momentum(f64::NAN),
            Muon::new().ns_steps(0),
            Muon::new().bias_lr_ratio(-1.0),
            Muon::new().head_lr_ratio(f64::INFINITY),
            Muon::new().weight_decay(1.0),
            Muon::new().learning_rate_multiplier("beta", f64::NAN),
        ] {
            assert!(muon.check().is_err());
        }
        let muon = Muon::new()
            .learning_rate(0.1)
            .momentum(0.2)
            .nesterov(false)
            .ns_steps(4)
            .sgd_momentum(0.3)
            .bias_lr_ratio(5.0)
            .head_lr_ratio(6.0)
            .weight_decay(0.7)
            .exclude_layers(&["first"])
            .learning_rate_multiplier("beta", 8.0);
        let config = muon.config().unwrap();
        let text = serde_json::to_string(&config).unwrap();
        let read: OptimizerConfig = serde_json::from_str(&text).unwrap();
        assert_eq!(read.into_optimizer().config().unwrap(), config);
    }
}
