use std::io::{self, Write};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::render::Render;

/// Lets the kernel show a [`Render`] value that ends a cell.
pub trait NotebookDisplay {
    /// Writes the value's forms to standard output in the kernel's framing; the notebook chooses
    /// the richest that it can show. evcxr calls this for the last expression of a cell.
    fn evcxr_display(&self);
}

impl<T: Render + ?Sized> NotebookDisplay for T {
    fn evcxr_display(&self) {
        // A closed pipe means that the kernel is gone: nobody is left to be told.
        let _ = write_value(&mut io::stdout().lock(), self);
    }
}

/// Shows a value here and now, among what the cell prints: figures and tables in their order.
///
/// The project's kernel shows any number of values in one cell. A plain evcxr_jupyter shows one, at
/// the cell's end: the last; there, put several together with [`row`](crate::row) or
/// [`stack`](crate::stack).
pub fn show<T: Render + ?Sized>(value: &T) {
    value.evcxr_display();
}

/// Shows a value in the place where the cell showed the one of this name before, or here if it
/// shows the first one: a figure that changes while the cell runs.
///
/// What stands there at the end is what a saved notebook and a report keep. Only the project's
/// kernel can do so; a plain evcxr_jupyter shows every value by itself, as [`show`] does.
///
/// ```no_run
/// use labbook_charts::LineChart;
/// use labbook_notebook::show_in_place;
///
/// let mut losses = Vec::new();
/// for step in 1..=20 {
///     losses.push(1.0 / f64::from(step));
///     show_in_place("losses", &LineChart::new("Loss").series("loss", &losses));
/// }
/// ```
pub fn show_in_place<T: Render + ?Sized>(name: &str, value: &T) {
    let mut forms = forms(value);
    if has_relay() && !forms.is_empty() {
        forms.push(block(DISPLAY_ID, &name.replace('\n', " ")));
    }
    let mut output = io::stdout().lock();
    let written = output.write_all(forms.concat().as_bytes());
    // A closed pipe means that the kernel is gone: nobody is left to be told.
    let _ = written.and_then(|()| output.flush());
}

/// Whether the project's kernel shows what is printed: part of a line at once, to be overwritten, and
/// a value in the place of another.
pub(crate) fn has_relay() -> bool {
    std::env::var_os("LABBOOK_RELAY").is_some()
}

/// The form of a value that is no form, but the name of the place where it stands.
const DISPLAY_ID: &str = "application/vnd.labbook.display-id";

/// All forms at once: a kernel that waited for a picture to be drawn would take the forms before
/// it for a value of their own.
fn write_value<T: Render + ?Sized>(output: &mut impl Write, value: &T) -> io::Result<()> {
    output.write_all(forms(value).concat().as_bytes())?;
    output.flush()
}

fn forms<T: Render + ?Sized>(value: &T) -> Vec<String> {
    let plain = value.to_plain();
    let html = value.to_html();
    let mut forms = Vec::new();
    if !html.is_empty() {
        forms.push(block("text/html", &html));
    }
    if let Some(png) = value.to_png() {
        // Code-hosting pages strip styles and sizes from HTML but show images.
        forms.push(block("image/png", &STANDARD.encode(png)));
    }
    if !plain.is_empty() || !forms.is_empty() {
        forms.push(block("text/plain", &plain));
    }
    forms
}

/// One form of a value between the two marker lines that evcxr looks for.
fn block(mime: &str, content: &str) -> String {
    // The content must not hold the end marker as a line of its own.
    let safe = content.replace("EVCXR_END_CONTENT", "EVCXR_END_CONTENT ");
    format!("EVCXR_BEGIN_CONTENT {mime}\n{safe}\nEVCXR_END_CONTENT\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Picture;

    impl Render for Picture {
        fn to_html(&self) -> String {
            "<b>x</b>".to_owned()
        }
        fn to_plain(&self) -> String {
            "x\nEVCXR_END_CONTENT".to_owned()
        }
        fn to_png(&self) -> Option<Vec<u8>> {
            Some(b"png".to_vec())
        }
    }

    #[test]
    fn nothing_is_not_shown() -> io::Result<()> {
        let mut output = Vec::new();
        write_value(&mut output, &())?;
        assert!(output.is_empty());
        Ok(())
    }

    #[test]
    fn every_form_is_framed_in_whole_lines() -> io::Result<()> {
        let mut output = Vec::new();
        write_value(&mut output, &Picture)?;
        let text = String::from_utf8_lossy(&output);
        assert_eq!(
            text,
            "EVCXR_BEGIN_CONTENT text/html\n<b>x</b>\nEVCXR_END_CONTENT\n\
             EVCXR_BEGIN_CONTENT image/png\ncG5n\nEVCXR_END_CONTENT\n\
             EVCXR_BEGIN_CONTENT text/plain\nx\nEVCXR_END_CONTENT \nEVCXR_END_CONTENT\n"
        );
        Ok(())
    }
}
