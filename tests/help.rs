//! What the kernel answers to people who look for a name, and to programs that ask for what it has not.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use notebook_tests::{Step, converse};
use serde_json::{Value, json};

/// Asks for completions, or an explanation, at the end of this code.
fn at_end(kind: &str, code: &str) -> Step {
    let content = json!({"code": code, "cursor_pos": code.chars().count(), "detail_level": 0});
    Step::asking(kind, &content)
}

fn texts(list: &Value) -> Vec<&str> {
    list.as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .collect()
}

#[test]
fn completions_are_what_a_person_may_call_and_explanations_tell_how() {
    let folder = tempfile::tempdir().unwrap();
    let debug = |command: &str, name: &str| {
        let arguments = json!({"variableName": name});
        let wish = json!({"type": "request", "seq": 3, "command": command, "arguments": arguments});
        Step::asking("debug_request", &wish)
    };
    let steps = vec![
        Step::new("let mut model = Sequential::new();"),
        at_end("complete_request", "model."),
        at_end("complete_request", "Sequential::"),
        at_end("complete_request", "model.summ"),
        at_end("inspect_request", "model.predict"),
        debug("stepIn", ""),
        Step::new(
            "let shown = stack(&[&Table::new(&[\"species\"])]); let heights = vec![1.5, 2.0];",
        ),
        debug("inspectVariables", ""),
        debug("richInspectVariables", "shown"),
        debug("richInspectVariables", "heights"),
        Step::new("drop(shown); heights"),
    ];
    let answers = converse(folder.path(), steps).unwrap();
    let told: Vec<Value> = answers
        .iter()
        .filter_map(|answer| serde_json::from_str(&answer.text).ok())
        .filter(Value::is_object)
        .collect();
    let [
        methods,
        functions,
        one,
        explained,
        debugged,
        listed,
        shown,
        heights,
    ] = told.as_slice()
    else {
        panic!("{told:#?}");
    };
    let offered = texts(&methods["matches"]);
    let place = |name: &str| offered.iter().position(|offer| *offer == name);
    for own in ["fit(", "predict(", "compile(", "summary()"] {
        assert!(
            place(own).unwrap() < place("into()").unwrap(),
            "{offered:#?}"
        );
    }
    let types = methods["metadata"]["_jupyter_types_experimental"]
        .as_array()
        .unwrap();
    let fit = types.iter().find(|kind| kind["text"] == "fit(").unwrap();
    assert_eq!(fit["type"], "function");
    assert_eq!(fit["signature"], "(x, y, options)");
    for offer in &offered {
        // Fields of the model are nobody's business, nor is how a cell shows values.
        assert!(
            offer.contains('(') && !offer.contains("evcxr"),
            "{offered:#?}"
        );
    }
    assert_eq!(functions["matches"][0], "new()", "{functions:#?}");
    assert_eq!(texts(&one["matches"]), ["summary()"]);
    let text = explained["data"]["text/plain"].as_str().unwrap();
    for part in [
        "pub fn predict(&mut self, x: impl Into<Tensors>) -> Result<Tensor>",
        "The model's output for each example",
    ] {
        assert!(text.contains(part), "{text}");
    }
    assert_eq!(debugged["success"], false);
    assert_eq!(debugged["request_seq"], 3);

    let variables = listed["body"]["variables"].as_array().unwrap();
    let of = |name: &str| variables.iter().find(|variable| variable["name"] == name);
    assert_eq!(of("model").unwrap()["type"], "Sequential", "{listed:#}");
    assert_eq!(of("heights").unwrap()["type"], "Vec<f64>");
    let html = shown["body"]["data"]["text/html"].as_str();
    assert!(
        html.is_some_and(|html| html.contains("species")),
        "{shown:#}"
    );
    assert_eq!(
        heights["body"]["data"]["text/plain"], "[1.5, 2.0]",
        "{heights:#}"
    );
    // A look moves nothing and counts as no cell.
    let cells: Vec<u64> = answers.iter().filter_map(|answer| answer.count).collect();
    assert_eq!(cells, [cells[0], cells[0] + 1, cells[0] + 2]);
    assert_eq!(answers.last().unwrap().text.trim(), "[1.5, 2.0]");
}
