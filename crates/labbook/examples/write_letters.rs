//! Learns to write like a text, letter by letter.
//!
//! ```text
//! write_letters FILE [--minutes 5] [--units 256]
//! ```
//!
//! A network of recurrent units learns which letter follows in windows of 100 letters of the file, for
//! so many minutes. Each epoch's perplexity is printed, and what the network writes in the end: drawn at
//! three temperatures, and the most probable sequence that a beam search finds.

use std::error::Error;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use labbook::prelude::*;
use labbook::tch::Tensor;

const WINDOW: i64 = 100;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |option: &str, default: f64| {
        let place = words.iter().position(|word| word == option);
        let given = place.and_then(|place| words.get(place + 1)?.parse().ok());
        given.unwrap_or(default)
    };
    let Some(file) = words.first() else {
        eprintln!("write_letters FILE [--minutes 5] [--units 256]");
        return ExitCode::FAILURE;
    };
    let (minutes, units) = (number("--minutes", 5.0), number("--units", 256.0));
    match write(file, minutes, units as i64) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn write(file: &str, minutes: f64, units: i64) -> Result<(), Box<dyn Error>> {
    let end = Instant::now() + Duration::try_from_secs_f64(60.0 * minutes)?;
    set_random_seed(0);
    let text = std::fs::read_to_string(file)?;
    let mut letters = TextVectorization::new()
        .standardize(Standardize::None)
        .split(Split::Character);
    letters.adapt(&[&text])?;
    let places = Tensor::from_slice(&letters.places(&text)?);
    if places.size()[0] <= 2 * WINDOW {
        return Err(format!("{file} has fewer than {} letters", 2 * WINDOW).into());
    }
    let windows = places.unfold(0, WINDOW + 1, WINDOW / 4);
    let (x, y) = (windows.narrow(1, 0, WINDOW), windows.narrow(1, 1, WINDOW));

    let vocabulary = letters.vocabulary_size();
    let mut model = Sequential::new();
    model.add(Embedding::new(vocabulary, 64).input_shape(WINDOW));
    model.add(LSTM::new(units).return_sequences(true));
    model.add(Dense::new(vocabulary).activation(Softmax));
    model.compile(
        Adam::new().learning_rate(0.004),
        "sparse_categorical_crossentropy",
        ["perplexity"],
    )?;
    println!("{} letters, {} windows", places.size()[0], x.size()[0]);
    // A training of a thousand windows, then whether there is time for another.
    let mut first = 0;
    let mut round = 0;
    while Instant::now() < end {
        let count = (x.size()[0] - first).min(1000);
        let part = |of: &Tensor| of.narrow(0, first, count);
        let options = Fit::new().batch_size(64).verbose(0);
        let history = model.fit(&part(&x), &part(&y), &options)?;
        first = if first + count < x.size()[0] {
            first + count
        } else {
            0
        };
        round += 1;
        if round % 10 == 0 {
            let perplexity = history.get("perplexity").unwrap_or_default();
            println!("{} windows: perplexity {perplexity:.2?}", round * 1000);
        }
    }
    let begin: String = text.chars().take(20).collect();
    let prompt = letters.places(&begin)?;
    let base = Generate::new().max_new_tokens(300).seed(1);
    for temperature in [0.3, 0.6, 0.9] {
        let written =
            model.generate(&prompt, &base.clone().temperature(temperature).top_p(0.95))?;
        println!(
            "--- temperature {temperature}\n{}",
            letters.detokenize(&written)
        );
    }
    let written = model.generate(&prompt, &base.max_new_tokens(100).num_beams(4))?;
    println!("--- four beams\n{}", letters.detokenize(&written));
    Ok(())
}
