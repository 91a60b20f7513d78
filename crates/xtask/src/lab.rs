use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use labbook_kernel_files::{SESSION, SPARE};
use serde_json::Value;

use crate::environment as env;
use crate::failure::{At, Failure, Result};
use crate::places::Places;
use crate::setup::{self, KERNEL_NAME, Ready};

/// Sets up and opens JupyterLab in a folder, with the clone's own kernel.
pub(crate) fn run(places: &Places, folder: Option<&Path>) -> Result<()> {
    let folder = folder_of(places, folder)?;
    let ready = setup::all(places)?;
    println!("JupyterLab opens in your browser. Stop it here with Ctrl+C.");
    let mut lab = server(places, &ready);
    lab.arg("--ServerApp.root_dir").arg(&folder);
    let mut first = spare(places, &lab)?;
    if folder == places.root {
        // As the default address, so that the printed one leads to the notebook too.
        lab.arg("--LabApp.default_url=/lab/tree/notebooks/cifar10.ipynb");
        lab.arg("notebooks/cifar10.ipynb");
        let dependency = ":dep labbook = { path = \"../crates/labbook\" }";
        first.arg(dependency).current_dir(places.notebooks());
    } else {
        first.arg(":dep labbook").current_dir(&folder);
    }
    // A notebook's first kernel merely starts later without it.
    let _ = first.status();
    // JupyterLab takes this program's place, so that Ctrl+C and its question reach it alone.
    let error = lab.current_dir(&folder).exec();
    Err(Failure::new(format!("cannot start JupyterLab: {error}")))
}

/// A kernel that waits for the first notebook of a folder, so that it is ready when JupyterLab is. It lacks its
/// folder, and the line by which notebooks there name the facade.
fn spare(places: &Places, lab: &Command) -> Result<Command> {
    let file = places
        .jupyter_path()
        .join("kernels")
        .join(KERNEL_NAME)
        .join("kernel.json");
    let text = std::fs::read_to_string(&file).at("read", &file)?;
    let wrong = || Failure::new(format!("{} names no program", file.display()));
    let spec: Value = serde_json::from_str(&text).map_err(|_| wrong())?;
    let word = |number: usize| spec["argv"][number].as_str().ok_or_else(wrong);
    // JupyterLab would not see to the end of what it did not start: its parent is the shell, which goes.
    let mut kernel = Command::new("sh");
    kernel.args(["-c", "\"$0\" \"$@\" &", word(0)?, word(1)?, SPARE]);
    // JupyterLab takes this program's place.
    kernel.arg(std::process::id().to_string());
    kernel.process_group(0).stdin(Stdio::null());
    for (name, value) in lab.get_envs() {
        match value {
            Some(value) => kernel.env(name, value),
            None => kernel.env_remove(name),
        };
    }
    for (name, value) in spec["env"].as_object().into_iter().flatten() {
        let old = std::env::var(name).ok();
        let value = value.as_str().unwrap_or_default();
        kernel.env(name, as_jupyter_reads(value, name, old.as_deref()));
    }
    // It has a spare one in turn, as every kernel in JupyterLab.
    kernel.env(SESSION, "");
    Ok(kernel)
}

/// What Jupyter makes of a variable of a kernelspec that names itself: one that is not set stays as it is written.
fn as_jupyter_reads(value: &str, name: &str, old: Option<&str>) -> String {
    match old {
        Some(old) => value.replace(&format!("${{{name}}}"), old),
        None => value.to_owned(),
    }
}

/// The folder that JupyterLab shows: the one asked for, else the current one; from within the project all of
/// the project.
fn folder_of(places: &Places, asked: Option<&Path>) -> Result<PathBuf> {
    let folder = asked.unwrap_or(Path::new("."));
    let folder = folder.canonicalize().at("find", folder)?;
    let within = asked.is_none() && folder.starts_with(&places.root);
    Ok(if within { places.root.clone() } else { folder })
}

/// JupyterLab with this clone's kernel, options to be added.
pub(crate) fn server(places: &Places, ready: &Ready) -> Command {
    let mut lab = jupyter(places, ready, "jupyter-lab");
    if env::is_root() {
        // JupyterLab refuses root unless told; in a container there is nobody else.
        lab.arg("--allow-root");
    }
    lab
}

/// A program of the Jupyter environment that finds this clone's kernelspec first.
pub(crate) fn jupyter(places: &Places, ready: &Ready, program: &str) -> Command {
    let mut command = Command::new(ready.jupyter.program(program));
    let own = places.jupyter_path().into_os_string();
    let path = std::env::var_os("JUPYTER_PATH").map_or(own.clone(), |old| {
        let mut path = own;
        path.push(":");
        path.push(old);
        path
    });
    command.env("JUPYTER_PATH", path);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kernelspecs_variable_is_what_jupyter_makes_of_it() {
        let read = |old| as_jupyter_reads("/std:${PLACE}", "PLACE", old);
        assert_eq!(read(Some("/usr")), "/std:/usr");
        assert_eq!(read(Some("")), "/std:");
        assert_eq!(read(None), "/std:${PLACE}");
    }

    #[test]
    fn a_folder_that_is_asked_for_is_the_one_shown() -> std::io::Result<()> {
        let dir = tempfile::tempdir()?;
        let root = dir.path().canonicalize()?;
        std::fs::create_dir_all(root.join("clone/notebooks"))?;
        let places = Places {
            root: root.join("clone"),
            cache: root.join("cache"),
        };
        let shown = |asked: &Path| folder_of(&places, Some(asked)).ok();
        assert_eq!(shown(&root), Some(root.clone()));
        let inside = places.root.join("notebooks");
        assert_eq!(shown(&inside), Some(inside));
        assert_eq!(shown(&root.join("absent")), None);
        Ok(())
    }
}
