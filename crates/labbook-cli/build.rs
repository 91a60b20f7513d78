//! Records the versions that a run's record names.

use std::process::Command;

fn main() {
    let lock = "../../Cargo.lock";
    println!("cargo::rerun-if-changed={lock}");
    let text = std::fs::read_to_string(lock).unwrap_or_default();
    let tch = text
        .split("name = \"tch\"\nversion = \"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    println!("cargo::rustc-env=LABBOOK_TCH={}", tch.unwrap_or("unknown"));
    let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let version = Command::new(rustc).arg("--version").output();
    let version = version.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let version = version.unwrap_or_default();
    let number = version.split_whitespace().nth(1);
    println!(
        "cargo::rustc-env=LABBOOK_RUSTC={}",
        number.unwrap_or("unknown")
    );
}
