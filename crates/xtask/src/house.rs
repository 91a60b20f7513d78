//! The rules of the house: nothing general names the paper, and data flow one way.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{At, Failure, Result};

/// Every member, each after those that it may depend on.
const ORDER: [&str; 21] = [
    "labbook-files",
    "labbook-winograd",
    "labbook-zip",
    "labbook-data",
    "labbook-tables",
    "labbook-text",
    "labbook-nn",
    "labbook-analysis",
    "labbook-charts",
    "labbook-records",
    "labbook-study",
    "labbook-notebook",
    "labbook-paper",
    "labbook",
    "labbook-cli",
    "labbook-fetch",
    "labbook-kernel-files",
    "labbook-kernel",
    "xtask",
    "labbook-command",
    "notebook-tests",
];

const PAPER: &str = "labbook-paper";
/// The facade, which re-exports the paper in one line, the paper's program and the tests.
const MAY_USE_PAPER: [&str; 3] = ["labbook", "labbook-cli", "notebook-tests"];

/// What general crates are made of. Those left out are applications of the paper, or fetch and set
/// up its data set.
const GENERAL: [&str; 13] = [
    "crates/labbook-files/src",
    "crates/labbook-winograd/src",
    "crates/labbook-zip/src",
    "crates/labbook-data/src",
    "crates/labbook-tables/src",
    "crates/labbook-text/src",
    "crates/labbook-nn/src",
    "crates/labbook-analysis/src",
    "crates/labbook-charts/src",
    "crates/labbook-records/src",
    "crates/labbook-study/src",
    "crates/labbook-notebook/src",
    "crates/labbook/src",
];
/// Of xtask, what makes reports.
const REPORTS: [&str; 3] = [
    "crates/xtask/src/report.rs",
    "crates/xtask/scripts/report",
    "crates/xtask/template",
];

/// The data set's own room.
const DATA_SET: &str = "crates/labbook-data/src/datasets";

/// Lines that may stand: the facade's one line, and works that are cited by their titles.
const INNOCENT: [&str; 4] = [
    "pub use labbook_paper as paper;",
    "//! [`paper`] is a guest:",
    "\"94% on CIFAR-10 in 3.29 seconds",
    "for CIFAR-10, `airbench94_muon`",
];

/// The data set's ten classes; a few of them may meet by chance.
const CLASSES: [&str; 10] = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
];
const MEET_BY_CHANCE: usize = 5;

/// Checks all of the project.
pub(crate) fn check(root: &Path) -> Result<()> {
    let mut faults = Vec::new();
    for folder in GENERAL.iter().chain(&REPORTS) {
        for path in files(&root.join(folder))? {
            let Ok(text) = fs::read_to_string(&path) else {
                continue;
            };
            let shown = path.strip_prefix(root).unwrap_or(&path);
            if !shown.starts_with(DATA_SET) {
                let found = leaks(&text).into_iter();
                faults.extend(found.map(|leak| format!("{}:{leak}", shown.display())));
            }
        }
    }
    let mut manifests: Vec<PathBuf> = vec![root.join("tests/Cargo.toml")];
    let crates = root.join("crates");
    for entry in fs::read_dir(&crates).at("read", &crates)?.flatten() {
        manifests.push(entry.path().join("Cargo.toml"));
    }
    for manifest in manifests.iter().filter(|path| path.is_file()) {
        let text = fs::read_to_string(manifest).at("read", manifest)?;
        faults.extend(back_dependencies(&text));
    }
    if faults.is_empty() {
        return Ok(());
    }
    faults.sort();
    Err(Failure::new(format!(
        "general crates know nothing of the paper, and each depends only on those before it \
         (ARCHITECTURE.md). Received:\n{}",
        faults.join("\n")
    )))
}

/// A file, or all files below a folder.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in fs::read_dir(path).at("read", path)?.flatten() {
        found.extend(files(&entry.path())?);
    }
    found.sort();
    Ok(found)
}

/// Lines, with their numbers, that name what is the paper's.
fn leaks(text: &str) -> Vec<String> {
    let mut leaks = Vec::new();
    let mut in_tests = false;
    for (number, line) in text.lines().enumerate() {
        in_tests |= line.trim() == "#[cfg(test)]";
        if INNOCENT.iter().any(|innocent| line.contains(innocent)) {
            continue;
        }
        if let Some(what) = leak(line, in_tests) {
            leaks.push(format!("{}: {what}: {}", number + 1, line.trim()));
        }
    }
    let text = text.to_lowercase();
    let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
    let named = CLASSES.iter().filter(|class| words.contains(class));
    if named.count() > MEET_BY_CHANCE {
        leaks.push("1: the data set's ten classes".to_owned());
    }
    leaks
}

/// What a line gives away.
fn leak(line: &str, in_tests: bool) -> Option<&'static str> {
    let lower = line.to_lowercase();
    // The data set's module may be named as a path of `datasets`, not its shape or its classes.
    if lower.contains("cifar") && !lower.contains("datasets::cifar10") {
        return Some("the data set");
    }
    let names = [
        "labbook_paper",
        "labbook-paper",
        "labbook_experiments",
        "labbook::paper",
    ];
    if names.iter().any(|name| lower.contains(name)) || lower.contains("the paper's") {
        return Some("the paper");
    }
    if numbered(&lower, "experiment ") || numbered(&lower, "experiments ") {
        return Some("an experiment");
    }
    let code = code(line);
    if ["Experiment", "ExperimentRecord", "experiments"]
        .iter()
        .any(|name| word(&code, name))
    {
        return Some("an experiment");
    }
    if code.contains("SpeedRun") || line.contains("LABBOOK_SCALE") || names_scale(&code) {
        return Some("a scale");
    }
    let dense = code.replace(' ', "");
    let shape = dense.contains("[32,32,3]") || dense.contains("(32,32,3)");
    (shape && !in_tests).then_some("the data set's shape")
}

/// Whether a number follows the word: "Experiment 16" is the paper's, an experiment is anybody's.
/// In quotes it is an example of a name.
fn numbered(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let quoted = line[..at].ends_with('"');
        let digit = line[at + word.len()..].starts_with(|c: char| c.is_ascii_digit());
        digit && !quoted
    })
}

/// `Scale::`, but not `PxScale::`.
fn names_scale(code: &str) -> bool {
    let alone = |at: usize| !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    code.match_indices("Scale::").any(|(at, _)| alone(at))
}

fn word(code: &str, wanted: &str) -> bool {
    let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.any(|word| word == wanted)
}

/// A line without its comment and the contents of its texts, where any example may stand.
fn code(line: &str) -> String {
    let (mut code, mut in_text, mut escaped) = (String::new(), false, false);
    for character in line.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            _ if in_text => {}
            other => code.push(other),
        }
        if code.ends_with("//") {
            code.truncate(code.len() - 2);
            break;
        }
    }
    code
}

/// What a manifest depends on though it should not.
fn back_dependencies(manifest: &str) -> Vec<String> {
    let (mut name, mut used, mut section) = (String::new(), Vec::new(), String::new());
    for line in manifest.lines() {
        let line = line.split('#').next().unwrap_or_default().trim();
        if line.starts_with('[') {
            section = line.to_owned();
        }
        if section == "[package]"
            && let Some(value) = line.strip_prefix("name = ")
        {
            name = value.trim_matches('"').to_owned();
        }
        if section.contains("dependencies") {
            let words = line.split(|c: char| !(c.is_alphanumeric() || c == '-' || c == '_'));
            let members = words.filter(|word| ORDER.contains(word));
            used.extend(members.map(str::to_owned));
        }
    }
    let place = |name: &str| ORDER.iter().position(|member| *member == name);
    let Some(own) = place(&name) else {
        return vec![format!(
            "{name}: give it a place in crates/xtask/src/house.rs"
        )];
    };
    let mut faults: Vec<String> = used
        .iter()
        .filter(|used| {
            let back = place(used).is_some_and(|place| place >= own);
            back || (*used == PAPER && !MAY_USE_PAPER.contains(&name.as_str()))
        })
        .map(|used| format!("{name}: depends on {used}"))
        .collect();
    faults.dedup();
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_house_keeps_its_rules() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let kept = check(&root).map_err(|fault| fault.to_string());
        assert_eq!(kept, Ok(()));
    }

    #[test]
    fn a_planted_leak_is_found() {
        for (line, what) in [
            ("/// Images of CIFAR-10.", "the data set"),
            ("use labbook_paper::Scale;", "the paper"),
            ("//! As the paper's table shows.", "the paper"),
            ("// Those of Experiment 16.", "an experiment"),
            ("fn record(of: Experiment) {}", "an experiment"),
            ("let scale = Scale::smoke();", "a scale"),
            ("env(\"LABBOOK_SCALE\")", "a scale"),
            ("let shape = [32, 32, 3];", "the data set's shape"),
            ("model.build((32, 32, 3))?;", "the data set's shape"),
        ] {
            let found = leaks(&format!("let a = 1;\n{line}\n"));
            assert_eq!(found.len(), 1, "{line}: {found:?}");
            assert!(found[0].starts_with(&format!("2: {what}: ")), "{found:?}");
        }
        let classes = format!("const NAMES: [&str; 10] = {CLASSES:?};");
        assert!(leaks(&classes)[0].contains("ten classes"));
    }

    #[test]
    fn innocent_words_pass() {
        for line in [
            "/// An experiment repeats exactly.",
            "const TYPES: &str = \"_jupyter_types_experimental\";",
            "\"use a name such as \\\"experiment 3\\\"\",",
            "let height = PxScale::from(2.0);",
            "/// The shape of one example: `(32, 32, 3)` for a colour image.",
            "\"leave the batch axis out: (32, 32, 3) for colour images\",",
            "/// Here epsilon is what the paper calls epsilon hat.",
            "let names = [\"cat\", \"dog\", \"automobile\"];",
            "use labbook_data::datasets::cifar10;",
            "#[cfg(test)]\nmod tests { fn f() { build((32, 32, 3)) } }",
        ] {
            assert_eq!(leaks(line), Vec::<String>::new(), "{line}");
        }
    }

    #[test]
    fn a_planted_back_dependency_is_found() {
        let manifest = |name: &str, section: &str, used: &str| {
            let text = format!("[package]\nname = \"{name}\"\n\n[{section}]\n{used}\n");
            back_dependencies(&text)
        };
        let paper = "labbook-paper.workspace = true";
        for section in ["dependencies", "dev-dependencies", "target.x.dependencies"] {
            let found = manifest("labbook-notebook", section, paper);
            assert_eq!(found, ["labbook-notebook: depends on labbook-paper"]);
        }
        let renamed = "guest = { package = \"labbook-paper\", path = \"../labbook-paper\" }";
        assert_eq!(manifest("xtask", "dependencies", renamed).len(), 1);
        let back = manifest(
            "labbook-nn",
            "dependencies",
            "labbook-records.workspace = true",
        );
        assert_eq!(back, ["labbook-nn: depends on labbook-records"]);
        assert!(manifest("labbook-new", "dependencies", "")[0].contains("give it a place"));
        for guest in MAY_USE_PAPER {
            assert!(manifest(guest, "dependencies", paper).is_empty(), "{guest}");
        }
        assert!(manifest("labbook-charts", "dev-dependencies", "labbook-nn = \"1\"").is_empty());
    }
}
