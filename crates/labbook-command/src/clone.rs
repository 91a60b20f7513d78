use std::env;
use std::path::{Path, PathBuf};

/// Names the clone to use, whatever the current folder is.
const CHOSEN: &str = "LABBOOK_CLONE";

/// What only a clone has.
const COMMANDS: &str = "crates/xtask/Cargo.toml";

/// The clone that is meant: the one that was chosen, else the one around the current folder, else the one
/// that this program was installed from.
pub(crate) fn find() -> Result<PathBuf, String> {
    let chosen = env::var_os(CHOSEN).filter(|value| !value.is_empty());
    let here = env::current_dir().unwrap_or_default();
    let origin = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    choose(chosen.map(PathBuf::from).as_deref(), &here, &origin)
}

fn choose(chosen: Option<&Path>, here: &Path, origin: &Path) -> Result<PathBuf, String> {
    if let Some(chosen) = chosen {
        return whole(chosen).ok_or_else(|| {
            format!(
                "{CHOSEN} is {}, which is no clone of labbook (expected {COMMANDS} in it); correct it or \
                 unset it",
                chosen.display()
            )
        });
    }
    let around = here.ancestors().find_map(whole);
    around.or_else(|| whole(origin)).ok_or_else(|| {
        format!(
            "the clone of labbook that this program was installed from is gone from {}; install it from \
             another with `cargo xtask install`, or name a clone in {CHOSEN}",
            origin.display()
        )
    })
}

fn whole(folder: &Path) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    folder.join(COMMANDS).is_file().then_some(folder)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn the_chosen_clone_comes_before_the_one_around_and_that_before_the_origin() {
        let dir = tempfile::tempdir().expect("a folder");
        let root = dir.path().canonicalize().expect("its path");
        let clone = |name: &str| {
            let folder = root.join(name);
            fs::create_dir_all(folder.join("crates/xtask")).expect("a clone");
            fs::write(folder.join(COMMANDS), "").expect("its file");
            folder
        };
        let (a, b, elsewhere) = (clone("a"), clone("b"), root.join("elsewhere"));
        let inside = a.join("crates/xtask");
        assert_eq!(choose(Some(&b), &inside, &a), Ok(b.clone()));
        assert_eq!(choose(None, &inside, &b), Ok(a.clone()));
        assert_eq!(choose(None, &elsewhere, &b), Ok(b.clone()));
        let wrong = choose(Some(&elsewhere), &inside, &b);
        assert!(wrong.is_err_and(|text| text.contains(CHOSEN)));
        let gone = choose(None, &elsewhere, &elsewhere);
        assert!(gone.is_err_and(|text| text.contains("cargo xtask install")));
    }
}
