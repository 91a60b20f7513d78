use tch::Tensor;

use crate::{BuildContext, Initializer, Parameter, Result};

/// The weights gamma and beta of a normalization.
#[derive(Debug)]
pub(super) struct ScaleAndShift {
    pub(super) gamma: Option<Tensor>,
    pub(super) beta: Option<Tensor>,
}

impl ScaleAndShift {
    /// Ones and zeros of these sizes, as far as they are wanted.
    pub(super) fn of(
        (scale, center): (bool, bool),
        sizes: &[i64],
        context: &mut BuildContext<'_>,
    ) -> Result<Self> {
        let mut weight = |wanted: bool, initializer| match wanted {
            true => {
                let weight = context.weight(initializer, sizes, (1.0, 1.0))?;
                Ok::<_, crate::Error>(Some(weight.f_set_requires_grad(true)?))
            }
            false => Ok(None),
        };
        Ok(Self {
            gamma: weight(scale, Initializer::Ones)?,
            beta: weight(center, Initializer::Zeros)?,
        })
    }

    pub(super) fn parameters(&self) -> Vec<Parameter> {
        let gamma = self.gamma.iter().map(|w| Parameter::new("gamma", w));
        let beta = self.beta.iter().map(|w| Parameter::new("beta", w));
        gamma.chain(beta).collect()
    }
}

/// The number that keeps a division finite has to be above 0.
pub(super) fn check_epsilon(epsilon: f64, context: &BuildContext<'_>) -> Result<()> {
    match epsilon.is_finite() && epsilon > 0.0 {
        true => Ok(()),
        false => {
            let advice = "leave it out for Keras's 0.001";
            Err(context.error("an epsilon above 0", epsilon, advice))
        }
    }
}

/// The places of axes, in rising order, or an error that names the layer.
pub(super) fn places(
    axes: &[i64],
    input: &crate::Shape,
    context: &BuildContext<'_>,
) -> Result<Vec<usize>> {
    let found = axes
        .iter()
        .map(|&axis| super::axis::place(axis, input.rank()));
    let mut places: Vec<usize> = found.collect::<Option<_>>().unwrap_or_default();
    places.sort_unstable();
    let distinct = places.windows(2).all(|pair| pair[0] < pair[1]);
    match !places.is_empty() && distinct {
        true => Ok(places),
        false => Err(context.error(
            &format!("axes of {input} other than the first, each once"),
            format!("{axes:?}"),
            "use -1 for the last axis",
        )),
    }
}
