use std::fmt;

/// The library whose names and shapes weights have in a file.
///
/// | | [`Keras`](Self::Keras) | [`PyTorch`](Self::PyTorch) |
/// |---|---|---|
/// | names | `conv2d/kernel`, `block/dense/bias` | `conv2d.weight`, `block.dense.bias` |
/// | dense kernel | (inputs, units) | (units, inputs) |
/// | kernel of a convolution | (height, width, channels, filters) | (filters, channels, height, width) |
/// | batch normalization | `gamma`, `beta`, `moving_mean`, `moving_variance` | `weight`, `bias`, `running_mean`, `running_var`, `num_batches_tracked` |
///
/// Keras's are those of `layer.name` and `weight.name` in Keras 3, PyTorch's those of
/// `state_dict()` of a module whose parts are called as the layers here.
///
/// ```
/// use labbook_nn::{Dense, Sequential, WeightLayout};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Dense::new(3).name("out").input_shape(4));
/// let map = model.weight_map(WeightLayout::PyTorch)?;
/// let row = &map.rows()[0];
/// assert_eq!((row.name.as_str(), row.shape.as_slice()), ("out.weight", &[3, 4][..]));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WeightLayout {
    /// As in Keras: channels last, kernels from inputs to outputs.
    Keras,
    /// As in PyTorch: channels first, kernels from outputs to inputs.
    ///
    /// A dense layer behind a [`Flatten`](crate::Flatten) of images has the columns of its
    /// kernel in the order channels, height, width, since PyTorch's images lie like that.
    PyTorch,
}

impl WeightLayout {
    pub(super) fn separator(self) -> char {
        match self {
            Self::Keras => '/',
            Self::PyTorch => '.',
        }
    }

    /// What the file's metadata says; `pt` is what other libraries look for.
    pub(super) fn format(self) -> &'static str {
        match self {
            Self::Keras => "keras",
            Self::PyTorch => "pt",
        }
    }
}

impl fmt::Display for WeightLayout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Keras => "Keras",
            Self::PyTorch => "PyTorch",
        })
    }
}
