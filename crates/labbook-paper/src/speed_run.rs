use std::fmt;
use std::time::Instant;

use labbook_nn::Activation::Gelu;
use labbook_nn::{
    ActivationLayer, Augmentation, BatchNormalization, Conv2D, Dense, Evaluate, Evaluation, Fit,
    GlobalMaxPooling2D, History, Initializer, LearningRateSchedule, MaxPooling2D, Muon,
    Normalization, Padding, Rescaling, SGD, Sequential, SparseCategoricalCrossentropy,
    TestTimeAugmentation, Whitening, bfloat16_is_fast, clear_session, set_random_seed,
};
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::{ExperimentRecord, PaperError, Result, RunOptions, Scale};

/// What makes the networks of Experiments 18 to 20 learn in little time. Each can be
/// [left out](SpeedRun::without) to see what it is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Trick {
    /// The first layer's filters are computed from the images and stay as they are; without it
    /// they are learned.
    Whitening,
    /// Convolutions begin by passing their input on; without it they begin at random.
    IdentityStart,
    /// Kernels are made orthogonal before each step; without it they take momentum's steps.
    Muon,
    /// Images move by some pixels; without it they stay where they are.
    Shift,
    /// Every image is seen both ways round in two epochs; without it flips are drawn.
    AlternatingFlip,
    /// Every class but the true one is asked for a little; without it the true one alone.
    LabelSmoothing,
    /// The learning rate falls to nothing; without it it stays at half its height.
    Schedule,
    /// Predictions are means over six views of an image; without it there is one view.
    TestTimeAugmentation,
}

impl Trick {
    /// All of them.
    #[must_use]
    pub fn all() -> [Trick; 8] {
        [
            Trick::Whitening,
            Trick::IdentityStart,
            Trick::Muon,
            Trick::Shift,
            Trick::AlternatingFlip,
            Trick::LabelSmoothing,
            Trick::Schedule,
            Trick::TestTimeAugmentation,
        ]
    }
}

impl fmt::Display for Trick {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Trick::Whitening => "whitening",
            Trick::IdentityStart => "identity start",
            Trick::Muon => "Muon",
            Trick::Shift => "shifts",
            Trick::AlternatingFlip => "alternating flip",
            Trick::LabelSmoothing => "label smoothing",
            Trick::Schedule => "schedule",
            Trick::TestTimeAugmentation => "test-time augmentation",
        })
    }
}

/// A small network and a training that get far in little time: Experiments 18, 19 and 20.
///
/// After Keller Jordan's `airbench94_muon` (2024): whitened 2x2 patches, three blocks of two
/// convolutions with batch normalisation, six views of every test image. Widths and epochs are
/// chosen for a processor. Where it computes faster so, layers run in bfloat16.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpeedRun {
    /// 18, 19 or 20.
    pub experiment: u32,
    /// Filters in the three blocks.
    pub widths: [i64; 3],
    /// Whether a block has three convolutions instead of two.
    pub deep: bool,
    /// Passes over the training images.
    pub epochs: usize,
    /// Images to train on, at most.
    pub train_images: usize,
    /// Images per step.
    pub batch_size: i64,
    /// Pixels by which images move at most.
    pub shift: i64,
    /// Side of the square that is cut out of every image; 0 for none.
    pub cutout: i64,
    left_out: Vec<Trick>,
}

/// A trained network, how it was trained and tested.
#[derive(Debug)]
pub struct FinishedSpeedRun {
    /// The network with its last weights.
    pub model: Sequential,
    /// The training; its `training_seconds` include the computing of the first layer's filters.
    pub history: History,
    /// On the images given to test on.
    pub test: Evaluation,
}

impl SpeedRun {
    /// Experiment 18 (made for 85 %), 19 (90 %) or 20 (92.5 %).
    ///
    /// # Errors
    /// [`PaperError::UnknownSpeedRun`] for any other number.
    pub fn numbered(experiment: u32) -> Result<Self> {
        let (widths, deep, epochs, shift, cutout) = match experiment {
            18 => ([32, 128, 128], false, 5, 2, 0),
            19 => ([64, 256, 256], false, 9, 2, 0),
            20 => ([64, 256, 256], true, 44, 4, 8),
            other => return Err(PaperError::UnknownSpeedRun(other)),
        };
        Ok(Self {
            experiment,
            widths,
            deep,
            epochs,
            train_images: 50_000,
            batch_size: 2000,
            shift,
            cutout,
            left_out: Vec::new(),
        })
    }

    /// The test accuracy that the experiment is made for, as a fraction, and the minutes of training
    /// on two processor cores in which to reach it.
    #[must_use]
    pub fn aim(&self) -> (f64, f64) {
        match self.experiment {
            18 => (0.85, 4.0),
            19 => (0.90, 12.0),
            _ => (0.925, 60.0),
        }
    }

    /// What the experiment is, in a few words.
    #[must_use]
    pub fn title(&self) -> String {
        let [first, second, third] = self.widths;
        let blocks = if self.deep {
            "three convolutions a block"
        } else {
            "two convolutions a block"
        };
        let mut title = format!(
            "whitened, {first}/{second}/{third} filters, {blocks}, {} epochs",
            self.epochs
        );
        for trick in &self.left_out {
            title += &format!(", without {trick}");
        }
        title
    }

    /// The same narrowed and shortened as far as the scale asks: tests take seconds.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn at(mut self, scale: &Scale) -> Self {
        if scale.name == "smoke" {
            self.widths = self.widths.map(|width| (width / 4).min(32));
            self.epochs = self.epochs.min(scale.epochs);
            self.train_images = scale.train_images;
            self.batch_size = 100;
        }
        self
    }

    /// The same without a trick.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn without(mut self, trick: Trick) -> Self {
        self.left_out.push(trick);
        // However it was put together, the same training equals itself.
        self.left_out.sort();
        self.left_out.dedup();
        self
    }

    /// Whether a record is of this training, whatever its seed and data.
    ///
    /// A record that does not name its training, as earlier versions wrote them, is judged by the
    /// sizes of its network, its epochs and its batches.
    #[must_use]
    pub fn is_of(&self, record: &ExperimentRecord) -> bool {
        match &record.speed_run {
            Some(run) => run == self,
            None => {
                let sizes = (record.experiment, record.epochs, record.batch_size);
                sizes == (self.experiment, self.epochs, self.batch_size)
                    && record.filters() == self.filters()
            }
        }
    }

    /// The filters of each learned convolution.
    fn filters(&self) -> Vec<i64> {
        let learned = (!self.has(Trick::Whitening)).then_some(WHITENING_FILTERS);
        let blocks = self.widths.into_iter();
        let blocks = blocks.flat_map(|width| std::iter::repeat_n(width, self.convolutions()));
        learned.into_iter().chain(blocks).collect()
    }

    /// Convolutions in a block.
    fn convolutions(&self) -> usize {
        if self.deep { 3 } else { 2 }
    }

    /// The tricks that it does without.
    #[must_use]
    pub fn left_out(&self) -> &[Trick] {
        &self.left_out
    }

    fn has(&self, trick: Trick) -> bool {
        !self.left_out.contains(&trick)
    }

    /// The network, compiled; its first layer is computed from training images, (N, 32, 32, 3)
    /// from 0 to 1.
    ///
    /// # Errors
    /// [`PaperError::Network`] when the images have another shape.
    pub fn model(&self, images: &Tensor) -> Result<Sequential> {
        clear_session();
        let mut model = Sequential::new();
        let mut normalization = Normalization::new().input_shape((32, 32, 3));
        normalization.adapt(images)?;
        if self.has(Trick::Whitening) {
            let mut whitening = Whitening::new(2).use_bias(false);
            let some = images.size()[0].min(WHITENING_IMAGES);
            let images = images.f_narrow(0, 0, some);
            let images = images.map_err(labbook_nn::Error::from)?;
            whitening.adapt(&normalization.call(&images)?)?;
            model.add(normalization);
            model.add(whitening);
        } else {
            model.add(normalization);
            let learned = Conv2D::new(WHITENING_FILTERS, (2, 2)).use_bias(false);
            let learned = learned.kernel_initializer(Initializer::UniformFanIn);
            model.add(learned);
        }
        model.add(ActivationLayer::new(Gelu));
        for width in self.widths {
            model.add(self.convolution(width));
            model.add(MaxPooling2D::new((2, 2)));
            normalised(&mut model);
            for _ in 1..self.convolutions() {
                model.add(self.convolution(width));
                normalised(&mut model);
            }
        }
        model.add(GlobalMaxPooling2D::new());
        let output = Dense::new(10).use_bias(false);
        model.add(output.kernel_initializer(Initializer::UniformFanIn));
        model.add(Rescaling::new(1.0 / 9.0));
        if bfloat16_is_fast() {
            model.set_dtype_policy("mixed_bfloat16")?;
        }
        let loss = SparseCategoricalCrossentropy::new().from_logits(true);
        let loss = match self.has(Trick::LabelSmoothing) {
            true => loss.label_smoothing(0.2),
            false => loss,
        };
        let images = images.size()[0];
        if self.has(Trick::Muon) {
            model.compile(self.muon_for(images), loss, ["accuracy"])?;
        } else {
            model.compile(self.sgd_for(images), loss, ["accuracy"])?;
        }
        Ok(model)
    }

    /// The options of the training; more can be added.
    #[must_use]
    pub fn fit_options(&self) -> Fit {
        let mut changes = Augmentation::new();
        changes = match self.has(Trick::AlternatingFlip) {
            true => changes.alternating_flip(),
            false => changes.flip(),
        };
        if self.has(Trick::Shift) {
            changes = changes.shift(self.shift).reflect();
        }
        if self.cutout > 0 {
            changes = changes.cutout(self.cutout);
        }
        Fit::new()
            .epochs(self.epochs)
            .batch_size(self.batch_size)
            .drop_remainder(true)
            .augmentation(changes)
    }

    /// The options of the test.
    #[must_use]
    pub fn evaluate_options(&self) -> Evaluate {
        let options = Evaluate::new().batch_size(500);
        match self.has(Trick::TestTimeAugmentation) {
            true => options.test_time_augmentation(TestTimeAugmentation::FlipAndShift),
            false => options,
        }
    }

    /// Builds, trains and tests; images as for [`model`](Self::model), labels (N, 1).
    ///
    /// # Errors
    /// As [`run_with`](Self::run_with).
    pub fn run(
        &self,
        seed: u64,
        train: (&Tensor, &Tensor),
        test: (&Tensor, &Tensor),
        verbose: u8,
    ) -> Result<FinishedSpeedRun> {
        self.run_with(seed, train, test, &RunOptions::new().verbose(verbose))
    }

    /// [`run`](Self::run) with options: with a [folder](RunOptions::folder), the same call goes on
    /// where a training was that was stopped or killed, after its last finished epoch.
    ///
    /// The `training_seconds` are those of all parts; an epoch that did not end is repeated and
    /// counts once.
    ///
    /// # Errors
    /// [`PaperError::Interrupted`] when a request of [`labbook_nn::interrupt`] ended it,
    /// [`PaperError::Network`] when images and labels do not fit, the folder holds the state
    /// of another training or training fails.
    pub fn run_with(
        &self,
        seed: u64,
        (train_images, train_labels): (&Tensor, &Tensor),
        (test_images, test_labels): (&Tensor, &Tensor),
        options: &RunOptions,
    ) -> Result<FinishedSpeedRun> {
        set_random_seed(seed);
        let start = Instant::now();
        let mut model = self.model(train_images)?;
        let whitening = start.elapsed().as_secs_f64();
        let mut fit = self.fit_options().verbose(options.verbose);
        if let Some(path) = options.state() {
            fit = fit.resume_from(path);
        }
        let mut history = model.fit(train_images, train_labels, &fit)?;
        // The state knows nothing of it, so it counts once however often training went on.
        history.training_seconds += whitening;
        let interrupted = || PaperError::Interrupted {
            experiment: self.experiment,
            epochs: history.epoch.len(),
            asked: self.epochs,
        };
        if history.interrupted {
            return Err(interrupted());
        }
        let quiet = self.evaluate_options().verbose(0);
        let test = model.evaluate_with(test_images, test_labels, &quiet);
        let test = test.map_err(|error| match error {
            labbook_nn::Error::Interrupted { .. } => interrupted(),
            other => other.into(),
        })?;
        Ok(FinishedSpeedRun {
            model,
            history,
            test,
        })
    }

    /// Muon as the training uses it: Jordan's rates, falling to 0 by its end.
    #[must_use]
    pub fn muon(&self) -> Muon {
        self.muon_for(self.train_images as i64)
    }

    /// Steps of a training on so many images.
    fn steps(&self, images: i64) -> i64 {
        self.epochs as i64 * (images / self.batch_size).max(1)
    }

    fn convolution(&self, filters: i64) -> Conv2D {
        let start = match self.has(Trick::IdentityStart) {
            true => Initializer::Dirac,
            false => Initializer::UniformFanIn,
        };
        Conv2D::new(filters, (3, 3))
            .padding(Padding::Same)
            .use_bias(false)
            .kernel_initializer(start)
    }

    /// Jordan's rates, restated for the mean of the loss, a last layer divided by 9 and other
    /// widths than 256.
    fn muon_for(&self, images: i64) -> Muon {
        let steps = self.steps(images);
        let (last, batch) = (self.widths[2] as f64, self.batch_size as f64);
        let muon = Muon::new()
            .bias_lr_ratio(440.0 * last / 256.0 * batch / 2000.0)
            .head_lr_ratio(1767.0 / last)
            .weight_decay(0.11);
        match self.has(Trick::Schedule) {
            true => muon.schedule(LearningRateSchedule::polynomial_decay(MUON_RATE, steps)),
            false => muon.learning_rate(MUON_RATE / 2.0),
        }
    }

    /// Momentum in place of Muon: the optimizer of Jordan's `airbench94`, without its averaging
    /// of weights.
    fn sgd_for(&self, images: i64) -> SGD {
        let steps = self.steps(images);
        let sgd = SGD::new()
            .momentum(0.85)
            .nesterov(true)
            .weight_decay(WEIGHT_DECAY)
            .learning_rate_multiplier("beta", 64.0);
        match self.has(Trick::Schedule) {
            true => sgd.schedule(LearningRateSchedule::one_cycle(SGD_RATE, steps, 0.23, 0.2)),
            false => sgd.learning_rate(SGD_RATE / 2.0),
        }
    }
}

/// Whitened 2x2 patches of three channels, and their negatives.
const WHITENING_FILTERS: i64 = 24;
/// More change the filters little.
const WHITENING_IMAGES: i64 = 5_000;
const MUON_RATE: f64 = 0.24;
/// 11.5 for a sum over 1024 images, of which momentum makes 1 + 1 / (1 - 0.85) steps.
const SGD_RATE: f64 = 11.5 / (1.0 + 1.0 / 0.15);
/// 0.0153 a step for 1024 images, relative to the learning rate.
const WEIGHT_DECAY: f64 = 0.0153 / 1024.0;

fn normalised(model: &mut Sequential) {
    model.add(BatchNormalization::new().scale(false).momentum(0.6));
    model.add(ActivationLayer::new(Gelu));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiment::tests::alone;
    use labbook_data::datasets::cifar10;
    use labbook_nn::{FitParams, Progress, Reporter, Verbosity, set_default_reporter};
    use std::fs;
    use std::path::PathBuf;
    use tch::Kind;

    fn images() -> (Tensor, Tensor) {
        let data = cifar10::drawn(120, 10, 1).train;
        let images = data.images_tensor().to_kind(Kind::Float) / 255.0;
        (images, data.labels_tensor())
    }

    fn small(experiment: u32) -> SpeedRun {
        let mut run = SpeedRun::numbered(experiment).unwrap().at(&Scale::smoke());
        (run.epochs, run.batch_size, run.widths) = (2, 40, [8; 3]);
        run
    }

    #[test]
    fn blocks_are_as_wide_and_deep_as_asked_and_the_first_layer_is_computed() {
        let _alone = alone();
        let (images, _) = images();
        let names = |run: &SpeedRun| -> Vec<String> {
            let layers = run.model(&images).unwrap().layers().unwrap();
            layers.into_iter().map(|layer| layer.class_name).collect()
        };
        let count = |names: &[String], name: &str| names.iter().filter(|n| *n == name).count();
        let shallow = names(&small(18));
        assert_eq!(shallow[..2], ["Normalization", "Whitening"]);
        assert_eq!(count(&shallow, "Conv2D"), 6);
        assert_eq!(count(&names(&small(20)), "Conv2D"), 9);
        assert_eq!(
            count(&names(&small(18).without(Trick::Whitening)), "Conv2D"),
            7
        );

        let model = SpeedRun::numbered(18).unwrap().model(&images).unwrap();
        // 288 fixed numbers; 9 x (24 x 32 + 32 x 32 + 32 x 128 + 3 x 128 x 128) kernels;
        // a shift and two statistics per filter, of which normalization has 3 x 2; 1280 for the output.
        let kernels = 9 * (24 * 32 + 32 * 32 + 32 * 128 + 3 * 128 * 128);
        let trainable: i64 = model
            .layers()
            .unwrap()
            .iter()
            .map(|l| l.trainable_params)
            .sum();
        assert_eq!(trainable, kernels + 2 * (32 + 128 + 128) + 1280);
    }

    #[test]
    fn a_run_repeats_with_its_seed_and_every_trick_changes_it() {
        let _alone = alone();
        let (x, y) = images();
        let losses = |run: SpeedRun, seed: u64| {
            let finished = run.run(seed, (&x, &y), (&x, &y), 0).unwrap();
            let mut figures = finished.history.get("loss").unwrap();
            figures.push(finished.test.loss);
            figures
        };
        let whole = losses(small(18), 3);
        assert_eq!(whole, losses(small(18), 3));
        assert_ne!(whole, losses(small(18), 4));
        for trick in Trick::all() {
            assert_ne!(whole, losses(small(18).without(trick), 3), "{trick}");
        }
    }

    /// Copies the state of a training as a third epoch begins, which is what a kill then leaves.
    #[derive(Debug)]
    struct Copy {
        state: PathBuf,
        copy: PathBuf,
    }

    impl Reporter for Copy {
        fn epoch_begin(&self, epoch: usize, _params: &FitParams) {
            if epoch == 2 {
                fs::create_dir_all(self.copy.parent().unwrap()).unwrap();
                fs::copy(&self.state, &self.copy).unwrap();
            }
        }

        fn step_end(&self, _progress: &Progress) {}

        fn epoch_end(&self, _progress: &Progress, _verbosity: Verbosity) {}

        fn evaluate_end(&self, _progress: &Progress, _verbosity: Verbosity) {}

        fn message(&self, _line: &str) {}
    }

    #[test]
    fn a_training_that_was_killed_ends_as_if_it_had_not_been() {
        let _alone = alone();
        let (x, y) = images();
        let dir = tempfile::tempdir().unwrap();
        let options = |name: &str| RunOptions::new().folder(dir.path().join(name)).verbose(1);
        let state = |name: &str| options(name).state().unwrap();
        let mut run = small(20);
        run.epochs = 4;
        let trained = |name: &str| run.run_with(3, (&x, &y), (&x, &y), &options(name));

        set_default_reporter(Copy {
            state: state("whole"),
            copy: state("killed"),
        });
        let whole = trained("whole").unwrap();
        let resumed = trained("killed").unwrap();
        assert_eq!(whole.history.columns(), resumed.history.columns());
        assert_eq!(whole.history.learning_rates, resumed.history.learning_rates);
        assert_eq!(whole.test.loss.to_bits(), resumed.test.loss.to_bits());
        let weights = whole.model.weights().unwrap();
        for ((name, one), (_, other)) in weights.iter().zip(&resumed.model.weights().unwrap()) {
            assert_eq!(one, other, "{name}");
        }
        let times = |finished: &FinishedSpeedRun| finished.history.epoch_training_seconds.clone();
        assert_eq!(times(&whole)[..2], times(&resumed)[..2]);
        assert_ne!(times(&whole)[2..], times(&resumed)[2..]);
        let sum: f64 = times(&resumed).iter().sum();
        assert!(resumed.history.training_seconds > sum);

        // It is without state as well that seeds repeat a training.
        let plain = run.run(3, (&x, &y), (&x, &y), 0).unwrap();
        assert_eq!(whole.history.columns(), plain.history.columns());
        run.widths[0] = 4;
        let other = run.run_with(3, (&x, &y), (&x, &y), &options("killed"));
        let error = other.unwrap_err().to_string();
        assert!(error.contains("a training with layers"), "{error}");
    }

    #[test]
    fn a_training_comes_back_from_json_with_its_tricks() {
        let run = small(20).without(Trick::Schedule).without(Trick::Muon);
        let other = small(20).without(Trick::Muon).without(Trick::Schedule);
        assert_eq!(run, other.without(Trick::Muon));
        assert!(run.title().ends_with("without Muon, without schedule"));
        let text = serde_json::to_string(&run).unwrap();
        assert_eq!(serde_json::from_str::<SpeedRun>(&text).unwrap(), run);
        assert_ne!(small(20), run);
    }

    #[test]
    fn other_numbers_are_refused() {
        let error = SpeedRun::numbered(17).unwrap_err().to_string();
        assert!(
            error.contains("18, 19 or 20") && error.contains("17"),
            "{error}"
        );
    }
}
