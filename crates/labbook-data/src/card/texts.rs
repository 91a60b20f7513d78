use std::collections::HashSet;

use super::data_card::{CardTable, DataCard, HasCard};
use super::repeats;
use crate::{DataError, TextSet, TextSets};

impl HasCard for TextSet {
    fn card(&self) -> Result<DataCard, DataError> {
        let mut card = DataCard::default();
        add_lengths(&mut card, "texts", self);
        card.add_classes(&self.class_names, &[("texts", self.counts())]);
        repeats::add(&mut card, "texts", &self.texts, None::<&[String]>);
        add_examples(&mut card, self);
        Ok(card)
    }
}

impl HasCard for TextSets {
    fn card(&self) -> Result<DataCard, DataError> {
        let mut card = DataCard::default();
        card.fact("source", &self.provenance);
        for (part, set) in [("train", &self.train), ("test", &self.test)] {
            add_lengths(&mut card, part, set);
        }
        let counts = [("train", self.train.counts()), ("test", self.test.counts())];
        card.add_classes(&self.class_names, &counts);
        repeats::add(
            &mut card,
            "texts",
            &self.train.texts,
            Some(&self.test.texts),
        );
        add_examples(&mut card, &self.train);
        Ok(card)
    }
}

fn add_lengths(card: &mut DataCard, part: &str, set: &TextSet) {
    card.fact(part, set.len());
    let mut words = HashSet::new();
    let mut lengths = Vec::with_capacity(set.len());
    for text in &set.texts {
        let mut length = 0_usize;
        for word in text.split_whitespace() {
            words.insert(word);
            length += 1;
        }
        lengths.push(length);
    }
    lengths.sort_unstable();
    if let (Some(least), Some(most)) = (lengths.first(), lengths.last()) {
        let middle = lengths[lengths.len() / 2];
        let text = format!("{least} to {most}, half of them up to {middle}");
        card.fact(&format!("words of {part}"), text);
        card.fact(&format!("different words of {part}"), words.len());
    }
    let empty = lengths.iter().take_while(|&&length| length == 0).count();
    if empty > 0 {
        card.warnings
            .push(format!("{empty} of {part} without a word"));
    }
}

/// The beginning of the first text of each class.
fn add_examples(card: &mut DataCard, set: &TextSet) {
    const SHOWN: usize = 72;
    let examples = set
        .class_names
        .iter()
        .enumerate()
        .filter_map(|(class, name)| {
            let place = set.labels.iter().position(|&label| label == class as i64)?;
            let words: Vec<&str> = set.texts.get(place)?.split_whitespace().collect();
            let text = words.join(" ");
            let begin: String = text.chars().take(SHOWN).collect();
            let dots = if begin.len() < text.len() { ".." } else { "" };
            Some(vec![name.clone(), format!("{begin}{dots}")])
        });
    card.tables.push(CardTable {
        title: "examples".to_owned(),
        header: vec!["class".to_owned(), "begins".to_owned()],
        rows: examples.collect(),
    });
}

#[cfg(test)]
mod tests {
    use super::super::data_card;
    use super::*;
    use crate::Provenance;

    #[test]
    fn lengths_repeats_and_examples_are_told() {
        let set = |texts: Vec<&str>| {
            let labels = (0..texts.len() as i64).map(|n| n % 2).collect();
            TextSet::new(texts, labels, &["a", "b"]).unwrap()
        };
        let train = set(vec!["one two", "three", "one two", ""]);
        let sets = TextSets::new(train, set(vec!["three", "four"]), Provenance::drawn("test"));
        let card = data_card(&sets).unwrap();
        let text = card.to_string();
        for told in [
            "words of train: 0 to 2, half of them up to 2",
            "different words of train: 3",
            "repeated train texts: 1",
            "Note: 1 of the 2 test texts (50.0 %) are among the train texts as well.",
            "Note: 1 of train without a word.",
        ] {
            assert!(text.contains(told), "{told}\n{text}");
        }
        assert_eq!(card.tables[1].rows[0], ["a", "one two"]);
        let long = "word ".repeat(100);
        let card = data_card(&set(vec![&long])).unwrap();
        assert!(card.tables[1].rows[0][1].ends_with(".."));
    }
}
