use serde_json::Value;

/// Where to put the cursor so that evcxr_jupyter explains what a person points at. It reads no
/// further than the cursor, and explains the name that ends there.
///
/// That is the name under the cursor, whole; where there is none, the function whose arguments
/// surround it. The bracket of a call belongs to it, since a field may have the method's name. Both
/// positions count characters.
pub(super) fn inspected(code: &str, cursor: usize) -> usize {
    let code: Vec<char> = code.chars().collect();
    let cursor = cursor.min(code.len());
    let in_name = |place: usize| {
        code.get(place)
            .is_some_and(|&c| c.is_alphanumeric() || c == '_')
    };
    if in_name(cursor) || cursor.checked_sub(1).is_some_and(in_name) {
        let end = (cursor..code.len()).find(|&place| !in_name(place));
        let end = end.unwrap_or(code.len());
        let first = (0..end).rev().take_while(|&place| in_name(place)).last();
        // A number among arguments is explained by what takes it.
        if first.is_none_or(|first| !code[first].is_ascii_digit()) {
            return end + usize::from(code.get(end) == Some(&'('));
        }
    }
    let mut open = 0;
    for place in (0..cursor).rev() {
        match code[place] {
            ')' => open += 1,
            '(' if open > 0 => open -= 1,
            '(' if place.checked_sub(1).is_some_and(in_name) => return place + 1,
            _ => {}
        }
    }
    cursor
}

/// An explanation without links to documentation of this project's crates, which nobody publishes.
pub(super) fn explained(mut content: Value) -> Value {
    let Some(html) = content["data"]["text/html"].as_str() else {
        return content;
    };
    let mut pieces = html.split("<a ");
    let mut kept = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        match piece.split_once('>') {
            Some((address, text)) if address.contains("/labbook") => {
                kept += &text.replacen("</a>", "", 1);
            }
            _ => {
                kept += "<a ";
                kept += piece;
            }
        }
    }
    content["data"]["text/html"] = kept.into();
    content
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text up to where the `|` moves.
    fn moved(code: &str) -> String {
        let cursor = code.chars().position(|c| c == '|').unwrap_or_default();
        let code = code.replace('|', "");
        code.chars().take(inspected(&code, cursor)).collect()
    }

    #[test]
    fn a_name_is_taken_whole() {
        assert_eq!(moved("model.sum|mary()?"), "model.summary(");
        assert_eq!(moved("|model.summary()?"), "model");
        assert_eq!(moved("model.summary|"), "model.summary");
        assert_eq!(moved("\u{e9}t\u{e9}| + 1"), "\u{e9}t\u{e9}");
    }

    #[test]
    fn among_arguments_it_is_the_function() {
        assert_eq!(moved("Conv2D::new(|"), "Conv2D::new(");
        assert_eq!(moved("Conv2D::new(32, (3, 3|))"), "Conv2D::new(");
        assert_eq!(moved("f(g(1), |2)"), "f(");
        assert_eq!(moved("1 + | 2"), "1 + ");
    }

    #[test]
    fn links_that_lead_nowhere_are_text() {
        let html = "<p>See <a href=\"https://example.org/labbook_nn/fit.html\"><code>Fit</code></a> and \
                    <a href=\"https://example.org/std\">std</a>.</p>";
        let shown = explained(serde_json::json!({"data": {"text/html": html}}));
        let expected =
            "<p>See <code>Fit</code> and <a href=\"https://example.org/std\">std</a>.</p>";
        assert_eq!(shown["data"]["text/html"], expected);
        let nothing = serde_json::json!({"found": false});
        assert_eq!(explained(nothing.clone()), nothing);
    }
}
