//! Records of trainings.
//!
//! A [`RunRecord`] holds all that is to be kept of one training: name, tags, the figures of every
//! epoch, metrics by name, and free facts. [`Runs`] is a folder of them, one JSON file each, to which
//! notebooks and programs write alike. A [`Spread`] tells how a figure varies over repeated runs.
//!
//! ```
//! use labbook_nn::{Dense, Evaluate, Fit, SGD, Sequential, SparseCategoricalCrossentropy};
//! use labbook_records::{RunFacts, RunRecord};
//! use tch::{Device, Tensor};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (x, y) = (Tensor::rand([8, 3], tch::kind::FLOAT_CPU), Tensor::zeros([8], tch::kind::INT64_CPU));
//! let mut model = Sequential::on(Device::Cpu).seeded(7).named("tiny");
//! model.add(Dense::new(2).input_shape(3));
//! model.compile(SGD::new(), SparseCategoricalCrossentropy::new().from_logits(true), ["accuracy"])?;
//! let history = model.fit(&x, &y, &Fit::new().verbose(0))?;
//! let test = model.evaluate_with(&x, &y, &Evaluate::new().verbose(0))?;
//!
//! let facts = RunFacts::new(7, Device::Cpu, "Rust 1.95.0").data("eight random rows");
//! let record = RunRecord::new(&facts, &model, &history, &test)?.fact("rows", 8)?;
//! assert_eq!((record.name.as_str(), record.epochs_run), ("tiny", 1));
//! assert!(record.metric("test_accuracy").is_some());
//! # Ok(())
//! # }
//! ```

mod clean;
mod device;
mod error;
mod figures;
mod flaw;
mod layer_record;
mod number;
mod read;
mod run_facts;
mod run_record;
mod runs;
mod spread;

pub use clean::clean;
pub use device::device_description;
pub use error::{RecordError, Result};
pub use figures::{figures, is_share};
pub use layer_record::LayerRecord;
pub use run_facts::RunFacts;
pub use run_record::RunRecord;
pub use runs::{RUNS_VARIABLE, RecordProblem, Runs};
pub use spread::Spread;
