use crate::{Error, Result};

/// The metrics to report beside the loss, by their names in Keras.
///
/// Known are `accuracy`, `acc` and `sparse_categorical_accuracy`: with labels that are class
/// numbers all three are the share of examples whose most probable class is the right one.
/// The name chosen is the key in the history.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Metrics(Vec<String>);

impl Metrics {
    const KNOWN: [&str; 3] = ["accuracy", "acc", "sparse_categorical_accuracy"];

    pub(crate) fn check(&self) -> Result<()> {
        match self
            .0
            .iter()
            .find(|name| !Self::KNOWN.contains(&name.as_str()))
        {
            Some(unknown) => Err(Error::option(
                "metrics",
                format!("one of {}", Self::KNOWN.join(", ")),
                unknown,
                "use [\"accuracy\"]",
            )),
            None => Ok(()),
        }
    }

    /// The names asked for.
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.0
    }
}

impl<const N: usize> From<[&str; N]> for Metrics {
    fn from(names: [&str; N]) -> Self {
        Self(names.map(str::to_owned).to_vec())
    }
}

impl From<&[&str]> for Metrics {
    fn from(names: &[&str]) -> Self {
        Self(names.iter().map(|&name| name.to_owned()).collect())
    }
}

impl From<Vec<String>> for Metrics {
    fn from(names: Vec<String>) -> Self {
        Self(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_metric_is_named() {
        assert!(Metrics::from(["accuracy", "acc"]).check().is_ok());
        assert!(Metrics::from([]).check().is_ok());
        let error = Metrics::from(["accurracy"])
            .check()
            .unwrap_err()
            .to_string();
        assert!(error.contains("received accurracy"), "{error}");
    }
}
