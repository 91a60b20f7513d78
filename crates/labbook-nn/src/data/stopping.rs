use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, Result, interrupt};

thread_local! {
    /// Whom the data sets that this thread reads work for, if it is a thread of `prefetch`.
    static CURRENT: RefCell<Option<Stop>> = const { RefCell::new(None) };
}

/// Tells a thread of `prefetch`, and those that it waits for, that nobody wants its elements.
#[derive(Debug, Clone)]
pub(crate) struct Stop(Arc<Node>);

#[derive(Debug)]
struct Node {
    requested: AtomicBool,
    outer: Option<Stop>,
}

impl Stop {
    /// One that also holds when what this thread works for is stopped.
    pub(crate) fn new() -> Self {
        Self(Arc::new(Node {
            requested: AtomicBool::new(false),
            outer: CURRENT.with_borrow(Clone::clone),
        }))
    }

    pub(crate) fn request(&self) {
        self.0.requested.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_requested(&self) -> bool {
        self.0.requested.load(Ordering::SeqCst)
            || self.0.outer.as_ref().is_some_and(Self::is_requested)
    }

    /// Does some work of this thread that is to end when this is requested.
    pub(crate) fn during<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = CURRENT.replace(Some(self.clone()));
        let result = work();
        CURRENT.set(before);
        result
    }
}

/// An error where the consumer has gone or somebody interrupts the training.
///
/// For loops that may take many elements before they give one.
pub(crate) fn check(stage: &str) -> Result<()> {
    let gone = CURRENT.with_borrow(|stop| stop.as_ref().is_some_and(Stop::is_requested));
    match gone || (interrupt::is_computing() && interrupt::is_requested()) {
        true => Err(Error::Interrupted {
            work: stage.to_owned(),
        }),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_within_work_stops_with_the_outer_one() {
        assert!(check("filter").is_ok());
        let outer = Stop::new();
        let inner = outer.during(Stop::new);
        inner.during(|| {
            assert!(check("filter").is_ok());
            outer.request();
            assert_eq!(
                check("filter").unwrap_err(),
                Error::Interrupted {
                    work: "filter".to_owned()
                }
            );
        });
        assert!(check("filter").is_ok());
        assert!(!Stop::new().is_requested());
    }
}
