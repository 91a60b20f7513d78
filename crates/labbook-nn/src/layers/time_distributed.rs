use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::config::LayerConfig;
use super::registry::{Registered, Registry};
use crate::layers::ConfigKind;
use crate::layers::layer::{first_mask, layer_options, masked_calls, not_built};
use crate::{Activation, BuildContext, Layer, LayerOptions, Parameter, Phase, Result, Shape};

/// A layer applied to each step by itself, with the same weights.
///
/// ```
/// use labbook_nn::{Conv2D, Sequential, TimeDistributed};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(TimeDistributed::new(Conv2D::new(4, 3)).input_shape((10, 8, 8, 1)));
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 10, 6, 6, 4)");
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, steps, ..) to (N, steps, ..), where .. is what the layer takes and gives.
#[derive(Debug)]
pub struct TimeDistributed {
    layer: Option<Box<dyn Layer>>,
    options: LayerOptions,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    layer: Box<LayerConfig>,
}

impl Registered for TimeDistributed {
    type Settings = Settings;

    const IS_PLAIN: bool = false;

    fn of(settings: Settings) -> Self {
        Self {
            layer: settings.layer.into_layer("layer").ok(),
            options: LayerOptions::default(),
        }
    }
}

impl TimeDistributed {
    /// Applies a layer to each step.
    #[must_use]
    pub fn new(layer: impl Layer + 'static) -> Self {
        Self {
            layer: Some(Box::new(layer)),
            options: LayerOptions::default(),
        }
    }

    layer_options!();

    /// The steps of all sequences as examples of their own.
    fn steps(x: &Tensor) -> Result<Tensor> {
        Ok(x.f_flatten(0, 1)?)
    }
}

impl Layer for TimeDistributed {
    crate::layers::step_memory::sees_same_step!();

    fn class_name(&self) -> &'static str {
        "TimeDistributed"
    }

    fn options(&self) -> &LayerOptions {
        &self.options
    }

    fn config(&self) -> Option<LayerConfig> {
        let settings = Settings {
            layer: Box::new(self.layer.as_ref()?.config()?),
        };
        let registered = Registry::TimeDistributed(settings);
        Some(LayerConfig(ConfigKind::Registered(registered)))
    }

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let Some((&steps, each)) = input
            .dims()
            .split_first()
            .filter(|(_, each)| !each.is_empty())
        else {
            return Err(context.error(
                "sequences (None, steps, ..)",
                input,
                "give each step at least one number",
            ));
        };
        let Some(layer) = &mut self.layer else {
            return Err(context.error(
                "a layer that this program knows",
                "another",
                "register it before the model is loaded",
            ));
        };
        let output = layer.build(&Shape::from(each), context)?;
        Ok(Shape::from([&[steps], output.dims()].concat()))
    }

    masked_calls!();

    fn forward_masked(
        &self,
        inputs: &[&Tensor],
        masks: &[Option<&Tensor>],
        phase: Phase,
        activation: Activation,
    ) -> Result<Tensor> {
        let ([x], Some(layer)) = (inputs, &self.layer) else {
            return Err(not_built(self.class_name(), &self.options));
        };
        let (count, steps) = (x.size()[0], x.size()[1]);
        // A mask of steps within steps is the layer's own; one of these steps it has no use for.
        let inner = first_mask(masks).filter(|mask| mask.dim() > 2);
        let inner = inner.map(Self::steps).transpose()?;
        let y = layer.forward_masked(&[&Self::steps(x)?], &[inner.as_ref()], phase, activation)?;
        let size = [&[count, steps], &y.size()[1..]].concat();
        Ok(y.f_reshape(size)?)
    }

    crate::layers::layer::passes_mask!();

    fn takes_integers(&self) -> bool {
        self.layer
            .as_ref()
            .is_some_and(|layer| layer.takes_integers())
    }

    fn activation(&self) -> Activation {
        let layer = self.layer.as_ref();
        layer.map_or(Activation::Linear, |layer| layer.activation())
    }

    fn parameters(&self) -> Vec<Parameter> {
        let layer = self.layer.as_ref();
        layer.map_or_else(Vec::new, |layer| layer.parameters())
    }

    fn penalty(&self) -> Result<Option<Tensor>> {
        self.layer
            .as_ref()
            .map_or(Ok(None), |layer| layer.penalty())
    }

    fn multiply_adds(&self, output: &Shape) -> i64 {
        let Some((&steps, each)) = output.dims().split_first() else {
            return 0;
        };
        let layer = self.layer.as_ref();
        let once = layer.map_or(0, |layer| layer.multiply_adds(&Shape::from(each)));
        once.saturating_mul(steps)
    }

    fn needs_whole_batch(&self) -> bool {
        let layer = self.layer.as_ref();
        layer.is_none_or(|layer| layer.needs_whole_batch())
    }

    fn infers_when_frozen(&self) -> bool {
        let layer = self.layer.as_ref();
        layer.is_some_and(|layer| layer.infers_when_frozen())
    }
}
