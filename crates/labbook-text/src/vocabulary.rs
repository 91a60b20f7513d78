use std::collections::{HashMap, HashSet};

use crate::{Result, TextError};

/// What unknown words are.
pub(crate) const UNKNOWN: &str = "[UNK]";
/// What fills sequences up.
pub(crate) const PADDING: &str = "";

/// Words and their places.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Vocabulary {
    pub(crate) words: Vec<String>,
    places: HashMap<String, i64>,
    /// A weight for each place, where they were asked for.
    pub(crate) weights: Vec<f32>,
    /// Where unknown words are.
    unknown: i64,
}

impl Vocabulary {
    /// Words after those that stand for padding, if there is such a place, and for unknown ones.
    pub(crate) fn new(words: Vec<String>, padding: bool) -> Result<Self> {
        let special: &[&str] = match padding {
            true => &[PADDING, UNKNOWN],
            false => &[UNKNOWN],
        };
        let known = words.len() >= special.len()
            && words
                .iter()
                .zip(special)
                .all(|(word, special)| word == special);
        let mut all: Vec<String> = match known {
            true => Vec::new(),
            false => special.iter().map(|&word| word.to_owned()).collect(),
        };
        all.extend(words);
        let mut places = HashMap::new();
        for (place, word) in (0..).zip(&all) {
            if places.insert(word.clone(), place).is_some() {
                return Err(TextError::argument(
                    "vocabulary",
                    "each word once",
                    format!("{word:?} twice"),
                    "leave out the second; \"\" and \"[UNK]\" have places of their own",
                ));
            }
        }
        if all.len() == special.len() {
            return Err(TextError::argument(
                "vocabulary",
                "at least one word",
                "none",
                "are all texts empty, or is max_tokens too small?",
            ));
        }
        Ok(Self {
            unknown: special.len() as i64 - 1,
            words: all,
            places,
            weights: Vec::new(),
        })
    }

    /// The words of some texts, the most frequent first, and of equally frequent ones the last in
    /// the order of their bytes; at most so many, with the special ones.
    pub(crate) fn learn(
        texts: impl Iterator<Item = Vec<String>>,
        (padding, max_tokens): (bool, Option<usize>),
        weighted: bool,
    ) -> Result<Self> {
        let mut counts: HashMap<String, (u64, u64)> = HashMap::new();
        let mut documents = 0_u64;
        for words in texts {
            documents += 1;
            let mut seen = HashSet::new();
            for word in words {
                let first = seen.insert(word.clone());
                let count = counts.entry(word).or_default();
                count.0 += 1;
                count.1 += u64::from(first);
            }
        }
        counts.remove(UNKNOWN);
        if padding {
            counts.remove(PADDING);
        }
        let mut order: Vec<(u64, String, u64)> = counts
            .into_iter()
            .map(|(word, (count, documents))| (count, word, documents))
            .collect();
        order.sort_unstable_by(|a, b| b.cmp(a));
        let special = 1 + usize::from(padding);
        order.truncate(max_tokens.map_or(usize::MAX, |most| most.saturating_sub(special)));
        let weights = order.iter().map(|(_, _, with_word)| {
            (1.0 + documents as f64 / (1.0 + *with_word as f64)).ln() as f32
        });
        let weights: Vec<f32> = weights.collect();
        let words = order.into_iter().map(|(_, word, _)| word).collect();
        let mut vocabulary = Self::new(words, padding)?;
        if weighted {
            vocabulary.weigh(weights)?;
        }
        Ok(vocabulary)
    }

    /// Sets the weights of the words; unknown ones weigh the mean of all.
    pub(crate) fn weigh(&mut self, weights: Vec<f32>) -> Result<()> {
        let special = self.unknown as usize + 1;
        let all = match self.words.len() - special == weights.len() {
            true => {
                let sum: f64 = weights.iter().map(|&weight| f64::from(weight)).sum();
                let mean = (sum / weights.len() as f64) as f32;
                let front = std::iter::repeat_n(mean, special);
                front.chain(weights).collect()
            }
            false => weights,
        };
        if all.len() != self.words.len() || all.iter().any(|weight| !weight.is_finite()) {
            return Err(TextError::argument(
                "idf_weights",
                format!("a finite weight for each of {} words", self.words.len()),
                format!("{} weights", all.len()),
                "leave out those of padding and unknown words, or give those of all",
            ));
        }
        self.weights = all;
        Ok(())
    }

    /// The place of a word, or that of unknown ones.
    pub(crate) fn place(&self, word: &str) -> i64 {
        self.places.get(word).copied().unwrap_or(self.unknown)
    }

    pub(crate) fn len(&self) -> usize {
        self.words.len()
    }
}
