use crate::metrics::direction_of_name;
use crate::{Error, Logs, Result};

/// Which change of the monitored figure is an improvement.
///
/// ```
/// use labbook_nn::{EarlyStopping, MonitorMode};
///
/// let stopping = EarlyStopping::new().monitor("reward").mode(MonitorMode::Max);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MonitorMode {
    /// More for accuracies, areas, precision and the like, less for losses and errors; told by
    /// the name.
    #[default]
    Auto,
    /// Less is better.
    Min,
    /// More is better.
    Max,
}

/// A figure that a callback watches.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Monitor {
    pub(crate) key: String,
    pub(crate) mode: MonitorMode,
}

impl Monitor {
    /// Keras's default: `val_loss`, the direction told by the name.
    pub(crate) fn new() -> Self {
        Self {
            key: "val_loss".to_owned(),
            mode: MonitorMode::Auto,
        }
    }

    /// Whether more is better.
    fn rises(&self) -> bool {
        match self.mode {
            MonitorMode::Auto => direction_of_name(&self.key).unwrap_or(false),
            MonitorMode::Min => false,
            MonitorMode::Max => true,
        }
    }

    /// Strictly better; an equal figure is not, and NaN never is.
    pub(crate) fn is_better(&self, figure: f64, than: f64) -> bool {
        match self.rises() {
            true => figure > than,
            false => figure < than,
        }
    }

    /// `delta` in the direction of an improvement.
    pub(crate) fn toward_better(&self, delta: f64) -> f64 {
        match self.rises() {
            true => delta,
            false => -delta,
        }
    }

    /// What every figure is better than.
    pub(crate) fn worst(&self) -> f64 {
        match self.rises() {
            true => f64::NEG_INFINITY,
            false => f64::INFINITY,
        }
    }

    pub(crate) fn figure(&self, logs: &Logs) -> Option<f64> {
        logs.get(&self.key)
    }

    /// The end of Keras's warning about a figure that does not exist.
    pub(crate) fn missing(&self, logs: &Logs) -> String {
        let keys: Vec<&str> = logs.entries().iter().map(|(key, _)| key.as_str()).collect();
        format!(
            "metric `{}` which is not available. Available metrics are: {}",
            self.key,
            keys.join(",")
        )
    }
}

/// One number of a callback's remembered state.
pub(crate) fn remembered(values: &[(String, f64)], name: &str) -> Result<f64> {
    values
        .iter()
        .find(|(key, _)| key == name)
        .map(|&(_, value)| value)
        .ok_or_else(|| {
            Error::option(
                "callbacks",
                format!("a state with {name}"),
                "a state without it",
                "resume with the callbacks of the interrupted training, in the same order",
            )
        })
}

/// A remembered count.
pub(crate) fn remembered_count(values: &[(String, f64)], name: &str) -> Result<usize> {
    // Saturates on what a damaged state could hold.
    Ok(remembered(values, name)? as usize)
}

/// Keras's builder methods for the monitored figure.
macro_rules! monitor_options {
    () => {
        /// Sets the figure to watch, such as `val_accuracy`; the default is `val_loss`.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn monitor(mut self, key: impl Into<String>) -> Self {
            self.monitor.key = key.into();
            self
        }

        /// Says which change is an improvement; the default tells it by the figure's name.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn mode(mut self, mode: $crate::MonitorMode) -> Self {
            self.monitor.mode = mode;
            self
        }

        /// Sets how much to tell: 0 nothing (the default), 1 what happens.
        #[must_use = "method moves the value of self and returns the modified value"]
        pub fn verbose(mut self, verbose: u8) -> Self {
            self.verbose = verbose;
            self
        }
    };
}
pub(crate) use monitor_options;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_tells_the_direction_unless_the_mode_does() {
        let monitor = |key: &str, mode| Monitor {
            key: key.to_owned(),
            mode,
        };
        for (key, mode, rises) in [
            ("val_loss", MonitorMode::Auto, false),
            ("val_accuracy", MonitorMode::Auto, true),
            ("acc", MonitorMode::Auto, true),
            ("fmeasure_2", MonitorMode::Auto, true),
            ("val_precision_1", MonitorMode::Auto, true),
            ("mae", MonitorMode::Auto, false),
            ("val_accuracy", MonitorMode::Min, false),
            ("val_loss", MonitorMode::Max, true),
        ] {
            let monitor = monitor(key, mode);
            assert_eq!(monitor.is_better(2.0, 1.0), rises, "{key}");
            assert_eq!(monitor.is_better(1.0, 2.0), !rises, "{key}");
            assert!(!monitor.is_better(1.0, 1.0), "a tie is no improvement");
            assert!(!monitor.is_better(f64::NAN, monitor.worst()));
            assert!(monitor.is_better(1.0, monitor.worst()));
        }
    }
}
