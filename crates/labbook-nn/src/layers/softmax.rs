use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use super::scale_and_shift::places;
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};
use tch::Kind;

/// exp(x) over its sum along an axis.
///
/// As the last layer of a classifier better write
/// [`Activation::Softmax`](crate::Activation::Softmax) at the end of the last dense layer: the loss
/// then takes the values before it, which is more exact.
///
/// ```
/// use labbook_nn::{Softmax, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Softmax::new().axis(1).input_shape((3, 4)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [3, 4]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// Output as input.
#[derive(Debug)]
pub struct Softmax {
    settings: Settings,
    options: LayerOptions,
    place: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    axis: i64,
}

registered!(Softmax, place: -1);

impl Softmax {
    /// Along the last axis.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Settings { axis: -1 })
    }

    /// Sets the axis; the default is -1, the last one.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn axis(mut self, axis: i64) -> Self {
        self.settings.axis = axis;
        self
    }

    layer_options!();
}

impl Layer for Softmax {
    layer_facts!(Softmax);

    crate::layers::layer::passes_mask!();

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        self.place = places(&[self.settings.axis], input, context)?[0] as i64 + 1;
        Ok(input.clone())
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        Ok(x.f_softmax(self.place, None::<Kind>)?)
    }
}

impl Default for Softmax {
    fn default() -> Self {
        Self::new()
    }
}
