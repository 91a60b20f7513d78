/// The figures of one epoch or evaluation, in TensorFlow's order: loss, accuracy, val_loss, ...
///
/// ```
/// use labbook_nn::Logs;
///
/// let logs = Logs::new(vec![("loss".to_owned(), 0.5)]);
/// assert_eq!(logs.get("loss"), Some(0.5));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Logs {
    entries: Vec<(String, f64)>,
}

impl Logs {
    /// Logs from names and values.
    #[must_use]
    pub fn new(entries: Vec<(String, f64)>) -> Self {
        Self { entries }
    }

    /// One figure by its name.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<f64> {
        self.entries
            .iter()
            .find(|(name, _)| name == key)
            .map(|&(_, value)| value)
    }

    /// All names and figures.
    #[must_use]
    pub fn entries(&self) -> &[(String, f64)] {
        &self.entries
    }

    /// Adds a figure, or replaces the one of this name.
    pub(crate) fn set(&mut self, key: &str, value: f64) {
        match self.entries.iter_mut().find(|(name, _)| name == key) {
            Some((_, old)) => *old = value,
            None => self.entries.push((key.to_owned(), value)),
        }
    }

    /// Adds the figures of the validation set, their names beginning with `val_`.
    pub(crate) fn extend_validation(&mut self, validation: &Self) {
        self.entries.extend(
            validation
                .entries
                .iter()
                .map(|(name, value)| (format!("val_{name}"), *value)),
        );
    }
}
