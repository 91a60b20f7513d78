//! The paper's sixteen experiments as code, and the records of their runs.
//!
//! A [`RunRecord`] holds all that is to be kept of one training; [`Runs`] is a folder of them, to
//! which notebooks and the terminal program write alike. A [`Comparison`] sets them beside what the
//! paper [published](Published), with a diagnosis of each run, the paper's conclusions checked
//! against ours, and a recommendation. What goes [beyond](Beyond) the paper are networks for
//! [short trainings](SpeedRun).
//!
//! ```
//! use labbook_experiments::{Experiment, Scale, published};
//!
//! # fn main() -> labbook_experiments::Result<()> {
//! let experiment = Experiment::numbered(16)?;
//! assert_eq!(experiment.title(), "three convolutions with dropout");
//! let model = experiment.model(&Scale::smoke())?;
//! assert_eq!(model.layers()?.len(), 10);
//! assert_eq!(published(16).map(|row| row.test_accuracy), Some(0.7535));
//! # Ok(())
//! # }
//! ```

mod beyond;
mod comparison;
mod conclusion;
mod device;
mod diagnosis;
mod error;
mod experiment;
mod number;
mod published;
mod run_facts;
mod run_record;
mod runs;
mod scale;
mod speed_run;
mod split;
mod spread;
mod words;

pub use beyond::{Beyond, RepeatedRun};
pub use comparison::{ComparedRun, Comparison, Recommendation};
pub use conclusion::{Conclusion, Holding};
pub use device::device_description;
pub use diagnosis::{Diagnosis, Verdict};
pub use error::{ExperimentError, Result};
pub use experiment::{Experiment, FinishedRun, NetworkKind, RunOptions};
pub use published::{Published, published};
pub use run_facts::{RunFacts, data_description};
pub use run_record::{LayerRecord, RunRecord};
pub use runs::{RUNS_VARIABLE, RecordProblem, Runs};
pub use scale::Scale;
pub use speed_run::{FinishedSpeedRun, SpeedRun, Trick};
pub use split::Split;
pub use spread::Spread;
