use std::path::Path;

/// A cell's manifest, as evcxr writes it: its dependencies come last, one in each line.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Manifest {
    head: String,
    facade: String,
    /// What a notebook depends on besides the facade, as in `itertools = "0.14"`.
    pub(crate) further: Vec<String>,
}

const DEPENDENCIES: &str = "[dependencies]\n";
/// What evcxr calls a cell's crate.
const NAME: &str = "name = \"ctx\"";

impl Manifest {
    /// Reads a manifest that names the facade in this folder; `None` for any other.
    pub(crate) fn read(text: &str, facade: &Path) -> Option<Manifest> {
        let (head, dependencies) = text.split_once(DEPENDENCIES)?;
        let lines = dependencies.lines().filter(|line| !line.trim().is_empty());
        let path = format!("{:?}", facade.display().to_string());
        let (own, further): (Vec<&str>, Vec<&str>) = lines.partition(|line| line.contains(&path));
        let [facade] = own.as_slice() else {
            return None;
        };
        let whole = further
            .iter()
            .all(|line| line.contains('=') && !line.starts_with('['));
        (whole && head.contains(NAME)).then(|| Manifest {
            head: head.to_owned(),
            facade: (*facade).to_owned(),
            further: further.into_iter().map(str::to_owned).collect(),
        })
    }

    /// A manifest that depends on the facade alone.
    pub(crate) fn of_facade(&self) -> String {
        format!("{}{DEPENDENCIES}{}\n", self.head, self.facade)
    }

    /// A manifest of another name that depends on these of the further ones.
    pub(crate) fn of_further(&self, name: &str, further: &[String]) -> String {
        let head = self.head.replace(NAME, &format!("name = {name:?}"));
        format!("{head}{DEPENDENCIES}{}\n", further.join("\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "\n[package]\nname = \"ctx\"\n\n[profile.dev]\nopt-level = 0\n\n";

    #[test]
    fn a_manifest_is_taken_apart() {
        let facade = Path::new("/clone/crates/labbook");
        let own = "labbook = { path = \"/clone/crates/labbook\" }";
        let read = |dependencies: &str| {
            Manifest::read(&format!("{HEAD}{DEPENDENCIES}{dependencies}\n"), facade)
        };
        let manifest = read(&format!(
            "itertools = \"0.14\"\n{own}\nserde = {{version=\"1\"}}\n"
        ));
        let manifest = manifest.unwrap();
        assert_eq!(
            manifest.further,
            ["itertools = \"0.14\"", "serde = {version=\"1\"}"]
        );
        let alone = manifest.of_facade();
        assert_eq!(read(own).unwrap().of_facade(), alone);
        assert!(
            alone.contains("\"ctx\"") && !alone.contains("serde"),
            "{alone}"
        );
        let apart = manifest.of_further("further", &manifest.further);
        assert!(
            apart.contains("name = \"further\"") && !apart.contains("labbook"),
            "{apart}"
        );
        assert!(apart.ends_with("[dependencies]\nitertools = \"0.14\"\nserde = {version=\"1\"}\n"));
        assert_eq!(read("rand = \"0.9\""), None);
        assert_eq!(read(&format!("{own}\n[features]\nx = []")), None);
        assert_eq!(Manifest::read("[package]", facade), None);
    }
}
