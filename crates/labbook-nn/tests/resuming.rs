//! Trainings that are killed, interrupted or made longer, and go on.
//!
//! The killed process is this very test executable, asked for the one test that trains.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use labbook_nn::Activation::{Relu, Softmax};
use labbook_nn::{
    Adam, Augmentation, Callback, Control, Conv2D, CsvLogger, Dense, Dropout, EarlyStopping, Fit,
    FitParams, Flatten, History, Logs, MaxPooling2D, ModelCheckpoint, Progress, ReduceLROnPlateau,
    Reporter, Result, Sequential, SparseCategoricalCrossentropy, Verbosity, interrupt,
    set_run_folder,
};
use tch::{Device, Kind, Tensor};

/// Names the folder to train in; set for the process that is going to be killed.
const FOLDER: &str = "LABBOOK_TEST_TRAIN_IN";
const EPOCHS: usize = 24;

/// Seeds, requests to stop and libtorch's generator belong to the process.
fn alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

fn data() -> (Tensor, Tensor) {
    let wave = Tensor::arange(90 * 6 * 6 * 2, (Kind::Float, Device::Cpu)) * 0.37;
    let y = Tensor::arange(90, (Kind::Int64, Device::Cpu)).remainder(3);
    (wave.sin().reshape([90, 6, 6, 2]), y)
}

fn model(seed: Option<u64>, units: i64) -> Result<Sequential> {
    tch::set_num_threads(1);
    let mut model = Sequential::on(Device::Cpu);
    if let Some(seed) = seed {
        model = model.seeded(seed);
    }
    model.add(Conv2D::new(3, 3).activation(Relu).input_shape((6, 6, 2)));
    model.add(MaxPooling2D::new(2));
    model.add(Dropout::new(0.3));
    model.add(Flatten::new());
    model.add(Dense::new(units).activation(Relu));
    model.add(Dense::new(3).activation(Softmax));
    let adam = Adam::new().learning_rate(0.02);
    model.compile(adam, SparseCategoricalCrossentropy::new(), ["accuracy"])?;
    Ok(model)
}

/// The whole training of a folder; its callbacks all remember something.
fn train(folder: &Path, seed: Option<u64>, epochs: usize) -> Result<(Sequential, History)> {
    let (x, y) = data();
    let mut model = model(seed, 5)?;
    let best = folder.join("best").display().to_string();
    let options = Fit::new()
        .epochs(epochs)
        .batch_size(16)
        .validation_data(&x, &y)
        .verbose(0)
        .drop_remainder(true)
        .augmentation(Augmentation::new().alternating_flip().shift(1).cutout(2))
        .resume_from(folder.join("training"))
        .callbacks((
            ReduceLROnPlateau::new()
                .monitor("loss")
                .factor(0.7)
                .patience(1)
                .min_delta(0.02),
            EarlyStopping::new().patience(50).restore_best_weights(true),
            ModelCheckpoint::new(best).save_best_only(true),
            CsvLogger::new(folder.join("log.csv")),
        ));
    let history = model.fit(&x, &y, &options)?;
    Ok((model, history))
}

fn assert_same(folder: &Path, expected: (&Path, &Sequential, &History)) -> Result<()> {
    let (model, history) = train(folder, Some(4), EPOCHS)?;
    let (other, expected, expected_history) = expected;
    for ((_, weight), (_, expected)) in model.weights()?.iter().zip(&expected.weights()?) {
        assert_eq!(weight, expected);
    }
    let (state, expected) = (model.optimizer_state()?, expected.optimizer_state()?);
    assert_eq!(state.step, expected.step);
    for ((_, slot), (_, expected)) in state.slots.iter().zip(&expected.slots) {
        assert_eq!(slot, expected);
    }
    assert_eq!(history.columns(), expected_history.columns());
    assert_eq!(history.epoch, expected_history.epoch);
    let log = |folder: &Path| fs::read_to_string(folder.join("log.csv")).unwrap_or_default();
    assert!(!log(folder).is_empty());
    assert_eq!(log(folder), log(other));
    Ok(())
}

/// What the process to be killed does; by itself it has nothing to do.
#[test]
fn train_in_the_folder_of_the_environment() -> Result<()> {
    match std::env::var_os(FOLDER) {
        Some(folder) => train(Path::new(&folder), Some(4), EPOCHS).map(|_| ()),
        None => Ok(()),
    }
}

#[test]
fn a_training_that_was_killed_ends_as_if_it_had_not_been() -> Result<()> {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let whole = folder.path().join("whole");
    fs::create_dir(&whole).unwrap();
    let (model, history) = train(&whole, Some(4), EPOCHS)?;
    let rates = history.get("lr").unwrap();
    assert!(
        rates[EPOCHS - 1] < rates[0],
        "the learning rate is part of the test"
    );

    let mut interrupted = 0;
    for (case, seed) in (0_u64..6).enumerate() {
        let killed = folder.path().join(format!("killed{case}"));
        fs::create_dir(&killed).unwrap();
        // Kill in the middle of more than one run, at moments that the seed decides.
        for round in 0..3 {
            let checkpoint = killed.join("training.safetensors");
            let written = || {
                let file = fs::metadata(&checkpoint);
                file.and_then(|file| file.modified()).ok()
            };
            let before = written();
            let mut child = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "train_in_the_folder_of_the_environment", "-q"])
                .env(FOLDER, &killed)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            // The first one dies early, perhaps before its first epoch, the others later.
            while round > 0 && written() == before && child.try_wait().unwrap().is_none() {
                std::thread::sleep(Duration::from_millis(1));
            }
            let moment = (seed * 3 + round) * 7919 % 13;
            let unit = if round == 0 { 20_000 } else { 1_700 };
            std::thread::sleep(Duration::from_micros(moment * unit));
            child.kill().unwrap();
            if !child.wait().unwrap().success() {
                interrupted += 1;
            }
        }
        assert_same(&killed, (&whole, &model, &history))?;
    }
    assert!(
        interrupted > 6,
        "only {interrupted} of 18 were killed in time"
    );
    Ok(())
}

#[test]
fn a_finished_training_is_not_repeated_but_may_be_made_longer() -> Result<()> {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (half, whole) = (folder.path().join("half"), folder.path().join("whole"));
    fs::create_dir(&half).unwrap();
    fs::create_dir(&whole).unwrap();
    let (model, history) = train(&whole, Some(4), EPOCHS)?;
    train(&half, Some(4), EPOCHS / 2)?;
    assert_same(&half, (&whole, &model, &history))?;
    let written = fs::metadata(half.join("training.safetensors")).unwrap();
    assert_same(&half, (&whole, &model, &history))?;
    let after = fs::metadata(half.join("training.safetensors")).unwrap();
    assert_eq!(written.modified().unwrap(), after.modified().unwrap());
    Ok(())
}

/// Presses the stop button in the fourth epoch.
struct StopsInFourth;

impl Callback for StopsInFourth {
    fn on_epoch_begin(&mut self, epoch: usize, _control: &mut Control<'_>) {
        if epoch == 3 {
            interrupt::request();
        }
    }
}

/// As many callbacks as before, all quiet.
struct Quiet;

impl Callback for Quiet {}

/// Stops after the second epoch.
struct StopsAfterSecond;

impl Callback for StopsAfterSecond {
    fn on_epoch_end(&mut self, epoch: usize, _logs: &Logs, control: &mut Control<'_>) {
        if epoch == 1 {
            control.stop_training();
        }
    }
}

#[test]
fn an_interrupted_training_goes_on_in_the_same_model_and_without_a_seed() -> Result<()> {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (x, y) = data();
    let options = |name: &str| {
        let options = Fit::new().epochs(6).batch_size(16).verbose(0);
        options.resume_from(folder.path().join(name))
    };
    let mut whole = model(Some(4), 5)?;
    whole.fit(&x, &y, &options("whole").callbacks(Quiet))?;
    let mut stopped = model(Some(4), 5)?;
    let history = stopped.fit(&x, &y, &options("part").callbacks(StopsInFourth))?;
    assert!(history.interrupted);
    assert_eq!(history.epoch.len(), 3);
    let history = stopped.fit(&x, &y, &options("part").callbacks(Quiet))?;
    assert!(!history.interrupted);
    assert_eq!(history.epoch.len(), 6);
    let weights = |model: &Sequential| -> Result<Vec<Tensor>> {
        Ok(model.weights()?.into_iter().map(|(_, w)| w).collect())
    };
    assert_eq!(weights(&stopped)?, weights(&whole)?);

    let mut unseeded = model(None, 5)?;
    unseeded.fit(&x, &y, &options("whole").callbacks(Quiet))?;
    assert_eq!(weights(&unseeded)?, weights(&whole)?);
    assert_eq!(unseeded.seed(), whole.seed());
    Ok(())
}

#[test]
fn a_training_that_a_callback_ended_stays_ended() -> Result<()> {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let (x, y) = data();
    for _ in 0..2 {
        let options = Fit::new().epochs(5).verbose(0).callbacks(StopsAfterSecond);
        let mut model = model(Some(1), 5)?;
        let options = options.resume_from(folder.path().join("training"));
        assert_eq!(model.fit(&x, &y, &options)?.epoch, [0, 1]);
    }
    Ok(())
}

#[test]
fn other_settings_and_damaged_files_are_told_and_change_nothing() -> Result<()> {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("training.safetensors");
    let (x, y) = data();
    let options = || {
        Fit::new()
            .epochs(2)
            .batch_size(16)
            .verbose(0)
            .resume_from(&path)
    };
    model(Some(1), 5)?.fit(&x, &y, &options())?;
    let mut same = model(Some(1), 5)?;
    same.build((6, 6, 2))?;
    let before = same.weights()?;
    let cases = [
        (same.fit(&x, &y, &options().batch_size(8)), "batch_size = 8"),
        (
            same.fit(&x, &y, &options().shuffle(false)),
            "options shuffle = false, received one with true",
        ),
        (
            same.fit(&(&x + 1.0), &y, &options()),
            "on these data, received one on others",
        ),
        (
            same.fit(&x.narrow(0, 0, 80), &y.narrow(0, 0, 80), &options()),
            "examples = 80",
        ),
        (
            same.fit(&x, &y, &options().validation_data(&x, &y)),
            "validation examples = 90",
        ),
        (
            same.fit(&x, &y, &options().callbacks(Quiet)),
            "options callbacks = 1",
        ),
        (model(Some(2), 5)?.fit(&x, &y, &options()), "seed = 2"),
        (
            model(Some(1), 6)?.fit(&x, &y, &options()),
            "units = 6, received one with 5",
        ),
    ];
    for (result, part) in cases {
        let error = result.expect_err(part).to_string();
        assert!(error.contains(part), "{part}: {error}");
    }
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert!(same.fit(&x, &y, &options()).is_err());
    assert_eq!(same.weights()?, before);
    Ok(())
}

/// Fails in the third epoch, as a callback does whose disk is full.
struct FailsInThird;

impl Callback for FailsInThird {
    fn on_epoch_end(&mut self, epoch: usize, _logs: &Logs, control: &mut Control<'_>) {
        if epoch == 2 {
            control.fail("the disk is full");
        }
    }
}

/// Keeps the lines that it is told.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Reporter for Lines {
    fn epoch_begin(&self, _epoch: usize, _params: &FitParams) {}

    fn epoch_end(&self, _progress: &Progress, _verbosity: Verbosity) {}

    fn evaluate_end(&self, _progress: &Progress, _verbosity: Verbosity) {}

    fn message(&self, line: &str) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        lines.push(line.to_owned());
    }
}

#[test]
fn a_named_training_is_kept_until_it_has_ended() -> Result<()> {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let kept = folder.path().join("kept");
    set_run_folder(&kept);
    let (x, y) = data();
    let lines = Lines::default();
    let named = || {
        let options = Fit::new().epochs(5).batch_size(16).reporter(lines.clone());
        options.run_name("first run")
    };
    let weights = |model: &Sequential| -> Result<Vec<Tensor>> {
        Ok(model.weights()?.into_iter().map(|(_, w)| w).collect())
    };
    let mut whole = model(Some(4), 5)?;
    let expected = whole.fit(&x, &y, &named().callbacks(Quiet))?;
    assert!(lines.take().is_empty());
    assert!(!kept.exists(), "an ended training leaves nothing behind");

    // An error, then an interrupt, then to the end.
    let mut cut = model(Some(4), 5)?;
    let error = cut
        .fit(&x, &y, &named().callbacks(FailsInThird))
        .unwrap_err();
    assert_eq!(error.to_string(), "callback: the disk is full");
    let mut cut = model(Some(4), 5)?;
    let history = cut.fit(&x, &y, &named().callbacks(StopsInFourth))?;
    assert!(history.interrupted && history.epoch.len() == 3);
    let told = lines.take();
    let [resuming, interrupted] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert!(
        resuming.starts_with(
            "Resuming the training \"first run\", which stopped after epoch 2 of 5 at 2"
        ) && resuming
            .ends_with("UTC. To begin anew instead, add .resume(false) to the options of fit."),
        "{resuming}"
    );
    assert!(
        interrupted.ends_with("; the next fit with run_name(\"first run\") goes on after epoch 3"),
        "{interrupted}"
    );
    let mut other = model(Some(4), 6)?;
    let refused = other
        .fit(&x, &y, &named().callbacks(Quiet))
        .unwrap_err()
        .to_string();
    assert!(
        refused.starts_with("run_name \"first run\": expected a training with layers 5 ")
            && refused.contains("units = 6, received one with 5, kept 2")
            && refused.contains(".resume(false)"),
        "{refused}"
    );
    let history = cut.fit(&x, &y, &named().callbacks(Quiet))?;
    assert_eq!(history.columns(), expected.columns());
    assert_eq!(weights(&cut)?, weights(&whole)?);
    assert!(!kept.exists());
    Ok(())
}

/// Trains under the same name within a training.
struct TrainsAgain(Fit);

impl Callback for TrainsAgain {
    fn on_epoch_end(&mut self, _epoch: usize, _logs: &Logs, control: &mut Control<'_>) {
        let (x, y) = data();
        let result = model(Some(4), 5).and_then(|mut model| model.fit(&x, &y, &self.0));
        if let Err(error) = result {
            control.fail(error.to_string());
        }
    }
}

#[test]
fn a_name_is_forgotten_on_request_and_serves_one_training_at_a_time() -> Result<()> {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    set_run_folder(folder.path());
    let (x, y) = data();
    let named = |name: &str| {
        Fit::new()
            .epochs(4)
            .batch_size(16)
            .verbose(0)
            .run_name(name)
    };
    let mut cut = model(Some(4), 5)?;
    assert!(
        cut.fit(&x, &y, &named("run").callbacks(FailsInThird))
            .is_err()
    );
    assert!(folder.path().join("run.safetensors").exists());
    let twice = model(Some(4), 5)?.fit(&x, &y, &named("run").callbacks(TrainsAgain(named("run"))));
    let twice = twice.unwrap_err().to_string();
    assert!(twice.contains("received that of one that runs"), "{twice}");
    let mut anew = model(Some(5), 6)?;
    let history = anew.fit(&x, &y, &named("run").resume(false))?;
    assert_eq!(history.epoch, [0, 1, 2, 3]);
    assert!(!folder.path().join("run.safetensors").exists());

    for name in ["", "a/b", ".hidden", &"x".repeat(101)] {
        let error = cut.fit(&x, &y, &named(name)).unwrap_err().to_string();
        assert!(error.starts_with("run_name: expected 1 to 100"), "{error}");
    }
    Ok(())
}
