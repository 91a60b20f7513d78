//! Studies: one training program, run with many settings and seeds.
//!
//! # The study file
//!
//! A [`Study`] is a small file in TOML:
//!
//! ```toml
//! program = "train.rs"        # one function, from a case to a model and data
//! seeds = [0, 1, 2]           # [0] if left out
//! metric = "val_accuracy"     # a figure of the record
//! direction = "max"           # or "min"
//! # name = "digits"           # the file's own name if left out, its folder's for STUDY.toml
//! # records = "runs/digits"   # where records go, from the file's folder
//! # save_models = true        # keep every trained model beside its record
//!
//! [settings]
//! epochs = 10                                                        # the same in all cases
//! optimizer = ["sgd", "adam"]                                        # one of a list
//! units = { min_value = 16, max_value = 256, step = 16 }             # whole numbers
//! learning_rate = { min_value = 1e-4, max_value = 0.1, sampling = "log" }
//!
//! [search]                    # "grid" if left out: every value with every other
//! kind = "random"             # or "tpe"
//! max_trials = 40
//! seed = 0
//! ```
//!
//! Names are KerasTuner's. A range with both ends whole holds whole numbers; with `sampling = "log"` a `step` is a
//! factor; `"reverse_log"` crowds at the upper end. `kind = "tpe"` takes `startup` (10), the trials spread
//! over all ranges first (a Latin hypercube, whole where `max_trials` is as large; another `startup` means other
//! trials), and `batch` (4), how many are chosen at a time and so can run side by side.
//!
//! # Successive halving
//!
//! A table `[halving]` with `setting = "epochs"`, `min_value = 1`, `max_value = 9` and `factor = 3` runs all trials of
//! a grid or random search with 1 epoch, a third of them, the best by their records, with 3, and a ninth with 9.
//! Each rung trains anew.
//!
//! # Runs
//!
//! [`main`] is the `main` of a training program: one process, one run, one file, and an [exit code](exit). A
//! [`Queue`] starts such processes on this machine; workflow engines do the same on many. [`Study::results`] reads
//! what is on record, while a study runs or after.

mod case;
mod entries;
mod error;
pub mod exit;
mod files;
mod importance;
mod ledger;
mod paired;
mod program;
mod queue;
mod results;
mod run_case;
mod search;
mod setting;
mod stop;
mod study;
mod study_file;
mod training;

pub use case::Case;
pub use error::{Result, StudyError};
pub use importance::SettingImportances;
pub use paired::PairedComparison;
pub use program::main;
pub use queue::{Queue, QueueEnd, QueueEvent};
pub use results::{FinishedCase, StudyResults, TrialResult};
pub use run_case::Failure;
pub use search::{Halving, Search};
pub use setting::{Domain, Range, Sampling, SettingValue, Settings};
pub use study::{Direction, Study};
pub use training::Training;
