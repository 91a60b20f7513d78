//! What rust-analyzer reads of a cell's dependencies.
//!
//! It parses every source file of every crate that `cargo metadata` names, at each kernel start,
//! though a cell can only name the facade's own crates and the four libraries that it re-exports.
//! Leaving the others out of the answer saves most of that time; of those that stay it gets the sources
//! without the bodies of their functions. cargo and rustc still see all.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use labbook_kernel_files::{Docs, mirror};
use serde_json::Value;

/// The crate whose dependencies are cut down.
const FACADE: &str = "labbook";

/// Crates besides the facade's whose types a cell's variables can have.
const LIBRARIES: [&str; 14] = [
    "ndarray",
    "num-complex",
    "num-traits",
    "plotters",
    "plotters-backend",
    "plotters-bitmap",
    "plotters-svg",
    "polars",
    "polars-core",
    "polars-error",
    "polars-schema",
    "polars-utils",
    "tch",
    "torch-sys",
];

/// Cuts what `cargo metadata` printed down to the crates that a cell can name, with their sources' skeletons,
/// which are written below a folder. All dependencies of those that a cell adds by itself stay. Text that is
/// no such answer comes back as it was.
#[must_use]
pub fn only_visible(metadata: &str, skeletons: &Path) -> String {
    cut(metadata, skeletons).unwrap_or_else(|| metadata.to_owned())
}

fn cut(metadata: &str, skeletons: &Path) -> Option<String> {
    let mut metadata: Value = serde_json::from_str(metadata).ok()?;
    let keep = visible(&metadata)?;
    let kept = |id: &Value| id.as_str().is_some_and(|id| keep.contains(id));
    let root = metadata["resolve"]["root"].clone();
    let packages = metadata["packages"].as_array_mut()?;
    packages.retain(|package| kept(&package["id"]));
    for package in packages.iter_mut().filter(|package| package["id"] != root) {
        // Where that fails, rust-analyzer reads the sources themselves.
        let _ = spare(package, skeletons);
    }
    let nodes = metadata["resolve"]["nodes"].as_array_mut()?;
    nodes.retain(|node| kept(&node["id"]));
    for node in nodes {
        node["dependencies"].as_array_mut()?.retain(kept);
        node["deps"]
            .as_array_mut()?
            .retain(|dependency| kept(&dependency["pkg"]));
    }
    serde_json::to_string(&metadata).ok()
}

/// Has a package's library read from the skeletons of its sources, if these are where cargo expects them.
fn spare(package: &mut Value, skeletons: &Path) -> Option<()> {
    let manifest = Path::new(package["manifest_path"].as_str()?).to_owned();
    let source = manifest.parent()?.join("src");
    let is_library = |target: &Value| {
        let kinds = target["kind"].as_array().into_iter().flatten();
        let mut kinds = kinds.filter_map(Value::as_str);
        kinds.any(|kind| kind.ends_with("lib") || kind == "proc-macro")
    };
    let mut library = package["targets"]
        .as_array()?
        .iter()
        .find(|t| is_library(t))?
        .clone();
    let root = Path::new(library["src_path"].as_str()?)
        .strip_prefix(&source)
        .ok()?;

    let mut hasher = DefaultHasher::new();
    manifest.hash(&mut hasher);
    let name = format!("{}-{:x}", package["name"].as_str()?, hasher.finish());
    let folder = skeletons.join(name);
    let (root, copy) = (folder.join("src").join(root), folder.join("Cargo.toml"));
    mirror(&source, &folder.join("src"), Docs::Whole).ok()?;
    let wanted = fs::read(&manifest).ok()?;
    if fs::read(&copy).ok().as_ref() != Some(&wanted) {
        fs::write(&copy, wanted).ok()?;
    }
    library["src_path"] = root.to_str()?.into();
    package["targets"] = vec![library].into();
    package["manifest_path"] = copy.to_str()?.into();
    Some(())
}

/// The identifiers of the packages that stay.
fn visible(metadata: &Value) -> Option<BTreeSet<String>> {
    let root = metadata["resolve"]["root"].as_str()?;
    let names: HashMap<&str, &str> = metadata["packages"]
        .as_array()?
        .iter()
        .filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
        .collect();
    let dependencies: HashMap<&str, Vec<&str>> = metadata["resolve"]["nodes"]
        .as_array()?
        .iter()
        .filter_map(|node| {
            let list = node["dependencies"].as_array()?;
            Some((
                node["id"].as_str()?,
                list.iter().filter_map(Value::as_str).collect(),
            ))
        })
        .collect();
    let name_of = |id: &str| names.get(id).copied().unwrap_or_default();
    let wanted = |id: &str| {
        let name = name_of(id);
        name.starts_with(FACADE) || LIBRARIES.contains(&name)
    };

    let mut keep = BTreeSet::from([root.to_owned()]);
    for &first in dependencies.get(root)? {
        let own = name_of(first) != FACADE;
        let mut seen = BTreeSet::new();
        let mut waiting = vec![first];
        while let Some(id) = waiting.pop() {
            if seen.insert(id) {
                waiting.extend(dependencies.get(id).into_iter().flatten());
            }
        }
        keep.extend(
            seen.into_iter()
                .filter(|id| own || wanted(id))
                .map(str::to_owned),
        );
    }
    Some(keep)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn metadata(edges: &[(&str, &[&str])]) -> String {
        let packages: Vec<Value> = edges
            .iter()
            .map(|(name, _)| json!({"id": format!("id:{name}"), "name": name}))
            .collect();
        let nodes: Vec<Value> = edges
            .iter()
            .map(|(name, to)| {
                let ids: Vec<String> = to.iter().map(|n| format!("id:{n}")).collect();
                let deps: Vec<Value> = ids.iter().map(|id| json!({"pkg": id})).collect();
                json!({"id": format!("id:{name}"), "dependencies": ids, "deps": deps})
            })
            .collect();
        json!({"packages": packages, "resolve": {"root": "id:ctx", "nodes": nodes}}).to_string()
    }

    fn names(metadata: &str) -> Vec<String> {
        let value: Value = serde_json::from_str(metadata).unwrap_or_default();
        let packages = value["packages"].as_array().cloned().unwrap_or_default();
        packages
            .iter()
            .filter_map(|p| Some(p["name"].as_str()?.to_owned()))
            .collect()
    }

    #[test]
    fn the_facades_helpers_go_and_its_libraries_stay() {
        let all = metadata(&[
            ("ctx", &["labbook"]),
            ("labbook", &["labbook-nn", "tch", "rayon"]),
            ("labbook-nn", &["tch"]),
            ("tch", &["zip"]),
            ("zip", &[]),
            ("rayon", &[]),
        ]);
        let cut = only_visible(&all, Path::new("none"));
        assert_eq!(names(&cut), ["ctx", "labbook", "labbook-nn", "tch"]);
        assert!(
            !cut.contains("id:zip") && !cut.contains("id:rayon"),
            "{cut}"
        );
    }

    #[test]
    fn a_dependency_of_the_cells_own_stays_whole() {
        let all = metadata(&[
            ("ctx", &["labbook", "rand"]),
            ("labbook", &["zip"]),
            ("rand", &["rand_core"]),
            ("rand_core", &[]),
            ("zip", &[]),
        ]);
        assert_eq!(
            names(&only_visible(&all, Path::new("none"))),
            ["ctx", "labbook", "rand", "rand_core"]
        );
    }

    #[test]
    fn anything_else_passes_unchanged() {
        assert_eq!(
            only_visible("no metadata", Path::new("none")),
            "no metadata"
        );
        assert_eq!(
            only_visible("{\"packages\":[]}", Path::new("none")),
            "{\"packages\":[]}"
        );
    }

    #[test]
    fn a_library_is_read_from_its_skeleton_and_a_cell_as_it_is() -> std::io::Result<()> {
        let dir = tempfile::tempdir()?;
        let (crate_folder, skeletons) = (dir.path().join("labbook"), dir.path().join("skeletons"));
        fs::create_dir_all(crate_folder.join("src"))?;
        fs::write(crate_folder.join("src/lib.rs"), "pub fn f() -> u8 { 1 }")?;
        fs::write(crate_folder.join("Cargo.toml"), "[package]")?;
        let target =
            |kind: &str, file: &str| json!({"kind": [kind], "src_path": crate_folder.join(file)});
        let package = |id: &str| {
            let targets = [target("dylib", "src/lib.rs"), target("test", "tests/a.rs")];
            let manifest = crate_folder.join("Cargo.toml");
            json!({"id": id, "name": "labbook", "manifest_path": manifest, "targets": targets})
        };
        let nodes = [
            json!({"id": "ctx", "dependencies": ["own"], "deps": [{"pkg": "own"}]}),
            json!({"id": "own", "dependencies": [], "deps": []}),
        ];
        let metadata = json!({
            "packages": [package("ctx"), package("own")],
            "resolve": {"root": "ctx", "nodes": nodes},
        });
        let shown = only_visible(&metadata.to_string(), &skeletons);
        let shown: Value = serde_json::from_str(&shown)?;
        assert_eq!(shown["packages"][0], package("ctx"));
        let targets = shown["packages"][1]["targets"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        assert_eq!(targets.len(), 1);
        let path = targets[0]["src_path"].as_str().unwrap_or_default();
        assert!(Path::new(path).starts_with(&skeletons), "{path}");
        assert_eq!(fs::read_to_string(path)?, "pub fn f() -> u8 {}");
        Ok(())
    }
}
