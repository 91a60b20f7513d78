//! How fast a folder of images becomes batches:
//! `cargo run --release --example bench_images FOLDER`; `bench_images.py` writes such a folder and
//! measures Keras and PyTorch on it.

use std::time::Instant;

use labbook_nn::{Dataset, image_dataset_from_directory};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("name a folder")?;
    let data = image_dataset_from_directory(&folder, (180, 180))?;
    let count = data.len().unwrap_or_default();
    let batches = data.shuffle(10_000).batch(32).prefetch(2);
    for round in 0..3 {
        let begin = Instant::now();
        let mut images = 0;
        for batch in batches.epoch(round)? {
            images += batch?.inputs[0].size()[0];
        }
        let seconds = begin.elapsed().as_secs_f64();
        println!(
            "labbook: {images} of {count} images, {:.0} per second",
            images as f64 / seconds
        );
    }
    Ok(())
}
