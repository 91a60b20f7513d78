use std::collections::HashSet;

use serde_json::Value;

/// Where notebooks look for the text to insert and its type.
const TYPES: &str = "_jupyter_types_experimental";

/// What nearly every value has, and what a cell seldom calls.
const EVERYBODY_S: [&str; 12] = [
    "into()",
    "try_into()",
    "to_owned()",
    "clone_into(",
    "clone_from(",
    "borrow()",
    "borrow_mut()",
    "type_id()",
    "eq(",
    "ne(",
    "evcxr_display()",
    "to_png()",
];

/// evcxr_jupyter's completions as they are to be inserted into this code.
///
/// Of a function with arguments evcxr offers the call with its parameters' names, or with three dots;
/// here the call begins and the arguments are left to write. Behind a point, methods come before
/// fields, since rust-analyzer offers private ones, too; those named like a method are left out.
/// Methods that nearly every value has come last.
pub(super) fn completed(mut content: Value, code: &str) -> Value {
    let matches = std::mem::take(&mut content["matches"]);
    let types = std::mem::take(&mut content["metadata"][TYPES]);
    let matches = matches.as_array().into_iter().flatten();
    let types = types.as_array().cloned().unwrap_or_default();
    let of_type = types.into_iter().map(Some).chain(std::iter::repeat(None));
    let mut pairs: Vec<(String, Option<Value>)> = matches
        .map(|text| begun(text.as_str().unwrap_or_default()))
        .zip(of_type)
        .collect();
    let start = content["cursor_start"]
        .as_u64()
        .and_then(|at| usize::try_from(at).ok());
    let before = start.and_then(|start| code.chars().nth(start.checked_sub(1)?));
    if before == Some('.') {
        let names = pairs
            .iter()
            .filter_map(|(text, _)| Some(text.split_once('(')?.0.to_owned()));
        let methods: HashSet<String> = names.collect();
        pairs.retain(|(text, _)| !methods.contains(text));
        pairs.sort_by_key(|(text, _)| {
            let common = EVERYBODY_S.contains(&text.as_str());
            (common, !text.contains('('))
        });
    }
    for (text, kind) in &mut pairs {
        if let Some(kind) = kind {
            kind["text"] = text.clone().into();
        }
    }
    let (matches, types): (Vec<String>, Vec<Option<Value>>) = pairs.into_iter().unzip();
    content["matches"] = matches.into();
    content["metadata"][TYPES] = types.into_iter().flatten().collect();
    content
}

/// A call up to its bracket, unless it has no arguments.
fn begun(text: &str) -> String {
    match text.split_once('(') {
        Some((name, arguments)) if arguments != ")" => format!("{name}("),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn methods_come_first_and_arguments_are_left_to_write() {
        let kind = |text: &str| json!({"text": text, "type": "function"});
        let content = json!({
            "status": "ok", "cursor_start": 2, "cursor_end": 2,
            "matches": ["seed", "into()", "fit(x, y)", "summary()", "fit"],
            "metadata": {TYPES: [
                kind("seed"), kind("into()"), kind("fit(\u{2026})"), kind("summary()"), kind("fit"),
            ]},
        });
        let shown = completed(content.clone(), "m.");
        assert_eq!(
            shown["matches"],
            json!(["fit(", "summary()", "seed", "into()"])
        );
        assert_eq!(shown["metadata"][TYPES][0], kind("fit("));
        assert_eq!(shown["cursor_end"], 2);
        assert_eq!(completed(content, "ab")["matches"][0], "seed");
        let failed = completed(json!({"status": "error", "ename": "x"}), "m.");
        assert_eq!(failed["status"], "error");
    }
}
