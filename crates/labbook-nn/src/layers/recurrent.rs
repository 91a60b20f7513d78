//! What the recurrent layers share: their options, weights and loops.

use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::activity::Activity;
use super::kernel_options::KernelOptions;
use super::spatial::{axes, check_sizes};
use crate::tensors::casts::weight_like;
use crate::{
    Activation, BuildContext, Constraint, Initializer, Parameter, Phase, Regularizer, Result, Shape,
};

/// The kinds of cells, with the options that each has alone.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Cell {
    Simple {},
    Lstm {
        recurrent_activation: Activation,
        unit_forget_bias: bool,
    },
    Gru {
        recurrent_activation: Activation,
        reset_after: bool,
    },
}

impl Cell {
    /// How many numbers a unit computes from its inputs.
    pub(super) fn gates(self) -> i64 {
        match self {
            Self::Simple {} => 1,
            Self::Lstm { .. } => 4,
            Self::Gru { .. } => 3,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    pub(super) units: i64,
    pub(super) cell: Cell,
    pub(super) return_sequences: bool,
    pub(super) go_backwards: bool,
    pub(super) dropout: f64,
    pub(super) recurrent_dropout: f64,
    pub(super) recurrent_initializer: Initializer,
    pub(super) recurrent_regularizer: Option<Regularizer>,
    pub(super) recurrent_constraint: Option<Constraint>,
    pub(super) kernel: KernelOptions,
}

/// The weights in Keras's layout: gates side by side, i f c o or z r h.
#[derive(Debug)]
pub(super) struct Weights {
    /// (inputs, gates * units).
    pub(super) kernel: Tensor,
    /// (units, gates * units).
    pub(super) recurrent_kernel: Tensor,
    /// (gates * units,), or (2, gates * units) for those of inputs and state.
    pub(super) bias: Option<Tensor>,
}

impl Settings {
    /// Keras's defaults.
    pub(super) fn new(units: i64, cell: Cell) -> Self {
        Self {
            units,
            cell,
            return_sequences: false,
            go_backwards: false,
            dropout: 0.0,
            recurrent_dropout: 0.0,
            recurrent_initializer: Initializer::Orthogonal { gain: 1.0 },
            recurrent_regularizer: None,
            recurrent_constraint: None,
            kernel: KernelOptions {
                activation: Activation::Tanh,
                ..KernelOptions::default()
            },
        }
    }

    /// Checks the options for sequences of this shape, and makes the weights.
    pub(super) fn build(
        &self,
        input: &Shape,
        context: &mut BuildContext<'_>,
    ) -> Result<(Weights, Shape)> {
        let (steps, inputs) = axes(input, 1, context)?;
        check_sizes("units", &[self.units], 1, context)?;
        for (option, rate) in [
            ("dropout", self.dropout),
            ("recurrent_dropout", self.recurrent_dropout),
        ] {
            if !(0.0..1.0).contains(&rate) {
                return Err(context.error(
                    &format!("a {option} of at least 0 and below 1"),
                    rate,
                    "use 0.2 to drop a fifth",
                ));
            }
        }
        self.kernel.check(2, context)?;
        let init = self.recurrent_initializer;
        init.check("recurrent_initializer", context)?;
        if let Some(regularizer) = self.recurrent_regularizer {
            regularizer.check("recurrent_regularizer", Some(2), context)?;
        }
        if let Some(constraint) = self.recurrent_constraint {
            constraint.check("recurrent_constraint", 2, context)?;
        }
        let wide = self.units.saturating_mul(self.cell.gates());
        let kernel = context.dense_kernel(self.kernel.kernel_initializer, [inputs, wide])?;
        let recurrent_kernel = context.dense_kernel(init, [self.units, wide])?;
        let bias = match self.kernel.use_bias {
            true => Some(self.bias(wide, context)?.f_set_requires_grad(true)?),
            false => None,
        };
        let weights = Weights {
            kernel: kernel.f_set_requires_grad(true)?,
            recurrent_kernel: recurrent_kernel.f_set_requires_grad(true)?,
            bias,
        };
        let output = match self.return_sequences {
            true => Shape::from((steps[0], self.units)),
            false => Shape::from(self.units),
        };
        Ok((weights, output))
    }

    fn bias(&self, wide: i64, context: &mut BuildContext<'_>) -> Result<Tensor> {
        let (units, fans) = (self.units, (wide as f64, wide as f64));
        let init = self.kernel.bias_initializer;
        Ok(match self.cell {
            Cell::Gru {
                reset_after: true, ..
            } => context.weight(init, &[2, wide], (2.0, wide as f64))?,
            Cell::Lstm {
                unit_forget_bias: true,
                ..
            } => {
                // The forget gates begin open (Jozefowicz et al. 2015).
                let bias = context.weight(init, &[wide], fans)?;
                let _ = bias.f_narrow(0, units, units)?.f_fill_(1.0)?;
                bias
            }
            _ => context.weight(init, &[wide], fans)?,
        })
    }

    /// The outputs of all steps (N, steps, units), or of the last one.
    ///
    /// Steps that a mask (N, steps) leaves out pass the state on as it is, and put out what the
    /// last step before them did, zeros at the beginning; or zeros everywhere.
    pub(super) fn forward(
        &self,
        weights: &Weights,
        x: &Tensor,
        mask: Option<&Tensor>,
        (phase, zeros): (Phase, bool),
    ) -> Result<Tensor> {
        let (mut x, mut mask) = (x.shallow_clone(), mask.map(Tensor::shallow_clone));
        if self.go_backwards {
            x = x.f_flip([1])?;
            mask = mask.map(|mask| mask.f_flip([1])).transpose()?;
        }
        let Some(mask) = mask else {
            let states = self.states(weights, &x, phase)?;
            return match self.return_sequences {
                true => Ok(states),
                false => Ok(states.f_select(1, -1)?),
            };
        };
        // The steps that count move to the front, in their order, and go through as if there were
        // no others.
        let order = mask.f_logical_not()?.f_argsort_stable(true, 1, false)?;
        let along = |index: &Tensor, size: i64| -> Result<Tensor> {
            Ok(index.f_unsqueeze(-1)?.f_expand([-1, -1, size], false)?)
        };
        let inputs = x.size()[2];
        let states = self.states(
            weights,
            &x.f_gather(1, &along(&order, inputs)?, false)?,
            phase,
        )?;
        let mut seen = mask.f_cumsum(1, Kind::Int64)?;
        if !self.return_sequences {
            seen = seen.f_narrow(1, -1, 1)?;
        }
        let last = along(&seen.f_sub_scalar(1)?.f_clamp_min(0)?, self.units)?;
        let none = match zeros && self.return_sequences {
            true => mask.f_logical_not()?,
            false => seen.f_eq(0)?,
        };
        let none = none.f_unsqueeze(-1)?;
        let y = states
            .f_gather(1, &last, false)?
            .f_masked_fill(&none, 0.0)?;
        match self.return_sequences {
            true => Ok(y),
            false => Ok(y.f_squeeze_dim(1)?),
        }
    }

    /// The outputs of all steps, one after another.
    fn states(&self, weights: &Weights, x: &Tensor, phase: Phase) -> Result<Tensor> {
        let kernel = weight_like(&weights.kernel, x)?;
        let recurrent_kernel = weight_like(&weights.recurrent_kernel, x)?;
        let bias = weights.bias.as_ref();
        let bias = bias.map(|bias| weight_like(bias, x)).transpose()?;
        let weights = Weights {
            kernel,
            recurrent_kernel,
            bias,
        };
        let dropping = phase == Phase::Train;
        if dropping && self.recurrent_dropout > 0.0 {
            let units = self.units;
            let inputs = x.size()[2];
            return self.step_by_step(
                &weights,
                x,
                Some(&self.drop_masks(x, self.dropout, inputs)?),
                Some(&self.drop_masks(x, self.recurrent_dropout, units)?),
            );
        }
        let x = match dropping && self.dropout > 0.0 {
            // All steps of an example lose the same inputs (Gal and Ghahramani 2016).
            true => x.f_mul(&drop_mask(x, self.dropout, &[x.size()[0], 1, x.size()[2]])?)?,
            false => x.shallow_clone(),
        };
        match super::fused::states(self, &weights, &x)? {
            Some(states) => Ok(states),
            None => self.step_by_step(&weights, &x, None, None),
        }
    }

    /// A mask for each gate.
    fn drop_masks(&self, x: &Tensor, rate: f64, size: i64) -> Result<Vec<Tensor>> {
        let masks = (0..self.cell.gates()).map(|_| drop_mask(x, rate, &[x.size()[0], size]));
        masks.collect()
    }

    pub(super) fn parameters(&self, weights: Option<&Weights>) -> Vec<Parameter> {
        let Some(weights) = weights else {
            return Vec::new();
        };
        let kernel = Parameter {
            constraint: self.kernel.kernel_constraint,
            ..Parameter::new("kernel", &weights.kernel)
        };
        let recurrent_kernel = Parameter {
            constraint: self.recurrent_constraint,
            ..Parameter::new("recurrent_kernel", &weights.recurrent_kernel)
        };
        let bias = weights.bias.iter().map(|bias| Parameter {
            constraint: self.kernel.bias_constraint,
            ..Parameter::new("bias", bias)
        });
        [kernel, recurrent_kernel].into_iter().chain(bias).collect()
    }

    /// What the weights and outputs add to the loss.
    pub(super) fn penalty(&self, weights: &Weights, activity: &Activity) -> Result<Option<Tensor>> {
        let terms = [
            (self.kernel.kernel_regularizer, Some(&weights.kernel)),
            (self.recurrent_regularizer, Some(&weights.recurrent_kernel)),
            (self.kernel.bias_regularizer, weights.bias.as_ref()),
        ];
        let mut sum: Option<Tensor> = None;
        let mut add = |term: Tensor| -> Result<()> {
            sum = Some(match sum.take() {
                Some(sum) => sum.f_add(&term)?,
                None => term,
            });
            Ok(())
        };
        for (regularizer, weight) in terms {
            if let (Some(regularizer), Some(weight)) = (regularizer, weight) {
                add(regularizer.penalty(weight)?)?;
            }
        }
        if self.kernel.activity_regularizer.is_some() {
            add(activity.penalty(weights.kernel.device())?)?;
        }
        Ok(sum)
    }
}

/// Zeros for what is dropped; the rest makes up for it.
fn drop_mask(x: &Tensor, rate: f64, size: &[i64]) -> Result<Tensor> {
    let ones = Tensor::f_ones(size, (x.f_kind()?, x.device()))?;
    Ok(ones.f_dropout(rate, true)?)
}
