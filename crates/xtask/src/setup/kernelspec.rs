use std::path::{Path, PathBuf};

use serde_json::json;

use crate::environment as env;
use crate::failure::Result;
use crate::places::{self, Places};

/// The kernelspec's name; notebooks carry it.
pub(crate) const KERNEL_NAME: &str = "labbook";

/// Installs the kernelspec for this clone's own commands, and for any Jupyter of the person's.
pub(super) fn install(places: &Places, program: &Path, settings: &Path) -> Result<()> {
    let std = env::standard_library()?;
    let spec = json!({
        "argv": [program, settings, "{connection_file}"],
        "display_name": "Rust (labbook)",
        "language": "rust",
        "interrupt_mode": "signal",
        // JupyterLab's panel of variables asks those kernels only that say so.
        "metadata": { "debugger": true },
        // The launcher shares Rust's standard library with the workspace's other programs.
        "env": { "LD_LIBRARY_PATH": format!("{}:${{LD_LIBRARY_PATH}}", std.display()) },
    });
    let text = format!("{spec:#}\n");
    let active = env::active_environment().map(|prefix| prefix.join("share/jupyter"));
    let others = active.or_else(|| Some(data_home()?.join("jupyter")));
    for folder in [Some(places.jupyter_path()), others].into_iter().flatten() {
        places::write(&below(&folder).join("kernel.json"), &text)?;
    }
    Ok(())
}

/// The folder of the kernelspec below one of Jupyter's data folders.
fn below(jupyter: &Path) -> PathBuf {
    jupyter.join("kernels").join(KERNEL_NAME)
}

/// Where set-ups may have put a kernelspec outside the cache.
pub(crate) fn kernelspecs() -> Vec<PathBuf> {
    let active = env::active_environment().map(|prefix| prefix.join("share/jupyter"));
    let own = data_home().map(|home| home.join("jupyter"));
    let folders = [active, own].into_iter().flatten();
    folders.map(|folder| below(&folder)).collect()
}

fn data_home() -> Option<PathBuf> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|v| !v.is_empty())
            .map(PathBuf::from)
    };
    set("XDG_DATA_HOME").or_else(|| set("HOME").map(|home| home.join(".local/share")))
}
