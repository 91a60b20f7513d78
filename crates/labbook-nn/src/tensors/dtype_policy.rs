use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use tch::Kind;

use crate::Error;

/// In which precision a model computes; the names and their meaning are Keras's.
///
/// ```
/// use labbook_nn::{DtypePolicy, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.set_dtype_policy("mixed_bfloat16")?;
/// assert_eq!(model.dtype_policy().to_string(), "mixed_bfloat16");
/// assert_ne!(model.dtype_policy(), DtypePolicy::default());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DtypePolicy {
    /// `f32` throughout.
    #[default]
    Float32,
    /// Layers compute in bfloat16; weights, optimizer, the statistics of a batch, softmax and
    /// loss are `f32`.
    MixedBfloat16,
}

impl DtypePolicy {
    /// What layers are given and put out.
    pub(crate) fn compute_kind(self) -> Kind {
        match self {
            Self::Float32 => Kind::Float,
            Self::MixedBfloat16 => Kind::BFloat16,
        }
    }

    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for DtypePolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Float32 => "float32",
            Self::MixedBfloat16 => "mixed_bfloat16",
        })
    }
}

impl FromStr for DtypePolicy {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        let policies = [Self::Float32, Self::MixedBfloat16];
        policies
            .into_iter()
            .find(|policy| policy.to_string() == name)
            .ok_or_else(|| {
                Error::option(
                    "dtype policy",
                    "float32 or mixed_bfloat16",
                    name,
                    "use set_dtype_policy(\"mixed_bfloat16\") where bfloat16_is_fast()",
                )
            })
    }
}

/// Whether this machine's processor multiplies bfloat16 numbers itself (AVX-512 BF16), so that
/// the policy `mixed_bfloat16` makes convolutions about twice as fast on the CPU.
///
/// Elsewhere the policy works too, only more slowly than `float32`. Graphics processors since
/// 2020 are fast at it whatever this says of the CPU.
#[must_use]
pub fn bfloat16_is_fast() -> bool {
    #[cfg(target_arch = "x86_64")]
    {
        // Processors with AMX for bfloat16 have this too.
        std::arch::is_x86_feature_detected!("avx512bf16")
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policies_have_the_names_of_keras() {
        for policy in [DtypePolicy::Float32, DtypePolicy::MixedBfloat16] {
            assert_eq!(policy.to_string().parse(), Ok(policy));
            let saved = serde_json::to_value(policy).unwrap();
            assert_eq!(saved, policy.to_string());
        }
        let error = "mixed_float16".parse::<DtypePolicy>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "dtype policy: expected float32 or mixed_bfloat16, received mixed_float16; use \
             set_dtype_policy(\"mixed_bfloat16\") where bfloat16_is_fast()"
        );
    }
}
