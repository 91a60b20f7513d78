use tch::Tensor;

use crate::Result;

/// A copy with memory of its own.
pub(crate) fn copy(tensor: &Tensor) -> Result<Tensor> {
    let mut copy = tensor.f_empty_like()?;
    copy.f_copy_(tensor)?;
    Ok(copy)
}
