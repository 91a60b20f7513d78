use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use super::scale_and_shift::{ScaleAndShift, check_epsilon, places};
use crate::layers::layer::layer_options;
use crate::layers::layer::not_built;
use crate::{
    Activation, BuildContext, Layer, LayerOptions, Parameter, Phase, Result, Shape, StepsSeen,
};
use tch::Kind;

/// Gives each example mean 0 and variance 1 along an axis, then scales and shifts it.
///
/// Acts on the last axis, with epsilon 0.001, as in Keras; the variance is the mean square, without
/// correction (Ba, Kiros and Hinton 2016). Training and inference do the same.
///
/// ```
/// use labbook_nn::{LayerNormalization, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(LayerNormalization::new().input_shape((10, 4)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [10, 4]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// Output as input.
#[derive(Debug)]
pub struct LayerNormalization {
    settings: Settings,
    options: LayerOptions,
    places: Vec<i64>,
    weights: Option<ScaleAndShift>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    axis: Vec<i64>,
    epsilon: f64,
    center: bool,
    scale: bool,
}

registered!(LayerNormalization, places: Vec::new(), weights: None);

impl LayerNormalization {
    /// A layer with Keras's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Settings {
            axis: vec![-1],
            epsilon: 1e-3,
            center: true,
            scale: true,
        })
    }

    /// Sets the axes that are normalized together, such as `[1, 2]`; the default is `[-1]`, the last
    /// one.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn axis(mut self, axis: impl Into<Vec<i64>>) -> Self {
        self.settings.axis = axis.into();
        self
    }

    /// Sets the number that keeps the division finite; the default is 0.001.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn epsilon(mut self, epsilon: f64) -> Self {
        self.settings.epsilon = epsilon;
        self
    }

    /// Says whether the result is shifted by a trainable beta; the default is `true`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn center(mut self, center: bool) -> Self {
        self.settings.center = center;
        self
    }

    /// Says whether the result is multiplied by a trainable gamma; the default is `true`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn scale(mut self, scale: bool) -> Self {
        self.settings.scale = scale;
        self
    }

    layer_options!();
}

impl Layer for LayerNormalization {
    layer_facts!(LayerNormalization);

    crate::layers::layer::passes_mask!();

    fn steps_seen(&self) -> StepsSeen {
        match self.settings.axis[..] {
            [-1] => StepsSeen::Same,
            _ => StepsSeen::All,
        }
    }

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        check_epsilon(self.settings.epsilon, context)?;
        let places = places(&self.settings.axis, input, context)?;
        let sizes: Vec<i64> = places.iter().map(|&place| input.dims()[place]).collect();
        let wanted = (self.settings.scale, self.settings.center);
        self.weights = Some(ScaleAndShift::of(wanted, &sizes, context)?);
        self.places = places.into_iter().map(|place| place as i64 + 1).collect();
        Ok(input.clone())
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let Some(ScaleAndShift { gamma, beta }) = &self.weights else {
            return Err(not_built(self.class_name(), &self.options));
        };
        // libtorch normalizes the last axes.
        let rank = x.dim() as i64;
        let outer = (0..rank).filter(|axis| !self.places.contains(axis));
        let order: Vec<i64> = outer.chain(self.places.iter().copied()).collect();
        let kind = x.f_kind()?;
        let seen = x.f_permute(&order)?.f_to_kind(Kind::Float)?;
        let sizes = seen.size().split_off(order.len() - self.places.len());
        let y = seen.f_layer_norm(
            sizes,
            gamma.as_ref(),
            beta.as_ref(),
            self.settings.epsilon,
            false,
        )?;
        let mut back = vec![0; order.len()];
        for (place, axis) in (0..).zip(&order) {
            back[*axis as usize] = place;
        }
        Ok(y.f_permute(back)?.f_to_kind(kind)?)
    }

    fn parameters(&self) -> Vec<Parameter> {
        let weights = self.weights.as_ref();
        weights.map_or_else(Vec::new, ScaleAndShift::parameters)
    }
}

impl Default for LayerNormalization {
    fn default() -> Self {
        Self::new()
    }
}
