use std::fs::{self, File, TryLockError};
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::environment as env;
use crate::failure::{At, Failure, Result};
use crate::places::Places;
use crate::process::{self, ask};
use crate::setup;

/// Beginnings of the names of what set-ups and commands put into the cache. Nothing else there is touched: the
/// folder is the person's choice and may hold more.
const OURS: [&str; 9] = [
    "bench-",
    "fuzz",
    "libtch-",
    "sanitized",
    "setup.lock",
    "setup.log",
    "tools",
    "torture",
    "venv-",
];

/// Name of the program's crate, as cargo lists what it installed.
const PROGRAM: &str = "labbook-command";

/// What `cargo xtask uninstall` was asked for.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Wishes {
    /// Ask no question.
    pub(crate) yes: bool,
    /// Remove what other clones use, too.
    pub(crate) all: bool,
}

/// Removes what was put outside the clone, and what leads there from within.
pub(crate) fn run(places: &Places, wishes: &Wishes) -> Result<()> {
    let installed = ask(Command::new(env::cargo()).args(["install", "--list"])).unwrap_or_default();
    let program = is_of(&installed, &places.root, wishes.all);
    let specs = setup::kernelspecs();
    if found(places, wishes.all, &specs)?.is_empty() && !program {
        println!("There is nothing to remove.");
        return Ok(());
    }
    let _lock = if places.cache.is_dir() {
        Some(setup::lock(places)?)
    } else {
        None
    };
    let paths = found(places, wishes.all, &specs)?;
    if let Some(slot) = running(places) {
        return Err(Failure::new(format!(
            "a kernel is running in {}; shut it down (in JupyterLab: Kernel, Shut Down Kernel) and run the \
             command again",
            slot.display()
        )));
    }
    println!("To be removed:");
    for path in &paths {
        println!("  {}{}", path.display(), size(path));
    }
    if program {
        println!("  the program `labbook`, with cargo uninstall {PROGRAM}");
    }
    if !wishes.yes && !agreed()? {
        println!("Nothing was removed.");
        return Ok(());
    }
    for path in &paths {
        remove(path)?;
    }
    if program {
        process::run(
            Command::new(env::cargo()).args(["uninstall", "--quiet", PROGRAM]),
            "the program `labbook` was not removed (cargo's message is above)",
        )?;
    }
    tidy(places);
    println!(
        "Removed. The clone, its notebooks, data, records and reports are left, as are packages of the system \
         and of rustup."
    );
    Ok(())
}

/// What there is to remove: this clone's own, and what clones share if no other is left or all is asked for.
fn found(places: &Places, all: bool, kernelspecs: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let own = places.clone_folder();
    let clones = places.cache.join("clones");
    let others = entries(&clones)?.iter().any(|clone| *clone != own);
    let mut found = Vec::new();
    if all {
        found.extend(entries(&clones)?);
    } else if own.exists() {
        found.push(own.clone());
    }
    if all || !others {
        let ours = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            OURS.iter().any(|beginning| name.starts_with(beginning))
        };
        found.extend(entries(&places.cache)?.into_iter().filter(ours));
    }
    let built = if all { &clones } else { &own };
    let leads = |file: &Path| {
        let text = fs::read_to_string(file).unwrap_or_default();
        text.contains(&format!("{}/", built.display()))
    };
    let specs = kernelspecs
        .iter()
        .filter(|spec| leads(&spec.join("kernel.json")));
    found.extend(specs.cloned());
    let configuration = places.root.join(".cargo/local.toml");
    if leads(&configuration) {
        found.push(configuration);
    }
    Ok(found)
}

/// What is in a folder, in order; nothing where there is none.
fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).at("read", folder),
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// Whether cargo's list of what it installed has the program, from this clone or from any.
fn is_of(installed: &str, root: &Path, any: bool) -> bool {
    let place = format!("({})", root.join("crates").join(PROGRAM).display());
    installed
        .lines()
        .filter(|line| line.starts_with(&format!("{PROGRAM} v")))
        .any(|line| any || line.contains(&place))
}

/// A slot that a living kernel holds.
fn running(places: &Places) -> Option<PathBuf> {
    let slots = entries(&places.kernel().join("slots")).ok()?;
    slots.into_iter().find(|path| {
        let lock = path.extension().is_some_and(|kind| kind == "lock");
        let held = |file: File| matches!(file.try_lock(), Err(TryLockError::WouldBlock));
        lock && File::open(path).is_ok_and(held)
    })
}

/// How much a folder holds, in brackets, where the system tells.
fn size(path: &Path) -> String {
    let told = ask(Command::new("du").arg("-sk").arg(path));
    let kilobytes = told.and_then(|text| text.split_whitespace().next()?.parse::<f64>().ok());
    kilobytes
        .filter(|kilobytes| *kilobytes > 1e3)
        .map_or(String::new(), |kilobytes| {
            format!(" ({:.1} GB)", kilobytes * 1024.0 / 1e9)
        })
}

fn agreed() -> Result<bool> {
    if !io::stdin().is_terminal() {
        return Err(Failure::new(
            "nobody is there to be asked; add --yes to remove all of that",
        ));
    }
    print!("Remove all of that? [y/N] ");
    let stdout = Path::new("the terminal");
    io::stdout().flush().at("write to", stdout)?;
    let mut answer = String::new();
    io::stdin().read_line(&mut answer).at("read", stdout)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Removes a file, or a folder with all that is in it; a link, but not what it leads to.
fn remove(path: &Path) -> Result<()> {
    let kind = fs::symlink_metadata(path).at("find", path)?;
    let removed = if kind.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    removed.at("remove", path)
}

/// Removes folders that are empty now.
fn tidy(places: &Places) {
    let mut folders = vec![places.cache.join("clones"), places.cache.clone()];
    for spec in setup::kernelspecs() {
        folders.extend(spec.ancestors().skip(1).take(2).map(Path::to_owned));
    }
    for folder in folders {
        // Those that are not empty hold something else.
        let _ = fs::remove_dir(folder);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A cache with two clones, and a person's own file in it.
    fn home() -> (tempfile::TempDir, Places, PathBuf) {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().join("clone");
        let cache = dir.path().join("cache");
        let places = Places { root, cache };
        let spec = dir.path().join("jupyter/kernels/labbook");
        let kernel = places.kernel().join("settings.json").display().to_string();
        for (file, text) in [
            (places.kernel().join("settings.json"), ""),
            (places.cache.join("tools/evcxr"), ""),
            (places.cache.join("venv-cpu-1/complete"), ""),
            (places.cache.join("sanitized/debug/test"), ""),
            (places.cache.join("torture/record"), ""),
            (places.cache.join("setup.log"), ""),
            (places.cache.join("holiday.jpg"), "theirs"),
            (places.root.join(".cargo/local.toml"), kernel.as_str()),
            (spec.join("kernel.json"), kernel.as_str()),
        ] {
            fs::create_dir_all(file.parent().expect("a folder")).expect("made");
            fs::write(file, text).expect("written");
        }
        (dir, places, spec)
    }

    fn names(places: &Places, paths: &[PathBuf]) -> Vec<String> {
        let base = places.cache.parent().expect("a folder");
        let name = |path: &PathBuf| {
            path.strip_prefix(base)
                .expect("below")
                .display()
                .to_string()
        };
        paths.iter().map(name).collect()
    }

    #[test]
    fn the_last_clone_takes_with_it_what_clones_share_and_nothing_of_the_persons() -> Result<()> {
        let (_dir, places, spec) = home();
        let found = found(&places, false, std::slice::from_ref(&spec))?;
        let own = places.clone_folder();
        let own = own.strip_prefix(&places.cache).expect("below").display();
        assert_eq!(
            names(&places, &found),
            [
                format!("cache/{own}").as_str(),
                "cache/sanitized",
                "cache/setup.log",
                "cache/tools",
                "cache/torture",
                "cache/venv-cpu-1",
                "jupyter/kernels/labbook",
                "clone/.cargo/local.toml",
            ]
        );
        for path in &found {
            remove(path)?;
        }
        tidy(&places);
        let left = entries(&places.cache)?;
        assert_eq!(names(&places, &left), ["cache/holiday.jpg"]);
        Ok(())
    }

    #[test]
    fn another_clones_things_stay_unless_all_is_asked_for() -> Result<()> {
        let (dir, places, spec) = home();
        let mine = places.clone_folder();
        let other = Places {
            root: dir.path().join("other"),
            cache: places.cache.clone(),
        };
        fs::create_dir_all(other.clone_folder()).expect("made");
        // The other clone was set up last, so Jupyter's kernel is its.
        fs::write(
            spec.join("kernel.json"),
            other.kernel().join("settings.json").display().to_string(),
        )
        .expect("written");
        let some = found(&places, false, std::slice::from_ref(&spec))?;
        assert_eq!(some, [mine, places.root.join(".cargo/local.toml")]);
        let all = found(&places, true, std::slice::from_ref(&spec))?;
        assert!(all.contains(&other.clone_folder()) && all.contains(&spec));
        assert!(all.contains(&places.cache.join("tools")));
        assert!(!all.contains(&places.cache.join("holiday.jpg")));
        Ok(())
    }

    #[test]
    fn a_running_kernel_is_seen() {
        let (_dir, places, _) = home();
        let slots = places.kernel().join("slots");
        fs::create_dir_all(&slots).expect("made");
        let lock = File::create(slots.join("0.lock")).expect("a lock");
        assert_eq!(running(&places), None);
        lock.lock().expect("locked");
        assert_eq!(running(&places), Some(slots.join("0.lock")));
    }

    #[test]
    fn the_program_is_this_clones_or_of_another() {
        let list = "labbook-command v0.1.0 (/a/clone/crates/labbook-command):\n    labbook\n";
        assert!(is_of(list, Path::new("/a/clone"), false));
        assert!(!is_of(list, Path::new("/b/clone"), false));
        assert!(is_of(list, Path::new("/b/clone"), true));
        assert!(!is_of(
            "ripgrep v14.0.0:\n    rg\n",
            Path::new("/a/clone"),
            true
        ));
    }
}
