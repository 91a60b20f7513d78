use std::fmt::Write;

/// As in the workspace's manifest; a configuration file overrides what evcxr writes. A cell shares next
/// to nothing with the one before it: incremental compilation in sixteen parts costs a fifth of rustc's
/// time there.
const PROFILE: &str = "\
[profile.dev.package.\"*\"]
opt-level = 3
debug-assertions = false
overflow-checks = false

[profile.dev.package.ctx]
codegen-units = 2
incremental = false
";

/// Crates that are compiled without optimization, as in the workspace's manifest: two of three minutes of the
/// processor's went into optimizing what only the compiler runs, and libraries of formats and colour profiles that
/// nothing here calls.
const PLAIN: [&str; 15] = [
    "bytemuck_derive",
    "bzip2-sys",
    "heck",
    "moxcms",
    "num-derive",
    "proc-macro2",
    "pxfm",
    "quote",
    "serde_derive",
    "strum_macros",
    "syn",
    "thiserror-impl",
    "unicode-ident",
    "zerocopy-derive",
    "zstd-sys",
];

/// The profile of a cell and of what it depends on.
pub(super) fn of_cells() -> String {
    let mut text = PROFILE.to_owned();
    for name in PLAIN {
        // Writing into a text does not fail.
        let _ = write!(text, "\n[profile.dev.package.{name}]\nopt-level = 0\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = include_str!("../../../../Cargo.toml");

    /// Else the workspace and the kernel would compile every dependency for themselves.
    #[test]
    fn the_workspace_has_the_same_profile() {
        for name in PLAIN {
            let entry = format!("[profile.dev.package.{name}]\nopt-level = 0\n");
            assert!(MANIFEST.contains(&entry), "{name}");
        }
        // The others are all dependencies' and those of two crates of ours.
        let entries = MANIFEST.matches("[profile.dev.package.").count();
        assert_eq!(entries, PLAIN.len() + 3);
    }

    #[test]
    fn each_is_in_the_lock_file() {
        let lock = include_str!("../../../../Cargo.lock");
        for name in PLAIN {
            assert!(lock.contains(&format!("name = \"{name}\"\n")), "{name}");
        }
    }
}
