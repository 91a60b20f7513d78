use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use super::scale_and_shift::places;
use crate::layers::layer::layer_options;
use crate::layers::layer::not_built;
use crate::tensors::casts::weight_like;
use crate::{
    Activation, BuildContext, Constraint, Initializer, Layer, LayerOptions, Parameter, Phase,
    Regularizer, Result, Shape,
};

/// x where positive, else a share of it that is learnt (He et al. 2015).
///
/// Every number of an example has a share of its own, zero at first, unless axes are
/// [shared](Self::shared_axes).
///
/// ```
/// use labbook_nn::{PReLU, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(PReLU::new().shared_axes([1, 2]).input_shape((8, 8, 4)));
/// assert_eq!(model.layers()?[0].output_shape.dims(), [8, 8, 4]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// Output as input.
#[derive(Debug)]
pub struct PReLU {
    settings: Settings,
    options: LayerOptions,
    alpha: Option<Tensor>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    shared_axes: Vec<i64>,
    alpha_initializer: Initializer,
    alpha_regularizer: Option<Regularizer>,
    alpha_constraint: Option<Constraint>,
}

registered!(PReLU, alpha: None);

impl PReLU {
    /// A layer with Keras's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::of(Settings {
            shared_axes: Vec::new(),
            alpha_initializer: Initializer::Zeros,
            alpha_regularizer: None,
            alpha_constraint: None,
        })
    }

    /// Sets the axes along which one share serves all, such as `[1, 2]` for all pixels; the default is
    /// none.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn shared_axes(mut self, shared_axes: impl Into<Vec<i64>>) -> Self {
        self.settings.shared_axes = shared_axes.into();
        self
    }

    /// Sets what the shares are before training; the default is zeros.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn alpha_initializer(mut self, alpha_initializer: Initializer) -> Self {
        self.settings.alpha_initializer = alpha_initializer;
        self
    }

    /// Adds a penalty on the shares to the loss.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn alpha_regularizer(mut self, alpha_regularizer: impl Into<Regularizer>) -> Self {
        self.settings.alpha_regularizer = Some(alpha_regularizer.into());
        self
    }

    /// Holds the shares within a [constraint](crate::Constraint) after each step.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn alpha_constraint(mut self, alpha_constraint: Constraint) -> Self {
        self.settings.alpha_constraint = Some(alpha_constraint);
        self
    }

    layer_options!();
}

impl Layer for PReLU {
    layer_facts!(PReLU);

    crate::layers::layer::passes_mask!();

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let settings = &self.settings;
        let mut sizes = input.dims().to_vec();
        if !settings.shared_axes.is_empty() {
            for place in places(&settings.shared_axes, input, context)? {
                sizes[place] = 1;
            }
        }
        settings
            .alpha_initializer
            .check("alpha_initializer", context)?;
        if let Some(regularizer) = settings.alpha_regularizer {
            regularizer.check("alpha_regularizer", Some(sizes.len()), context)?;
        }
        if let Some(constraint) = settings.alpha_constraint {
            constraint.check("alpha_constraint", sizes.len(), context)?;
        }
        let alpha = context.weight(settings.alpha_initializer, &sizes, fans(&sizes))?;
        self.alpha = Some(alpha.f_set_requires_grad(true)?);
        Ok(input.clone())
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let Some(alpha) = &self.alpha else {
            return Err(not_built(self.class_name(), &self.options));
        };
        let alpha = weight_like(alpha, x)?;
        Ok(x.f_relu()?.f_sub(&x.f_neg()?.f_relu()?.f_mul(&alpha)?)?)
    }

    fn parameters(&self) -> Vec<Parameter> {
        let alpha = self.alpha.iter().map(|alpha| Parameter {
            constraint: self.settings.alpha_constraint,
            ..Parameter::new("alpha", alpha)
        });
        alpha.collect()
    }

    fn penalty(&self) -> Result<Option<Tensor>> {
        match (self.settings.alpha_regularizer, &self.alpha) {
            (Some(regularizer), Some(alpha)) => regularizer.penalty(alpha).map(Some),
            _ => Ok(None),
        }
    }
}

/// Inputs and outputs of a weight as Keras counts them by its shape.
fn fans(sizes: &[i64]) -> (f64, f64) {
    match sizes {
        [.., inputs, outputs] => {
            let field: i64 = sizes[..sizes.len() - 2].iter().product();
            ((field * inputs) as f64, (field * outputs) as f64)
        }
        [one] => (*one as f64, *one as f64),
        [] => (1.0, 1.0),
    }
}

impl Default for PReLU {
    fn default() -> Self {
        Self::new()
    }
}
