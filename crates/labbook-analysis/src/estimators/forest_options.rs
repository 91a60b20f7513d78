use crate::AnalysisError;
use crate::checks::check_option;

/// How a forest grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ForestOptions {
    pub(super) n_estimators: usize,
    pub(super) max_depth: Option<u16>,
    pub(super) min_samples_split: usize,
    pub(super) min_samples_leaf: usize,
    pub(super) max_features: Option<usize>,
    pub(super) seed: u64,
}

impl Default for ForestOptions {
    fn default() -> Self {
        Self {
            n_estimators: 100,
            max_depth: None,
            min_samples_split: 2,
            min_samples_leaf: 1,
            max_features: None,
            seed: 0,
        }
    }
}

impl ForestOptions {
    pub(super) fn check(&self, n_features: usize) -> Result<(), AnalysisError> {
        let counts = [
            ("n_estimators", self.n_estimators, 1),
            ("min_samples_split", self.min_samples_split, 2),
            ("min_samples_leaf", self.min_samples_leaf, 1),
            ("max_depth", self.max_depth.map_or(1, usize::from), 1),
        ];
        for (option, received, least) in counts {
            let expected = format!("to be at least {least}");
            check_option(option, &expected, received >= least, received)?;
        }
        let received = self.max_features.unwrap_or(1);
        let expected = format!("to be from 1 to the {n_features} features there are");
        let sound = (1..=n_features).contains(&received);
        check_option("max_features", &expected, sound, received)
    }

    /// A seed for each tree, far from those of other trees and other forests.
    pub(super) fn seed_of(&self, tree: usize) -> u64 {
        // 2^64 divided by the golden ratio, as splitmix64 steps.
        let step = 0x9E37_79B9_7F4A_7C15_u64;
        self.seed.wrapping_mul(step).wrapping_add(tree as u64)
    }
}

/// The options that forests of both kinds have.
macro_rules! forest_options {
    () => {
        /// How many trees grow: 100 if nothing else is asked for.
        #[must_use]
        pub fn n_estimators(mut self, n_estimators: usize) -> Self {
            self.options.n_estimators = n_estimators;
            self
        }

        /// How deep a tree may grow; without it, until its leaves are pure or too small to split.
        #[must_use]
        pub fn max_depth(mut self, max_depth: u16) -> Self {
            self.options.max_depth = Some(max_depth);
            self
        }

        /// How many samples a node needs to be split: 2 if nothing else is asked for.
        #[must_use]
        pub fn min_samples_split(mut self, min_samples_split: usize) -> Self {
            self.options.min_samples_split = min_samples_split;
            self
        }

        /// How many samples a leaf holds at least: 1 if nothing else is asked for.
        #[must_use]
        pub fn min_samples_leaf(mut self, min_samples_leaf: usize) -> Self {
            self.options.min_samples_leaf = min_samples_leaf;
            self
        }

        /// Among how many features, drawn anew for each node, the best split is sought.
        #[must_use]
        pub fn max_features(mut self, max_features: usize) -> Self {
            self.options.max_features = Some(max_features);
            self
        }

        /// Where the random numbers begin: 0 if nothing else is asked for.
        #[must_use]
        pub fn seed(mut self, seed: u64) -> Self {
            self.options.seed = seed;
            self
        }
    };
}

pub(super) use forest_options;
