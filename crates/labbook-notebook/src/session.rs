use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use labbook_data::{Provenance, cifar10};
use labbook_experiments::{
    Beyond, Comparison, Experiment, RunFacts, RunRecord, Runs, Scale, SpeedRun, device_description,
};
use labbook_nn::{Evaluation, History, Sequential};
use tch::Device;

use crate::error::NotebookError;
use crate::interrupt;
use crate::live::LiveReporter;
use crate::render::Render;
use crate::results::Results;
use crate::table::Table;
use crate::versions::Versions;

/// Names the file into which a run's facts go, for the header of its report.
const FACTS_VARIABLE: &str = "LABBOOK_SESSION";
/// Experiment 16 with batch normalisation, augmentation and a schedule.
const REMEDIES: u32 = 17;
/// Chooses the scale.
const SCALE_VARIABLE: &str = "LABBOOK_SCALE";

/// One run of a notebook: its scale, device, seed and folder.
#[derive(Clone, Debug)]
pub struct Session {
    /// How much of the original's work this run does; may be changed before the data cells.
    pub scale: Scale,
    /// CUDA where there is a GPU, else the CPU.
    pub device: Device,
    /// Seed of everything random.
    pub seed: u64,
    runs: Runs,
    run_dir: PathBuf,
    data: Option<Provenance>,
    facts: Vec<(String, String)>,
}

impl Session {
    /// Begins a run: chooses scale and device, seeds every random choice, makes the run's folder
    /// `NAME` among the records of runs (see [`Runs::locate`]), where unfinished trainings with a
    /// [run name](labbook_nn::Fit::run_name) are kept too, and lets an interrupt end a training in
    /// good order.
    ///
    /// The scale is `LABBOOK_SCALE`; without it laptop where CIFAR-10 is found, else smoke.
    ///
    /// # Errors
    /// [`NotebookError::Experiment`] for a scale that is none of the three,
    /// [`NotebookError::Data`] when `LABBOOK_DATA` leads nowhere, [`NotebookError::Write`] when the
    /// folder cannot be made.
    pub fn start(name: &str) -> Result<Self, NotebookError> {
        let found = cifar10::locate()?;
        let chosen = std::env::var(SCALE_VARIABLE).unwrap_or_default();
        let scale = match (chosen.as_str(), &found) {
            ("", Some(_)) => Scale::laptop(),
            ("", None) => Scale::smoke(),
            (name, _) => Scale::named(name)?,
        };
        let seed = 0;
        labbook_nn::set_random_seed(seed);
        labbook_nn::clear_session();
        let runs = Runs::locate()?;
        let run_dir = near(&runs.path().join(name));
        fs::create_dir_all(&run_dir).map_err(|source| NotebookError::Write {
            path: run_dir.clone(),
            source,
        })?;
        labbook_nn::set_run_folder(run_dir.join("unfinished"));
        let mut session = Session {
            scale,
            device: Device::cuda_if_available(),
            seed,
            runs,
            run_dir,
            data: None,
            facts: Vec::new(),
        };
        session.tell()?;
        interrupt::listen();
        LiveReporter::install();
        Ok(session)
    }

    /// The folder for this run's checkpoints and results.
    #[must_use]
    pub fn run_dir(&self) -> &Path {
        &self.run_dir
    }

    /// A file in the run's folder, for a callback that saves models: the name may hold figures, as
    /// in `model_{val_accuracy:.4f}`.
    #[must_use]
    pub fn checkpoint(&self, name: &str) -> String {
        self.run_dir.join(name).display().to_string()
    }

    /// The newest model in the run's folder whose file name begins with `prefix`.
    ///
    /// # Errors
    /// [`NotebookError::NoCheckpoint`] when there is none.
    pub fn latest_checkpoint(&self, prefix: &str) -> Result<PathBuf, NotebookError> {
        let files = fs::read_dir(&self.run_dir).into_iter().flatten().flatten();
        let models = files.filter(|file| {
            let name = file.file_name();
            let name = name.to_string_lossy();
            name.starts_with(prefix) && name.ends_with(".safetensors")
        });
        models
            .filter_map(|file| Some((file.metadata().ok()?.modified().ok()?, file.path())))
            .max()
            .map(|(_, path)| path)
            .ok_or_else(|| NotebookError::NoCheckpoint {
                folder: self.run_dir.clone(),
                prefix: prefix.to_owned(),
            })
    }

    /// Keeps a training and its test among the records of runs, and returns the record, which
    /// shows itself beside the paper's figures.
    ///
    /// # Errors
    /// [`NotebookError::NoData`] before [`load_data`](Self::load_data);
    /// [`NotebookError::Experiment`] when the training has no finished epoch, the model another
    /// seed than the session, or the file cannot be written.
    pub fn record(
        &self,
        experiment: u32,
        model: &Sequential,
        history: &History,
        test: &Evaluation,
    ) -> Result<RunRecord, NotebookError> {
        let mut record = RunRecord::new(&self.run_facts()?, experiment, model, history, test)?;
        if let Ok(known) = Experiment::numbered(experiment) {
            record = record.named(known.title());
        } else if let Ok(known) = SpeedRun::numbered(experiment) {
            let known = known.at(&self.scale);
            if known.is_of(&record) {
                record = record.speed_run(&known);
            }
        } else if experiment == REMEDIES {
            record = record.named("the paper's best network with three remedies");
        }
        self.runs.save(&record)?;
        Ok(record)
    }

    /// The latest record of each of the sixteen experiments with this scale, seed and data, beside
    /// the paper's figures.
    ///
    /// # Errors
    /// [`NotebookError::NoData`] before [`load_data`](Self::load_data);
    /// [`NotebookError::Experiment`] when the folder of records cannot be read.
    pub fn results(&self) -> Result<Results, NotebookError> {
        let facts = self.run_facts()?;
        let numbers = Experiment::all().iter().map(Experiment::number);
        let records: Result<Vec<_>, _> = numbers
            .filter_map(|number| self.runs.latest(number, &facts).transpose())
            .collect();
        Ok(Results {
            comparison: Comparison::of(&records?),
        })
    }

    /// What is on record with this session's data and device: the paper's experiments, and those
    /// that go beyond them with all their seeds; see [`Beyond::of`].
    ///
    /// # Errors
    /// [`NotebookError::NoData`] before [`load_data`](Self::load_data);
    /// [`NotebookError::Experiment`] when the folder of records cannot be read.
    pub fn beyond(&self) -> Result<Beyond, NotebookError> {
        Ok(Beyond::of(self.runs.records()?, &self.run_facts()?))
    }

    /// What this session's runs have in common.
    fn run_facts(&self) -> Result<RunFacts, NotebookError> {
        let data = self.data.as_ref().ok_or(NotebookError::NoData)?;
        let versions = Versions::of_this_build().line();
        Ok(RunFacts::new(
            self.scale,
            self.seed,
            data,
            self.device,
            versions,
        ))
    }

    /// Changes the scale.
    ///
    /// # Errors
    /// [`NotebookError::Write`] when the report's header cannot be told.
    pub fn set_scale(&mut self, scale: Scale) -> Result<(), NotebookError> {
        self.scale = scale;
        self.tell()
    }

    /// CIFAR-10, or the drawn set where there is none.
    ///
    /// # Errors
    /// [`NotebookError::Data`] for files that are incomplete or damaged.
    pub fn load_data(&mut self) -> Result<labbook_data::Cifar10, NotebookError> {
        let data = cifar10::load_data()?;
        self.data = Some(data.provenance.clone());
        self.tell()?;
        Ok(data)
    }

    /// Renews the facts and passes them to the report, if one is being made.
    fn tell(&mut self) -> Result<(), NotebookError> {
        self.facts.clear();
        let mut add = |name: &str, value: String| self.facts.push((name.to_owned(), value));
        if let Some(data) = &self.data {
            add("Data", data.to_string());
        }
        add("Scale", self.scale.to_string());
        add("Device", device_description(self.device));
        add("Versions", Versions::of_this_build().line());
        add("Seed", self.seed.to_string());
        add("Run folder", self.run_dir.display().to_string());
        let Some(path) = std::env::var_os(FACTS_VARIABLE).map(PathBuf::from) else {
            return Ok(());
        };
        let lines: Vec<String> = self
            .facts
            .iter()
            .map(|(n, v)| format!("{n}\t{v}\n"))
            .collect();
        let write = || {
            let beside = path.with_extension("part");
            fs::File::create(&beside)?.write_all(lines.concat().as_bytes())?;
            fs::rename(&beside, &path)
        };
        write().map_err(|source| NotebookError::Write {
            path: path.clone(),
            source,
        })
    }
}

/// A path as seen from the working directory, where it lies at most two folders up: shorter to read,
/// and the same on every machine.
fn near(path: &Path) -> PathBuf {
    let Ok(current) = std::env::current_dir() else {
        return path.to_owned();
    };
    let mut up = PathBuf::new();
    for folder in current.ancestors().take(3) {
        if let (Ok(rest), Some(_)) = (path.strip_prefix(folder), folder.parent()) {
            return up.join(rest);
        }
        up.push("..");
    }
    path.to_owned()
}

impl Render for Session {
    fn to_html(&self) -> String {
        table(self).to_html()
    }

    fn to_plain(&self) -> String {
        table(self).to_plain()
    }
}

fn table(session: &Session) -> Table {
    let mut table = Table::new(&["", ""]).header_column();
    for (name, value) in &session.facts {
        table.push(&[name, value]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_close_by_is_told_from_here() -> std::io::Result<()> {
        let here = std::env::current_dir()?;
        assert_eq!(near(&here.join("a/b")), Path::new("a/b"));
        let beside = here.parent().map(|parent| parent.join("runs"));
        assert_eq!(beside.as_deref().map(near), Some("../runs".into()));
        assert_eq!(
            near(Path::new("/nowhere/at/all")),
            Path::new("/nowhere/at/all")
        );
        Ok(())
    }
}
