use std::process::Command;

use super::screen::Screen;
use super::step::Step;
use super::{far, job};
use crate::environment as env;
use crate::failure::{Failure, Result};

/// Something that only the system can give.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Missing {
    pub(crate) what: &'static str,
    pub(crate) why: &'static str,
    /// Debian's package, or none where rustup is the source.
    package: Option<&'static str>,
    /// Without it everything but one feature works.
    pub(crate) optional: bool,
}

impl Missing {
    /// The one line that installs it.
    pub(crate) fn remedy(&self) -> String {
        match self.package {
            Some(package) if env::is_debian() => {
                format!("sudo apt-get install -y --no-install-recommends {package}")
            }
            Some(package) => format!("install it from your system's packages (Debian: {package})"),
            None => "rustup component add rust-src".to_owned(),
        }
    }
}

/// What the system lacks.
pub(crate) fn missing() -> Vec<Missing> {
    let mut missing = Vec::new();
    let mut need = |found: bool, what, why, package, optional| {
        if !found {
            missing.push(Missing {
                what,
                why,
                package,
                optional,
            });
        }
    };
    need(
        env::cpp_compiler().is_some(),
        "a C++ compiler",
        "builds tch's C++ half",
        Some("g++"),
        false,
    );
    need(
        env::python().is_some(),
        "Python 3.11 or newer with venv",
        "runs JupyterLab",
        Some("python3-venv"),
        false,
    );
    need(
        env::has_rust_src(),
        "the rust-src component",
        "lets the kernel infer the types of a cell's variables",
        None,
        false,
    );
    need(
        env::chromium().is_some(),
        "chromium",
        "prints reports to PDF",
        Some("chromium"),
        true,
    );
    missing
}

/// Installs what is missing and needed where that is allowed (root on Debian; rustup), else says how.
pub(super) fn install_needed(screen: &Screen) -> Result<()> {
    let found = missing();
    let needed: Vec<&str> = found
        .iter()
        .filter(|missing| !missing.optional)
        .filter_map(|missing| missing.package)
        .collect();
    if !needed.is_empty() && may_install() {
        let title = format!("System packages: installing {}", needed.join(", "));
        apt(screen.step(1, &title, "1 min"), &needed)?;
    }
    if found.iter().any(|m| m.package.is_none()) {
        let step = screen.step(1, "Rust: adding the rust-src component", "10 s");
        let otherwise = "the standard library's sources could not be added (rustup's message is below); is \
                         the network reachable? Where Rust does not come from rustup, install its rust-src \
                         package";
        let mut add = Command::new("rustup");
        add.args(["component", "add", "rust-src"]);
        job::run(&step, &mut add, job::silent, otherwise)?;
        step.done();
    }
    match missing().into_iter().find(|missing| !missing.optional) {
        Some(missing) => Err(Failure::new(format!(
            "{} is missing ({}); run: {}",
            missing.what,
            missing.why,
            missing.remedy()
        ))),
        None => Ok(()),
    }
}

/// Installs what only one feature needs; without it the set-up goes on.
pub(super) fn install_optional(screen: &Screen) {
    let packages = || -> Vec<&str> {
        let optional = missing().into_iter().filter(|missing| missing.optional);
        optional.filter_map(|missing| missing.package).collect()
    };
    let mut packages = packages();
    if !packages.is_empty() && may_install() {
        let title = format!("System packages: installing {}", packages.join(", "));
        if packages.contains(&"chromium") {
            // A browser without fonts prints empty boxes.
            packages.push("fonts-dejavu-core");
        }
        if let Err(failure) = apt(screen.step(1, &title, "30 s"), &packages) {
            screen.say(&format!("Note: {failure}"));
        }
    }
    for missing in missing().into_iter().filter(|missing| missing.optional) {
        screen.say(&format!(
            "Note: {} is missing ({}); without it that is left out. To add it: {}",
            missing.what,
            missing.why,
            missing.remedy()
        ));
    }
}

fn may_install() -> bool {
    env::is_root() && env::is_debian()
}

fn apt(step: Step, packages: &[&str]) -> Result<()> {
    let otherwise = "apt-get could not install a package (its message is below); is the network reachable? \
                     Mend that and run the command again";
    let get = |words: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["-qq", "-o", "APT::Status-Fd=1"])
            .args(words);
        job::run(&step, &mut command, far::of_apt, otherwise)
    };
    get(&["update"])?;
    let options = ["install", "-y", "--no-install-recommends"];
    get(&[&options, packages].concat())?;
    step.done();
    Ok(())
}
