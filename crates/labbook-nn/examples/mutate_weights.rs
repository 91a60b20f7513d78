//! Damaged files for the readers of weights, models and images, as many as a time allows:
//! `cargo run --example mutate_weights weights|model|image SECONDS SEED FILE...`.

#[path = "../../../fuzz/src/mutate.rs"]
mod mutate;

use std::error::Error;
use std::path::Path;

use labbook_nn::{Dense, Model, Sequential, WeightLayout, load_img};
use tch::Device;

fn main() -> Result<(), Box<dyn Error>> {
    mutate::run(&[
        ("weights", weights),
        ("model", |path| Model::load_on(path, Device::Cpu).is_ok()),
        ("image", |path| load_img(path).is_ok()),
    ])
}

fn weights(path: &Path) -> bool {
    let mut model = Sequential::on(Device::Cpu).seeded(1);
    model.add(Dense::new(2).name("hidden").input_shape(2));
    model.add(Dense::new(1).name("out"));
    let layouts = [WeightLayout::Keras, WeightLayout::PyTorch];
    let read = layouts.map(|layout| model.import_matching_weights(path, layout).is_ok());
    read.contains(&true)
}
