/// A value that a notebook can show.
pub trait Render {
    /// A self-contained HTML fragment: no scripts, no addresses outside it, text escaped.
    fn to_html(&self) -> String;

    /// The same in plain text, for terminals and text exports.
    fn to_plain(&self) -> String;

    /// A PNG, for values that are pictures.
    fn to_png(&self) -> Option<&[u8]> {
        None
    }
}

impl<T: Render + ?Sized> Render for &T {
    fn to_html(&self) -> String {
        (**self).to_html()
    }

    fn to_plain(&self) -> String {
        (**self).to_plain()
    }

    fn to_png(&self) -> Option<&[u8]> {
        (**self).to_png()
    }
}
