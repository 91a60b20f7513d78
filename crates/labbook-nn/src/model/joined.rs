use super::model::Model;
use super::sequential::Sequential;
use super::symbolic_tensor::{Input, SymbolicTensor};
use crate::{Error, Result};

/// Models that one is made of: an array of models, or a tuple of two to four of any kind.
#[derive(Debug)]
pub struct Models<'a>(Vec<&'a Model>);

impl Model {
    /// One model of several, with the inputs and outputs of all of them.
    ///
    /// The layers keep their weights and are shared, so that training the whole trains the parts:
    /// a generator and a discriminator, an encoder and a decoder. A weight's name begins with
    /// that of its model.
    ///
    /// ```
    /// use labbook_nn::{Dense, Model, Sequential};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let mut encoder = Sequential::new().named("encoder");
    /// encoder.add(Dense::new(2).input_shape(8));
    /// let mut decoder = Sequential::new().named("decoder");
    /// decoder.add(Dense::new(8).input_shape(2));
    /// let both = Model::joined((&encoder, &decoder))?;
    /// assert_eq!(both.count_params()?, encoder.count_params()? + decoder.count_params()?);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When one is not built, two have one name, or there is none.
    pub fn joined<'a>(models: impl Into<Models<'a>>) -> Result<Self> {
        let models = models.into().0;
        let Some(first) = models.first() else {
            return Err(Error::option(
                "models",
                "at least one model to join",
                "none",
                "pass Model::joined((&encoder, &decoder))",
            ));
        };
        let (mut inputs, mut outputs): (Vec<SymbolicTensor>, Vec<SymbolicTensor>) =
            (Vec::new(), Vec::new());
        for model in &models {
            model.built()?;
            let shapes = model.input_shapes()?.into_iter();
            let own: Vec<SymbolicTensor> = shapes
                .zip(model.input_names())
                .map(|(shape, name)| Input::named(format!("{}/{name}", model.name()), shape))
                .collect();
            outputs.extend(model.call_all(&own));
            inputs.extend(own);
        }
        Self::on(first.device(), &inputs, &outputs)
    }
}

impl AsRef<Model> for Model {
    fn as_ref(&self) -> &Model {
        self
    }
}

impl AsRef<Model> for Sequential {
    fn as_ref(&self) -> &Model {
        self
    }
}

impl<'a, M: AsRef<Model>, const N: usize> From<[&'a M; N]> for Models<'a> {
    fn from(models: [&'a M; N]) -> Self {
        Self(models.into_iter().map(AsRef::as_ref).collect())
    }
}

macro_rules! from_tuples {
    ($(($($letter:ident),+)),+) => {$(
        impl<'a, $($letter: AsRef<Model>),+> From<($(&'a $letter,)+)> for Models<'a> {
            #[allow(non_snake_case, reason = "a letter names the type and its value")]
            fn from(($($letter,)+): ($(&'a $letter,)+)) -> Self {
                Self(vec![$($letter.as_ref()),+])
            }
        }
    )+};
}
from_tuples!((A, B), (A, B, C), (A, B, C, D));
