use serde_json::{Value, json};

use crate::{Model, Result};

/// A model as Keras describes a functional one in JSON, as far as TensorBoard reads it: names and classes of layers,
/// and what each takes its input from.
pub(super) fn keras_json(model: &Model) -> Result<String> {
    let inputs = model.input_names();
    let input = |name: &String| json!({ "class_name": "InputLayer", "config": { "name": name } });
    let mut layers: Vec<Value> = inputs.iter().map(input).collect();
    for layer in model.layers()? {
        let sources = layer.inputs.iter();
        let sources = sources.map(|name| json!({ "config": { "keras_history": [name, 0, 0] } }));
        layers.push(json!({
            "class_name": layer.class_name,
            "config": { "name": layer.name },
            "inbound_nodes": [{ "args": [sources.collect::<Vec<_>>()] }],
        }));
    }
    let ends =
        |names: &[String]| -> Vec<Value> { names.iter().map(|name| json!([name, 0, 0])).collect() };
    let graph = json!({
        "class_name": "Functional",
        "config": {
            "name": model.name(),
            "layers": layers,
            "input_layers": ends(&inputs),
            "output_layers": ends(&model.output_names()),
        },
    });
    Ok(graph.to_string())
}
