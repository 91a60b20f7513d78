use super::model::Model;
use crate::{Error, Result};

impl Model {
    /// Keeps a text under a name with the model, in its file too: what a prediction needs besides the
    /// weights, such as a vocabulary, a tokenizer, a table's recipe or the names of classes. What was
    /// kept under this name is replaced.
    ///
    /// ```
    /// use labbook_nn::{Dense, Model, Sequential};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let mut model = Sequential::new();
    /// model.add(Dense::new(2).input_shape(3));
    /// model.set_asset("classes", "cat\ndog");
    /// # let folder = tempfile::tempdir()?;
    /// # let path = folder.path().join("pets");
    /// let path = model.save(path)?;
    /// let loaded = Model::load(path)?;
    /// assert_eq!(loaded.asset("classes")?.lines().nth(1), Some("dog"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_asset(&mut self, name: impl Into<String>, text: impl Into<String>) {
        self.assets.insert(name.into(), text.into());
    }

    /// The text that was kept under a name.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn asset(&self, name: &str) -> Result<&str> {
        let text = self.assets.get(name).map(String::as_str);
        text.ok_or_else(|| {
            let names: Vec<&str> = self.assets.keys().map(String::as_str).collect();
            Error::option(
                "asset",
                match names.is_empty() {
                    true => "a text that the model keeps, of which there is none".to_owned(),
                    false => format!("one that the model keeps: {}", names.join(", ")),
                },
                name,
                "model.set_asset(name, text) keeps one before the model is saved",
            )
        })
    }

    /// The names of the texts that are kept with the model, in the order of the alphabet.
    pub fn asset_names(&self) -> impl Iterator<Item = &str> {
        self.assets.keys().map(String::as_str)
    }
}
