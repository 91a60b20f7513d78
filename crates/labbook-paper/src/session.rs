use std::path::{Path, PathBuf};

use labbook_data::datasets::cifar10;
use labbook_data::{ImageSets, Provenance};
use labbook_nn::{Evaluation, History, Sequential};
use labbook_notebook::{Versions, shown_as};
use tch::Device;

use crate::{
    Beyond, Comparison, Experiment, ExperimentFacts, ExperimentRecord, ExperimentRuns, PaperError,
    Result, Results, Scale, SpeedRun,
};

/// Experiment 16 with batch normalisation, augmentation and a schedule.
const REMEDIES: u32 = 17;
/// Chooses the scale.
const SCALE_VARIABLE: &str = "LABBOOK_SCALE";

/// One run of a notebook that follows the paper: the general
/// [session](labbook_notebook::Session) with a scale and the paper's data.
#[derive(Clone, Debug)]
pub struct Session {
    session: labbook_notebook::Session,
    scale: Scale,
    data: Option<Provenance>,
}

impl Session {
    /// Begins a run as [`labbook_notebook::Session::start`] does, and chooses its scale.
    ///
    /// The scale is `LABBOOK_SCALE`; without it laptop where CIFAR-10 is found, else smoke.
    ///
    /// # Errors
    /// [`PaperError::UnknownScale`] for a scale that is none of the three, [`PaperError::Data`] when
    /// `LABBOOK_DATA` leads nowhere, [`PaperError::Notebook`] when the run's folder cannot be made.
    pub fn start(name: &str) -> Result<Self> {
        let found = cifar10::locate()?;
        let chosen = std::env::var(SCALE_VARIABLE).unwrap_or_default();
        let scale = match (chosen.as_str(), &found) {
            ("", Some(_)) => Scale::laptop(),
            ("", None) => Scale::smoke(),
            (name, _) => Scale::named(name)?,
        };
        let mut session = Self {
            session: labbook_notebook::Session::start(name)?,
            scale,
            data: None,
        };
        session.set_scale(scale)?;
        Ok(session)
    }

    /// How much of the original's work this run does.
    #[must_use]
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// Changes the scale; before the data cells, as they take their sizes from it.
    ///
    /// # Errors
    /// [`PaperError::Notebook`] when the report's header cannot be told.
    pub fn set_scale(&mut self, scale: Scale) -> Result<()> {
        self.scale = scale;
        Ok(self.session.set_fact("Scale", scale.to_string())?)
    }

    /// Seed of everything random.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.session.seed()
    }

    /// Changes the seed; see [`labbook_notebook::Session::set_seed`].
    ///
    /// # Errors
    /// [`PaperError::Notebook`] when the report's header cannot be told.
    pub fn set_seed(&mut self, seed: u64) -> Result<()> {
        Ok(self.session.set_seed(seed)?)
    }

    /// CUDA where there is a GPU, else the CPU.
    #[must_use]
    pub fn device(&self) -> Device {
        self.session.device()
    }

    /// The folder for this run's checkpoints and results.
    #[must_use]
    pub fn run_dir(&self) -> &Path {
        self.session.run_dir()
    }

    /// A file in the run's folder; see [`labbook_notebook::Session::checkpoint`].
    #[must_use]
    pub fn checkpoint(&self, name: &str) -> String {
        self.session.checkpoint(name)
    }

    /// The newest model in the run's folder whose file name begins with `prefix`.
    ///
    /// # Errors
    /// [`PaperError::Notebook`] when there is none.
    pub fn latest_checkpoint(&self, prefix: &str) -> Result<PathBuf> {
        Ok(self.session.latest_checkpoint(prefix)?)
    }

    /// CIFAR-10, or the drawn set where there is none.
    ///
    /// # Errors
    /// [`PaperError::Data`] for files that are incomplete or damaged.
    pub fn load_data(&mut self) -> Result<ImageSets> {
        let data = cifar10::load_data()?;
        self.session.set_data(data.provenance.to_string())?;
        self.data = Some(data.provenance.clone());
        Ok(data)
    }

    /// Keeps a training and its test among the records of runs, and returns the record, which
    /// shows itself beside the paper's figures.
    ///
    /// # Errors
    /// [`PaperError::NoData`] before [`load_data`](Self::load_data); [`PaperError::Record`] when the
    /// training has no finished epoch, the model another seed than the session, or the file cannot
    /// be written; [`PaperError::Facts`] when the test has no accuracy.
    pub fn record(
        &self,
        experiment: u32,
        model: &Sequential,
        history: &History,
        test: &Evaluation,
    ) -> Result<ExperimentRecord> {
        let facts = self.facts()?;
        let mut record = ExperimentRecord::new(&facts, experiment, model, history, test)?;
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
        self.runs().save(&record)?;
        Ok(record)
    }

    /// The latest record of each of the sixteen experiments with this scale, seed and data, beside
    /// the paper's figures.
    ///
    /// # Errors
    /// [`PaperError::NoData`] before [`load_data`](Self::load_data); [`PaperError::Record`] when the
    /// folder of records cannot be read.
    pub fn results(&self) -> Result<Results> {
        let facts = self.facts()?;
        // The latest of each comes last.
        let mut records = self.runs().records()?;
        records.retain(|record| {
            Experiment::numbered(record.experiment).is_ok() && record.belongs_to(&facts)
        });
        Ok(Results {
            comparison: Comparison::of(&records),
        })
    }

    /// What is on record with this session's data and device: the paper's experiments, and those
    /// that go beyond them with all their seeds; see [`Beyond::of`].
    ///
    /// # Errors
    /// [`PaperError::NoData`] before [`load_data`](Self::load_data); [`PaperError::Record`] when the
    /// folder of records cannot be read.
    pub fn beyond(&self) -> Result<Beyond> {
        Ok(Beyond::of(self.runs().records()?, &self.facts()?))
    }

    fn runs(&self) -> ExperimentRuns {
        ExperimentRuns::at(self.session.runs().path())
    }

    /// What this session's runs have in common.
    fn facts(&self) -> Result<ExperimentFacts> {
        let data = self.data.as_ref().ok_or(PaperError::NoData)?;
        let versions = Versions::of_this_build().line();
        Ok(ExperimentFacts::new(
            self.scale,
            self.seed(),
            data,
            self.device(),
            versions,
        ))
    }
}

shown_as!(Session => |session| session.session.clone());
