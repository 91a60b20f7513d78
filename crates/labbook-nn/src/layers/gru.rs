use super::activity::Activity;
use super::kept_state::KeptState;
use super::kernel_options::kernel_options;
use super::recurrent::{Cell, Settings, Weights};
use super::recurrent_options::{gru_options, recurrent_facts, recurrent_options};
use super::registry::{Registered, layer_facts, registered};
use crate::layers::layer::layer_options;
use crate::{Activation, Layer, LayerOptions};

/// Gated recurrent units (Cho et al. 2014).
///
/// Kernel (inputs, 3 · units) Glorot uniform, recurrent kernel (units, 3 · units) orthogonal, bias
/// (2, 3 · units) zero, as in Keras; the gates lie in the order update, reset, candidate. Steps that
/// a mask leaves out pass the state on. With Keras's functions and no recurrent dropout, libtorch
/// loops over the steps.
///
/// ```
/// use labbook_nn::{GRU, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(GRU::new(8).return_sequences(true).input_shape((20, 4)));
/// model.add(GRU::new(3));
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 3)");
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// (N, steps, inputs) to (N, units), or (N, steps, units) with `return_sequences`.
#[derive(Debug)]
pub struct GRU {
    settings: Settings,
    options: LayerOptions,
    activity: Activity,
    kept: KeptState,
    weights: Option<Weights>,
}

registered!(GRU, activity: Activity::default(), kept: KeptState::default(), weights: None);

impl GRU {
    /// A layer with so many units and Keras's defaults.
    #[must_use]
    pub fn new(units: i64) -> Self {
        let cell = Cell::Gru {
            recurrent_activation: Activation::Sigmoid,
            reset_after: true,
        };
        Self::of(Settings::new(units, cell))
    }

    gru_options!();
    recurrent_options!(2);
    kernel_options!(settings.kernel);
    layer_options!();

    pub(super) fn into_settings(self) -> Settings {
        self.settings
    }
}

impl Layer for GRU {
    layer_facts!(GRU, whole_batch_or_not);
    recurrent_facts!();
}
