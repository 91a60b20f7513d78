use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

/// What the set-up found on this machine and the kernel needs at every start.
#[derive(Clone, Debug, Default, PartialEq)]
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
#[derive(Debug)]
pub struct SettingsError {
    path: PathBuf,
    reason: String,
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot use the kernel settings {}: {}; run `cargo xtask setup` in the clone to write them anew",
            self.path.display(),
            self.reason
        )
    }
}

impl std::error::Error for SettingsError {}

impl Settings {
    /// Name of the variable that tells the stand-ins where the settings are.
    pub const VARIABLE: &'static str = "LABBOOK_KERNEL_SETTINGS";

    /// Reads the settings that the set-up wrote.
    ///
    /// # Errors
    /// When the file cannot be read, is no JSON or lacks a setting.
    pub fn read(path: &Path) -> Result<Settings, SettingsError> {
        let fail = |reason: String| SettingsError {
            path: path.to_owned(),
            reason,
        };
        let text = std::fs::read_to_string(path).map_err(|e| fail(e.to_string()))?;
        let value: Value = serde_json::from_str(&text).map_err(|e| fail(e.to_string()))?;
        Settings::of(&value).map_err(fail)
    }

    /// The settings as the text that [`read`](Self::read) takes.
    ///
    /// # Errors
    /// With a sentence, when a path is not UTF-8: Jupyter and cargo could not be told of it.
    pub fn to_json(&self) -> Result<String, String> {
        let text = |path: &Path| {
            let text = path.to_str().map(str::to_owned);
            text.ok_or_else(|| format!("the path {} is not UTF-8", path.display()))
        };
        let paths: Result<Vec<String>, String> =
            self.library_path.iter().map(|path| text(path)).collect();
        let value = json!({
            "folder": text(&self.folder)?,
            "evcxr": text(&self.evcxr)?,
            "cargo": text(&self.cargo)?,
            "rustc": text(&self.rustc)?,
            "facade": text(&self.facade)?,
            "rustflags": self.rustflags,
            "env": self.env,
            "library_path": paths?,
        });
        Ok(format!("{value:#}"))
    }

    fn of(value: &Value) -> Result<Settings, String> {
        let text = |value: &Value, name: &str| {
            let text = value.as_str().map(str::to_owned);
            text.ok_or_else(|| format!("expected a text for \"{name}\". Received: {value}"))
        };
        let setting = |name: &str| text(&value[name], name);
        let path = |name: &str| setting(name).map(PathBuf::from);
        let none = Map::new();
        let env = value["env"].as_object().unwrap_or(&none);
        let folders = value["library_path"]
            .as_array()
            .map_or(&[][..], |list| list);
        Ok(Settings {
            folder: path("folder")?,
            evcxr: path("evcxr")?,
            cargo: path("cargo")?,
            rustc: path("rustc")?,
            facade: path("facade")?,
            rustflags: setting("rustflags")?,
            env: env
                .iter()
                .map(|(name, value)| Ok((name.clone(), text(value, name)?)))
                .collect::<Result<_, String>>()?,
            library_path: folders
                .iter()
                .map(|folder| text(folder, "library_path").map(PathBuf::from))
                .collect::<Result<_, String>>()?,
        })
    }

    /// The warm build folder that every slot starts from.
    #[must_use]
    pub fn template(&self) -> PathBuf {
        self.folder.join("template")
    }

    /// The folder of the stand-ins for `cargo`, `rustc` and `rustup`.
    #[must_use]
    pub fn stand_ins(&self) -> PathBuf {
        self.folder.join("bin")
    }

    /// The sources of a cell's dependencies as rust-analyzer reads them, in a folder for each crate.
    #[must_use]
    pub fn skeletons(&self) -> PathBuf {
        self.folder.join("skeletons")
    }

    /// A sysroot with fewer sources, for rust-analyzer alone.
    #[must_use]
    pub fn sysroot(&self) -> PathBuf {
        self.folder.join("sysroot")
    }

    /// The lock file that pins a cell's dependencies.
    #[must_use]
    pub fn lock_file(&self) -> PathBuf {
        self.template().join("Cargo.lock")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_as_they_were_written() -> std::io::Result<()> {
        let dir = tempfile::tempdir()?;
        let file = dir.path().join("settings.json");
        let settings = Settings {
            folder: "/cache/kernel".into(),
            rustflags: "-Cprefer-dynamic".to_owned(),
            env: BTreeMap::from([("RUST_BACKTRACE".to_owned(), "0".to_owned())]),
            library_path: vec!["/a".into(), "/b".into()],
            ..Settings::default()
        };
        std::fs::write(&file, settings.to_json().map_err(std::io::Error::other)?)?;
        assert_eq!(Settings::read(&file).ok(), Some(settings));
        Ok(())
    }

    #[test]
    fn a_file_that_lacks_a_setting_is_refused_with_its_name() -> std::io::Result<()> {
        let dir = tempfile::tempdir()?;
        let file = dir.path().join("settings.json");
        for (text, said) in [
            ("{}", "\"folder\""),
            ("{\"folder\": 1}", "\"folder\""),
            ("[", "EOF"),
        ] {
            std::fs::write(&file, text)?;
            let message = Settings::read(&file).map_err(|error| error.to_string());
            assert!(
                message.is_err_and(|message| message.contains(said)),
                "{text}"
            );
        }
        Ok(())
    }
}
