//! The program `labbook`, also `cargo xtask` within a clone.
//!
//! It depends on nothing, so that it compiles in a second and has something to say while the commands
//! themselves are compiled. Installed with `cargo xtask install`, it works from any folder.

mod clone;
mod commands;

use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

fn main() -> ExitCode {
    let place = clone::find();
    let program = place.and_then(|root| commands::compiled(&root));
    let failure = match program {
        Ok(program) => {
            let error = Command::new(&program)
                .args(std::env::args_os().skip(1))
                .exec();
            format!("cannot start {}: {error}", program.display())
        }
        Err(failure) => failure,
    };
    eprintln!("error: {failure}");
    ExitCode::FAILURE
}
