use serde::{Deserialize, Serialize};
use tch::Tensor;

use super::registry::{Registered, layer_facts, registered};
use super::spatial::{axes, check_sizes};
use crate::layers::layer::{layer_options, not_built};
use crate::tensors::casts::weight_like;
use crate::{
    Activation, BuildContext, Initializer, Layer, LayerOptions, Parameter, Phase, Result, Shape,
    StepMemory, StepsSeen,
};

/// A row of a trained table for each place in a sequence, to be added to what stands there.
///
/// The table (sequence length, features) is Glorot uniform at first, as in KerasHub.
///
/// ```
/// use labbook_nn::{Add, Embedding, Input, Model, PositionEmbedding};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let words = Input::new(20);
/// let x = Embedding::new(1000, 16).call(&words);
/// let places = PositionEmbedding::new(20).call(&x);
/// let model = Model::new(&words, &Add::new().call([&x, &places]))?;
/// assert_eq!(model.output_shapes()?[0].to_string(), "(None, 20, 16)");
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// Output as input, (N, steps, features), of at most so many steps as the table has rows.
#[derive(Debug)]
pub struct PositionEmbedding {
    settings: Settings,
    options: LayerOptions,
    table: Option<Tensor>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    sequence_length: i64,
    initializer: Initializer,
}

registered!(PositionEmbedding, table: None);

impl PositionEmbedding {
    /// For sequences of at most so many steps.
    #[must_use]
    pub fn new(sequence_length: i64) -> Self {
        Self::of(Settings {
            sequence_length,
            initializer: Initializer::default(),
        })
    }

    /// Sets what the table is before training; the default is Glorot uniform.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn initializer(mut self, initializer: Initializer) -> Self {
        self.settings.initializer = initializer;
        self
    }

    layer_options!();

    /// The rows of steps from this place on.
    fn rows(&self, x: &Tensor, first: i64) -> Result<Tensor> {
        let Some(table) = &self.table else {
            return Err(not_built(self.class_name(), &self.options));
        };
        let rows = weight_like(table, x)?.f_narrow(0, first, x.size()[1])?;
        Ok(rows.f_expand(x.size(), false)?)
    }
}

impl Layer for PositionEmbedding {
    layer_facts!(PositionEmbedding);
    crate::layers::layer::passes_mask!();

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let (steps, features) = axes(input, 1, context)?;
        let length = self.settings.sequence_length;
        check_sizes("a sequence_length", &[length], 1, context)?;
        if steps[0] > length {
            return Err(context.error(
                &format!("sequences of at most {length} steps"),
                input,
                "tell it the length of the longest: PositionEmbedding::new(200)",
            ));
        }
        let initializer = self.settings.initializer;
        initializer.check("initializer", context)?;
        let table = context.dense_kernel(initializer, [length, features])?;
        self.table = Some(table.f_set_requires_grad(true)?);
        Ok(input.clone())
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        self.rows(x, 0)
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
            [x] => self.rows(x, memory.steps),
            _ => Err(not_built(self.class_name(), &self.options)),
        }
    }

    fn parameters(&self) -> Vec<Parameter> {
        let table = self.table.iter();
        table
            .map(|table| Parameter::new("embeddings", table))
            .collect()
    }
}
