use tch::{Device, Kind, Tensor, no_grad_guard};

use super::counted::Counted;
use crate::engine::Objective;
use crate::model::compiled::{Compiled, OutputMetrics};
use crate::{Batch, Logs, Metric, Output, Result};

/// Losses and metrics over the examples of an epoch or an evaluation.
///
/// Sums are kept as tensors: reading them would make a GPU wait in each step.
pub(crate) struct Tally {
    /// The sum of the whole losses with penalties, and those of each output.
    loss: Tensor,
    outputs: Vec<Tensor>,
    examples: i64,
}

impl Tally {
    /// Begins anew, with all metrics at nothing.
    pub(crate) fn begin(compiled: &Compiled, device: Device) -> Result<Self> {
        for output in compiled.metrics.borrow_mut().iter_mut() {
            for (_, metric) in output.metrics.iter_mut().chain(&mut output.weighted) {
                metric.reset();
            }
        }
        let zero = || Tensor::f_zeros([0_i64; 0], (Kind::Double, device));
        let outputs = match compiled.losses.len() {
            // The loss itself.
            1 => Vec::new(),
            count => (0..count)
                .map(|_| zero())
                .collect::<std::result::Result<_, _>>()?,
        };
        Ok(Self {
            loss: zero()?,
            outputs,
            examples: 0,
        })
    }

    /// The mean loss of some examples, without penalties; counts it and updates the metrics.
    ///
    /// Of an output with a mask only the steps that count are seen, as if each were an example.
    pub(crate) fn add(
        &mut self,
        compiled: &Compiled,
        outputs: &[Output],
        masks: &[Option<Tensor>],
        batch: &Batch,
    ) -> Result<Tensor> {
        let examples = batch.inputs.first().map_or(0, |x| x.size()[0]);
        self.examples += examples;
        let mut total: Option<Tensor> = None;
        let mut metrics = compiled.metrics.borrow_mut();
        for (index, (output, y)) in outputs.iter().zip(&batch.targets).enumerate() {
            let compiled = &compiled.losses[index];
            let mask = masks.get(index).and_then(Option::as_ref);
            let weights = batch.sample_weight.as_ref();
            let counted = mask.map(|mask| Counted::of(mask, output, y, weights));
            let counted = counted.transpose()?.flatten();
            let (output, y, weights) = match &counted {
                Some(counted) => (&counted.output, &counted.y, counted.weights.as_ref()),
                None => (output, y, weights),
            };
            let loss = match weights {
                // A batch without a step that counts has no loss, as in Keras.
                _ if counted.is_some() && y.size()[0] == 0 => output.raw().f_sum(None::<Kind>)?,
                None => compiled.loss.mean(y, output)?,
                Some(weights) => {
                    let losses = compiled.loss.per_example(y, output)?;
                    losses.f_mul(weights)?.f_mean(None::<Kind>)?
                }
            };
            if let Some(sum) = self.outputs.get_mut(index) {
                add(sum, &loss, examples)?;
            }
            let loss = match compiled.weight == 1.0 {
                true => loss,
                false => loss.f_mul_scalar(compiled.weight)?,
            };
            total = Some(match total {
                Some(total) => total.f_add(&loss)?,
                None => loss,
            });
            if let Some(metrics) = metrics.get_mut(index) {
                update(metrics, y, output, weights)?;
            }
        }
        let total = match total {
            Some(total) => total,
            None => Tensor::f_zeros([0_i64; 0], (Kind::Float, self.loss.device()))?,
        };
        add(&mut self.loss, &total, examples)?;
        Ok(total)
    }

    /// Adds a mean over so many examples to the loss.
    pub(crate) fn add_loss(&mut self, mean: &Tensor, examples: i64) -> Result<()> {
        add(&mut self.loss, mean, examples)
    }

    /// How many examples were counted.
    pub(crate) fn examples(&self) -> i64 {
        self.examples
    }

    /// The figures under the names that they have in the history.
    pub(crate) fn logs(&self, compiled: &Compiled, output_names: &[String]) -> Result<Logs> {
        let examples = self.examples as f64;
        let mut entries = vec![("loss".to_owned(), self.loss.f_double_value(&[])? / examples)];
        for (name, sum) in output_names.iter().zip(&self.outputs) {
            entries.push((format!("{name}_loss"), sum.f_double_value(&[])? / examples));
        }
        for output in compiled.metrics.borrow().iter() {
            for (name, metric) in output.all() {
                entries.push((name.clone(), metric.result()?));
            }
        }
        Ok(Logs::new(entries))
    }
}

fn add(sum: &mut Tensor, mean: &Tensor, examples: i64) -> Result<()> {
    let _guard = no_grad_guard();
    let part = mean
        .f_to_kind(Kind::Double)?
        .f_mul_scalar(examples as f64)?;
    let _ = sum.f_add_(&part)?;
    Ok(())
}

fn update(
    metrics: &mut OutputMetrics,
    y: &Tensor,
    output: &Output,
    weights: Option<&Tensor>,
) -> Result<()> {
    let none = metrics.metrics.is_empty() && metrics.weighted.is_empty();
    if none || y.size().first() == Some(&0) {
        return Ok(());
    }
    let _guard = no_grad_guard();
    let predictions = output.predictions()?;
    let update = |metric: &mut Box<dyn Metric>, weights: Option<&Tensor>| {
        metric
            .update(y, &predictions, weights)
            .map_err(|error| error.within(&format!("the metric {}", metric.name())))
    };
    for (_, metric) in &mut metrics.metrics {
        update(metric, None)?;
    }
    for (_, metric) in &mut metrics.weighted {
        update(metric, weights)?;
    }
    Ok(())
}

/// What a training step derives: the loss of a batch, counted on the way.
pub(crate) struct BatchObjective<'a> {
    pub(crate) compiled: &'a Compiled,
    pub(crate) tally: &'a mut Tally,
    pub(crate) batch: &'a Batch,
}

impl Objective for BatchObjective<'_> {
    fn of(
        &mut self,
        outputs: &[Output],
        masks: &[Option<Tensor>],
        start: i64,
        length: i64,
    ) -> Result<Tensor> {
        let examples = self.examples();
        if length == examples {
            return self.tally.add(self.compiled, outputs, masks, self.batch);
        }
        let narrow = |tensors: &[Tensor]| {
            let parts = tensors
                .iter()
                .map(|tensor| tensor.f_narrow(0, start, length));
            parts.collect::<std::result::Result<Vec<_>, _>>()
        };
        let weights = self.batch.sample_weight.as_ref();
        let piece = Batch {
            inputs: narrow(&self.batch.inputs)?,
            targets: narrow(&self.batch.targets)?,
            sample_weight: weights
                .map(|weights| weights.f_narrow(0, start, length))
                .transpose()?,
        };
        let loss = self.tally.add(self.compiled, outputs, masks, &piece)?;
        Ok(loss.f_mul_scalar(length as f64 / examples as f64)?)
    }

    fn penalty(&mut self, penalty: &Tensor) -> Result<()> {
        let examples = self.examples();
        self.tally.add_loss(penalty, examples)
    }
}

impl BatchObjective<'_> {
    fn examples(&self) -> i64 {
        self.batch.inputs.first().map_or(0, |x| x.size()[0])
    }
}
