//! The steps of sequences in the order in which a recurrent loop sees them.

use tch::{Device, Kind, Tensor};

use super::recurrent::{Given, State, Steps};
use crate::Result;

/// Sequences as a loop takes them: those that a mask leaves out behind all others.
pub(super) struct Order {
    pub(super) x: Tensor,
    /// The mask in the order in which the steps are seen, if there is one.
    pub(super) counted: Option<Tensor>,
}

impl Order {
    pub(super) fn new(given: &Given<'_>, backwards: bool) -> Result<Self> {
        let mask = given.mask.map(Tensor::shallow_clone);
        let (mut x, mut counted) = (given.x.shallow_clone(), mask);
        if backwards {
            x = x.f_flip([1])?;
            counted = counted.map(|mask| mask.f_flip([1])).transpose()?;
        }
        if let Some(mask) = &counted {
            // The steps that count move to the front, in their order, and go through as if there
            // were no others.
            if !stand_in_front(mask)? {
                let order = mask.f_logical_not()?.f_argsort_stable(true, 1, false)?;
                x = rows(&x, &order)?;
            }
            // Reading it back would make a GPU wait.
            if mask.device() == Device::Cpu && mask.numel() > 0 {
                let counts = mask.f_sum_dim_intlist([1_i64].as_slice(), false, Kind::Int64)?;
                let longest = counts.f_max()?.f_int64_value(&[])?.max(1);
                x = x.f_narrow(1, 0, longest)?;
            }
        }
        Ok(Self { x, counted })
    }

    /// Whether a loop has to tell what each step keeps.
    pub(super) fn wants_carries(&self, given: &Given<'_>) -> bool {
        self.counted.is_some() && given.wants_state
    }

    /// What comes out for the steps as they were: of all of them, or of the last that counts.
    pub(super) fn outputs(
        &self,
        steps: &Steps,
        return_sequences: bool,
        given: &Given<'_>,
    ) -> Result<Tensor> {
        let Some(mask) = &self.counted else {
            return Ok(match return_sequences {
                true => steps.outputs.shallow_clone(),
                false => steps.outputs.f_select(1, -1)?,
            });
        };
        let seen = mask.f_cumsum(1, Kind::Int64)?;
        let seen = match return_sequences {
            true => seen,
            false => seen.f_narrow(1, -1, 1)?,
        };
        let none = match given.zeros && return_sequences {
            true => mask.f_logical_not()?,
            false => seen.f_eq(0)?,
        };
        let y = after(&steps.outputs, &seen)?.f_masked_fill(&none.f_unsqueeze(-1)?, 0.0)?;
        Ok(match return_sequences {
            true => y,
            false => y.f_squeeze_dim(1)?,
        })
    }

    /// The state after the last step that counts, if somebody needs it.
    pub(super) fn state(&self, steps: &Steps, given: &Given<'_>) -> Result<State> {
        match &self.counted {
            _ if !given.wants_state => Ok(Vec::new()),
            None => Ok(steps.state.iter().map(Tensor::shallow_clone).collect()),
            Some(mask) => {
                let count = mask.f_sum_dim_intlist([1_i64].as_slice(), true, Kind::Int64)?;
                self.last_state(&count, steps, given)
            }
        }
    }

    /// The state after so many steps, (N, 1); that before the first where there are none.
    fn last_state(&self, count: &Tensor, steps: &Steps, given: &Given<'_>) -> Result<State> {
        let all = [Some(&steps.outputs), steps.carries.as_ref()];
        let parts = all.into_iter().flatten().enumerate();
        let parts = parts.map(|(index, part)| {
            let last = after(part, count)?.f_squeeze_dim(1)?;
            let before = match given.state.and_then(|state| state.get(index)) {
                Some(state) => state.f_to_kind(last.f_kind()?)?,
                None => last.f_zeros_like()?,
            };
            Ok(before.f_where_self(&count.f_eq(0)?, &last)?)
        });
        parts.collect()
    }
}

/// Whether it is known that no step that counts comes after one that does not.
fn stand_in_front(mask: &Tensor) -> Result<bool> {
    let steps = mask.size()[1];
    if mask.device() != Device::Cpu || steps < 2 {
        return Ok(steps < 2);
    }
    let before = mask.f_narrow(1, 0, steps - 1)?;
    let later = mask.f_narrow(1, 1, steps - 1)?;
    let behind = later.f_logical_and(&before.f_logical_not()?)?;
    Ok(behind.f_any()?.f_int64_value(&[])? == 0)
}

/// What stands after so many steps, (N, any) of them.
fn after(all: &Tensor, count: &Tensor) -> Result<Tensor> {
    rows(all, &count.f_sub_scalar(1)?.f_clamp_min(0)?)
}

/// The steps of these numbers, (N, any), of sequences (N, steps, features).
///
/// Looked up as an embedding does it: libtorch adds up the gradients of whole rows, where those of
/// `gather` go number by number.
fn rows(x: &Tensor, index: &Tensor) -> Result<Tensor> {
    let (count, steps) = (x.size()[0], x.size()[1]);
    let first = Tensor::f_arange(count, (Kind::Int64, x.device()))?.f_mul_scalar(steps)?;
    let index = index.f_add(&first.f_unsqueeze(1)?)?;
    let flat = x.f_flatten(0, 1)?;
    Ok(Tensor::f_embedding(&flat, &index, -1, false, false)?)
}
