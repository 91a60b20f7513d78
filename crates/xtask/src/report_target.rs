use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{At, Failure, Result};
use crate::places::Places;
use crate::report::Format;
use crate::short_hash::short_hash;

/// Where a notebook's report goes.
#[derive(Debug)]
pub(crate) struct Target {
    notebook: PathBuf,
    folder: PathBuf,
    /// The report's name, without its ending.
    name: String,
    /// The name of what is kept of the run in `reports/work`.
    pub(crate) work: String,
    /// Where it is noted from which notebook a report was written.
    notes: PathBuf,
    /// The project's own folder for the reports of its own notebooks, whose names differ.
    own: bool,
}

impl Target {
    /// For a notebook of the project `reports/`, for another one its own folder, unless `output` names one.
    pub(crate) fn of(places: &Places, notebook: &Path, output: Option<&Path>) -> Result<Target> {
        let beside = notebook.parent().unwrap_or(Path::new("."));
        let ours = places
            .notebooks()
            .canonicalize()
            .is_ok_and(|folder| folder == beside);
        let name = harmless(&notebook.file_stem().unwrap_or_default().to_string_lossy());
        let work = if ours {
            name.clone()
        } else {
            let hash = short_hash(notebook.as_os_str().as_encoded_bytes());
            format!("{name}-{hash}")
        };
        let folder = match output {
            Some(folder) => folder.to_owned(),
            None if ours => places.reports(),
            None => beside.to_owned(),
        };
        fs::create_dir_all(&folder).at("create", &folder)?;
        Ok(Target {
            notebook: notebook.to_owned(),
            folder: folder.canonicalize().at("find", &folder)?,
            name,
            work,
            notes: places.clone_folder().join("reports"),
            own: ours && output.is_none(),
        })
    }

    /// The report's file.
    pub(crate) fn file(&self, format: Format) -> PathBuf {
        self.folder
            .join(format!("{}.{}", self.name, format.suffix()))
    }

    /// Makes sure that nothing is overwritten but an earlier report of the same notebook.
    pub(crate) fn claim(&self, format: Format) -> Result<()> {
        if self.own {
            return Ok(());
        }
        let file = self.file(format);
        let mut taken = vec![file.clone()];
        if format == Format::Markdown {
            taken.push(self.folder.join(format!("{}_files", self.name)));
        }
        let note = self
            .notes
            .join(short_hash(file.as_os_str().as_encoded_bytes()));
        let said = format!("{}\n{}\n", file.display(), self.notebook.display());
        let known = fs::read_to_string(&note).is_ok_and(|text| text == said);
        if let Some(taken) = taken
            .iter()
            .find(|path| path.symlink_metadata().is_ok() && !known)
        {
            return Err(Failure::new(format!(
                "{} is there already and is no report of {} that was written from here; move it away, or \
                 name another folder with --output FOLDER",
                taken.display(),
                self.notebook.display()
            )));
        }
        crate::places::write(&note, &said)
    }
}

/// A file's name that is neither hidden nor full of what a terminal or a file system takes otherwise.
fn harmless(stem: &str) -> String {
    let plain: String = stem
        .chars()
        .map(|c| if c.is_control() || c == '/' { '-' } else { c })
        .collect();
    let mut name = plain.trim_matches(['.', ' ']);
    // Endings and numbers come behind it; file systems allow 255 bytes.
    while name.len() > 180 {
        name = name
            .split_at(name.char_indices().next_back().map_or(0, |(at, _)| at))
            .0;
    }
    if name.is_empty() { "notebook" } else { name }.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(root: &Path) -> Places {
        Places {
            root: root.to_owned(),
            cache: root.join("cache"),
        }
    }

    fn target(root: &Path, notebook: &str, output: Option<&str>) -> Target {
        let notebook = root.join(notebook);
        fs::create_dir_all(notebook.parent().unwrap()).unwrap();
        let output = output.map(|folder| root.join(folder));
        Target::of(&places(root), &notebook, output.as_deref()).unwrap()
    }

    #[test]
    fn a_report_goes_to_the_project_or_beside_its_notebook_or_where_asked() {
        let folder = tempfile::tempdir().unwrap();
        let root = &folder.path().canonicalize().unwrap();
        let html = |notebook, output| target(root, notebook, output).file(Format::Html);
        assert_eq!(html("notebooks/a.ipynb", None), root.join("reports/a.html"));
        assert_eq!(html("b c/a.ipynb", None), root.join("b c/a.html"));
        assert_eq!(html("b/a.ipynb", Some("d")), root.join("d/a.html"));
        let (ours, other) = (
            target(root, "notebooks/a.ipynb", None),
            target(root, "b/a.ipynb", None),
        );
        assert_eq!(ours.work, "a");
        assert_ne!(ours.work, other.work);
    }

    #[test]
    fn only_an_earlier_report_of_the_same_notebook_is_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let root = &folder.path().canonicalize().unwrap();
        let first = target(root, "b/a.ipynb", Some("out"));
        let other = target(root, "c/a.ipynb", Some("out"));
        first.claim(Format::Html).unwrap();
        fs::write(root.join("out/a.html"), "").unwrap();
        first.claim(Format::Html).unwrap();
        let refused = other.claim(Format::Html).unwrap_err().to_string();
        assert!(
            refused.contains("a.html") && refused.contains("--output"),
            "{refused}"
        );
        // A folder of the user's own.
        fs::create_dir_all(root.join("out/a_files")).unwrap();
        assert!(first.claim(Format::Markdown).is_err());
    }

    #[test]
    fn a_name_is_never_hidden_nor_too_long() {
        assert_eq!(harmless("."), "notebook");
        assert_eq!(harmless("my table"), "my table");
        assert_eq!(harmless("a\u{1b}[2J"), "a-[2J");
        let long = harmless(&"é".repeat(500));
        assert!(long.len() <= 180 && long.starts_with('é'));
    }
}
