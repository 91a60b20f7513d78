use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use crate::{BuildContext, Result, Shape};

/// What a layer makes of the number of a class or a bin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputMode {
    /// The number itself, as `i64`.
    #[default]
    Int,
    /// A row for each number, with a 1 at its place.
    OneHot,
    /// A row for each example, with a 1 at the place of every number that it has.
    MultiHot,
    /// A row for each example that tells how often it has every number.
    Count,
}

impl OutputMode {
    /// The output's shape for so many classes.
    pub(super) fn shape(
        self,
        input: &Shape,
        classes: i64,
        context: &BuildContext<'_>,
    ) -> Result<Shape> {
        let sizes = match (self, input.dims()) {
            (Self::Int, _) => return Ok(input.clone()),
            (Self::OneHot, [inner @ .., 1]) => [inner, &[classes]].concat(),
            (Self::OneHot, all) => [all, &[classes]].concat(),
            (Self::MultiHot | Self::Count, [_]) => vec![classes],
            (Self::MultiHot | Self::Count, _) => {
                return Err(context.error(
                    "rows (None, numbers)",
                    input,
                    "use OutputMode::OneHot, or Reshape before it",
                ));
            }
        };
        super::spatial::output_shape(sizes, context)
    }

    /// The output for whole numbers from 0 to below `classes`.
    pub(super) fn encode(self, numbers: &Tensor, classes: i64) -> Result<Tensor> {
        if self == Self::Int {
            return Ok(numbers.shallow_clone());
        }
        let rows = numbers.f_one_hot(classes)?;
        let rows = match self {
            Self::OneHot if numbers.dim() > 1 && numbers.size().last() == Some(&1) => {
                rows.f_squeeze_dim(-2)?
            }
            Self::MultiHot => rows.f_amax([1_i64].as_slice(), false)?,
            Self::Count => rows.f_sum_dim_intlist(1_i64, false, None::<Kind>)?,
            _ => rows,
        };
        Ok(rows.f_to_kind(Kind::Float)?)
    }
}
