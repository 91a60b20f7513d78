use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use super::sides::Sides1D;
use super::spatial::{axes, check_sizes, output_shape};
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// Cuts off steps at the beginning and at the end of sequences.
///
/// ```
/// use labbook_nn::{Cropping1D, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Cropping1D::new((1, 2)).input_shape((10, 4)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [7, 4]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, steps, channels) to (N, new steps, channels).
#[derive(Debug)]
pub struct Cropping1D {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    cropping: Sides1D,
}

registered!(Cropping1D);

impl Cropping1D {
    /// As much on every side, as in `1`, or on each, as in `(1, 2)`.
    #[must_use]
    pub fn new(cropping: impl Into<Sides1D>) -> Self {
        Self::of(Settings {
            cropping: cropping.into(),
        })
    }

    layer_options!();
}

impl Layer for Cropping1D {
    layer_facts!(Cropping1D);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let sides = self.settings.cropping.array();
        for (before, after) in sides {
            check_sizes("cropping", &[before, after], 0, context)?;
        }
        let (sizes, channels) = axes(input, 1, context)?;
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
