use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use super::sides::Sides2D;
use super::spatial::{axes, check_sizes, output_shape};
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// Cuts off rows and columns at the border of images.
///
/// ```
/// use labbook_nn::{Cropping2D, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Cropping2D::new(((2, 2), (4, 4))).input_shape((28, 28, 3)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [24, 20, 3]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, height, width, channels) to (N, new height, new width, channels).
#[derive(Debug)]
pub struct Cropping2D {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    cropping: Sides2D,
}

registered!(Cropping2D);

impl Cropping2D {
    /// As much on every side, as in `1`, or on each, as in `((2, 2), (4, 4))`.
    #[must_use]
    pub fn new(cropping: impl Into<Sides2D>) -> Self {
        Self::of(Settings {
            cropping: cropping.into(),
        })
    }

    layer_options!();
}

impl Layer for Cropping2D {
    layer_facts!(Cropping2D);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let sides = self.settings.cropping.array();
        for (before, after) in sides {
            check_sizes("cropping", &[before, after], 0, context)?;
        }
        let (sizes, channels) = axes(input, 2, context)?;
        let sizes = sizes.iter().zip(sides);
        let sizes = sizes.map(|(size, (before, after))| size - before - after);
        output_shape(sizes.chain([channels]).collect(), context)
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let mut y = x.shallow_clone();
        for (axis, (before, after)) in (1..).zip(self.settings.cropping.array()) {
            let size = y.size()[axis as usize];
            y = y.f_narrow(axis, before, size - before - after)?;
        }
        Ok(y)
    }
}
