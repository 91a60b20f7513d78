use std::collections::HashMap;

use crate::{Result, TextError};

/// Runs of up to so many words are compared.
const LONGEST_RUN: usize = 4;

/// How alike texts are to references by the runs of up to four words that they share (Papineni et al.
/// 2002), with the defaults and the values of sacreBLEU: split as `mteval-v13a` does, counted over
/// all texts together, smoothed exponentially where no run of a length is shared.
///
/// Without [`tokenize`](Self::tokenize) and [`smooth`](Self::smooth) it is NLTK's `corpus_bleu` times
/// 100 of words with spaces between them, for texts of at least four words.
///
/// ```
/// use labbook_text::Bleu;
///
/// let bleu = Bleu::new().score(&["the cat sat on the mat"], &["the cat sat on a mat"])?;
/// assert_eq!(format!("{:.1}", bleu.score), "53.7");
/// assert_eq!(format!("{:.1}", bleu.precisions[0]), "83.3");
/// # Ok::<(), labbook_text::TextError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bleu {
    lowercase: bool,
    tokenize: bool,
    smooth: bool,
}

/// What [`Bleu`] gives.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BleuScore {
    /// From 0 to 100: the geometric mean of the precisions times the penalty.
    pub score: f64,
    /// The share of runs of one to four words that stand in the references, in percent.
    pub precisions: [f64; LONGEST_RUN],
    /// At most 1, and less for texts that are shorter than the references.
    pub brevity_penalty: f64,
    /// How many words the texts have.
    pub length: usize,
    /// How many words the references have, of several the one of the closest length.
    pub reference_length: usize,
}

impl Bleu {
    /// sacreBLEU's defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            lowercase: false,
            tokenize: true,
            smooth: true,
        }
    }

    /// Says whether capitals count as small letters; the default is `false`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn lowercase(mut self, lowercase: bool) -> Self {
        self.lowercase = lowercase;
        self
    }

    /// Says whether punctuation is split off first; the default is `true`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn tokenize(mut self, tokenize: bool) -> Self {
        self.tokenize = tokenize;
        self
    }

    /// Says whether a length of which no run is shared counts a little; the default is `true`.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn smooth(mut self, smooth: bool) -> Self {
        self.smooth = smooth;
        self
    }

    /// The score of texts with one reference each.
    ///
    /// # Errors
    /// When there are not as many references as texts, or none.
    pub fn score<T: AsRef<str>, R: AsRef<str>>(
        self,
        texts: &[T],
        references: &[R],
    ) -> Result<BleuScore> {
        let references: Vec<[&str; 1]> = references.iter().map(|r| [r.as_ref()]).collect();
        self.score_of_several(texts, &references)
    }

    /// The score of texts that have several references each, such as `[vec!["a", "b"], vec!["c"]]`.
    ///
    /// # Errors
    /// When there are not as many lists of references as texts, or one is empty.
    pub fn score_of_several<T: AsRef<str>, R: AsRef<str>, L: AsRef<[R]>>(
        self,
        texts: &[T],
        references: &[L],
    ) -> Result<BleuScore> {
        if texts.is_empty() || texts.len() != references.len() {
            return Err(TextError::argument(
                "references",
                format!("one for each of {} texts, and at least one", texts.len()),
                references.len(),
                "give both in the same order",
            ));
        }
        let (mut shared, mut all) = ([0_u64; LONGEST_RUN], [0_u64; LONGEST_RUN]);
        let (mut length, mut reference_length) = (0, 0);
        for (text, references) in texts.iter().zip(references) {
            let words = self.words(text.as_ref());
            let references: Vec<Vec<String>> = references
                .as_ref()
                .iter()
                .map(|reference| self.words(reference.as_ref()))
                .collect();
            let lengths = references.iter().map(Vec::len);
            let closest = lengths.min_by_key(|&other| (other.abs_diff(words.len()), other));
            reference_length += closest.ok_or_else(|| {
                let advice = "leave out texts that have none";
                TextError::argument("references", "at least one for each text", 0, advice)
            })?;
            length += words.len();
            for run in 1..=LONGEST_RUN {
                let mut most: HashMap<&[String], u64> = HashMap::new();
                for reference in &references {
                    for (words, count) in counts(reference, run) {
                        let most = most.entry(words).or_default();
                        *most = count.max(*most);
                    }
                }
                for (words, count) in counts(&words, run) {
                    all[run - 1] += count;
                    shared[run - 1] += count.min(most.get(words).copied().unwrap_or_default());
                }
            }
        }
        Ok(self.of_counts(shared, all, length, reference_length))
    }

    fn of_counts(
        self,
        shared: [u64; LONGEST_RUN],
        all: [u64; LONGEST_RUN],
        length: usize,
        reference_length: usize,
    ) -> BleuScore {
        let mut halves = 1.0;
        let mut precisions = [0.0; LONGEST_RUN];
        for (precision, (shared, all)) in precisions.iter_mut().zip(shared.into_iter().zip(all)) {
            if all == 0 {
                break;
            }
            *precision = match shared {
                0 if self.smooth => {
                    halves *= 2.0;
                    100.0 / (halves * all as f64)
                }
                _ => 100.0 * shared as f64 / all as f64,
            };
        }
        let brevity_penalty = match (length, length < reference_length) {
            (0, true) => 0.0,
            (_, true) => (1.0 - reference_length as f64 / length as f64).exp(),
            (_, false) => 1.0,
        };
        let logarithms: f64 = precisions.iter().map(|precision| precision.ln()).sum();
        let none = shared.iter().all(|&shared| shared == 0);
        BleuScore {
            score: match none {
                true => 0.0,
                false => brevity_penalty * (logarithms / LONGEST_RUN as f64).exp(),
            },
            precisions: match none {
                true => [0.0; LONGEST_RUN],
                false => precisions,
            },
            brevity_penalty,
            length,
            reference_length,
        }
    }

    fn words(self, text: &str) -> Vec<String> {
        let text = match self.lowercase {
            true => text.to_lowercase(),
            false => text.to_owned(),
        };
        let text = match self.tokenize {
            true => split_13a(text.trim_end()),
            false => text,
        };
        text.split_whitespace().map(str::to_owned).collect()
    }
}

impl Default for Bleu {
    fn default() -> Self {
        Self::new()
    }
}

/// How often each run of so many words is there.
fn counts(words: &[String], run: usize) -> HashMap<&[String], u64> {
    let mut counts = HashMap::new();
    for words in words.windows(run) {
        *counts.entry(words).or_default() += 1;
    }
    counts
}

/// A text with spaces around punctuation, as the script `mteval-v13a` has it.
fn split_13a(text: &str) -> String {
    let text = text
        .replace("<skipped>", "")
        .replace("-\n", "")
        .replace('\n', " ")
        .replace("&quot;", "\"")
        .replace("&amp;", "&")
        .replace("&lt;", "<")
        .replace("&gt;", ">");
    let mut apart = String::from(" ");
    for c in text.chars() {
        match c {
            '{'..='~' | '['..='`' | ' '..='&' | '('..='+' | ':'..='@' | '/' => {
                apart.extend([' ', c, ' ']);
            }
            _ => apart.push(c),
        }
    }
    apart.push(' ');
    let point = |c: char| matches!(c, '.' | ',');
    let digit = |c: char| c.is_ascii_digit();
    let apart = pairs(
        &apart,
        |a, b| !digit(a) && point(b),
        |a, b| [a, ' ', b, ' '],
    );
    let apart = pairs(
        &apart,
        |a, b| point(a) && !digit(b),
        |a, b| [' ', a, ' ', b],
    );
    pairs(&apart, |a, b| digit(a) && b == '-', |a, b| [a, ' ', b, ' '])
}

/// Replaces pairs of characters, of overlapping ones the first.
fn pairs(
    text: &str,
    found: impl Fn(char, char) -> bool,
    put: impl Fn(char, char) -> [char; 4],
) -> String {
    let mut replaced = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(a) = rest.next() {
        match rest.peek().copied().filter(|&b| found(a, b)) {
            Some(b) => {
                replaced.extend(put(a, b));
                rest.next();
            }
            None => replaced.push(a),
        }
    }
    replaced
}
