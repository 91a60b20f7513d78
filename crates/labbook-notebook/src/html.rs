use crate::render::Render;

/// Text made safe inside HTML elements and double-quoted attributes.
///
/// ```
/// assert_eq!(labbook_notebook::escape("a < \"b\" & c"), "a &lt; &quot;b&quot; &amp; c");
/// ```
#[must_use]
pub fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

/// Text whose columns stand below one another.
pub(crate) fn preformatted(text: &str) -> String {
    format!(
        "<pre style=\"margin:0;line-height:1.35\">{}</pre>",
        escape(text)
    )
}

/// Text of several lines or columns as a value.
pub(crate) struct Preformatted(pub(crate) String);

impl Render for Preformatted {
    fn to_html(&self) -> String {
        preformatted(&self.0)
    }

    fn to_plain(&self) -> String {
        self.0.clone()
    }
}

/// Running text, shown as such.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paragraph(pub String);

impl Render for Paragraph {
    fn to_html(&self) -> String {
        format!("<p style=\"max-width:46em\">{}</p>", escape(&self.0))
    }

    fn to_plain(&self) -> String {
        self.0.clone()
    }
}

/// A value in one line that may be longer than the page is wide.
pub(crate) struct Line(pub(crate) String);

impl Render for Line {
    fn to_html(&self) -> String {
        format!(
            "<pre style=\"margin:0;line-height:1.35;white-space:pre-wrap;word-break:normal\">{}</pre>",
            escape(&self.0)
        )
    }

    fn to_plain(&self) -> String {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_text_stays_text() {
        assert_eq!(
            escape("<script>'x'</script>"),
            "&lt;script&gt;&#39;x&#39;&lt;/script&gt;"
        );
        assert!(preformatted("a<b").contains("a&lt;b"));
    }
}
