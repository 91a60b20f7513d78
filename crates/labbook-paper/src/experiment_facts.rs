use labbook_data::Provenance;
use labbook_records::{RunFacts, device_description};
use tch::Device;

use crate::Scale;

/// What the runs of one session have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExperimentFacts {
    /// How much of the original's work a run does.
    pub scale: Scale,
    /// Seed of kernels, shuffles and dropout.
    pub seed: u64,
    /// Where the images came from, without their folder: what decides whether figures compare.
    pub data: String,
    /// The device in words.
    pub device: String,
    /// The libraries in use, in one line.
    pub versions: String,
}

impl ExperimentFacts {
    /// The facts of a session; `versions` is a line such as `Rust 1.95.0, tch 0.26.0`.
    #[must_use]
    pub fn new(
        scale: Scale,
        seed: u64,
        data: &Provenance,
        device: Device,
        versions: impl Into<String>,
    ) -> Self {
        Self {
            scale,
            seed,
            data: data.description().to_owned(),
            device: device_description(device),
            versions: versions.into(),
        }
    }

    /// The same without the scale, as any record has them.
    pub(crate) fn general(&self) -> RunFacts {
        RunFacts {
            seed: self.seed,
            data: Some(self.data.clone()),
            device: self.device.clone(),
            versions: self.versions.clone(),
        }
    }
}
