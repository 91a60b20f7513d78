use std::ops::Range;

use tch::{Device, Kind, Tensor};

use crate::engine::kernels::{self, ActiveColumns, Dropping, Instructions, LANES, Packed};
use crate::layers::ConfigKind;
use crate::model::graph::Planned;
use crate::random::mask_seed;
use crate::{Activation, L1L2, Regularizer, Result};

/// A layer with so few inputs is computed again in the backward pass instead of kept.
const FEW_INPUTS: usize = 16;
/// Wider layers are better multiplied by libtorch.
const WIDEST: usize = 1024;

/// A dense layer with ReLU, perhaps with a dropout after it.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) kernel: Packed,
    pub(super) transposed: Packed,
    pub(super) bias: Packed,
    pub(super) inputs: usize,
    pub(super) units: usize,
    /// Of the dropout after it, and what that drops in this step.
    pub(super) rate: Option<f64>,
    pub(super) dropping: Option<Dropping>,
    /// Whether all outputs of a piece are kept for the backward pass.
    pub(super) kept: bool,
}

/// A layer's weights, and the penalty on its kernel.
#[derive(Debug)]
pub(super) struct Weights {
    pub(super) kernel: Tensor,
    pub(super) bias: Tensor,
    regularizer: Option<L1L2>,
}

impl Link {
    /// Packs the weights as they are now; each step has masks of its own.
    pub(super) fn take(&mut self, weights: &Weights) -> Result<()> {
        kernels::with_numbers(&weights.kernel, |numbers| {
            self.kernel.pack(numbers);
            self.transposed.pack_transposed(numbers);
        })?;
        kernels::with_numbers(&weights.bias, |numbers| self.bias.pack(numbers))?;
        if let Some(rate) = self.rate {
            self.dropping = Some(Dropping::new(rate, mask_seed()?));
        }
        Ok(())
    }

    pub(super) fn scale(&self) -> f32 {
        self.dropping.map_or(1.0, Dropping::scale)
    }

    /// Where the outputs of some rows are.
    pub(super) fn places(&self, rows: &Range<usize>) -> Range<usize> {
        match self.kept {
            true => rows.start * self.units..rows.end * self.units,
            false => 0..rows.len() * self.units,
        }
    }

    /// The outputs of some rows, the first of which has this place among all.
    pub(super) fn forward(
        &self,
        instructions: Instructions,
        (x, active): (&[f32], &ActiveColumns),
        y: &mut [f32],
        row: u64,
    ) {
        instructions.affine_relu(x, active, (&self.kernel, &self.bias), y);
        if let Some(dropping) = self.dropping {
            dropping.apply(instructions, y, row * self.units as u64);
        }
    }
}

impl Weights {
    /// The weights of a dense layer and the function that it has to end with.
    pub(super) fn of(planned: &Planned<'_>) -> Option<(Self, Activation)> {
        let Some(ConfigKind::Dense {
            kernel_regularizer,
            bias_regularizer: None,
            activity_regularizer: None,
            ..
        }) = kind(planned)
        else {
            return None;
        };
        let regularizer = match kernel_regularizer {
            None => None,
            Some(Regularizer::L1L2(regularizer)) => Some(regularizer),
            Some(_) => return None,
        };
        let [kernel, bias] = &planned.layer.parameters()[..] else {
            return None;
        };
        let fits = [kernel, bias].iter().all(|weight| {
            weight.trainable
                && weight.value.device() == Device::Cpu
                && weight.value.kind() == Kind::Float
                && weight.value.is_contiguous()
        });
        let weights = Self {
            kernel: kernel.value.shallow_clone(),
            bias: bias.value.shallow_clone(),
            regularizer,
        };
        fits.then_some((weights, planned.activation))
    }

    /// The gradient of the kernel that a function writes, with that of the penalty.
    pub(super) fn kernel_gradient(&self, write: impl FnOnce(&mut [f32])) -> Result<Tensor> {
        kernels::new_tensor(&self.kernel.size(), 0.0, |numbers| {
            write(numbers);
            let Some(L1L2 { l1, l2 }) = self.regularizer else {
                return Ok(());
            };
            let (l1, twice_l2) = (l1 as f32, 2.0 * l2 as f32);
            kernels::with_numbers(&self.kernel, |kernel| {
                for (sum, &weight) in numbers.iter_mut().zip(kernel) {
                    let sign = f32::from(weight > 0.0) - f32::from(weight < 0.0);
                    *sum += l1 * sign + twice_l2 * weight;
                }
            })
        })
    }
}

/// What kind of layer it is, if it is one of this crate's.
pub(super) fn kind(planned: &Planned<'_>) -> Option<ConfigKind> {
    planned.layer.config().map(|config| config.0)
}

/// The dense layers with ReLU and their dropouts, if there is nothing else.
pub(super) fn links(chain: &[Planned<'_>]) -> Option<(Vec<Link>, Vec<Weights>)> {
    let mut links: Vec<Link> = Vec::new();
    let mut all_weights = Vec::new();
    for planned in chain {
        if let Some(ConfigKind::Dropout { rate }) = kind(planned) {
            let link = links.last_mut().filter(|link| link.rate.is_none())?;
            link.rate = Some(rate);
            link.kept = true;
            continue;
        }
        let Some((weights, Activation::Relu)) = Weights::of(planned) else {
            return None;
        };
        let &[inputs, units] = weights.kernel.size().as_slice() else {
            return None;
        };
        let (inputs, units) = (inputs as usize, units as usize);
        if !units.is_multiple_of(LANES) || inputs.max(units) > WIDEST {
            return None;
        }
        links.push(Link {
            kernel: Packed::zeros(inputs, units),
            transposed: Packed::zeros(units, inputs),
            bias: Packed::zeros(1, units),
            inputs,
            units,
            rate: None,
            dropping: None,
            kept: !links.is_empty() || inputs > FEW_INPUTS,
        });
        all_weights.push(weights);
    }
    // The head's backward pass needs all of the last one's.
    links.last_mut()?.kept = true;
    Some((links, all_weights))
}
