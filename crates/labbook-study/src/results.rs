use labbook_nn::Model;
use labbook_records::{RecordProblem, RunRecord, Spread};

use crate::case::Case;
use crate::ledger::{failed, recorded};
use crate::paired::PairedComparison;
use crate::run_case::model_path;
use crate::setting::Settings;
use crate::study::Study;
use crate::{Result, StudyError};

/// What is on record of a study, perhaps while it runs.
#[derive(Clone, Debug, PartialEq)]
pub struct StudyResults {
    study: Study,
    cases: Vec<FinishedCase>,
    failed: Vec<(usize, String)>,
    problems: Vec<RecordProblem>,
}

/// A case with its record.
#[derive(Clone, Debug, PartialEq)]
pub struct FinishedCase {
    /// Settings and seed.
    pub case: Case,
    /// What came of it.
    pub record: RunRecord,
    /// The study's figure; NaN where it diverged or was not measured.
    pub value: f64,
}

/// All that is on record of one choice of settings.
#[derive(Clone, Debug, PartialEq)]
pub struct TrialResult {
    /// The trial's number.
    pub trial: usize,
    /// Its settings.
    pub settings: Settings,
    /// The study's figure by seed.
    pub values: Vec<(u64, f64)>,
    /// Mean and spread of the figure over seeds.
    pub spread: Spread,
}

impl Study {
    /// What is on record so far.
    ///
    /// # Errors
    /// [`StudyError::Read`] when the folder of records cannot be read.
    pub fn results(&self) -> Result<StudyResults> {
        let mut results = StudyResults {
            study: self.clone(),
            cases: Vec::new(),
            failed: Vec::new(),
            problems: Vec::new(),
        };
        for number in 0..self.cases() {
            results.look(number)?;
        }
        Ok(results)
    }
}

impl StudyResults {
    fn look(&mut self, number: usize) -> Result<()> {
        let path = self.study.record_path(number);
        match recorded(&self.study, number, &path) {
            Ok(Some((case, record))) => {
                let value = record.metric(self.study.metric()).unwrap_or(f64::NAN);
                self.cases.push(FinishedCase {
                    case,
                    record,
                    value,
                });
            }
            Ok(None) => {
                if let Some(failed) = failed(&path)? {
                    self.failed.push((number, failed.reason));
                }
            }
            Err(error @ (StudyError::Foreign { .. } | StudyError::Record(_))) => {
                let reason = error.to_string();
                self.problems.push(RecordProblem { path, reason });
            }
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// The study.
    #[must_use]
    pub fn study(&self) -> &Study {
        &self.study
    }

    /// The cases on record by number.
    #[must_use]
    pub fn cases(&self) -> &[FinishedCase] {
        &self.cases
    }

    /// The cases that cannot be run, and why.
    #[must_use]
    pub fn failed(&self) -> &[(usize, String)] {
        &self.failed
    }

    /// Files in the places of records that are none of this study, and why.
    #[must_use]
    pub fn problems(&self) -> &[RecordProblem] {
        &self.problems
    }

    /// Trials by their figures, the best mean first; those without a finite mean last. With
    /// [halving](crate#successive-halving) a trial stands once for every rung that it reached.
    #[must_use]
    pub fn trials(&self) -> Vec<TrialResult> {
        let mut trials: Vec<TrialResult> = Vec::new();
        for finished in &self.cases {
            let (case, value) = (&finished.case, (finished.case.seed(), finished.value));
            // The seeds of a trial follow each other.
            let known = trials
                .last_mut()
                .filter(|trial| trial.settings == *case.settings());
            match known {
                Some(trial) => trial.values.push(value),
                None => trials.push(TrialResult {
                    trial: case.trial(),
                    settings: case.settings().clone(),
                    values: vec![value],
                    spread: NO_SPREAD,
                }),
            }
        }
        for trial in &mut trials {
            let values: Vec<f64> = trial.values.iter().map(|(_, value)| *value).collect();
            trial.spread = Spread::of(&values).unwrap_or(NO_SPREAD);
        }
        let loss = |trial: &TrialResult| self.study.direction().loss(trial.spread.mean);
        trials.sort_by(|a, b| loss(a).total_cmp(&loss(b)));
        trials
    }

    /// The trial with the best mean, of those with all seeds on record; with halving, of those of the last rung
    /// that has any. The best of many is better by luck than it would be on new data.
    #[must_use]
    pub fn best(&self) -> Option<TrialResult> {
        let seeds = self.study.seeds().len();
        let mut whole = self.trials();
        whole.retain(|trial| trial.values.len() == seeds && trial.spread.mean.is_finite());
        if let Some(halving) = &self.study.halving {
            let value = |trial: &TrialResult| match trial.settings.get(&halving.setting) {
                Some(crate::SettingValue::Int(value)) => *value,
                _ => 0,
            };
            let most = whole.iter().map(value).max()?;
            whole.retain(|trial| value(trial) == most);
        }
        whole.into_iter().next()
    }

    /// The record of the best trial's best seed.
    #[must_use]
    pub fn best_case(&self) -> Option<&FinishedCase> {
        let best = self.best()?;
        let cases = self
            .cases
            .iter()
            .filter(|finished| *finished.case.settings() == best.settings);
        let loss = |finished: &&FinishedCase| self.study.direction().loss(finished.value);
        cases.min_by(|a, b| loss(a).total_cmp(&loss(b)))
    }

    /// The trained model of that record, kept where the study file says `save_models = true`.
    ///
    /// # Errors
    /// [`StudyError::Model`] when no model was kept, or there is no best trial yet.
    pub fn best_model(&self) -> Result<Model> {
        let number = self
            .best_case()
            .map_or(0, |finished| finished.case.number());
        Ok(Model::load(model_path(&self.study.record_path(number)))?)
    }

    /// Two trials of [`trials`](Self::trials) seed by seed; `None` where they have no seed in common.
    #[must_use]
    pub fn compare(&self, one: &TrialResult, other: &TrialResult) -> Option<PairedComparison> {
        let pair = |(seed, value): &(u64, f64)| {
            let found = other.values.iter().find(|(known, _)| known == seed);
            found.map(|(_, there)| value - there)
        };
        let differences: Vec<f64> = one.values.iter().filter_map(pair).collect();
        PairedComparison::of(&differences)
    }
}

/// Of no values; replaced before anybody sees it.
const NO_SPREAD: Spread = Spread {
    count: 0,
    mean: f64::NAN,
    deviation: None,
    lowest: f64::NAN,
    highest: f64::NAN,
};
