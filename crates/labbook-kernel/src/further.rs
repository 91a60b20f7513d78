//! Crates that a notebook depends on besides the facade.
//!
//! In one build with the facade, cargo would give the crates that both use the features that either
//! wants, and compile them anew with everything above them: minutes, after which the facade in the
//! process is another one than on the disk, and the cell cannot be loaded. So the further crates are
//! built apart, in a project of their own, against the same locked versions; what has the same features
//! there as below the facade is the very same file, so that its types are the same too. A cell is then
//! compiled as if they were not there, with their names added to the compiler's words.
//!
//! What a notebook names itself and the facade holds already, with all the features that are asked for,
//! is taken from the facade, as `ndarray`: the cell's arrays are those of the facade's functions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use labbook_kernel_files::link_tree;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Settings;
use crate::launch::COMPILING;
use crate::manifest::Manifest;

/// Name of the project and of its folder in the slot.
pub(crate) const NAME: &str = "further";

/// What the project's crate was compiled with.
const CALL: &str = "call.json";
/// What is to be added to a cell's words, and for which crates.
const WORDS: &str = "words.json";
/// Those compiled files that the slot's own build lacks.
const LINKED: &str = "linked";

/// In the slot: which crates the facade holds.
const HELD: &str = "facade.json";

/// Crates whose types the facade's functions take and give.
const SHARED: [&str; 4] = ["ndarray", "plotters", "polars", "tch"];

/// What to add to the compiler's words for a cell.
#[derive(Debug, Default, Deserialize, PartialEq, Serialize)]
pub(crate) struct Words {
    crates: Vec<String>,
    words: Vec<String>,
}

/// A crate as cargo compiled it.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
struct Compiled {
    features: BTreeSet<String>,
    file: PathBuf,
}

/// By cargo's identifier of the package.
type Held = BTreeMap<String, Compiled>;

/// Writes down which crates the facade holds, as cargo said when it built them.
pub(crate) fn remember(slot: &Path, messages: &str) -> io::Result<()> {
    let held: Held = messages.lines().filter_map(compiled).collect();
    fs::write(slot.join(HELD), serde_json::to_string(&held)?)
}

/// Whether that has been written down.
pub(crate) fn knows(slot: &Path) -> bool {
    slot.join(HELD).exists()
}

/// Forgets what another kernel built: a crate of the person's own may have changed.
pub(crate) fn forget(slot: &Path) -> io::Result<()> {
    match fs::remove_file(slot.join(NAME).join(WORDS)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A library that a line of cargo's messages names.
fn compiled(line: &str) -> Option<(String, Compiled)> {
    let message: Value = serde_json::from_str(line).ok()?;
    let texts = |list: &Value| -> Vec<String> {
        let list = list.as_array().into_iter().flatten();
        list.filter_map(|text| Some(text.as_str()?.to_owned()))
            .collect()
    };
    let mut files = texts(&message["filenames"]).into_iter();
    let file = files.find(|file| file.ends_with(".rlib"))?;
    Some((
        message["package_id"].as_str()?.to_owned(),
        Compiled {
            features: texts(&message["features"]).into_iter().collect(),
            file: file.into(),
        },
    ))
}

/// Writes down what the project's crate is compiled with.
pub(crate) fn record(project: &Path, arguments: &[String]) -> io::Result<()> {
    fs::write(project.join(CALL), serde_json::to_string(arguments)?)
}

/// What to add to a cell's words for the further crates that `manifest` names. `cargo` makes a call of
/// cargo with these words.
///
/// # Errors
/// With cargo's exit status where it could not build them; it has said why.
pub(crate) fn words(
    settings: &Settings,
    slot: &Path,
    manifest: &Manifest,
    build: &[String],
    cargo: impl Fn(&[String]) -> Command,
) -> io::Result<Result<Vec<String>, ExitStatus>> {
    let project = slot.join(NAME);
    if let Some(known) = read::<Words>(&project.join(WORDS))
        && known.crates == manifest.further
    {
        return Ok(Ok(known.words));
    }
    let target = project.join("target");
    if !target.exists() {
        let keep = |path: &Path| !path.ends_with("incremental");
        let half = project.join("target.half");
        link_tree(&settings.template().join("target"), &half, &keep)?;
        fs::rename(half, &target)?;
    }
    fs::create_dir_all(project.join("src"))?;
    fs::write(project.join("src/lib.rs"), "")?;
    fs::copy(settings.lock_file(), project.join("Cargo.lock"))?;
    let write = |further: &[String]| {
        fs::write(
            project.join("Cargo.toml"),
            manifest.of_further(NAME, further),
        )
    };
    write(&manifest.further)?;

    let metadata = ["metadata", "--format-version", "1"].map(str::to_owned);
    let output = cargo(&metadata)
        .current_dir(&project)
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Ok(Err(output.status));
    }
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let held: Held = read(&slot.join(HELD)).unwrap_or_default();
    let taken = taken(&metadata, &held);
    for name in &taken.twice {
        // evcxr passes on what cargo says it compiles.
        eprintln!(
            "   {COMPILING}{name} a second time: the facade's lacks features that are asked for here, and \
             its types are others than these. Use labbook::{name} where labbook's functions take them."
        );
    }
    let apart: Vec<String> = manifest
        .further
        .iter()
        .filter(|line| !taken.is(line))
        .cloned()
        .collect();
    write(&apart)?;
    fs::copy(settings.lock_file(), project.join("Cargo.lock"))?;

    let mut words = taken.words();
    if !apart.is_empty() {
        let output = cargo(build)
            .current_dir(&project)
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            io::stdout().write_all(&output.stdout)?;
            return Ok(Err(output.status));
        }
        let call: Vec<String> = read(&project.join(CALL)).unwrap_or_default();
        words.extend(link(slot, &project, &call)?);
    }
    let known = Words {
        crates: manifest.further.clone(),
        words,
    };
    fs::write(project.join(WORDS), serde_json::to_string(&known)?)?;
    Ok(Ok(known.words))
}

/// What the facade gives to the notebook of what it asked for.
#[derive(Debug, Default, PartialEq)]
struct Taken {
    /// Files, by the name in the manifest and the name in code.
    files: BTreeMap<(String, String), PathBuf>,
    /// Shared ones that have to be compiled once more.
    twice: Vec<String>,
}

impl Taken {
    /// Whether a line of the manifest is done with.
    fn is(&self, line: &str) -> bool {
        let name = line
            .split('=')
            .next()
            .unwrap_or_default()
            .trim()
            .trim_matches('"');
        self.files.keys().any(|(known, _)| known == name)
    }

    fn words(&self) -> Vec<String> {
        let word = |((_, name), file): (&(String, String), &PathBuf)| {
            ["--extern".to_owned(), format!("{name}={}", file.display())]
        };
        self.files.iter().flat_map(word).collect()
    }
}

/// Finds out what the project asks for that the facade holds.
fn taken(metadata: &Value, held: &Held) -> Taken {
    let mut taken = Taken::default();
    let nodes: BTreeMap<&str, &Value> = metadata["resolve"]["nodes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|node| Some((node["id"].as_str()?, node)))
        .collect();
    let root = metadata["resolve"]["root"].as_str().unwrap_or_default();
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let manifest = packages.clone().find(|package| package["id"] == root);
    let asked = manifest.and_then(|package| package["dependencies"].as_array());
    let dependencies = nodes.get(root).and_then(|node| node["deps"].as_array());
    for dependency in dependencies.into_iter().flatten() {
        let (Some(name), Some(id)) = (dependency["name"].as_str(), dependency["pkg"].as_str())
        else {
            continue;
        };
        let features = nodes.get(id).and_then(|node| node["features"].as_array());
        let features = features.into_iter().flatten().filter_map(Value::as_str);
        let package = packages.clone().find(|package| package["id"] == id);
        let package = package
            .and_then(|package| package["name"].as_str())
            .unwrap_or(name);
        // `default` alone adds nothing; what it stands for is listed too.
        let mut wanted = features.filter(|feature| *feature != "default");
        match held.get(id) {
            Some(facade) if wanted.all(|feature| facade.features.contains(feature)) => {
                let named = asked
                    .into_iter()
                    .flatten()
                    .find(|line| line["name"] == package);
                let line = named
                    .and_then(|line| line["rename"].as_str())
                    .unwrap_or(package);
                let key = (line.to_owned(), name.to_owned());
                taken.files.insert(key, facade.file.clone());
            }
            _ if SHARED.contains(&package) => taken.twice.push(package.to_owned()),
            _ => {}
        }
    }
    taken
}

/// The words that name the project's crates; those files that the slot lacks are gathered in one folder,
/// lest the compiler looks at all others twice.
fn link(slot: &Path, project: &Path, call: &[String]) -> io::Result<Vec<String>> {
    let linked = fs::canonicalize(project)?.join(LINKED);
    fs::create_dir_all(&linked)?;
    let mut words = vec!["-L".to_owned(), format!("dependency={}", linked.display())];
    let mut rest = call.iter();
    while let Some(word) = rest.next() {
        let (option, value) = match word.as_str() {
            "--extern" | "-L" => (word, rest.next()),
            _ => continue,
        };
        let Some(value) = value else { break };
        if let Some(folder) = value.strip_prefix("dependency=") {
            link_new(
                &project.join(folder),
                &own(slot, project, Path::new(folder)),
                &linked,
            )?;
            continue;
        }
        let value = match (option.as_str(), value.split_once('=')) {
            ("--extern", Some((name, file))) => {
                let own = own(slot, project, Path::new(file));
                let file = if own.exists() {
                    own
                } else {
                    project.join(file)
                };
                format!("{name}={}", file.display())
            }
            _ => value.clone(),
        };
        words.extend([option.clone(), value]);
    }
    Ok(words)
}

/// The place in the slot's own build that stands for one in the project's.
fn own(slot: &Path, project: &Path, path: &Path) -> PathBuf {
    let roots = [
        fs::canonicalize(project).unwrap_or_default(),
        project.to_owned(),
    ];
    let inside = roots.iter().find_map(|root| path.strip_prefix(root).ok());
    let slot = fs::canonicalize(slot).unwrap_or_else(|_| slot.to_owned());
    slot.join(inside.unwrap_or(path))
}

fn link_new(from: &Path, unless: &Path, to: &Path) -> io::Result<()> {
    for entry in fs::read_dir(from)?.flatten() {
        let name = entry.file_name();
        let file = entry.path();
        let kind = file.extension().and_then(|kind| kind.to_str());
        let compiled = matches!(kind, Some("rlib" | "rmeta" | "so"));
        if compiled && !unless.join(&name).exists() && !to.join(&name).exists() {
            fs::hard_link(&file, to.join(&name))?;
        }
    }
    Ok(())
}

fn read<T: for<'a> Deserialize<'a>>(file: &Path) -> Option<T> {
    serde_json::from_str(&fs::read_to_string(file).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn held() -> Held {
        let line = |id: &str, features: &[&str], file: &str| {
            let message = json!({
                "reason": "compiler-artifact", "package_id": id, "features": features,
                "filenames": [file, "x.rmeta"],
            });
            compiled(&message.to_string()).unwrap()
        };
        Held::from([
            line("ndarray 0.16", &["std"], "/slot/libndarray-1.rlib"),
            line("polars 0.55", &["fmt"], "/slot/libpolars-1.rlib"),
        ])
    }

    #[test]
    fn what_the_facade_holds_is_taken_from_it_unless_it_lacks_a_feature() {
        let metadata = json!({
            "packages": [
                {"id": "root", "name": NAME, "dependencies": [
                    {"name": "ndarray", "rename": "nd"}, {"name": "polars"}, {"name": "rand"},
                ]},
                {"id": "ndarray 0.16", "name": "ndarray"},
                {"id": "polars 0.55", "name": "polars"},
                {"id": "rand 0.9", "name": "rand"},
            ],
            "resolve": {"root": "root", "nodes": [
                {"id": "root", "deps": [
                    {"name": "nd", "pkg": "ndarray 0.16"},
                    {"name": "polars", "pkg": "polars 0.55"},
                    {"name": "rand", "pkg": "rand 0.9"},
                ]},
                {"id": "ndarray 0.16", "features": ["default", "std"]},
                {"id": "polars 0.55", "features": ["fmt", "lazy"]},
                {"id": "rand 0.9", "features": ["std"]},
            ]},
        });
        let taken = taken(&metadata, &held());
        assert_eq!(taken.words(), ["--extern", "nd=/slot/libndarray-1.rlib"]);
        assert!(taken.is("nd = { package = \"ndarray\" }") && !taken.is("polars = \"0.55\""));
        assert_eq!(taken.twice, ["polars"]);
    }

    #[test]
    fn files_that_the_slot_has_are_named_there_and_others_gathered() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let slot = fs::canonicalize(dir.path())?;
        let project = slot.join(NAME);
        for folder in [slot.join("target/deps"), project.join("target/deps")] {
            fs::create_dir_all(&folder)?;
            fs::write(folder.join("libboth-1.rlib"), "both")?;
        }
        let deps = project.join("target/deps");
        fs::write(deps.join("libnew-1.rlib"), "new")?;
        fs::write(deps.join("new-1.d"), "")?;
        let call = [
            "--crate-name".to_owned(),
            NAME.to_owned(),
            "-L".to_owned(),
            format!("dependency={}", deps.display()),
            "--extern".to_owned(),
            format!("both={}", deps.join("libboth-1.rlib").display()),
            "--extern".to_owned(),
            format!("new={}", deps.join("libnew-1.rlib").display()),
            "-L".to_owned(),
            "native=/usr/lib/x".to_owned(),
        ];
        let words = link(&slot, &project, &call)?;
        let linked = project.join(LINKED);
        let names = fs::read_dir(&linked)?
            .flatten()
            .map(|entry| entry.file_name());
        assert_eq!(names.collect::<Vec<_>>(), ["libnew-1.rlib"]);
        assert_eq!(
            words,
            [
                "-L".to_owned(),
                format!("dependency={}", linked.display()),
                "--extern".to_owned(),
                format!("both={}", slot.join("target/deps/libboth-1.rlib").display()),
                "--extern".to_owned(),
                format!("new={}", deps.join("libnew-1.rlib").display()),
                "-L".to_owned(),
                "native=/usr/lib/x".to_owned(),
            ]
        );
        Ok(())
    }
}
