use serde_json::Value;
use tch::{Device, Kind, Tensor};

use crate::Result;
use crate::protobuf::Message;

/// Bars of a histogram, TensorFlow's default.
const BARS: usize = 30;

/// `DataType` in `tensorboard/compat/proto/types.proto`.
const FLOAT: i64 = 1;
const DOUBLE: i64 = 2;
const STRING: i64 = 7;

/// `DataClass` in `tensorboard/compat/proto/summary.proto`.
const SCALAR: i64 = 1;
const TENSOR: i64 = 2;
const BLOBS: i64 = 3;

/// One value of a protobuf `Summary` as TensorFlow 2 writes it: a tag, a tensor, and which part of the page shows
/// it (`tensorboard/compat/proto/summary.proto`).
pub(super) struct Summary {
    tag: String,
    plugin: &'static str,
    content: Vec<u8>,
    class: i64,
    tensor: Message,
}

impl Summary {
    pub(super) fn scalar(tag: impl Into<String>, value: f64) -> Self {
        let tensor = tensor(FLOAT, &[]).bytes(5, &(value as f32).to_le_bytes());
        Self {
            tag: tag.into(),
            plugin: "scalars",
            content: Vec::new(),
            class: SCALAR,
            tensor,
        }
    }

    /// How the numbers of a tensor are distributed; those that are not finite are left out.
    pub(super) fn histogram(tag: impl Into<String>, values: &Tensor) -> Result<Self> {
        let values = values
            .f_to_device(Device::Cpu)?
            .f_to_kind(Kind::Double)?
            .f_flatten(0, -1)?;
        let values: Vec<f64> = values.try_into()?;
        let bars = bars(&values);
        let numbers: Vec<u8> = bars
            .iter()
            .flatten()
            .flat_map(|number| number.to_le_bytes())
            .collect();
        let tensor = tensor(DOUBLE, &[bars.len(), 3]).bytes(4, &numbers);
        Ok(Self {
            tag: tag.into(),
            plugin: "histograms",
            content: Vec::new(),
            class: TENSOR,
            tensor,
        })
    }

    /// Encoded pictures of one width and height.
    pub(super) fn images(tag: String, (width, height): (u32, u32), encoded: &[Vec<u8>]) -> Self {
        let sizes = tensor(STRING, &[2 + encoded.len()])
            .text(8, &width.to_string())
            .text(8, &height.to_string());
        Self {
            tag,
            plugin: "images",
            content: Vec::new(),
            class: BLOBS,
            tensor: encoded
                .iter()
                .fold(sizes, |all, picture| all.bytes(8, picture)),
        }
    }

    /// A model in Keras's JSON, under the name that Keras's callback gives it.
    pub(super) fn graph(json: &str) -> Self {
        Self {
            tag: "keras".to_owned(),
            plugin: "graph_keras_model",
            // The version; the page leaves out what has another.
            content: b"1".to_vec(),
            class: BLOBS,
            tensor: tensor(STRING, &[1]).text(8, json),
        }
    }

    /// The settings of a run (`tensorboard/plugins/hparams/plugin_data.proto`).
    pub(super) fn hparams(hparams: &[(String, Value)], group: &str, now: f64) -> Self {
        let mut start = Message::new();
        for (name, value) in hparams {
            // google.protobuf.Value
            let value = match value {
                Value::Number(number) => {
                    Message::new().double(2, number.as_f64().unwrap_or(f64::NAN))
                }
                Value::Bool(value) => Message::new().int(4, i64::from(*value)),
                Value::String(text) => Message::new().text(3, text),
                other => Message::new().text(3, &other.to_string()),
            };
            start = start.message(1, &Message::new().text(1, name).message(2, &value));
        }
        let start = start.text(4, group).double(5, now);
        Self::of_session(
            "_hparams_/session_start_info",
            Message::new().message(3, &start),
        )
    }

    /// The end of a run whose settings were told.
    pub(super) fn hparams_end(now: f64) -> Self {
        const SUCCESS: i64 = 1;
        let end = Message::new().int(1, SUCCESS).double(2, now);
        Self::of_session(
            "_hparams_/session_end_info",
            Message::new().message(4, &end),
        )
    }

    fn of_session(tag: &str, content: Message) -> Self {
        // All is in the content; a value has to have a tensor.
        let tensor = tensor(FLOAT, &[1]).bytes(5, &0_f32.to_le_bytes());
        Self {
            tag: tag.to_owned(),
            plugin: "hparams",
            content: content.into_bytes(),
            class: TENSOR,
            tensor,
        }
    }

    pub(super) fn message(&self) -> Message {
        let mut plugin = Message::new().text(1, self.plugin);
        if !self.content.is_empty() {
            plugin = plugin.bytes(2, &self.content);
        }
        let metadata = Message::new().message(1, &plugin).int(4, self.class);
        let value = Message::new()
            .text(1, &self.tag)
            .message(9, &metadata)
            .message(8, &self.tensor);
        Message::new().message(1, &value)
    }
}

/// Type and shape of a tensor (`tensorboard/compat/proto/tensor.proto`).
fn tensor(kind: i64, sizes: &[usize]) -> Message {
    let mut shape = Message::new();
    for size in sizes {
        let size = Message::new().int(1, i64::try_from(*size).unwrap_or(i64::MAX));
        shape = shape.message(2, &size);
    }
    Message::new().int(1, kind).message(2, &shape)
}

/// Left edge, right edge and count of each bar.
fn bars(values: &[f64]) -> Vec<[f64; 3]> {
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = finite().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    if low > high {
        return Vec::new();
    }
    if low == high {
        return vec![[low - 0.5, high + 0.5, finite().count() as f64]];
    }
    let width = (high - low) / BARS as f64;
    let mut bars: Vec<[f64; 3]> = (0..BARS)
        .map(|bar| {
            [
                low + width * bar as f64,
                low + width * (bar + 1) as f64,
                0.0,
            ]
        })
        .collect();
    for value in finite() {
        bars[(((value - low) / width) as usize).min(BARS - 1)][2] += 1.0;
    }
    bars
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_hold_every_finite_number() {
        let values: Vec<f64> = (0..61)
            .map(|i| f64::from(i) / 2.0)
            .chain([f64::NAN, f64::INFINITY])
            .collect();
        let bars = bars(&values);
        assert_eq!(
            (bars.len(), bars[0], bars[29]),
            (30, [0.0, 1.0, 2.0], [29.0, 30.0, 3.0])
        );
        assert_eq!(bars.iter().map(|bar| bar[2]).sum::<f64>(), 61.0);
        assert_eq!(super::bars(&[2.0, 2.0]), [[1.5, 2.5, 2.0]]);
        assert!(super::bars(&[f64::NAN]).is_empty());
    }
}
