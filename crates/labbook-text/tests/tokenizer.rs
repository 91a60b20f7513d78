//! Pieces of words held to what Hugging Face's tokenizers learns: `fixtures/pieces.py` tells how the file
//! was made.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use std::fs;
use std::path::Path;
use std::process::Command;

use labbook_text::{Result, TextError, Tokenizer};
use serde::Deserialize;
use serde_json::{Value, json};
use tch::{Device, Kind, Tensor};

#[derive(Deserialize)]
struct Fixture {
    train: Vec<String>,
    others: Vec<String>,
    learned: Vec<Learned>,
    loaded: Told,
}

#[derive(Deserialize)]
struct Learned {
    kind: String,
    vocab_size: usize,
    min_frequency: u64,
    #[serde(flatten)]
    told: Told,
}

#[derive(Deserialize)]
struct Told {
    file: String,
    ids: Vec<Vec<i64>>,
    decoded: Vec<String>,
}

fn fixture() -> Fixture {
    serde_json::from_str(include_str!("fixtures/pieces.json")).unwrap()
}

/// The text of a file of the package's.
fn file(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/tokenizers");
    fs::read_to_string(folder.join(name)).unwrap()
}

fn as_json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn check(tokenizer: &Tokenizer, told: &Told, texts: &[String]) -> Result<()> {
    for ((text, ids), decoded) in texts.iter().zip(&told.ids).zip(&told.decoded) {
        assert_eq!(&tokenizer.encode(text)?, ids, "{text:?}");
        assert_eq!(&tokenizer.decode(ids)?, decoded, "{text:?}");
        assert_eq!(tokenizer.tokenize(text)?.len(), ids.len());
    }
    let length = 30;
    let batch = tokenizer.encode_batch(texts, length)?;
    assert_eq!(batch.size(), [texts.len() as i64, length as i64]);
    for (index, ids) in told.ids.iter().enumerate() {
        let row = Vec::<i64>::try_from(batch.get(index as i64)).unwrap();
        let kept = ids.len().min(length);
        assert_eq!(row[..kept], ids[..kept]);
        assert!(row[kept..].iter().all(|id| *id == tokenizer.padding()));
        if ids.len() <= length {
            assert_eq!(tokenizer.decode(&row)?, told.decoded[index]);
        }
    }
    Ok(())
}

#[test]
fn pieces_and_files_are_those_that_pythons_tokenizers_makes() -> Result<()> {
    let fixture = fixture();
    assert_eq!(fixture.learned.len(), 4);
    for case in &fixture.learned {
        let learning = match case.kind.as_str() {
            "bpe" => Tokenizer::bpe(case.vocab_size),
            _ => Tokenizer::word_piece(case.vocab_size),
        };
        let learning = learning.min_frequency(case.min_frequency);
        let tokenizer = learning.train(&fixture.train)?;
        let name = format!("{} {}", case.kind, case.vocab_size);
        let (ours, theirs) = (
            as_json(&tokenizer.to_json()?),
            as_json(&file(&case.told.file)),
        );
        assert_eq!(ours, theirs, "{name}");
        check(&tokenizer, &case.told, &fixture.others)?;
        assert_eq!(
            learning.train(&fixture.train)?.to_json()?,
            tokenizer.to_json()?
        );
    }
    Ok(())
}

#[test]
fn the_file_of_a_published_model_is_read_and_a_saved_one_says_the_same() -> Result<()> {
    let fixture = fixture();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokenizer.json");
    fs::write(&path, file(&fixture.loaded.file)).unwrap();
    let tokenizer = Tokenizer::load(&path)?;
    check(&tokenizer, &fixture.loaded, &fixture.others)?;
    assert_eq!(tokenizer.vocabulary_size(), 122);
    assert_eq!(Some(tokenizer.padding()), tokenizer.token_to_id("[SEP]"));
    let pieces = tokenizer.tokenize("wolf")?.concat().replace("##", "");
    assert_eq!(pieces, "[CLS]wolf[SEP]");

    let again = folder.path().join("again.json");
    tokenizer.save(&again)?;
    let mut expected = as_json(&file(&fixture.loaded.file));
    expected["truncation"] = Value::Null;
    expected["padding"] = Value::Null;
    assert_eq!(as_json(&fs::read_to_string(&again).unwrap()), expected);
    assert_eq!(
        Tokenizer::load(&again)?.encode("wolf")?,
        tokenizer.encode("wolf")?
    );
    Ok(())
}

#[test]
fn any_text_becomes_bytes_and_comes_back() -> Result<()> {
    let tokenizer = Tokenizer::bpe(300).train(&fixture().train)?;
    let many = "go ".repeat(1_000_000);
    for text in [
        "",
        "\0\u{1}",
        "  two  spaces ",
        "नमस्ते",
        "\u{feff}\u{202e}x",
        many.as_str(),
    ] {
        let ids = tokenizer.encode(text)?;
        assert_eq!(tokenizer.decode(&ids)?, text);
    }
    // Bytes that are no UTF-8, as a model may write them, are told as such.
    let half = tokenizer.encode("ü")?[..1].to_vec();
    assert_eq!(tokenizer.decode(&half)?, "\u{fffd}");
    assert_eq!(tokenizer.encode_batch::<&str>(&[], 4)?.size(), [0, 4]);
    assert_eq!(
        tokenizer.decode_batch(&tokenizer.encode_batch(&["", "a"], 3)?)?,
        ["", "a"]
    );
    Ok(())
}

#[test]
fn letters_that_were_never_seen_are_unknown_words() -> Result<()> {
    let tokenizer = Tokenizer::word_piece(60).train(&fixture().train)?;
    assert_eq!(tokenizer.tokenize("wolf ж")?.last().unwrap(), "[UNK]");
    let long = "o".repeat(1_000_000);
    assert_eq!(tokenizer.tokenize(&long)?, ["[UNK]"]);
    let one = Tokenizer::word_piece(10).train(&["word"])?;
    assert_eq!(one.decode(&one.encode("word")?)?, "word");
    Ok(())
}

fn sentence<T>(result: Result<T>) -> String {
    result.err().unwrap().to_string()
}

#[test]
fn what_cannot_be_learned_or_decoded_is_a_sentence() -> Result<()> {
    assert!(sentence(Tokenizer::bpe(100).train(&["a"])).contains("at least 258"));
    assert!(sentence(Tokenizer::word_piece(2).train(&["a"])).contains("at least 3"));
    assert!(sentence(Tokenizer::word_piece(100).train(&["", " "])).contains("2 empty ones"));
    assert!(sentence(Tokenizer::word_piece(100).train::<&str>(&[])).contains("0 empty ones"));
    let tokenizer = Tokenizer::bpe(260).train(&["aa aa"])?;
    for wrong in [-1, tokenizer.vocabulary_size(), i64::MAX] {
        let told = sentence(tokenizer.decode(&[wrong]));
        assert!(told.contains(&format!("received {wrong}")), "{told}");
        assert!(tokenizer.id_to_token(wrong).is_none());
    }
    assert!(sentence(tokenizer.encode_batch(&["a"], 0)).contains("at least 1"));
    let floats = Tensor::zeros([1, 2], (Kind::Float, Device::Cpu));
    assert!(sentence(tokenizer.decode_batch(&floats)).contains("Float of shape [1, 2]"));
    let row = Tensor::from_slice(&[1_i64, 2]);
    assert!(sentence(tokenizer.decode_batch(&row)).contains("one row to decode"));
    Ok(())
}

#[test]
fn a_file_that_is_none_is_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    assert!(sentence(Tokenizer::load(folder.path())).contains("expected a file"));
    assert!(Tokenizer::load(at("nowhere.json")).is_err());
    let pipe = Command::new("mkfifo").arg(at("pipe")).status();
    if pipe.is_ok_and(|status| status.success()) {
        assert!(sentence(Tokenizer::load(at("pipe"))).contains("expected a file"));
    }
    fs::write(at("bytes"), [0xff, 0xfe, 0x00]).unwrap();
    assert!(matches!(
        Tokenizer::load(at("bytes")),
        Err(TextError::File { .. })
    ));

    let good = as_json(&file("bpe_300.json"));
    let changed = |path: &str, value: Value| {
        let mut file = good.clone();
        *file.pointer_mut(path).unwrap() = value;
        file.to_string()
    };
    let deep = "[".repeat(100_000);
    for text in [
        "",
        "{}",
        "{\"model\": 3}",
        deep.as_str(),
        &changed("/model/vocab", json!({"a": 1e300})),
        &changed("/model/vocab", json!({"a": -1})),
        &changed("/model/merges", json!([["never", "seen"]])),
        // Longer than what it is to be cut off.
        &changed(
            "/model/continuing_subword_prefix",
            json!("much longer than a piece"),
        ),
        &changed("/model/dropout", json!(7.0)),
        &changed("/version", json!("99")),
        &changed(
            "/pre_tokenizer",
            json!({"type": "Split", "pattern": {"Regex": "("}, "behavior": "Isolated", "invert": false}),
        ),
    ] {
        let told = sentence(Tokenizer::from_json(text));
        assert!(
            told.contains("as Hugging Face's tokenizers save it"),
            "{told}"
        );
        assert!(told.len() < 600, "{told}");
    }
    // What reads well and cannot work says so when it is used.
    let zero = changed(
        "/pre_tokenizer",
        json!({"type": "FixedLength", "length": 0}),
    );
    let tokenizer = Tokenizer::from_json(&zero).unwrap();
    assert!(sentence(tokenizer.encode("wolf")).contains("tokenizer: "));
    assert!(sentence(tokenizer.encode_batch(&["wolf"], 3)).contains("tokenizer: "));
    let none = changed(
        "/model",
        json!({"type": "WordPiece", "unk_token": "?", "continuing_subword_prefix": "", "max_input_chars_per_word": 3, "vocab": {}}),
    );
    assert!(sentence(Tokenizer::from_json(&none).unwrap().encode("wolf")).contains("tokenizer: "));
    let huge = changed("/model/vocab", json!({"a": u32::MAX}));
    let huge = huge.replace("\"merges\":[", "\"unused\":[");
    assert!(Tokenizer::from_json(&huge).is_err());
}
