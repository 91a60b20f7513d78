use tch::{Device, Kind, Tensor};

use super::batch::Batch;
use super::checks::{
    check_example_shape, check_examples, convert_targets, convert_weights, weights_of_classes,
};
use crate::losses::loss::Targets;
use crate::{Error, Result, Shape, Tensors};

/// A data set up to this size is moved to the GPU as a whole.
const RESIDENT_BYTES: i64 = 4 << 30;

/// What a model takes in and learns from, and where it computes.
#[derive(Debug)]
pub(crate) struct DataSpec {
    pub(crate) inputs: Vec<InputNeed>,
    pub(crate) outputs: Vec<OutputNeed>,
    pub(crate) device: Device,
}

/// What one input takes.
#[derive(Debug)]
pub(crate) struct InputNeed {
    pub(crate) name: String,
    pub(crate) shape: Shape,
    /// Whether whole numbers stay such.
    pub(crate) integers: bool,
}

/// What one output learns from.
#[derive(Debug)]
pub(crate) struct OutputNeed {
    pub(crate) name: String,
    pub(crate) shape: Shape,
    pub(crate) targets: Targets,
}

impl DataSpec {
    /// Checks inputs; tells how many examples there are.
    pub(crate) fn check_inputs(&self, argument: &str, x: &[Tensor]) -> Result<i64> {
        let names: Vec<&str> = self
            .inputs
            .iter()
            .map(|input| input.name.as_str())
            .collect();
        check_number(argument, x.len(), &names)?;
        let mut count = 0;
        for (index, (x, need)) in x.iter().zip(&self.inputs).enumerate() {
            let argument = one_of(argument, &names, index);
            let examples = check_examples(&argument, x, &need.shape, need.integers)?;
            if index > 0 && examples != count {
                return Err(Error::data(
                    &argument,
                    format!("{count} examples, as the first input"),
                    examples.to_string(),
                    "select all inputs with the same index",
                ));
            }
            count = examples;
        }
        Ok(count)
    }

    /// Inputs as the model takes them, which may be results of others and stay so for autograd;
    /// only their shapes are checked.
    pub(crate) fn attached(&self, argument: &str, x: &[Tensor]) -> Result<Vec<Tensor>> {
        let names: Vec<&str> = self
            .inputs
            .iter()
            .map(|input| input.name.as_str())
            .collect();
        check_number(argument, x.len(), &names)?;
        let mut ready = Vec::new();
        for (index, (x, need)) in x.iter().zip(&self.inputs).enumerate() {
            check_example_shape(&one_of(argument, &names, index), x, &need.shape)?;
            ready.push(self.convert(x, need)?);
        }
        Ok(ready)
    }

    fn convert(&self, x: &Tensor, need: &InputNeed) -> Result<Tensor> {
        let kind = match need.integers {
            true => Kind::Int64,
            false => Kind::Float,
        };
        Ok(x.f_to_device(self.device)?.f_to_kind(kind)?)
    }

    /// What a step of a person's own takes: whatever the data are.
    pub(crate) fn any(x: &[Tensor], y: &[Tensor], device: Device) -> Result<Self> {
        let shape = |tensor: &Tensor| Shape::from(tensor.size().get(1..).unwrap_or_default());
        let inputs = x.iter().enumerate().map(|(index, x)| {
            Ok(InputNeed {
                name: format!("input {}", index + 1),
                shape: shape(x),
                integers: x.f_kind()? == Kind::Int64,
            })
        });
        let outputs = y.iter().enumerate().map(|(index, y)| OutputNeed {
            name: format!("target {}", index + 1),
            shape: shape(y),
            targets: Targets::Any,
        });
        Ok(Self {
            inputs: inputs.collect::<Result<_>>()?,
            outputs: outputs.collect(),
            device,
        })
    }

    /// Checks targets and converts them.
    pub(crate) fn targets(&self, argument: &str, y: &[Tensor], count: i64) -> Result<Vec<Tensor>> {
        let names: Vec<&str> = self
            .outputs
            .iter()
            .map(|output| output.name.as_str())
            .collect();
        check_number(argument, y.len(), &names)?;
        let targets = y
            .iter()
            .zip(&self.outputs)
            .enumerate()
            .map(|(index, (y, need))| {
                let argument = one_of(argument, &names, index);
                convert_targets(&argument, y, count, &need.shape, need.targets)
            });
        targets.collect()
    }

    /// A batch as the model takes it: on its device, floats or whole numbers.
    pub(crate) fn ready(&self, batch: Batch) -> Result<Batch> {
        let inputs = batch.inputs.iter().zip(&self.inputs);
        let inputs = inputs.map(|(x, need)| self.convert(x, need));
        let targets = batch
            .targets
            .iter()
            .map(|y| Ok(y.f_to_device(self.device)?));
        let weights = batch.sample_weight.as_ref();
        let weights = weights.map(|weights| weights.f_to_device(self.device));
        Ok(Batch {
            inputs: inputs.collect::<Result<_>>()?,
            targets: targets.collect::<Result<_>>()?,
            sample_weight: weights.transpose()?,
        })
    }

    /// A batch of a data set, checked, converted, and on the model's device.
    pub(crate) fn accept(
        &self,
        batch: Batch,
        labelled: bool,
        class_weight: &[(i64, f64)],
    ) -> Result<Batch> {
        let count = self.check_inputs("data set x", &batch.inputs)?;
        let targets = match labelled {
            true => self.targets("data set y", &batch.targets, count)?,
            false => Vec::new(),
        };
        let sample_weight = all_weights(
            ("data set sample_weight", batch.sample_weight.as_ref()),
            class_weight,
            &targets,
            count,
        )?;
        self.ready(Batch {
            inputs: batch.inputs,
            targets,
            sample_weight,
        })
    }
}

fn check_number(argument: &str, received: usize, names: &[&str]) -> Result<()> {
    match received == names.len() {
        true => Ok(()),
        false => Err(Error::data(
            argument,
            match names {
                [_] => "one tensor".to_owned(),
                _ => format!(
                    "{} tensors, one for each of {}",
                    names.len(),
                    names.join(", ")
                ),
            },
            received.to_string(),
            "pass several as an array: [&a, &b]",
        )),
    }
}

/// `x`, or `x (price)` where there are several.
fn one_of(argument: &str, names: &[&str], index: usize) -> String {
    match names {
        [_] => argument.to_owned(),
        _ => format!("{argument} ({})", names[index]),
    }
}

/// The weights of examples times those of their classes.
fn all_weights(
    (argument, weights): (&str, Option<&Tensor>),
    class_weight: &[(i64, f64)],
    targets: &[Tensor],
    count: i64,
) -> Result<Option<Tensor>> {
    let weights = match weights {
        Some(weights) => Some(convert_weights(argument, weights, count)?),
        None => None,
    };
    if class_weight.is_empty() {
        return Ok(weights);
    }
    let [targets] = targets else {
        return Err(Error::option(
            "class_weight",
            "a model with one output",
            format!("one with {}", targets.len()),
            "use sample_weight instead",
        ));
    };
    let of_classes = weights_of_classes(targets, class_weight)?;
    Ok(Some(match weights {
        Some(weights) => weights
            .f_to_device(of_classes.device())?
            .f_mul(&of_classes)?,
        None => of_classes,
    }))
}

/// Checked examples in memory, perhaps with targets and weights, that give out batches.
#[derive(Debug)]
pub(crate) struct TensorBatches<'a> {
    spec: &'a DataSpec,
    data: Batch,
    count: i64,
}

impl<'a> TensorBatches<'a> {
    /// Checks `x`, a tensor of shape (N, ..example) for each input.
    ///
    /// Bytes stay bytes until a batch needs them, so that they take a quarter of the memory.
    pub(crate) fn new(spec: &'a DataSpec, argument: &str, x: &Tensors) -> Result<Self> {
        let count = spec.check_inputs(argument, x.as_slice())?;
        let inputs = x.as_slice().iter().map(|x| {
            let bytes = x.size().iter().product::<i64>() * x.f_kind()?.elt_size_in_bytes() as i64;
            let x = x.f_detach()?;
            Ok(match bytes <= RESIDENT_BYTES {
                true => x.f_to_device(spec.device)?,
                false => x,
            })
        });
        Ok(Self {
            spec,
            data: Batch {
                inputs: inputs.collect::<Result<_>>()?,
                targets: Vec::new(),
                sample_weight: None,
            },
            count,
        })
    }

    /// The same with targets and, perhaps, weights.
    pub(crate) fn labelled(
        spec: &'a DataSpec,
        (x_argument, x): (&str, &Tensors),
        (y_argument, y): (&str, &Tensors),
        sample_weight: Option<&Tensor>,
        class_weight: &[(i64, f64)],
    ) -> Result<Self> {
        let mut batches = Self::new(spec, x_argument, x)?;
        let device = batches
            .data
            .inputs
            .first()
            .map_or(spec.device, Tensor::device);
        let targets = spec.targets(y_argument, y.as_slice(), batches.count)?;
        let weights = ("sample_weight", sample_weight);
        let weights = all_weights(weights, class_weight, &targets, batches.count)?;
        let targets = targets
            .iter()
            .map(|targets| Ok(targets.f_to_device(device)?));
        batches.data.targets = targets.collect::<Result<_>>()?;
        batches.data.sample_weight = match weights {
            Some(weights) => Some(weights.f_to_device(device)?),
            None => None,
        };
        Ok(batches)
    }

    /// The number of examples.
    pub(crate) fn count(&self) -> i64 {
        self.count
    }

    /// How many batches of this size there are, the last one perhaps smaller.
    pub(crate) fn steps(&self, batch_size: i64) -> i64 {
        (self.count - 1) / batch_size + 1
    }

    /// An order of the examples, where [`TensorBatches::pick`] needs it.
    pub(crate) fn order(&self, order: &[i64]) -> Result<Tensor> {
        let device = self
            .data
            .inputs
            .first()
            .map_or(self.spec.device, Tensor::device);
        Ok(Tensor::f_from_slice(order)?.f_to_device(device)?)
    }

    /// The `length` examples that `order` names from `start` on, or those that stand there, as
    /// they lie in memory: [`DataSpec::ready`] converts them.
    pub(crate) fn pick(&self, order: Option<&Tensor>, start: i64, length: i64) -> Result<Batch> {
        let index = match order {
            Some(order) => Some(order.f_narrow(0, start, length)?),
            None => None,
        };
        let pick = |data: &Tensor| -> Result<Tensor> {
            Ok(match &index {
                Some(index) => data.f_index_select(0, index)?,
                None => data.f_narrow(0, start, length)?,
            })
        };
        let all = |tensors: &[Tensor]| tensors.iter().map(pick).collect::<Result<Vec<_>>>();
        Ok(Batch {
            inputs: all(&self.data.inputs)?,
            targets: all(&self.data.targets)?,
            sample_weight: self.data.sample_weight.as_ref().map(pick).transpose()?,
        })
    }

    /// The batch of `length` examples from `start` on, in the order of the data.
    pub(crate) fn slice(&self, start: i64, length: i64) -> Result<Batch> {
        self.ready(self.pick(None, start, length)?)
    }

    /// A batch as the model takes it.
    pub(crate) fn ready(&self, batch: Batch) -> Result<Batch> {
        self.spec.ready(batch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labelled(x: &Tensor, y: &Tensor) -> Result<TensorBatches<'static>> {
        // Lives as long as the test's process, so that batches may be given back.
        let spec = Box::leak(Box::new(DataSpec {
            inputs: vec![InputNeed {
                name: "x".to_owned(),
                shape: Shape::from((2, 2, 3)),
                integers: false,
            }],
            outputs: vec![OutputNeed {
                name: "y".to_owned(),
                shape: Shape::from(4),
                targets: Targets::ClassNumbers,
            }],
            device: Device::Cpu,
        }));
        let (x, y) = (Tensors::from(x), Tensors::from(y));
        TensorBatches::labelled(spec, ("x", &x), ("y", &y), None, &[])
    }

    fn images(n: i64, kind: Kind) -> Tensor {
        Tensor::arange(n * 12, (Kind::Float, Device::Cpu))
            .reshape([n, 2, 2, 3])
            .to_kind(kind)
    }

    fn error(x: &Tensor, y: &Tensor) -> String {
        labelled(x, y).unwrap_err().to_string()
    }

    #[test]
    fn bytes_become_floats_without_scaling() -> Result<()> {
        let batches = labelled(
            &images(5, Kind::Uint8),
            &Tensor::from_slice(&[0_u8, 1, 2, 3, 0]),
        )?;
        assert_eq!(
            (batches.steps(2), batches.steps(5), batches.count()),
            (3, 1, 5)
        );
        let batch = batches.slice(4, 1)?;
        assert_eq!(batch.inputs[0], images(5, Kind::Float).narrow(0, 4, 1));
        assert_eq!(batch.targets[0], Tensor::from_slice(&[0_i64]));
        let order = batches.order(&[3, 1, 0, 2, 4])?;
        let batch = batches.ready(batches.pick(Some(&order), 1, 2)?)?;
        assert_eq!(batch.inputs[0].kind(), Kind::Float);
        assert_eq!(batch.inputs[0].double_value(&[0, 0, 0, 0]), 12.0);
        assert_eq!(batch.targets[0], Tensor::from_slice(&[1_i64, 0]));
        Ok(())
    }

    #[test]
    fn labels_may_be_a_column_of_any_kind_of_whole_number() -> Result<()> {
        let labels = Tensor::from_slice(&[0_i64, 3, 1]);
        for kind in [
            Kind::Uint8,
            Kind::Int,
            Kind::Int16,
            Kind::Float,
            Kind::Double,
        ] {
            let y = labels.to_kind(kind).reshape([3, 1]);
            assert_eq!(
                labelled(&images(3, Kind::Double), &y)?.slice(0, 3)?.targets[0],
                labels
            );
        }
        Ok(())
    }

    #[test]
    fn what_does_not_fit_is_told_with_advice() {
        let x = images(2, Kind::Float);
        let y = Tensor::from_slice(&[0_i64, 1]);
        assert_eq!(
            error(&x.permute([0, 3, 1, 2]), &y),
            "x: expected shape (N, 2, 2, 3), received (2, 3, 2, 2); \
             channels come last here: use permute([0, 2, 3, 1])"
        );
        assert!(error(&x.get(0), &y).contains("unsqueeze(0)"));
        assert!(error(&x.reshape([2, 12]), &y).contains("received (2, 12)"));
        assert!(error(&Tensor::from(1.0), &y).contains("a single number"));
        assert!(error(&x.narrow(0, 0, 0), &y).contains("at least one example"));
        assert!(error(&x.to_kind(Kind::ComplexFloat), &y).contains("received ComplexFloat"));
        assert!(error(&(&x / 0.0), &y).contains("24 that are NaN or infinite"));
        assert!(error(&x, &y.reshape([1, 2])).contains("(N,) or (N, 1), received (1, 2)"));
        assert!(error(&x, &y.one_hot(4)).contains("argmax"));
        assert_eq!(
            error(&x, &Tensor::from_slice(&[0_i64, 1, 2])),
            "y: expected 2 labels, one per example, received 3; \
             select examples and labels with the same index"
        );
        assert!(error(&x, &Tensor::from_slice(&[0_i64, 4])).contains("from 0 to 3, received"));
        assert!(error(&x, &Tensor::from_slice(&[0_i64, -1])).contains("from -1 to 0"));
        assert!(error(&x, &Tensor::from_slice(&[0.5_f32, 1.0])).contains("fractional part"));
        assert!(error(&x, &Tensor::from_slice(&[f64::NAN, 1.0])).contains("whole numbers"));
        assert!(error(&x, &Tensor::from_slice(&[true, false])).contains("received Bool"));
    }

    #[test]
    fn a_sum_that_overflows_is_no_error() {
        let x = Tensor::full([1, 2, 2, 3], 3e38, (Kind::Float, Device::Cpu));
        assert!(labelled(&x, &Tensor::from_slice(&[0_i64])).is_ok());
    }
}
