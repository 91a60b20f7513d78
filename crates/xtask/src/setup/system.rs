use std::process::Command;

use crate::environment as env;
use crate::failure::{Failure, Result};
use crate::process;

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

/// Installs what is missing where that is allowed (root on Debian; rustup), else says how.
pub(super) fn install_missing() -> Result<()> {
    let found = missing();
    let by_apt: Vec<&str> = found.iter().filter_map(|m| m.package).collect();
    let apt = !by_apt.is_empty() && env::is_root() && env::is_debian();
    if apt {
        super::step(
            1,
            &format!(
                "System packages: installing {} (about 1 min)",
                by_apt.join(", ")
            ),
        );
        let otherwise = "apt-get could not install a package that the notebook needs; is the \
                         network reachable? Mend that and run the command again";
        let apt_get = || {
            let mut command = Command::new("apt-get");
            command.env("DEBIAN_FRONTEND", "noninteractive").arg("-qq");
            command
        };
        process::run_quietly(apt_get().arg("update"), otherwise)?;
        let options = ["install", "-y", "--no-install-recommends"];
        // A browser without fonts prints empty boxes.
        let fonts = by_apt.contains(&"chromium").then_some("fonts-dejavu-core");
        let mut install = apt_get();
        install.args(options).args(&by_apt).args(fonts);
        process::run_quietly(&mut install, otherwise)?;
    }
    if found.iter().any(|m| m.package.is_none()) {
        super::step(1, "Rust: adding the rust-src component (a few seconds)");
        let otherwise = "the standard library's sources could not be added; is the network \
                         reachable? Where Rust does not come from rustup, install its rust-src \
                         package";
        process::run_quietly(
            Command::new("rustup").args(["component", "add", "rust-src"]),
            otherwise,
        )?;
    }
    for missing in missing() {
        if missing.optional {
            println!(
                "Note: {} is missing ({}); without it that is left out. To add it: {}",
                missing.what,
                missing.why,
                missing.remedy()
            );
        } else {
            return Err(Failure::new(format!(
                "{} is missing ({}); run: {}",
                missing.what,
                missing.why,
                missing.remedy()
            )));
        }
    }
    Ok(())
}
