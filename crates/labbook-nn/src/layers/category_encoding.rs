use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::output_mode::OutputMode;
use super::registry::{Registered, layer_facts, registered};
use super::spatial::check_sizes;
use crate::layers::layer::layer_options;
use crate::{Activation, BuildContext, Error, Layer, LayerOptions, Phase, Result, Shape};
use tch::Kind;

/// Makes rows of zeros and ones of whole numbers.
///
/// ```
/// use labbook_nn::{CategoryEncoding, OutputMode, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// let layer = CategoryEncoding::new(5).output_mode(OutputMode::OneHot);
/// model.add(layer.input_shape(1));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [5]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, k) to (N, tokens); for [`OutputMode::OneHot`] (N, .., 1) to (N, .., tokens), and (N, ..) with
/// another last axis to (N, .., tokens). The output is `f32`.
#[derive(Debug)]
pub struct CategoryEncoding {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    num_tokens: i64,
    output_mode: OutputMode,
}

registered!(CategoryEncoding);

impl CategoryEncoding {
    /// For numbers from 0 to below `num_tokens`, with [`OutputMode::MultiHot`] as in Keras.
    #[must_use]
    pub fn new(num_tokens: i64) -> Self {
        Self::of(Settings {
            num_tokens,
            output_mode: OutputMode::MultiHot,
        })
    }

    /// Sets what becomes of the numbers; the default is [`OutputMode::MultiHot`].
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn output_mode(mut self, output_mode: OutputMode) -> Self {
        self.settings.output_mode = output_mode;
        self
    }

    layer_options!();
}

impl Layer for CategoryEncoding {
    layer_facts!(CategoryEncoding);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let Settings {
            num_tokens,
            output_mode,
        } = self.settings;
        check_sizes("num_tokens", &[num_tokens], 1, context)?;
        if output_mode == OutputMode::Int {
            return Err(context.error(
                "an output_mode other than Int",
                "OutputMode::Int",
                "the numbers are whole already: leave the layer out",
            ));
        }
        output_mode.shape(input, num_tokens, context)
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let x = x.f_to_kind(Kind::Int64)?;
        if x.numel() > 0 {
            let range = [x.f_min()?, x.f_max()?].map(|number| number.f_int64_value(&[]));
            let [least, most] = range;
            let (least, most) = (least?, most?);
            if least < 0 || most >= self.settings.num_tokens {
                return Err(Error::data(
                    "CategoryEncoding",
                    format!("numbers from 0 to below {}", self.settings.num_tokens),
                    format!("numbers from {least} to {most}"),
                    "use a larger num_tokens, or IntegerLookup before it",
                ));
            }
        }
        self.settings
            .output_mode
            .encode(&x, self.settings.num_tokens)
    }

    fn takes_integers(&self) -> bool {
        true
    }
}
