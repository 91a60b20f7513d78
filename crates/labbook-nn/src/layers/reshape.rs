use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape};

/// Gives each example other axes; the numbers stay in their order.
///
/// One axis may be -1: it becomes as long as is needed.
///
/// ```
/// use labbook_nn::{Reshape, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Reshape::new((3, -1)).input_shape(12));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [3, 4]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, ..) to (N, ..) with as many numbers.
#[derive(Debug)]
pub struct Reshape {
    settings: Settings,
    options: LayerOptions,
    /// With the free axis.
    target: Vec<i64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    target_shape: Vec<i64>,
}

registered!(Reshape, target: Vec::new());

impl Reshape {
    /// The axes after the batch axis, such as `(7, 7, 1)`.
    #[must_use]
    pub fn new(target_shape: impl Into<Shape>) -> Self {
        Self::of(Settings {
            target_shape: target_shape.into().dims().to_vec(),
        })
    }

    layer_options!();
}

impl Layer for Reshape {
    layer_facts!(Reshape);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let target = &self.settings.target_shape;
        let numbers = input.elements().unwrap_or(i64::MAX);
        let free = target.iter().filter(|&&size| size == -1).count();
        let given = target.iter().filter(|&&size| size != -1);
        let given = given.copied().try_fold(1_i64, |product, size| {
            let product = product.checked_mul(size)?;
            (size >= 1).then_some(product)
        });
        let length = match (given, free) {
            (Some(given), 0) if given == numbers => Some(1),
            (Some(given), 1) if given <= numbers && numbers % given == 0 => Some(numbers / given),
            _ => None,
        };
        let Some(length) = length else {
            return Err(context.error(
                &format!("axes that hold the {numbers} numbers of each example"),
                Shape::from(target.as_slice()),
                "give sizes whose product is that, one of which may be -1",
            ));
        };
        let sizes = target.iter().map(|&size| match size {
            -1 => length,
            size => size,
        });
        self.target = sizes.collect();
        Ok(Shape::from(self.target.as_slice()))
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let batch = x.size().first().copied().unwrap_or(1);
        Ok(x.f_reshape([&[batch], self.target.as_slice()].concat())?)
    }
}
