use tch::{Kind, Tensor};

use super::orders::Held;
use super::weight_map::Step;
use crate::model::shared_layer::SharedLayer;

/// What PyTorch calls a weight of a layer, and how it is made of Keras's.
pub(super) fn form(
    layer: &SharedLayer,
    weight: &str,
    shape: &[i64],
    held: &Held,
) -> (String, Vec<Step>) {
    let mut steps = Vec::new();
    let features = match held {
        Held::Row(order) => Some(order),
        Held::Same | Held::ChannelsFirst => None,
    };
    if let Some(order) = features.filter(|order| shape.first() == Some(&(order.len() as i64))) {
        steps.push(Step::Reorder(order.clone()));
    }
    let depthwise = layer.class_name().starts_with("Depthwise");
    let name = match weight {
        "depthwise_kernel" => "depthwise.weight",
        "pointwise_kernel" => "pointwise.weight",
        "kernel" | "gamma" | "embeddings" => "weight",
        "beta" => "bias",
        "moving_mean" => "running_mean",
        "moving_variance" => "running_var",
        other => other,
    };
    match (weight.ends_with("kernel"), shape) {
        // One filter bank for each channel: (places.., channels, multiplier).
        (true, [places @ .., channels, multiplier])
            if depthwise || weight == "depthwise_kernel" =>
        {
            let rank = places.len() as i64;
            let axes = [rank, rank + 1].into_iter().chain(0..rank).collect();
            let to = [&[channels * multiplier, 1], places].concat();
            steps.push(Step::Permute(axes));
            let from = [&[*channels, *multiplier], places].concat();
            steps.push(Step::Reshape { from, to });
        }
        (true, [places @ .., _, _]) => {
            let rank = places.len() as i64;
            let axes = [rank + 1, rank].into_iter().chain(0..rank).collect();
            steps.push(Step::Permute(axes));
        }
        _ => {}
    }
    (name.to_owned(), steps)
}

/// What a module of PyTorch has besides, so that it takes the file without complaint.
pub(super) fn constants(layer: &SharedLayer, weights: &[String]) -> Vec<(String, Tensor)> {
    let batch_normalization = layer.class_name() == "BatchNormalization";
    match batch_normalization && weights.iter().any(|name| name == "moving_mean") {
        true => vec![(
            COUNT.to_owned(),
            Tensor::zeros([], (Kind::Int64, tch::Device::Cpu)),
        )],
        false => Vec::new(),
    }
}

/// How many batches a batch normalization has seen: counted by PyTorch, used by none here.
pub(super) const COUNT: &str = "num_batches_tracked";
