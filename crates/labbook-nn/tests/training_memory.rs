//! What trainings take, beside what was estimated of them before: each in a process of its own.
#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use std::process::Command;
use std::{env, fs};

use labbook_nn::Activation::{Relu, Softmax};
use labbook_nn::{
    Adam, BatchNormalization, Conv2D, Dense, Dropout, Fit, Flatten, GlobalAveragePooling2D,
    MaxPooling2D, Padding, Result, SGD, Sequential,
};
use tch::{Device, Kind, Tensor};

const VARIABLE: &str = "LABBOOK_MEMORY_OF";
const NETWORKS: [&str; 5] = ["dense", "kept", "convolutions", "whole", "small"];

/// A network and the options of its training, on images of 32 x 32.
fn training(network: &str) -> Result<(Sequential, Fit)> {
    let mut model = Sequential::on(Device::Cpu).seeded(1);
    let mut fit = Fit::new().epochs(1).batch_size(64).verbose(0);
    match network {
        "dense" | "kept" => {
            model.add(Flatten::new().input_shape((32, 32, 3)));
            for _ in 0..2 {
                model.add(Dense::new(2500).activation(Relu));
                model.add(Dropout::new(0.3));
            }
        }
        "convolutions" => {
            for (block, filters) in [64, 128, 256].into_iter().enumerate() {
                let mut convolution = Conv2D::new(filters, (3, 3)).activation(Relu);
                if block == 0 {
                    convolution = convolution.input_shape((32, 32, 3));
                }
                model.add(convolution.padding(Padding::Same));
                model.add(MaxPooling2D::new((2, 2)));
            }
            model.add(Flatten::new());
            model.add(Dense::new(1024).activation(Relu));
        }
        "whole" => {
            fit = fit.batch_size(128);
            for (block, filters) in [64, 64].into_iter().enumerate() {
                let mut convolution = Conv2D::new(filters, (3, 3)).padding(Padding::Same);
                if block == 0 {
                    convolution = convolution.input_shape((32, 32, 3));
                }
                model.add(convolution.use_bias(false));
                model.add(BatchNormalization::new());
                model.add(labbook_nn::ActivationLayer::new(Relu));
            }
            model.add(GlobalAveragePooling2D::new());
        }
        _ => {
            model.add(
                Conv2D::new(32, (3, 3))
                    .activation(Relu)
                    .input_shape((32, 32, 3)),
            );
            model.add(MaxPooling2D::new((2, 2)));
            model.add(Flatten::new());
        }
    }
    model.add(Dense::new(10).activation(Softmax));
    let loss = "sparse_categorical_crossentropy";
    match network {
        "convolutions" => model.compile(SGD::new().momentum(0.9), loss, ["accuracy"])?,
        _ => model.compile(Adam::new(), loss, ["accuracy"])?,
    }
    Ok((model, fit))
}

/// Bytes by `/proc/self/status`.
fn status(name: &str) -> u64 {
    let text = fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    1024 * kibibytes.unwrap()
}

/// Trains in this process; prints what was estimated, what it took, and what was there before.
fn measure(network: &str) -> Result<()> {
    let count = 384;
    let images = |count| Tensor::rand([count, 32, 32, 3], (Kind::Float, Device::Cpu));
    let labels = |count| Tensor::arange(count, (Kind::Int64, Device::Cpu)).remainder(10);
    // Threads and libraries are there after the first.
    let (mut first, fit) = training("small")?;
    first.fit(&images(16), &labels(16), &fit)?;
    drop(first);
    let (mut model, mut fit) = training(network)?;
    let folder = tempfile::tempdir().unwrap();
    if network == "kept" {
        fit = fit.resume_from(folder.path().join("state.safetensors"));
    }
    let (x, y) = (images(count), labels(count));
    let memory = model.training_memory(&fit)?;
    let before = status("VmRSS:");
    model.fit(&x, &y, &fit)?;
    let took = status("VmHWM:").saturating_sub(before);
    println!("\nmeasured {network} {} {took} {before}", memory.more());
    eprintln!("{memory:?}");
    Ok(())
}

#[test]
fn an_estimate_is_near_what_a_training_takes() {
    if let Ok(network) = env::var(VARIABLE) {
        measure(&network).unwrap();
        return;
    }
    for network in NETWORKS {
        let output = Command::new(env::current_exe().unwrap())
            .args([
                "--exact",
                "an_estimate_is_near_what_a_training_takes",
                "--nocapture",
            ])
            .env(VARIABLE, network)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let numbers = text.lines().find_map(|line| line.strip_prefix("measured "));
        let numbers = numbers.unwrap_or_else(|| panic!("{network}: {text}"));
        let numbers: Vec<f64> = numbers
            .split(' ')
            .filter_map(|word| word.parse().ok())
            .collect();
        let &[estimate, took, before] = numbers.as_slice() else {
            panic!("{network}: {text}");
        };
        println!(
            "{network}: {numbers:?} {:.2} {:.2}",
            estimate / took,
            (before + estimate) / (before + took)
        );
        let whole = (before + estimate) / (before + took);
        assert!((0.75..1.25).contains(&whole), "{network}: {numbers:?}");
    }
}
