//! Stopping a computation from outside, as Jupyter's stop button does.
//!
//! A handler of signals, or another thread, calls [`request`]. `fit` looks after every batch,
//! of training and of validation, ends in good order and marks the
//! [`History`](crate::History) as interrupted; `evaluate` and `predict` end with
//! [`Error::Interrupted`].

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::Error;

static REQUESTED: AtomicBool = AtomicBool::new(false);
/// How many computations run, in all threads.
static COMPUTING: AtomicUsize = AtomicUsize::new(0);

/// Asks the training, evaluation or prediction that runs in this process to stop after its
/// current batch.
///
/// Does no more than set a flag, so a handler of signals may call it. Where nothing runs,
/// nothing happens: a computation forgets requests that are older than itself.
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

/// Whether a training, evaluation or prediction runs that a request would end.
#[must_use]
pub fn is_computing() -> bool {
    COMPUTING.load(Ordering::SeqCst) > 0
}

thread_local! {
    /// How many computations run within each other: a callback may evaluate during `fit`.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
}

/// A computation that requests end; the outermost one forgets them at both of its ends.
#[derive(Debug)]
pub(crate) struct Interruptible(());

impl Interruptible {
    pub(crate) fn begin() -> Self {
        if DEPTH.replace(DEPTH.get() + 1) == 0 {
            clear();
        }
        COMPUTING.fetch_add(1, Ordering::SeqCst);
        Self(())
    }

    /// What a computation that was ended gives instead of its result.
    pub(crate) fn error(&self, work: &str) -> Error {
        Error::Interrupted {
            work: work.to_owned(),
        }
    }
}

impl Drop for Interruptible {
    fn drop(&mut self) {
        COMPUTING.fetch_sub(1, Ordering::SeqCst);
        DEPTH.set(DEPTH.get() - 1);
        if DEPTH.get() == 0 {
            clear();
        }
    }
}
