use tch::{Device, Kind, Tensor};

use crate::Result;
use crate::protobuf::Message;

/// An option of an operator.
#[derive(Debug, Clone)]
pub(super) enum Attribute<'a> {
    Int(i64),
    Float(f32),
    Ints(&'a [i64]),
    Text(&'a str),
}

/// The parts of a graph; numbers of fields are those of onnx.proto.
#[derive(Debug, Default)]
pub(super) struct Builder {
    nodes: Vec<Message>,
    constants: Vec<Message>,
    inputs: Vec<Message>,
    outputs: Vec<Message>,
    count: usize,
}

const FLOAT: i64 = 1;
const INT64: i64 = 7;

impl Builder {
    pub(super) fn input(&mut self, name: &str, dims: &[i64]) {
        self.inputs.push(value_info(name, dims));
    }

    /// An output of the model, under the model's name for it.
    pub(super) fn output(&mut self, name: &str, value: &str, dims: &[i64]) {
        // Names of outputs are their own: those of values within begin with a slash.
        self.node("Identity", &[value], name, &[]);
        self.outputs.push(value_info(name, dims));
    }

    /// A name that no other value has.
    fn fresh(&mut self, like: &str) -> String {
        self.count += 1;
        format!("/{like}/{}", self.count)
    }

    /// Adds an operator and gives the name of what it computes.
    pub(super) fn add(
        &mut self,
        operator: &str,
        layer: &str,
        inputs: &[&str],
        attributes: &[(&str, Attribute<'_>)],
    ) -> String {
        let output = self.fresh(layer);
        self.node(operator, inputs, &output, attributes);
        output
    }

    fn node(
        &mut self,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[(&str, Attribute<'_>)],
    ) {
        let mut node = Message::new();
        for input in inputs {
            node = node.text(1, input);
        }
        node = node.text(2, output).text(3, output).text(4, operator);
        for (name, value) in attributes {
            let attribute = Message::new().text(1, name);
            // The kind of value comes last.
            let attribute = match value {
                Attribute::Float(value) => attribute.float(2, *value).int(20, 1),
                Attribute::Int(value) => attribute.int(3, *value).int(20, 2),
                Attribute::Text(text) => attribute.text(4, text).int(20, 3),
                Attribute::Ints(values) => attribute.ints(8, values).int(20, 7),
            };
            node = node.message(5, &attribute);
        }
        self.nodes.push(node);
    }

    /// A tensor of `f32` that is part of the model.
    pub(super) fn constant(&mut self, layer: &str, tensor: &Tensor) -> Result<String> {
        let name = self.fresh(layer);
        let tensor = tensor.f_detach()?.f_to_device(Device::Cpu)?;
        let tensor = tensor.f_to_kind(Kind::Float)?.f_contiguous()?;
        let mut bytes = vec![0; tensor.numel() * Kind::Float.elt_size_in_bytes()];
        tensor.f_copy_data_u8(&mut bytes, tensor.numel())?;
        self.tensor(&name, FLOAT, &tensor.size(), &bytes);
        Ok(name)
    }

    /// Whole numbers that are part of the model.
    pub(super) fn whole(&mut self, layer: &str, values: &[i64]) -> String {
        let name = self.fresh(layer);
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.tensor(&name, INT64, &[values.len() as i64], &bytes);
        name
    }

    fn tensor(&mut self, name: &str, kind: i64, dims: &[i64], bytes: &[u8]) {
        let tensor = Message::new().ints(1, dims).int(2, kind);
        self.constants.push(tensor.text(8, name).bytes(9, bytes));
    }

    /// The file.
    pub(super) fn model(self, name: &str) -> Vec<u8> {
        const FORMAT: i64 = 8;
        const OPERATORS: i64 = 17;
        let mut graph = Message::new();
        for node in &self.nodes {
            graph = graph.message(1, node);
        }
        graph = graph.text(2, name);
        for (field, messages) in [
            (5, &self.constants),
            (11, &self.inputs),
            (12, &self.outputs),
        ] {
            for message in messages {
                graph = graph.message(field, message);
            }
        }
        let operators = Message::new().text(1, "").int(2, OPERATORS);
        let model = Message::new().int(1, FORMAT).text(2, "labbook-nn");
        model.message(7, &graph).message(8, &operators).into_bytes()
    }
}

/// A tensor of `f32` with a free batch axis.
fn value_info(name: &str, dims: &[i64]) -> Message {
    let mut shape = Message::new().message(1, &Message::new().text(2, "N"));
    for &size in dims {
        shape = shape.message(1, &Message::new().int(1, size));
    }
    let tensor = Message::new().int(1, FLOAT).message(2, &shape);
    let kind = Message::new().message(1, &tensor);
    Message::new().text(1, name).message(2, &kind)
}
