use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::environment as env;
use crate::failure::{Failure, Result};
use crate::places::Places;
use crate::setup;

/// Sets up and runs the experiments' program, which takes this one's place.
pub(crate) fn run(places: &Places, arguments: &[OsString]) -> Result<()> {
    setup::all(places)?;
    let error = Command::new(env::cargo())
        .args([
            "run",
            "--quiet",
            "--locked",
            "--package",
            "labbook-cli",
            "--",
        ])
        .args(arguments)
        .envs(setup::tuning())
        .exec();
    Err(Failure::new(format!("cannot start cargo: {error}")))
}
