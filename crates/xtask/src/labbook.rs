use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::environment as env;
use crate::failure::{Failure, Result};
use crate::places::Places;
use crate::setup;

/// Sets up and runs the experiments' program, which takes this one's place.
pub(crate) fn run(places: &Places, arguments: &[OsString]) -> Result<()> {
    setup::experiments(places)?;
    let error = command(places, arguments).exec();
    Err(Failure::new(format!("cannot start cargo: {error}")))
}

/// A call of the experiments' program, which is set up.
pub(crate) fn command(places: &Places, arguments: &[OsString]) -> Command {
    let mut command = Command::new(env::cargo());
    command
        .args(["run", "--quiet", "--locked", "--manifest-path"])
        .arg(places.root.join("Cargo.toml"));
    // The person's folder stays the current one; from outside cargo would not find the clone's configuration,
    // from inside it would read it twice.
    let here = std::env::current_dir().and_then(|folder| folder.canonicalize());
    if !here.is_ok_and(|folder| folder.starts_with(&places.root)) {
        let config = places.root.join(".cargo/local.toml");
        command.arg("--config").arg(config);
    }
    command
        .args(["--package", "labbook-cli", "--"])
        .args(arguments)
        .envs(setup::tuning());
    command
}
