//! Which settings the study's figure depends on.

mod forest;

use labbook_records::Spread;

use crate::results::StudyResults;
use crate::setting::{Domain, SettingValue};
use crate::{Result, StudyError};

use forest::{Sample, explained};

/// With fewer trials nothing can be told from chance.
const FEWEST: usize = 4;

/// How much of what differs between a study's trials each setting explains alone.
///
/// The figure, averaged over seeds, is learned by a forest of regression trees over the settings' ranges, as lists and
/// scales of the study file have them. The share of its variance over all of these ranges, equally likely, that one
/// setting causes is the setting's importance: the first order of functional ANOVA (Hutter, Hoos and Leyton-Brown, "An
/// Efficient Approach for Assessing Hyperparameter Importance", 2014; they take the shares of each tree and average
/// these, which gives single settings less than is theirs). What settings do only together is in [`together`](Self::together).
///
/// It says what the forest learned, chance included: with few trials per setting even one that does nothing has some
/// importance.
#[derive(Clone, Debug, PartialEq)]
pub struct SettingImportances {
    /// The study's figure.
    pub metric: String,
    /// How many trials were learned from; those that failed or diverged are none of them.
    pub trials: usize,
    /// Settings that vary, with shares of the variance from 0 to 1, the most important first.
    pub settings: Vec<(String, f64)>,
    /// The share that settings have together only.
    pub together: f64,
}

impl StudyResults {
    /// Which settings the study's figure depends on, by what is on record so far. With
    /// [halving](crate#successive-halving) the first rung counts, in which all trials had the same.
    ///
    /// # Errors
    /// [`StudyError::TooFew`] with fewer than four trials with a figure, with no setting that varies among them, and
    /// where the figure is the same for all.
    pub fn importances(&self) -> Result<SettingImportances> {
        let study = self.study();
        let known = self.trials();
        let known: Vec<_> = known
            .iter()
            .filter(|trial| trial.spread.mean.is_finite())
            .filter(|trial| self.is_of_first_rung(&trial.settings))
            .collect();
        let varied: Vec<&(String, Domain)> = study
            .settings()
            .iter()
            .filter(|(_, domain)| domain.count() != Some(1))
            .collect();
        let too_few = |expected: &str, received: String| StudyError::TooFew {
            expected: expected.to_owned(),
            received,
        };
        if varied.is_empty() {
            return Err(too_few("settings with several values", "none".to_owned()));
        }
        let sample = |trial: &&crate::TrialResult| -> Option<Sample> {
            let place = |(name, domain): &&(String, Domain)| domain.unit(trial.settings.get(name)?);
            Some(Sample {
                places: varied.iter().map(place).collect::<Option<_>>()?,
                value: trial.spread.mean,
            })
        };
        let samples: Vec<Sample> = known.iter().filter_map(sample).collect();
        if samples.len() < FEWEST {
            let expected = format!("at least {FEWEST} trials with a finite {}", study.metric());
            return Err(too_few(&expected, samples.len().to_string()));
        }
        let values: Vec<f64> = samples.iter().map(|sample| sample.value).collect();
        let Some((shares, together)) = explained(&samples, varied.len()) else {
            let lowest = Spread::of(&values).map_or(f64::NAN, |spread| spread.lowest);
            let expected = format!("trials that differ in {}", study.metric());
            return Err(too_few(&expected, format!("{lowest} for all")));
        };
        let names = varied.iter().map(|(name, _)| name.clone());
        let mut settings: Vec<(String, f64)> = names.zip(shares).collect();
        settings.sort_by(|a, b| b.1.total_cmp(&a.1));
        Ok(SettingImportances {
            metric: study.metric().to_owned(),
            trials: samples.len(),
            settings,
            together,
        })
    }

    fn is_of_first_rung(&self, settings: &crate::Settings) -> bool {
        self.study().halving.as_ref().is_none_or(|halving| {
            settings.get(&halving.setting) == Some(&SettingValue::Int(halving.values[0]))
        })
    }
}
