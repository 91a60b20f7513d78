/// How per-class scores become one number (scikit-learn's `average`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Average {
    /// Counts are added over all classes first. With one label per sample, micro precision
    /// and micro recall both equal accuracy.
    Micro,
    /// Plain mean over the classes: each class weighs the same, whatever its size.
    Macro,
    /// Mean over the classes, each weighted by its number of true samples.
    Weighted,
}
