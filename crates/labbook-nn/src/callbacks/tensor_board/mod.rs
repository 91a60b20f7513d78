//! TensorBoard's event files.

mod crc32c;
mod event_file;
mod graph;
mod summary;
mod weight_images;

use std::path::PathBuf;

use serde_json::Value;

use event_file::EventFile;
use graph::keras_json;
use summary::Summary;
use weight_images::pictures;

use super::seconds_since_1970;
use crate::{Callback, Control, Logs, Result};

/// Writes what TensorBoard shows: `tensorboard --logdir logs`.
///
/// As from Keras, figures are `epoch_loss` and so on, of the training in the folder `train`, of the validation in
/// `validation`; the learning rate is `epoch_learning_rate`. With [`histogram_freq`](Self::histogram_freq) the
/// distributions of weights are there, with [`write_images`](Self::write_images) their pictures, with
/// [`hparam`](Self::hparam) the settings of the run for the page "HParams". The model's layers are on the page "Graphs",
/// under the tag "keras", where "Conceptual graph" is chosen.
/// Every epoch's figures are with the system when the epoch ends. A training that goes on after a kill writes a
/// further file, and TensorBoard forgets the epochs that are repeated.
///
/// Keras's embeddings and profile are not written.
///
/// ```
/// use labbook_nn::{Fit, TensorBoard};
///
/// let board = TensorBoard::new("logs/wide").histogram_freq(1).hparam("units", 256);
/// let options = Fit::new().callbacks(board);
/// ```
#[derive(Debug)]
pub struct TensorBoard {
    log_dir: PathBuf,
    histogram_freq: usize,
    write_graph: bool,
    write_images: bool,
    hparams: Vec<(String, Value)>,
    /// What tests write for the time.
    fixed_time: Option<f64>,
    train: Option<EventFile>,
    validation: Option<EventFile>,
    root: Option<EventFile>,
}

impl TensorBoard {
    /// Writes to a folder, which is to be another for each run.
    #[must_use]
    pub fn new(log_dir: impl Into<PathBuf>) -> Self {
        Self {
            log_dir: log_dir.into(),
            histogram_freq: 0,
            write_graph: true,
            write_images: false,
            hparams: Vec::new(),
            fixed_time: None,
            train: None,
            validation: None,
            root: None,
        }
    }

    /// Sets after how many epochs to write how weights are distributed; the default, 0, is never.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn histogram_freq(mut self, epochs: usize) -> Self {
        self.histogram_freq = epochs;
        self
    }

    /// Says whether to write the model's layers and what each takes its input from; the default is `true`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn write_graph(mut self, write: bool) -> Self {
        self.write_graph = write;
        self
    }

    /// Says whether to write kernels as pictures, as often as [`histogram_freq`](Self::histogram_freq) says; the default
    /// is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn write_images(mut self, write: bool) -> Self {
        self.write_images = write;
        self
    }

    /// Tells a setting of the run: a number, a word, true or false.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn hparam(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.hparams.push((name.into(), value.into()));
        self
    }

    fn now(&self) -> f64 {
        self.fixed_time.unwrap_or_else(seconds_since_1970)
    }

    fn begin(&mut self) -> Result<()> {
        (self.train, self.validation, self.root) = (None, None, None);
        if self.hparams.is_empty() {
            return Ok(());
        }
        let mut root = EventFile::create(&self.log_dir, self.fixed_time)?;
        let group = self.log_dir.file_name().unwrap_or_default();
        let start = Summary::hparams(&self.hparams, &group.to_string_lossy(), self.now());
        root.add(0, &start)?;
        self.root = Some(root);
        Ok(())
    }

    fn write(&mut self, epoch: usize, logs: &Logs, control: &Control<'_>) -> Result<()> {
        let (log_dir, time) = (&self.log_dir, self.fixed_time);
        let open = |name: &str| -> Result<EventFile> {
            let mut file = EventFile::create(&log_dir.join(name), time)?;
            if control.is_resuming() {
                file.start_at(epoch)?;
            }
            Ok(file)
        };
        if self.train.is_none() {
            let mut train = open("train")?;
            if self.write_graph && !control.is_resuming() {
                train.add(0, &Summary::graph(&keras_json(control.model())?))?;
            }
            self.train = Some(train);
        }
        let validates = logs
            .entries()
            .iter()
            .any(|(key, _)| key.starts_with("val_"));
        if self.validation.is_none() && validates {
            self.validation = Some(open("validation")?);
        }
        for (key, value) in logs.entries() {
            let (file, key) = match key.strip_prefix("val_") {
                Some(key) => (&mut self.validation, key),
                None => (&mut self.train, key.as_str()),
            };
            if let Some(file) = file {
                file.add(epoch, &Summary::scalar(format!("epoch_{key}"), *value))?;
            }
        }
        let Some(train) = &mut self.train else {
            return Ok(());
        };
        let rate = control.model().learning_rate()?;
        train.add(epoch, &Summary::scalar("epoch_learning_rate", rate))?;
        if self.histogram_freq > 0 && epoch.is_multiple_of(self.histogram_freq) {
            for (name, weights) in control.model().weights()? {
                // TensorFlow's number of an operation's output is nothing to show.
                let name = name.trim_end_matches(":0");
                train.add(
                    epoch,
                    &Summary::histogram(format!("{name}/histogram"), &weights)?,
                )?;
                if self.write_images
                    && let Some(pictures) = pictures(format!("{name}/image"), &weights)?
                {
                    train.add(epoch, &pictures)?;
                }
            }
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let now = self.now();
        match &mut self.root {
            Some(root) => root.add(0, &Summary::hparams_end(now)),
            None => Ok(()),
        }
    }
}

impl Callback for TensorBoard {
    fn on_train_begin(&mut self, control: &mut Control<'_>) {
        if let Err(error) = self.begin() {
            control.fail(format!("TensorBoard: {error}"));
        }
    }

    fn on_epoch_end(&mut self, epoch: usize, logs: &Logs, control: &mut Control<'_>) {
        if let Err(error) = self.write(epoch, logs, control) {
            control.fail(format!("TensorBoard: {error}"));
        }
    }

    fn on_train_end(&mut self, control: &mut Control<'_>) {
        if let Err(error) = self.end() {
            control.fail(format!("TensorBoard: {error}"));
        }
        (self.train, self.validation, self.root) = (None, None, None);
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::super::rehearsal::{model, rehearse};
    use super::*;

    /// What the fixture's file was written with.
    const TIME: f64 = 1.75e9;

    /// The one event file in a folder.
    fn events(folder: &Path) -> PathBuf {
        let files = fs::read_dir(folder).unwrap().flatten();
        let mut files: Vec<_> = files
            .map(|file| file.path())
            .filter(|path| path.is_file())
            .collect();
        assert_eq!(files.len(), 1, "{files:?}");
        files.remove(0)
    }

    /// The fixture's files are those that TensorBoard itself has read (`tests/fixtures/read_events.py`).
    #[test]
    fn files_are_those_that_tensorboard_has_read() -> Result<()> {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tensorboard");
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("tensorboard");
        let mut board = TensorBoard::new(&place)
            .histogram_freq(2)
            .write_images(true)
            .hparam("units", 2);
        board = board.hparam("wide", false).hparam("kind", "net");
        board.fixed_time = Some(TIME);
        rehearse(&mut board, &mut model()?, "val_loss", &[0.5, 0.25, 0.125])?;
        for part in ["", "train", "validation"] {
            let written = fs::read(events(&place.join(part))).unwrap();
            let fixture = fixtures.join(part).join("events.out.tfevents.0");
            if std::env::var_os("UPDATE_FIXTURES").is_some() {
                fs::create_dir_all(fixtures.join(part)).unwrap();
                fs::write(&fixture, &written).unwrap();
            }
            assert!(fs::read(&fixture).unwrap() == written, "{part}");
        }
        Ok(())
    }

    #[test]
    fn a_folder_that_cannot_be_made_ends_the_training() -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("logs"), "").unwrap();
        let mut board = TensorBoard::new(folder.path().join("logs/run"));
        let outcome = rehearse(&mut board, &mut model()?, "loss", &[1.0])?;
        assert!(
            outcome
                .failure
                .unwrap()
                .contains("TensorBoard: cannot create")
        );
        Ok(())
    }
}
