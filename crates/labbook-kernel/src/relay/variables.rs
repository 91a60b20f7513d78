//! The variables of a notebook, for JupyterLab's panel of variables, which asks a debugger for them.
//!
//! Of the debug adapter protocol there is what that panel needs, as Jupyter's messaging specification lists it under
//! "Additions to the DAP". Cells are compiled; none can be stepped through, and no breakpoint is taken.

use serde_json::{Value, json};

/// The cell of evcxr's that lists variables with their types.
pub(super) const LIST: &str = ":vars";

/// A variable's name and its type as the compiler tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    name: String,
    kind: String,
}

/// What a debugger's client wishes.
#[derive(Debug, PartialEq)]
pub(super) enum Wish {
    /// Can be answered at once, with this body or this refusal.
    Known(Result<Value, &'static str>),
    /// All variables.
    List,
    /// What a variable looks like.
    Show(String),
}

impl Wish {
    pub(super) fn read(content: &Value) -> Wish {
        let argument = |name: &str| content["arguments"][name].as_str().unwrap_or_default();
        match content["command"].as_str().unwrap_or_default() {
            "debugInfo" => Wish::Known(Ok(json!({
                "isStarted": false,
                "hashMethod": "Murmur2",
                "hashSeed": 0,
                "tmpFilePrefix": "cell-",
                "tmpFileSuffix": ".rs",
                "breakpoints": [],
                "stoppedThreads": [],
                "exceptionPaths": [],
                "richRendering": true,
                "copyToGlobals": false,
            }))),
            "initialize" => Wish::Known(Ok(json!({"supportsConfigurationDoneRequest": true}))),
            "attach" | "configurationDone" | "disconnect" | "setExceptionBreakpoints" => {
                Wish::Known(Ok(json!({})))
            }
            "setBreakpoints" => Wish::Known(Ok(json!({"breakpoints": []}))),
            "dumpCell" => Wish::Known(Ok(json!({"sourcePath": ""}))),
            "modules" => Wish::Known(Ok(json!({"modules": [], "totalModules": 0}))),
            "threads" => Wish::Known(Ok(json!({"threads": []}))),
            "variables" => Wish::Known(Ok(json!({"variables": []}))),
            "inspectVariables" => Wish::List,
            "richInspectVariables" if is_name(argument("variableName")) => {
                Wish::Show(argument("variableName").to_owned())
            }
            _ => Wish::Known(Err(
                "This kernel lists variables, but cannot step through cells: they are compiled.",
            )),
        }
    }
}

/// The variables of evcxr's list.
pub(super) fn listed(text: &str) -> Vec<Variable> {
    let lines = text.lines().filter_map(|line| line.split_once(": "));
    let named = lines.filter(|(name, _)| is_name(name));
    let variable = |(name, kind): (&str, &str)| Variable {
        name: name.to_owned(),
        kind: kind.to_owned(),
    };
    let mut variables: Vec<Variable> = named.map(variable).collect();
    variables.sort_by(|a, b| a.name.cmp(&b.name));
    variables
}

/// Variables as the panel takes them: the type without its modules is what its tree shows, the table the whole, too.
pub(super) fn list_body(variables: &[Variable]) -> Value {
    let each = variables.iter().map(|variable| {
        json!({
            "name": variable.name,
            "type": short(&variable.kind),
            "value": variable.kind,
            "evaluateName": variable.name,
            "variablesReference": 0,
        })
    });
    json!({"variables": each.collect::<Vec<Value>>()})
}

/// A cell that shows a variable and leaves it where it is.
pub(super) fn show_cell(name: &str) -> String {
    format!("&{name}")
}

/// The answer to a wish.
pub(super) fn response(wish: &Value, body: Result<Value, &str>) -> Value {
    let mut response = json!({
        "type": "response",
        "request_seq": wish["seq"],
        "command": wish["command"],
        "success": body.is_ok(),
    });
    match body {
        Ok(body) => response["body"] = body,
        Err(message) => response["message"] = message.into(),
    }
    response
}

fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters
        .next()
        .is_some_and(|first| first.is_alphabetic() || first == '_')
        && letters.all(|letter| letter.is_alphanumeric() || letter == '_')
}

/// A type without the modules before its names: `Vec<a::b::C>` is `Vec<C>`.
fn short(kind: &str) -> String {
    let mut kept = String::new();
    let mut name = String::new();
    let mut rest = kind.chars().peekable();
    while let Some(letter) = rest.next() {
        if letter == ':' && rest.peek() == Some(&':') {
            rest.next();
            name.clear();
        } else if letter.is_alphanumeric() || letter == '_' {
            name.push(letter);
        } else {
            kept += &std::mem::take(&mut name);
            kept.push(letter);
        }
    }
    kept + &name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_lose_their_modules() {
        for (whole, shown) in [
            ("labbook_nn::model::sequential::Sequential", "Sequential"),
            (
                "alloc::vec::Vec<(alloc::string::String, f64)>",
                "Vec<(String, f64)>",
            ),
            (
                "ndarray::ArrayBase<ndarray::OwnedRepr<f32>, ndarray::Dim<[usize; 2]>>",
                "ArrayBase<OwnedRepr<f32>, Dim<[usize; 2]>>",
            ),
            ("&'static str", "&'static str"),
            ("", ""),
        ] {
            assert_eq!(short(whole), shown);
        }
    }

    #[test]
    fn lists_are_in_the_order_of_names() {
        let variables = listed("x: f64\nnot a variable\nmodel: a::Model\n");
        let body = list_body(&variables);
        assert_eq!(body["variables"][0]["name"], "model");
        assert_eq!(body["variables"][0]["type"], "Model");
        assert_eq!(body["variables"][1]["value"], "f64");
        assert_eq!(listed("").len(), 0);
    }

    #[test]
    fn only_names_are_looked_at_and_other_wishes_are_refused_in_words() {
        let wish = |command: &str, name: &str| {
            Wish::read(&json!({"command": command, "arguments": {"variableName": name}}))
        };
        assert_eq!(
            wish("richInspectVariables", "größe_2"),
            Wish::Show("größe_2".to_owned())
        );
        assert_eq!(wish("inspectVariables", ""), Wish::List);
        for (command, name) in [
            ("richInspectVariables", "x; panic!()"),
            ("richInspectVariables", ""),
            ("richInspectVariables", "2x"),
            ("stepIn", "x"),
            ("", ""),
        ] {
            let Wish::Known(Err(told)) = wish(command, name) else {
                panic!("{command} {name}");
            };
            let answer = response(&json!({"seq": 4, "command": command}), Err(told));
            assert_eq!(answer["success"], false);
            assert!(answer["message"].as_str().unwrap().contains("compiled"));
        }
        assert_eq!(Wish::read(&json!([])), Wish::read(&Value::Null));
    }
}
