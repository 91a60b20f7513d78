//! BLEU and ROUGE held to the Python packages: `fixtures/scores.py` tells how the file was made.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use labbook_text::{Bleu, BleuScore, Result, RougeScore, rouge_l, rouge_l_sum, rouge_n};
use serde::Deserialize;

#[derive(Deserialize)]
struct Fixture {
    cases: Vec<Case>,
    corpora: Vec<Corpus>,
}

#[derive(Deserialize)]
struct Case {
    text: String,
    reference: String,
    bleu: Vec<f64>,
    lowercase: Vec<f64>,
    words: Vec<f64>,
    rouge: Vec<[f64; 3]>,
}

#[derive(Deserialize)]
struct Corpus {
    texts: Vec<String>,
    references: Vec<Vec<String>>,
    first: Vec<f64>,
    all: Vec<f64>,
    nltk: f64,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("fixtures/scores.json")).unwrap()
}

fn close(name: &str, computed: &[f64], expected: &[f64]) {
    assert_eq!(computed.len(), expected.len(), "{name}");
    for (computed, expected) in computed.iter().zip(expected) {
        let error = (computed - expected).abs();
        assert!(error < 1e-9, "{name}: {computed}, expected {expected}");
    }
}

fn told(score: BleuScore) -> Vec<f64> {
    let mut told = vec![score.score];
    told.extend(score.precisions);
    told.extend([
        score.brevity_penalty,
        score.length as f64,
        score.reference_length as f64,
    ]);
    told
}

#[test]
fn bleu_is_that_of_sacrebleu_and_of_nltk() -> Result<()> {
    let fixture = fixture();
    assert_eq!((fixture.cases.len(), fixture.corpora.len()), (40, 7));
    for case in &fixture.cases {
        let (texts, references) = ([&case.text], [&case.reference]);
        let bleu = Bleu::new();
        close(
            &case.text,
            &told(bleu.score(&texts, &references)?),
            &case.bleu,
        );
        let lower = bleu.lowercase(true).score(&texts, &references)?;
        close(&case.text, &told(lower), &case.lowercase);
        let words = bleu
            .tokenize(false)
            .smooth(false)
            .score(&texts, &references)?;
        close(&case.text, &told(words), &case.words);
    }
    for corpus in &fixture.corpora {
        let firsts: Vec<&String> = corpus.references.iter().map(|all| &all[0]).collect();
        let name = &corpus.texts[0];
        let bleu = Bleu::new();
        close(
            name,
            &told(bleu.score(&corpus.texts, &firsts)?),
            &corpus.first,
        );
        let all = bleu.score_of_several::<_, String, _>(&corpus.texts, &corpus.references)?;
        close(name, &told(all), &corpus.all);
        let words = bleu.tokenize(false).smooth(false);
        // NLTK counts a run for each text that is too short to have one.
        let pairs = corpus.texts.iter().zip(&corpus.references);
        let long = pairs.filter(|(text, _)| text.split_whitespace().count() >= 4);
        let (texts, references): (Vec<_>, Vec<_>) = long.unzip();
        let words = words.score_of_several::<_, String, _>(&texts, &references)?;
        close(name, &[words.score], &[corpus.nltk]);
    }
    Ok(())
}

#[test]
fn rouge_is_that_of_rouge_score() {
    for case in fixture().cases {
        let (reference, text) = (&case.reference, &case.text);
        let scores = [
            rouge_n(reference, text, 1),
            rouge_n(reference, text, 2),
            rouge_n(reference, text, 3),
            rouge_l(reference, text),
            rouge_l_sum(reference, text),
        ];
        for (score, expected) in scores.iter().zip(&case.rouge) {
            let told = [score.precision, score.recall, score.fmeasure];
            close(text, &told, expected);
        }
    }
}

#[test]
fn what_cannot_be_compared_is_told() {
    let bleu = Bleu::new();
    let error = bleu.score(&["a", "b"], &["a"]).unwrap_err().to_string();
    assert!(error.contains("one for each of 2 texts"), "{error}");
    assert!(bleu.score::<&str, &str>(&[], &[]).is_err());
    let none: [Vec<&str>; 1] = [Vec::new()];
    assert!(bleu.score_of_several::<_, &str, _>(&["a"], &none).is_err());
    assert_eq!(rouge_n("a b", "a b", 0), RougeScore::default());
    assert_eq!(rouge_l("", ""), RougeScore::default());
    assert_eq!(rouge_l_sum("\n", ""), RougeScore::default());
}

#[test]
fn a_text_of_a_million_words_is_scored() -> Result<()> {
    let long = "gold rises ".repeat(500_000);
    let scores = [
        rouge_n("gold rises", &long, 2),
        rouge_l("gold rises", &long),
        rouge_l_sum("gold rises", &long),
    ];
    for score in scores {
        assert_eq!(score.recall, 1.0, "{score:?}");
        assert!(score.precision < 1e-5, "{score:?}");
    }
    assert!(Bleu::new().score(&[&long], &["gold rises"])?.score < 1.0);
    Ok(())
}
