use super::batch::Batch;
use super::dataset::{Batches, Dataset};
use super::guard::at;
use super::pipeline::Pipeline;
use super::seeds::{Purpose, derived};
use super::unbatch::length;
use crate::{Error, Result};

/// The elements of two data sets side by side.
pub(crate) struct Zip {
    first: Pipeline,
    second: Pipeline,
    /// Whether the inputs of the second are targets.
    as_targets: bool,
}

impl Zip {
    pub(crate) fn new(first: Pipeline, second: Pipeline, as_targets: bool) -> Self {
        Self {
            first,
            second,
            as_targets,
        }
    }

    fn stage(&self) -> &'static str {
        match self.as_targets {
            true => "zip_targets",
            false => "zip",
        }
    }
}

impl Dataset for Zip {
    fn len(&self) -> Option<u64> {
        let length = |data: &Pipeline| match data.is_infinite() {
            true => Some(u64::MAX),
            false => data.len(),
        };
        let shorter = length(&self.first)?.min(length(&self.second)?);
        (!self.is_infinite()).then_some(shorter)
    }

    fn is_batched(&self) -> bool {
        self.first.is_batched()
    }

    fn is_infinite(&self) -> bool {
        self.first.is_infinite() && self.second.is_infinite()
    }

    fn epoch(&self, seed: u64) -> Result<Batches> {
        let stage = self.stage();
        check_both_batched(stage, &self.first, &self.second)?;
        let first = self.first.epoch(seed)?;
        let second = self.second.epoch(derived(seed, Purpose::Second))?;
        let (as_targets, batched) = (self.as_targets, self.is_batched());
        let pairs = (0..).zip(first.zip(second));
        Ok(Box::new(pairs.map(move |(number, (first, second))| {
            let both = joined(first?, second?, as_targets).and_then(|both| {
                if batched {
                    length(&both)?;
                }
                Ok(both)
            });
            both.map_err(|cause| at(stage, number, cause))
        })))
    }

    fn describe(&self) -> String {
        format!("{}, {}({})", self.first, self.stage(), self.second)
    }
}

fn joined(mut first: Batch, second: Batch, as_targets: bool) -> Result<Batch> {
    if as_targets && !second.targets.is_empty() {
        return Err(Error::data(
            "element",
            "a second data set of inputs alone",
            second.structure(),
            "use zip(..), which puts inputs to inputs and targets to targets",
        ));
    }
    if first.sample_weight.is_some() && second.sample_weight.is_some() {
        return Err(Error::data(
            "sample weight",
            "weights in one of the data sets",
            "weights in both",
            "leave one out, or multiply them",
        ));
    }
    match as_targets {
        true => first.targets.extend(second.inputs),
        false => {
            first.inputs.extend(second.inputs);
            first.targets.extend(second.targets);
        }
    }
    first.sample_weight = first.sample_weight.or(second.sample_weight);
    Ok(first)
}

/// Batches and single examples do not go together.
pub(crate) fn check_both_batched(stage: &str, first: &Pipeline, second: &Pipeline) -> Result<()> {
    let told = |data: &Pipeline| match data.is_batched() {
        true => "batches",
        false => "single examples",
    };
    match first.is_batched() == second.is_batched() {
        true => Ok(()),
        false => Err(Error::data(
            &format!("data set: {stage}"),
            format!("{} as in the first", told(first)),
            told(second),
            "put batch(..) behind both, or before both",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GeneratorDataset, TensorDataset};

    fn inputs(numbers: &[i64]) -> TensorDataset {
        TensorDataset::from_inputs(numbers).unwrap()
    }

    #[test]
    fn the_shorter_one_ends_the_epoch() -> Result<()> {
        let both = inputs(&[1, 2, 3]).zip(inputs(&[4, 5]));
        assert_eq!(both.len(), Some(2));
        let batch = both.batch(9).first()?;
        assert_eq!(Vec::<i64>::try_from(&batch.inputs[0])?, [1, 2]);
        assert_eq!(Vec::<i64>::try_from(&batch.inputs[1])?, [4, 5]);

        let endless = || inputs(&[4, 5]).repeat_forever();
        let both = inputs(&[1, 2, 3]).zip(endless());
        assert_eq!((both.len(), both.is_infinite()), (Some(3), false));
        assert_eq!(both.epoch(0)?.count(), 3);
        let both = endless().zip(endless());
        assert_eq!((both.len(), both.is_infinite()), (None, true));
        Ok(())
    }

    #[test]
    fn inputs_become_targets() -> Result<()> {
        let both = inputs(&[1, 2])
            .zip_targets(inputs(&[3, 4]))
            .batch(2)
            .first()?;
        assert_eq!((both.inputs.len(), both.targets.len()), (1, 1));
        assert_eq!(Vec::<i64>::try_from(&both.targets[0])?, [3, 4]);
        let labelled = TensorDataset::new([1, 2], [3, 4])?;
        let error = inputs(&[1]).zip_targets(labelled).first().unwrap_err();
        assert!(error.to_string().contains("use zip(..)"), "{error}");
        Ok(())
    }

    #[test]
    fn the_two_are_shuffled_by_seeds_of_their_own() -> Result<()> {
        let numbers: Vec<i64> = (0..30).collect();
        let shuffled = || inputs(&numbers).shuffle(30);
        let batch = shuffled().zip(shuffled()).batch(30).first()?;
        assert_ne!(batch.inputs[0], batch.inputs[1]);
        let together = inputs(&numbers).zip(inputs(&numbers)).shuffle(30).batch(30);
        let batch = together.first()?;
        assert_eq!(batch.inputs[0], batch.inputs[1]);
        Ok(())
    }

    #[test]
    fn what_does_not_go_together_is_told() -> Result<()> {
        let error = inputs(&[1, 2])
            .zip(inputs(&[1, 2]).batch(2))
            .epoch(0)
            .err()
            .unwrap();
        assert_eq!(
            error.to_string(),
            "data set: zip: expected single examples as in the first, received batches; \
             put batch(..) behind both, or before both"
        );
        let uneven = inputs(&[1, 2, 3]).batch(2).zip(inputs(&[1, 2, 3]).batch(3));
        let error = uneven.first().unwrap_err().to_string();
        assert!(error.starts_with("data set: zip, element 0: input 1: expected 2 examples"));
        let weighted = || GeneratorDataset::new(|| [(1.0, 2.0, 3.0)]);
        let error = weighted().zip(weighted()).first().unwrap_err().to_string();
        assert!(error.contains("weights in both"), "{error}");
        Ok(())
    }
}
