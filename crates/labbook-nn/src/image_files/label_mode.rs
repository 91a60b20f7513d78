use tch::{Kind, Tensor};

use crate::{Error, Result};

/// What the targets of an [`ImageFolder`](crate::ImageFolder) are, as Keras's `label_mode`.
///
/// ```no_run
/// use labbook_nn::{Dataset, LabelMode, image_dataset_from_directory};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let photos = image_dataset_from_directory("photos", 180)?.label_mode(LabelMode::Categorical);
/// assert_eq!(photos.batch(32).first()?.targets[0].size(), [32, 5]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LabelMode {
    /// The class's number, a whole one, of shape (N,).
    #[default]
    Int,
    /// A one among zeros, of shape (N, classes).
    Categorical,
    /// 0 or 1 for the first or the second of two classes, of shape (N, 1).
    Binary,
    /// There are none, for `predict`.
    None,
}

impl LabelMode {
    pub(super) fn targets(self, labels: &[i64], classes: usize) -> Result<Vec<Tensor>> {
        let numbers = Tensor::f_from_slice(labels)?;
        Ok(match self {
            Self::None => Vec::new(),
            Self::Int => vec![numbers],
            Self::Categorical => {
                vec![numbers.f_one_hot(classes as i64)?.f_to_kind(Kind::Float)?]
            }
            Self::Binary if classes == 2 => {
                vec![numbers.f_to_kind(Kind::Float)?.f_unsqueeze(1)?]
            }
            Self::Binary => {
                return Err(Error::option(
                    "label_mode",
                    "two classes for LabelMode::Binary",
                    format!("{classes} classes"),
                    "use LabelMode::Int or LabelMode::Categorical",
                ));
            }
        })
    }
}
