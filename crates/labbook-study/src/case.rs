use labbook_records::RunRecord;
use serde_json::{Value, json};

use crate::setting::{SettingValue, Settings};
use crate::{Result, StudyError};

/// One run of a study: settings and a seed.
///
/// Settings are asked for as by KerasTuner's `hp`: [`int`](Self::int), [`float`](Self::float),
/// [`choice`](Self::choice), [`boolean`](Self::boolean).
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    pub(crate) study: String,
    pub(crate) number: usize,
    pub(crate) trial: usize,
    pub(crate) seed: u64,
    pub(crate) settings: Settings,
}

impl Case {
    /// Its number, from 0.
    #[must_use]
    pub fn number(&self) -> usize {
        self.number
    }

    /// The number of its settings, from 0: cases of one trial differ in their seeds alone.
    #[must_use]
    pub fn trial(&self) -> usize {
        self.trial
    }

    /// Seed of kernels, shuffles and dropout; models that are built in the run have it already.
    #[must_use]
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// All settings by name.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// A whole number.
    ///
    /// # Errors
    /// [`StudyError::Setting`] where the study has no such setting, or not as a whole number.
    pub fn int(&self, name: &str) -> Result<i64> {
        match self.value(name, "a whole number")? {
            SettingValue::Int(value) => Ok(*value),
            other => Err(wrong(name, "a whole number", other)),
        }
    }

    /// A number.
    ///
    /// # Errors
    /// [`StudyError::Setting`] where the study has no such setting, or not as a number.
    pub fn float(&self, name: &str) -> Result<f64> {
        match self.value(name, "a number")? {
            SettingValue::Float(value) => Ok(*value),
            SettingValue::Int(value) => Ok(*value as f64),
            other => Err(wrong(name, "a number", other)),
        }
    }

    /// A word.
    ///
    /// # Errors
    /// [`StudyError::Setting`] where the study has no such setting, or not as a word.
    pub fn choice(&self, name: &str) -> Result<&str> {
        match self.value(name, "a word")? {
            SettingValue::Text(value) => Ok(value),
            other => Err(wrong(name, "a word", other)),
        }
    }

    /// True or false.
    ///
    /// # Errors
    /// [`StudyError::Setting`] where the study has no such setting, or neither as true nor as false.
    pub fn boolean(&self, name: &str) -> Result<bool> {
        match self.value(name, "true or false")? {
            SettingValue::Boolean(value) => Ok(*value),
            other => Err(wrong(name, "true or false", other)),
        }
    }

    fn value(&self, name: &str, expected: &str) -> Result<&SettingValue> {
        self.settings.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.settings.keys().map(String::as_str).collect();
            StudyError::Setting {
                name: name.to_owned(),
                expected: expected.to_owned(),
                received: format!("none of this name among {}", known.join(", ")),
                advice: "add it to [settings] of the study file, or ask for another".to_owned(),
            }
        })
    }

    /// What a record keeps of the case, besides the seed.
    pub(crate) fn facts(&self) -> [(&'static str, Value); 4] {
        [
            ("study", json!(self.study)),
            ("case", json!(self.number)),
            ("trial", json!(self.trial)),
            ("settings", json!(self.settings)),
        ]
    }

    /// The case that a record is of, if it is of one.
    pub(crate) fn of_record(record: &RunRecord) -> Option<Self> {
        let fact = |name: &str| record.facts.get(name);
        let number = |name: &str| usize::try_from(fact(name)?.as_u64()?).ok();
        Some(Self {
            study: fact("study")?.as_str()?.to_owned(),
            number: number("case")?,
            trial: number("trial")?,
            seed: record.seed,
            settings: serde_json::from_value(fact("settings")?.clone()).ok()?,
        })
    }

    /// In a few words, such as `case 3 of digits (seed 1, optimizer sgd, units 32)`.
    pub(crate) fn described(&self) -> String {
        let settings = self
            .settings
            .iter()
            .map(|(name, value)| format!(", {name} {value}"));
        format!(
            "case {} of {} (seed {}{})",
            self.number,
            self.study,
            self.seed,
            settings.collect::<String>()
        )
    }
}

fn wrong(name: &str, expected: &str, received: &SettingValue) -> StudyError {
    let form = match received {
        SettingValue::Boolean(_) => "boolean",
        SettingValue::Int(_) => "int",
        SettingValue::Float(_) => "float",
        SettingValue::Text(_) => "choice",
    };
    StudyError::Setting {
        name: name.to_owned(),
        expected: expected.to_owned(),
        received: format!("{received}"),
        advice: format!("ask for it with .{form}(\"{name}\"), or change it in the study file"),
    }
}
