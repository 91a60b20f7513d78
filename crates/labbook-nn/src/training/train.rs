use std::time::Instant;

use super::evaluate::measure;
use super::examples::{Examples, Stream, unless_interrupted};
use super::fit::Validation;
use super::labelled::Labelled;
use super::tally::{BatchObjective, Tally};
use crate::data::tensor_batches::{DataSpec, InputNeed, OutputNeed, TensorBatches};
use crate::engine::{self, Engine};
use crate::images::augmenter::Augmenter;
use crate::interrupt::{self, Interruptible};
use crate::random::{Rng, as_torch_seed};
use crate::saving::checkpoint::Checkpoint;
use crate::saving::keeper::Keeper;
use crate::training::history::EpochRecord;
use crate::training::progress::Stopwatch;
use crate::{
    Batch, Callback, Callbacks, Control, Dataset, Error, Fit, FitParams, History, Logs, Model,
    Parameter, Reporter, Result, Tensors, Verbosity,
};
use tch::{Tensor, no_grad_guard};

impl Model {
    /// Trains the model.
    ///
    /// `x` holds one example per row, or is an array of such tensors, one for each input: `f32`
    /// or other numbers, which are converted but not scaled. `y` holds what the loss of each
    /// output learns from: class numbers, (N,) or (N, 1), or numbers in the shape of the output.
    /// Every epoch visits all examples once, in a new order unless [`Fit::shuffle`] is off. Loss
    /// and metrics of an epoch are those of its examples while the weights change, as in Keras;
    /// the loss includes the layers' penalties. Training an already trained model goes on where
    /// it was.
    ///
    /// A loss that is NaN or infinite is reported in a line and training goes on. A request of
    /// [`interrupt`](crate::interrupt) ends the training after the batch that it comes in, also
    /// in validation; the history then holds the epochs before and says so.
    ///
    /// # Errors
    /// When the model is not compiled, data or options do not fit, or a callback fails.
    pub fn fit(
        &mut self,
        x: impl Into<Tensors>,
        y: impl Into<Tensors>,
        options: &Fit,
    ) -> Result<History> {
        let whole = Labelled {
            x: x.into(),
            y: y.into(),
            sample_weight: options.sample_weight.as_ref().map(Tensor::shallow_clone),
        };
        let verbosity = options.check()?;
        let _interruptible = Interruptible::begin();
        engine::allocator::keep_freed_tensors()?;
        self.compiled()?;
        self.build_for("x", &whole.x)?;
        let spec = self.data_spec()?;
        if options.validation_split > 0.0 {
            // Cut apart, they would no longer show what differs.
            whole.check_counts()?;
        }
        let (data, held_back) = match options.split(&whole)? {
            Some((kept, held_back)) => (kept, Some(Validation::Tensors(held_back))),
            None => (whole, None),
        };
        let train = TensorBatches::labelled(
            &spec,
            ("x", &data.x),
            ("y", &data.y),
            data.sample_weight.as_ref(),
            &options.class_weight,
        )?;
        let tensors: Vec<&Tensor> = data.tensors().collect();
        let validation = held_back.as_ref().or(options.validation.as_ref());
        let train = Examples::Tensors(train);
        self.train(&spec, train, validation, &tensors, verbosity, options)
    }

    /// [`fit`](Self::fit) on a data set that gives batches, epoch after epoch.
    ///
    /// An epoch is one pass over the data set, or [`Fit::steps_per_epoch`] batches of it, after
    /// which the next epoch goes on. [`Fit::batch_size`] and [`Fit::shuffle`] have no meaning
    /// here: the data set itself shuffles and makes batches.
    ///
    /// # Errors
    /// When the model is not compiled, data or options do not fit, or a callback fails.
    pub fn fit_dataset(&mut self, data: &dyn Dataset, options: &Fit) -> Result<History> {
        let verbosity = options.check()?;
        let _interruptible = Interruptible::begin();
        engine::allocator::keep_freed_tensors()?;
        self.compiled()?;
        options.check_for_dataset()?;
        if self.built().is_err() {
            self.build_for_dataset(data)?;
        }
        let spec = self.data_spec()?;
        let stream = Stream::new(
            &spec,
            data,
            &options.class_weight,
            self.seed,
            options.steps_per_epoch,
        );
        stream.check_end("steps_per_epoch")?;
        self.train(
            &spec,
            Examples::Stream(stream),
            options.validation.as_ref(),
            &[],
            verbosity,
            options,
        )
    }

    /// Builds a model that waits for its first data.
    pub(crate) fn build_for_dataset(&mut self, data: &dyn Dataset) -> Result<()> {
        let first = data.epoch(0)?.next();
        let first = first.ok_or_else(|| {
            Error::data(
                "data set",
                "at least one batch",
                "none",
                "check how it was made",
            )
        })?;
        self.build_for("data set x", &Tensors::from(first?.inputs))
    }

    /// What the model takes in and learns from.
    pub(crate) fn data_spec(&self) -> Result<DataSpec> {
        let names = self.input_names();
        let inputs = self.input_shapes()?.into_iter().zip(names).enumerate();
        let outputs = self.output_shapes()?.into_iter().zip(self.output_names());
        let losses = self.compiled.as_ref().map(|compiled| &compiled.losses);
        let outputs = outputs.enumerate().map(|(index, (shape, name))| {
            let loss = losses.and_then(|losses| losses.get(index));
            if let Some(output) = loss {
                output.loss.check_output(&shape)?;
            }
            Ok(OutputNeed {
                name,
                targets: loss.map_or(crate::Targets::Any, |output| output.loss.targets()),
                shape,
            })
        });
        Ok(DataSpec {
            inputs: inputs
                .map(|(index, (shape, name))| InputNeed {
                    name,
                    shape,
                    integers: self.graph.takes_integers(index),
                })
                .collect(),
            outputs: outputs.collect::<Result<_>>()?,
            device: self.device,
        })
    }

    fn train(
        &mut self,
        spec: &DataSpec,
        mut train: Examples<'_>,
        validation: Option<&Validation>,
        data: &[&Tensor],
        verbosity: Verbosity,
        options: &Fit,
    ) -> Result<History> {
        let mut kept_data = data.to_vec();
        let validation = match validation {
            None => None,
            Some(Validation::Tensors(data)) => {
                kept_data.extend(data.tensors());
                let weights = data.sample_weight.as_ref();
                let (x, y) = (("validation x", &data.x), ("validation y", &data.y));
                let batches = TensorBatches::labelled(spec, x, y, weights, &[])?;
                Some(Examples::Tensors(batches))
            }
            Some(Validation::Dataset(data)) => {
                let steps = options.validation_steps;
                let stream = Stream::new(spec, data.as_ref(), &[], self.seed, steps);
                stream.check_end("validation_steps")?;
                Some(Examples::Stream(stream))
            }
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

        let steps = match &train {
            Examples::Tensors(batches) => options.batches(batches.count())?.len() as i64,
            // 0 where nobody knows.
            Examples::Stream(stream) => stream.steps().unwrap_or_default(),
        };
        let params = FitParams {
            epochs: options.epochs,
            initial_epoch: options.initial_epoch,
            steps,
            batch_size: options.batch_size,
            examples: train.count().unwrap_or_default(),
            validation_examples: validation
                .as_ref()
                .and_then(Examples::count)
                .unwrap_or_default(),
            seed: self.seed,
        };
        let keeper = Keeper::of(self, &params, options, &kept_data, callbacks.0.len())?;
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
        if let Examples::Stream(stream) = &mut train {
            // Another training of this model sees other shuffles.
            stream.seed = Rng::new(self.seed, self.trainings).next_u64();
            let done = match &resumed {
                Some(checkpoint) => checkpoint.history.epoch.len() as u64,
                None => 0,
            };
            stream.skip_epochs(done)?;
        }
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
        training.run(&mut train, validation, options, &mut randomness, resumed)?;
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

    /// One step of the optimizer on one batch.
    fn train_step(
        &mut self,
        weights: &Trainable,
        engine: &mut dyn Engine,
        batch: &Batch,
        tally: &mut Tally,
    ) -> Result<()> {
        let mut objective = BatchObjective {
            compiled: self.compiled()?,
            tally,
            batch,
        };
        let gradients = engine.gradients(self, &batch.inputs, &mut objective)?;
        let _guard = no_grad_guard();
        let gradients = weights.in_keras_shape(&gradients)?;
        let optimizer = &mut self.compiled_mut()?.optimizer;
        optimizer.step(&weights.values, &gradients)
    }
}

/// The weights that the optimizer changes.
struct Trainable {
    parameters: Vec<Parameter>,
    /// For the optimizer: names and views in Keras's shapes, without autograd.
    values: Vec<(String, Tensor)>,
}

impl Trainable {
    fn of(model: &Model) -> Result<Self> {
        let mut weights = Self {
            parameters: Vec::new(),
            values: Vec::new(),
        };
        for (name, parameter) in model.parameters() {
            if parameter.trainable {
                let view = parameter.keras_view(&parameter.value)?;
                weights.values.push((name, view));
                weights.parameters.push(parameter);
            }
        }
        if weights.values.is_empty() {
            return Err(Error::weights(
                "at least one weight that training changes",
                "none",
                "unfreeze a layer with set_layer_trainable(name, true)",
            ));
        }
        Ok(weights)
    }

    fn in_keras_shape(&self, gradients: &[Tensor]) -> Result<Vec<Tensor>> {
        if gradients.len() != self.parameters.len() {
            return Err(Error::Torch {
                operation: "the gradients".to_owned(),
                message: format!(
                    "expected one for each of {} weights, received {}",
                    self.parameters.len(),
                    gradients.len()
                ),
            });
        }
        let pairs = self.parameters.iter().zip(gradients);
        pairs
            .map(|(weight, gradient)| weight.keras_view(gradient))
            .collect()
    }
}

/// What the steps of an epoch share.
struct Epoch {
    weights: Trainable,
    engine: Box<dyn Engine>,
    tally: Tally,
    augmenter: Option<Augmenter>,
}

/// A call of `fit` on its way.
struct Training<'a> {
    model: &'a mut Model,
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
        train: &mut Examples<'_>,
        mut validation: Option<Examples<'_>>,
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
            let logs = self.epoch(epoch, train, options, randomness, &mut watch)?;
            let training_seconds = watch.seconds();
            self.history.training_seconds += training_seconds;
            let Some(mut logs) = logs else {
                self.history.interrupted = true;
                break;
            };
            if let Some(validation) = &mut validation
                && options.validates_after(epoch)
            {
                let batch_size = options.validation_batch_size.unwrap_or(options.batch_size);
                let sizes = (batch_size, options.validation_steps);
                let Some(measured) = measure(self.model, validation, sizes, None)? else {
                    self.history.interrupted = true;
                    break;
                };
                logs.extend_validation(&measured.logs);
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
        train: &mut Examples<'_>,
        options: &Fit,
        randomness: &mut Rng,
        watch: &mut Stopwatch,
    ) -> Result<Option<Logs>> {
        // Dropout draws from libtorch's generator, which others use between the epochs.
        tch::manual_seed(as_torch_seed(randomness.next_u64()));
        let mut epoch = Epoch {
            weights: Trainable::of(self.model)?,
            engine: engine::choose(self.model, train.largest_batch(options.batch_size))?,
            tally: Tally::begin(self.model.compiled()?, self.model.device)?,
            augmenter: options
                .augmentation
                .map(|augmentation| Augmenter::new(augmentation, self.model.seed, epoch)),
        };
        let ended = match train {
            Examples::Tensors(train) => {
                let count = train.count();
                let (rows, order) = match options.shuffle {
                    true => {
                        let rows = randomness.permutation(count);
                        let order = train.order(&rows)?;
                        (rows, Some(order))
                    }
                    false => ((0..count).collect(), None),
                };
                let mut ended = true;
                for (step, (start, length)) in (1..).zip(options.batches(count)?) {
                    let mut batch = train.pick(order.as_ref(), start, length)?;
                    if let Some(augmenter) = &mut epoch.augmenter {
                        let rows = &rows[start as usize..][..length as usize];
                        let x = batch.inputs.swap_remove(0);
                        batch.inputs.push(augmenter.apply(x, rows, randomness)?);
                    }
                    if !self.step(step, &train.ready(batch)?, &mut epoch, watch)? {
                        ended = false;
                        break;
                    }
                }
                ended
            }
            Examples::Stream(stream) => {
                let mut step = 0;
                loop {
                    let mut batch = match unless_interrupted(stream.next(step))? {
                        Some(Some(batch)) => batch,
                        Some(None) => break true,
                        None => break false,
                    };
                    if let Some(augmenter) = &mut epoch.augmenter {
                        let x = batch.inputs.swap_remove(0);
                        let first = epoch.tally.examples();
                        let rows: Vec<i64> = (first..first + x.size()[0]).collect();
                        batch.inputs.push(augmenter.apply(x, &rows, randomness)?);
                    }
                    step += 1;
                    if !self.step(step, &batch, &mut epoch, watch)? {
                        break false;
                    }
                }
            }
        };
        if !ended {
            return Ok(None);
        }
        if self.history.params.steps == 0 {
            // Known from now on.
            self.history.params.steps = watch.steps_done();
            watch.set_steps(self.history.params.steps);
        }
        let names = self.model.output_names();
        epoch.tally.logs(self.model.compiled()?, &names).map(Some)
    }

    /// A step on one batch, and what belongs to it; whether the epoch goes on.
    fn step(
        &mut self,
        step: i64,
        batch: &Batch,
        epoch: &mut Epoch,
        watch: &mut Stopwatch,
    ) -> Result<bool> {
        let Epoch {
            weights,
            engine,
            tally,
            ..
        } = epoch;
        self.model
            .train_step(weights, engine.as_mut(), batch, tally)?;
        watch.step_done();
        self.each_callback(|callback, control| callback.on_train_batch_end(step - 1, control))?;
        if interrupt::is_requested() {
            return Ok(false);
        }
        if self.speaks() {
            let progress = watch.progress(step, Logs::default());
            self.reporter.step_end(&progress);
        }
        Ok(true)
    }

    fn speaks(&self) -> bool {
        self.verbosity != Verbosity::Silent
    }

    fn each_callback(
        &mut self,
        mut call: impl FnMut(&mut dyn Callback, &mut Control<'_>),
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
        call: impl FnOnce(&mut dyn Callback, &mut Control<'_>),
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
