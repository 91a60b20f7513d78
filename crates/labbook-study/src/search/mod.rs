//! Which settings a trial has: all in turn, drawn, or chosen by the results so far.

mod tpe;

use labbook_data::Rng;

use crate::setting::{Domain, Settings};

pub(crate) use tpe::{Ended, propose};

/// How the settings of trials are chosen.
#[derive(Clone, Debug, PartialEq)]
pub enum Search {
    /// Every value with every other.
    Grid,
    /// Drawn; the first trials stay the same when more are asked for.
    Random {
        /// How many to try.
        trials: usize,
        /// Seed of what is drawn.
        seed: u64,
    },
    /// Drawn where good trials lie denser than poor ones (Bergstra, Bardenet, Bengio and Kégl 2011).
    Tpe {
        /// How many to try.
        trials: usize,
        /// Seed of what is drawn.
        seed: u64,
        /// How many to spread over the ranges first.
        startup: usize,
        /// How many to choose at a time, so that they can run side by side.
        batch: usize,
    },
}

/// Successive halving (Jamieson and Talwalkar 2016): all trials get little, the best of each rung more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halving {
    /// The setting that grows, such as `epochs`.
    pub(crate) setting: String,
    /// Its value in each rung.
    pub(crate) values: Vec<i64>,
    /// One trial of so many goes on to the next rung.
    pub(crate) factor: usize,
}

impl Halving {
    /// How many of so many trials a rung has.
    pub(crate) fn trials(&self, all: usize, rung: usize) -> usize {
        (0..rung).fold(all, |trials, _| trials / self.factor).max(1)
    }
}

/// The settings of this number in a grid, the last setting's values changing first.
pub(crate) fn of_grid(domains: &[(String, Domain)], mut trial: usize) -> Settings {
    let mut settings = Settings::new();
    for (name, domain) in domains.iter().rev() {
        let count = domain.count().unwrap_or(1);
        settings.insert(name.clone(), domain.nth(trial % count));
        trial /= count;
    }
    settings
}

/// Settings drawn for a trial, which depend on nothing but seed and number.
pub(crate) fn at_random(domains: &[(String, Domain)], seed: u64, trial: usize) -> Settings {
    let draw = |(index, (name, domain)): (usize, &(String, Domain))| {
        let mut rng = Rng::keyed(&[seed, trial as u64, index as u64]);
        (name.clone(), domain.at(unit(&mut rng)))
    };
    domains.iter().enumerate().map(draw).collect()
}

/// Settings of the first trials of a search by results, of which there are `count`: of each setting every equal part
/// of its range is tried once, so that few trials leave nothing out (a Latin hypercube: McKay, Beckman and Conover
/// 1979).
pub(crate) fn spread(
    domains: &[(String, Domain)],
    seed: u64,
    trial: usize,
    count: usize,
) -> Settings {
    let draw = |(index, (name, domain)): (usize, &(String, Domain))| {
        let mut parts: Vec<usize> = (0..count).collect();
        Rng::keyed(&[seed, index as u64]).shuffle(&mut parts);
        let part = parts.get(trial).copied().unwrap_or_default();
        let mut rng = Rng::keyed(&[seed, trial as u64, index as u64]);
        let place = (part as f64 + unit(&mut rng)) / count.max(1) as f64;
        (name.clone(), domain.at(place))
    };
    domains.iter().enumerate().map(draw).collect()
}

/// Uniform in [0, 1), with the 53 bits that an `f64` holds.
pub(crate) fn unit(rng: &mut Rng) -> f64 {
    (rng.bits() >> 11) as f64 / (1_u64 << 53) as f64
}
