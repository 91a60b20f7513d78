//! Classifies news articles by ten topics with the networks of a course; `cargo xtask bench texts` puts
//! accuracy and seconds beside those of Keras and PyTorch.
//!
//! ```text
//! bench_texts arrays FILE FOLDER
//! bench_texts dense|conv|lstm|transformer FILE [--epochs 4] [--seeds 3]
//! ```
//!
//! The file is a table with the columns topic, title and body, such as Reuters-21578's ten most
//! frequent topics. A fifth of each topic's articles, drawn from seed 0, is the test set
//! (`datasets::reuters::read`). `arrays` writes what the networks take, for the programs to compare
//! with. Otherwise one line of JSON is printed: test accuracy and macro F1 for each seed from 0 on, and
//! the seconds of every epoch but each seed's first, which warms up.

use std::error::Error;
use std::path::Path;
use std::process::ExitCode;

use labbook::prelude::*;
use labbook::tch::{Device, Tensor};

/// The words of the vocabulary, those of a text, and those of a batch of texts.
const WORDS: i64 = 10_000;
const LENGTH: i64 = 150;
const BATCH: i64 = 64;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Inputs and class numbers, of training and of test texts.
struct Data {
    x: [Tensor; 2],
    y: [Tensor; 2],
    classes: i64,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let number = |option: &str, default: usize| {
        let place = words.iter().position(|word| *word == option);
        let given = place.and_then(|place| words.get(place + 1)?.parse().ok());
        given.unwrap_or(default)
    };
    let done = match words.as_slice() {
        ["arrays", file, folder] => arrays(file, Path::new(folder)),
        [network, file, ..] => train(
            network,
            file,
            number("--epochs", 4),
            number("--seeds", 3) as u64,
        ),
        _ => Err("bench_texts arrays FILE FOLDER, or bench_texts NETWORK FILE".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn data(file: &str, multi_hot: bool) -> Outcome<Data> {
    let news = datasets::reuters::read(file)?;
    let vectorize = TextVectorization::new().max_tokens(WORDS as usize);
    let mut vectorize = match multi_hot {
        true => vectorize
            .output_mode(TextOutput::MultiHot)
            .pad_to_max_tokens(true),
        false => vectorize.output_sequence_length(LENGTH as usize),
    };
    vectorize.adapt(&news.train.texts)?;
    Ok(Data {
        x: [
            vectorize.call(&news.train.texts)?,
            vectorize.call(&news.test.texts)?,
        ],
        y: [news.train.labels_tensor(), news.test.labels_tensor()],
        classes: news.train.class_names.len() as i64,
    })
}

fn arrays(file: &str, folder: &Path) -> Outcome<()> {
    for (name, multi_hot) in [("places", false), ("multi_hot", true)] {
        let data = data(file, multi_hot)?;
        for (part, (x, y)) in ["train", "test"].iter().zip(data.x.iter().zip(&data.y)) {
            write_npy(folder.join(format!("{name}_{part}.npy")), x)?;
            write_npy(folder.join(format!("labels_{part}.npy")), &y.reshape([-1]))?;
        }
    }
    Ok(())
}

fn network(name: &str, classes: i64) -> Outcome<Model> {
    let ending = || Dense::new(classes).activation(Softmax);
    let mut model = Sequential::on(Device::Cpu);
    match name {
        "dense" => model.add(Dense::new(64).activation(Relu).input_shape(WORDS)),
        "conv" => {
            model.add(Embedding::new(WORDS, 64).input_shape(LENGTH));
            model.add(Conv1D::new(64, 5).activation(Relu));
            model.add(GlobalMaxPooling1D::new());
        }
        "lstm" => {
            model.add(
                Embedding::new(WORDS, 64)
                    .mask_zero(true)
                    .input_shape(LENGTH),
            );
            model.add(Bidirectional::new(LSTM::new(32)));
        }
        "transformer" => {
            let words = Input::new(LENGTH);
            let x = Embedding::new(WORDS, 32).mask_zero(true).call(&words);
            let x = Add::new().call([&x, &PositionEmbedding::new(LENGTH).call(&x)]);
            let x = TransformerEncoder::new(64, 2).call(&x);
            let x = GlobalAveragePooling1D::new().call(&x);
            return Ok(Model::on(Device::Cpu, &words, &ending().call(&x))?);
        }
        _ => return Err(format!("{name} is none of dense, conv, lstm and transformer").into()),
    }
    model.add(ending());
    Ok(model.into_model())
}

fn train(name: &str, file: &str, epochs: usize, seeds: u64) -> Outcome<()> {
    let data = data(file, name == "dense")?;
    let (mut accuracy, mut f1, mut seconds) = (Vec::new(), Vec::new(), Vec::new());
    for seed in 0..seeds {
        set_random_seed(seed);
        let mut model = network(name, data.classes)?;
        model.compile("adam", "sparse_categorical_crossentropy", [])?;
        let options = Fit::new().epochs(epochs).batch_size(BATCH).verbose(0);
        let history = model.fit(&data.x[0], &data.y[0], &options)?;
        seconds.extend_from_slice(&history.epoch_seconds[1..]);
        let predicted = model.predict_classes(&data.x[1])?;
        let truth: Vec<i64> = Vec::try_from(data.y[1].reshape([-1]))?;
        let predicted: Vec<i64> = Vec::try_from(predicted.reshape([-1]))?;
        accuracy.push(accuracy_score(&truth, &predicted)?);
        f1.push(f1_score(&truth, &predicted, Average::Macro)?);
    }
    println!("{{\"accuracy\": {accuracy:?}, \"f1\": {f1:?}, \"seconds\": {seconds:?}}}");
    Ok(())
}
