use super::*;
use crate::Activation::Softmax;
use crate::{
    Add, Dense, Embedding, Flatten, GRU, Input, LSTM, LayerNormalization, MultiHeadAttention,
    PositionEmbedding, SinePositionEncoding, SymbolicTensor, TransformerDecoder,
    TransformerEncoder,
};
use tch::Tensor;

const WORDS: i64 = 12;
const STEPS: i64 = 16;

fn decoder(masked: bool) -> Result<Model> {
    let tokens = Input::new(STEPS);
    let x = Embedding::new(WORDS, 8).mask_zero(masked).call(&tokens);
    let x = Add::new().call([&x, &PositionEmbedding::new(STEPS).call(&x)]);
    let x = Add::new().call([&x, &SinePositionEncoding::new().call(&x)]);
    let x = TransformerDecoder::new(16, 2)
        .normalize_first(true)
        .call(&x);
    let heads = MultiHeadAttention::new(2, 4).use_causal_mask(true);
    let x = Add::new().call([&x, &heads.call(&x)]);
    let x = LayerNormalization::new().call(&x);
    ending(&tokens, &x)
}

fn recurrent() -> Result<Model> {
    let tokens = Input::new(STEPS);
    let x = Embedding::new(WORDS, 8).call(&tokens);
    let x = LSTM::new(8).return_sequences(true).call(&x);
    let x = GRU::new(8).return_sequences(true).call(&x);
    ending(&tokens, &x)
}

/// A softmax far enough from even that rounding decides nothing.
fn ending(tokens: &SymbolicTensor, x: &SymbolicTensor) -> Result<Model> {
    let x = Dense::new(WORDS)
        .kernel_initializer(crate::Initializer::RandomNormal {
            mean: 0.0,
            stddev: 2.0,
        })
        .activation(Softmax)
        .call(x);
    Ok(Model::new(tokens, &x)?.seeded(5))
}

fn ways() -> [Generate; 4] {
    let base = Generate::new().max_new_tokens(40).seed(7);
    [
        base.clone(),
        base.clone().temperature(1.3),
        base.clone().top_k(5).top_p(0.9),
        base.max_new_tokens(12).num_beams(3).stop_token(4),
    ]
}

#[test]
fn what_layers_remember_changes_no_token() -> Result<()> {
    for model in [decoder(false)?, decoder(true)?, recurrent()?] {
        let mut seen = Vec::new();
        for options in ways() {
            let kept = model.generate([3, 1, 2], &options)?;
            let anew = model.generate([3, 1, 2], &options.use_cache(false))?;
            assert_eq!(kept, anew);
            seen.push(kept);
        }
        assert_eq!(seen[0].len(), 43);
        assert_ne!(seen[0], seen[1]);
    }
    Ok(())
}

#[test]
fn each_token_is_the_most_probable_behind_those_before_it() -> Result<()> {
    for mut model in [decoder(false)?, recurrent()?] {
        let written =
            model.generate([3, 1], &Generate::new().max_new_tokens(STEPS as usize - 2))?;
        let x = Tensor::from_slice(&written).reshape([1, STEPS]);
        let best = model.predict(&x)?.argmax(-1, false).reshape([STEPS]);
        let best: Vec<i64> = Vec::try_from(best)?;
        assert_eq!(written[2..], best[1..STEPS as usize - 1]);
    }
    Ok(())
}

#[test]
fn a_model_of_the_next_token_alone_sees_zeros_before_a_short_prompt() -> Result<()> {
    let tokens = Input::new(4);
    let x = Embedding::new(WORDS, 6).call(&tokens);
    let x = Flatten::new().call(&x);
    let mut model = ending(&tokens, &x)?;
    let written = model.generate([5, 6], &Generate::new().max_new_tokens(4))?;
    for (end, window) in [(2, [0, 0, 5, 6]), (3, [0, 5, 6, written[2]])] {
        let next = model.predict_classes(Tensor::from_slice(&window).reshape([1, 4]))?;
        assert_eq!(written[end], next.int64_value(&[0]));
    }
    let last = Tensor::from_slice(&written[1..5]).reshape([1, 4]);
    assert_eq!(written[5], model.predict_classes(&last)?.int64_value(&[0]));
    Ok(())
}

#[test]
fn enough_beams_find_the_most_probable_sequence_of_all() -> Result<()> {
    let mut model = decoder(false)?;
    let (stop, new) = (4, 3);
    // All sequences of three tokens, and those that the stop ends before.
    let (mut going, mut ended) = (vec![(vec![3, 1], 0.0)], Vec::new());
    for length in 1..=new {
        let rows = going.iter().map(|(tokens, _)| {
            let missing = vec![0; STEPS as usize - tokens.len()];
            [&tokens[..], &missing].concat()
        });
        let rows = Tensor::from_slice(&rows.collect::<Vec<_>>().concat()).reshape([-1, STEPS]);
        let y = model.predict(&rows)?.select(1, length);
        let mut longer = Vec::new();
        for (row, (tokens, before)) in (0..).zip(&going) {
            for next in 0..WORDS {
                let log_probability = before + y.double_value(&[row, next]).ln();
                match next == stop {
                    true => ended.push((tokens.clone(), log_probability, length)),
                    false => longer.push(([&tokens[..], &[next]].concat(), log_probability)),
                }
            }
        }
        going = longer;
    }
    ended.extend(going.into_iter().map(|(tokens, all)| (tokens, all, new)));
    for length_penalty in [0.0, 1.0, 2.0] {
        let score =
            |&(_, all, length): &(Vec<i64>, f64, i64)| all / (length as f64).powf(length_penalty);
        let best = ended.iter().max_by(|a, b| score(a).total_cmp(&score(b)));
        let options = Generate::new()
            .max_new_tokens(new as usize)
            .num_beams(144)
            .stop_token(stop)
            .length_penalty(length_penalty);
        let written = model.generate([3, 1], &options)?;
        assert_eq!(Some(&written), best.map(|(tokens, ..)| tokens));
    }
    Ok(())
}

#[test]
fn tokens_are_drawn_by_their_probabilities() -> Result<()> {
    let logits = [0.5_f64, 0.25, 0.15, 0.1].map(f64::ln);
    let shares = |options: Generate| -> Result<Vec<f64>> {
        let mut rng = Rng::new(3, 0);
        let mut counts = vec![0.0; 4];
        for _ in 0..4000 {
            counts[options.choose(&logits, &mut rng)? as usize] += 1.0 / 4000.0;
        }
        Ok(counts)
    };
    let close = |shares: Vec<f64>, expected: [f64; 4]| {
        for (share, expected) in shares.iter().zip(expected) {
            assert!((share - expected).abs() < 0.03, "{shares:?}");
        }
    };
    let draw = Generate::new();
    close(shares(draw.clone())?, [1.0, 0.0, 0.0, 0.0]);
    close(
        shares(draw.clone().temperature(1.0))?,
        [0.5, 0.25, 0.15, 0.1],
    );
    close(
        shares(draw.clone().temperature(0.5))?,
        [0.725, 0.181, 0.065, 0.029],
    );
    close(
        shares(draw.clone().top_k(2))?,
        [2.0 / 3.0, 1.0 / 3.0, 0.0, 0.0],
    );
    close(
        shares(draw.clone().top_p(0.7))?,
        [2.0 / 3.0, 1.0 / 3.0, 0.0, 0.0],
    );
    close(shares(draw.clone().top_p(0.8))?, [0.555, 0.278, 0.167, 0.0]);
    close(
        shares(draw.clone().top_k(3).top_p(0.01))?,
        [1.0, 0.0, 0.0, 0.0],
    );
    let broken = draw.choose(&[f64::NAN; 3], &mut Rng::new(3, 0));
    assert!(broken.unwrap_err().to_string().contains("finite numbers"));
    Ok(())
}

#[test]
fn a_decoder_writes_what_an_encoder_tells_it() -> Result<()> {
    let (source, tokens) = (Input::new(5), Input::new(STEPS));
    let encoded = Embedding::new(WORDS, 8).call(&source);
    let encoded = TransformerEncoder::new(16, 2).call(&encoded);
    let x = Embedding::new(WORDS, 8).call(&tokens);
    let x = Add::new().call([&x, &PositionEmbedding::new(STEPS).call(&x)]);
    let x = TransformerDecoder::new(16, 2).call([&x, &encoded]);
    let x = Dense::new(WORDS)
        .kernel_initializer(crate::Initializer::RandomNormal {
            mean: 0.0,
            stddev: 2.0,
        })
        .call(&x);
    let model = Model::new([&source, &tokens], &x)?.seeded(5);
    let told = Tensor::from_slice(&[1_i64, 2, 3, 4, 5]).reshape([1, 5]);
    for options in ways() {
        let kept = model.generate_from(&told, [1], &options)?;
        let anew = model.generate_from(&told, [1], &options.clone().use_cache(false))?;
        assert_eq!(kept, anew);
        let other = model.generate_from(&(&told + 6), [1], &options)?;
        assert_ne!(kept, other);
    }
    let error = model
        .generate([1], &Generate::new())
        .unwrap_err()
        .to_string();
    assert!(error.contains("generate_from"), "{error}");
    let two = Tensor::cat(&[&told, &told], 0);
    let error = model
        .generate_from(&two, [1], &Generate::new())
        .unwrap_err()
        .to_string();
    assert!(error.contains("one example"), "{error}");
    Ok(())
}

#[test]
fn what_cannot_be_written_is_told() -> Result<()> {
    let model = decoder(true)?;
    let told = |prompt: &[i64], options: Generate| {
        model.generate(prompt, &options).unwrap_err().to_string()
    };
    let plain = Generate::new;
    assert!(told(&[], plain()).contains("begin with a token"));
    assert!(told(&[0], plain()).contains("from 1 to 11"));
    assert!(told(&[12], plain()).contains("from 1 to 11"));
    assert!(told(&[1], plain().temperature(0.0)).contains("above 0"));
    assert!(told(&[1], plain().top_k(0)).contains("at least 1"));
    assert!(told(&[1], plain().top_p(1.5)).contains("up to 1"));
    assert!(told(&[1], plain().num_beams(0)).contains("at least 1 beam"));
    assert!(told(&[1], plain().num_beams(2).top_k(3)).contains("both"));
    assert_eq!(model.generate([1], &plain().max_new_tokens(0))?, [1]);
    assert!(Tensor::from_slice(&[1.5_f32]).into_tokens().is_err());
    let images = Input::new((4, 4));
    let wrong = Model::new(&images, &Dense::new(1).call(&images))?;
    assert!(
        wrong
            .generate([0], &plain())
            .unwrap_err()
            .to_string()
            .contains("tokens")
    );
    Ok(())
}
