use super::activity::Activity;
use super::kernel_options::kernel_options;
use super::recurrent::{Cell, Settings, Weights};
use super::recurrent_options::{recurrent_facts, recurrent_options};
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
    weights: Option<Weights>,
}

registered!(GRU, activity: Activity::default(), weights: None);

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

    /// Sets the function of the gates; the default is the sigmoid.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn recurrent_activation(mut self, activation: Activation) -> Self {
        if let Cell::Gru {
            recurrent_activation,
            ..
        } = &mut self.settings.cell
        {
            *recurrent_activation = activation;
        }
        self
    }

    /// Says whether the reset gate is applied after the multiplication; the default is `true`, as in
    /// Keras and cuDNN. With `false` the bias has shape (3 · units,).
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn reset_after(mut self, wanted: bool) -> Self {
        if let Cell::Gru { reset_after, .. } = &mut self.settings.cell {
            *reset_after = wanted;
        }
        self
    }

    recurrent_options!();
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
