use tch::Tensor;

use crate::tensors::copy::copy;
use crate::{Error, OptimizerState, Result};

/// The tensors that an optimizer keeps for every weight, such as Adam's moments.
#[derive(Debug, Default)]
pub(crate) struct Slots {
    rows: Vec<Slot>,
}

/// What is kept for one weight.
#[derive(Debug)]
pub(crate) struct Slot {
    weight: String,
    /// One tensor per kind of slot.
    pub(crate) tensors: Vec<Tensor>,
    /// Room for intermediate results, so that a step allocates nothing.
    pub(crate) scratch: Tensor,
}

impl Slots {
    /// The slots of these weights: zeros before the first step.
    ///
    /// Slots from a file are given the weights' memory order, so that a resumed training
    /// computes in the very order of one that was never interrupted.
    pub(crate) fn of(
        &mut self,
        optimizer: &str,
        kinds: &[&str],
        weights: &[(String, Tensor)],
    ) -> Result<&mut [Slot]> {
        if self.rows.is_empty() {
            for (name, weight) in weights {
                let zeros = kinds.iter().map(|_| Ok(weight.f_zeros_like()?));
                self.rows.push(Slot {
                    weight: name.clone(),
                    tensors: zeros.collect::<Result<_>>()?,
                    scratch: weight.f_empty_like()?,
                });
            }
        }
        self.check(optimizer, weights)?;
        for (slot, (name, weight)) in self.rows.iter_mut().zip(weights) {
            if slot.scratch.stride() == weight.stride() && slot.scratch.device() == weight.device()
            {
                continue;
            }
            slot.weight.clone_from(name);
            slot.scratch = weight.f_empty_like()?;
            for tensor in &mut slot.tensors {
                let mut adopted = weight.f_empty_like()?;
                adopted.f_copy_(tensor)?;
                *tensor = adopted;
            }
        }
        Ok(&mut self.rows)
    }

    /// What is kept so far.
    pub(crate) fn rows(&self) -> &[Slot] {
        &self.rows
    }

    fn check(&self, optimizer: &str, weights: &[(String, Tensor)]) -> Result<()> {
        let fits = self.rows.len() == weights.len()
            && self
                .rows
                .iter()
                .zip(weights)
                .all(|(slot, (_, weight))| slot.scratch.size() == weight.size());
        if fits {
            return Ok(());
        }
        Err(Error::weights(
            format!("the {} that this {optimizer} began with", self.rows.len()),
            format!("{} weights, or other shapes", weights.len()),
            format!("compile the model with a new {optimizer}"),
        ))
    }

    pub(crate) fn state(
        &self,
        optimizer: &str,
        kinds: &[&str],
        step: i64,
    ) -> Result<OptimizerState> {
        let mut slots = Vec::new();
        for slot in &self.rows {
            let weight = slot.weight.trim_end_matches(":0");
            for (kind, tensor) in kinds.iter().zip(&slot.tensors) {
                slots.push((format!("{optimizer}/{weight}/{kind}:0"), copy(tensor)?));
            }
        }
        Ok(OptimizerState { step, slots })
    }

    pub(crate) fn set_state(
        &mut self,
        optimizer: &str,
        kinds: &[&str],
        state: &OptimizerState,
    ) -> Result<()> {
        let bad = |received: String| {
            let kinds = match kinds {
                [] => "no slots".to_owned(),
                _ => format!("slots {} of each weight in turn", kinds.join(" and ")),
            };
            Error::weights(
                format!("{optimizer}'s {kinds}"),
                received,
                format!("pass what optimizer_state() of a model with {optimizer} gave"),
            )
        };
        if kinds.is_empty() && !state.slots.is_empty() {
            return Err(bad(format!("{} slots", state.slots.len())));
        }
        let mut rows = Vec::new();
        for row in state.slots.chunks(kinds.len().max(1)) {
            let (first, tensor) = &row[0];
            let weight = first
                .strip_prefix(optimizer)
                .and_then(|name| name.strip_prefix('/'))
                .and_then(|name| name.strip_suffix(&format!("/{}:0", kinds[0])))
                .ok_or_else(|| bad(first.clone()))?;
            let named = row.len() == kinds.len()
                && row
                    .iter()
                    .zip(kinds)
                    .all(|((name, _), kind)| *name == format!("{optimizer}/{weight}/{kind}:0"));
            if !named {
                let names: Vec<&str> = row.iter().map(|(name, _)| name.as_str()).collect();
                return Err(bad(names.join(" and ")));
            }
            if row.iter().any(|(_, other)| other.size() != tensor.size()) {
                return Err(bad(format!("{weight} with two shapes")));
            }
            let tensors = row.iter().map(|(_, tensor)| copy(tensor));
            rows.push(Slot {
                weight: format!("{weight}:0"),
                tensors: tensors.collect::<Result<_>>()?,
                scratch: tensor.f_empty_like()?,
            });
        }
        self.rows = rows;
        Ok(())
    }
}
