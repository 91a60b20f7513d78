use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use super::sides::Sides2D;
use super::spatial::{axes, check_sizes, output_shape, pad};
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// Adds zeros as rows and columns at the border of images.
///
/// ```
/// use labbook_nn::{ZeroPadding2D, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(ZeroPadding2D::new(((2, 2), (4, 4))).input_shape((28, 28, 3)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [32, 36, 3]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, height, width, channels) to (N, new height, new width, channels).
#[derive(Debug)]
pub struct ZeroPadding2D {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    padding: Sides2D,
}

registered!(ZeroPadding2D);

impl ZeroPadding2D {
    /// As much on every side, as in `1`, or on each, as in `((2, 2), (4, 4))`.
    #[must_use]
    pub fn new(padding: impl Into<Sides2D>) -> Self {
        Self::of(Settings {
            padding: padding.into(),
        })
    }

    layer_options!();
}

impl Layer for ZeroPadding2D {
    layer_facts!(ZeroPadding2D);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let sides = self.settings.padding.array();
        for (before, after) in sides {
            check_sizes("padding", &[before, after], 0, context)?;
        }
        let (sizes, channels) = axes(input, 2, context)?;
        let sizes = sizes.iter().zip(sides);
        let sizes = sizes.map(|(size, (before, after))| size + before + after);
        output_shape(sizes.chain([channels]).collect(), context)
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let sides = self.settings.padding.array();
        let borders: Vec<(i64, i64)> = sides.into_iter().chain([(0, 0)]).collect();
        pad(x, &borders)
    }
}
