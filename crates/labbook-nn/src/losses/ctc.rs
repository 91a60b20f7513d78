use serde::{Deserialize, Serialize};
use tch::{Kind, Reduction, Tensor};

use super::config::LossConfig;
use super::loss::{Loss, Output, Targets};
use crate::tensors::shape::tuple;
use crate::{Error, Result, Shape};

/// Minus the log-probability of a text, whatever the steps at which its letters stand: connectionist
/// temporal classification (Graves et al. 2006), for speech and handwriting.
///
/// The output is (N, steps, classes), of which class 0 is the blank between letters; as in Keras it
/// is taken as logits, and so is what comes before a last softmax. Targets are class numbers (N,
/// letters) of at least 1, filled up with zeros. A text that does not fit into the steps, with a
/// blank between equal letters, has an infinite loss.
///
/// ```
/// use labbook_nn::{CTC, Loss, Output};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let even = Tensor::zeros([1, 2, 3], (Kind::Float, Device::Cpu));
/// let text = Tensor::from_slice(&[1_i64]).reshape([1, 1]);
/// // "1" is three of the nine pairs of classes: 1 1, 0 1 and 1 0.
/// let loss = CTC::new().mean(&text, &Output::Values(even))?;
/// assert!((loss.double_value(&[]) - 3.0_f64.ln()).abs() < 1e-6);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CTC {}

impl CTC {
    /// The loss; it has no options.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The targets as whole numbers, checked.
    fn letters(&self, targets: &Tensor, logits: &Tensor) -> Result<Tensor> {
        let size = logits.size();
        let wrong = |expected: String, received: String| {
            Err(Error::data(
                "targets of ctc",
                expected,
                received,
                "give a row of class numbers for each example, filled up with zeros: \
                 pad_sequences does",
            ))
        };
        if targets.dim() != 2 || targets.size()[0] != size[0] || targets.size()[1] == 0 {
            return wrong(
                format!("class numbers of shape ({}, letters)", size[0]),
                tuple(&targets.size()),
            );
        }
        let letters = targets.f_to_kind(Kind::Int64)?;
        if letters.numel() > 0 {
            let least = letters.f_min()?.f_int64_value(&[])?;
            let most = letters.f_max()?.f_int64_value(&[])?;
            if least < 0 || most >= size[2] {
                return wrong(
                    format!("class numbers from 0 to {}", size[2] - 1),
                    format!("numbers from {least} to {most}"),
                );
            }
        }
        // Zeros within a text would count as letters: they go behind it.
        let order = letters.f_eq(0)?.f_argsort_stable(true, 1, false)?;
        Ok(letters.f_gather(1, &order, false)?)
    }
}

impl Loss for CTC {
    fn name(&self) -> &str {
        "ctc"
    }

    fn config(&self) -> Option<LossConfig> {
        LossConfig::of("CTC", self)
    }

    fn targets(&self) -> Targets {
        Targets::Any
    }

    fn check_output(&self, output: &Shape) -> Result<()> {
        match output.dims() {
            [_, classes] if *classes >= 2 => Ok(()),
            _ => Err(Error::data(
                "model output for ctc",
                "logits (None, steps, classes) of at least two classes",
                output.to_string(),
                "end the model with Dense::new(letters + 1) behind layers that give all steps",
            )),
        }
    }

    fn per_example(&self, targets: &Tensor, output: &Output) -> Result<Tensor> {
        let logits = output.raw();
        let (count, steps) = (logits.size()[0], logits.size()[1]);
        let letters = self.letters(targets, logits)?;
        let lengths = letters
            .f_ne(0)?
            .f_sum_dim_intlist([1_i64].as_slice(), false, Kind::Int64)?;
        let steps = Tensor::f_full([count], steps, (Kind::Int64, logits.device()))?;
        let log_probabilities = logits.f_log_softmax(-1, Kind::Float)?.f_transpose(0, 1)?;
        Ok(Tensor::f_ctc_loss_tensor(
            &log_probabilities,
            &letters,
            &steps,
            &lengths,
            0,
            Reduction::None,
            false,
        )?)
    }

    fn is_mean_over_examples(&self) -> bool {
        true
    }
}
