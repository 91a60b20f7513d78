//! What a notebook links is what the workspace built: the same crates with the same features.
//!
//! cargo gives a shared crate the features that all packages of one build ask for. A package alone
//! may ask for fewer, and then polars and all that depends on the difference compile once more.

use std::collections::BTreeSet;
use std::process::Command;

use crate::environment as env;
use crate::failure::{Failure, Result};
use crate::places::Places;
use crate::process;

/// Programs that share libraries with the facade, and are compiled apart from it.
const PROGRAMS: [&str; 2] = ["labbook-cli", "labbook-kernel"];

/// Fails where the facade alone is built of other libraries than the whole workspace or a program is.
pub(crate) fn check(places: &Places) -> Result<()> {
    let facade = crates(places, &["--package", "labbook", "--edges", "normal,build"])?;
    let workspace = crates(places, &["--workspace"])?;
    let others = differing(&facade, &workspace);
    if !others.is_empty() {
        return Err(Failure::new(format!(
            "the facade alone would be built of other libraries than the workspace: {}; add the \
             features that these lack to the dependencies in crates/labbook/Cargo.toml",
            others.join(", ")
        )));
    }
    for program in PROGRAMS {
        let own = crates(places, &["--package", program, "--edges", "normal,build"])?;
        let others = shared_but_differing(&own, &facade);
        if !others.is_empty() {
            return Err(Failure::new(format!(
                "{program} alone would be built of other libraries than the facade: {}; add the features \
                 that these lack to the dependencies in crates/{program}/Cargo.toml",
                others.join(", ")
            )));
        }
    }
    Ok(())
}

/// Every crate with its version and features.
fn crates(places: &Places, of: &[&str]) -> Result<BTreeSet<String>> {
    let mut command = Command::new(env::cargo());
    command
        .args([
            "tree",
            "--locked",
            "--prefix",
            "none",
            "--format",
            "{p} [{f}]",
        ])
        .args(of)
        .current_dir(&places.root);
    let text = process::ask(&mut command)
        .ok_or_else(|| Failure::new("cargo tree could not list the dependencies"))?;
    // A star marks what was listed before.
    let line = |line: &str| line.trim_end_matches(" (*)").to_owned();
    Ok(text.lines().map(line).filter(|l| !l.is_empty()).collect())
}

fn differing(facade: &BTreeSet<String>, workspace: &BTreeSet<String>) -> Vec<String> {
    facade.difference(workspace).cloned().collect()
}

/// Crates that both have, with other features.
fn shared_but_differing(own: &BTreeSet<String>, facade: &BTreeSet<String>) -> Vec<String> {
    let name = |line: &str| line.split(" [").next().unwrap_or_default().to_owned();
    let shared: BTreeSet<String> = facade.iter().map(|line| name(line)).collect();
    let differing = own.difference(facade);
    differing
        .filter(|line| shared.contains(&name(line)))
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_with_fewer_features_is_named() {
        let set = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        let workspace: BTreeSet<String> = set(&["a v1 [x,y]", "b v2 []"]);
        assert!(differing(&set(&["b v2 []"]), &workspace).is_empty());
        let others = differing(&set(&["a v1 [x]", "b v2 []"]), &workspace);
        assert_eq!(others, ["a v1 [x]"]);
        // What the program has alone, or in another version, is its own.
        let program = set(&["a v1 [x]", "a v2 [z]", "c v1 []", "b v2 []"]);
        assert_eq!(shared_but_differing(&program, &workspace), ["a v1 [x]"]);
    }
}
