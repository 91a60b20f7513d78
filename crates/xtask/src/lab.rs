use std::os::unix::process::CommandExt;
use std::process::Command;

use crate::environment as env;
use crate::failure::{Failure, Result};
use crate::places::Places;
use crate::setup::{self, Ready};

/// Sets up and opens JupyterLab on the notebooks, with the clone's own kernel.
pub(crate) fn run(places: &Places) -> Result<()> {
    let ready = setup::all(places)?;
    println!("JupyterLab opens the notebook in your browser. Stop it here with Ctrl+C.");
    let mut lab = server(places, &ready);
    // As the default address, so that the printed one leads to the notebook too.
    lab.arg("--ServerApp.root_dir").arg(&places.root);
    lab.arg("--LabApp.default_url=/lab/tree/notebooks/cifar10.ipynb");
    // JupyterLab takes this program's place, so that Ctrl+C and its question reach it alone.
    let error = lab
        .arg("notebooks/cifar10.ipynb")
        .current_dir(&places.root)
        .exec();
    Err(Failure::new(format!("cannot start JupyterLab: {error}")))
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
