use crate::random::Rng;

/// What a stage draws from, or hands on, a stream of its own for each purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The order of `shuffle`.
    Shuffle = 0x5348,
    /// What `shuffle` hands on to the stage before it.
    BeforeShuffle,
    /// The elements of `map_seeded`.
    Map,
    /// The passes of `repeat`.
    Repeat,
    /// The second of two data sets.
    Second,
}

/// A seed that follows from this one.
pub(crate) fn derived(seed: u64, purpose: Purpose) -> u64 {
    stream(seed, purpose).next_u64()
}

/// The `number`-th of the seeds that follow from this one.
pub(crate) fn numbered(seed: u64, purpose: Purpose, number: u64) -> u64 {
    Rng::new(derived(seed, purpose), number).next_u64()
}

/// A generator that this purpose has for itself.
pub(crate) fn stream(seed: u64, purpose: Purpose) -> Rng {
    Rng::new(seed, purpose as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_and_numbers_have_seeds_of_their_own() {
        let mut seeds = vec![
            7,
            derived(7, Purpose::Shuffle),
            derived(7, Purpose::BeforeShuffle),
            derived(8, Purpose::Shuffle),
        ];
        seeds.extend((0..100).map(|number| numbered(7, Purpose::Map, number)));
        seeds.extend((0..100).map(|number| numbered(7, Purpose::Repeat, number)));
        let count = seeds.len();
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), count);
        assert_eq!(derived(7, Purpose::Map), derived(7, Purpose::Map));
    }
}
