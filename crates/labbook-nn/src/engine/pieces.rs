use tch::Device;

use crate::{Model, Result};

/// Numbers that the layers of a piece may put out together on the CPU.
const PIECE_NUMBERS: i64 = 1 << 21;
/// Smaller pieces would leave the threads too little to share.
const MIN_PIECE: i64 = 8;

/// How many examples pass through the layers at once.
///
/// Tensors that stay in the processor's cache make a network of small layers on large
/// images two to three times as fast, and save memory. Yet a piece should put out more
/// numbers than there are weights, or adding up the gradients would cost too much. Where
/// examples influence each other, in a layer or in the loss, the batch stays whole.
pub(crate) fn piece_size(model: &Model, batch_size: i64) -> Result<i64> {
    if model.device() != Device::Cpu || needs_whole_batch(model)? {
        return Ok(batch_size);
    }
    let weights: i64 = model.parameters().iter().map(|(_, p)| p.count()).sum();
    let fitting = PIECE_NUMBERS.max(2 * weights) / model.activation_count().max(1);
    Ok(fitting.max(MIN_PIECE).min(batch_size))
}

fn needs_whole_batch(model: &Model) -> Result<bool> {
    let mut layers = model.graph.nodes.iter().map(|node| &node.layer);
    Ok(layers.any(crate::SharedLayer::needs_whole_batch) || model.compiled()?.needs_whole_batch())
}
