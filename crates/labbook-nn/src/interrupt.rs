//! Stopping a training from outside, as Jupyter's stop button does.
//!
//! A handler of signals, or another thread, calls [`request`]; `fit` looks after every batch,
//! ends in good order and marks the [`History`](crate::History) as interrupted.

use std::sync::atomic::{AtomicBool, Ordering};

static REQUESTED: AtomicBool = AtomicBool::new(false);

/// Asks the training that runs in this process to stop after its current batch.
///
/// Does no more than set a flag, so a handler of signals may call it. Without a training
/// nothing happens: `fit` forgets requests that are older than itself.
pub fn request() {
    REQUESTED.store(true, Ordering::SeqCst);
}

/// Takes a request back.
pub fn clear() {
    REQUESTED.store(false, Ordering::SeqCst);
}

/// Whether a request waits to be seen.
#[must_use]
pub fn is_requested() -> bool {
    REQUESTED.load(Ordering::SeqCst)
}

/// Sees a request, which is done with thereby.
pub(crate) fn take() -> bool {
    REQUESTED.swap(false, Ordering::SeqCst)
}
