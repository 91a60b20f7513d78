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

#[test]
fn the_container_is_of_this_project_and_has_no_root_in_it() {
    let read = |name: &str| fs::read_to_string(root().join(name)).unwrap();
    let (recipe, manifest) = (read("Dockerfile"), read("Cargo.toml"));
    let version = manifest.split("rust-version = \"").nth(1).unwrap();
    let version = version.split('"').next().unwrap();
    assert!(
        recipe.contains(&format!("\nFROM rust:{version}-slim-bookworm\n")),
        "the base is Rust {version}"
    );
    // From there on nobody is root.
    let (_, after) = recipe.split_once("\nUSER $NB_USER\n").unwrap();
    assert!(after.contains("labbook setup") && !after.contains("\nUSER "));
    let development: serde_json::Value =
        serde_json::from_str(&read(".devcontainer/devcontainer.json")).unwrap();
    assert_eq!(development["build"]["dockerfile"], "../Dockerfile");
    assert_eq!(development["remoteUser"], "jovyan");
    let kept = read(".dockerignore");
    for folder in ["target", "runs", "reports", ".cargo/local.toml"] {
        assert!(kept.lines().any(|line| line == folder), "{folder}");
    }
}

#[test]
fn uninstalling_leaves_nothing_outside_the_clone() {
    let dir = tempfile::tempdir().unwrap();
    let (cache, home) = (dir.path().join("cache"), dir.path().join("home"));
    fs::create_dir_all(cache.join("tools")).unwrap();
    fs::create_dir_all(&home).unwrap();
    fs::write(cache.join("holiday.jpg"), "theirs").unwrap();
    let xtask = |words: &[&str]| {
        Command::new(env!("CARGO"))
            .args(["run", "--quiet", "--package", "xtask", "--"])
            .args(words)
            .current_dir(root())
            .env("CARGO_INSTALL_ROOT", dir.path().join("programs"))
            .env("LABBOOK_CACHE", &cache)
            .env("XDG_DATA_HOME", home.join("share"))
            .env_remove("CONDA_PREFIX")
            .env_remove("VIRTUAL_ENV")
            .output()
            .unwrap()
    };
    assert!(xtask(&["install"]).status.success());
    // Nobody can be asked.
    let refused = xtask(&["uninstall"]);
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(
        !refused.status.success() && said.contains("--yes"),
        "{said}"
    );
    assert!(cache.join("tools").exists());

    let removed = xtask(&["uninstall", "--yes"]);
    let said = String::from_utf8_lossy(&removed.stdout);
    assert!(removed.status.success(), "{removed:?}");
    assert!(said.contains("the program `labbook`"), "{said}");
    assert!(!dir.path().join("programs/bin/labbook").exists());
    let left: Vec<_> = fs::read_dir(&cache).unwrap().flatten().collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(root().join("Cargo.toml").exists());
    let again = xtask(&["uninstall", "--yes"]);
    assert!(String::from_utf8_lossy(&again.stdout).contains("nothing to remove"));
}
