use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use super::scale_and_shift::places;
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};
use tch::Kind;

/// Divides by the Euclidean norm along an axis, so that it becomes 1.
///
/// ```
/// use labbook_nn::{UnitNormalization, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(UnitNormalization::new().input_shape((10, 4)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [10, 4]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// Output as input.
#[derive(Debug)]
pub struct UnitNormalization {
    settings: Settings,
    options: LayerOptions,
    places: Vec<i64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    axis: Vec<i64>,
}

registered!(UnitNormalization, places: Vec::new());

impl UnitNormalization {
    /// Along the last axis.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Settings { axis: vec![-1] })
    }

    /// Sets the axes that the norm is taken along together; the default is `[-1]`, the last one.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn axis(mut self, axis: impl Into<Vec<i64>>) -> Self {
        self.settings.axis = axis.into();
        self
    }

    layer_options!();
}

impl Layer for UnitNormalization {
    layer_facts!(UnitNormalization);

    crate::layers::layer::passes_mask!();

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let places = places(&self.settings.axis, input, context)?;
        self.places = places.into_iter().map(|place| place as i64 + 1).collect();
        Ok(input.clone())
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let squares = x.f_square()?;
        let sums = squares.f_sum_dim_intlist(self.places.as_slice(), true, None::<Kind>)?;
        Ok(x.f_mul(&sums.f_clamp_min(LEAST_SQUARE)?.f_rsqrt()?)?)
    }
}

/// No sum of squares is taken for less, as in Keras.
const LEAST_SQUARE: f64 = 1e-12;

impl Default for UnitNormalization {
    fn default() -> Self {
        Self::new()
    }
}
