use serde::{Deserialize, Serialize};

/// The weights of the classes in a
/// [`CategoricalFocalCrossentropy`](crate::CategoricalFocalCrossentropy): one number for all,
/// or one for each class.
///
/// Made from a number, an array, a slice or a vector.
///
/// ```
/// use labbook_nn::FocalAlpha;
///
/// assert_eq!(FocalAlpha::from(0.25), FocalAlpha::Same(0.25));
/// assert_eq!(FocalAlpha::from([0.5, 2.0]), FocalAlpha::PerClass(vec![0.5, 2.0]));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FocalAlpha {
    /// The weight of every class.
    Same(f64),
    /// The weight of each class, in their order.
    PerClass(Vec<f64>),
}

impl FocalAlpha {
    pub(crate) fn weights(&self) -> &[f64] {
        match self {
            Self::Same(weight) => std::slice::from_ref(weight),
            Self::PerClass(weights) => weights,
        }
    }
}

impl From<f64> for FocalAlpha {
    fn from(weight: f64) -> Self {
        Self::Same(weight)
    }
}

impl From<Vec<f64>> for FocalAlpha {
    fn from(weights: Vec<f64>) -> Self {
        Self::PerClass(weights)
    }
}

impl From<&[f64]> for FocalAlpha {
    fn from(weights: &[f64]) -> Self {
        Self::PerClass(weights.to_vec())
    }
}

impl<const N: usize> From<[f64; N]> for FocalAlpha {
    fn from(weights: [f64; N]) -> Self {
        Self::PerClass(weights.to_vec())
    }
}
