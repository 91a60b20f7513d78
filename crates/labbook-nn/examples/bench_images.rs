//! How long a folder of images takes to become batches, for `cargo xtask bench data`:
//! `cargo run --example bench_images FOLDER`. Ends with a line of JSON, the best of three.

use std::time::Instant;

use labbook_nn::{Dataset, image_dataset_from_directory};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).ok_or("name a folder")?;
    let (mut best, mut examples) = (f64::INFINITY, 0);
    let data = image_dataset_from_directory(&folder, (180, 180))?;
    let batches = data.shuffle(10_000).batch(32).prefetch(2);
    for round in 0..3 {
        let begin = Instant::now();
        examples = 0;
        for batch in batches.epoch(round)? {
            examples += batch?.inputs[0].size()[0];
        }
        best = best.min(begin.elapsed().as_secs_f64());
    }
    println!("{{\"examples\": {examples}, \"seconds\": {best}}}");
    Ok(())
}
