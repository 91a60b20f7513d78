//! The loop over the steps of recurrent cells with any options.

use tch::Tensor;

use super::recurrent::{Cell, Drops, Settings, State, Steps, Weights};
use crate::Result;

impl Settings {
    /// The steps from a state on, by the equations as Keras writes them.
    pub(super) fn step_by_step(
        &self,
        weights: &Weights,
        x: &Tensor,
        state: State,
        drops: &Drops,
    ) -> Result<Steps> {
        let (units, gates) = (self.units, self.cell.gates());
        let kernel = |gate: i64| weights.kernel.f_narrow(1, gate * units, units);
        let recurrent = |gate: i64| weights.recurrent_kernel.f_narrow(1, gate * units, units);
        let (input_bias, state_bias) = match &weights.bias {
            Some(bias) if bias.dim() == 2 => {
                (Some(bias.f_select(0, 0)?), Some(bias.f_select(0, 1)?))
            }
            Some(bias) => (Some(bias.shallow_clone()), None),
            None => (None, None),
        };
        // What the inputs give to each gate, for all steps at once.
        let mut given = match &drops.inputs {
            None => x.f_matmul(&weights.kernel)?,
            Some(drops) => {
                let parts = (0..gates).zip(drops).map(|(gate, drop)| -> Result<Tensor> {
                    Ok(x.f_mul(&drop.f_unsqueeze(1)?)?.f_matmul(&kernel(gate)?)?)
                });
                Tensor::f_cat(&parts.collect::<Result<Vec<_>>>()?, -1)?
            }
        };
        if let Some(bias) = input_bias {
            given = given.f_add(&bias)?;
        }
        let mut state = state.into_iter();
        let zeros = || Tensor::f_zeros([x.size()[0], units], (x.f_kind()?, x.device()));
        let mut h = state.next().map_or_else(zeros, Ok)?;
        let mut c = state.next();
        let (mut outputs, mut carries) = (Vec::new(), Vec::new());
        for step in 0..x.size()[1] {
            let given = given.f_select(1, step)?;
            let part = |gate: i64| given.f_narrow(1, gate * units, units);
            // The state as a gate sees it, times its kernel.
            let of_state = |h: &Tensor, gate: i64| -> Result<Tensor> {
                let seen = match &drops.state {
                    Some(drops) => h.f_mul(&drops[gate as usize])?,
                    None => h.shallow_clone(),
                };
                let y = seen.f_mm(&recurrent(gate)?)?;
                match &state_bias {
                    Some(bias) => Ok(y.f_add(&bias.f_narrow(0, gate * units, units)?)?),
                    None => Ok(y),
                }
            };
            let summed =
                |gate: i64| -> Result<Tensor> { Ok(part(gate)?.f_add(&of_state(&h, gate)?)?) };
            let end = self.kernel.activation;
            match self.cell {
                Cell::Simple {} => h = end.of(&summed(0)?)?,
                Cell::Lstm {
                    recurrent_activation,
                    ..
                } => {
                    let i = recurrent_activation.of(&summed(0)?)?;
                    let f = recurrent_activation.of(&summed(1)?)?;
                    let new = end.of(&summed(2)?)?;
                    let o = recurrent_activation.of(&summed(3)?)?;
                    let given = i.f_mul(&new)?;
                    let kept = match &c {
                        Some(c) => f.f_mul(c)?.f_add(&given)?,
                        None => given,
                    };
                    h = o.f_mul(&end.of(&kept)?)?;
                    carries.push(kept.shallow_clone());
                    c = Some(kept);
                }
                Cell::Gru {
                    recurrent_activation,
                    reset_after,
                } => {
                    let z = recurrent_activation.of(&summed(0)?)?;
                    let r = recurrent_activation.of(&summed(1)?)?;
                    let inner = match reset_after {
                        true => r.f_mul(&of_state(&h, 2)?)?,
                        false => of_state(&r.f_mul(&h)?, 2)?,
                    };
                    let new = end.of(&part(2)?.f_add(&inner)?)?;
                    h = new.f_add(&z.f_mul(&h.f_sub(&new)?)?)?;
                }
            }
            outputs.push(h.shallow_clone());
        }
        Ok(Steps {
            outputs: Tensor::f_stack(&outputs, 1)?,
            carries: match carries.is_empty() {
                true => None,
                false => Some(Tensor::f_stack(&carries, 1)?),
            },
            state: [Some(h), c].into_iter().flatten().collect(),
        })
    }
}
