use crate::{Error, GlobalAveragePooling2D, GlobalMaxPooling2D, Result, SymbolicTensor};

/// What becomes of the last images of a network without its top, as `"avg"` or `"max"`.
///
/// ```
/// use labbook_nn::applications::{GlobalPooling, ResNet18};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let resnet = ResNet18::new().include_top(false).input_shape((32, 32, 3));
/// let rows = resnet.pooling(GlobalPooling::Avg).build()?;
/// assert_eq!(rows.output_shapes()?[0].to_string(), "(None, 512)");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GlobalPooling {
    /// The mean of each channel.
    Avg,
    /// The maximum of each channel.
    Max,
}

impl GlobalPooling {
    pub(super) fn call(self, x: &SymbolicTensor) -> SymbolicTensor {
        match self {
            Self::Avg => GlobalAveragePooling2D::new().name("avg_pool").call(x),
            Self::Max => GlobalMaxPooling2D::new().name("max_pool").call(x),
        }
    }
}

/// A pooling, or its name in Keras, which is checked when the network is built.
///
/// ```
/// use labbook_nn::applications::ResNet18;
///
/// let error = ResNet18::new().include_top(false).pooling("sum").build().unwrap_err();
/// assert!(error.to_string().contains("expected \"avg\" or \"max\""));
/// ```
#[derive(Debug)]
pub struct PoolingChoice(pub(super) Result<GlobalPooling>);

impl From<GlobalPooling> for PoolingChoice {
    fn from(pooling: GlobalPooling) -> Self {
        Self(Ok(pooling))
    }
}

impl From<&str> for PoolingChoice {
    fn from(name: &str) -> Self {
        Self(match name {
            "avg" => Ok(GlobalPooling::Avg),
            "max" => Ok(GlobalPooling::Max),
            _ => Err(Error::option(
                "pooling",
                "\"avg\" or \"max\"",
                format!("{name:?}"),
                "leave it out for images",
            )),
        })
    }
}
