//! A plain program that loads a saved model and tells what it predicts of one example; neither a
//! notebook nor Python takes part:
//!
//! ```text
//! cargo run --release --package labbook-nn --example predict -- MODEL EXAMPLE [CLASS,CLASS,...]
//! ```
//!
//! MODEL is a file of `model.save(..)`. EXAMPLE is an image for a model of images, which is resized
//! as `image_dataset_from_directory` does, and else numbers with commas between them, as many as the
//! model takes. With names the classes are told by them.

use std::env;
use std::error::Error;

use labbook_nn::{Model, image_dataset_from_files};
use tch::{Device, Kind, Tensor};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = env::args().skip(1).collect();
    let (path, example, names) = match words.as_slice() {
        [path, example] => (path, example, ""),
        [path, example, names] => (path, example, names.as_str()),
        _ => return Err("usage: predict MODEL EXAMPLE [CLASS,CLASS,...]".into()),
    };
    let mut model = Model::load_on(path, Device::Cpu)?;
    let x = example_for(&model, example)?;
    let outputs = model.predict(&x)?;
    let outputs = Vec::<f64>::try_from(outputs.reshape([-1]).to_kind(Kind::Double))?;
    let names: Vec<&str> = names.split(',').filter(|name| !name.is_empty()).collect();
    for (number, output) in outputs.iter().enumerate() {
        let name = names.get(number).map(|name| (*name).to_owned());
        let name = name.unwrap_or_else(|| format!("output {number}"));
        println!("{name}: {output:.4}");
    }
    Ok(())
}

/// The example as a batch of one.
fn example_for(model: &Model, example: &str) -> Result<Tensor, Box<dyn Error>> {
    let shape = model.input_shapes()?.swap_remove(0);
    if let &[height, width, 3] = shape.dims() {
        let images = image_dataset_from_files([example], ["one"], (height, width))?;
        return Ok(images.load(example)?);
    }
    let numbers = example
        .split(',')
        .map(|number| number.trim().parse::<f32>());
    let numbers = numbers.collect::<Result<Vec<f32>, _>>()?;
    let sizes: Vec<i64> = [1].iter().chain(shape.dims()).copied().collect();
    if numbers.len() as i64 != sizes.iter().product::<i64>() {
        let told = format!(
            "expected numbers of shape {shape}, received {}",
            numbers.len()
        );
        return Err(told.into());
    }
    Ok(Tensor::from_slice(&numbers).reshape(sizes))
}
