use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// Puts the axes of each example in another order.
///
/// ```
/// use labbook_nn::{Permute, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Permute::new([2, 1]).input_shape((10, 64)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [64, 10]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, a, b, ..) to (N, ..) with the same axes in the order asked for.
#[derive(Debug)]
pub struct Permute {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    dims: Vec<i64>,
}

registered!(Permute);

impl Permute {
    /// The order, counted from 1: `[2, 1]` exchanges the first two axes after the batch axis.
    #[must_use]
    pub fn new(dims: impl Into<Vec<i64>>) -> Self {
        Self::of(Settings { dims: dims.into() })
    }

    layer_options!();
}

impl Layer for Permute {
    layer_facts!(Permute);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let dims = &self.settings.dims;
        let mut sorted = dims.clone();
        sorted.sort_unstable();
        if !sorted.iter().copied().eq(1..=input.rank() as i64) {
            return Err(context.error(
                &format!("every axis of {input} once, counted from 1"),
                format!("{dims:?}"),
                "use Permute::new([2, 1]) to exchange two axes",
            ));
        }
        let sizes = dims.iter().map(|&axis| input.dims()[axis as usize - 1]);
        Ok(Shape::from(sizes.collect::<Vec<i64>>()))
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let axes = [&[0], self.settings.dims.as_slice()].concat();
        Ok(x.f_permute(axes)?)
    }
}
