use tch::Tensor;

use super::config::Kind as LayerKind;
use crate::layers::layer::{layer_options, single};
use crate::{Activation, BuildContext, Layer, LayerConfig, LayerOptions, Phase, Result, Shape};

/// Lays each example out as one row, in the order height, width, channels.
///
/// # Shapes
/// (N, a, b, ..) to (N, a·b·..).
///
/// ```
/// use labbook_nn::{Flatten, Input, Model};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let inputs = Input::new((4, 4, 3));
/// let outputs = Flatten::new().call(&inputs);
/// let model = Model::new(&inputs, &outputs)?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 48)");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct Flatten {
    options: LayerOptions,
}

impl Flatten {
    /// A layer that flattens.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    layer_options!();
}

fn flat(input: &Shape, context: &BuildContext<'_>) -> Result<Shape> {
    let elements = input.elements().ok_or_else(|| {
        context.error("an input that fits in memory", input, "use smaller layers")
    })?;
    Ok(Shape::from(elements))
}

impl Layer for Flatten {
    fn class_name(&self) -> &'static str {
        "Flatten"
    }

    fn needs_whole_batch(&self) -> bool {
        false
    }

    fn options(&self) -> &LayerOptions {
        &self.options
    }

    fn config(&self) -> Option<LayerConfig> {
        Some(LayerConfig(LayerKind::Flatten {}))
    }

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        flat(input, context)
    }

    fn compute_output_shape(
        &self,
        inputs: &[Shape],
        context: &BuildContext<'_>,
    ) -> Result<Option<Shape>> {
        flat(single(inputs, context)?, context).map(Some)
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let size = x.size();
        let (n, rest) = size
            .split_first()
            .map_or((1, &[][..]), |(n, rest)| (*n, rest));
        Ok(x.f_reshape([n, rest.iter().product()])?)
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;
    use crate::layers::build;

    #[test]
    fn flatten_keeps_rows_then_columns_then_channels() -> Result<()> {
        let mut layer = Flatten::new();
        assert_eq!(build(&mut layer, (2, 3, 4))?, Shape::from(24));
        let x = Tensor::arange(48, (Kind::Float, Device::Cpu)).reshape([2, 2, 3, 4]);
        let y = layer.forward(&x, Phase::Infer, Activation::Linear)?;
        assert_eq!(y.size(), [2, 24]);
        for (row, column, channel) in [(0, 0, 0), (0, 1, 2), (1, 0, 3), (1, 2, 1)] {
            let index = (row * 3 + column) * 4 + channel;
            assert_eq!(
                y.double_value(&[1, index]),
                x.double_value(&[1, row, column, channel])
            );
        }
        Ok(())
    }
}
