use super::activity::Activity;
use super::kept_state::KeptState;
use super::kernel_options::kernel_options;
use super::recurrent::{Cell, Settings, Weights};
use super::recurrent_options::{lstm_options, recurrent_facts, recurrent_options};
use super::registry::{Registered, layer_facts, registered};
use crate::layers::layer::layer_options;
use crate::{Activation, Layer, LayerOptions};

/// Long short-term memory (Hochreiter and Schmidhuber 1997, with the forget gates of Gers et al. 2000).
///
/// Kernel (inputs, 4 · units) Glorot uniform, recurrent kernel (units, 4 · units) orthogonal, bias
/// (4 · units,) zero but one for the forget gates, as in Keras; the gates lie in the order input,
/// forget, cell, output. Steps that a mask leaves out pass the state on. With Keras's functions and
/// no recurrent dropout, libtorch loops over the steps.
///
/// ```
/// use labbook_nn::{LSTM, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(LSTM::new(8).return_sequences(true).input_shape((20, 4)));
/// model.add(LSTM::new(3));
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 3)");
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, steps, inputs) to (N, units), or (N, steps, units) with `return_sequences`.
#[derive(Debug)]
pub struct LSTM {
    settings: Settings,
    options: LayerOptions,
    activity: Activity,
    kept: KeptState,
    weights: Option<Weights>,
}

registered!(LSTM, activity: Activity::default(), kept: KeptState::default(), weights: None);

impl LSTM {
    /// A layer with so many units and Keras's defaults.
    #[must_use]
    pub fn new(units: i64) -> Self {
        let cell = Cell::Lstm {
            recurrent_activation: Activation::Sigmoid,
            unit_forget_bias: true,
        };
        Self::of(Settings::new(units, cell))
    }

    lstm_options!();
    recurrent_options!(3);
    kernel_options!(settings.kernel);
    layer_options!();

    pub(super) fn into_settings(self) -> Settings {
        self.settings
    }
}

impl Layer for LSTM {
    layer_facts!(LSTM, whole_batch_or_not);
    recurrent_facts!();
}
