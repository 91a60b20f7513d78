use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::case::Case;
use crate::ledger::Ledger;
use crate::search::{Ended, Halving, Search, at_random, of_grid, propose, spread};
use crate::setting::{Domain, Settings};
use crate::study_file;
use crate::{Result, StudyError};

/// Which of two figures is the better one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The larger, as of an accuracy.
    Max,
    /// The smaller, as of a loss.
    Min,
}

impl Direction {
    /// The figure turned so that less is better; what is no number is worst.
    pub(crate) fn loss(self, figure: f64) -> f64 {
        match self {
            _ if figure.is_nan() => f64::INFINITY,
            Self::Max => -figure,
            Self::Min => figure,
        }
    }
}

/// A training program with settings and seeds to run it with, read from a study file.
///
/// A *trial* is one choice of settings, a *case* one seed of a trial. Cases are numbered from 0: all seeds of the
/// first trial, then of the second; where there is [halving](crate#successive-halving), rung after rung. A number
/// always means the same settings: those of a grid or drawn at random follow from the file alone, those that a
/// search chooses by results from the file and the records of the cases before, without which the case has to
/// [wait](StudyError::Waits).
///
/// ```
/// use labbook_study::Study;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # let path = dir.path().join("digits.toml");
/// std::fs::write(&path, r#"
/// program = "train.rs"
/// seeds = [0, 1]
/// metric = "val_accuracy"
/// direction = "max"
///
/// [settings]
/// epochs = 5
/// optimizer = ["sgd", "adam"]
/// units = { min_value = 16, max_value = 64, step = 16 }
/// "#)?;
/// let study = Study::open(&path)?;
/// assert_eq!((study.name(), study.cases()), ("digits", 2 * 4 * 2));
/// let hp = study.case(3)?;
/// assert_eq!((hp.choice("optimizer")?, hp.int("units")?, hp.seed()), ("sgd", 32, 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Study {
    pub(crate) file: PathBuf,
    pub(crate) name: String,
    pub(crate) program: PathBuf,
    pub(crate) records: PathBuf,
    /// Whether trained models are kept beside the records.
    pub(crate) save_models: bool,
    pub(crate) seeds: Vec<u64>,
    pub(crate) metric: String,
    pub(crate) direction: Direction,
    pub(crate) settings: Vec<(String, Domain)>,
    pub(crate) search: Search,
    pub(crate) halving: Option<Halving>,
}

/// Where a case stands among the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) rung: usize,
    /// Of this rung, from 0; in the first rung the trial's own number.
    pub(crate) slot: usize,
    pub(crate) seed: u64,
}

impl Study {
    /// Reads a study file.
    ///
    /// # Errors
    /// [`StudyError::Read`], and [`StudyError::File`] for what is misspelt, missing or cannot be.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        study_file::read(path.as_ref())
    }

    /// Its name: that in the file, else the file's own, else that of its folder.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The study file.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The training program: a Rust file, or a program that takes the words of `labbook run`.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// The folder of its records: `records` in the file, else `runs/NAME` beside it.
    #[must_use]
    pub fn records(&self) -> &Path {
        &self.records
    }

    /// The figure that cases are compared by.
    #[must_use]
    pub fn metric(&self) -> &str {
        &self.metric
    }

    /// Which of two figures is the better one.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// The seeds that every trial is run with.
    #[must_use]
    pub fn seeds(&self) -> &[u64] {
        &self.seeds
    }

    /// The settings by name, in alphabetical order, and what they may be.
    #[must_use]
    pub fn settings(&self) -> &[(String, Domain)] {
        &self.settings
    }

    /// The names of the columns that tell cases apart: settings that vary, and what halving gives values.
    #[must_use]
    pub fn varied(&self) -> Vec<&str> {
        let varied = self
            .settings
            .iter()
            .filter(|(_, domain)| domain.count() != Some(1));
        let halved = self.halving.iter().map(|halving| halving.setting.as_str());
        varied
            .map(|(name, _)| name.as_str())
            .chain(halved)
            .collect()
    }

    /// How many cases it has.
    #[must_use]
    pub fn cases(&self) -> usize {
        self.checked_cases().unwrap_or(usize::MAX)
    }

    /// The settings and the seed of a case.
    ///
    /// # Errors
    /// [`StudyError::UnknownCase`]; [`StudyError::Waits`] for a case that is chosen by results that are not
    /// there yet; [`StudyError::Foreign`] for records of a study that the file no longer describes.
    pub fn case(&self, number: usize) -> Result<Case> {
        self.case_of(number, &Ledger::new(self, &self.records))
    }

    /// The file of a case's record in the study's folder.
    #[must_use]
    pub fn record_path(&self, number: usize) -> PathBuf {
        self.records.join(record_name(number))
    }

    /// The cases whose results decide what this one is: none where the file alone does.
    ///
    /// # Errors
    /// [`StudyError::UnknownCase`].
    pub fn waits_for(&self, number: usize) -> Result<Range<usize>> {
        let place = self.place(number)?;
        if place.rung > 0 {
            return Ok(self.rung(place.rung - 1));
        }
        Ok(match self.search {
            Search::Tpe { startup, batch, .. } if place.slot >= startup => {
                let known = startup + (place.slot - startup) / batch * batch;
                0..known * self.seeds.len()
            }
            _ => 0..0,
        })
    }

    /// A case whose choice looks up earlier results in a ledger.
    pub(crate) fn case_of(&self, number: usize, ledger: &Ledger<'_>) -> Result<Case> {
        let place = self.place(number)?;
        let (trial, mut settings) = match &self.halving {
            None => (place.slot, self.chosen(place.slot, number, ledger)?),
            Some(_) => {
                let trial = self.survivors(place.rung, number, ledger)?[place.slot];
                (trial, self.chosen(trial, number, ledger)?)
            }
        };
        if let Some(halving) = &self.halving {
            let value = halving.values[place.rung];
            settings.insert(halving.setting.clone(), crate::SettingValue::Int(value));
        }
        Ok(Case {
            study: self.name.clone(),
            number,
            trial,
            seed: place.seed,
            settings,
        })
    }

    pub(crate) fn place(&self, number: usize) -> Result<Place> {
        for rung in 0..self.rungs() {
            let cases = self.rung(rung);
            if cases.contains(&number) {
                let within = number - cases.start;
                return Ok(Place {
                    rung,
                    slot: within / self.seeds.len(),
                    seed: self.seeds[within % self.seeds.len()],
                });
            }
        }
        Err(StudyError::UnknownCase {
            last: self.cases().saturating_sub(1),
            received: number,
        })
    }

    pub(crate) fn rungs(&self) -> usize {
        self.halving
            .as_ref()
            .map_or(1, |halving| halving.values.len())
    }

    /// The cases of a rung.
    pub(crate) fn rung(&self, rung: usize) -> Range<usize> {
        let cases = |rung| self.rung_trials(rung) * self.seeds.len();
        let start = (0..rung).map(cases).sum();
        start..start + cases(rung)
    }

    fn rung_trials(&self, rung: usize) -> usize {
        let all = self.trials().unwrap_or(usize::MAX);
        match &self.halving {
            None => all,
            Some(halving) => halving.trials(all, rung),
        }
    }

    fn trials(&self) -> Option<usize> {
        match self.search {
            Search::Grid => {
                let counts = self.settings.iter().map(|(_, domain)| domain.count());
                counts
                    .into_iter()
                    .try_fold(1_usize, |all, count| all.checked_mul(count?))
            }
            Search::Random { trials, .. } | Search::Tpe { trials, .. } => Some(trials),
        }
    }

    /// How many cases there are, if a number can hold them.
    pub(crate) fn checked_cases(&self) -> Option<usize> {
        let all = self.trials()?;
        let of_rung = |rung| match &self.halving {
            None => all,
            Some(halving) => halving.trials(all, rung),
        };
        let trials = (0..self.rungs())
            .map(of_rung)
            .try_fold(0_usize, usize::checked_add)?;
        trials.checked_mul(self.seeds.len())
    }

    /// The settings of a trial.
    fn chosen(&self, trial: usize, number: usize, ledger: &Ledger<'_>) -> Result<Settings> {
        Ok(match self.search {
            Search::Grid => of_grid(&self.settings, trial),
            Search::Random { seed, .. } => at_random(&self.settings, seed, trial),
            Search::Tpe { seed, startup, .. } if trial < startup => {
                spread(&self.settings, seed, trial, startup)
            }
            Search::Tpe { seed, .. } => {
                let known = self.waits_for(number)?;
                let mut ended = Vec::new();
                for first in known.clone().step_by(self.seeds.len()) {
                    let cases = first..first + self.seeds.len();
                    let loss = self.mean_loss(cases, &known, number, ledger)?;
                    let settings = ledger.settings(first)?.unwrap_or_default();
                    ended.push(Ended { settings, loss });
                }
                propose(&self.settings, &ended, seed, trial)
            }
        })
    }

    /// The trials of a rung, by their own numbers, the best of the rung before first.
    fn survivors(&self, rung: usize, number: usize, ledger: &Ledger<'_>) -> Result<Vec<usize>> {
        let mut trials: Vec<usize> = (0..self.rung_trials(0)).collect();
        for before in 0..rung {
            let known = self.rung(before);
            let mut losses = Vec::new();
            for (slot, trial) in trials.iter().enumerate() {
                let first = known.start + slot * self.seeds.len();
                let cases = first..first + self.seeds.len();
                losses.push((self.mean_loss(cases, &known, number, ledger)?, *trial));
            }
            losses.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            losses.truncate(self.rung_trials(before + 1));
            trials = losses.into_iter().map(|(_, trial)| trial).collect();
        }
        Ok(trials)
    }

    /// The mean over seeds; infinite where one failed or diverged.
    fn mean_loss(
        &self,
        cases: Range<usize>,
        known: &Range<usize>,
        number: usize,
        ledger: &Ledger<'_>,
    ) -> Result<f64> {
        let mut sum = 0.0;
        for case in cases.clone() {
            sum += ledger.loss(case)?.ok_or(StudyError::Waits {
                case: number,
                first: known.start,
                last: known.end.saturating_sub(1),
                missing: case,
            })?;
        }
        let mean = sum / cases.len() as f64;
        // Infinity less infinity would be no number.
        Ok(if mean.is_nan() { f64::INFINITY } else { mean })
    }
}

/// The name of a case's record.
pub(crate) fn record_name(number: usize) -> String {
    format!("case-{number:05}.json")
}
