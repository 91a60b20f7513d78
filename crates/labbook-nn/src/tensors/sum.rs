use tch::Tensor;

use crate::Result;

/// A sum with one more term, which may be its first.
pub(crate) fn plus(sum: Option<Tensor>, term: Tensor) -> Result<Tensor> {
    match sum {
        Some(sum) => Ok(sum.f_add(&term)?),
        None => Ok(term),
    }
}
