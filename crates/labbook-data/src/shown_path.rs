use std::env;
use std::path::{Path, PathBuf};

/// The path as a reader should see it: relative to the working directory, the folder around that
/// (a notebook's data lie beside its folder) or the home folder, where it lies below one of them.
pub(crate) fn shown(path: &Path) -> String {
    let home = env::var_os("HOME").map(PathBuf::from);
    shown_from(path, env::current_dir().ok().as_deref(), home.as_deref())
}

fn shown_from(path: &Path, current: Option<&Path>, home: Option<&Path>) -> String {
    let below = |root: Option<&Path>| {
        // A root of `/` or nothing would shorten every path to something misleading.
        let root = root.filter(|root| root.parent().is_some())?;
        path.strip_prefix(root).ok().map(Path::to_path_buf)
    };
    if let Some(rest) = below(current) {
        return match rest.as_os_str().is_empty() {
            true => ".".to_owned(),
            false => rest.display().to_string(),
        };
    }
    let around = current
        .and_then(Path::parent)
        .filter(|around| Some(*around) != home);
    let beside = below(around).map(|rest| Path::new("..").join(rest));
    let shown = beside.or_else(|| below(home).map(|rest| Path::new("~").join(rest)));
    shown.as_deref().unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> String {
        let (current, home) = (Path::new("/home/ann/lab/notebooks"), Path::new("/home/ann"));
        shown_from(Path::new(path), Some(current), Some(home))
    }

    #[test]
    fn paths_are_shortened_below_the_working_directory_and_home() {
        assert_eq!(of("/home/ann/lab/notebooks/data/a.bin"), "data/a.bin");
        assert_eq!(of("/home/ann/lab/notebooks"), ".");
        assert_eq!(of("/home/ann/lab/data"), "../data");
        assert_eq!(of("/home/ann/other/data"), "~/other/data");
        assert_eq!(of("/srv/data"), "/srv/data");
    }

    #[test]
    fn a_root_of_slash_shortens_nothing() {
        let slash = Path::new("/");
        assert_eq!(
            shown_from(Path::new("/srv/data"), Some(slash), Some(slash)),
            "/srv/data"
        );
    }
}
