use std::fmt;

use super::config::MetricConfig;
use super::metric::Metric;
use super::registry;
use crate::Result;

/// A metric asked for, by Keras's name or as an object.
///
/// ```
/// use labbook_nn::{AUC, MetricChoice};
///
/// assert_eq!(MetricChoice::from("mae").name(), "mae");
/// assert_eq!(MetricChoice::from(AUC::new()).name(), "auc");
/// ```
pub enum MetricChoice {
    /// A name such as `accuracy`, which is the key in the history as well.
    Name(String),
    /// A metric with options of its own.
    Object(Box<dyn Metric>),
}

impl MetricChoice {
    /// The key in the history.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Object(metric) => metric.name(),
        }
    }

    /// The name, where the metric can be made again for another output.
    pub(crate) fn repeated(&self) -> Option<String> {
        match self {
            Self::Name(name) => Some(name.clone()),
            Self::Object(_) => None,
        }
    }

    pub(crate) fn into_metric(self) -> Result<Box<dyn Metric>> {
        let metric = match self {
            Self::Name(name) => registry::by_name(&name)?,
            Self::Object(metric) => metric,
        };
        metric.check()?;
        Ok(metric)
    }
}

impl fmt::Debug for MetricChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The metrics to report beside the loss: names, objects, or both.
///
/// Made from one name or metric, arrays, slices and vectors of names, vectors of metrics, and
/// tuples of up to eight in which names and metrics may be mixed. `[]` is none.
///
/// ```
/// use labbook_nn::{Accuracy, Metrics};
///
/// let metrics = Metrics::from(("mae", Accuracy::new().name("right")));
/// assert_eq!(metrics.names(), ["mae", "right"]);
/// ```
#[derive(Debug, Default)]
pub struct Metrics(pub(crate) Vec<MetricChoice>);

impl Metrics {
    /// The keys in the history.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.0
            .iter()
            .map(|choice| choice.name().to_owned())
            .collect()
    }

    pub(crate) fn from_configs(configs: &[MetricConfig]) -> Result<Self> {
        let metrics = configs.iter().map(registry::from_config);
        let metrics = metrics.map(|metric| Ok(MetricChoice::Object(metric?)));
        Ok(Self(metrics.collect::<Result<_>>()?))
    }
}

impl From<&str> for MetricChoice {
    fn from(name: &str) -> Self {
        Self::Name(name.to_owned())
    }
}

impl From<String> for MetricChoice {
    fn from(name: String) -> Self {
        Self::Name(name)
    }
}

impl From<Box<dyn Metric>> for MetricChoice {
    fn from(metric: Box<dyn Metric>) -> Self {
        Self::Object(metric)
    }
}

impl<M: Metric + 'static> From<M> for MetricChoice {
    fn from(metric: M) -> Self {
        Self::Object(Box::new(metric))
    }
}

// Of names alone, so that an empty array needs no type.
impl<const N: usize> From<[&str; N]> for Metrics {
    fn from(names: [&str; N]) -> Self {
        Self(names.into_iter().map(Into::into).collect())
    }
}

impl<M: Into<MetricChoice>> From<Vec<M>> for Metrics {
    fn from(metrics: Vec<M>) -> Self {
        Self(metrics.into_iter().map(Into::into).collect())
    }
}

impl From<&[&str]> for Metrics {
    fn from(names: &[&str]) -> Self {
        Self(names.iter().map(|&name| name.into()).collect())
    }
}

impl From<&str> for Metrics {
    fn from(name: &str) -> Self {
        Self(vec![name.into()])
    }
}

impl<M: Metric + 'static> From<M> for Metrics {
    fn from(metric: M) -> Self {
        Self(vec![metric.into()])
    }
}

macro_rules! from_tuples {
    ($(($($letter:ident),+)),+) => {$(
        impl<$($letter: Into<MetricChoice>),+> From<($($letter,)+)> for Metrics {
            #[allow(non_snake_case, reason = "a letter names the type and its value")]
            fn from(($($letter,)+): ($($letter,)+)) -> Self {
                Self(vec![$($letter.into()),+])
            }
        }
    )+};
}
from_tuples!(
    (A, B),
    (A, B, C),
    (A, B, C, D),
    (A, B, C, D, E),
    (A, B, C, D, E, F),
    (A, B, C, D, E, F, G),
    (A, B, C, D, E, F, G, H)
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Accuracy;

    #[test]
    fn names_and_objects_mix() {
        let metrics = Metrics::from(("acc", Accuracy::new(), "accuracy"));
        assert_eq!(metrics.names(), ["acc", "accuracy", "accuracy"]);
        assert_eq!(Metrics::from("acc").names(), ["acc"]);
        assert_eq!(
            Metrics::from(["accuracy", "acc"]).names(),
            ["accuracy", "acc"]
        );
        assert!(Metrics::from([]).names().is_empty());
    }

    #[test]
    fn an_unknown_metric_is_named() {
        let error = MetricChoice::from("accurracy")
            .into_metric()
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("received accurracy"), "{error}");
    }
}
