use std::time::Instant;

use tch::{Device, Kind, Tensor, no_grad, no_grad_guard};

use crate::engine::allocator::keep_freed_tensors;
use crate::images::augmenter::Augmenter;
use crate::data::batches::Batches;
use crate::tensors::casts::Casts;
use crate::saving::checkpoint::Checkpoint;
use crate::training::history::EpochRecord;
use crate::interrupt::{self, Interruptible};
use crate::saving::keeper::Keeper;
use crate::engine::own_convolutions::OwnConvolutions;
use crate::engine::pixel_network::PixelNetwork;
use crate::training::progress::Stopwatch;
use crate::random::{Rng, as_torch_seed};
use crate::model::sequential::spans;
use crate::{
    Callbacks, Control, Error, Evaluate, Evaluation, Fit, FitParams, History, Logs, Output,
    Parameter, Phase, Reporter, Result, Sequential, TestTimeAugmentation, Verbosity,
};

impl Sequential {
    /// Trains the model.
    ///
    /// `x` holds one example per row, `f32` or another float, or bytes, which are converted
    /// but not scaled; `y` holds class numbers, (N,) or (N, 1). Every epoch visits all examples
    /// once, in a new order unless [`Fit::shuffle`] is off. Loss and accuracy of an epoch are
    /// means over its examples while the weights change, as in Keras; the loss includes the
    /// layers' penalties. Training an already trained model goes on where it was.
    ///
    /// A loss that is NaN or infinite is reported in a line and training goes on. A request of
    /// [`interrupt`](crate::interrupt) ends the training after the batch that it comes in, also
    /// in validation; the history then holds the epochs before and says so.
    ///
    /// # Errors
    /// When the model is not compiled, data or options do not fit, or a callback fails.
    pub fn fit(&mut self, x: &Tensor, y: &Tensor, options: &Fit) -> Result<History> {
        let verbosity = options.check()?;
        let _interruptible = Interruptible::begin();
        keep_freed_tensors()?;
        self.compiled()?;
        self.build_for("x", x)?;
        let train = self.labelled(("x", x), ("y", y))?;
        let validation = match &options.validation {
            Some((x, y)) => Some(self.labelled(("validation x", x), ("validation y", y))?),
            None => None,
        };
        if let Some(augmentation) = options.augmentation {
            augmentation.check(self.built_for()?)?;
        }
        let mut callbacks = options.callbacks.try_borrow_mut().map_err(|_| {
            Error::option(
                "callbacks",
                "callbacks that no other training uses",
                "callbacks in use",
                "make new options with Fit::new() for a training within a callback",
            )
        })?;

        let params = FitParams {
            epochs: options.epochs,
            initial_epoch: options.initial_epoch,
            steps: options.batches(train.count())?.len() as i64,
            batch_size: options.batch_size,
            examples: train.count(),
            validation_examples: validation.as_ref().map_or(0, Batches::count),
            seed: self.seed,
        };
        let keeper = Keeper::of(self, &params, options, (x, y), callbacks.0.len())?;
        let resumed = match &keeper {
            Some(keeper) => keeper.restore(self, options.resume)?,
            None => None,
        };
        let mut randomness = match &resumed {
            Some(checkpoint) => checkpoint.randomness.clone(),
            None => {
                self.trainings += 1;
                Rng::new(self.seed, self.trainings - 1)
            }
        };
        let reporter = options.chosen_reporter();
        let mut training = Training {
            model: self,
            callbacks: &mut callbacks,
            reporter: reporter.as_ref(),
            verbosity,
            history: History::new(params),
            keeper,
            stop: false,
            failure: None,
            resuming: resumed.is_some(),
            warned: false,
        };
        training.history.params.seed = training.model.seed;
        training.run(
            &train,
            validation.as_ref(),
            options,
            &mut randomness,
            resumed,
        )?;
        let history = training.history;
        if let Some(keeper) = training.keeper.filter(|_| !history.interrupted)
            && let Err(error) = keeper.end()
        {
            // The training itself went well.
            reporter.message(&format!("Warning: {error}"));
        }
        self.set_history(Some(history.clone()));
        Ok(history)
    }

    /// Loss and accuracy on a data set, in batches of 32; prints Keras's line.
    ///
    /// # Errors
    /// When the model is not compiled, the data do not fit, or it is
    /// [interrupted](crate::interrupt).
    pub fn evaluate(&mut self, x: &Tensor, y: &Tensor) -> Result<Evaluation> {
        self.evaluate_with(x, y, &Evaluate::new())
    }

    /// [`evaluate`](Self::evaluate) with options.
    ///
    /// # Errors
    /// When the model is not compiled, data or options do not fit, or it is
    /// [interrupted](crate::interrupt).
    pub fn evaluate_with(
        &mut self,
        x: &Tensor,
        y: &Tensor,
        options: &Evaluate,
    ) -> Result<Evaluation> {
        let verbosity = options.check()?;
        let interruptible = Interruptible::begin();
        keep_freed_tensors()?;
        self.compiled()?;
        self.build_for("x", x)?;
        if let Some(views) = options.views {
            views.check(self.built_for()?)?;
        }
        let batches = self.labelled(("x", x), ("y", y))?;
        let steps = batches.steps(options.batch_size);
        let watch = Stopwatch::start(steps);
        let figures = match self.measure(&batches, options.batch_size, options.views)? {
            Some(figures) => figures,
            None => return Err(interruptible.error("evaluate")),
        };
        let progress = watch.progress(steps, self.logs(figures)?);
        if verbosity != Verbosity::Silent {
            options.chosen_reporter().evaluate_end(&progress, verbosity);
        }
        Ok(Evaluation {
            loss: figures.loss,
            accuracy: figures.accuracy,
            examples: batches.count(),
            seconds: progress.seconds,
            progress,
        })
    }

    fn labelled(&self, x: (&str, &Tensor), y: (&str, &Tensor)) -> Result<Batches> {
        let classes = self.compiled()?.loss.classes(self.output_shape()?)?;
        Batches::labelled(x, y, self.built_for()?, classes, self.device)
    }

    /// The figures under the names they have in the history.
    fn logs(&self, figures: Figures) -> Result<Logs> {
        let mut entries = vec![("loss".to_owned(), figures.loss)];
        for name in self.compiled()?.metrics.names() {
            entries.push((name.clone(), figures.accuracy));
        }
        Ok(Logs::new(entries))
    }

    /// Mean loss, with penalties, and accuracy, without training; none if interrupted.
    fn measure(
        &self,
        batches: &Batches,
        batch_size: i64,
        views: Option<TestTimeAugmentation>,
    ) -> Result<Option<Figures>> {
        let _guard = no_grad_guard();
        let _casts = Casts::keep();
        let mut totals = Totals::new(self.device)?;
        for (start, length) in spans(batches.count(), self.piece_size(batch_size)) {
            let (x, y) = labelled_batch(batches.slice(start, length)?)?;
            let output = self.infer(&x, views)?;
            let loss = self.compiled()?.loss.mean(&output, &y)?;
            totals.add(&loss, &output, &y)?;
            if interrupt::is_requested() {
                return Ok(None);
            }
        }
        if let Some(penalty) = self.penalty()? {
            totals.add_loss(&penalty, batches.count())?;
        }
        totals.figures(batches.count()).map(Some)
    }

    /// How many examples pass through the layers at once.
    ///
    /// Tensors that stay in the processor's cache make a network of small layers on large
    /// images two to three times as fast, and save memory. Yet a piece should put out more
    /// numbers than there are weights, or adding up the gradients would cost too much.
    fn piece_size(&self, batch_size: i64) -> i64 {
        if self.device != Device::Cpu || self.needs_whole_batch() {
            return batch_size;
        }
        let weights: i64 = self.parameters().iter().map(|(_, p)| p.count()).sum();
        let fitting = PIECE_NUMBERS.max(2 * weights) / self.activation_count().max(1);
        fitting.max(MIN_PIECE).min(batch_size)
    }

    /// One step of the optimizer on one batch.
    fn train_step(
        &mut self,
        weights: &mut Trainable,
        x: &Tensor,
        y: &Tensor,
        totals: &mut Totals,
    ) -> Result<()> {
        let gradients = match self.own_gradients(weights, x, y, totals)? {
            Some(gradients) => gradients,
            None => self.autograd_gradients(weights, x, y, totals)?,
        };
        let _guard = no_grad_guard();
        let gradients = weights.in_keras_shape(&gradients)?;
        let optimizer = &mut self.compiled_mut()?.optimizer;
        optimizer.step(&weights.values, &gradients)
    }

    /// The gradients of a network of dense layers on pixels, without autograd.
    fn own_gradients(
        &self,
        weights: &mut Trainable,
        x: &Tensor,
        y: &Tensor,
        totals: &mut Totals,
    ) -> Result<Option<Vec<Tensor>>> {
        if x.device() != Device::Cpu || x.f_kind()? != Kind::Float {
            return Ok(None);
        }
        let Some(network) = &mut weights.network else {
            return Ok(None);
        };
        network.begin()?;
        let batch = x.size()[0];
        for (start, length) in spans(batch, network.piece_size()) {
            let (x, y) = (x.f_narrow(0, start, length)?, y.f_narrow(0, start, length)?);
            // A leaf, by which autograd derives the loss.
            let leaf = no_grad(|| network.forward(&x, start))?.f_set_requires_grad(true)?;
            let output = match weights.softmax {
                true => Output::Logits(leaf.shallow_clone()),
                false => Output::Values(leaf.shallow_clone()),
            };
            let loss = self.compiled()?.loss.mean(&output, &y)?;
            totals.add(&loss, &output, &y)?;
            let objective = loss.f_mul_scalar(length as f64 / batch as f64)?;
            let gradients = Tensor::f_run_backward(&[objective], &[leaf], false, false)
                .map_err(|error| Error::from(error).within("the gradients"))?;
            if let Some(gradients) = gradients.first() {
                network.backward(gradients)?;
            }
        }
        if let Some(penalty) = no_grad(|| self.penalty())? {
            totals.add_loss(&penalty, batch)?;
        }
        network.gradients().map(Some)
    }

    /// The gradients as autograd derives them.
    fn autograd_gradients(
        &self,
        weights: &Trainable,
        x: &Tensor,
        y: &Tensor,
        totals: &mut Totals,
    ) -> Result<Vec<Tensor>> {
        let batch = x.size()[0];
        let _casts = Casts::keep();
        let mut gradients: Vec<Tensor> = Vec::new();
        for (start, length) in spans(batch, self.piece_size(batch)) {
            let (x, y) = (x.f_narrow(0, start, length)?, y.f_narrow(0, start, length)?);
            let (output, junctions) = match &weights.convolutions {
                Some(convolutions) => convolutions.forward(self, &x)?,
                None => (self.forward(&x, Phase::Train)?, Vec::new()),
            };
            let loss = self.compiled()?.loss.mean(&output, &y)?;
            totals.add(&loss, &output, &y)?;
            let mut objective = match length == batch {
                true => loss,
                false => loss.f_mul_scalar(length as f64 / batch as f64)?,
            };
            if start == 0
                && let Some(penalty) = self.penalty()?
            {
                totals.add_loss(&penalty, batch)?;
                objective = objective.f_add(&penalty)?;
            }
            let piece = match &weights.convolutions {
                Some(convolutions) => convolutions.gradients(objective, junctions)?,
                None => Tensor::f_run_backward(&[objective], &weights.leaves, false, false)
                    .map_err(|error| Error::from(error).within("the gradients"))?,
            };
            if gradients.is_empty() {
                gradients = piece;
                continue;
            }
            for (sum, gradient) in gradients.iter_mut().zip(&piece) {
                let _ = sum.f_add_(gradient)?;
            }
        }
        Ok(gradients)
    }
}

/// Numbers that the layers of a piece may put out together on the CPU.
const PIECE_NUMBERS: i64 = 1 << 21;
/// Smaller pieces would leave the threads too little to share.
const MIN_PIECE: i64 = 8;

/// The weights that the optimizer changes.
struct Trainable {
    parameters: Vec<Parameter>,
    /// For autograd.
    leaves: Vec<Tensor>,
    /// For the optimizer: names and views in Keras's shapes, without autograd.
    values: Vec<(String, Tensor)>,
    /// The way around autograd, if the model has one; and whether its output lacks a softmax.
    network: Option<PixelNetwork>,
    softmax: bool,
    /// Convolutions that autograd leaves alone, if the model has such.
    convolutions: Option<OwnConvolutions>,
}

impl Trainable {
    fn of(model: &Sequential, batch: i64) -> Result<Self> {
        let (plan, softmax) = model.plan_from(0);
        let mut weights = Self {
            network: match model.dtype_policy().compute_kind() {
                Kind::Float => PixelNetwork::of(&plan, model.built_for()?.dims(), batch),
                _ => None,
            },
            softmax,
            convolutions: OwnConvolutions::of(model, model.piece_size(batch))?,
            parameters: Vec::new(),
            leaves: Vec::new(),
            values: Vec::new(),
        };
        for (name, parameter) in model.parameters() {
            if parameter.trainable {
                let view = parameter.keras_view(&parameter.value)?;
                weights.values.push((name, view));
                weights.leaves.push(parameter.value.shallow_clone());
                weights.parameters.push(parameter);
            }
        }
        Ok(weights)
    }

    fn in_keras_shape(&self, gradients: &[Tensor]) -> Result<Vec<Tensor>> {
        let pairs = self.parameters.iter().zip(gradients);
        pairs
            .map(|(weight, gradient)| weight.keras_view(gradient))
            .collect()
    }
}

/// Mean loss and accuracy.
#[derive(Debug, Clone, Copy)]
struct Figures {
    loss: f64,
    accuracy: f64,
}

/// Sums over the examples, kept as tensors: reading them would make a GPU wait in each step.
struct Totals {
    loss: Tensor,
    correct: Tensor,
}

impl Totals {
    fn new(device: Device) -> Result<Self> {
        Ok(Self {
            loss: Tensor::f_zeros([0_i64; 0], (Kind::Double, device))?,
            correct: Tensor::f_zeros([0_i64; 0], (Kind::Int64, device))?,
        })
    }

    /// Adds a batch, given its mean loss.
    fn add(&mut self, loss: &Tensor, output: &Output, labels: &Tensor) -> Result<()> {
        let _guard = no_grad_guard();
        let classes = output.predictions()?.f_argmax(-1, false)?;
        let correct = classes.f_eq_tensor(labels)?.f_sum(Kind::Int64)?;
        let _ = self.correct.f_add_(&correct)?;
        self.add_loss(loss, labels.size()[0])
    }

    /// Adds a mean over `examples` to the loss.
    fn add_loss(&mut self, mean: &Tensor, examples: i64) -> Result<()> {
        let _guard = no_grad_guard();
        let sum = mean
            .f_to_kind(Kind::Double)?
            .f_mul_scalar(examples as f64)?;
        let _ = self.loss.f_add_(&sum)?;
        Ok(())
    }

    fn figures(&self, examples: i64) -> Result<Figures> {
        let examples = examples as f64;
        Ok(Figures {
            loss: self.loss.f_double_value(&[])? / examples,
            accuracy: self.correct.f_int64_value(&[])? as f64 / examples,
        })
    }
}

/// A call of `fit` on its way.
struct Training<'a> {
    model: &'a mut Sequential,
    callbacks: &'a mut Callbacks,
    reporter: &'a dyn Reporter,
    verbosity: Verbosity,
    history: History,
    keeper: Option<Keeper>,
    stop: bool,
    failure: Option<String>,
    resuming: bool,
    warned: bool,
}

impl Training<'_> {
    fn run(
        &mut self,
        train: &Batches,
        validation: Option<&Batches>,
        options: &Fit,
        randomness: &mut Rng,
        resumed: Option<Checkpoint>,
    ) -> Result<()> {
        let start = Instant::now();
        if self.speaks() {
            self.reporter.train_begin(&self.history.params);
        }
        self.each_callback(|callback, control| callback.on_train_begin(control))?;
        let mut first = options.initial_epoch;
        let mut earlier = 0.0;
        if let Some(checkpoint) = resumed {
            self.go_back(&checkpoint)?;
            first = self
                .history
                .epoch
                .last()
                .map_or(first, |epoch| epoch.saturating_add(1));
            earlier = self.history.seconds;
        }
        for epoch in first..options.epochs {
            if self.stop {
                break;
            }
            if self.speaks() {
                self.reporter.epoch_begin(epoch, &self.history.params);
            }
            self.each_callback(|callback, control| callback.on_epoch_begin(epoch, control))?;

            let learning_rate = self.model.learning_rate()?;
            let mut watch = Stopwatch::start(self.history.params.steps);
            let figures = self.epoch(epoch, train, options, randomness, &mut watch)?;
            let training_seconds = watch.seconds();
            self.history.training_seconds += training_seconds;
            let Some(figures) = figures else {
                self.history.interrupted = true;
                break;
            };
            let mut logs = self.model.logs(figures)?;
            if let Some(validation) = validation {
                let Some(figures) = self.model.measure(validation, options.batch_size, None)?
                else {
                    self.history.interrupted = true;
                    break;
                };
                logs.extend_validation(&self.model.logs(figures)?);
            }
            self.history.push(
                EpochRecord {
                    epoch,
                    seconds: watch.seconds(),
                    training_seconds,
                    learning_rate,
                },
                &logs,
            );
            self.model.set_history(Some(self.history.clone()));
            if self.speaks() {
                let progress = watch.progress(self.history.params.steps, logs.clone());
                self.reporter.epoch_end(&progress, self.verbosity);
            }
            self.warn_if_not_finite(epoch, &logs);
            self.end_epoch(epoch, logs)?;
            self.history.seconds = earlier + start.elapsed().as_secs_f64();
            self.keep(randomness)?;
        }
        self.each_callback(|callback, control| callback.on_train_end(control))?;
        self.history.seconds = earlier + start.elapsed().as_secs_f64();
        if self.history.interrupted && self.speaks() {
            let mut line = format!(
                "Interrupted: the weights are those of the last batch, the history holds {} finished \
                 epochs",
                self.history.epoch.len()
            );
            let keeper = self.keeper.as_ref();
            if let Some(more) = keeper.and_then(|keeper| keeper.interrupted(&self.history)) {
                line += &format!("; {more}");
            }
            self.reporter.message(&line);
        }
        if self.speaks() {
            self.reporter.train_end(&self.history);
        }
        Ok(())
    }

    /// Sets history and callbacks back to where an earlier process was.
    fn go_back(&mut self, checkpoint: &Checkpoint) -> Result<()> {
        let keeper = self.keeper.as_ref();
        let line = keeper.and_then(|keeper| keeper.resuming(&checkpoint.history));
        let mut history = checkpoint.history.clone();
        history.params = self.history.params.clone();
        history.interrupted = false;
        self.history = history;
        self.model.set_history(Some(self.history.clone()));
        self.stop = checkpoint.stopped;
        for (callback, state) in self.callbacks.0.iter_mut().zip(&checkpoint.callbacks) {
            callback.set_state(state)?;
        }
        self.resuming = false;
        if let Some(line) = line.filter(|_| self.speaks()) {
            self.reporter.message(&line);
        }
        Ok(())
    }

    /// Writes the training down, if a file was named for it.
    fn keep(&self, randomness: &Rng) -> Result<()> {
        let Some(keeper) = &self.keeper else {
            return Ok(());
        };
        let states = self.callbacks.0.iter().map(|callback| callback.state());
        let checkpoint = Checkpoint {
            history: self.history.clone(),
            randomness: randomness.clone(),
            stopped: self.stop,
            callbacks: states.collect::<Result<_>>()?,
        };
        keeper.keep(&checkpoint, self.model)
    }

    /// Lets every callback see the figures, with those that callbacks before it added.
    fn end_epoch(&mut self, epoch: usize, mut logs: Logs) -> Result<()> {
        for index in 0..self.callbacks.0.len() {
            let added = self.call(index, |callback, control| {
                callback.on_epoch_end(epoch, &logs, control);
            })?;
            for (key, value) in added {
                logs.set(&key, value);
                self.history.record(&key, value);
            }
        }
        self.history.fill();
        self.model.set_history(Some(self.history.clone()));
        Ok(())
    }

    /// The figures of one epoch, or none if it was interrupted.
    fn epoch(
        &mut self,
        epoch: usize,
        train: &Batches,
        options: &Fit,
        randomness: &mut Rng,
        watch: &mut Stopwatch,
    ) -> Result<Option<Figures>> {
        let count = train.count();
        // Dropout draws from libtorch's generator, which others use between the epochs.
        tch::manual_seed(as_torch_seed(randomness.next_u64()));
        let (rows, order) = match options.shuffle {
            true => {
                let rows = randomness.permutation(count);
                let order = train.order(&rows)?;
                (rows, Some(order))
            }
            false => ((0..count).collect(), None),
        };
        let mut augmenter = options
            .augmentation
            .map(|augmentation| Augmenter::new(augmentation, self.model.seed, epoch));
        let mut weights = Trainable::of(self.model, options.batch_size)?;
        let mut totals = Totals::new(self.model.device)?;
        let mut seen = 0;
        for (step, (start, length)) in (1..).zip(options.batches(count)?) {
            let (mut x, y) = train.pick(order.as_ref(), start, length)?;
            if let Some(augmenter) = &mut augmenter {
                let rows = &rows[start as usize..][..length as usize];
                x = augmenter.apply(x, rows, randomness)?;
            }
            let (x, y) = labelled_batch(train.ready((x, y))?)?;
            seen += length;
            self.model.train_step(&mut weights, &x, &y, &mut totals)?;
            watch.first_step_done();
            self.each_callback(|callback, control| callback.on_train_batch_end(step - 1, control))?;
            if interrupt::is_requested() {
                return Ok(None);
            }
            if self.speaks() {
                let progress = watch.progress(step, Logs::default());
                self.reporter.step_end(&progress);
            }
        }
        totals.figures(seen).map(Some)
    }

    fn speaks(&self) -> bool {
        self.verbosity != Verbosity::Silent
    }

    fn each_callback(
        &mut self,
        mut call: impl FnMut(&mut dyn crate::Callback, &mut Control<'_>),
    ) -> Result<()> {
        for index in 0..self.callbacks.0.len() {
            // Figures have a place only where an epoch ends.
            self.call(index, &mut call)?;
        }
        Ok(())
    }

    /// Calls one callback; gives the figures that it added.
    fn call(
        &mut self,
        index: usize,
        call: impl FnOnce(&mut dyn crate::Callback, &mut Control<'_>),
    ) -> Result<Vec<(String, f64)>> {
        let mut added = Vec::new();
        let mut control = Control {
            model: self.model,
            params: &self.history.params,
            reporter: self.reporter,
            stop: &mut self.stop,
            failure: &mut self.failure,
            added: &mut added,
            resuming: self.resuming,
        };
        call(self.callbacks.0[index].as_mut(), &mut control);
        match self.failure.take() {
            Some(message) => Err(Error::Callback { message }),
            None => Ok(added),
        }
    }

    fn warn_if_not_finite(&mut self, epoch: usize, logs: &Logs) {
        let losses = ["loss", "val_loss"].map(|key| (key, logs.get(key)));
        let bad = losses
            .iter()
            .find_map(|(key, value)| value.filter(|v| !v.is_finite()).map(|v| (key, v)));
        if let Some((key, value)) = bad
            && !self.warned
        {
            self.warned = true;
            self.reporter.message(&format!(
                "Warning: {key} is {value} after epoch {}; training goes on, but a lower \
                 learning rate or scaled inputs may be needed.",
                epoch + 1
            ));
        }
    }
}

/// Batches of a labelled data set always have labels.
fn labelled_batch((x, y): (Tensor, Option<Tensor>)) -> Result<(Tensor, Tensor)> {
    let y = y.ok_or_else(|| Error::data("y", "labels", "none", "pass one label per example"))?;
    Ok((x, y))
}
