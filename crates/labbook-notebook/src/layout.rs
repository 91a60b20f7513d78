use crate::render::Render;

/// Several values side by side, as one output.
#[derive(Clone, Debug)]
pub struct Row {
    html: Vec<String>,
    plain: Vec<String>,
}

/// Several values one below the other, as one output.
#[derive(Clone, Debug)]
pub struct Stack(Row);

/// Puts values side by side: `row(&[&table, &figure])`. They wrap where the page is narrow.
///
/// A cell's last expression is one value; this makes one of several. [`show`](crate::show) shows
/// further values before it.
#[must_use]
pub fn row(values: &[&dyn Render]) -> Row {
    Row {
        html: values.iter().map(|value| value.to_html()).collect(),
        plain: values.iter().map(|value| value.to_plain()).collect(),
    }
}

/// Puts values one below the other: `stack(&[&table, &figure])`.
#[must_use]
pub fn stack(values: &[&dyn Render]) -> Stack {
    Stack(row(values))
}

impl Render for Row {
    fn to_html(&self) -> String {
        let items: String = self
            .html
            .iter()
            .map(|html| format!("<div>{html}</div>"))
            .collect();
        format!(
            "<div style=\"display:flex;flex-wrap:wrap;gap:1.5em;align-items:flex-start\">{items}</div>"
        )
    }

    fn to_plain(&self) -> String {
        self.plain.join("\n\n")
    }
}

impl Render for Stack {
    fn to_html(&self) -> String {
        let items = self.0.html.iter();
        items
            .map(|html| format!("<div style=\"margin:.4em 0\">{html}</div>"))
            .collect()
    }

    fn to_plain(&self) -> String {
        self.0.to_plain()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_keep_the_order_and_every_value() {
        let (a, b) = ("first".to_owned(), 2);
        let html = row(&[&a, &b]).to_html();
        assert!(html.find("first") < html.find("2</pre>"), "{html}");
        assert_eq!(stack(&[&a, &b]).to_plain(), "\"first\"\n\n2");
        assert_eq!(stack(&[&a, &b]).to_html().matches("<div").count(), 2);
    }
}
