use std::ops::{Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use tch::{Device, Tensor, no_grad_guard};

use super::model::Model;
use crate::data::spans::spans;
use crate::data::tensor_batches::DataSpec;
use crate::interrupt::{self, Interruptible};
use crate::training::fit::check_batch_size;
use crate::training::predict::PREDICT_BATCH;
use crate::{Batch, Error, Result, Tensors};

/// Which layers of a model, counted from 0: a range such as `8..10` or `..`, a number for
/// as many layers from the first on, or the name of one.
///
/// ```
/// use labbook_nn::{Dense, LayerRange, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Dense::new(3).input_shape(2));
/// model.add(Dense::new(3).name("scores"));
/// let all: Vec<LayerRange> = vec![2.into(), (..).into(), (0..=1).into(), "scores".into()];
/// for range in all {
///     model.layer_outputs(range)?;
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LayerRange(Choice);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Choice {
    /// Where it ends is excluded; `None` for all that follow.
    Places {
        start: usize,
        end: Option<usize>,
    },
    Named(String),
}

impl LayerRange {
    /// The same within a model.
    pub(crate) fn within(self, model: &Model) -> Result<Range<usize>> {
        let count = model.graph.nodes.len();
        let (start, end) = match self.0 {
            Choice::Named(name) => {
                let place = model.node_of(&name)?;
                return Ok(place..place + 1);
            }
            Choice::Places { start, end } => (start, end.unwrap_or(count)),
        };
        if start < end && end <= count {
            return Ok(start..end);
        }
        Err(Error::option(
            "layers",
            format!(
                "a layer's name, a number from 1 to {count}, or a range of layers within 0..{count}"
            ),
            format!("{start}..{end}"),
            "see model.summary() for the layers; the first one has index 0",
        ))
    }
}

impl From<&str> for LayerRange {
    fn from(name: &str) -> Self {
        Self(Choice::Named(name.to_owned()))
    }
}

impl From<&String> for LayerRange {
    fn from(name: &String) -> Self {
        name.as_str().into()
    }
}

impl From<usize> for LayerRange {
    fn from(n_layers: usize) -> Self {
        (0..n_layers).into()
    }
}

impl From<Range<usize>> for LayerRange {
    fn from(range: Range<usize>) -> Self {
        let (start, end) = (range.start, Some(range.end));
        Self(Choice::Places { start, end })
    }
}

impl From<RangeInclusive<usize>> for LayerRange {
    fn from(range: RangeInclusive<usize>) -> Self {
        (*range.start()..range.end().saturating_add(1)).into()
    }
}

impl From<RangeFrom<usize>> for LayerRange {
    fn from(range: RangeFrom<usize>) -> Self {
        let (start, end) = (range.start, None);
        Self(Choice::Places { start, end })
    }
}

impl From<RangeTo<usize>> for LayerRange {
    fn from(range: RangeTo<usize>) -> Self {
        (0..range.end).into()
    }
}

impl From<RangeToInclusive<usize>> for LayerRange {
    fn from(range: RangeToInclusive<usize>) -> Self {
        (0..=range.end).into()
    }
}

impl From<RangeFull> for LayerRange {
    fn from(_: RangeFull) -> Self {
        (0..).into()
    }
}

/// The outputs of some layers, batch by batch: nothing is computed before it is asked for, and
/// nothing is kept. From [`Model::activation_batches`].
///
/// ```
/// use labbook_nn::{Dense, Sequential};
/// use tch::{Device, Kind, Tensor};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Dense::new(3).input_shape(2));
/// let x = Tensor::ones([5, 2], (Kind::Float, Device::Cpu));
/// for batch in model.activation_batches(&x, .., 4)? {
///     assert_eq!(batch?.len(), 1);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct ActivationBatches<'a> {
    model: &'a Model,
    spec: DataSpec,
    x: Tensors,
    layers: Range<usize>,
    spans: std::vec::IntoIter<(i64, i64)>,
}

impl Iterator for ActivationBatches<'_> {
    /// One tensor per layer of the range.
    type Item = Result<Vec<Tensor>>;

    fn next(&mut self) -> Option<Self::Item> {
        let (start, length) = self.spans.next()?;
        let _guard = no_grad_guard();
        let piece = self
            .x
            .as_slice()
            .iter()
            .map(|x| Ok(x.f_narrow(0, start, length)?));
        let outputs = piece.collect::<Result<Vec<Tensor>>>().and_then(|inputs| {
            let batch = self.spec.ready(Batch {
                inputs,
                targets: Vec::new(),
                sample_weight: None,
            })?;
            self.model.node_outputs(self.layers.clone(), &batch.inputs)
        });
        let on_cpu = |outputs: Vec<Tensor>| -> Result<Vec<Tensor>> {
            let outputs = outputs.iter().map(|output| output.f_to_device(Device::Cpu));
            Ok(outputs.collect::<Result<_, _>>()?)
        };
        Some(outputs.and_then(on_cpu))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.spans.size_hint()
    }
}

impl Model {
    /// The outputs of some layers for all examples: one tensor per layer, on the CPU, images
    /// channels-last, activation function included.
    ///
    /// `layers` is a range such as `8..10`, a layer's name, or a number: `activations(&x, 2)` gives the
    /// outputs of the first two layers. Of a layer that is called more than once, its name means the first call.
    /// The model runs in batches of 32 and stops after the last layer
    /// asked for; only the outputs of the layers in the range are kept, so that a late layer of
    /// many examples takes no more memory than its own output.
    ///
    /// ```
    /// use labbook_nn::{Dense, Sequential};
    /// use tch::{Device, Kind, Tensor};
    ///
    /// # fn main() -> labbook_nn::Result<()> {
    /// let mut model = Sequential::new();
    /// model.add(Dense::new(8).input_shape(2));
    /// model.add(Dense::new(3).name("scores"));
    /// let x = Tensor::rand([5, 2], (Kind::Float, Device::Cpu));
    /// assert_eq!(model.activations(&x, 2)?.len(), 2);
    /// assert_eq!(model.activations(&x, "scores")?[0].size(), [5, 3]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When `x` does not fit the model, it has no such layers, or it is
    /// [interrupted](crate::interrupt).
    pub fn activations(
        &mut self,
        x: impl Into<Tensors>,
        layers: impl Into<LayerRange>,
    ) -> Result<Vec<Tensor>> {
        let interruptible = Interruptible::begin();
        let mut parts: Vec<Vec<Tensor>> = Vec::new();
        for outputs in self.activation_batches(x, layers, PREDICT_BATCH)? {
            let outputs = outputs?;
            parts.resize_with(outputs.len(), Vec::new);
            for (part, output) in parts.iter_mut().zip(outputs) {
                part.push(output);
            }
            if interrupt::is_requested() {
                return Err(interruptible.error("activations"));
            }
        }
        let joined = parts.iter().map(|parts| Tensor::f_cat(parts, 0));
        Ok(joined.collect::<Result<_, _>>()?)
    }

    /// The same lazily: an iterator over batches of examples that computes each when it is asked
    /// for. For outputs that are too large to keep, such as those of a wide convolution.
    ///
    /// ```
    /// # use labbook_nn::{Dense, Sequential};
    /// # use tch::{Device, Kind, Tensor};
    /// # fn main() -> labbook_nn::Result<()> {
    /// # let mut model = Sequential::new();
    /// # model.add(Dense::new(8).input_shape(2));
    /// # let x = Tensor::rand([5, 2], (Kind::Float, Device::Cpu));
    /// let mut largest = f64::NEG_INFINITY;
    /// for outputs in model.activation_batches(&x, .., 2)? {
    ///     largest = largest.max(outputs?[0].max().double_value(&[]));
    /// }
    /// # assert!(largest.is_finite());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// When `x` does not fit the model, it has no such layers or the batch size is below 1.
    pub fn activation_batches(
        &mut self,
        x: impl Into<Tensors>,
        layers: impl Into<LayerRange>,
        batch_size: i64,
    ) -> Result<ActivationBatches<'_>> {
        check_batch_size(batch_size)?;
        let x = x.into();
        self.build_for("x", &x)?;
        let layers = layers.into().within(self)?;
        let spec = self.data_spec()?;
        let count = spec.check_inputs("x", x.as_slice())?;
        Ok(ActivationBatches {
            model: self,
            spec,
            x,
            layers,
            spans: spans(count, batch_size).into_iter(),
        })
    }
}
