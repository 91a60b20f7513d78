use tch::no_grad_guard;

use crate::panics::caught;
use crate::{Error, Result};

/// Calls a person's code without following gradients; a panic becomes an error.
pub(crate) fn call<T>(what: &str, function: impl FnOnce() -> T) -> Result<T> {
    let _guard = no_grad_guard();
    caught(function).map_err(|message| {
        Error::data(
            what,
            "that it returns",
            format!("a panic: {message}"),
            "look at what it does with this element",
        )
    })
}

/// Says at which stage and element something failed; what was said once stays.
pub(crate) fn at(stage: &str, element: u64, cause: Error) -> Error {
    match cause {
        told @ (Error::Dataset { .. } | Error::Interrupted { .. }) => told,
        cause => Error::Dataset {
            stage: stage.to_owned(),
            element,
            cause: Box::new(cause),
        },
    }
}

/// Checks the number that a stage was given.
pub(crate) fn at_least(least: i64, number: i64, stage: &str, advice: &str) -> Result<()> {
    match number >= least {
        true => Ok(()),
        false => Err(Error::option(
            stage,
            format!("a number from {least} on"),
            number,
            advice,
        )),
    }
}

#[cfg(test)]
mod tests {
    use tch::Tensor;

    use super::*;

    #[test]
    fn a_panic_is_told_with_its_first_line() {
        let error = call("the function", || panic!("no row {}\nmore", 3)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the function: expected that it returns, received a panic: no row 3; \
             look at what it does with this element"
        );
        assert_eq!(call("the function", || 3).unwrap(), 3);
    }

    #[test]
    fn gradients_are_followed_again_afterwards() {
        let weight = Tensor::from(2.0).set_requires_grad(true);
        let within = call("the function", || (&weight * 3.0).requires_grad());
        assert!(!within.unwrap());
        assert!(call("the function", || panic!("no")).is_err());
        assert!((&weight * 3.0).requires_grad());
    }

    #[test]
    fn the_stage_that_failed_is_named_once() {
        let inner = at("map", 3, Error::data("x", "a", "b", "c"));
        assert_eq!(
            inner.to_string(),
            "data set: map, element 3: x: expected a, received b; c"
        );
        assert_eq!(at("batch(2)", 1, inner.clone()), inner);
    }
}
