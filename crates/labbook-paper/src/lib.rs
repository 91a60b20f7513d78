//! The paper: its sixteen experiments as code, what goes beyond them, and how its notebooks work.
//!
//! An [`ExperimentRecord`] is a [`RunRecord`](labbook_records::RunRecord) that says which experiment
//! it is of and at which [`Scale`]; [`ExperimentRuns`] is a folder of them, to which notebooks and the
//! terminal program write alike. A [`Comparison`] sets them beside what the paper
//! [published](Published), with a diagnosis of each run, the paper's conclusions checked against ours,
//! and a recommendation. What goes [beyond](Beyond) the paper are networks for
//! [short trainings](SpeedRun).
//!
//! A notebook that follows the paper says so in one line, after the general one:
//!
//! ```text
//! use labbook::prelude::*;
//! use labbook::paper::{Session, prelude::*};
//! ```
//!
//! Its [`Session`] then takes the place of the general one. Nothing general depends on this crate.
//!
//! ```
//! use labbook_paper::{Experiment, Scale, published};
//!
//! # fn main() -> labbook_paper::Result<()> {
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
mod diagnosis;
mod error;
mod experiment;
mod experiment_facts;
mod experiment_record;
mod experiment_runs;
mod published;
mod scale;
mod session;
mod show;
mod speed_run;
mod split;
mod words;

pub use beyond::{Beyond, RepeatedRun};
pub use comparison::{ComparedRun, Comparison, Recommendation};
pub use conclusion::{Conclusion, Holding};
pub use diagnosis::{Diagnosis, Verdict};
pub use error::{PaperError, Result};
pub use experiment::{Experiment, FinishedRun, NetworkKind, RunOptions};
pub use experiment_facts::ExperimentFacts;
pub use experiment_record::ExperimentRecord;
pub use experiment_runs::ExperimentRuns;
pub use published::{Published, published};
pub use scale::Scale;
pub use session::Session;
pub use show::{Results, plot_efficiency, plot_results};
pub use speed_run::{FinishedSpeedRun, SpeedRun, Trick};
pub use split::Split;

/// What the cells of the paper's notebooks use beside the general prelude.
///
/// [`Session`] is not among it: named by itself it takes the place of the general one,
/// as in `use labbook::paper::{Session, prelude::*};`.
pub mod prelude {
    pub use crate::{Beyond, Results, Scale, SpeedRun, Trick, plot_efficiency, plot_results};
    pub use labbook_data::datasets::cifar10;
}
