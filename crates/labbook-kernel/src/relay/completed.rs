use std::collections::HashSet;

use serde_json::Value;

/// Where notebooks look for the text to insert, its type and, of a function, its arguments.
const TYPES: &str = "_jupyter_types_experimental";

/// How the names begin of what evcxr writes around a cell, and of how it shows values.
const INTERNAL: [&str; 3] = ["evcxr_", "Evcxr", "run_user_code_"];

/// What nearly every value or type has, and what a cell seldom calls.
const EVERYBODY_S: [&str; 24] = [
    "into",
    "try_into",
    "try_from",
    "to_owned",
    "clone_into",
    "clone_from",
    "borrow",
    "borrow_mut",
    "as_ref",
    "as_mut",
    "type_id",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "cmp",
    "partial_cmp",
    "hash",
    "hash_slice",
    "fmt",
    "init",
    "to_png",
];

/// One completion.
struct Offer {
    /// What is inserted.
    text: String,
    /// A function's arguments in brackets.
    signature: Option<String>,
    /// What evcxr_jupyter says of it.
    kind: Option<Value>,
}

/// evcxr_jupyter's completions as they are to be inserted into this code.
///
/// Of a function with arguments evcxr offers the call with its parameters' names, or with three dots;
/// here the call begins, the arguments are left to write, and their names are told beside. Behind a point,
/// methods come before fields; those named like a method are left out. Methods and functions that nearly
/// every value or type has come last.
pub(super) fn completed(mut content: Value, code: &str) -> Value {
    let matches = std::mem::take(&mut content["matches"]);
    let types = std::mem::take(&mut content["metadata"][TYPES]);
    let matches = matches.as_array().into_iter().flatten();
    let types = types.as_array().cloned().unwrap_or_default();
    let of_type = types.into_iter().map(Some).chain(std::iter::repeat(None));
    let matches = matches.filter_map(Value::as_str).zip(of_type);
    let mut offers: Vec<Offer> = matches.map(|(text, kind)| Offer::of(text, kind)).collect();
    let mut seen = HashSet::new();
    offers.retain(|offer| {
        let internal = INTERNAL.iter().any(|begin| offer.text.starts_with(begin));
        !internal && seen.insert(offer.text.clone())
    });
    let start = content["cursor_start"]
        .as_u64()
        .and_then(|at| usize::try_from(at).ok());
    let before = start.and_then(|start| code.chars().nth(start.checked_sub(1)?));
    if before == Some('.') {
        let names = offers.iter().filter(|offer| offer.is_call());
        let methods: HashSet<String> = names.map(|offer| offer.name().to_owned()).collect();
        offers.retain(|offer| offer.is_call() || !methods.contains(&offer.text));
    }
    if before == Some('.') || before == Some(':') {
        // Libraries name so what they have to make public and nobody is to call.
        offers.retain(|offer| !offer.text.starts_with('_'));
        offers.sort_by_key(|offer| (EVERYBODY_S.contains(&offer.name()), !offer.is_call()));
    }
    let (matches, types): (Vec<String>, Vec<Option<Value>>) =
        offers.into_iter().map(Offer::told).unzip();
    content["matches"] = matches.into();
    content["metadata"][TYPES] = types.into_iter().flatten().collect();
    content
}

impl Offer {
    /// A call goes up to its bracket, unless it has no arguments.
    fn of(text: &str, kind: Option<Value>) -> Offer {
        let (text, signature) = match text.split_once('(') {
            Some((name, arguments)) => {
                let signature = format!("({arguments}");
                match arguments {
                    ")" => (text.to_owned(), Some(signature)),
                    _ => (format!("{name}("), Some(signature)),
                }
            }
            None => (text.to_owned(), None),
        };
        Offer {
            text,
            signature,
            kind,
        }
    }

    fn is_call(&self) -> bool {
        self.signature.is_some()
    }

    fn name(&self) -> &str {
        self.text.split('(').next().unwrap_or_default()
    }

    /// The text to insert, and what notebooks are told of it.
    fn told(self) -> (String, Option<Value>) {
        let kind = self.kind.map(|mut kind| {
            kind["text"] = self.text.clone().into();
            if let Some(signature) = self.signature {
                kind["signature"] = signature.into();
            }
            kind
        });
        (self.text, kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kind(text: &str) -> Value {
        json!({"text": text, "type": "function"})
    }

    #[test]
    fn methods_come_first_and_arguments_are_left_to_write() {
        let content = json!({
            "status": "ok", "cursor_start": 2, "cursor_end": 2,
            "matches": ["seed", "into()", "fit(x, y)", "summary()", "fit", "evcxr_display()", "into()"],
            "metadata": {TYPES: [
                kind("seed"), kind("into()"), kind("fit(\u{2026})"), kind("summary()"), kind("fit"),
                kind("evcxr_display()"), kind("into()"),
            ]},
        });
        let shown = completed(content.clone(), "m.");
        assert_eq!(
            shown["matches"],
            json!(["fit(", "summary()", "seed", "into()"])
        );
        let first = json!({"text": "fit(", "type": "function", "signature": "(x, y)"});
        assert_eq!(shown["metadata"][TYPES][0], first);
        assert_eq!(shown["metadata"][TYPES][1]["signature"], "()");
        assert_eq!(shown["metadata"][TYPES][2], kind("seed"));
        assert_eq!(shown["cursor_end"], 2);
        assert_eq!(completed(content, "ab")["matches"][0], "seed");
        let failed = completed(json!({"status": "error", "ename": "x"}), "m.");
        assert_eq!(failed["status"], "error");
    }

    #[test]
    fn what_a_type_makes_comes_before_what_every_type_has() {
        let content = json!({
            "status": "ok", "cursor_start": 3, "matches": ["try_from(value)", "_own(a)", "from(value)", "new()", "MOST"],
        });
        let shown = completed(content, "A::");
        assert_eq!(
            shown["matches"],
            json!(["from(", "new()", "MOST", "try_from("])
        );
    }
}
