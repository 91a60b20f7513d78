use tch::Tensor;

use crate::{Error, Result, Tensors};

/// Examples in memory with what a model learns from, and perhaps the weight of each example.
#[derive(Debug)]
pub(crate) struct Labelled {
    pub(crate) x: Tensors,
    pub(crate) y: Tensors,
    pub(crate) sample_weight: Option<Tensor>,
}

impl Labelled {
    /// How many examples the first input holds.
    pub(crate) fn count(&self) -> i64 {
        let first = self.x.as_slice().first();
        first
            .and_then(|x| x.size().first().copied())
            .unwrap_or_default()
    }

    /// All tensors.
    pub(crate) fn tensors(&self) -> impl Iterator<Item = &Tensor> {
        let labelled = self.x.as_slice().iter().chain(self.y.as_slice());
        labelled.chain(&self.sample_weight)
    }

    /// Checks that all tensors have a row for each example.
    pub(crate) fn check_counts(&self) -> Result<()> {
        let count = self.count();
        let named = [
            ("x", self.x.as_slice()),
            ("y", self.y.as_slice()),
            ("sample_weight", self.sample_weight.as_slice()),
        ];
        for (argument, tensors) in named {
            for tensor in tensors {
                let size = tensor.size();
                if size.first() != Some(&count) {
                    return Err(Error::data(
                        argument,
                        match argument {
                            "y" => format!("{count} labels or targets, one per example"),
                            "x" => format!("{count} examples, as the first input"),
                            _ => format!("shape ({count},), one weight per example"),
                        },
                        size.first()
                            .map_or("a single number".to_owned(), i64::to_string),
                        "select inputs and targets with the same index, one row per example",
                    ));
                }
            }
        }
        Ok(())
    }

    /// The examples before one of them, and the others.
    pub(crate) fn split(&self, at: i64) -> Result<(Self, Self)> {
        let part = |from: i64, to: Option<i64>| -> Result<Self> {
            let cut = |tensor: &Tensor| -> Result<Tensor> {
                let count = tensor.size().first().copied().unwrap_or_default();
                let from = from.min(count);
                let to = to.map_or(count, |to| to.min(count));
                Ok(tensor.f_narrow(0, from, to - from)?)
            };
            let all = |tensors: &Tensors| -> Result<Tensors> {
                let cuts = tensors.as_slice().iter().map(cut);
                Ok(cuts.collect::<Result<Vec<_>>>()?.into())
            };
            Ok(Self {
                x: all(&self.x)?,
                y: all(&self.y)?,
                sample_weight: self.sample_weight.as_ref().map(cut).transpose()?,
            })
        };
        Ok((part(0, Some(at))?, part(at, None)?))
    }
}
