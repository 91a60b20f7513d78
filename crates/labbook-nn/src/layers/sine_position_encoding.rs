use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

use super::registry::{Registered, layer_facts, registered};
use super::spatial::axes;
use crate::layers::layer::{layer_options, not_built};
use crate::{
    Activation, BuildContext, Layer, LayerOptions, Phase, Result, Shape, StepMemory, StepsSeen,
};

/// Sines and cosines of each place in a sequence, to be added to what stands there.
///
/// Feature 2i of place p is sin(p / w^(2i / features)), feature 2i + 1 the cosine of the same, with
/// the wavelength w = 10,000 (Vaswani et al. 2017), as in KerasHub.
///
/// ```
/// use labbook_nn::{Add, Embedding, Input, Model, SinePositionEncoding};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let words = Input::new(20);
/// let x = Embedding::new(1000, 16).call(&words);
/// let places = SinePositionEncoding::new().call(&x);
/// let model = Model::new(&words, &Add::new().call([&x, &places]))?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 20, 16)");
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// Output as input, (N, steps, features). The mask of the input is passed on.
#[derive(Debug)]
pub struct SinePositionEncoding {
    settings: Settings,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    max_wavelength: f64,
}

registered!(SinePositionEncoding);

impl SinePositionEncoding {
    /// With wavelengths up to 2π · 10,000 steps.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Settings {
            max_wavelength: 10_000.0,
        })
    }

    /// Sets the longest wavelength in units of 2π steps; the default is 10,000.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn max_wavelength(mut self, max_wavelength: f64) -> Self {
        self.settings.max_wavelength = max_wavelength;
        self
    }

    layer_options!();

    /// The waves at steps from this place on.
    fn waves(&self, x: &Tensor, first: i64) -> Result<Tensor> {
        let size = x.size();
        let (steps, features) = (size[1], size[2]);
        let options = (Kind::Double, x.device());
        let places = Tensor::f_arange_start(first, first + steps, options)?.f_unsqueeze(1)?;
        let feature = Tensor::f_arange(features, options)?;
        let pair = feature.f_div_scalar(2.0)?.f_floor()?;
        let share =
            pair.f_mul_scalar(-2.0 * self.settings.max_wavelength.ln() / features as f64)?;
        let angles = places.f_mul(&share.f_exp()?)?;
        let odd = feature.f_remainder(2.0)?.f_to_kind(Kind::Bool)?;
        let waves = angles.f_cos()?.f_where_self(&odd, &angles.f_sin()?)?;
        Ok(waves.f_to_kind(x.f_kind()?)?.f_expand(size, false)?)
    }
}

impl Layer for SinePositionEncoding {
    layer_facts!(SinePositionEncoding);
    crate::layers::layer::passes_mask!();

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let _ = axes(input, 1, context)?;
        let longest = self.settings.max_wavelength;
        match longest.is_finite() && longest > 0.0 {
            true => Ok(input.clone()),
            false => Err(context.error(
                "a max_wavelength above 0",
                longest,
                "leave it out for 10,000",
            )),
        }
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        self.waves(x, 0)
    }

    fn steps_seen(&self) -> StepsSeen {
        StepsSeen::Earlier
    }

    fn forward_next(
        &self,
        inputs: &[&Tensor],
        memory: &mut StepMemory,
        _activation: Activation,
    ) -> Result<Tensor> {
        match inputs {
            [x] => self.waves(x, memory.steps),
            _ => Err(not_built(self.class_name(), &self.options)),
        }
    }
}

impl Default for SinePositionEncoding {
    fn default() -> Self {
        Self::new()
    }
}
