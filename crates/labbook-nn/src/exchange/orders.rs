use crate::Model;
use crate::layers::config::Kind;
use crate::model::graph::{Node, Source};
use crate::{LayerConfig, Shape};

/// How PyTorch would hold what a node gives for one example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Held {
    /// As it is here.
    Same,
    /// With the channels before the places, not behind them.
    ChannelsFirst,
    /// As a row in another order: for each of PyTorch's places the one here.
    Row(Vec<i64>),
}

/// What each node takes first, as PyTorch would hold it.
pub(super) fn held_inputs(model: &Model) -> Vec<Held> {
    let graph = &model.graph;
    // Images are inputs of three axes.
    let inputs = graph.inputs.iter().map(|input| {
        let axes = input.shape.as_ref().map_or(0, |shape| shape.dims().len());
        match axes {
            3 => Held::ChannelsFirst,
            _ => Held::Same,
        }
    });
    let inputs: Vec<Held> = inputs.collect();
    let mut given: Vec<Held> = Vec::new();
    let mut taken = Vec::new();
    for node in &graph.nodes {
        let sources = node.inputs.iter().map(|source| {
            let held = match source {
                Source::Input(index) => inputs.get(*index),
                Source::Node(index) => given.get(*index),
            };
            let shape = graph.shape_of(*source);
            (held.cloned().unwrap_or(Held::Same), shape.cloned())
        });
        let sources: Vec<(Held, Option<Shape>)> = sources.collect();
        given.push(output_of(node, &sources));
        let first = sources.into_iter().next();
        taken.push(first.map_or(Held::Same, |(held, _)| held));
    }
    taken
}

fn output_of(node: &Node, sources: &[(Held, Option<Shape>)]) -> Held {
    let Some((first, shape)) = sources.first() else {
        return Held::Same;
    };
    let class = node.layer.class_name();
    // A batch normalization of images has channels first as well, and takes what comes.
    let local = ["Conv", "Pooling", "Padding", "Cropping", "UpSampling"];
    if class.starts_with("Global") || class == "Dense" {
        return Held::Same;
    }
    if local.iter().any(|part| class.contains(part)) || class == "Whitening" {
        return Held::ChannelsFirst;
    }
    if class == "Flatten" {
        return match (first, shape) {
            (Held::ChannelsFirst, Some(shape)) => row_of(shape.dims()),
            (held, _) => held.clone(),
        };
    }
    if let Some(LayerConfig(Kind::Concatenate { axis })) = node.layer.config() {
        return concatenated(sources, axis);
    }
    match node.output_shape == *shape {
        true => first.clone(),
        false => Held::Same,
    }
}

/// The row that PyTorch makes of (places.., channels) as (channels, places..).
fn row_of(dims: &[i64]) -> Held {
    let Some((&channels, places)) = dims.split_last() else {
        return Held::Same;
    };
    let places: i64 = places.iter().product();
    if places == 1 || channels == 1 {
        return Held::Same;
    }
    let channels_of = |channel| (0..places).map(move |place| place * channels + channel);
    Held::Row((0..channels).flat_map(channels_of).collect())
}

fn concatenated(sources: &[(Held, Option<Shape>)], axis: i64) -> Held {
    let is_row = |shape: &Option<Shape>| shape.as_ref().is_some_and(|s| s.dims().len() == 1);
    if sources.iter().all(|(held, _)| *held == Held::ChannelsFirst) {
        return Held::ChannelsFirst;
    }
    let rows = sources.iter().all(|(_, shape)| is_row(shape));
    let none = sources.iter().all(|(held, _)| *held == Held::Same);
    if none || !rows || !matches!(axis, -1 | 1) {
        return Held::Same;
    }
    let mut order = Vec::new();
    let mut start = 0;
    for (held, shape) in sources {
        let size = shape.as_ref().and_then(Shape::elements).unwrap_or_default();
        match held {
            Held::Row(places) => order.extend(places.iter().map(|place| start + place)),
            _ => order.extend(start..start + size),
        }
        start += size;
    }
    Held::Row(order)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_of_pytorch_has_all_places_of_a_channel_together() {
        let order = vec![0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11];
        assert_eq!(row_of(&[2, 2, 3]), Held::Row(order));
        assert_eq!(row_of(&[1, 1, 3]), Held::Same);
        let parts = [
            (Held::Same, Some(Shape::from(2))),
            (Held::Row(vec![1, 0]), Some(Shape::from(2))),
        ];
        assert_eq!(concatenated(&parts, -1), Held::Row(vec![0, 1, 3, 2]));
    }
}
