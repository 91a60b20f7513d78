//! What came of cases, looked up in a folder of records.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use labbook_files::write_file;
use labbook_records::RunRecord;
use serde::{Deserialize, Serialize};

use crate::case::Case;
use crate::setting::Settings;
use crate::study::{Study, record_name};
use crate::{Result, StudyError};

/// A case that cannot be run: what stands in the file beside its record's place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Failed {
    pub(crate) study: String,
    pub(crate) case: usize,
    pub(crate) settings: Settings,
    pub(crate) reason: String,
}

/// How a case ended.
#[derive(Clone, Debug)]
struct Ending {
    settings: Settings,
    loss: f64,
}

/// The endings of a study's cases; each file is read once.
#[derive(Debug)]
pub(crate) struct Ledger<'a> {
    study: &'a Study,
    folder: PathBuf,
    known: RefCell<HashMap<usize, Ending>>,
}

impl<'a> Ledger<'a> {
    pub(crate) fn new(study: &'a Study, folder: &Path) -> Self {
        Self {
            study,
            folder: folder.to_owned(),
            known: RefCell::default(),
        }
    }

    /// The figure of a case, turned so that less is better, infinite of one that failed; `None` while it has
    /// not ended.
    pub(crate) fn loss(&self, number: usize) -> Result<Option<f64>> {
        Ok(self.ending(number)?.map(|ending| ending.loss))
    }

    /// The settings that it was run with.
    pub(crate) fn settings(&self, number: usize) -> Result<Option<Settings>> {
        Ok(self.ending(number)?.map(|ending| ending.settings))
    }

    fn ending(&self, number: usize) -> Result<Option<Ending>> {
        if let Some(known) = self.known.borrow().get(&number) {
            return Ok(Some(known.clone()));
        }
        let path = self.folder.join(record_name(number));
        let ending = match path.try_exists().unwrap_or(true) {
            true => {
                let record = RunRecord::read(&path)?;
                let case = case_in(&path, &record, self.study.name(), number)?;
                let figure = record.metric(&self.study.metric).unwrap_or(f64::NAN);
                Ending {
                    settings: case.settings,
                    loss: self.study.direction.loss(figure),
                }
            }
            false => match failed(&path)?.filter(|failed| failed.study == self.study.name) {
                Some(failed) => Ending {
                    settings: failed.settings,
                    loss: f64::INFINITY,
                },
                None => return Ok(None),
            },
        };
        self.known.borrow_mut().insert(number, ending.clone());
        Ok(Some(ending))
    }
}

/// The case that a record is of, which has to be that of this study and number.
pub(crate) fn case_in(path: &Path, record: &RunRecord, study: &str, number: usize) -> Result<Case> {
    let case = Case::of_record(record);
    match case {
        Some(case) if case.study == study && case.number == number => Ok(case),
        other => Err(StudyError::Foreign {
            path: path.to_owned(),
            expected: format!("case {number} of {study}"),
            received: other.map_or_else(|| format!("\"{}\"", record.name), |case| case.described()),
        }),
    }
}

/// The record in a case's file, if it is there; it has to be of this very case, as far as the file tells which
/// that is.
pub(crate) fn recorded(
    study: &Study,
    number: usize,
    path: &Path,
) -> Result<Option<(Case, RunRecord)>> {
    if !path.try_exists().unwrap_or(true) {
        return Ok(None);
    }
    let record = RunRecord::read(path)?;
    let case = case_in(path, &record, study.name(), number)?;
    let expected = match study.waits_for(number)?.is_empty() {
        true => study.case(number)?,
        // Which settings a search chose is for its records to say.
        false => Case {
            seed: study.place(number)?.seed,
            ..case.clone()
        },
    };
    match expected == case {
        true => Ok(Some((case, record))),
        false => Err(StudyError::Foreign {
            path: path.to_owned(),
            expected: expected.described(),
            received: case.described(),
        }),
    }
}

/// Where it is said that the case of a record cannot be run.
pub(crate) fn failed_path(record: &Path) -> PathBuf {
    record.with_extension("failed")
}

/// Why a case cannot be run, if it was found out.
pub(crate) fn failed(record: &Path) -> Result<Option<Failed>> {
    let path = failed_path(record);
    match fs::read(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(source) => Err(StudyError::Read { path, source }),
        // What is no such file has nothing to say.
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
    }
}

/// Says that a case cannot be run.
pub(crate) fn set_failed(record: &Path, case: &Case, reason: &str) -> Result<()> {
    let failed = Failed {
        study: case.study.clone(),
        case: case.number,
        settings: case.settings.clone(),
        reason: reason.to_owned(),
    };
    let text = format!("{:#}\n", serde_json::json!(failed));
    let path = failed_path(record);
    write_file(&path, text.as_bytes()).map_err(|source| StudyError::Write { path, source })
}
