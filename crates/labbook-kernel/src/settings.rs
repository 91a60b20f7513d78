use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

/// What the set-up found on this machine and the kernel needs at every start.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Settings {
    /// Folder that holds the template and the slots.
    pub folder: PathBuf,
    /// The `evcxr_jupyter` program.
    pub evcxr: PathBuf,
    /// The real cargo, behind the stand-in.
    pub cargo: PathBuf,
    /// The real rustc.
    pub rustc: PathBuf,
    /// Manifest folder of the crate that notebooks depend on.
    pub facade: PathBuf,
    /// `RUSTFLAGS` for every build in a slot; one value, so that no artefact is built under two.
    pub rustflags: String,
    /// Environment added to the kernel's own.
    pub env: BTreeMap<String, String>,
    /// Folders put in front of `LD_LIBRARY_PATH`.
    pub library_path: Vec<PathBuf>,
}

/// Why the settings file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot use the kernel settings {path}: {reason}; run `cargo xtask setup` in the clone to write them anew"
)]
pub struct SettingsError {
    path: PathBuf,
    reason: String,
}

impl Settings {
    /// Name of the variable that tells the stand-ins where the settings are.
    pub const VARIABLE: &'static str = "LABBOOK_KERNEL_SETTINGS";

    /// Reads the settings that the set-up wrote.
    pub fn read(path: &Path) -> Result<Settings, SettingsError> {
        let fail = |reason: String| SettingsError {
            path: path.to_owned(),
            reason,
        };
        let text = std::fs::read_to_string(path).map_err(|e| fail(e.to_string()))?;
        serde_json::from_str(&text).map_err(|e| fail(e.to_string()))
    }

    /// The warm build folder that every slot starts from.
    pub fn template(&self) -> PathBuf {
        self.folder.join("template")
    }

    /// The folder of the stand-ins for `cargo`, `rustc` and `rustup`.
    pub fn stand_ins(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// A sysroot with fewer sources, for rust-analyzer alone.
    pub fn sysroot(&self) -> PathBuf {
        self.folder.join("sysroot")
    }

    /// The lock file that pins a cell's dependencies.
    pub fn lock_file(&self) -> PathBuf {
        self.template().join("Cargo.lock")
    }
}
