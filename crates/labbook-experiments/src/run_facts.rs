use labbook_data::Provenance;
use tch::Device;

use crate::{Scale, device_description};

/// What the runs of one session have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFacts {
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

impl RunFacts {
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
            data: data_description(data),
            device: device_description(device),
            versions: versions.into(),
        }
    }
}

/// Where images came from, in words and without their folder, so that the runs of a notebook and
/// of a terminal that reach the same files by other paths are seen to agree.
#[must_use]
pub fn data_description(data: &Provenance) -> String {
    match data {
        Provenance::Official { .. } => "CIFAR-10, official binary files".to_owned(),
        Provenance::OfficialLayout { .. } => {
            "CIFAR-10 in the official layout, but not the official files (checksums differ)"
                .to_owned()
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_are_told_apart_by_kind_and_not_by_folder() {
        let official = |dir: &str| data_description(&Provenance::Official { dir: dir.into() });
        assert_eq!(official("/a/b"), official("c"));
        let copy = Provenance::OfficialLayout { dir: "/a/b".into() };
        assert_ne!(official("/a/b"), data_description(&copy));
        let drawn = |seed| data_description(&Provenance::Drawn { seed });
        assert_ne!(drawn(0), drawn(1));
        // The kinds are called what the data's own text calls them.
        for data in [copy, Provenance::Official { dir: "/a".into() }] {
            assert!(data.to_string().starts_with(&data_description(&data)));
        }
    }
}
