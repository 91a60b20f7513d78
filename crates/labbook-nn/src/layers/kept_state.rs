use std::fmt;
use std::sync::{Mutex, PoisonError};

use tch::Tensor;

use super::recurrent::State;
use crate::{Error, Result};

/// The state that a stateful layer carries from batch to batch.
#[derive(Default)]
pub(super) struct KeptState(Mutex<Option<State>>);

impl KeptState {
    /// The state that the last batch left, for as many examples.
    pub(super) fn get(&self, examples: i64) -> Result<Option<State>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(state) = &*kept else {
            return Ok(None);
        };
        let before = state.first().map_or(examples, |part| part.size()[0]);
        match before == examples {
            true => Ok(Some(state.iter().map(Tensor::shallow_clone).collect())),
            false => Err(Error::data(
                "a stateful layer",
                format!("{before} examples, as in the batch before"),
                format!("{examples}"),
                "use batches of one size, or call model.reset_states() in between",
            )),
        }
    }

    /// Keeps a state, without what autograd knows of it.
    pub(super) fn keep(&self, state: &[Tensor]) -> Result<()> {
        let state = state.iter().map(|part| Ok(part.f_detach()?));
        let state = state.collect::<Result<State>>()?;
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(state);
        Ok(())
    }

    pub(super) fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

impl fmt::Debug for KeptState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeptState").finish_non_exhaustive()
    }
}
