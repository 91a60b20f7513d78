use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::{BuildContext, L1L2, OrthogonalRegularizer, Result};

/// A penalty on weights or outputs, as layers take it: made from each regularizer by itself.
///
/// ```
/// use labbook_nn::{Dense, L1L2, OrthogonalRegularizer};
///
/// let small = Dense::new(8).kernel_regularizer(L1L2::new(0.0, 0.001));
/// let spread = Dense::new(8).kernel_regularizer(OrthogonalRegularizer::new(0.01));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum Regularizer {
    /// Sums of absolute values and of squares.
    L1L2(L1L2),
    /// For rows or columns at right angles.
    Orthogonal(OrthogonalRegularizer),
}

impl From<L1L2> for Regularizer {
    fn from(regularizer: L1L2) -> Self {
        Self::L1L2(regularizer)
    }
}

impl From<OrthogonalRegularizer> for Regularizer {
    fn from(regularizer: OrthogonalRegularizer) -> Self {
        Self::Orthogonal(regularizer)
    }
}

impl Regularizer {
    /// Checks the factors, and that it fits tensors of this rank, if that is known.
    pub(crate) fn check(
        self,
        option: &str,
        rank: Option<usize>,
        context: &BuildContext<'_>,
    ) -> Result<()> {
        match self {
            Self::L1L2(L1L2 { l1, l2 }) if !L1L2::new(l1, l2).is_valid() => Err(context.error(
                &format!("a {option} with finite factors of at least 0"),
                format!("l1 = {l1}, l2 = {l2}"),
                "use L1L2::default() or, for instance, L1L2::new(0.0, 0.001)",
            )),
            Self::Orthogonal(OrthogonalRegularizer { factor, .. })
                if !(factor.is_finite() && factor >= 0.0) =>
            {
                Err(context.error(
                    &format!("a {option} with a finite factor of at least 0"),
                    factor,
                    "use OrthogonalRegularizer::new(0.01)",
                ))
            }
            Self::Orthogonal(_) if rank.is_some_and(|rank| rank != 2) => Err(context.error(
                &format!("a {option} for weights of this rank"),
                "an OrthogonalRegularizer, which is for matrices",
                "use L1L2 here; the kernel of a Dense layer is a matrix",
            )),
            _ => Ok(()),
        }
    }

    /// The penalty of one tensor, as a tensor without axes.
    pub(crate) fn penalty(self, tensor: &Tensor) -> Result<Tensor> {
        match self {
            Self::L1L2(regularizer) => regularizer.penalty(tensor),
            Self::Orthogonal(regularizer) => regularizer.penalty(tensor),
        }
    }
}
