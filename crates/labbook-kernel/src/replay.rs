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

/// The name under which the stand-in for the compiler is called.
pub const NAME: &str = "cell-rustc";

/// In the cell's folder: the call.
const FILE: &str = "cell-rustc.json";
/// Tells the stand-in what cargo was called with.
const SURROUNDINGS: &str = "LABBOOK_CELL_SURROUNDINGS";
/// Lets cargo put the stand-in before the compiler of the cell's crate, but of no dependency.
const WRAPPER: &str = "RUSTC_WORKSPACE_WRAPPER";
/// What evcxr calls the crate of a cell.
const CRATE: &str = "ctx";
/// What else decides about the call.
const INPUTS: [&str; 3] = ["Cargo.toml", "Cargo.lock", ".cargo/config.toml"];

/// A call of rustc, and what it holds for.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Call {
    surroundings: String,
    inputs: String,
    rustc: String,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
}

/// The call that stands for one of cargo with these arguments, in a cell's folder, if it was made
/// before; and what cargo would print of the result.
pub(crate) fn of(folder: &Path, arguments: &[String]) -> Option<(Command, String)> {
    let call: Call = serde_json::from_str(&fs::read_to_string(folder.join(FILE)).ok()?).ok()?;
    if call.surroundings != surroundings(arguments) || call.inputs != inputs(folder) {
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

/// Has the call written down that this one of cargo leads to.
pub(crate) fn record(cargo: &mut Command, stand_in: &Path, arguments: &[String]) {
    if env::var_os(WRAPPER).is_none() {
        cargo
            .env(WRAPPER, stand_in)
            .env(SURROUNDINGS, surroundings(arguments));
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
    let is_cell = arguments
        .windows(2)
        .any(|pair| pair == ["--crate-name", CRATE]);
    let surroundings = env::var(SURROUNDINGS);
    if let (true, Ok(surroundings), Ok(folder)) = (is_cell, surroundings, env::current_dir()) {
        let call = Call {
            surroundings,
            inputs: inputs(&folder),
            rustc: rustc.clone(),
            arguments: arguments.to_vec(),
            environment: environment(),
        };
        // Without it the next cell is compiled by cargo again.
        let _ = call.write(&folder);
    }
    Command::new(rustc).args(arguments).exec()
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
        .filter(|(name, _)| !name.ends_with("MAKEFLAGS") && name != SURROUNDINGS)
        .collect()
}

fn surroundings(arguments: &[String]) -> String {
    let mut variables: Vec<_> = env::vars_os().collect();
    variables.sort();
    digest(&(arguments, variables))
}

fn inputs(folder: &Path) -> String {
    digest(&INPUTS.map(|name| fs::read(folder.join(name)).ok()))
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
        fs::write(folder.join("Cargo.toml"), "[package]")?;
        let build = words("build --target x");
        assert!(of(folder, &build).is_none());
        let call = Call {
            surroundings: surroundings(&build),
            inputs: inputs(folder),
            rustc: "/tools/rustc".to_owned(),
            arguments: words("--crate-name ctx --out-dir /cell/deps"),
            environment: BTreeMap::from([("CARGO_PKG_NAME".to_owned(), CRATE.to_owned())]),
        };
        call.write(folder)?;

        let (command, artifact) = of(folder, &build).expect("the call");
        assert_eq!(command.get_program(), "/tools/rustc");
        assert_eq!(command.get_args().count(), 4);
        assert_eq!(command.get_envs().count(), 1);
        let artifact: serde_json::Value = serde_json::from_str(&artifact)?;
        assert_eq!(artifact["filenames"][0], "/cell/deps/libctx.so");

        assert!(of(folder, &words("build --target y")).is_none());
        fs::write(folder.join("Cargo.lock"), "version = 4")?;
        assert!(of(folder, &build).is_none());
        fs::remove_file(folder.join("Cargo.lock"))?;
        assert!(of(folder, &build).is_some());
        forget(folder)?;
        assert!(of(folder, &build).is_none());
        forget(folder)
    }
}
