use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use super::scale_and_shift::{ScaleAndShift, check_epsilon, places};
use crate::layers::layer::layer_options;
use crate::layers::layer::not_built;
use crate::{Activation, BuildContext, Layer, LayerOptions, Parameter, Phase, Result, Shape};
use tch::Kind;

/// Gives each group of channels of each example mean 0 and variance 1, then scales and shifts every
/// channel.
///
/// 32 groups of the last axis, with epsilon 0.001, as in Keras (Wu and He 2018). With as many groups
/// as channels, for which [`groups`](Self::groups) of -1 stand, it is instance normalization.
///
/// ```
/// use labbook_nn::{GroupNormalization, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(GroupNormalization::new().groups(2).input_shape((8, 8, 4)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [8, 8, 4]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// Output as input.
#[derive(Debug)]
pub struct GroupNormalization {
    settings: Settings,
    options: LayerOptions,
    groups: i64,
    place: i64,
    weights: Option<ScaleAndShift>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    groups: i64,
    axis: i64,
    epsilon: f64,
    center: bool,
    scale: bool,
}

registered!(GroupNormalization, groups: 1, place: 1, weights: None);

impl GroupNormalization {
    /// A layer with Keras's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Settings {
            groups: 32,
            axis: -1,
            epsilon: 1e-3,
            center: true,
            scale: true,
        })
    }

    /// Sets the number of groups, which has to divide the channels; -1 makes one of each channel. The
    /// default is 32.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn groups(mut self, groups: i64) -> Self {
        self.settings.groups = groups;
        self
    }

    /// Sets the axis of the channels; the default is -1, the last one.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn axis(mut self, axis: i64) -> Self {
        self.settings.axis = axis;
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

impl Layer for GroupNormalization {
    layer_facts!(GroupNormalization);

    crate::layers::layer::passes_mask!();

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        check_epsilon(self.settings.epsilon, context)?;
        let place = places(&[self.settings.axis], input, context)?[0];
        let channels = input.dims()[place];
        let groups = match self.settings.groups {
            -1 => channels,
            groups => groups,
        };
        if groups < 1 || channels % groups != 0 {
            return Err(context.error(
                &format!(
                    "a number of groups that divides {channels} channels, or -1 for each alone"
                ),
                groups,
                "use .groups(..)",
            ));
        }
        self.place = place as i64 + 1;
        self.groups = groups;
        let wanted = (self.settings.scale, self.settings.center);
        self.weights = Some(ScaleAndShift::of(wanted, &[channels], context)?);
        Ok(input.clone())
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let Some(ScaleAndShift { gamma, beta }) = &self.weights else {
            return Err(not_built(self.class_name(), &self.options));
        };
        let kind = x.f_kind()?;
        let seen = x.f_to_kind(Kind::Float)?.f_movedim_int(self.place, 1)?;
        let epsilon = self.settings.epsilon;
        let y = seen.f_group_norm(self.groups, gamma.as_ref(), beta.as_ref(), epsilon, false)?;
        Ok(y.f_movedim_int(1, self.place)?.f_to_kind(kind)?)
    }

    fn parameters(&self) -> Vec<Parameter> {
        let weights = self.weights.as_ref();
        weights.map_or_else(Vec::new, ScaleAndShift::parameters)
    }
}

impl Default for GroupNormalization {
    fn default() -> Self {
        Self::new()
    }
}
