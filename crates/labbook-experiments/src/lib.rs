//! The paper's sixteen experiments as code, and the records of their runs.
//!
//! A [`RunRecord`] holds all that is to be kept of one training; [`Runs`] is a folder of them, to
//! which notebooks and the terminal program write alike.

mod device;
mod error;
mod experiment;
mod number;
mod run_facts;
mod run_record;
mod runs;
mod scale;
mod split;

pub use device::device_description;
pub use error::{ExperimentError, Result};
pub use experiment::{Experiment, FinishedRun, NetworkKind, RunOptions};
pub use run_facts::{RunFacts, data_description};
pub use run_record::{LayerRecord, RunRecord};
pub use runs::{RUNS_VARIABLE, RecordProblem, Runs};
pub use scale::Scale;
pub use split::Split;
