//! How long MNIST's files and a table of CSV take to become tensors, for `cargo xtask bench data`:
//! `cargo run --example bench_files idx|csv FOLDER`. Ends with a line of JSON, the best of
//! three.

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use labbook_data::datasets::mnist;
use labbook_tables::{TablePreprocessor, read_csv};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [work, folder] = words.as_slice() else {
        return Err("usage: bench_files idx|csv FOLDER".into());
    };
    let run = match work.as_str() {
        "idx" => idx,
        _ => csv,
    };
    let (mut best, mut examples) = (f64::INFINITY, 0);
    for _ in 0..3 {
        let begin = Instant::now();
        examples = run(Path::new(folder))?;
        best = best.min(begin.elapsed().as_secs_f64());
    }
    println!("{{\"examples\": {examples}, \"seconds\": {best}}}");
    Ok(())
}

fn idx(folder: &Path) -> Result<i64, Box<dyn Error>> {
    let sets = mnist::read(&folder.join("idx"))?;
    let mut examples = 0;
    for part in [&sets.train, &sets.test] {
        let (images, labels) = (part.images_tensor(), part.labels_tensor());
        examples += images.size()[0].min(labels.size()[0]);
    }
    Ok(examples)
}

fn csv(folder: &Path) -> Result<i64, Box<dyn Error>> {
    let frame = read_csv(folder.join("table.csv"))?;
    let mut recipe = TablePreprocessor::new()
        .standard(&["length", "width", "depth", "mass", "age", "distance"])
        .one_hot(&["island", "colour"]);
    Ok(recipe.fit_transform(&frame)?.size()[0])
}
