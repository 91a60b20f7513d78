//! Networks of texts meet texts that nobody thought of.
#![allow(missing_docs, clippy::unwrap_used)]

use std::error::Error;

use labbook::prelude::*;
use labbook::tch::{Kind, Tensor};

const LENGTH: i64 = 6;

type Outcome = Result<(), Box<dyn Error>>;

fn vectorizer() -> Result<TextVectorization, Box<dyn Error>> {
    let mut vectorize = TextVectorization::new().output_sequence_length(LENGTH as usize);
    vectorize.adapt(&["gold falls", "oil rises again", ""])?;
    Ok(vectorize)
}

/// What may stand between an embedding with masks and the class.
fn networks(words: i64) -> Result<Vec<(&'static str, Model)>, Box<dyn Error>> {
    let text = Input::new(LENGTH);
    let x = Embedding::new(words, 8).mask_zero(true).call(&text);
    let mean = GlobalAveragePooling1D::new;
    let decoder = TransformerDecoder::new(8, 2).call(&x);
    let heads = MultiHeadAttention::new(2, 4).use_causal_mask(true).call(&x);
    let stacked = RNN::new((LSTMCell::new(4), GRUCell::new(4)));
    let [_, state, _] = LSTM::new(4).return_sequences(true).call_with_state(&x);
    let between = [
        ("simple", SimpleRNN::new(4).call(&x)),
        ("lstm", LSTM::new(4).call(&x)),
        ("state", state),
        ("gru", GRU::new(4).go_backwards(true).call(&x)),
        ("stacked", stacked.call(&x)),
        ("both ways", Bidirectional::new(LSTM::new(4)).call(&x)),
        (
            "encoder",
            mean().call(&TransformerEncoder::new(8, 2).call(&x)),
        ),
        ("decoder", mean().call(&decoder)),
        ("heads", mean().call(&heads)),
        ("attention", mean().call(&Attention::new().call([&x, &x]))),
        ("mean", mean().call(&x)),
        (
            "most",
            GlobalMaxPooling1D::new().call(&Conv1D::new(4, 3).call(&x)),
        ),
    ];
    let made = between.into_iter().map(|(name, x)| {
        let class = Dense::new(2).activation(Softmax).call(&x);
        Ok((name, Model::new(&text, &class)?.seeded(1)))
    });
    made.collect()
}

#[test]
fn texts_without_words_and_texts_of_one_train_and_have_a_class() -> Outcome {
    let vectorize = vectorizer()?;
    let x = vectorize.call(&[
        "",
        "gold",
        "?!",
        "never seen",
        "oil oil oil oil oil oil oil oil",
    ])?;
    assert_eq!(x.size(), [5, LENGTH]);
    let y = Tensor::from_slice(&[0_i64, 1, 0, 1, 0]);
    for (name, mut model) in networks(vectorize.vocabulary_size())? {
        model.compile("adam", "sparse_categorical_crossentropy", ["accuracy"])?;
        let history = model.fit(&x, &y, &Fit::new().epochs(2).batch_size(2).verbose(0))?;
        let losses = history.get("loss").unwrap();
        assert!(
            losses.iter().all(|loss| loss.is_finite()),
            "{name}: {losses:?}"
        );
        // Nothing but padding, in a batch of its own and among others.
        let alone = model.predict(&x.narrow(0, 0, 1))?;
        let among = model.predict(&x)?.narrow(0, 0, 1);
        let difference = (alone - among).abs().max().double_value(&[]);
        assert!(difference < 1e-5, "{name}: {difference}");
    }
    Ok(())
}

#[test]
fn words_outside_the_table_are_told_by_every_network() -> Outcome {
    let words = vectorizer()?.vocabulary_size();
    for wrong in [-1, words] {
        let x = Tensor::full([1, LENGTH], wrong, (Kind::Int64, labbook::tch::Device::Cpu));
        for (name, mut model) in networks(words)? {
            let error = model.predict(&x).unwrap_err().to_string();
            assert!(
                error.contains(&format!("from 0 to {}", words - 1)),
                "{name}: {error}"
            );
        }
    }
    Ok(())
}

#[test]
fn a_text_of_a_million_words_is_cut() -> Outcome {
    let vectorize = vectorizer()?;
    let text = "gold ".repeat(1_000_000);
    assert_eq!(vectorize.call(&[&text])?.size(), [1, LENGTH]);
    assert_eq!(vectorize.places(&text)?.len(), 1_000_000);
    assert_eq!(vectorize.detokenize(&[2, 0, 99, -1]).split(' ').count(), 3);
    Ok(())
}

/// A class for each word.
fn tagger(words: i64) -> Result<Sequential, Box<dyn Error>> {
    let mut model = Sequential::new().seeded(1);
    model.add(Embedding::new(words, 8).mask_zero(true).input_shape(LENGTH));
    model.add(Bidirectional::new(GRU::new(4).return_sequences(true)));
    model.add(Dense::new(3).activation(Softmax));
    let metrics = ["accuracy", "perplexity"];
    model.compile("adam", "sparse_categorical_crossentropy", metrics)?;
    Ok(model)
}

#[test]
fn texts_without_words_change_no_figure_of_their_words() -> Outcome {
    let vectorize = vectorizer()?;
    let mut model = tagger(vectorize.vocabulary_size())?;
    let none = vectorize.call(&["", "", "?"])?;
    let tags = none.zeros_like();
    let quiet = Evaluate::new().batch_size(8).verbose(0);
    let before = model.predict(&none)?;
    let options = Fit::new().epochs(2).batch_size(2).verbose(0);
    let history = model.fit(&none, &tags, &options)?;
    assert_eq!(history.get("loss").unwrap(), [0.0, 0.0]);
    assert_eq!(model.predict(&none)?, before, "nothing was learned");
    let alone = model.evaluate_with(&none, &tags, &quiet)?;
    assert_eq!(alone.loss, 0.0);
    for name in ["accuracy", "perplexity"] {
        assert!(alone.get(name).unwrap().is_finite(), "{name}");
    }

    let some = vectorize.call(&["oil rises", "gold"])?;
    let expected = model.evaluate_with(&some, &some.zeros_like(), &quiet)?;
    let both = Tensor::cat(&[&none, &some], 0);
    let found = model.evaluate_with(&both, &both.zeros_like(), &quiet)?;
    for name in ["loss", "accuracy", "perplexity"] {
        let (found, expected) = (found.get(name).unwrap(), expected.get(name).unwrap());
        assert!(
            (found - expected).abs() < 1e-6,
            "{name}: {found}, {expected}"
        );
    }
    Ok(())
}

/// A model that writes, letter by letter or in pieces.
fn writer(vocabulary: i64) -> Result<Model, Box<dyn Error>> {
    let mut model = Sequential::new().seeded(1);
    model.add(Embedding::new(vocabulary, 8).input_shape(LENGTH));
    model.add(RNN::new((LSTMCell::new(4), GRUCell::new(6))).return_sequences(true));
    model.add(Dense::new(vocabulary).activation(Softmax));
    Ok(model.into_model())
}

#[test]
fn any_prompt_is_written_on_or_refused_in_a_sentence() -> Outcome {
    let tokenizer = Tokenizer::bpe(270).train(&["gold falls", "oil rises again", ""])?;
    let model = writer(tokenizer.vocabulary_size())?;
    let options = Generate::new().max_new_tokens(4).temperature(1.0).seed(1);
    let long = "gold ".repeat(100_000);
    for text in ["x", "never seen ἐν ἀρχῇ", long.as_str()] {
        let prompt = tokenizer.encode(text)?;
        let written = model.generate(&prompt, &options)?;
        assert_eq!(written.len(), prompt.len() + 4);
        assert!(tokenizer.decode(&written)?.starts_with(text));
        assert_eq!(
            model.generate(&prompt, &options.clone().use_cache(false))?,
            written
        );
    }
    let error = model.generate(tokenizer.encode("")?, &options).unwrap_err();
    assert!(error.to_string().contains("begin with a token"), "{error}");
    let error = model.generate([-1], &options).unwrap_err();
    assert!(error.to_string().contains("received [-1]"), "{error}");

    let batch = tokenizer.encode_batch(&["", "gold", "ж"], LENGTH as usize)?;
    let inside = batch.lt(tokenizer.vocabulary_size()).all().int64_value(&[]);
    assert_eq!(inside, 1);
    Ok(())
}
