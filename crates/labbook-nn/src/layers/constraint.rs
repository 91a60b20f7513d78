use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::{BuildContext, Result};

/// What a weight is held to after each step of training, as in Keras.
///
/// Norms are taken along axes of the weight in Keras's order of them: along the first one, the
/// inputs of a dense kernel, unless told otherwise. For the kernel of a `Conv2D` the norms of whole
/// filters are those along `[0, 1, 2]`.
///
/// ```
/// use labbook_nn::{Constraint, Conv2D, Dense};
///
/// let dense = Dense::new(8).kernel_constraint(Constraint::max_norm(3.0));
/// let filters = Constraint::unit_norm().along([0, 1, 2]);
/// let convolution = Conv2D::new(4, 3).kernel_constraint(filters);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Constraint(Kinds);

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "class_name", content = "config", deny_unknown_fields)]
enum Kinds {
    MaxNorm {
        max_value: f64,
        axis: Axes,
    },
    NonNeg {},
    UnitNorm {
        axis: Axes,
    },
    MinMaxNorm {
        min_value: f64,
        max_value: f64,
        rate: f64,
        axis: Axes,
    },
}

/// Which of the first 64 axes, a bit for each.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<u32>", into = "Vec<u32>")]
struct Axes(u64);

/// Keras's `epsilon()`, which keeps divisions by a norm finite.
const EPSILON: f64 = 1e-7;

impl Constraint {
    /// Scales down what has a norm above `max_value`; Keras's default is 2.
    #[must_use]
    pub fn max_norm(max_value: f64) -> Self {
        Self(Kinds::MaxNorm {
            max_value,
            axis: Axes::FIRST,
        })
    }

    /// Sets negative numbers to 0.
    #[must_use]
    pub fn non_neg() -> Self {
        Self(Kinds::NonNeg {})
    }

    /// Scales to norm 1.
    #[must_use]
    pub fn unit_norm() -> Self {
        Self(Kinds::UnitNorm { axis: Axes::FIRST })
    }

    /// Scales norms into a range; Keras's default is 0 to 1.
    #[must_use]
    pub fn min_max_norm(min_value: f64, max_value: f64) -> Self {
        Self(Kinds::MinMaxNorm {
            min_value,
            max_value,
            rate: 1.0,
            axis: Axes::FIRST,
        })
    }

    /// Sets which share of the way into the range a [`min_max_norm`](Self::min_max_norm) goes in
    /// each step, above 0 and up to 1; the default is 1. Others have none.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn rate(mut self, share: f64) -> Self {
        if let Kinds::MinMaxNorm { rate, .. } = &mut self.0 {
            *rate = share;
        }
        self
    }

    /// Sets the axes that norms are taken along, counted from 0 in Keras's order of them.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn along(mut self, axes: impl IntoIterator<Item = u32>) -> Self {
        let axes = Axes::of(axes);
        match &mut self.0 {
            Kinds::MaxNorm { axis, .. }
            | Kinds::UnitNorm { axis }
            | Kinds::MinMaxNorm { axis, .. } => *axis = axes,
            Kinds::NonNeg {} => {}
        }
        self
    }

    /// Checks the options for weights of this rank.
    pub(crate) fn check(self, option: &str, rank: usize, context: &BuildContext<'_>) -> Result<()> {
        let bound = |value: f64| value.is_finite() && value >= 0.0;
        let (fits, axis) = match self.0 {
            Kinds::MaxNorm { max_value, axis } => (bound(max_value), Some(axis)),
            Kinds::NonNeg {} => (true, None),
            Kinds::UnitNorm { axis } => (true, Some(axis)),
            Kinds::MinMaxNorm {
                min_value,
                max_value,
                rate,
                axis,
            } => {
                let range = bound(min_value) && bound(max_value) && min_value <= max_value;
                (range && rate > 0.0 && rate <= 1.0, Some(axis))
            }
        };
        let known = axis.is_none_or(|axis| axis.fit(rank));
        if fits && known {
            return Ok(());
        }
        Err(context.error(
            &format!(
                "a {option} with finite bounds of at least 0, a rate above 0 and up to 1, and \
                 axes below {rank}"
            ),
            format!("{:?}", self.0),
            "for instance Constraint::max_norm(2.0)",
        ))
    }

    /// What becomes of a weight in Keras's order of axes.
    pub(crate) fn apply(self, weight: &Tensor) -> Result<Tensor> {
        let norms = |axes: Axes| -> Result<Tensor> {
            let squares = weight.f_square()?;
            let sum = squares.f_sum_dim_intlist(axes.list().as_slice(), true, None::<Kind>)?;
            Ok(sum.f_sqrt()?)
        };
        let scaled = |desired: &Tensor, norms: &Tensor| -> Result<Tensor> {
            Ok(weight.f_mul(&desired.f_div(&norms.f_add_scalar(EPSILON)?)?)?)
        };
        match self.0 {
            Kinds::NonNeg {} => Ok(weight.f_clamp_min(0.0)?),
            Kinds::UnitNorm { axis } => Ok(weight.f_div(&norms(axis)?.f_add_scalar(EPSILON)?)?),
            Kinds::MaxNorm { max_value, axis } => {
                let norms = norms(axis)?;
                scaled(&norms.f_clamp_max(max_value)?, &norms)
            }
            Kinds::MinMaxNorm {
                min_value,
                max_value,
                rate,
                axis,
            } => {
                let norms = norms(axis)?;
                let inside = norms.f_clamp(min_value, max_value)?;
                scaled(&norms.f_lerp(&inside, rate)?, &norms)
            }
        }
    }
}

impl Axes {
    const FIRST: Self = Self(1);

    fn of(axes: impl IntoIterator<Item = u32>) -> Self {
        // An axis beyond the last one stays one that no weight has.
        let bits = axes.into_iter().map(|axis| 1_u64 << axis.min(63));
        Self(bits.fold(0, |all, bit| all | bit))
    }

    fn list(self) -> Vec<i64> {
        (0..64).filter(|axis| self.0 >> axis & 1 == 1).collect()
    }

    fn fit(self, rank: usize) -> bool {
        self.0 != 0 && rank < 64 && self.0 >> rank == 0
    }
}

impl TryFrom<Vec<u32>> for Axes {
    type Error = String;

    fn try_from(axes: Vec<u32>) -> Result<Self, String> {
        match axes.iter().all(|&axis| axis < 63) {
            true => Ok(Self::of(axes)),
            false => Err(format!("axes below 63, received {axes:?}")),
        }
    }
}

impl From<Axes> for Vec<u32> {
    fn from(axes: Axes) -> Self {
        axes.list().into_iter().map(|axis| axis as u32).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_every_option() {
        for constraint in [
            Constraint::non_neg(),
            Constraint::max_norm(3.0).along([0, 1, 2]),
            Constraint::unit_norm().along([1]),
            Constraint::min_max_norm(0.5, 2.0).rate(0.25),
        ] {
            let text = serde_json::to_string(&constraint).unwrap();
            let read: Constraint = serde_json::from_str(&text).unwrap();
            assert_eq!(read, constraint, "{text}");
        }
        let text = serde_json::to_string(&Constraint::max_norm(3.0)).unwrap();
        let expected = r#"{"class_name":"MaxNorm","config":{"max_value":3.0,"axis":[0]}}"#;
        assert_eq!(text, expected);
    }

    #[test]
    fn a_norm_far_too_large_becomes_the_largest_and_zero_stays_zero() -> Result<()> {
        let weight = Tensor::from_slice(&[30.0, 0.0, 40.0, 0.0]).reshape([2, 2]);
        let held = Constraint::max_norm(2.0).apply(&weight)?;
        let expected = Tensor::from_slice(&[1.2, 0.0, 1.6, 0.0]).reshape([2, 2]);
        assert!((held - expected).abs().max().double_value(&[]) < 1e-7);
        let unit = Constraint::unit_norm().apply(&weight)?;
        assert_eq!(unit.double_value(&[0, 1]), 0.0);
        Ok(())
    }
}
