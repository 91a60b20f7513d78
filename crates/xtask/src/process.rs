use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use crate::failure::{Failure, Result};

/// Runs a command whose output goes to the terminal; `otherwise` says what its failure means.
pub(crate) fn run(command: &mut Command, otherwise: &str) -> Result<()> {
    let status = command
        .stdin(Stdio::null())
        .status()
        .map_err(|e| not_started(command, &e))?;
    judge(command, status, otherwise)
}

/// Whether a command that ended did what it should.
pub(crate) fn judge(command: &Command, status: ExitStatus, otherwise: &str) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    let program = Path::new(command.get_program())
        .file_name()
        .unwrap_or_default();
    Err(Failure::new(format!(
        "{otherwise} ({}: {status})",
        program.display()
    )))
}

/// Runs a command and returns what it printed, or nothing when it fails or does not exist.
pub(crate) fn ask(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// The first of `names` found on PATH.
pub(crate) fn find_program<S: AsRef<OsStr>>(names: &[S]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    names.iter().find_map(|name| {
        std::env::split_paths(&path)
            .map(|dir| dir.join(name.as_ref()))
            .find(|p| p.is_file())
    })
}

pub(crate) fn not_started(command: &Command, error: &std::io::Error) -> Failure {
    Failure::new(format!(
        "cannot start {}: {error}",
        command.get_program().display()
    ))
}
