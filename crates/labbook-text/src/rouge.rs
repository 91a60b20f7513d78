use std::collections::{BTreeSet, HashMap};

/// How much of a reference a text has, as the Python package `rouge-score` computes it without
/// stemming.
///
/// Texts are small letters from a to z and digits; all else separates words.
///
/// ```
/// use labbook_text::rouge_n;
///
/// let score = rouge_n("the cat sat on the mat", "a cat on the mat", 1);
/// assert_eq!((score.precision, score.recall), (0.8, 4.0 / 6.0));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RougeScore {
    /// The share of the text that is in the reference.
    pub precision: f64,
    /// The share of the reference that is in the text.
    pub recall: f64,
    /// Their harmonic mean.
    pub fmeasure: f64,
}

impl RougeScore {
    fn of(shared: usize, in_reference: usize, in_text: usize) -> Self {
        let share = |all: usize| shared as f64 / all.max(1) as f64;
        let (precision, recall) = (share(in_text), share(in_reference));
        let sum = precision + recall;
        Self {
            precision,
            recall,
            fmeasure: match sum > 0.0 {
                true => 2.0 * precision * recall / sum,
                false => 0.0,
            },
        }
    }
}

/// ROUGE-N (Lin 2004): the runs of `n` words that a text shares with a reference.
///
/// ```
/// use labbook_text::rouge_n;
///
/// assert_eq!(rouge_n("a b c", "a b d", 2).fmeasure, 0.5);
/// ```
#[must_use]
pub fn rouge_n(reference: &str, text: &str, n: usize) -> RougeScore {
    let (reference, text) = (words(reference), words(text));
    if n == 0 {
        return RougeScore::default();
    }
    let mut left: HashMap<&[String], usize> = HashMap::new();
    for run in reference.windows(n) {
        *left.entry(run).or_default() += 1;
    }
    let shared = text.windows(n).filter(|run| take(&mut left, run)).count();
    let runs = |words: &[String]| (words.len() + 1).saturating_sub(n);
    RougeScore::of(shared, runs(&reference), runs(&text))
}

/// ROUGE-L (Lin 2004): the longest sequence of words, others in between or not, that both have.
///
/// ```
/// use labbook_text::rouge_l;
///
/// let score = rouge_l("the cat sat on the mat", "the dog sat on a mat");
/// assert_eq!(score.recall, 4.0 / 6.0);
/// ```
#[must_use]
pub fn rouge_l(reference: &str, text: &str) -> RougeScore {
    let (reference, text) = (words(reference), words(text));
    // Of the table of all beginnings only the row before is needed: texts may be long.
    let mut row = vec![0; text.len() + 1];
    for word in &reference {
        let mut before = 0;
        for (j, other) in text.iter().enumerate() {
            let above = row[j + 1];
            row[j + 1] = match word == other {
                true => before + 1,
                false => above.max(row[j]),
            };
            before = above;
        }
    }
    let shared = row.last().copied().unwrap_or_default();
    RougeScore::of(shared, reference.len(), text.len())
}

/// ROUGE-Lsum: for each line of a reference the words that it has in common with any line of the text.
/// Takes a byte for each pair of words of two lines.
///
/// ```
/// use labbook_text::rouge_l_sum;
///
/// let score = rouge_l_sum("rates rise\ngold falls", "gold falls\nrates fall");
/// assert_eq!(score.recall, 0.75);
/// ```
#[must_use]
pub fn rouge_l_sum(reference: &str, text: &str) -> RougeScore {
    let lines = |text: &str| -> Vec<Vec<String>> {
        let lines = text.split('\n').filter(|line| !line.is_empty());
        lines.map(words).collect()
    };
    let (reference, text) = (lines(reference), lines(text));
    let (mut in_reference, mut in_text) = (counted(&reference), counted(&text));
    let mut shared = 0;
    for line in &reference {
        let mut places = BTreeSet::new();
        for other in &text {
            places.extend(common_places(line, other));
        }
        for place in places {
            let word = &line[place..=place];
            let there = in_reference.get(word).is_some_and(|&left| left > 0);
            if there && take(&mut in_text, word) {
                shared += usize::from(take(&mut in_reference, word));
            }
        }
    }
    let words = |lines: &[Vec<String>]| lines.iter().map(Vec::len).sum();
    RougeScore::of(shared, words(&reference), words(&text))
}

/// How often each word is there.
fn counted(lines: &[Vec<String>]) -> HashMap<&[String], usize> {
    let mut counts: HashMap<&[String], usize> = HashMap::new();
    for word in lines.iter().flat_map(|line| line.windows(1)) {
        *counts.entry(word).or_default() += 1;
    }
    counts
}

/// Takes one of these words away, if one is left.
fn take(left: &mut HashMap<&[String], usize>, words: &[String]) -> bool {
    match left.get_mut(words) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    }
}

/// Where the words of the longest common sequence stand in the first text.
fn common_places(a: &[String], b: &[String]) -> Vec<usize> {
    // Of the table of all beginnings the row before is needed, and which way leads back from each.
    let mut row = vec![0; b.len() + 1];
    let mut leads_left = vec![false; a.len().saturating_mul(b.len())];
    for (i, of_a) in a.iter().enumerate() {
        let mut before = 0;
        for (j, of_b) in b.iter().enumerate() {
            let above = row[j + 1];
            leads_left[i * b.len() + j] = row[j] > above;
            row[j + 1] = match of_a == of_b {
                true => before + 1,
                false => above.max(row[j]),
            };
            before = above;
        }
    }
    let (mut i, mut j) = (a.len(), b.len());
    let mut places = Vec::new();
    while i > 0 && j > 0 {
        if a[i - 1] == b[j - 1] {
            places.push(i - 1);
            (i, j) = (i - 1, j - 1);
        } else if leads_left[(i - 1) * b.len() + j - 1] {
            j -= 1;
        } else {
            i -= 1;
        }
    }
    places
}

fn words(text: &str) -> Vec<String> {
    let text = text.to_lowercase();
    let words = text.split(|c: char| !(c.is_ascii_lowercase() || c.is_ascii_digit()));
    words
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}
