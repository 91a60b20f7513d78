use std::path::Path;

use serde_json::{Value, json};

use crate::failure::{Failure, Result};
use crate::places;
use crate::setup::KERNEL_NAME;

/// First notebooks by their kind, as scripts in the percent format; tests run each in the real kernel.
const KINDS: [(&str, &str); 6] = [
    ("table", include_str!("../../../tests/notebooks/table.rs")),
    ("yes_no", include_str!("../../../tests/notebooks/yes_no.rs")),
    (
        "branches",
        include_str!("../../../tests/notebooks/branches.rs"),
    ),
    ("images", include_str!("../../../tests/notebooks/images.rs")),
    ("text", include_str!("../../../tests/notebooks/news.rs")),
    ("empty", ""),
];

const MARKER: &str = "// %%\n";
const FIRST: &str = ":dep labbook\nuse labbook::prelude::*;";

/// Writes a notebook with the first cells of its kind into the current folder.
pub(crate) fn run(name: &str, kind: Option<&str>) -> Result<()> {
    let kind = kind.unwrap_or("table");
    let found = KINDS.iter().find(|(known, _)| *known == kind);
    let (_, script) = found.ok_or_else(|| {
        let known = KINDS.map(|(known, _)| known).join(", ");
        Failure::new(format!("--kind takes one of {known}; received \"{kind}\""))
    })?;
    let file = format!("{}.ipynb", name.strip_suffix(".ipynb").unwrap_or(name));
    let path = Path::new(&file);
    if path.symlink_metadata().is_ok() {
        return Err(Failure::new(format!(
            "{file} is there already; choose another name"
        )));
    }
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let text = format!("{:#}\n", notebook(&stem, script));
    places::write(path, &text)?;
    println!(
        "Wrote {file}. `labbook lab` opens it, `labbook report {file}` runs it and makes a report."
    );
    Ok(())
}

/// A notebook whose title is its name, which heads the report too.
fn notebook(name: &str, script: &str) -> Value {
    // In a heading these would be no longer what they are.
    let plain = |letter: char| letter.is_control() || "\\`*_[]<>&#".contains(letter);
    let title = json!({
        "cell_type": "markdown", "id": "title", "metadata": {},
        "source": format!("# {}", name.replace(plain, " ")),
    });
    let cells = script.split(MARKER).skip(1).map(str::trim);
    let code = |(number, source): (usize, &str)| {
        json!({
            "cell_type": "code", "id": format!("cell-{number}"), "metadata": {},
            "execution_count": null, "outputs": [], "source": source,
        })
    };
    let code_cells = std::iter::once(FIRST).chain(cells).enumerate().map(code);
    json!({
        "cells": std::iter::once(title).chain(code_cells).collect::<Vec<_>>(),
        "metadata": { "kernelspec": { "name": KERNEL_NAME, "display_name": "Rust (labbook)", "language": "rust" } },
        "nbformat": 4, "nbformat_minor": 5,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_begins_with_the_facade_and_has_its_cells() {
        for (kind, script) in KINDS {
            let notebook = notebook("two_prices", script);
            let cells = notebook["cells"].as_array().map_or(&[][..], Vec::as_slice);
            assert_eq!(cells[0]["source"], "# two prices");
            assert_eq!(cells[1]["source"], FIRST);
            assert_eq!(cells.len(), 2 + script.matches(MARKER).count(), "{kind}");
            assert_eq!(cells.len() > 4, kind != "empty", "{kind}");
        }
    }

    #[test]
    fn an_unknown_kind_and_a_file_that_exists_are_refused() {
        let message = |name: &str, kind| run(name, Some(kind)).map_err(|e| e.to_string());
        assert!(message("x", "films").is_err_and(|text| text.contains("films")));
        let dir = tempfile::tempdir().expect("a folder");
        let name = dir.path().join("mine").display().to_string();
        assert_eq!(message(&name, "table"), Ok(()));
        assert!(message(&name, "table").is_err_and(|text| text.contains("already")));
        assert!(message(&format!("{name}.ipynb"), "empty").is_err());
    }
}
