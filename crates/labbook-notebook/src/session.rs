use std::fs;
use std::path::{Path, PathBuf};

use labbook_files::write_file;
use labbook_nn::{Evaluation, History, Model};
use labbook_records::{RunFacts, RunRecord, Runs, device_description};
use tch::Device;

use crate::error::NotebookError;
use crate::interrupt;
use crate::live::LiveReporter;
use crate::render::shown_as;
use crate::table::Table;
use crate::versions::Versions;

/// Names the file into which a run's facts go, for the header of its report.
const FACTS_VARIABLE: &str = "LABBOOK_SESSION";

/// One run of a notebook: its seed, device and folder, and the facts that head its report.
#[derive(Clone, Debug)]
pub struct Session {
    seed: u64,
    device: Device,
    runs: Runs,
    run_dir: PathBuf,
    data: Option<String>,
    facts: Vec<(String, String)>,
}

impl Session {
    /// Begins a run: seeds every random choice with 0, makes the run's folder `NAME` among the
    /// records of runs (see [`Runs::locate`]), where unfinished trainings with a
    /// [run name](labbook_nn::Fit::run_name) are kept too, and lets an interrupt end a training in
    /// good order.
    ///
    /// # Errors
    /// [`NotebookError::Record`] when there is no working directory, [`NotebookError::Write`] when
    /// the folder cannot be made.
    pub fn start(name: &str) -> Result<Self, NotebookError> {
        let runs = Runs::locate()?;
        let run_dir = near(&runs.path().join(name));
        fs::create_dir_all(&run_dir).map_err(|source| NotebookError::Write {
            path: run_dir.clone(),
            source,
        })?;
        labbook_nn::set_run_folder(run_dir.join("unfinished"));
        let mut session = Session {
            seed: 0,
            device: Device::cuda_if_available(),
            runs,
            run_dir,
            data: None,
            facts: Vec::new(),
        };
        session.set_seed(0)?;
        interrupt::listen();
        LiveReporter::install();
        Ok(session)
    }

    /// Seed of everything random.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// Seeds every random choice anew: the kernels of models that are built from here on, their
    /// shuffles and their dropout.
    ///
    /// # Errors
    /// [`NotebookError::Write`] when the report's header cannot be told.
    pub fn set_seed(&mut self, seed: u64) -> Result<(), NotebookError> {
        labbook_nn::set_random_seed(seed);
        labbook_nn::clear_session();
        self.seed = seed;
        self.tell()
    }

    /// Where models compute that are not told otherwise: CUDA where there is a GPU, else the CPU.
    #[must_use]
    pub fn device(&self) -> Device {
        self.device
    }

    /// Says which data the run is of, for records and the report's header.
    ///
    /// # Errors
    /// [`NotebookError::Write`] when the report's header cannot be told.
    pub fn set_data(&mut self, data: impl Into<String>) -> Result<(), NotebookError> {
        self.data = Some(data.into());
        self.tell()
    }

    /// Adds a fact to the report's header and to records, or replaces the one of this name.
    ///
    /// # Errors
    /// [`NotebookError::Write`] when the report's header cannot be told.
    pub fn set_fact(
        &mut self,
        name: impl Into<String>,
        value: impl Into<String>,
    ) -> Result<(), NotebookError> {
        let (name, value) = (name.into(), value.into());
        match self.facts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => *old = value,
            None => self.facts.push((name, value)),
        }
        self.tell()
    }

    /// The folder of records.
    #[must_use]
    pub fn runs(&self) -> &Runs {
        &self.runs
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

    /// Keeps a training and its test among the records of runs under a name, and returns the record,
    /// which shows its figures.
    ///
    /// # Errors
    /// [`NotebookError::Record`] when the training has no finished epoch, the model another seed
    /// than the session, or the file cannot be written.
    pub fn record(
        &self,
        name: &str,
        model: &Model,
        history: &History,
        test: &Evaluation,
    ) -> Result<RunRecord, NotebookError> {
        let mut facts = RunFacts::new(self.seed, self.device, Versions::of_this_build().line());
        facts.data.clone_from(&self.data);
        let mut record = RunRecord::new(&facts, model, history, test)?.named(name);
        for (name, value) in &self.facts {
            record = record.fact(name, value)?;
        }
        self.runs.save(&record)?;
        Ok(record)
    }

    /// What is to be known of the run, by name.
    fn rows(&self) -> Vec<(&str, String)> {
        let data = self.data.clone().map(|data| ("Data", data));
        let facts = self.facts.iter();
        let facts = facts.map(|(name, value)| (name.as_str(), value.clone()));
        let always = [
            ("Device", device_description(self.device)),
            ("Versions", Versions::of_this_build().line()),
            ("Seed", self.seed.to_string()),
            ("Run folder", self.run_dir.display().to_string()),
        ];
        data.into_iter().chain(facts).chain(always).collect()
    }

    /// Passes the facts to the report, if one is being made.
    fn tell(&self) -> Result<(), NotebookError> {
        let Some(path) = std::env::var_os(FACTS_VARIABLE).map(PathBuf::from) else {
            return Ok(());
        };
        // A line for each.
        let one_line = |text: &str| text.replace(['\t', '\n', '\r'], " ");
        let rows = self.rows();
        let lines = rows
            .iter()
            .map(|(name, value)| format!("{}\t{}\n", one_line(name), one_line(value)));
        let lines: String = lines.collect();
        write_file(&path, lines.as_bytes()).map_err(|source| NotebookError::Write { path, source })
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

shown_as!(Session => table);

fn table(session: &Session) -> Table {
    let mut table = Table::new(&["", ""]).header_column();
    for (name, value) in session.rows() {
        table.push(&[name, &value]);
    }
    table
}

#[cfg(test)]
mod tests {
    use labbook_nn::Sequential;

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

    fn session() -> Session {
        Session {
            seed: 3,
            device: Device::Cpu,
            runs: Runs::at("nowhere"),
            run_dir: "nowhere/at/all".into(),
            data: None,
            facts: Vec::new(),
        }
    }

    #[test]
    fn facts_stand_between_the_data_and_the_device() -> Result<(), NotebookError> {
        let mut session = session();
        session.set_fact("Crop", "wheat")?;
        session.set_fact("Crop", "rye")?;
        session.set_data("fields.csv, 300 rows")?;
        let rows = session.rows();
        let names: Vec<&str> = rows.iter().map(|(name, _)| *name).collect();
        let expected = ["Data", "Crop", "Device", "Versions", "Seed", "Run folder"];
        assert_eq!(names, expected);
        assert_eq!(rows[1].1, "rye");
        Ok(())
    }

    #[test]
    fn a_seed_is_that_of_the_models_to_come() -> Result<(), NotebookError> {
        let mut session = session();
        let answers = || -> Result<Vec<f32>, NotebookError> {
            let mut model = Sequential::on(Device::Cpu);
            model.add(labbook_nn::Dense::new(2).input_shape(3));
            let x = tch::Tensor::ones([1, 3], tch::kind::FLOAT_CPU);
            Ok(Vec::try_from(model.predict(&x)?.flatten(0, -1))?)
        };
        session.set_seed(5)?;
        let first = answers()?;
        session.set_seed(6)?;
        assert_ne!(answers()?, first);
        session.set_seed(5)?;
        assert_eq!((answers()?, session.seed()), (first, 5));
        Ok(())
    }
}
