//! Texts and sequences held to what Keras makes of them: `fixtures/text.py` tells how the file was
//! made.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use labbook_text::{
    PadSequences, Result, Side, StringLookup, TextOutput, TextVectorization, TimeseriesWindows,
    pad_sequences,
};
use serde::Deserialize;
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

#[derive(Deserialize)]
struct Fixture {
    train: Vec<String>,
    call: Vec<String>,
    vectorized: Vec<Vectorized>,
    padded: Padded,
    windows: Vec<Windows>,
}

#[derive(Deserialize)]
struct Vectorized {
    options: Value,
    words: usize,
    vocabulary: Vec<String>,
    shape: Vec<i64>,
    numbers: Vec<f64>,
    sums: [f64; 2],
}

#[derive(Deserialize)]
struct Padded {
    sequences: Vec<Vec<i64>>,
    cases: Vec<PaddedCase>,
}

#[derive(Deserialize)]
struct PaddedCase {
    maxlen: Option<usize>,
    padding: String,
    truncating: String,
    shape: Vec<i64>,
    numbers: Vec<i64>,
}

#[derive(Deserialize)]
struct Windows {
    length: i64,
    stride: i64,
    rate: i64,
    targets: i64,
    shape: Vec<i64>,
    x: Vec<f32>,
    y: Vec<f32>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("fixtures/text.json")).unwrap()
}

fn numbers(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(Kind::Double).reshape([-1])).unwrap()
}

#[test]
fn texts_become_what_keras_makes_of_them() -> Result<()> {
    let fixture = fixture();
    assert_eq!(fixture.vectorized.len(), 96);
    for case in &fixture.vectorized {
        let name = case.options.to_string();
        let saved = json!({
            "text_vectorization": case.options, "vocabulary": null, "idf_weights": null
        });
        let mut vectorizer = TextVectorization::from_json(&saved.to_string())?;
        vectorizer.adapt(&fixture.train)?;
        let vocabulary = vectorizer.vocabulary();
        assert_eq!(vocabulary.len(), case.words, "{name}");
        assert_eq!(
            vocabulary[..case.vocabulary.len()],
            case.vocabulary,
            "{name}"
        );
        let y = vectorizer.call(&fixture.call)?;
        assert_eq!(y.size(), case.shape, "{name}");
        let computed = numbers(&y);
        let weighted = (0_u32..).zip(&computed);
        let weighted = weighted.map(|(i, v)| v * f64::from((7 * i) % 11)).sum();
        let sums = [computed.iter().sum::<f64>(), weighted];
        let pairs = computed
            .iter()
            .zip(&case.numbers)
            .chain(sums.iter().zip(&case.sums));
        for (computed, expected) in pairs {
            let error = (computed - expected).abs();
            assert!(
                error <= 1e-5 * expected.abs().max(1.0),
                "{name}: {computed}, {expected}"
            );
        }
        // JSON keeps all of it.
        let loaded = TextVectorization::from_json(&vectorizer.to_json()?)?;
        assert_eq!(loaded, vectorizer, "{name}");
        assert_eq!(loaded.call(&fixture.call)?, y, "{name}");
    }
    Ok(())
}

#[test]
fn sequences_are_padded_as_in_keras() -> Result<()> {
    let Padded { sequences, cases } = fixture().padded;
    assert_eq!(cases.len(), 16);
    let side = |told: &str| match told {
        "pre" => Side::Pre,
        _ => Side::Post,
    };
    for case in &cases {
        let mut options = PadSequences::new().value(-1).padding(side(&case.padding));
        options = options.truncating(side(&case.truncating));
        if let Some(maxlen) = case.maxlen {
            options = options.maxlen(maxlen);
        }
        let y = pad_sequences(&sequences, &options)?;
        assert_eq!(y.size(), case.shape);
        assert_eq!(
            Vec::<i64>::try_from(y.reshape([-1])).unwrap(),
            case.numbers,
            "{options:?}"
        );
    }
    let none: [Vec<i64>; 2] = [vec![], vec![]];
    let error = pad_sequences(&none, &PadSequences::new())
        .unwrap_err()
        .to_string();
    assert!(error.contains("2 sequences of length 0"), "{error}");
    Ok(())
}

#[test]
fn windows_are_those_of_keras() -> Result<()> {
    let cases = fixture().windows;
    assert_eq!(cases.len(), 6);
    let along = |count: i64| Tensor::arange(count, (Kind::Float, Device::Cpu));
    let series = along(40).reshape([20, 2]);
    for case in &cases {
        let windows = TimeseriesWindows::new(case.length)
            .sequence_stride(case.stride)
            .sampling_rate(case.rate);
        let (x, y) = windows.of(&series, &(along(case.targets) * 10.0))?;
        assert_eq!(x.size(), case.shape);
        assert_eq!(Vec::<f32>::try_from(x.reshape([-1])).unwrap(), case.x);
        assert_eq!(Vec::<f32>::try_from(y).unwrap(), case.y);
    }
    for wrong in [TimeseriesWindows::new(0), TimeseriesWindows::new(21)] {
        assert!(wrong.inputs(&series).is_err(), "{wrong:?}");
    }
    Ok(())
}

#[test]
fn bad_input_gives_a_defined_result_or_a_sentence() -> Result<()> {
    let told = |result: Result<()>| result.unwrap_err().to_string();
    let mut vectorizer = TextVectorization::new();
    let error = vectorizer.call(&["a"]).unwrap_err().to_string();
    assert!(error.contains("learn one with adapt"), "{error}");
    let error = told(vectorizer.adapt(&["", " ... "]));
    assert!(error.contains("at least one word"), "{error}");
    let error = told(vectorizer.adapt(&[] as &[&str]));
    assert!(error.contains("at least one word"), "{error}");
    vectorizer.adapt(&["one"])?;
    assert_eq!(vectorizer.vocabulary(), ["", "[UNK]", "one"]);
    assert_eq!(
        numbers(&vectorizer.call(&["", "two", "one"])?),
        [0.0, 1.0, 2.0]
    );
    assert_eq!(
        vectorizer.call(&[""])?.size(),
        [1, 1],
        "an empty text is one step of padding"
    );
    assert_eq!(vectorizer.call(&[] as &[&str])?.size(), [0, 1]);
    for (wrong, expected) in [
        (TextVectorization::new().max_tokens(2), "at least 3"),
        (
            TextVectorization::new().ngram_lengths([0]),
            "lengths of at least 1",
        ),
        (
            TextVectorization::new().output_sequence_length(0),
            "at least 1",
        ),
    ] {
        let error = told(wrong.clone().adapt(&["one"]));
        assert!(error.contains(expected), "{error}");
    }
    let error = told(vectorizer.set_vocabulary(["a", "b", "a"]));
    assert!(error.contains("\"a\" twice"), "{error}");
    let mut weighted = TextVectorization::new().output_mode(TextOutput::TfIdf);
    let error = told(weighted.set_vocabulary(["a", "b"]));
    assert!(error.contains("a weight for each word"), "{error}");
    for wrong in [
        "",
        "{}",
        "[1]",
        "{\"string_lookup\":[\"a\"],\"max_tokens\":null}",
    ] {
        assert!(TextVectorization::from_json(wrong).is_err(), "{wrong}");
    }
    assert!(
        TextVectorization::load(std::env::temp_dir()).is_err(),
        "a folder"
    );
    let bytes = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(bytes.path(), [b'{', 0xff, b'}']).unwrap();
    let error = TextVectorization::load(bytes.path()).unwrap_err();
    assert!(error.to_string().contains("UTF-8"), "{error}");
    Ok(())
}

#[test]
fn labels_and_their_places_go_both_ways() -> Result<()> {
    let mut lookup = StringLookup::new();
    lookup.adapt(&["b", "a", "b", "c"])?;
    assert_eq!(lookup.vocabulary(), ["[UNK]", "b", "c", "a"]);
    let loaded = StringLookup::from_json(&lookup.to_json()?)?;
    assert_eq!(loaded, lookup);
    let places = loaded.call(&["c", "", "a"])?;
    assert_eq!(numbers(&places), [2.0, 0.0, 3.0]);
    let strange = Tensor::from_slice(&[2_i64, -1, 9]);
    assert_eq!(loaded.words(&strange)?, ["c", "[UNK]", "[UNK]"]);
    Ok(())
}

#[test]
fn files_keep_a_vocabulary() -> Result<()> {
    let path = std::env::temp_dir().join(format!("labbook-words-{}.json", std::process::id()));
    let mut vectorizer = TextVectorization::new().ngrams(2);
    vectorizer.adapt(&["so far so good"])?;
    vectorizer.save(&path)?;
    let loaded = TextVectorization::load(&path);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(loaded?, vectorizer);
    Ok(())
}
