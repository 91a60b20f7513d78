//! The installed program, from a folder that is no part of the clone.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use std::fs;
use std::process::Command;

use notebook_tests::root;

#[test]
fn the_installed_program_runs_from_any_folder() {
    let dir = tempfile::tempdir().unwrap();
    let installed = Command::new(env!("CARGO"))
        .args(["run", "--quiet", "--package", "xtask", "--", "install"])
        .current_dir(root())
        .env("CARGO_INSTALL_ROOT", dir.path())
        .output()
        .unwrap();
    assert!(
        installed.status.success(),
        "{}",
        String::from_utf8_lossy(&installed.stderr)
    );
    let elsewhere = dir.path().join("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let made = Command::new(dir.path().join("bin/labbook"))
        .args(["new", "prices"])
        .current_dir(&elsewhere)
        // A person has neither cargo's variables nor its paths.
        .env_remove("LD_LIBRARY_PATH")
        .env_remove("LABBOOK_CLONE")
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let notebook = fs::read_to_string(elsewhere.join("prices.ipynb")).unwrap();
    assert!(notebook.contains(":dep labbook"));
}
