use tch::Tensor;

use crate::{Result, TextError};

/// An end of a sequence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Side {
    /// Before the first number.
    #[default]
    Pre,
    /// After the last number.
    Post,
}

/// The options of [`pad_sequences`]. As in Keras, sequences are filled up and cut at the front.
///
/// ```
/// use labbook_text::{PadSequences, Side, pad_sequences};
///
/// let options = PadSequences::new().maxlen(3).padding(Side::Post);
/// let x = pad_sequences(&[vec![1, 2], vec![3, 4, 5, 6]], &options)?;
/// assert_eq!(Vec::<i64>::try_from(x.view(6)).unwrap(), [1, 2, 0, 4, 5, 6]);
/// # Ok::<(), labbook_text::TextError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PadSequences {
    maxlen: Option<usize>,
    padding: Side,
    truncating: Side,
    value: i64,
}

impl PadSequences {
    /// Keras's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets how long all become; the default is as long as the longest.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn maxlen(mut self, maxlen: usize) -> Self {
        self.maxlen = Some(maxlen);
        self
    }

    /// Sets where short ones are filled up; the default is the front.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn padding(mut self, padding: Side) -> Self {
        self.padding = padding;
        self
    }

    /// Sets where long ones are cut; the default is the front.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn truncating(mut self, truncating: Side) -> Self {
        self.truncating = truncating;
        self
    }

    /// Sets what fills them up; the default is 0.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn value(mut self, value: i64) -> Self {
        self.value = value;
        self
    }
}

/// Sequences of one length, `i64` (N, length).
///
/// # Errors
/// When the length is 0, or the table does not fit in memory.
pub fn pad_sequences<S: AsRef<[i64]>>(sequences: &[S], options: &PadSequences) -> Result<Tensor> {
    let longest = sequences.iter().map(|sequence| sequence.as_ref().len());
    let length = options.maxlen.or_else(|| longest.max()).unwrap_or_default();
    let size = sequences.len().checked_mul(length);
    let Some(size) = size.filter(|&size| size <= 1 << 33 && length > 0) else {
        return Err(TextError::argument(
            "maxlen",
            "a length of at least 1, and a table that fits in memory",
            format!("{} sequences of length {length}", sequences.len()),
            "use for instance maxlen(100)",
        ));
    };
    let mut all = vec![options.value; size];
    for (row, sequence) in all.chunks_exact_mut(length).zip(sequences) {
        let sequence = sequence.as_ref();
        let cut = sequence.len().saturating_sub(length);
        let kept = match options.truncating {
            Side::Pre => &sequence[cut..],
            Side::Post => &sequence[..sequence.len() - cut],
        };
        let start = match options.padding {
            Side::Pre => length - kept.len(),
            Side::Post => 0,
        };
        row[start..start + kept.len()].copy_from_slice(kept);
    }
    let size = [sequences.len() as i64, length as i64];
    Ok(Tensor::f_from_slice(&all)?.f_reshape(size)?)
}
