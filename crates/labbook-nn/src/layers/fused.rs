//! libtorch's loops over the steps of recurrent cells, where the options are those that it knows.

use tch::Tensor;

use super::recurrent::{Cell, Settings, Steps, Weights};
use crate::{Activation, Result};

/// The steps from a state on; `None` where libtorch has no such loop.
pub(super) fn steps(
    settings: &Settings,
    weights: &Weights,
    x: &Tensor,
    state: &[Tensor],
) -> Result<Option<Steps>> {
    let (activation, sigmoid) = (settings.kernel.activation, Activation::Sigmoid);
    // libtorch counts layers before examples.
    let state = state.iter().map(|part| part.f_unsqueeze(0));
    let state = state.collect::<std::result::Result<Vec<Tensor>, _>>()?;
    let Some(h) = state.first() else {
        return Ok(None);
    };
    let (has_biases, params) = (weights.bias.is_some(), params(settings, weights)?);
    let options = (has_biases, 1, 0.0, false, false, true);
    let (has_biases, layers, dropout, train, both_ways, batch_first) = options;
    let (outputs, state) = match settings.cell {
        Cell::Simple {} if activation == Activation::Tanh => {
            let (outputs, h) = x.f_rnn_tanh(
                h,
                &params,
                has_biases,
                layers,
                dropout,
                train,
                both_ways,
                batch_first,
            )?;
            (outputs, vec![h])
        }
        Cell::Simple {} if activation == Activation::Relu => {
            let (outputs, h) = x.f_rnn_relu(
                h,
                &params,
                has_biases,
                layers,
                dropout,
                train,
                both_ways,
                batch_first,
            )?;
            (outputs, vec![h])
        }
        Cell::Lstm {
            recurrent_activation,
            ..
        } if activation == Activation::Tanh && recurrent_activation == sigmoid => {
            let (outputs, h, c) = x.f_lstm(
                &state,
                &params,
                has_biases,
                layers,
                dropout,
                train,
                both_ways,
                batch_first,
            )?;
            (outputs, vec![h, c])
        }
        Cell::Gru {
            recurrent_activation,
            reset_after: true,
        } if activation == Activation::Tanh && recurrent_activation == sigmoid => {
            let (outputs, h) = x.f_gru(
                h,
                &params,
                has_biases,
                layers,
                dropout,
                train,
                both_ways,
                batch_first,
            )?;
            (outputs, vec![h])
        }
        _ => return Ok(None),
    };
    let state = state.iter().map(|part| part.f_squeeze_dim(0));
    Ok(Some(Steps {
        outputs,
        carries: None,
        state: state.collect::<std::result::Result<_, _>>()?,
    }))
}

/// The weights as libtorch wants them: (gates * units, inputs), a bias of each kernel, and r z n
/// where Keras has z r h.
fn params(settings: &Settings, weights: &Weights) -> Result<Vec<Tensor>> {
    let units = settings.units;
    let gates = matches!(settings.cell, Cell::Gru { .. });
    let ordered = |weight: &Tensor| -> Result<Tensor> {
        if !gates {
            return Ok(weight.shallow_clone());
        }
        let gate = |index: i64| weight.f_narrow(-1, index * units, units);
        Ok(Tensor::f_cat(&[gate(1)?, gate(0)?, gate(2)?], -1)?)
    };
    let mut params = vec![
        ordered(&weights.kernel)?.f_tr()?,
        ordered(&weights.recurrent_kernel)?.f_tr()?,
    ];
    if let Some(bias) = &weights.bias {
        let bias = ordered(bias)?;
        match bias.dim() {
            2 => params.extend([bias.f_select(0, 0)?, bias.f_select(0, 1)?]),
            _ => {
                let zeros = bias.f_zeros_like()?;
                params.extend([bias, zeros]);
            }
        }
    }
    Ok(params)
}
