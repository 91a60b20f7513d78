use labbook_data::{DataError, Provenance, TextSet, TextSets};

use crate::random::Random;

/// The words of one topic: who does what to what, and where or why.
pub(super) struct Topic {
    pub(super) name: &'static str,
    /// How many texts there are of it, beside the other topics' shares.
    pub(super) share: f64,
    pub(super) subjects: &'static [&'static str],
    pub(super) verbs: &'static [&'static str],
    pub(super) objects: &'static [&'static str],
    pub(super) ends: &'static [&'static str],
}

/// What is said in texts of every topic.
const COMMON: [&str; 8] = [
    "Nobody knows what comes next.",
    "More will be known by the end of the week.",
    "It was the second time this year.",
    "Many had expected something else.",
    "That came as no surprise.",
    "The rest can be read elsewhere.",
    "Some see it in another way.",
    "It is not clear yet what this means.",
];

/// Of ten sentences, about seven are of the text's topic, two of none and one of another.
const SHARES: [f64; 3] = [0.7, 0.2, 0.1];

/// Training and test texts of two to five sentences.
pub(super) fn generated(
    topics: &[Topic],
    title: &str,
    (train, test): (usize, usize),
    seed: u64,
) -> Result<TextSets, DataError> {
    let part = |count, number: u64| {
        let mut random = Random::new(seed.wrapping_mul(2).wrapping_add(number));
        let shares: Vec<f64> = topics.iter().map(|topic| topic.share).collect();
        let mut labels: Vec<usize> = Vec::with_capacity(count);
        // The first ones make sure that no topic is missing.
        labels.extend((0..topics.len()).take(count));
        while labels.len() < count {
            labels.push(random.by_share(&shares));
        }
        random.shuffle(&mut labels);
        let texts: Vec<String> = labels
            .iter()
            .map(|&label| text(topics, label, &mut random))
            .collect();
        let names: Vec<&str> = topics.iter().map(|topic| topic.name).collect();
        TextSet::new(
            texts,
            labels.iter().map(|&label| label as i64).collect(),
            &names,
        )
    };
    let provenance = format!("generated stand-in (not {title}), seed {seed}");
    Ok(TextSets::new(
        part(train, 0)?,
        part(test, 1)?,
        Provenance::drawn(provenance),
    ))
}

fn text(topics: &[Topic], label: usize, random: &mut Random) -> String {
    let count = 2 + random.below(4);
    let mut sentences = Vec::with_capacity(count);
    for number in 0..count {
        let kind = match number {
            // A text is about something.
            0 => 0,
            _ => random.by_share(&SHARES),
        };
        sentences.push(match kind {
            0 => sentence(&topics[label], random),
            1 => (*random.pick(&COMMON)).to_owned(),
            _ => sentence(random.pick(topics), random),
        });
    }
    sentences.join(" ")
}

fn sentence(topic: &Topic, random: &mut Random) -> String {
    let subject = random.pick(topic.subjects);
    let mut letters = subject.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string());
    let words = [
        first.unwrap_or_default() + letters.as_str(),
        (*random.pick(topic.verbs)).to_owned(),
        (*random.pick(topic.objects)).to_owned(),
        (*random.pick(topic.ends)).to_owned(),
    ];
    let words: Vec<&str> = words
        .iter()
        .map(String::as_str)
        .filter(|word| !word.is_empty())
        .collect();
    format!("{}.", words.join(" "))
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::HashMap;

    use super::*;

    /// The share of test texts that a naive Bayes classifier over single words gets right.
    pub(in crate::datasets) fn by_words(data: &TextSets) -> f64 {
        let classes = data.class_names.len();
        let words = |text: &str| -> Vec<String> {
            text.split(|c: char| !c.is_alphanumeric())
                .map(str::to_lowercase)
                .collect()
        };
        let mut counts: HashMap<String, Vec<f64>> = HashMap::new();
        let mut totals = vec![0.0; classes];
        for (text, &label) in data.train.texts.iter().zip(&data.train.labels) {
            for word in words(text) {
                counts.entry(word).or_insert_with(|| vec![0.5; classes])[label as usize] += 1.0;
                totals[label as usize] += 1.0;
            }
        }
        let prior = data.train.counts();
        let right = data
            .test
            .texts
            .iter()
            .zip(&data.test.labels)
            .filter(|(text, label)| {
                let words = words(text);
                let score = |class: usize| {
                    let known = words.iter().filter_map(|word| counts.get(word));
                    let likely: f64 = known.map(|of| (of[class] / totals[class]).ln()).sum();
                    likely + f64::from(prior[class]).ln()
                };
                let best = (0..classes).max_by(|&a, &b| score(a).total_cmp(&score(b)));
                best == Some(**label as usize)
            });
        right.count() as f64 / data.test.len() as f64
    }
}
