//! What is on this machine: libtorch, Python, Jupyter, a browser.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{At, Failure, Result};
use crate::places::Places;
use crate::process::{ask, find_program};

/// A libtorch whose headers and libraries tch can be built against.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Libtorch {
    /// Holds `lib` and `include`.
    pub(crate) home: PathBuf,
    pub(crate) version: String,
}

impl Libtorch {
    /// Looks into `home`, the way `LIBTORCH` is meant.
    pub(crate) fn at(home: &Path) -> Option<Libtorch> {
        if !home.join("lib/libtorch_cpu.so").is_file() {
            return None;
        }
        let headers = [
            "torch/headeronly/version.h",
            "torch/csrc/api/include/torch/version.h",
        ];
        let text = headers
            .iter()
            .filter_map(|header| fs::read_to_string(home.join("include").join(header)).ok())
            .find(|text| text.contains("TORCH_VERSION_MAJOR"))?;
        Some(Libtorch {
            home: home.to_owned(),
            version: version_in_header(&text)?,
        })
    }

    pub(crate) fn libraries(&self) -> PathBuf {
        self.home.join("lib")
    }

    pub(crate) fn has_cuda(&self) -> bool {
        self.libraries().join("libtorch_cuda.so").is_file()
    }
}

fn version_in_header(text: &str) -> Option<String> {
    let number = |name: &str| {
        let line = text
            .lines()
            .find(|l| l.starts_with("#define") && l.contains(name))?;
        line.split_whitespace().last()?.parse::<u32>().ok()
    };
    let [major, minor, patch] = ["_MAJOR ", "_MINOR ", "_PATCH "].map(number);
    Some(format!("{}.{}.{}", major?, minor?, patch?))
}

/// The libtorch that the locked tch release names.
///
/// Source: `TORCH_VERSION` in each release's torch-sys build script.
pub(crate) fn wanted_torch(places: &Places) -> Result<&'static str> {
    let path = places.root.join("Cargo.lock");
    let text = fs::read_to_string(&path).at("read", &path)?;
    let tch = locked_version(&text, "tch").unwrap_or_default();
    match tch.rsplit_once('.').map(|(minor, _)| minor) {
        Some("0.26") => Ok("2.13.0"),
        Some("0.24") => Ok("2.11.0"),
        _ => Err(Failure::new(format!(
            "Cargo.lock names tch \"{tch}\"; expected 0.26 (libtorch 2.13) or 0.24 (libtorch \
             2.11): choose one with `cargo update tch --precise 0.26.0`"
        ))),
    }
}

/// The version of a package in the text of a `Cargo.lock`.
pub(crate) fn locked_version(lock: &str, name: &str) -> Option<String> {
    let entry = format!("name = \"{name}\"\nversion = \"");
    let start = lock.find(&entry)? + entry.len();
    lock[start..].split('"').next().map(str::to_owned)
}

/// An environment that the person chose by activating it, or none.
pub(crate) fn active_environment() -> Option<PathBuf> {
    ["CONDA_PREFIX", "VIRTUAL_ENV"]
        .iter()
        .filter_map(std::env::var_os)
        .map(PathBuf::from)
        .find(|prefix| prefix.is_dir())
}

/// libtorch as the environment offers it: `LIBTORCH`, then the active environment.
///
/// A wrong version behind `LIBTORCH` is an error, because it was asked for; in an environment
/// that merely happens to be active it is passed over.
pub(crate) fn offered_libtorch(wanted: &str) -> Result<Option<Libtorch>> {
    if let Some(home) = std::env::var_os("LIBTORCH").filter(|v| !v.is_empty()) {
        let home = PathBuf::from(home);
        let found = Libtorch::at(&home).ok_or_else(|| {
            Failure::new(format!(
                "LIBTORCH is {}, which holds no libtorch (expected lib/libtorch_cpu.so and \
                 include/torch below it); correct it or unset it",
                home.display()
            ))
        })?;
        if found.version != wanted {
            return Err(Failure::new(format!(
                "LIBTORCH is libtorch {}, but the locked tch needs exactly {wanted}; unset \
                 LIBTORCH to let the set-up fetch that one, or choose another tch (see \
                 CONTRIBUTING.md, \"Another libtorch\")",
                found.version
            )));
        }
        return Ok(Some(found));
    }
    let homes = active_environment().into_iter().flat_map(|prefix| {
        let torch = site_packages(&prefix).map(|dir| dir.join("torch"));
        [Some(prefix), torch].into_iter().flatten()
    });
    Ok(homes
        .filter_map(|home| Libtorch::at(&home))
        .find(|found| found.version == wanted))
}

/// A Python with JupyterLab, nbconvert and jupytext.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Jupyter {
    pub(crate) prefix: PathBuf,
}

impl Jupyter {
    pub(crate) fn at(prefix: &Path) -> Option<Jupyter> {
        let found = ["python", "jupyter-lab", "jupyter-nbconvert", "jupytext"]
            .iter()
            .all(|program| prefix.join("bin").join(program).is_file());
        found.then(|| Jupyter {
            prefix: prefix.to_owned(),
        })
    }

    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.prefix.join("bin").join(name)
    }
}

/// The only `site-packages` below an environment.
pub(crate) fn site_packages(prefix: &Path) -> Option<PathBuf> {
    let mut folders = fs::read_dir(prefix.join("lib"))
        .ok()?
        .flatten()
        .map(|e| e.path());
    folders.find_map(|dir| {
        let site = dir.join("site-packages");
        site.is_dir().then_some(site)
    })
}

/// A Python of at least 3.11 that can make virtual environments.
pub(crate) fn python() -> Option<PathBuf> {
    let check = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))";
    let names = [
        "python3",
        "python3.14",
        "python3.13",
        "python3.12",
        "python3.11",
    ];
    names
        .iter()
        .filter_map(|name| find_program(&[name]))
        .find(|python| ask(Command::new(python).args(["-c", check])).is_some())
}

pub(crate) fn cpp_compiler() -> Option<PathBuf> {
    if let Some(chosen) = std::env::var_os("CXX").filter(|v| !v.is_empty()) {
        let chosen = PathBuf::from(chosen);
        return if chosen.is_file() {
            Some(chosen)
        } else {
            find_program(&[chosen])
        };
    }
    find_program(&["c++", "g++", "clang++"])
}

/// A browser that prints HTML to PDF.
pub(crate) fn chromium() -> Option<PathBuf> {
    find_program(&[
        "chromium",
        "chromium-browser",
        "google-chrome",
        "google-chrome-stable",
    ])
}

/// Folder of Rust's standard library as a shared library.
pub(crate) fn standard_library() -> Result<PathBuf> {
    ask(Command::new(rustc()).args(["--print", "target-libdir"]))
        .map(PathBuf::from)
        .ok_or_else(|| Failure::new("rustc does not say where its libraries are"))
}

/// Where this rustc's libraries and sources are.
pub(crate) fn sysroot() -> Result<PathBuf> {
    ask(Command::new(rustc()).args(["--print", "sysroot"]))
        .map(PathBuf::from)
        .ok_or_else(|| Failure::new("rustc does not say where its sysroot is"))
}

/// The standard library's sources, which rust-analyzer reads to infer a cell's types.
pub(crate) fn has_rust_src() -> bool {
    let sysroot = ask(Command::new(rustc()).args(["--print", "sysroot"])).unwrap_or_default();
    Path::new(&sysroot)
        .join("lib/rustlib/src/rust/library/std/src/lib.rs")
        .is_file()
}

/// cargo's and rustc's own files, past rustup's proxies, so that a cell does not wait for them.
pub(crate) fn cargo() -> PathBuf {
    rustup_which("cargo").unwrap_or_else(|| env!("CARGO").into())
}

pub(crate) fn rustc() -> PathBuf {
    rustup_which("rustc")
        .or_else(|| find_program(&["rustc"]))
        .unwrap_or_else(|| "rustc".into())
}

fn rustup_which(tool: &str) -> Option<PathBuf> {
    // In the clone: another folder may ask for another toolchain.
    let clone = env!("CARGO_MANIFEST_DIR");
    ask(Command::new("rustup")
        .args(["which", tool])
        .current_dir(clone))
    .map(PathBuf::from)
}

/// `rustc -vV` in one text: artefacts of another compiler cannot be used.
pub(crate) fn rustc_version() -> Result<String> {
    ask(Command::new(rustc()).arg("-vV"))
        .ok_or_else(|| Failure::new("rustc does not run; install Rust (https://rustup.rs)"))
}

/// Rust's name for this machine, as in `x86_64-unknown-linux-gnu`.
pub(crate) fn host_triple() -> Result<String> {
    let text = rustc_version()?;
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned)
        .ok_or_else(|| Failure::new("`rustc -vV` names no host; is this rustc a wrapper?"))
}

/// Whether an NVIDIA driver is loaded: then the CUDA half of libtorch is of use.
pub(crate) fn has_nvidia_driver() -> bool {
    Path::new("/proc/driver/nvidia/version").exists() || Path::new("/dev/nvidiactl").exists()
}

pub(crate) fn is_root() -> bool {
    // Who runs this process owns what the system tells of it.
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

pub(crate) fn is_debian() -> bool {
    Path::new("/etc/debian_version").exists() && find_program(&["apt-get"]).is_some()
}

/// Free space in bytes where `path` is or will be.
pub(crate) fn free_space(path: &Path) -> Option<u64> {
    let existing = path.ancestors().find(|p| p.exists())?;
    kilobytes_free(&ask(Command::new("df").arg("-Pk").arg(existing))?).map(|free| free * 1024)
}

/// Memory in bytes that programs can still take, where the system tells.
pub(crate) fn free_memory() -> Option<u64> {
    kilobytes_available(&fs::read_to_string("/proc/meminfo").ok()?).map(|free| free * 1024)
}

fn kilobytes_available(table: &str) -> Option<u64> {
    let mut lines = table.lines();
    let value = lines.find_map(|line| line.strip_prefix("MemAvailable:"))?;
    value.split_whitespace().next()?.parse().ok()
}

/// Reads what POSIX has `df -Pk` print: a heading, then the disk, its size, what is used and what is free.
fn kilobytes_free(table: &str) -> Option<u64> {
    let numbers = table.lines().nth(1)?.split_whitespace();
    let mut numbers = numbers.filter_map(|word| word.parse::<u64>().ok());
    numbers.nth(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_header_is_read() {
        let text = "#define TORCH_VERSION_MAJOR 2\n#define TORCH_VERSION_MINOR 13\n\
                    #define TORCH_VERSION_PATCH 0\n#define TORCH_VERSION \\\n  \"2.13.0\"\n";
        assert_eq!(version_in_header(text).as_deref(), Some("2.13.0"));
        assert_eq!(version_in_header("#define OTHER 1\n"), None);
    }

    #[test]
    fn a_lock_file_is_read() {
        let lock = "[[package]]\nname = \"tch-extra\"\nversion = \"1.0.0\"\n\n\
                    [[package]]\nname = \"tch\"\nversion = \"0.24.0\"\n";
        assert_eq!(locked_version(lock, "tch").as_deref(), Some("0.24.0"));
        assert_eq!(locked_version(lock, "absent"), None);
    }

    #[test]
    fn free_space_is_read_from_the_table() {
        let table = "Filesystem 1024-blocks Used Available Capacity Mounted on\n\
                     /dev/a b 100 60 40 60% /\n";
        assert_eq!(kilobytes_free(table), Some(40));
        assert_eq!(kilobytes_free("df: no such file\n"), None);
        assert!(free_space(Path::new("/")).is_some());
    }

    #[test]
    fn free_memory_is_read_from_the_table() {
        let table = "MemTotal:  24684084 kB\nMemAvailable:   18442140 kB\n";
        assert_eq!(kilobytes_available(table), Some(18_442_140));
        assert_eq!(kilobytes_available("MemTotal: 1 kB\n"), None);
    }

    #[test]
    fn a_folder_without_libtorch_offers_none() {
        assert_eq!(Libtorch::at(Path::new("/nowhere")), None);
    }
}
