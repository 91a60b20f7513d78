//! One process, one run, one file.

use std::error::Error;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};

use labbook_nn::{FileLock, set_random_seed};
use labbook_records::{RunFacts, RunRecord};

use crate::case::Case;
use crate::exit::{DONE, FAILED, INTERRUPTED, PREEMPTED, code_of};
use crate::files::{make_folder, remove};
use crate::ledger::{Ledger, failed_path, recorded, set_failed};
use crate::study::Study;
use crate::training::Training;
use crate::{StudyError, stop};

/// What a program's function returns; any error will do.
pub type Failure = Box<dyn Error>;

/// A run's end: its exit code, and a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) code: u8,
    pub(crate) sentence: String,
}

/// Which case to run, and where its record goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Order {
    pub(crate) study: PathBuf,
    pub(crate) case: usize,
    /// That of the study's folder if there is none.
    pub(crate) record: Option<PathBuf>,
}

/// Where a case's state is kept while it is not done, and the lock that one process holds meanwhile.
struct Place {
    record: PathBuf,
    state: PathBuf,
    lock: FileLock,
}

/// Runs a case, unless its record is there.
pub(crate) fn run_case<F>(order: &Order, versions: &str, train: F) -> End
where
    F: FnOnce(&Case) -> Result<Training, Failure>,
{
    match attempt(order, versions, train) {
        Ok(sentence) => End {
            code: DONE,
            sentence,
        },
        Err(failure) => {
            let sentence = failure.to_string();
            match stop::signal() {
                Some(signal) if is_interruption(failure.as_ref()) => End {
                    code: if signal == signal_hook::consts::SIGINT {
                        INTERRUPTED
                    } else {
                        PREEMPTED
                    },
                    sentence: format!("stopped: {sentence}; the same command goes on"),
                },
                _ => End {
                    code: code_of(failure.as_ref()),
                    sentence,
                },
            }
        }
    }
}

fn attempt<F>(order: &Order, versions: &str, train: F) -> Result<String, Failure>
where
    F: FnOnce(&Case) -> Result<Training, Failure>,
{
    let study = Study::open(&order.study)?;
    let record = order.record.clone();
    let record = record.unwrap_or_else(|| study.record_path(order.case));
    study.place(order.case)?;
    if let Some(sentence) = on_record(&study, order.case, &record)? {
        return Ok(sentence);
    }
    let place = Place::take(&record, order.case)?;
    // It may have been finished while the lock was waited for.
    if let Some(sentence) = on_record(&study, order.case, &record)? {
        place.tidy()?;
        return Ok(sentence);
    }
    let beside = record.parent().unwrap_or(Path::new(".")).to_owned();
    let case = study.case_of(order.case, &Ledger::new(&study, &beside))?;
    let made = train_and_record(&study, &case, &place, versions, train);
    if let Err(failure) = &made
        && !is_interruption(failure.as_ref())
        && code_of(failure.as_ref()) == FAILED
    {
        set_failed(&record, &case, &failure.to_string())?;
    }
    let sentence = made?;
    place.tidy()?;
    Ok(sentence)
}

/// The megabytes that a case's process takes at most, in place of running it.
pub(crate) fn memory_of<F>(order: &Order, train: F) -> End
where
    F: FnOnce(&Case) -> Result<Training, Failure>,
{
    let estimate = || -> Result<u64, Failure> {
        let case = Study::open(&order.study)?.case(order.case)?;
        Ok(made(&case, train)?.memory()?)
    };
    match estimate() {
        Ok(bytes) => End {
            code: DONE,
            sentence: bytes.div_ceil(1_000_000).to_string(),
        },
        Err(failure) => End {
            code: code_of(failure.as_ref()),
            sentence: failure.to_string(),
        },
    }
}

/// What the program makes of a case.
fn made<F>(case: &Case, train: F) -> Result<Training, Failure>
where
    F: FnOnce(&Case) -> Result<Training, Failure>,
{
    set_random_seed(case.seed());
    let trained = panic::catch_unwind(AssertUnwindSafe(|| train(case)));
    trained.map_err(|_| "the training program panicked; its message is above")?
}

/// What came of a case that was run before.
fn on_record(study: &Study, number: usize, path: &Path) -> Result<Option<String>, StudyError> {
    let recorded = recorded(study, number, path)?;
    Ok(recorded.map(|(case, record)| {
        format!(
            "{} is on record: {}",
            case.described(),
            result(study, &record)
        )
    }))
}

fn train_and_record<F>(
    study: &Study,
    case: &Case,
    place: &Place,
    versions: &str,
    train: F,
) -> Result<String, Failure>
where
    F: FnOnce(&Case) -> Result<Training, Failure>,
{
    let mut training = made(case, train)?;
    let history = training.run(&place.state)?;
    if history.interrupted {
        return Err(labbook_nn::Error::Interrupted {
            work: format!(
                "{}, after {} epochs,",
                case.described(),
                history.epoch.len()
            ),
        }
        .into());
    }
    let test = training.tested()?;
    let mut facts = RunFacts::new(case.seed(), training.model().device(), versions);
    if let Some(description) = training.description() {
        facts = facts.data(description);
    }
    let mut record = match &test {
        Some(test) => RunRecord::new(&facts, training.model(), &history, test)?,
        None => RunRecord::of_training(&facts, training.model(), &history)?,
    };
    record = record.named(format!("{} trial {}", study.name(), case.trial()));
    for (name, value) in case.facts() {
        record = record.fact(name, value)?;
    }
    if record.metric(study.metric()).is_none() {
        let evaluated = record.metrics.keys().cloned();
        let known: Vec<String> = evaluated.chain(history.keys()).collect();
        return Err(format!(
            "{}: metric: expected one of {}, received \"{}\"; correct the study file, or have the program \
             validate or test",
            study.file().display(),
            known.join(", "),
            study.metric()
        )
        .into());
    }
    if study.save_models {
        training.model().save(model_path(&place.record))?;
    }
    record.write(&place.record)?;
    Ok(format!("{}: {}", case.described(), result(study, &record)))
}

/// Where the trained model of a case is kept, if the study file asks for that.
pub(crate) fn model_path(record: &Path) -> PathBuf {
    record.with_extension("safetensors")
}

/// The figure that the study is about.
fn result(study: &Study, record: &RunRecord) -> String {
    let figure = record.metric(study.metric());
    let figure = figure.map_or_else(
        || "not measured".to_owned(),
        |figure| format!("{figure:.4}"),
    );
    format!("{} {figure}", study.metric())
}

fn is_interruption(failure: &(dyn Error + 'static)) -> bool {
    let model = match failure.downcast_ref::<StudyError>() {
        Some(StudyError::Model(error)) => Some(&**error),
        _ => failure.downcast_ref::<labbook_nn::Error>(),
    };
    matches!(model, Some(labbook_nn::Error::Interrupted { .. }))
}

impl Place {
    /// Hidden files beside the record, whose folder other cases share.
    fn take(record: &Path, case: usize) -> Result<Self, Failure> {
        make_folder(record.parent().unwrap_or(Path::new(".")))?;
        let name = record.file_stem().unwrap_or_default().to_string_lossy();
        let lock = FileLock::take(record.with_file_name(format!(".{name}.lock")))?;
        Ok(Self {
            record: record.to_owned(),
            state: record.with_file_name(format!(".{name}.safetensors")),
            lock: lock.ok_or(StudyError::Taken { case })?,
        })
    }

    /// The record is written: the state goes, the lock last.
    fn tidy(self) -> Result<(), Failure> {
        remove(&self.state)?;
        remove(&failed_path(&self.record))?;
        Ok(self.lock.release()?)
    }
}
