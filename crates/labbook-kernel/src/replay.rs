//! Compiles a cell without cargo where only the cell's source changed.
//!
//! Before it calls rustc, cargo looks whether any dependency changed, which takes a third of the
//! time of a typical cell. So the first call of rustc for a cell is written down, by a stand-in
//! that cargo takes for the compiler of the cell's crate, and made again for later cells, until
//! manifest, locked versions, configuration, arguments or environment differ. A new kernel begins
//! with cargo, which finds what was edited meanwhile; one that runs keeps what it began with.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::further;

/// The name under which the stand-in for the compiler is called.
pub use labbook_kernel_files::CELL_RUSTC as NAME;

/// In the cell's folder: the call.
const FILE: &str = "cell-rustc.json";
/// Tells the stand-in what cargo was called with.
const SURROUNDINGS: &str = "LABBOOK_CELL_SURROUNDINGS";
/// Lets cargo put the stand-in before the compiler of the cell's crate, but of no dependency.
const WRAPPER: &str = "RUSTC_WORKSPACE_WRAPPER";
/// What evcxr calls the crate of a cell.
const CRATE: &str = "ctx";
/// Set where the versions of all dependencies are those of the template.
const LOCKED: &str = "LABBOOK_CELL_LOCKED";
/// Words to add to the call, which are not part of it: a list in JSON.
const WORDS: &str = "LABBOOK_CELL_WORDS";

const CONFIG: &str = ".cargo/config.toml";
const LOCK: &str = "Cargo.lock";

/// A call of rustc, and what it holds for.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Call {
    surroundings: String,
    inputs: String,
    rustc: String,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
}

/// The call that stands for one of cargo with these arguments and this manifest, in a cell's folder, if
/// it was made before; and what cargo would print of the result. `locked` says that the manifest alone
/// decides about all versions.
pub(crate) fn of(
    folder: &Path,
    arguments: &[String],
    manifest: &str,
    locked: bool,
) -> Option<(Command, String)> {
    let call: Call = serde_json::from_str(&fs::read_to_string(folder.join(FILE)).ok()?).ok()?;
    if call.surroundings != surroundings(arguments)
        || call.inputs != inputs(folder, manifest, locked)
    {
        return None;
    }
    let artifact = json!({
        "reason": "compiler-artifact",
        "target": { "name": CRATE },
        "filenames": [call.output()?],
    });
    let mut command = Command::new(&call.rustc);
    command.args(&call.arguments).envs(&call.environment);
    Some((command, artifact.to_string()))
}

/// Has the call written down that this one of cargo leads to, and made with these words added.
pub(crate) fn record(
    cargo: &mut Command,
    stand_in: &Path,
    arguments: &[String],
    locked: bool,
    words: &[String],
) {
    if env::var_os(WRAPPER).is_none() {
        cargo
            .env(WRAPPER, stand_in)
            .env(SURROUNDINGS, surroundings(arguments))
            .env(WORDS, json!(words).to_string());
        if locked {
            cargo.env(LOCKED, "1");
        }
    }
}

/// Forgets the call of another kernel.
pub(crate) fn forget(folder: &Path) -> io::Result<()> {
    match fs::remove_file(folder.join(FILE)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes the call down if it is a cell's, and makes it; returns only on failure.
pub fn run(words: &[String]) -> io::Error {
    let Some((rustc, arguments)) = words.split_first() else {
        return io::Error::other("started without a compiler; only cargo calls this");
    };
    let is = |name: &str| {
        let mut pairs = arguments.windows(2);
        pairs.any(|pair| pair == ["--crate-name", name])
    };
    let mut command = Command::new(rustc);
    command.args(arguments);
    let folder = env::current_dir();
    if let (true, Ok(folder)) = (is(further::NAME), &folder)
        && let Err(error) = further::record(folder, arguments)
    {
        return error;
    }
    if let (true, Ok(surroundings), Ok(folder)) = (is(CRATE), env::var(SURROUNDINGS), folder) {
        let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
        let call = Call {
            surroundings,
            inputs: inputs(&folder, &manifest, env::var_os(LOCKED).is_some()),
            rustc: rustc.clone(),
            arguments: arguments.to_vec(),
            environment: environment(),
        };
        // Without it the next cell is compiled by cargo again.
        let _ = call.write(&folder);
        let words = env::var(WORDS).unwrap_or_default();
        command.args(serde_json::from_str::<Vec<String>>(&words).unwrap_or_default());
    }
    command.exec()
}

impl Call {
    fn write(&self, folder: &Path) -> io::Result<()> {
        let beside = folder.join(format!("{FILE}.{}", std::process::id()));
        fs::write(&beside, serde_json::to_string(self)?)?;
        fs::rename(beside, folder.join(FILE))
    }

    /// The library that the call makes.
    fn output(&self) -> Option<PathBuf> {
        let mut words = self.arguments.iter();
        words.find(|word| *word == "--out-dir")?;
        let folder = env::current_dir().ok()?.join(words.next()?);
        Some(folder.join(format!(
            "{}{CRATE}{}",
            env::consts::DLL_PREFIX,
            env::consts::DLL_SUFFIX
        )))
    }
}

/// What cargo gives to rustc, but for its pool of job tokens, which ends with it.
fn environment() -> BTreeMap<String, String> {
    env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, _)| !name.ends_with("MAKEFLAGS"))
        .filter(|(name, _)| ![SURROUNDINGS, LOCKED, WORDS].contains(&name.as_str()))
        .collect()
}

fn surroundings(arguments: &[String]) -> String {
    let mut variables: Vec<_> = env::vars_os().collect();
    variables.sort();
    digest(&(arguments, variables))
}

/// What else decides about a call.
fn inputs(folder: &Path, manifest: &str, locked: bool) -> String {
    let read = |name: &str| fs::read(folder.join(name)).ok();
    let lock = if locked { None } else { read(LOCK) };
    digest(&(manifest, read(CONFIG), lock))
}

fn digest(what: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn a_call_is_made_again_until_what_it_depends_on_changes() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let folder = dir.path();
        let build = words("build --target x");
        assert!(of(folder, &build, "[package]", false).is_none());
        let call = Call {
            surroundings: surroundings(&build),
            inputs: inputs(folder, "[package]", false),
            rustc: "/tools/rustc".to_owned(),
            arguments: words("--crate-name ctx --out-dir /cell/deps"),
            environment: BTreeMap::from([("CARGO_PKG_NAME".to_owned(), CRATE.to_owned())]),
        };
        call.write(folder)?;

        let (command, artifact) = of(folder, &build, "[package]", false).expect("the call");
        assert_eq!(command.get_program(), "/tools/rustc");
        assert_eq!(command.get_args().count(), 4);
        assert_eq!(command.get_envs().count(), 1);
        let artifact: serde_json::Value = serde_json::from_str(&artifact)?;
        assert_eq!(artifact["filenames"][0], "/cell/deps/libctx.so");

        let is_known = |build: &[String], manifest| of(folder, build, manifest, false).is_some();
        assert!(!is_known(&words("build --target y"), "[package]"));
        assert!(!is_known(&build, "[package]\n[dependencies]"));
        fs::write(folder.join("Cargo.lock"), "version = 4")?;
        assert!(!is_known(&build, "[package]"));
        fs::remove_file(folder.join("Cargo.lock"))?;
        assert!(is_known(&build, "[package]"));
        forget(folder)?;
        assert!(!is_known(&build, "[package]"));
        forget(folder)
    }

    #[test]
    fn where_versions_are_locked_the_lock_file_does_not_matter() {
        let dir = tempfile::tempdir().unwrap();
        let before = inputs(dir.path(), "m", true);
        fs::write(dir.path().join(LOCK), "version = 4").unwrap();
        assert_eq!(inputs(dir.path(), "m", true), before);
        assert_ne!(inputs(dir.path(), "m", false), before);
    }
}
