use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor, no_grad_guard};

use super::registry::{Registered, layer_facts, registered};
use crate::layers::layer::{layer_options, not_built, single};
use crate::tensors::shape::tuple;
use crate::{
    Activation, BuildContext, Constraint, Error, Initializer, Layer, LayerOptions, Parameter,
    Phase, Regularizer, Result, Shape,
};

/// A row of a table for each whole number.
///
/// The table has shape (input dim, output dim), uniform within ±0.05 at first, as in Keras. Numbers
/// have to be at least 0 and below the input dim.
///
/// ```
/// use labbook_nn::{Embedding, GlobalAveragePooling1D, Sequential};
/// use tch::Tensor;
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Embedding::new(1000, 16).mask_zero(true).input_shape(5));
/// model.add(GlobalAveragePooling1D::new());
/// let words = Tensor::from_slice(&[7_i64, 12, 999, 0, 0]).reshape([1, 5]);
/// assert_eq!(model.predict(&words)?.size(), [1, 16]);
/// # Ok(())
/// # }
/// ```
///
/// # Shapes
/// Whole numbers (N, ..) to (N, .., output dim).
#[derive(Debug)]
pub struct Embedding {
    settings: Settings,
    options: LayerOptions,
    table: Option<Tensor>,
    /// What the table is before training, in place of the initializer.
    given: Option<Tensor>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Settings {
    input_dim: i64,
    output_dim: i64,
    mask_zero: bool,
    embeddings_initializer: Initializer,
    embeddings_regularizer: Option<Regularizer>,
    embeddings_constraint: Option<Constraint>,
}

registered!(Embedding, table: None, given: None);

impl Embedding {
    /// A table for the numbers below `input_dim`, with `output_dim` numbers for each.
    #[must_use]
    pub fn new(input_dim: i64, output_dim: i64) -> Self {
        Self::of(Settings {
            input_dim,
            output_dim,
            mask_zero: false,
            embeddings_initializer: Initializer::RandomUniform {
                minval: -0.05,
                maxval: 0.05,
            },
            embeddings_regularizer: None,
            embeddings_constraint: None,
        })
    }

    /// Says whether 0 fills sequences up and is no part of them: layers behind then leave those
    /// steps out. The default is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn mask_zero(mut self, mask_zero: bool) -> Self {
        self.settings.mask_zero = mask_zero;
        self
    }

    /// Sets what the table is before training; the default is uniform within ±0.05.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn embeddings_initializer(mut self, initializer: Initializer) -> Self {
        self.settings.embeddings_initializer = initializer;
        self
    }

    /// Gives the table before training, (input dim, output dim), such as vectors of words that others
    /// trained. With [`trainable(false)`](Self::trainable) it stays what it is.
    ///
    /// ```
    /// use labbook_nn::{Embedding, Sequential};
    /// use tch::{Device, Kind, Tensor};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let table = Tensor::rand([1000, 50], (Kind::Float, Device::Cpu));
    /// let mut model = Sequential::new();
    /// model.add(Embedding::new(1000, 50).weights(&table).trainable(false).input_shape(20));
    /// let words = Tensor::from_slice(&[7_i64; 20]).reshape([1, 20]);
    /// assert_eq!(model.predict(&words)?.get(0).get(0), table.get(7));
    /// # Ok(())
    /// # }
    /// ```
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn weights(mut self, table: &Tensor) -> Self {
        self.given = Some(table.shallow_clone());
        self
    }

    /// Adds a penalty on the table to the loss.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn embeddings_regularizer(mut self, regularizer: impl Into<Regularizer>) -> Self {
        self.settings.embeddings_regularizer = Some(regularizer.into());
        self
    }

    /// Holds the table within a [constraint](Constraint) after each step.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn embeddings_constraint(mut self, constraint: Constraint) -> Self {
        self.settings.embeddings_constraint = Some(constraint);
        self
    }

    layer_options!();

    fn output(&self, input: &Shape) -> Shape {
        Shape::from([input.dims(), &[self.settings.output_dim]].concat())
    }

    /// What is wrong with numbers outside the table.
    fn check(&self, numbers: &Tensor) -> Result<()> {
        if numbers.numel() == 0 {
            return Ok(());
        }
        let bound = self.settings.input_dim;
        let (least, most) = (numbers.f_min()?, numbers.f_max()?);
        let (least, most) = (least.f_int64_value(&[])?, most.f_int64_value(&[])?);
        match least >= 0 && most < bound {
            true => Ok(()),
            false => Err(Error::data(
                "Embedding",
                format!("whole numbers from 0 to {}", bound - 1),
                format!("numbers from {least} to {most}"),
                "give it as many rows as there are words, those for padding and unknown ones included",
            )),
        }
    }
}

impl Layer for Embedding {
    crate::layers::step_memory::sees_same_step!();

    layer_facts!(Embedding, names);

    fn build(&mut self, input: &Shape, context: &mut BuildContext<'_>) -> Result<Shape> {
        let settings = &self.settings;
        let sizes = [settings.input_dim, settings.output_dim];
        if sizes.iter().any(|&size| size < 1) {
            return Err(context.error(
                "an input dim and an output dim of at least 1",
                format!("{sizes:?}"),
                "use Embedding::new(1000, 16) for 1000 words",
            ));
        }
        let initializer = settings.embeddings_initializer;
        initializer.check("embeddings_initializer", context)?;
        if let Some(regularizer) = settings.embeddings_regularizer {
            regularizer.check("embeddings_regularizer", Some(2), context)?;
        }
        if let Some(constraint) = settings.embeddings_constraint {
            constraint.check("embeddings_constraint", 2, context)?;
        }
        let mut table = context.dense_kernel(initializer, sizes)?;
        if let Some(given) = &self.given {
            if given.size() != sizes {
                return Err(context.error(
                    &format!("weights of shape ({}, {})", sizes[0], sizes[1]),
                    tuple(&given.size()),
                    "give a row for each word, padding and unknown ones included",
                ));
            }
            let _guard = no_grad_guard();
            table.f_copy_(given)?;
        }
        self.table = Some(table.f_set_requires_grad(true)?);
        Ok(self.output(input))
    }

    fn compute_output_shape(
        &self,
        inputs: &[Shape],
        context: &BuildContext<'_>,
    ) -> Result<Option<Shape>> {
        Ok(Some(self.output(single(inputs, context)?)))
    }

    fn forward(&self, x: &Tensor, _phase: Phase, _activation: Activation) -> Result<Tensor> {
        let Some(table) = &self.table else {
            return Err(not_built(self.class_name(), &self.options));
        };
        let numbers = x.f_detach()?.f_to_kind(Kind::Int64)?;
        if x.device() != Device::Cpu {
            // A GPU would end the process instead.
            self.check(&numbers)?;
        }
        // libtorch looks each number up and refuses those outside; the sentence is ours.
        match Tensor::f_embedding(table, &numbers, -1, false, false) {
            Ok(rows) => Ok(rows),
            Err(error) => {
                self.check(&numbers)?;
                Err(error.into())
            }
        }
    }

    fn compute_mask(
        &self,
        inputs: &[&Tensor],
        _masks: &[Option<&Tensor>],
    ) -> Result<Option<Tensor>> {
        match (inputs, self.settings.mask_zero) {
            ([x], true) => Ok(Some(x.f_ne(0)?)),
            _ => Ok(None),
        }
    }

    fn makes_mask(&self) -> bool {
        self.settings.mask_zero
    }

    fn takes_integers(&self) -> bool {
        true
    }

    fn parameters(&self) -> Vec<Parameter> {
        let table = self.table.iter().map(|table| Parameter {
            constraint: self.settings.embeddings_constraint,
            ..Parameter::new("embeddings", table)
        });
        table.collect()
    }

    fn penalty(&self) -> Result<Option<Tensor>> {
        match (self.settings.embeddings_regularizer, &self.table) {
            (Some(regularizer), Some(table)) => regularizer.penalty(table).map(Some),
            _ => Ok(None),
        }
    }

    fn needs_whole_batch(&self) -> bool {
        self.settings.mask_zero
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layers::build;

    #[test]
    fn a_table_of_another_shape_is_told() {
        let table = Tensor::ones([4, 2], (Kind::Float, Device::Cpu));
        let mut layer = Embedding::new(5, 2).weights(&table);
        let error = build(&mut layer, 3).unwrap_err().to_string();
        assert!(error.contains("shape (5, 2), received (4, 2)"), "{error}");
    }

    #[test]
    fn numbers_outside_the_table_are_told() -> Result<()> {
        let mut layer = Embedding::new(5, 2);
        assert_eq!(build(&mut layer, 3)?, Shape::from((3, 2)));
        for wrong in [-1_i64, 5] {
            let x = Tensor::from_slice(&[0, wrong, 4]).reshape([1, 3]);
            let error = layer.forward(&x, Phase::Infer, Activation::Linear);
            let error = error.unwrap_err().to_string();
            assert!(error.contains("from 0 to 4"), "{error}");
        }
        let none = Tensor::zeros([0, 3], (Kind::Int64, Device::Cpu));
        let y = layer.forward(&none, Phase::Infer, Activation::Linear)?;
        assert_eq!(y.size(), [0, 3, 2]);
        Ok(())
    }
}
