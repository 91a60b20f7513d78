//! What benchmarks of training share: an example, and programs that end with a line of JSON.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::environment as env;
use crate::process;
use crate::setup;

/// A call of cargo for an example of a package, which has the notebooks' settings.
pub(crate) fn example(
    root: &Path,
    (package, name): (&str, &str),
    cargo: &[&str],
    options: &[&str],
) -> Command {
    let mut command = Command::new(env::cargo());
    command.args(cargo).args(["--package", package]);
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

/// The figures under a name in the line of JSON that a program ends with.
pub(crate) fn figures(line: &Value, name: &str) -> Option<Vec<f64>> {
    let figures = line[name].as_array()?;
    figures.iter().map(Value::as_f64).collect()
}

/// The middle one; of an even number the greater of the two.
pub(crate) fn median(figures: &[f64]) -> Option<f64> {
    let mut sorted = figures.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied()
}
