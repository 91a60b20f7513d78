use crate::render::shown_as;
use crate::table::Table;

/// The libraries in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versions {
    rows: Vec<(&'static str, String)>,
}

impl Versions {
    /// What this build was made with.
    #[must_use]
    pub fn of_this_build() -> Self {
        let tch = env!("LABBOOK_TCH");
        let rustc = env!("LABBOOK_RUSTC");
        let rustc = rustc.split_whitespace().nth(1).unwrap_or(rustc);
        Versions {
            rows: vec![
                ("Rust", rustc.to_owned()),
                ("libtorch", libtorch(tch).to_owned()),
                ("tch", tch.to_owned()),
                ("polars", env!("LABBOOK_POLARS").to_owned()),
                ("plotters", env!("LABBOOK_PLOTTERS").to_owned()),
                ("ndarray", env!("LABBOOK_NDARRAY").to_owned()),
            ],
        }
    }

    /// One library's version, by the name in the table.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.rows
            .iter()
            .find(|(row, _)| *row == name)
            .map(|(_, version)| version.as_str())
    }

    /// All in one line.
    #[must_use]
    pub fn line(&self) -> String {
        let parts: Vec<String> = self.rows.iter().map(|(n, v)| format!("{n} {v}")).collect();
        parts.join(", ")
    }
}

/// The libtorch that a tch release is made for; the set-up accepts no other.
fn libtorch(tch: &str) -> &'static str {
    match tch.rsplit_once('.').map(|(minor, _)| minor) {
        Some("0.24") => "2.11",
        Some("0.26") => "2.13",
        _ => "unknown",
    }
}

shown_as!(Versions => table);

fn table(versions: &Versions) -> Table {
    let mut table = Table::new(&["library", "version"]);
    for (name, version) in &versions.rows {
        table.push(&[*name, version.as_str()]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_version_is_known() {
        let versions = Versions::of_this_build();
        for (name, version) in &versions.rows {
            assert!(
                version.starts_with(|c: char| c.is_ascii_digit()),
                "{name}: {version}"
            );
        }
        assert_eq!(versions.get("tch"), Some(env!("LABBOOK_TCH")));
    }
}
