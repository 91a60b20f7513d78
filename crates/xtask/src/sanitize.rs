use std::process::Command;

use crate::environment as env;
use crate::failure::{Failure, Result};
use crate::places::Places;
use crate::process;
use crate::setup;

/// The compiler that knows sanitizers.
const TOOLCHAIN: &str = "nightly";

/// The crates with `unsafe` in their loops, and which of their tests use those.
const TESTS: [(&str, &[&str]); 2] = [
    ("labbook-winograd", &["--lib", "--tests"]),
    ("labbook-nn", &["--lib", "engine::"]),
];

/// Runs the tests of our own loops under AddressSanitizer: every read and write beside what belongs to a
/// slice ends them.
pub(crate) fn run(places: &Places) -> Result<()> {
    setup::all(places)?;
    let mut known = Command::new("rustup");
    known.args(["run", TOOLCHAIN, "rustc", "--version"]);
    if process::ask(&mut known).is_none() {
        return Err(Failure::new(format!(
            "only Rust's {TOOLCHAIN} compiler knows sanitizers; `rustup toolchain install {TOOLCHAIN} \
             --profile minimal` installs it"
        )));
    }
    for (name, tests) in TESTS {
        println!("{name} under AddressSanitizer (its compilation takes minutes the first time)");
        let mut cargo = Command::new("rustup");
        cargo
            .args(["run", TOOLCHAIN, "cargo", "test", "--quiet", "--locked"])
            .args(["--package", name, "--target", &env::host_triple()?])
            .arg("--target-dir")
            .arg(places.cache.join("sanitized"))
            .args(tests)
            .current_dir(&places.root)
            // In place of the flags that the kernel's libraries are built with.
            .env("RUSTFLAGS", "-Zsanitizer=address")
            // Neither its own program nor the compiler that started it.
            .env_remove("RUSTC")
            .env_remove("RUSTUP_TOOLCHAIN")
            // libtorch keeps what it has to the end.
            .env("ASAN_OPTIONS", "detect_leaks=0");
        process::run(
            &mut cargo,
            "a test failed, or read or wrote what is not its own (above)",
        )?;
    }
    Ok(())
}
