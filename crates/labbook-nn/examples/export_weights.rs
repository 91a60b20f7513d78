//! Writes a network's weights as Keras and PyTorch name them, and all of it in ONNX, with what it
//! predicts:
//! `cargo run --example export_weights FOLDER`; `tests/fixtures/weights.py` compares.

use std::path::PathBuf;

use labbook_nn::Activation::{Relu, Softmax, Tanh};
use labbook_nn::{
    BatchNormalization, Concatenate, Conv2D, Dense, Flatten, Input, MaxPooling2D, Model, Padding,
    SGD, WeightLayout, set_random_seed,
};
use tch::{Device, Kind, Tensor};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder: PathBuf = std::env::args().nth(1).ok_or("name a folder")?.into();
    set_random_seed(5);
    tch::manual_seed(5);
    let mut model = network()?;
    let random = |size: &[i64]| Tensor::randn(size, (Kind::Float, Device::Cpu));
    let (image, more) = (random(&[16, 8, 6, 3]), random(&[16, 2]));
    // A training moves the statistics of the batch normalizations.
    model.compile(SGD::new(), "sparse_categorical_crossentropy", [])?;
    let classes = Tensor::arange(16, (Kind::Int64, Device::Cpu)).remainder(3);
    let fit = labbook_nn::Fit::new().epochs(3).verbose(0);
    model.fit([&image, &more], &classes, &fit)?;
    let predictions = model.predict([&image, &more])?;

    let map = model.weight_map(WeightLayout::PyTorch)?;
    println!("{map}");
    model.export_weights(folder.join("torch"), map)?;
    model.export_weights(folder.join("keras"), WeightLayout::Keras)?;
    model.export_onnx(folder.join("model"))?;
    Tensor::write_safetensors(
        &[
            ("image", &image),
            ("more", &more),
            ("predictions", &predictions),
        ],
        folder.join("predictions.safetensors"),
    )?;
    Ok(())
}

fn network() -> labbook_nn::Result<Model> {
    let (image, more) = (Input::named("image", (8, 6, 3)), Input::named("more", 2));
    let first = Conv2D::new(4, 3).padding(Padding::Same).activation(Relu);
    let x = first.name("first").call(&image);
    let x = BatchNormalization::new().name("norm").call(&x);
    let x = MaxPooling2D::new(2).call(&x);
    let x = Conv2D::new(5, 2).use_bias(false).name("second").call(&x);
    let x = Flatten::new().call(&x);
    let x = BatchNormalization::new().name("flat_norm").call(&x);
    let x = Concatenate::new().call([&x, &more]);
    let x = Dense::new(6).activation(Tanh).name("hidden").call(&x);
    let out = Dense::new(3).activation(Softmax).name("out").call(&x);
    Model::on(Device::Cpu, [&image, &more], &out)
}
