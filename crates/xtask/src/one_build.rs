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

/// Fails where the facade alone is built of other libraries than the whole workspace is.
pub(crate) fn check(places: &Places) -> Result<()> {
    let facade = crates(places, &["--package", "labbook", "--edges", "normal,build"])?;
    let workspace = crates(places, &["--workspace"])?;
    match differing(&facade, &workspace).as_slice() {
        [] => Ok(()),
        others => Err(Failure::new(format!(
            "the facade alone would be built of other libraries than the workspace: {}; add the \
             features that these lack to the dependencies in crates/labbook/Cargo.toml",
            others.join(", ")
        ))),
    }
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
    }
}
