use std::fmt;
use std::sync::Arc;

use crate::training::fit::check_batch_size;
use crate::training::progress::Progress;
use crate::training::reporter::default_reporter;
use crate::model::sequential::PREDICT_BATCH;
use crate::{Reporter, Result, TestTimeAugmentation, Verbosity};

/// The options of [`Sequential::evaluate_with`](crate::Sequential::evaluate_with).
pub struct Evaluate {
    pub(crate) batch_size: i64,
    pub(crate) views: Option<TestTimeAugmentation>,
    verbose: u8,
    reporter: Option<Arc<dyn Reporter>>,
}

impl Evaluate {
    /// Keras's defaults: batches of 32, verbosity 1.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the examples per step; the default is 32. It changes the figures only by rounding.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn batch_size(mut self, batch_size: i64) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Measures the mean of the predictions for several views of each image; the default is one
    /// view.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn test_time_augmentation(mut self, views: TestTimeAugmentation) -> Self {
        self.views = Some(views);
        self
    }

    /// Sets how much to tell: 0 nothing, 1 the line with the bar (the default), 2 a short line.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn verbose(mut self, verbose: u8) -> Self {
        self.verbose = verbose;
        self
    }

    /// Sets who tells it, in place of the process's default reporter.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn reporter(mut self, reporter: impl Reporter + 'static) -> Self {
        self.reporter = Some(Arc::new(reporter));
        self
    }

    pub(crate) fn check(&self) -> Result<Verbosity> {
        check_batch_size(self.batch_size)?;
        Verbosity::from_number(self.verbose)
    }

    pub(crate) fn chosen_reporter(&self) -> Arc<dyn Reporter> {
        self.reporter.clone().unwrap_or_else(default_reporter)
    }
}

impl Default for Evaluate {
    fn default() -> Self {
        Self {
            batch_size: PREDICT_BATCH,
            views: None,
            verbose: 1,
            reporter: None,
        }
    }
}

impl fmt::Debug for Evaluate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Evaluate")
            .field("batch_size", &self.batch_size)
            .field("test_time_augmentation", &self.views)
            .field("verbose", &self.verbose)
            .finish_non_exhaustive()
    }
}

/// How well a model does on a data set.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Mean loss per example, penalties of the layers included.
    pub loss: f64,
    /// Share of examples whose most probable class is the right one.
    pub accuracy: f64,
    /// Number of examples.
    pub examples: i64,
    /// Duration in seconds.
    pub seconds: f64,
    /// Steps, times and the compiled metrics.
    pub progress: Progress,
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "loss: {:.4} - accuracy: {:.4} ({} examples)",
            self.loss, self.accuracy, self.examples
        )
    }
}
