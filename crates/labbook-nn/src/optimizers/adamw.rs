use crate::Adam;

/// Keras's class of this name: [`Adam`] with a weight decay of 0.004.
///
/// What it makes is an `Adam`, and told and saved as such.
///
/// ```
/// use labbook_nn::{Adam, AdamW, Optimizer};
///
/// let adam = AdamW::new().weight_decay(0.01);
/// assert_eq!(adam.config(), Adam::new().weight_decay(0.01).config());
/// ```
#[derive(Debug, Clone, Copy)]
pub struct AdamW;

impl AdamW {
    /// Adam with Keras's defaults of AdamW.
    #[must_use]
    #[expect(clippy::new_ret_no_self, reason = "a name for another default of Adam")]
    pub fn new() -> Adam {
        Adam::new().weight_decay(0.004)
    }
}
