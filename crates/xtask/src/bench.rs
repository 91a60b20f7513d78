use std::fs;

use crate::failure::{At, Result};
use crate::lab::jupyter;
use crate::places::Places;
use crate::process;
use crate::setup::{self, KERNEL_NAME};

const SCRIPT: &str = include_str!("../scripts/bench_kernel.py");

/// Times the kernel from its start to the first tensor, and the cells after that.
pub(crate) fn kernel(places: &Places) -> Result<()> {
    let ready = setup::all(places)?;
    let script = places.clone_folder().join("bench_kernel.py");
    fs::write(&script, SCRIPT).at("write", &script)?;
    process::run(
        jupyter(places, &ready, "python")
            .arg(&script)
            .arg(KERNEL_NAME)
            .current_dir(places.notebooks()),
        "the kernel could not be timed (its message is above)",
    )
}
