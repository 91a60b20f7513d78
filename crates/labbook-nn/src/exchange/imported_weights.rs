use std::fmt;

/// What became of the weights of a file: which were taken, which were missing or left over.
///
/// ```
/// use labbook_nn::{Dense, Sequential, WeightLayout};
///
/// # fn main() -> labbook_nn::Result<()> {
/// # let folder = std::env::temp_dir().join(format!("labbook-import-{}", std::process::id()));
/// let mut small = Sequential::new();
/// small.add(Dense::new(3).name("hidden").input_shape(4));
/// let path = small.export_weights(folder.join("small"), WeightLayout::Keras)?;
///
/// let mut large = Sequential::new();
/// large.add(Dense::new(3).name("hidden").input_shape(4));
/// large.add(Dense::new(2).name("out"));
/// let imported = large.import_matching_weights(path, WeightLayout::Keras)?;
/// assert_eq!(imported.taken, ["hidden/kernel:0", "hidden/bias:0"]);
/// assert_eq!(imported.missing, ["out/kernel", "out/bias"]);
/// assert!(imported.left_over.is_empty());
/// # std::fs::remove_dir_all(folder).ok();
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use = "it tells which weights were missing"]
pub struct ImportedWeights {
    /// The weights of the model that were overwritten, by their names here.
    pub taken: Vec<String>,
    /// What the file should have had, by its names there.
    pub missing: Vec<String>,
    /// Tensors of the file that no weight of the model is called.
    pub left_over: Vec<String>,
}

impl ImportedWeights {
    /// Whether every weight was taken and nothing was left over.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.left_over.is_empty()
    }

    /// What was missing and left over, in words.
    pub(crate) fn gaps(&self) -> String {
        let told = |names: &[String], word: &str| match names {
            [] => format!("none {word}"),
            _ => {
                let some = some_of(names.iter().map(String::as_str));
                format!("{} {word} ({some})", names.len())
            }
        };
        let (missing, left) = (
            told(&self.missing, "missing"),
            told(&self.left_over, "left over"),
        );
        format!("{missing} and {left}")
    }
}

/// The first few names.
pub(super) fn some_of<'a>(names: impl Iterator<Item = &'a str>) -> String {
    const SHOWN: usize = 4;
    let names: Vec<&str> = names.collect();
    let shown = names.iter().take(SHOWN).map(|name| shortened(name));
    let shown: Vec<String> = shown.collect();
    match names.len() > SHOWN {
        true => format!("{}, ...", shown.join(", ")),
        false => shown.join(", "),
    }
}

/// A file may call its tensors anything.
fn shortened(name: &str) -> String {
    let text: String = name.escape_debug().take(80).collect();
    text
}

impl fmt::Display for ImportedWeights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} weights taken, {}", self.taken.len(), self.gaps())
    }
}
