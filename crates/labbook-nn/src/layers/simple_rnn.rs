use super::activity::Activity;
use super::kept_state::KeptState;
use super::kernel_options::kernel_options;
use super::recurrent::{Cell, Settings, Weights};
use super::recurrent_options::{recurrent_facts, recurrent_options};
use super::registry::{Registered, layer_facts, registered};
use crate::layers::layer::layer_options;
use crate::{Layer, LayerOptions};

/// A recurrent layer whose state is its output: `h = tanh(x · kernel + h · recurrent kernel + bias)`.
///
/// Kernel (inputs, units) Glorot uniform, recurrent kernel (units, units) orthogonal, bias (units,)
/// zero, as in Keras. Steps that a mask leaves out pass the state on.
///
/// ```
/// use labbook_nn::{SimpleRNN, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(SimpleRNN::new(8).return_sequences(true).input_shape((20, 4)));
/// model.add(SimpleRNN::new(3));
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 3)");
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, steps, inputs) to (N, units), or (N, steps, units) with `return_sequences`.
#[derive(Debug)]
pub struct SimpleRNN {
    settings: Settings,
    options: LayerOptions,
    activity: Activity,
    kept: KeptState,
    weights: Option<Weights>,
}

registered!(SimpleRNN, activity: Activity::default(), kept: KeptState::default(), weights: None);

impl SimpleRNN {
    /// A layer with so many units and Keras's defaults.
    #[must_use]
    pub fn new(units: i64) -> Self {
        let cell = Cell::Simple {};
        Self::of(Settings::new(units, cell))
    }

    recurrent_options!(2);
    kernel_options!(settings.kernel);
    layer_options!();

    pub(super) fn into_settings(self) -> Settings {
        self.settings
    }
}

impl Layer for SimpleRNN {
    layer_facts!(SimpleRNN, whole_batch_or_not);
    recurrent_facts!();
}
