use std::fmt::Display;

use crate::html::preformatted;

/// A value that a notebook can show.
pub trait Render {
    /// A self-contained HTML fragment: text escaped, no addresses outside it, and no script but the
    /// one of scatter plots (`scatter.js`), without which their pictures stay.
    fn to_html(&self) -> String;

    /// The same in plain text, for terminals and text exports.
    fn to_plain(&self) -> String;

    /// A PNG, for values that are pictures.
    fn to_png(&self) -> Option<Vec<u8>> {
        None
    }
}

/// What a call gives that can fail: the value, or why there is none, for cells that end without `?`.
impl<T: Render, E: Display> Render for Result<T, E> {
    fn to_html(&self) -> String {
        match self {
            Ok(value) => value.to_html(),
            Err(error) => preformatted(&format!("Error: {error}")),
        }
    }

    fn to_plain(&self) -> String {
        match self {
            Ok(value) => value.to_plain(),
            Err(error) => format!("Error: {error}"),
        }
    }

    fn to_png(&self) -> Option<Vec<u8>> {
        self.as_ref().ok()?.to_png()
    }
}

/// Shows values of some types as another value, made of each, that can show itself.
///
/// ```
/// use labbook_notebook::{Paragraph, Render, shown_as};
///
/// struct Temperature(f64);
///
/// shown_as!(Temperature => |t| Paragraph(format!("{} degrees", t.0)));
/// assert_eq!(Temperature(20.5).to_plain(), "20.5 degrees");
/// ```
#[macro_export]
macro_rules! shown_as {
    ($($type:ty),+ $(,)? => $form:expr) => {$(
        impl $crate::Render for $type {
            fn to_html(&self) -> String {
                let form: fn(&$type) -> _ = $form;
                $crate::Render::to_html(&form(self))
            }

            fn to_plain(&self) -> String {
                let form: fn(&$type) -> _ = $form;
                $crate::Render::to_plain(&form(self))
            }

            fn to_png(&self) -> Option<Vec<u8>> {
                let form: fn(&$type) -> _ = $form;
                $crate::Render::to_png(&form(self))
            }
        }
    )+};
}
pub(crate) use shown_as;

impl<T: Render + ?Sized> Render for &T {
    fn to_html(&self) -> String {
        (**self).to_html()
    }

    fn to_plain(&self) -> String {
        (**self).to_plain()
    }

    fn to_png(&self) -> Option<Vec<u8>> {
        (**self).to_png()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_shows_its_value_or_its_reason() {
        let number: Result<i32, String> = Ok(3);
        assert_eq!(number.to_plain(), "3");
        let failure: Result<i32, String> = Err("a < b".to_owned());
        assert_eq!(failure.to_plain(), "Error: a < b");
        assert!(failure.to_html().contains("a &lt; b"));
    }
}
