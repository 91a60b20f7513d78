use tch::Device;

use crate::device_description;

/// What the runs of one session have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFacts {
    /// Seed of kernels, shuffles and dropout.
    pub seed: u64,
    /// Where the data came from, without their folder: what decides whether figures compare.
    pub data: Option<String>,
    /// The device in words.
    pub device: String,
    /// The libraries in use, in one line.
    pub versions: String,
}

impl RunFacts {
    /// The facts of a session; `versions` is a line such as `Rust 1.95.0, tch 0.26.0`.
    #[must_use]
    pub fn new(seed: u64, device: Device, versions: impl Into<String>) -> Self {
        Self {
            seed,
            data: None,
            device: device_description(device),
            versions: versions.into(),
        }
    }

    /// Says which data the runs are of.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn data(mut self, data: impl Into<String>) -> Self {
        self.data = Some(data.into());
        self
    }
}
