//! One kernel that is used for a long time, and what becomes of its memory.

use std::fs;

use crate::failure::{At, Result};
use crate::lab::jupyter;
use crate::places::{self, Places};
use crate::process;
use crate::setup::{self, KERNEL_NAME};

const SCRIPT: &str = include_str!("../scripts/soak.py");

/// Trains models in one kernel for so many minutes; fails if its memory grows.
pub(crate) fn run(places: &Places, minutes: u32) -> Result<()> {
    let ready = setup::all(places)?;
    let folder = places.clone_folder().join("soak");
    fs::create_dir_all(&folder).at("create", &folder)?;
    let script = folder.join("soak.py");
    places::write(&script, SCRIPT)?;
    let mut command = jupyter(places, &ready, "python");
    command.arg(&script);
    command.args([KERNEL_NAME, &minutes.to_string()]);
    command.arg(&folder);
    process::run(
        &mut command,
        "the kernel did not do what it should, or its memory grows (above)",
    )
}
