use std::panic::{AssertUnwindSafe, catch_unwind};

/// What a person's code gives, or the first line of what it said as it panicked: tensor operations
/// panic where a tensor of another shape would be an error.
pub(crate) fn caught<T>(function: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(function)).map_err(|panic| {
        let message = panic
            .downcast_ref::<String>()
            .map(String::as_str)
            .or_else(|| panic.downcast_ref::<&str>().copied())
            .unwrap_or("without words");
        message.lines().next().unwrap_or_default().to_owned()
    })
}
