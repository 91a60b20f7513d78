use std::path::PathBuf;

use labbook_nn::Activation::{Relu, Softmax};
use labbook_nn::{
    Adam, Callback, Conv2D, Dense, Dropout, EarlyStopping, Evaluate, Fit, Flatten, L1L2,
    MaxPooling2D, ModelCheckpoint, Sequential, SparseCategoricalCrossentropy, clear_session,
    set_random_seed,
};

use crate::{ExperimentFacts, ExperimentRecord, PaperError, Result, Scale, Split};

/// One of the paper's sixteen experiments: a network and how it is trained.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Experiment {
    number: u32,
    title: &'static str,
    kind: NetworkKind,
    parts: &'static [Part],
    stops_early: bool,
}

/// What a network is made of before its last two layers or so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkKind {
    /// Dense layers that act on every pixel alone.
    Dense,
    /// Convolutions and pooling.
    Convolutional,
}

/// A step of a network; widths are the paper's.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    /// A dense layer before flattening: it acts on every pixel alone.
    Pixel(i64),
    /// The same with a penalty of 0.01/0.01 on its kernel.
    PixelPenalised(i64),
    /// A 3x3 convolution.
    Conv(i64),
    /// A 2x2 pool.
    Pool,
    /// Drops 20 % of the numbers while training.
    Drop,
    /// Makes a row of an image.
    Flat,
    /// The hidden dense layer, 512 wide at every scale.
    Hidden,
    HiddenPenalised,
    /// Ten classes.
    Output,
    OutputPenalised,
}

use NetworkKind::{Convolutional, Dense as PerPixel};
use Part::{
    Conv, Drop, Flat, Hidden, HiddenPenalised, Output, OutputPenalised, Pixel, PixelPenalised, Pool,
};

const TWO_CONVOLUTIONS: &[Part] = &[Conv(512), Pool, Conv(1024), Pool, Flat, Hidden, Output];
const THREE_CONVOLUTIONS: &[Part] = &[
    Conv(512),
    Pool,
    Conv(1024),
    Pool,
    Conv(1024),
    Pool,
    Flat,
    Hidden,
    Output,
];
const TWO_DENSE: &[Part] = &[Pixel(64), Pixel(64), Flat, Output];
const THREE_DENSE: &[Part] = &[Pixel(64), Pixel(64), Pixel(64), Flat, Output];

const fn experiment(
    number: u32,
    title: &'static str,
    kind: NetworkKind,
    parts: &'static [Part],
) -> Experiment {
    Experiment {
        number,
        title,
        kind,
        parts,
        stops_early: number >= 5 && number <= 8,
    }
}

static EXPERIMENTS: [Experiment; 16] = [
    experiment(1, "two dense layers", PerPixel, TWO_DENSE),
    experiment(2, "three dense layers", PerPixel, THREE_DENSE),
    experiment(3, "two convolutions", Convolutional, TWO_CONVOLUTIONS),
    experiment(4, "three convolutions", Convolutional, THREE_CONVOLUTIONS),
    experiment(5, "two dense layers, stopped early", PerPixel, TWO_DENSE),
    experiment(
        6,
        "three dense layers, stopped early",
        PerPixel,
        THREE_DENSE,
    ),
    experiment(
        7,
        "two convolutions, stopped early",
        Convolutional,
        TWO_CONVOLUTIONS,
    ),
    experiment(
        8,
        "three convolutions, stopped early",
        Convolutional,
        THREE_CONVOLUTIONS,
    ),
    experiment(
        9,
        "two dense layers with L1 and L2 penalties",
        PerPixel,
        &[
            PixelPenalised(128),
            PixelPenalised(128),
            Flat,
            OutputPenalised,
        ],
    ),
    experiment(
        10,
        "three dense layers with L1 and L2 penalties",
        PerPixel,
        &[
            PixelPenalised(128),
            PixelPenalised(128),
            PixelPenalised(128),
            Flat,
            OutputPenalised,
        ],
    ),
    experiment(
        11,
        "two convolutions, dense layers with L1 and L2 penalties",
        Convolutional,
        &[
            Conv(512),
            Pool,
            Conv(1024),
            Pool,
            Flat,
            HiddenPenalised,
            OutputPenalised,
        ],
    ),
    experiment(
        12,
        "three convolutions, dense layers with L1 and L2 penalties",
        Convolutional,
        &[
            Conv(512),
            Pool,
            Conv(1024),
            Pool,
            Conv(1024),
            Pool,
            Flat,
            HiddenPenalised,
            OutputPenalised,
        ],
    ),
    experiment(
        13,
        "two dense layers with dropout",
        PerPixel,
        &[Pixel(512), Pixel(512), Drop, Flat, Output],
    ),
    experiment(
        14,
        "three dense layers with dropout",
        PerPixel,
        &[Pixel(512), Pixel(512), Drop, Pixel(512), Flat, Output],
    ),
    // The paper does not print this one's code; the place of the dropout is that of Experiment 16.
    experiment(
        15,
        "two convolutions with dropout",
        Convolutional,
        &[
            Conv(512),
            Pool,
            Conv(1024),
            Pool,
            Drop,
            Flat,
            Hidden,
            Output,
        ],
    ),
    experiment(
        16,
        "three convolutions with dropout",
        Convolutional,
        &[
            Conv(512),
            Pool,
            Conv(1024),
            Pool,
            Drop,
            Conv(1024),
            Pool,
            Flat,
            Hidden,
            Output,
        ],
    ),
];

impl Experiment {
    /// All sixteen in the paper's order.
    #[must_use]
    pub fn all() -> &'static [Experiment] {
        &EXPERIMENTS
    }

    /// An experiment by its number in the paper.
    ///
    /// # Errors
    /// [`PaperError::UnknownExperiment`] for a number that is not from 1 to 16.
    pub fn numbered(number: u32) -> Result<&'static Experiment> {
        let found = EXPERIMENTS.iter().find(|e| e.number == number);
        found.ok_or(PaperError::UnknownExperiment(number))
    }

    /// The number in the paper.
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// A short name, such as `two dense layers`.
    #[must_use]
    pub fn title(&self) -> &'static str {
        self.title
    }

    /// Whether it looks at pixels alone or at their neighbourhoods.
    #[must_use]
    pub fn kind(&self) -> NetworkKind {
        self.kind
    }

    /// Whether training ends when the validation accuracy no longer rises: Experiments 5 to 8.
    #[must_use]
    pub fn stops_early(&self) -> bool {
        self.stops_early
    }

    /// Whether the kernels of dense layers are penalised with 0.01/0.01: Experiments 9 to 12.
    #[must_use]
    pub fn is_penalised(&self) -> bool {
        let penalised = [HiddenPenalised, OutputPenalised];
        self.parts.iter().any(|part| penalised.contains(part))
    }

    /// The network at a scale, built and compiled with Adam, sparse categorical cross-entropy and
    /// accuracy, on the GPU if there is one.
    ///
    /// The names of layers count from the start: `conv2d`, `conv2d_1`, ...
    ///
    /// # Errors
    /// When there is not enough memory.
    pub fn model(&self, scale: &Scale) -> labbook_nn::Result<Sequential> {
        clear_session();
        let mut model = Sequential::new().named(format!("experiment_{}", self.number));
        for (index, part) in self.parts.iter().enumerate() {
            let first = index == 0;
            match *part {
                Pixel(units) => model.add(per_pixel(scale, units, first)),
                PixelPenalised(units) => {
                    let layer = per_pixel(scale, units, first);
                    model.add(layer.kernel_regularizer(L1L2::default()));
                }
                Conv(filters) => {
                    let layer = Conv2D::new(scale.filters(filters), (3, 3)).activation(Relu);
                    model.add(match first {
                        true => layer.input_shape(IMAGE),
                        false => layer,
                    });
                }
                Pool => model.add(MaxPooling2D::new((2, 2)).strides(2)),
                Drop => model.add(Dropout::new(0.2)),
                Flat => model.add(Flatten::new()),
                Hidden => model.add(hidden()),
                HiddenPenalised => model.add(hidden().kernel_regularizer(L1L2::default())),
                Output => model.add(output()),
                OutputPenalised => model.add(output().kernel_regularizer(L1L2::default())),
            }
        }
        let loss = SparseCategoricalCrossentropy::new();
        model.compile(Adam::new(), loss, ["accuracy"])?;
        Ok(model)
    }

    /// Trains the network on a split, tests it, and puts the run on record.
    ///
    /// Everything random comes from the facts' seed, so a run can be repeated to the bit on one
    /// machine with one thread count. Progress goes to the process's reporter.
    ///
    /// # Errors
    /// [`PaperError::Interrupted`] when a request of [`labbook_nn::interrupt`] ended it,
    /// [`PaperError::Network`] when training or test fails.
    pub fn run(
        &self,
        split: &Split,
        facts: &ExperimentFacts,
        options: &RunOptions,
    ) -> Result<FinishedRun> {
        set_random_seed(facts.seed);
        let mut model = self.model(&facts.scale)?;
        let (callbacks, told) = self.callbacks(options);
        let mut fit = Fit::new()
            .epochs(facts.scale.epochs)
            .batch_size(facts.scale.batch_size)
            .validation_data(&split.val_images, &split.val_labels)
            .callbacks(callbacks)
            .verbose(options.verbose);
        if let Some(path) = options.state() {
            fit = fit.resume_from(path);
        }
        let history = model.fit(&split.train_images, &split.train_labels, &fit)?;
        let interrupted = || PaperError::Interrupted {
            experiment: self.number,
            epochs: history.epoch.len(),
            asked: facts.scale.epochs,
        };
        if history.interrupted {
            return Err(interrupted());
        }
        let quiet = Evaluate::new().batch_size(TEST_BATCH).verbose(0);
        let test = model.evaluate_with(&split.test_images, &split.test_labels, &quiet);
        let test = test.map_err(|error| match error {
            labbook_nn::Error::Interrupted { .. } => interrupted(),
            other => other.into(),
        })?;
        let mut record =
            ExperimentRecord::new(facts, self.number, &model, &history, &test)?.named(self.title);
        record.callbacks = told;
        Ok(FinishedRun { record, model })
    }

    /// The callbacks, and what a record says of them.
    fn callbacks(&self, options: &RunOptions) -> (Vec<Box<dyn Callback>>, Option<String>) {
        let mut callbacks: Vec<Box<dyn Callback>> = Vec::new();
        if !self.stops_early {
            return (callbacks, None);
        }
        let mut told = "EarlyStopping(val_accuracy, patience 2)".to_owned();
        callbacks.push(Box::new(
            EarlyStopping::new().monitor("val_accuracy").patience(2),
        ));
        if let Some(folder) = &options.folder {
            // The folder's own braces are no fields of the template.
            let folder = folder.display().to_string();
            let folder = folder.replace('{', "{{").replace('}', "}}");
            let checkpoint = ModelCheckpoint::new(format!("{folder}/{CHECKPOINT}"));
            let checkpoint = checkpoint.monitor("val_accuracy").save_best_only(true);
            callbacks.push(Box::new(checkpoint));
            told += &format!(", ModelCheckpoint({CHECKPOINT}, best val_accuracy)");
        }
        (callbacks, Some(told))
    }
}

/// Shape of one image.
const IMAGE: (i64, i64, i64) = (32, 32, 3);
/// Names the checkpoints of Experiments 5 to 8.
const CHECKPOINT: &str = "model_{val_accuracy:.4f}";
/// The size of a batch changes the figures of a test only by rounding.
const TEST_BATCH: i64 = 256;

fn per_pixel(scale: &Scale, units: i64, first: bool) -> Dense {
    let layer = Dense::new(scale.units(units)).activation(Relu);
    match first {
        true => layer.input_shape(IMAGE),
        false => layer,
    }
}

fn hidden() -> Dense {
    Dense::new(512).activation(Relu)
}

fn output() -> Dense {
    Dense::new(10).activation(Softmax)
}

/// The options of [`Experiment::run`] and [`SpeedRun::run_with`](crate::SpeedRun::run_with).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunOptions {
    folder: Option<PathBuf>,
    resume: bool,
    pub(crate) verbose: u8,
}

impl RunOptions {
    /// No folder, nothing printed.
    #[must_use]
    pub fn new() -> Self {
        Self {
            folder: None,
            resume: true,
            verbose: 0,
        }
    }

    /// Sets the run's own folder: for the checkpoints of Experiments 5 to 8, and for the state of
    /// the training, from which the same call goes on after a kill.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Says whether to keep the state of the training in the folder; the default is `true`.
    /// On a fast GPU the writing takes a noticeable part of the time.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    /// Sets how much training tells its reporter: 0, the default, to 2 as in Keras.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn verbose(mut self, verbose: u8) -> Self {
        self.verbose = verbose;
        self
    }

    /// The file that holds the state of an unfinished training, if there is to be one.
    #[must_use]
    pub fn state(&self) -> Option<PathBuf> {
        let folder = self.folder.as_ref().filter(|_| self.resume)?;
        Some(folder.join("training.safetensors"))
    }
}

impl Default for RunOptions {
    fn default() -> Self {
        Self::new()
    }
}

/// A trained network and the record of how it was trained.
#[derive(Debug)]
pub struct FinishedRun {
    /// What is to be kept.
    pub record: ExperimentRecord,
    /// The network with its last weights.
    pub model: Sequential,
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use labbook_data::ImageSets;
    use labbook_data::datasets::cifar10;
    use std::sync::{Mutex, MutexGuard, PoisonError};
    use tch::Device;

    /// Seeds and the counting of names belong to the process.
    pub(crate) fn alone() -> MutexGuard<'static, ()> {
        static LOCK: Mutex<()> = Mutex::new(());
        LOCK.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[test]
    fn the_networks_have_as_many_weights_as_a_hand_counts() {
        let _alone = alone();
        let (two, three) = (23_613_962, 16_274_954);
        let expected = [
            659_786, 663_946, two, three, 659_786, 663_946, two, three, 1_327_754, 1_344_266, two,
            three, 5_507_594, 5_770_250, two, three,
        ];
        for (experiment, expected) in Experiment::all().iter().zip(expected) {
            let model = experiment.model(&Scale::full()).unwrap();
            assert_eq!(
                model.count_params().unwrap(),
                expected,
                "{}",
                experiment.number
            );
        }
    }

    #[test]
    fn layers_are_those_of_the_paper_and_named_from_the_start() {
        let _alone = alone();
        let names = |number: u32| -> Vec<String> {
            let model = Experiment::numbered(number).unwrap().model(&Scale::smoke());
            let layers = model.unwrap().layers().unwrap().into_iter();
            layers.map(|layer| layer.name).collect()
        };
        assert_eq!(names(1), ["dense", "dense_1", "flatten", "dense_2"]);
        assert_eq!(
            names(14),
            [
                "dense", "dense_1", "dropout", "dense_2", "flatten", "dense_3"
            ]
        );
        assert_eq!(
            names(16),
            [
                "conv2d",
                "max_pooling2d",
                "conv2d_1",
                "max_pooling2d_1",
                "dropout",
                "conv2d_2",
                "max_pooling2d_2",
                "flatten",
                "dense",
                "dense_1"
            ]
        );
        assert_eq!(names(15)[4], "dropout");
    }

    #[test]
    fn scales_narrow_convolutions_and_per_pixel_layers_but_not_the_hidden_one() {
        let _alone = alone();
        let shapes = |number: u32| -> Vec<String> {
            let model = Experiment::numbered(number).unwrap().model(&Scale::smoke());
            let layers = model.unwrap().layers().unwrap().into_iter();
            layers.map(|layer| layer.output_shape.to_string()).collect()
        };
        assert_eq!(shapes(13)[0], "(None, 32, 32, 16)");
        let shapes = shapes(3);
        assert_eq!(shapes[0], "(None, 30, 30, 32)");
        assert_eq!(shapes[5], "(None, 512)");
    }

    #[test]
    fn penalties_and_early_stopping_are_where_the_paper_has_them() {
        let numbers = |test: fn(&Experiment) -> bool| -> Vec<u32> {
            let found = Experiment::all().iter().filter(|e| test(e));
            found.map(Experiment::number).collect()
        };
        assert_eq!(numbers(Experiment::is_penalised), [9, 10, 11, 12]);
        assert_eq!(numbers(Experiment::stops_early), [5, 6, 7, 8]);
        assert_eq!(
            numbers(|e| e.kind() == NetworkKind::Dense),
            [1, 2, 5, 6, 9, 10, 13, 14]
        );
        let penalised = |number: u32| {
            let parts = Experiment::numbered(number).unwrap().parts.iter();
            let is = |part: &&Part| {
                matches!(
                    part,
                    PixelPenalised(128) | HiddenPenalised | OutputPenalised
                )
            };
            parts.filter(is).count()
        };
        assert_eq!([9, 10, 11, 12].map(penalised), [3, 4, 2, 2]);
        let error = Experiment::numbered(17).unwrap_err().to_string();
        assert!(
            error.contains("from 1 to 16") && error.contains("17"),
            "{error}"
        );
    }

    fn facts(data: &ImageSets, seed: u64) -> ExperimentFacts {
        let scale = Scale::smoke().with_images(64).with_epochs(2);
        ExperimentFacts::new(scale, seed, &data.provenance, Device::Cpu, "test")
    }

    #[test]
    fn a_run_ends_with_a_record_and_repeats_to_the_bit() {
        let _alone = alone();
        let data = cifar10::drawn(80, 16, 1);
        let facts = facts(&data, 5);
        let split = Split::new(&data, &facts.scale).unwrap();
        for number in [9, 16] {
            let experiment = Experiment::numbered(number).unwrap();
            let run = || experiment.run(&split, &facts, &RunOptions::new()).unwrap();
            let (first, second) = (run().record, run().record);
            assert_eq!((first.experiment, first.epochs_run), (number, 2));
            assert_eq!((first.seed, first.batch_size), (5, 64));
            assert_eq!(first.name, experiment.title());
            assert!(first.belongs_to(&facts) && first.optimizer.is_some());
            assert_eq!(first.history.columns(), second.history.columns());
            assert_eq!(first.test_loss.to_bits(), second.test_loss.to_bits());
            let other = ExperimentFacts {
                seed: 6,
                ..facts.clone()
            };
            let other = experiment.run(&split, &other, &RunOptions::new()).unwrap();
            assert_ne!(first.history.columns(), other.record.history.columns());
        }
    }

    #[test]
    fn an_early_stopped_run_keeps_its_best_models_and_is_not_repeated_from_its_state() {
        let _alone = alone();
        let data = cifar10::drawn(80, 16, 1);
        let facts = facts(&data, 5);
        let split = Split::new(&data, &facts.scale).unwrap();
        let dir = tempfile::tempdir().unwrap();
        let options = RunOptions::new().folder(dir.path().join("a {folder}"));
        let experiment = Experiment::numbered(5).unwrap();
        let run = || experiment.run(&split, &facts, &options).unwrap().record;
        let record = run();
        let callbacks = record.callbacks.clone().unwrap();
        assert!(callbacks.starts_with("EarlyStopping(val_accuracy, patience 2), Model"));
        let best = record.history.get("val_accuracy").unwrap();
        let best = best.into_iter().fold(0.0, f64::max);
        let saved = dir
            .path()
            .join(format!("a {{folder}}/model_{best:.4}.safetensors"));
        assert!(saved.exists());
        assert!(options.state().unwrap().exists());
        // From the state, not by training again: even the durations are the same.
        assert_eq!(run().history.epoch_seconds, record.history.epoch_seconds);
    }
}
