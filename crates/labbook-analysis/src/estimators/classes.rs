use tch::Tensor;

use super::training::require_paired;
use crate::{AnalysisError, ClassLabel};

/// The labels that occur, in ascending order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Classes(Vec<i64>);

impl Classes {
    /// The classes, and each sample's place among them; one label for each row of a table.
    pub(super) fn of<'a, L>(
        labels: impl IntoIterator<Item = &'a L>,
        table: &Tensor,
    ) -> Result<(Self, Vec<u32>), AnalysisError>
    where
        L: ClassLabel + 'a,
    {
        let labels = labels.into_iter().map(|label| narrow(label.to_i128()));
        let labels: Vec<i64> = labels.collect::<Result<_, _>>()?;
        require_paired("a row of samples", table, labels.len())?;
        let mut classes = labels.clone();
        classes.sort_unstable();
        classes.dedup();
        let place = |label: &i64| classes.partition_point(|class| class < label) as u32;
        let places = labels.iter().map(place).collect();
        Ok((Self(classes), places))
    }

    /// Refuses fewer than two classes, which leave nothing to tell apart.
    pub(super) fn require_two(&self) -> Result<(), AnalysisError> {
        match self.0.len() {
            0 | 1 => Err(AnalysisError::InvalidOption {
                option: "labels",
                expected: "of at least two classes".to_owned(),
                received: format!("only {:?}", self.0),
            }),
            _ => Ok(()),
        }
    }

    pub(super) fn as_slice(&self) -> &[i64] {
        &self.0
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

fn narrow(label: i128) -> Result<i64, AnalysisError> {
    i64::try_from(label).map_err(|_| AnalysisError::InvalidOption {
        option: "labels",
        expected: "to be integers of at most 64 bits with a sign".to_owned(),
        received: label.to_string(),
    })
}
