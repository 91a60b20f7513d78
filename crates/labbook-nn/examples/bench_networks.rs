//! Times epochs of networks that courses and tutorials train; `cargo xtask bench networks` puts the
//! figures beside those of Keras and PyTorch.
//!
//! ```text
//! bench_networks NETWORK [--bfloat16] [--epochs 3]
//! ```
//!
//! Prints one line of JSON: seconds of every epoch but the first, which warms up. The data are random
//! numbers: speed does not depend on them.

use std::process::ExitCode;

use labbook_nn::Activation::{Relu, Sigmoid, Softmax};
use labbook_nn::{
    ActivationLayer, Adam, BatchNormalization, Conv2D, Conv2DTranspose, Dense, Dropout, Fit,
    Flatten, GlobalAveragePooling2D, MaxPooling2D, Padding, Result, SeparableConv2D, Sequential,
    set_random_seed,
};
use tch::{Device, Kind, Tensor};

/// A network, its loss, and the data of an epoch.
struct Work {
    model: Sequential,
    loss: &'static str,
    /// The shape of one example, how many there are, and how many form a batch.
    example: Vec<i64>,
    count: i64,
    batch: i64,
    targets: Targets,
}

enum Targets {
    Classes(i64),
    Number,
    Input,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let Some((network, options)) = words.split_first() else {
        return usage();
    };
    let epochs = options.iter().position(|word| *word == "--epochs");
    let epochs = epochs.and_then(|place| options.get(place + 1)?.parse().ok());
    let Some(work) = work(network) else {
        return usage();
    };
    match timed(work, options.contains(&"--bfloat16"), epochs.unwrap_or(3)) {
        Ok(seconds) => {
            println!("{{\"seconds\": {seconds:?}}}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    eprintln!(
        "bench_networks mlp|mnist_cnn|small_cnn|table|vgg|autoencoder|mobilenet [--bfloat16] [--epochs 3]"
    );
    ExitCode::FAILURE
}

fn timed(mut work: Work, bfloat16: bool, epochs: usize) -> Result<Vec<f64>> {
    set_random_seed(0);
    if bfloat16 {
        work.model.set_dtype_policy("mixed_bfloat16")?;
    }
    let shape = [&[work.count], work.example.as_slice()].concat();
    let x = Tensor::rand(shape, (Kind::Float, Device::Cpu));
    let y = match work.targets {
        Targets::Classes(classes) => {
            Tensor::randint(classes, [work.count], (Kind::Int64, Device::Cpu))
        }
        Targets::Number => Tensor::rand([work.count, 1], (Kind::Float, Device::Cpu)),
        Targets::Input => x.shallow_clone(),
    };
    work.model.compile(Adam::new(), work.loss, [])?;
    let options = Fit::new()
        .epochs(epochs + 1)
        .batch_size(work.batch)
        .verbose(0);
    let history = work.model.fit(&x, &y, &options)?;
    Ok(history.epoch_seconds[1..].to_vec())
}

fn work(network: &str) -> Option<Work> {
    let mut model = Sequential::on(Device::Cpu);
    let classes = "sparse_categorical_crossentropy";
    let work = |model, loss, example: &[i64], count, batch, targets| Work {
        model,
        loss,
        example: example.to_vec(),
        count,
        batch,
        targets,
    };
    Some(match network {
        "mlp" => {
            model.add(Dense::new(512).activation(Relu).input_shape(784));
            model.add(Dropout::new(0.2));
            model.add(Dense::new(512).activation(Relu));
            model.add(Dropout::new(0.2));
            model.add(Dense::new(10).activation(Softmax));
            work(model, classes, &[784], 25_600, 128, Targets::Classes(10))
        }
        "mnist_cnn" => {
            model.add(Conv2D::new(32, 3).activation(Relu).input_shape((28, 28, 1)));
            model.add(MaxPooling2D::new(2));
            model.add(Conv2D::new(64, 3).activation(Relu));
            model.add(MaxPooling2D::new(2));
            model.add(Flatten::new());
            model.add(Dropout::new(0.5));
            model.add(Dense::new(10).activation(Softmax));
            work(
                model,
                classes,
                &[28, 28, 1],
                6400,
                128,
                Targets::Classes(10),
            )
        }
        "small_cnn" => {
            model.add(Conv2D::new(32, 3).activation(Relu).input_shape((32, 32, 3)));
            model.add(MaxPooling2D::new(2));
            model.add(Conv2D::new(64, 3).activation(Relu));
            model.add(MaxPooling2D::new(2));
            model.add(Conv2D::new(64, 3).activation(Relu));
            model.add(Flatten::new());
            model.add(Dense::new(64).activation(Relu));
            model.add(Dense::new(10).activation(Softmax));
            work(model, classes, &[32, 32, 3], 3200, 32, Targets::Classes(10))
        }
        "table" => {
            model.add(Dense::new(64).activation(Relu).input_shape(13));
            model.add(Dense::new(64).activation(Relu));
            model.add(Dense::new(1));
            work(model, "mse", &[13], 12_800, 32, Targets::Number)
        }
        "vgg" => {
            for (block, filters) in [64, 128, 256].into_iter().enumerate() {
                for half in 0..2 {
                    let convolution = Conv2D::new(filters, 3).padding(Padding::Same);
                    model.add(match (block, half) {
                        (0, 0) => convolution.input_shape((32, 32, 3)),
                        _ => convolution,
                    });
                    model.add(BatchNormalization::new());
                    model.add(ActivationLayer::new(Relu));
                }
                model.add(MaxPooling2D::new(2));
            }
            model.add(Flatten::new());
            model.add(Dense::new(10).activation(Softmax));
            work(model, classes, &[32, 32, 3], 640, 64, Targets::Classes(10))
        }
        "autoencoder" => {
            let convolution = || Conv2D::new(32, 3).padding(Padding::Same).activation(Relu);
            let transposed = || {
                let layer = Conv2DTranspose::new(32, 3).strides(2);
                layer.padding(Padding::Same).activation(Relu)
            };
            model.add(convolution().input_shape((28, 28, 1)));
            model.add(MaxPooling2D::new(2));
            model.add(convolution());
            model.add(MaxPooling2D::new(2));
            model.add(transposed());
            model.add(transposed());
            model.add(Conv2D::new(1, 3).padding(Padding::Same).activation(Sigmoid));
            work(
                model,
                "binary_crossentropy",
                &[28, 28, 1],
                2560,
                128,
                Targets::Input,
            )
        }
        "mobilenet" => {
            model.add(
                Conv2D::new(32, 3)
                    .padding(Padding::Same)
                    .input_shape((32, 32, 3)),
            );
            model.add(BatchNormalization::new());
            model.add(ActivationLayer::new(Relu));
            for (filters, strides) in [(64, 1), (128, 2), (128, 1), (256, 2)] {
                let layer = SeparableConv2D::new(filters, 3).strides(strides);
                model.add(layer.padding(Padding::Same));
                model.add(BatchNormalization::new());
                model.add(ActivationLayer::new(Relu));
            }
            model.add(GlobalAveragePooling2D::new());
            model.add(Dense::new(10).activation(Softmax));
            work(model, classes, &[32, 32, 3], 1280, 64, Targets::Classes(10))
        }
        _ => return None,
    })
}
