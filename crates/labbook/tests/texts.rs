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
