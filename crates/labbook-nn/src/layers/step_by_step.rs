//! The loop over the steps of recurrent cells with any options.

use tch::Tensor;

use super::recurrent::{Cell, Settings, Weights};
use crate::Result;

impl Settings {
    /// The outputs of all steps (N, steps, units), by the equations as Keras writes them; dropout
    /// by masks for each gate.
    pub(super) fn step_by_step(
        &self,
        weights: &Weights,
        x: &Tensor,
        input_drops: Option<&[Tensor]>,
        state_drops: Option<&[Tensor]>,
    ) -> Result<Tensor> {
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
        let mut given = match input_drops {
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
        let size = [x.size()[0], units];
        let mut h = Tensor::f_zeros(size, (x.f_kind()?, x.device()))?;
        let mut c = h.shallow_clone();
        let mut states = Vec::new();
        for step in 0..x.size()[1] {
            let given = given.f_select(1, step)?;
            let part = |gate: i64| given.f_narrow(1, gate * units, units);
            // The state as a gate sees it, times its kernel.
            let of_state = |h: &Tensor, gate: i64| -> Result<Tensor> {
                let seen = match state_drops {
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
                    c = f.f_mul(&c)?.f_add(&i.f_mul(&new)?)?;
                    h = o.f_mul(&end.of(&c)?)?;
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
            states.push(h.shallow_clone());
        }
        Ok(Tensor::f_stack(&states, 1)?)
    }
}
