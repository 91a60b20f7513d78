use std::time::Instant;

use super::evaluate::measure;
use super::examples::{Examples, Stream, unless_interrupted};
use super::fit::Validation;
use super::labelled::Labelled;
use super::tally::{BatchObjective, Tally};
use super::train_step::{Figures, OwnStep, TrainStep};
use super::trainable::Trainable;
use crate::data::tensor_batches::{DataSpec, InputNeed, OutputNeed, TensorBatches};
use crate::engine::{self, Engine};
use crate::images::augmenter::Augmenter;
use crate::interrupt::{self, Interruptible};
use crate::losses::loss_fn::call;
use crate::random::{Rng, as_torch_seed};
use crate::saving::checkpoint::Checkpoint;
use crate::saving::keeper::Keeper;
use crate::training::history::EpochRecord;
use crate::training::progress::Stopwatch;
use crate::{
    Batch, Callback, Callbacks, Control, Dataset, Error, Fit, FitParams, History, Logs, Model,
    Reporter, Result, Tensors, Verbosity,
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
    /// it was. One that memory [cannot hold](Self::training_memory) does not begin.
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
        self.compiled()?.check_losses()?;
        self.fit_tensors(x.into(), y.into(), options, None)
    }

    /// [`fit`](Self::fit) with a training step of a person's own, as by overriding `train_step`
    /// in Keras.
    ///
    /// The function is called for every batch, computes a loss, and changes the weights with
    /// [`TrainStep::minimize`]. Shuffles, batches, progress, callbacks, the stop button,
    /// `run_name` and validation are those of `fit`; the history holds what the step
    /// [logs](TrainStep::log). `y` may be `()`. Nothing is checked about how the data fit the
    /// model. The model is compiled with an optimizer, and with `()` for the loss; for several
    /// models at once see [`Model::joined`]. The penalties of layers are in
    /// [`penalty`](Self::penalty), for the step to add.
    ///
    /// # Errors
    /// When the model is not compiled, data or options do not fit, or a callback or the step
    /// fails.
    pub fn fit_with_step(
        &mut self,
        x: impl Into<Tensors>,
        y: impl Into<Tensors>,
        options: &Fit,
        mut step: impl FnMut(&mut TrainStep<'_>) -> Result<()>,
    ) -> Result<History> {
        self.fit_tensors(x.into(), y.into(), options, Some(&mut step))
    }

    /// [`fit_with_step`](Self::fit_with_step) on a data set that gives batches.
    ///
    /// # Errors
    /// As [`fit_with_step`](Self::fit_with_step).
    pub fn fit_dataset_with_step(
        &mut self,
        data: &dyn Dataset,
        options: &Fit,
        mut step: impl FnMut(&mut TrainStep<'_>) -> Result<()>,
    ) -> Result<History> {
        self.fit_stream(data, options, Some(&mut step))
    }

    fn fit_tensors(
        &mut self,
        x: Tensors,
        y: Tensors,
        options: &Fit,
        own: Option<&mut OwnStep<'_>>,
    ) -> Result<History> {
        let whole = Labelled {
            x,
            y,
            sample_weight: options.sample_weight.as_ref().map(Tensor::shallow_clone),
        };
        let verbosity = options.check()?;
        let _interruptible = Interruptible::begin();
        engine::allocator::keep_freed_tensors()?;
        self.compiled()?;
        let spec = match &own {
            None => {
                self.build_for("x", &whole.x)?;
                self.data_spec()?
            }
            Some(_) => {
                self.built()?;
                if whole.x.is_empty() {
                    return Err(Error::data("x", "at least one tensor", "none", "pass &x"));
                }
                DataSpec::any(whole.x.as_slice(), whole.y.as_slice(), self.device)?
            }
        };
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
        if own.is_none() {
            self.check_memory(options, train.count().unwrap_or(i64::MAX))?;
        }
        self.train(&spec, train, validation, &tensors, verbosity, options, own)
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
        self.compiled()?.check_losses()?;
        self.fit_stream(data, options, None)
    }

    fn fit_stream(
        &mut self,
        data: &dyn Dataset,
        options: &Fit,
        own: Option<&mut OwnStep<'_>>,
    ) -> Result<History> {
        let verbosity = options.check()?;
        let _interruptible = Interruptible::begin();
        engine::allocator::keep_freed_tensors()?;
        self.compiled()?;
        options.check_for_dataset()?;
        let spec = match &own {
            None => {
                if self.built().is_err() {
                    self.build_for_dataset(data)?;
                }
                self.data_spec()?
            }
            Some(_) => {
                self.built()?;
                let first = first_of(data)?;
                DataSpec::any(&first.inputs, &first.targets, self.device)?
            }
        };
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
            own,
        )
    }

    /// Builds a model that waits for its first data.
    pub(crate) fn build_for_dataset(&mut self, data: &dyn Dataset) -> Result<()> {
        self.build_for("data set x", &Tensors::from(first_of(data)?.inputs))
    }

    /// What the model takes in and learns from.
    pub(crate) fn data_spec(&self) -> Result<DataSpec> {
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
            outputs: outputs.collect::<Result<_>>()?,
            ..self.input_spec()?
        })
    }

    /// What the model takes in.
    pub(crate) fn input_spec(&self) -> Result<DataSpec> {
        let names = self.input_names();
        let inputs = self.input_shapes()?.into_iter().zip(names).enumerate();
        Ok(DataSpec {
            inputs: inputs
                .map(|(index, (shape, name))| InputNeed {
                    name,
                    shape,
                    integers: self.graph.takes_integers(index),
                })
                .collect(),
            outputs: Vec::new(),
            device: self.device,
        })
    }

    #[expect(clippy::too_many_arguments, reason = "what fit and fit_dataset share")]
    fn train(
        &mut self,
        spec: &DataSpec,
        mut train: Examples<'_>,
        validation: Option<&Validation>,
        data: &[&Tensor],
        verbosity: Verbosity,
        options: &Fit,
        own: Option<&mut OwnStep<'_>>,
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
            augmentation.check(match &own {
                None => self.built_for()?,
                Some(_) => &spec.inputs[0].shape,
            })?;
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
            own: own.map(|own| own as _),
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
    pub(crate) fn train_step(
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
        weights.step(self.compiled_mut()?.optimizer.as_mut(), &gradients)
    }
}

impl Model {
    /// Lets the optimizer leave in the weights what is to stay.
    fn finish_optimizer(&mut self) -> Result<()> {
        let weights = Trainable::of(self)?;
        let _guard = no_grad_guard();
        self.compiled_mut()?.optimizer.finish(&weights.values)
    }
}

/// What the steps of an epoch share.
struct Epoch {
    weights: Trainable,
    way: Way,
    examples: i64,
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
    /// The step of a person's own, in place of the compiled loss.
    own: Option<&'a mut OwnStep<'a>>,
}

/// How a batch trains, and what is counted of it.
enum Way {
    Compiled {
        engine: Box<dyn Engine>,
        tally: Tally,
    },
    Own(Figures),
}

/// The first batch of a data set.
fn first_of(data: &dyn Dataset) -> Result<Batch> {
    let first = data.epoch(0)?.next();
    first.ok_or_else(|| {
        Error::data(
            "data set",
            "at least one batch",
            "none",
            "check how it was made",
        )
    })?
}

/// Calls a step of a person's own, whose tensor operations panic where they do not fit; false if
/// it was interrupted.
fn call_step(own: &mut OwnStep<'_>, mut step: TrainStep<'_>) -> Result<bool> {
    let result = call("the training step", || own(&mut step));
    Ok(unless_interrupted(result.flatten())?.is_some())
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
        let weights = Trainable::of(self.model)?;
        self.model
            .compiled_mut()?
            .optimizer
            .begin(&weights.values)?;
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
                let Some(measured) = self.validate(validation, options)? else {
                    self.history.interrupted = true;
                    break;
                };
                logs.extend_validation(&measured);
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
        if !self.history.interrupted {
            self.model.finish_optimizer()?;
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

    /// The figures of the validation, or none if it was interrupted.
    fn validate(&mut self, examples: &mut Examples<'_>, options: &Fit) -> Result<Option<Logs>> {
        let batch_size = options.validation_batch_size.unwrap_or(options.batch_size);
        let Some(own) = &mut self.own else {
            let sizes = (batch_size, options.validation_steps);
            let measured = measure(self.model, examples, sizes, None)?;
            return Ok(measured.map(|measured| measured.logs));
        };
        let _guard = no_grad_guard();
        let mut figures = Figures::begin(self.model.device);
        let steps = options.validation_steps;
        let most = steps.map_or(i64::MAX, |steps| steps.saturating_mul(batch_size));
        let whole = examples.each(batch_size, most, |batch| {
            let step = TrainStep {
                model: self.model,
                batch: &batch,
                weights: None,
                figures: &mut figures,
            };
            Ok(call_step(*own, step)? && !interrupt::is_requested())
        })?;
        whole.then(|| figures.logs()).transpose()
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
            way: match &self.own {
                None => Way::Compiled {
                    engine: engine::choose(self.model, train.largest_batch(options.batch_size))?,
                    tally: Tally::begin(self.model.compiled()?, self.model.device)?,
                },
                Some(_) => Way::Own(Figures::begin(self.model.device)),
            },
            examples: 0,
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
                        let first = epoch.examples;
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
        match &epoch.way {
            Way::Compiled { tally, .. } => tally.logs(self.model.compiled()?, &names).map(Some),
            Way::Own(figures) => figures.logs().map(Some),
        }
    }

    /// A step on one batch, and what belongs to it; whether the epoch goes on.
    fn step(
        &mut self,
        step: i64,
        batch: &Batch,
        epoch: &mut Epoch,
        watch: &mut Stopwatch,
    ) -> Result<bool> {
        epoch.examples += batch.inputs.first().map_or(0, |x| x.size()[0]);
        match (&mut epoch.way, &mut self.own) {
            (Way::Compiled { engine, tally }, _) => {
                let weights = &epoch.weights;
                self.model
                    .train_step(weights, engine.as_mut(), batch, tally)?;
            }
            (Way::Own(figures), Some(own)) => {
                let step = TrainStep {
                    model: self.model,
                    batch,
                    weights: Some(&epoch.weights),
                    figures,
                };
                if !call_step(*own, step)? {
                    return Ok(false);
                }
            }
            (Way::Own(_), None) => (),
        }
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
