use std::io::Write;
use std::sync::{Arc, PoisonError, RwLock};

use crate::{FitParams, History, Progress, Verbosity};

static DEFAULT: RwLock<Option<Arc<dyn Reporter>>> = RwLock::new(None);

/// Shows how training and evaluation get on.
///
/// `fit` and `evaluate` call it unless they are silent; warnings come in any case.
///
/// ```
/// use labbook_nn::{Fit, FitParams, Progress, Reporter, Verbosity};
/// use std::sync::atomic::{AtomicUsize, Ordering};
///
/// /// Counts the epochs.
/// #[derive(Default)]
/// struct Counter(AtomicUsize);
///
/// impl Reporter for Counter {
///     fn epoch_begin(&self, _epoch: usize, _params: &FitParams) {}
///
///     fn epoch_end(&self, progress: &Progress, _verbosity: Verbosity) {
///         self.0.fetch_add(1, Ordering::Relaxed);
///         println!("{}", progress.short_line());
///     }
///
///     fn evaluate_end(&self, _progress: &Progress, _verbosity: Verbosity) {}
///
///     fn message(&self, line: &str) {
///         println!("{line}");
///     }
/// }
///
/// let options = Fit::new().reporter(Counter::default());
/// ```
pub trait Reporter: Send + Sync {
    /// Training begins.
    fn train_begin(&self, _params: &FitParams) {}

    /// An epoch begins; the first one is 0.
    fn epoch_begin(&self, epoch: usize, params: &FitParams);

    /// A step of an epoch has been queued, on a GPU perhaps not yet computed. Has to be quick.
    fn step_end(&self, _progress: &Progress) {}

    /// An epoch and its validation have ended.
    fn epoch_end(&self, progress: &Progress, verbosity: Verbosity);

    /// An evaluation has ended.
    fn evaluate_end(&self, progress: &Progress, verbosity: Verbosity);

    /// Something to be told in a line of its own: a warning, a callback's message.
    fn message(&self, line: &str);

    /// Training has ended.
    fn train_end(&self, _history: &History) {}
}

/// Prints the lines that Keras 2.4 leaves in a saved notebook, on standard output.
///
/// Only whole lines: notebook kernels wait for the end of a line before they show any of it.
///
/// ```
/// use labbook_nn::{ConsoleReporter, Fit, set_default_reporter};
///
/// let options = Fit::new().reporter(ConsoleReporter);
/// set_default_reporter(ConsoleReporter);
/// ```
#[derive(Debug, Clone, Copy, Default)]
pub struct ConsoleReporter;

impl ConsoleReporter {
    fn print(line: &str) {
        // A closed standard output is no reason to stop a training.
        let _ = writeln!(std::io::stdout(), "{line}");
    }
}

/// The line of a finished epoch or evaluation.
fn line(progress: &Progress, verbosity: Verbosity) -> Option<String> {
    match verbosity {
        Verbosity::Silent => None,
        Verbosity::Bar => Some(progress.bar_line()),
        Verbosity::Line => Some(progress.short_line()),
    }
}

impl Reporter for ConsoleReporter {
    fn epoch_begin(&self, epoch: usize, params: &FitParams) {
        // Keras does not number a single epoch.
        if params.epochs > 1 {
            Self::print(&format!("Epoch {}/{}", epoch + 1, params.epochs));
        }
    }

    fn epoch_end(&self, progress: &Progress, verbosity: Verbosity) {
        if let Some(line) = line(progress, verbosity) {
            Self::print(&line);
        }
    }

    fn evaluate_end(&self, progress: &Progress, verbosity: Verbosity) {
        self.epoch_end(progress, verbosity);
    }

    fn message(&self, line: &str) {
        Self::print(line);
    }
}

/// Makes a reporter the one that `fit` and `evaluate` use when their options name none.
pub fn set_default_reporter(reporter: impl Reporter + 'static) {
    *DEFAULT.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(reporter));
}

/// The installed reporter, or the console.
pub(crate) fn default_reporter() -> Arc<dyn Reporter> {
    DEFAULT
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .clone()
        .unwrap_or_else(|| Arc::new(ConsoleReporter))
}
