//! libtorch's loops over the steps of recurrent cells, where the options are those that it knows.

use tch::Tensor;

use super::recurrent::{Cell, Settings, Weights};
use crate::{Activation, Result};

/// The outputs of all steps; `None` where libtorch has no such loop.
pub(super) fn states(settings: &Settings, weights: &Weights, x: &Tensor) -> Result<Option<Tensor>> {
    let (activation, sigmoid) = (settings.kernel.activation, Activation::Sigmoid);
    let zeros = Tensor::f_zeros([1, x.size()[0], settings.units], (x.f_kind()?, x.device()))?;
    let (has_biases, params) = (weights.bias.is_some(), params(settings, weights)?);
    let options = (has_biases, 1, 0.0, false, false, true);
    let (has_biases, layers, dropout, train, both_ways, batch_first) = options;
    let states = match settings.cell {
        Cell::Simple {} if activation == Activation::Tanh => {
            x.f_rnn_tanh(
                &zeros,
                &params,
                has_biases,
                layers,
                dropout,
                train,
                both_ways,
                batch_first,
            )?
            .0
        }
        Cell::Simple {} if activation == Activation::Relu => {
            x.f_rnn_relu(
                &zeros,
                &params,
                has_biases,
                layers,
                dropout,
                train,
                both_ways,
                batch_first,
            )?
            .0
        }
        Cell::Lstm {
            recurrent_activation,
            ..
        } if activation == Activation::Tanh && recurrent_activation == sigmoid => {
            let state = [zeros.shallow_clone(), zeros];
            x.f_lstm(
                &state,
                &params,
                has_biases,
                layers,
                dropout,
                train,
                both_ways,
                batch_first,
            )?
            .0
        }
        Cell::Gru {
            recurrent_activation,
            reset_after: true,
        } if activation == Activation::Tanh && recurrent_activation == sigmoid => {
            x.f_gru(
                &zeros,
                &params,
                has_biases,
                layers,
                dropout,
                train,
                both_ways,
                batch_first,
            )?
            .0
        }
        _ => return Ok(None),
    };
    Ok(Some(states))
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
