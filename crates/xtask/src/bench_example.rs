//! What benchmarks of training share: an example of labbook-nn, and programs that end with a line of JSON.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::environment as env;
use crate::process;
use crate::setup;

/// A call of cargo for an example, which has the notebooks' settings.
pub(crate) fn example(root: &Path, name: &str, cargo: &[&str], options: &[&str]) -> Command {
    let mut command = Command::new(env::cargo());
    command.args(cargo).args(["--package", "labbook-nn"]);
    command.args(["--example", name]);
    if !options.is_empty() {
        command.arg("--").args(options);
    }
    // As in the notebooks' kernel.
    command.envs(setup::tuning()).current_dir(root);
    command
}

/// The line of JSON that a program ends with, if it ran and did.
pub(crate) fn last_line(command: &mut Command) -> Option<Value> {
    let text = process::ask(command)?;
    serde_json::from_str(text.lines().last()?).ok()
}
