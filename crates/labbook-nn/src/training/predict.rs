use crate::training::fit::check_batch_size;
use crate::model::sequential::PREDICT_BATCH;
use crate::{Result, TestTimeAugmentation};

/// The options of [`Sequential::predict_with`](crate::Sequential::predict_with).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Predict {
    pub(crate) batch_size: i64,
    pub(crate) views: Option<TestTimeAugmentation>,
}

impl Predict {
    /// Keras's default: batches of 32.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the examples per step; the default is 32.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn batch_size(mut self, batch_size: i64) -> Self {
        self.batch_size = batch_size;
        self
    }

    /// Averages the predictions for several views of each image; the default is one view.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn test_time_augmentation(mut self, views: TestTimeAugmentation) -> Self {
        self.views = Some(views);
        self
    }

    pub(crate) fn check(self) -> Result<()> {
        check_batch_size(self.batch_size)
    }
}

impl Default for Predict {
    fn default() -> Self {
        Self {
            batch_size: PREDICT_BATCH,
            views: None,
        }
    }
}
