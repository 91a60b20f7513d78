//! Stand-ins for `cargo` and `rustup` inside a kernel.
//!
//! evcxr rewrites a cell's manifest many times and drops its `Cargo.lock` on the way, after which
//! cargo would take the newest versions of everything and compile them. The stand-in puts the
//! locked versions back first. It is found because evcxr asks `rustup which cargo`. It also spares
//! rust-analyzer the crates that no cell can name; see [`crate::visible`].

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Output, Stdio};

use crate::further;
use crate::manifest::Manifest;
use crate::tap::SECRET;
use crate::visible::only_visible;
use crate::{Settings, replay, told};

/// Holds what `CARGO_HOME` was before the launcher hid it; empty for unset.
pub const CARGO_HOME: &str = "LABBOOK_CARGO_HOME";

/// Runs cargo with a cell's dependencies locked, or the compiler alone where cargo would do no more
/// than call it. Returns only on failure, or when it has printed what rust-analyzer asked for.
pub fn cargo(settings: &Settings, arguments: &[String]) -> io::Result<ExitCode> {
    let folder = Path::new(".");
    place(settings, folder)?;
    lock(settings, folder)?;
    if builds_cell(arguments) {
        return build(settings, folder, arguments);
    }
    let mut command = real_cargo(settings, arguments, std::env::var_os(CARGO_HOME));
    if !is_for_analysis(arguments) {
        return Err(command.exec());
    }
    let output = command.stderr(Stdio::inherit()).output()?;
    let metadata = String::from_utf8_lossy(&output.stdout);
    let visible = only_visible(&metadata, &settings.skeletons());
    io::stdout().write_all(visible.as_bytes())?;
    Ok(exit_code(output.status))
}

/// Compiles a cell.
fn build(settings: &Settings, folder: &Path, arguments: &[String]) -> io::Result<ExitCode> {
    let stand_in = settings.stand_ins().join(replay::NAME);
    let home = std::env::var_os(CARGO_HOME);
    let cargo = |words: &[String], locked: bool, added: &[String]| {
        let mut command = real_cargo(settings, words, home.clone());
        replay::record(&mut command, &stand_in, words, locked, added);
        command
    };
    let text = fs::read_to_string(folder.join("Cargo.toml"))?;
    told::forget(folder)?;
    let Some(manifest) = Manifest::read(&text, &settings.facade) else {
        if let Some((rustc, artifact)) = replay::of(folder, arguments, &text, false) {
            return compile(folder, rustc, &artifact);
        }
        let mut cargo = cargo(arguments, false, &[]);
        return pass_on(folder, &cargo.stderr(Stdio::inherit()).output()?);
    };

    // What the facade holds is known once cargo has built it.
    let alone = manifest.of_facade();
    let build = |added: &[String]| {
        let command = cargo(arguments, true, added);
        let output = with_manifest(folder, &alone, &text, command)?;
        further::remember(folder, &String::from_utf8_lossy(&output.stdout))?;
        io::Result::Ok(output)
    };
    let mut added = Vec::new();
    if !manifest.further.is_empty() {
        if !further::knows(folder) {
            build(&[])?;
        }
        let cargo = |words: &[String]| cargo(words, true, &[]);
        match further::words(settings, folder, &manifest, arguments, cargo)? {
            Ok(words) => added = words,
            Err(status) => return Ok(exit_code(status)),
        }
    }
    if let Some((mut rustc, artifact)) = replay::of(folder, arguments, &alone, true) {
        rustc.args(added);
        return compile(folder, rustc, &artifact);
    }
    pass_on(folder, &build(&added)?)
}

/// Passes on what cargo said of a cell.
fn pass_on(folder: &Path, output: &Output) -> io::Result<ExitCode> {
    let told = String::from_utf8_lossy(&output.stdout);
    told::remember(folder, &told)?;
    io::stdout().write_all(told::for_evcxr(&told).as_bytes())?;
    Ok(exit_code(output.status))
}

/// Compiles a cell by rustc alone, which says on standard error what cargo would on standard output.
fn compile(folder: &Path, mut rustc: Command, artifact: &str) -> io::Result<ExitCode> {
    println!("{artifact}");
    let output = rustc.stdout(Stdio::inherit()).output()?;
    let told = String::from_utf8_lossy(&output.stderr);
    told::remember(folder, &told)?;
    io::stderr().write_all(told::for_evcxr(&told).as_bytes())?;
    Ok(exit_code(output.status))
}

/// Runs cargo in a folder while it has this manifest, then gives it back its own.
fn with_manifest(
    folder: &Path,
    manifest: &str,
    own: &str,
    mut cargo: Command,
) -> io::Result<Output> {
    let file = folder.join("Cargo.toml");
    if manifest != own {
        fs::write(&file, manifest)?;
    }
    let output = cargo.stderr(Stdio::inherit()).output();
    if manifest != own {
        fs::write(&file, own)?;
    }
    output
}

fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    ExitCode::from(code.unwrap_or(1))
}

/// The real cargo, with the environment that it would have outside a kernel.
fn real_cargo(settings: &Settings, arguments: &[String], home: Option<OsString>) -> Command {
    let mut command = Command::new(&settings.cargo);
    command
        .args(arguments.iter().map(|word| unchecked(word)))
        .env_remove("CARGO")
        // Build scripts and macros run the code of others.
        .env_remove(SECRET)
        .env("RUSTFLAGS", &settings.rustflags);
    match home.filter(|home| !home.is_empty()) {
        Some(home) => command.env("CARGO_HOME", home),
        None => command.env_remove("CARGO_HOME"),
    };
    command
}

/// evcxr checks a cell whose types rust-analyzer cannot find. To check, cargo would first check every
/// dependency, which takes minutes; to build finds the same errors with the compiled ones.
fn unchecked(word: &str) -> &str {
    if word == "check" { "build" } else { word }
}

/// Whether evcxr compiles or checks a cell; it reads the result as JSON.
fn builds_cell(arguments: &[String]) -> bool {
    arguments.iter().any(|word| unchecked(word) == "build")
        && arguments.iter().any(|word| word == "--message-format=json")
}

/// Whether rust-analyzer asks: it names the manifest, as evcxr itself does not.
fn is_for_analysis(arguments: &[String]) -> bool {
    arguments.first().is_some_and(|word| word == "metadata")
        && arguments.iter().any(|word| word == "--manifest-path")
}

/// Runs rustc, but answers the question for the sysroot with one whose sources are those that a
/// cell's types come from: reading all of them takes rust-analyzer seconds at each start. Returns
/// only on failure, or when it has answered.
pub fn rustc(settings: &Settings, arguments: &[String]) -> io::Result<ExitCode> {
    if arguments == ["--print", "sysroot"] {
        println!("{}", settings.sysroot().display());
        return Ok(ExitCode::SUCCESS);
    }
    Err(Command::new(&settings.rustc).args(arguments).exec())
}

/// Answers `rustup which TOOL`; anything else fails, as on a machine without rustup.
pub fn rustup(settings: &Settings, arguments: &[String]) -> Option<String> {
    let tool = match arguments {
        [which, tool] if which == "which" => tool,
        _ => return None,
    };
    let path = match tool.as_str() {
        "cargo" => settings.stand_ins().join("cargo"),
        "rustc" => settings.rustc.clone(),
        other => settings.rustc.parent()?.join(other),
    };
    Some(path.display().to_string())
}

/// A cell that says `:dep labbook` alone means this clone's facade: says so in the manifest that evcxr wrote,
/// where cargo would otherwise ask a registry for a crate of that name.
fn place(settings: &Settings, folder: &Path) -> io::Result<()> {
    let file = folder.join("Cargo.toml");
    let Ok(text) = fs::read_to_string(&file) else {
        return Ok(());
    };
    let path = settings.facade.display().to_string();
    let placed = |line: &str| match line.trim() {
        "labbook = \"*\"" => format!("labbook = {{ path = {path:?} }}\n"),
        _ => format!("{line}\n"),
    };
    let placed: String = text.lines().map(placed).collect();
    if placed.lines().ne(text.lines()) {
        fs::write(&file, placed)?;
    }
    Ok(())
}

/// Puts the locked versions back into `folder` when its manifest names the facade and its lock
/// file does not.
fn lock(settings: &Settings, folder: &Path) -> io::Result<()> {
    let names = |file: &str, needle: &str| {
        fs::read_to_string(folder.join(file)).is_ok_and(|text| text.contains(needle))
    };
    let facade = settings.facade.display().to_string();
    if names("Cargo.toml", &facade) && !names("Cargo.lock", "name = \"labbook\"") {
        fs::copy(settings.lock_file(), folder.join("Cargo.lock"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn settings(folder: &Path) -> Settings {
        Settings {
            folder: folder.to_owned(),
            evcxr: PathBuf::new(),
            cargo: "/tools/cargo".into(),
            rustc: "/tools/rustc".into(),
            facade: "/clone/crates/labbook".into(),
            rustflags: String::new(),
            env: Default::default(),
            library_path: Vec::new(),
        }
    }

    #[test]
    fn the_lock_file_comes_back_only_where_the_facade_is_named() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let settings = settings(dir.path());
        fs::create_dir_all(settings.template())?;
        let locked = "[[package]]\nname = \"labbook\"\n";
        fs::write(settings.lock_file(), locked)?;
        let cell = dir.path().join("cell");
        fs::create_dir(&cell)?;

        fs::write(cell.join("Cargo.toml"), "[dependencies]\nrand = \"0.8\"\n")?;
        lock(&settings, &cell)?;
        assert!(!cell.join("Cargo.lock").exists());

        fs::write(
            cell.join("Cargo.toml"),
            "labbook = { path = \"/clone/crates/labbook\" }",
        )?;
        lock(&settings, &cell)?;
        assert_eq!(fs::read_to_string(cell.join("Cargo.lock"))?, locked);

        let grown = format!("{locked}[[package]]\nname = \"rand\"\n");
        fs::write(cell.join("Cargo.lock"), &grown)?;
        lock(&settings, &cell)?;
        assert_eq!(fs::read_to_string(cell.join("Cargo.lock"))?, grown);
        Ok(())
    }

    #[test]
    fn the_facade_needs_no_path() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let settings = settings(dir.path());
        let file = dir.path().join("Cargo.toml");
        let manifest =
            |line: &str| format!("[package]\nname = \"ctx\"\n\n[dependencies]\n{line}\n");
        let after = |text: &str| {
            fs::write(&file, text)?;
            place(&settings, dir.path())?;
            fs::read_to_string(&file)
        };
        let facade = manifest("labbook = { path = \"/clone/crates/labbook\" }");
        assert_eq!(after(&manifest("labbook = \"*\""))?, facade);
        // evcxr tries a dependency out in a manifest that is indented.
        assert!(
            after("[dependencies]\n    labbook = \"*\"\n    ")?.contains("/clone/crates/labbook")
        );
        assert!(Manifest::read(&facade, &settings.facade).is_some());
        for own in [
            "labbook = { path = \"/other/crates/labbook\" }",
            "labbook-x = \"*\"",
            "rand = \"*\"",
        ] {
            assert_eq!(after(&manifest(own))?, manifest(own));
        }
        fs::remove_file(&file)?;
        place(&settings, dir.path())
    }

    #[test]
    fn a_check_becomes_a_build() {
        let settings = settings(Path::new("/cache/kernel"));
        let words = ["check", "--target", "x"].map(str::to_owned);
        let command = real_cargo(&settings, &words, None);
        assert_eq!(
            command.get_args().collect::<Vec<_>>(),
            ["build", "--target", "x"]
        );
    }

    #[test]
    fn the_real_cargo_gets_its_own_home_back() {
        let settings = settings(Path::new("/cache/kernel"));
        let home = |hidden: Option<&str>| {
            let command = real_cargo(&settings, &[], hidden.map(OsString::from));
            let set = command.get_envs().find(|(name, _)| *name == "CARGO_HOME");
            set.map(|(_, value)| value.map(|v| v.to_string_lossy().into_owned()))
        };
        assert_eq!(
            home(Some("/home/cargo")),
            Some(Some("/home/cargo".to_owned()))
        );
        assert_eq!(home(Some("")), Some(None));
        assert_eq!(home(None), Some(None));
    }

    #[test]
    fn rustup_names_the_stand_in_for_cargo_and_the_real_rustc() {
        let settings = settings(Path::new("/cache/kernel"));
        let ask = |words: &[&str]| {
            rustup(
                &settings,
                &words.iter().map(|w| w.to_string()).collect::<Vec<_>>(),
            )
        };
        assert_eq!(
            ask(&["which", "cargo"]).as_deref(),
            Some("/cache/kernel/bin/cargo")
        );
        assert_eq!(ask(&["which", "rustc"]).as_deref(), Some("/tools/rustc"));
        assert_eq!(ask(&["update"]), None);
    }
}
