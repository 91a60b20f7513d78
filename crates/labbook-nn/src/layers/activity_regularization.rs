use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::activity::Activity;
use super::registry::{Registered, layer_facts, registered};
use crate::layers::layer::layer_options;
use crate::{
    Activation, BuildContext, L1L2, Layer, LayerOptions, Phase, Regularizer, Result, Shape,
};
use tch::Device;

/// Adds a penalty on what passes through it to the loss, and changes nothing:
/// `l1 * sum(|x|) + l2 * sum(x²)`, divided by the number of examples in the batch.
///
/// ```
/// use labbook_nn::{ActivityRegularization, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(ActivityRegularization::new(0.01, 0.0).input_shape(4));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [4]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// Output as input.
#[derive(Debug)]
pub struct ActivityRegularization {
    settings: Settings,
    options: LayerOptions,
    activity: Activity,
    device: Device,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    l1: f64,
    l2: f64,
}

registered!(ActivityRegularization, activity: Activity::default(), device: Device::Cpu);

impl ActivityRegularization {
    /// With both factors, which have to be finite and not negative.
    #[must_use]
    pub fn new(l1: f64, l2: f64) -> Self {
        Self::of(Settings { l1, l2 })
    }

    fn regularizer(&self) -> Regularizer {
        L1L2::new(self.settings.l1, self.settings.l2).into()
    }

    layer_options!();
}

impl Layer for ActivityRegularization {
    crate::layers::step_memory::sees_same_step!();

    layer_facts!(ActivityRegularization, whole_batch_or_not);

    crate::layers::layer::passes_mask!();

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        self.regularizer().check("penalty", None, context)?;
        self.device = context.device();
        Ok(input.clone())
    }

    fn forward(&self, x: &Tensor, phase: Phase, _activation: Activation) -> Result<Tensor> {
        self.activity.see(self.regularizer(), x, phase)?;
        Ok(x.shallow_clone())
    }

    fn penalty(&self) -> Result<Option<Tensor>> {
        self.activity.penalty(self.device).map(Some)
    }

    fn needs_whole_batch(&self) -> bool {
        true
    }
}
