use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use labbook_data::cifar10;
use labbook_experiments::{Scale, device_description};
use tch::Device;

use crate::error::NotebookError;
use crate::render::Render;
use crate::table::Table;
use crate::versions::Versions;

/// Names the file into which a run's facts go, for the header of its report.
const FACTS_VARIABLE: &str = "LABBOOK_SESSION";
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
    run_dir: PathBuf,
    facts: Vec<(String, String)>,
}

impl Session {
    /// Begins a run: chooses scale and device, seeds every random choice, makes the run's folder
    /// `runs/NAME` beside the notebook.
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
        let run_dir = PathBuf::from("runs").join(name);
        fs::create_dir_all(&run_dir).map_err(|source| NotebookError::Write {
            path: run_dir.clone(),
            source,
        })?;
        let mut session = Session {
            scale,
            device: Device::cuda_if_available(),
            seed,
            run_dir,
            facts: Vec::new(),
        };
        session.record()?;
        Ok(session)
    }

    /// The folder for this run's checkpoints and results.
    #[must_use]
    pub fn run_dir(&self) -> &Path {
        &self.run_dir
    }

    /// Changes the scale.
    ///
    /// # Errors
    /// [`NotebookError::Write`] when the report's header cannot be told.
    pub fn set_scale(&mut self, scale: Scale) -> Result<(), NotebookError> {
        self.scale = scale;
        self.record()
    }

    /// CIFAR-10, or the drawn set where there is none.
    ///
    /// # Errors
    /// [`NotebookError::Data`] for files that are incomplete or damaged.
    pub fn load_data(&mut self) -> Result<labbook_data::Cifar10, NotebookError> {
        let data = cifar10::load_data()?;
        self.facts
            .push(("Data".to_owned(), data.provenance.to_string()));
        self.record()?;
        Ok(data)
    }

    /// Renews the facts and passes them to the report, if one is being made.
    fn record(&mut self) -> Result<(), NotebookError> {
        let data = self.facts.iter().find(|(name, _)| name == "Data").cloned();
        self.facts = data.into_iter().collect();
        let mut add = |name: &str, value: String| self.facts.push((name.to_owned(), value));
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
