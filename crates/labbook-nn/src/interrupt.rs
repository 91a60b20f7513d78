//! Stopping a computation from outside, as Jupyter's stop button does.
//!
//! A handler of signals, or another thread, calls [`request`]. `fit` looks after every batch,
//! of training and of validation, ends in good order and marks the
//! [`History`](crate::History) as interrupted; `evaluate` and `predict` end with
//! [`Error::Interrupted`].

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::Error;

static REQUESTED: AtomicBool = AtomicBool::new(false);
/// How many computations run, in all threads and within each other: a callback may evaluate during
/// `fit`.
static COMPUTING: AtomicUsize = AtomicUsize::new(0);
/// Held while that number changes.
static CHANGING: Mutex<()> = Mutex::new(());
static PREPARE: Mutex<Option<fn()>> = Mutex::new(None);

/// Has `prepare` called before the next training, evaluation or prediction begins, once. There a
/// program can begin to listen to what shall end it.
///
/// ```
/// labbook_nn::interrupt::before_next(|| println!("from now on, Ctrl-C ends a training in good order"));
/// ```
pub fn before_next(prepare: fn()) {
    *PREPARE.lock().unwrap_or_else(PoisonError::into_inner) = Some(prepare);
}

/// Asks every training, evaluation and prediction that runs in this process to stop after its
/// current batch.
///
/// Does no more than set a flag, so a handler of signals may call it. Where nothing runs,
/// nothing happens: a computation forgets requests from before anything ran.
pub fn request() {
    REQUESTED.store(true, Ordering::SeqCst);
}

/// Asks again and again from now on, in a thread of its own: a computation forgets requests that are older than
/// itself, and a program that is to end may begin several.
pub fn keep_requesting() {
    // Far below the time that an epoch takes.
    const EVERY: Duration = Duration::from_millis(20);
    thread::spawn(|| {
        loop {
            request();
            thread::sleep(EVERY);
        }
    });
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

/// A computation that requests end. The first and the last of those that run at a time forget them, at
/// their begin and end.
#[derive(Debug)]
pub(crate) struct Interruptible(());

impl Interruptible {
    pub(crate) fn begin() -> Self {
        let prepare = PREPARE
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(prepare) = prepare {
            prepare();
        }
        let _changing = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_computing() {
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
        let _changing = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
        if COMPUTING.fetch_sub(1, Ordering::SeqCst) == 1 {
            clear();
        }
    }
}
