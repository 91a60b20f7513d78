//! Records the locked versions of the libraries that a notebook shows.

use std::process::Command;

fn main() {
    let lock = "../../Cargo.lock";
    println!("cargo::rerun-if-changed={lock}");
    let text = std::fs::read_to_string(lock).unwrap_or_default();
    for name in ["tch", "polars", "plotters", "ndarray"] {
        let entry = format!("name = \"{name}\"\nversion = \"");
        let version = text
            .split(&entry)
            .nth(1)
            .and_then(|rest| rest.split('"').next());
        let version = version.unwrap_or("unknown");
        println!("cargo::rustc-env=LABBOOK_{}={version}", name.to_uppercase());
    }
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = Command::new(rustc).arg("--version").output();
    let version = version.map(|o| String::from_utf8_lossy(&o.stdout).trim().to_owned());
    println!(
        "cargo::rustc-env=LABBOOK_RUSTC={}",
        version.unwrap_or_default()
    );
}
