//! Studies: compiles their training programs against the facade, and hands on.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::SystemTime;

use crate::environment as env;
use crate::failure::{At, Failure, Result};
use crate::labbook;
use crate::places::{self, Places};
use crate::process;
use crate::setup::{self, Ready};
use crate::short_hash::short_hash;

/// The function that a program has, and its `main`.
const WRAPPER: &str = "\
//! Written by `labbook`: what a study's training program is compiled with.

#[path = PATH]
mod program;

fn main() -> std::process::ExitCode {
    labbook::study::main(
        program::train,
        &labbook::notebook::Versions::of_this_build().line(),
    )
}
";

/// Whether the command is about a study: `study ...`, or `run` with a study file.
pub(crate) fn is_meant(arguments: &[OsString]) -> bool {
    let ends_in_toml = |word: &OsString| Path::new(word).extension() == Some(OsStr::new("toml"));
    match arguments.first().and_then(|word| word.to_str()) {
        Some("study") => true,
        Some("run") => arguments.get(1).is_some_and(ends_in_toml),
        _ => false,
    }
}

/// Runs a command on a study; the program that does it takes this one's place.
pub(crate) fn run(places: &Places, arguments: &[OsString]) -> Result<()> {
    let words: Vec<&str> = arguments.iter().filter_map(|word| word.to_str()).collect();
    match words.as_slice() {
        ["run", file, ..] => {
            let program = program(places, file)?;
            let error = Command::new(&program).args(arguments).exec();
            Err(Failure::new(format!(
                "cannot start {}: {error}",
                program.display()
            )))
        }
        ["study", "program", file] => {
            println!("{}", program(places, file)?.display());
            Ok(())
        }
        ["study", "run", file, "--profile", profile] => snakemake(places, file, profile),
        ["study", "run", file, ..] => {
            let program = program(places, file)?;
            let mut arguments = arguments.to_vec();
            arguments.extend(["--program".into(), program.into_os_string()]);
            labbook::run(places, &arguments)
        }
        _ => labbook::run(places, arguments),
    }
}

/// The program that runs a study's cases: its Rust file compiled, or what else it names.
fn program(places: &Places, file: &str) -> Result<PathBuf> {
    let ready = setup::experiments(places)?;
    let source = PathBuf::from(told(places, "source", file, &[])?);
    let found = source.canonicalize();
    let found = found.map_err(|error| {
        Failure::new(format!(
            "{file}: program: expected a Rust file with `pub fn train(hp: &Case)`, received {}: {error}",
            source.display()
        ))
    })?;
    match found.extension() == Some(OsStr::new("rs")) {
        true => compiled(places, &ready, &found),
        false => Ok(found),
    }
}

/// What the experiments' program says of a study.
fn told(places: &Places, command: &str, file: &str, options: &[OsString]) -> Result<String> {
    let words = [OsString::from("study"), command.into(), file.into()];
    let mut ask = labbook::command(places, &[&words, options].concat());
    let answer = ask.stdin(Stdio::null()).stderr(Stdio::inherit()).output();
    let answer = answer.map_err(|error| process::not_started(&ask, &error))?;
    match answer.status.success() {
        true => Ok(String::from_utf8_lossy(&answer.stdout)
            .trim_end()
            .to_owned()),
        false => Err(Failure::new(format!("{file} is no study (see above)"))),
    }
}

/// Runs a study through Snakemake, which takes this one's place. A profile is one of ours or a folder.
fn snakemake(places: &Places, file: &str, profile: &str) -> Result<()> {
    let program = program(places, file)?;
    let workflow = places.root.join("workflow");
    let ours = workflow.join("profiles").join(profile);
    let profile = if ours.is_dir() { ours } else { profile.into() };
    let name = short_hash(file.as_bytes());
    let plan = places
        .clone_folder()
        .join(format!("studies/plan-{name}.json"));
    let options = ["--program".into(), program.clone().into_os_string()];
    places::write(&plan, &told(places, "plan", file, &options)?)?;
    let error = Command::new("snakemake")
        .arg("--snakefile")
        .arg(workflow.join("Snakefile"))
        .arg("--profile")
        .arg(profile)
        .arg("--config")
        .arg(format!("plan={}", plan.display()))
        .arg(format!("program={}", program.display()))
        .exec();
    Err(Failure::new(format!(
        "cannot start snakemake: {error}; install it with `pip install snakemake \
         snakemake-executor-plugin-slurm`, or leave --profile out for a queue on this machine"
    )))
}

/// Compiles a Rust file against the facade, unless that was done since the last change of either.
///
/// rustc is called alone: cargo would look at every dependency. What comes of it is a script that sets the
/// environment and starts the program.
fn compiled(places: &Places, ready: &Ready, source: &Path) -> Result<PathBuf> {
    let begun = SystemTime::now();
    let (target, triple) = (setup::template_target(places), env::host_triple()?);
    let facade = facade(&target, &triple)?;
    let folder = places.clone_folder().join("studies");
    fs::create_dir_all(&folder).at("create", &folder)?;
    let stem = source.file_stem().unwrap_or_default().to_string_lossy();
    let name = format!(
        "{stem}-{}",
        short_hash(source.as_os_str().as_encoded_bytes())
    );
    let (binary, sources) = (
        folder.join(format!("{name}.bin")),
        folder.join(format!("{name}.d")),
    );
    let script = folder.join(&name);
    if is_fresh(&binary, &sources, &facade) && script.is_file() {
        return Ok(script);
    }
    // Other processes may compile the same.
    let own = folder.join(format!("{name}.part{}", std::process::id()));
    fs::create_dir_all(&own).at("create", &own)?;
    let wrapper = own.join("study_program.rs");
    let text = WRAPPER.replace("PATH", &format!("{:?}", source.display().to_string()));
    fs::write(&wrapper, text).at("write", &wrapper)?;
    let made = own.join("study_program");
    let deps = facade.parent().unwrap_or(&folder);
    let mut rustc = Command::new(env::rustc());
    rustc
        .args([
            "--edition",
            "2024",
            "--crate-type",
            "bin",
            "--emit",
            "link,dep-info",
        ])
        .args(["-Copt-level=3", "-Cprefer-dynamic", "-Cstrip=debuginfo"])
        .arg("--extern")
        .arg(format!("labbook={}", facade.display()))
        .arg("-L")
        .arg(format!("dependency={}", deps.display()))
        // Of procedural macros, which run in the compiler.
        .arg("-L")
        .arg(format!(
            "dependency={}",
            target.join("debug/deps").display()
        ));
    for library in setup::library_path(ready) {
        rustc.arg("-L").arg(format!("native={}", library.display()));
    }
    rustc.arg("--out-dir").arg(&own).arg(&wrapper);
    let result = process::run(
        &mut rustc,
        &format!(
            "{} did not compile (the compiler's message is above)",
            source.display()
        ),
    );
    if let Err(failure) = result {
        fs::remove_dir_all(&own).at("remove", &own)?;
        return Err(failure);
    }
    // What was changed while the compiler read it is newer.
    fs::File::open(&made)
        .and_then(|file| file.set_modified(begun))
        .at("date", &made)?;
    let listed = made.with_extension("d");
    fs::rename(&listed, &sources).at("rename to", &sources)?;
    fs::rename(&made, &binary).at("rename to", &binary)?;
    let text = launcher(ready, deps, &binary)?;
    let beside = own.join("launcher");
    fs::write(&beside, text).at("write", &beside)?;
    fs::set_permissions(&beside, fs::Permissions::from_mode(0o755)).at("change", &beside)?;
    fs::rename(&beside, &script).at("rename to", &script)?;
    fs::remove_dir_all(&own).at("remove", &own)?;
    Ok(script)
}

/// The facade that the set-up compiled for the kernel: what a cell links, a program links too.
fn facade(target: &Path, triple: &str) -> Result<PathBuf> {
    let library = target.join(triple).join("debug/deps/liblabbook.so");
    match library.is_file() {
        true => Ok(library),
        false => Err(Failure::new(format!(
            "{} is missing; run `cargo xtask setup`",
            library.display()
        ))),
    }
}

/// Whether a program is newer than the facade and every file that it was compiled of.
fn is_fresh(binary: &Path, sources: &Path, facade: &Path) -> bool {
    let modified = |path: &Path| fs::metadata(path).and_then(|file| file.modified()).ok();
    let Some(made) = modified(binary) else {
        return false;
    };
    let Ok(listed) = fs::read_to_string(sources) else {
        return false;
    };
    // Lines `FILE:` name the sources; the wrapper among them is gone.
    let files = listed
        .lines()
        .filter_map(|line| line.strip_suffix(':'))
        .map(Path::new);
    let own = files.filter(|file| file.file_name() != Some(OsStr::new("study_program.rs")));
    let older = |path: &Path| modified(path).is_some_and(|time| time <= made);
    let mut own = own.peekable();
    own.peek().is_some() && own.all(older) && older(facade)
}

/// A script that starts a program with the libraries and the environment that it needs.
fn launcher(ready: &Ready, deps: &Path, binary: &Path) -> Result<String> {
    let mut folders = setup::library_path(ready);
    folders.push(deps.to_owned());
    folders.push(env::standard_library()?);
    let folders: Vec<String> = folders
        .iter()
        .map(|folder| folder.display().to_string())
        .collect();
    let mut text = format!(
        "#!/bin/sh\n# Written by `labbook` for this machine.\nexport LD_LIBRARY_PATH='{}'\"${{LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}}\"\n",
        folders.join(":")
    );
    for (name, value) in setup::tuning() {
        text += &format!("export {name}='{value}'\n");
    }
    text += &format!("exec '{}' \"$@\"\n", binary.display());
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_study_is_told_from_experiments() {
        let meant = |line: &str| {
            let words: Vec<OsString> = line.split_whitespace().map(OsString::from).collect();
            is_meant(&words)
        };
        assert!(meant("run STUDY.toml --case 3") && meant("study results s.toml"));
        assert!(!meant("run --experiment 16") && !meant("list") && !meant(""));
    }

    #[test]
    fn a_program_is_stale_once_a_source_is_newer() -> std::io::Result<()> {
        let dir = tempfile::tempdir()?;
        let file = |name: &str| dir.path().join(name);
        let (binary, sources, facade, source) =
            (file("p.bin"), file("p.d"), file("lib.so"), file("train.rs"));
        for path in [&facade, &source, &binary] {
            fs::write(path, "")?;
        }
        fs::write(
            &sources,
            format!(
                "out: {0}\n\n{0}:\n/gone/study_program.rs:\n",
                source.display()
            ),
        )?;
        let later = |path: &Path, seconds| {
            let time = fs::metadata(&binary)?.modified()? + std::time::Duration::from_secs(seconds);
            fs::OpenOptions::new()
                .write(true)
                .open(path)?
                .set_modified(time)
        };
        later(&binary, 5)?;
        assert!(is_fresh(&binary, &sources, &facade));
        later(&source, 5)?;
        assert!(!is_fresh(&binary, &sources, &facade));
        fs::remove_file(&source)?;
        assert!(!is_fresh(&binary, &sources, &facade));
        Ok(())
    }
}
