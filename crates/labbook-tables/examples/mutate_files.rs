//! Damaged files for the readers of arrays and tables, as many as a time allows:
//! `cargo run --example mutate_files npy|npz|idx|csv|preprocessor SECONDS SEED FILE...`.

#[path = "../../../fuzz/src/mutate.rs"]
mod mutate;

use std::error::Error;
use std::path::{Path, PathBuf};

use labbook_data::datasets::mnist;
use labbook_data::{read_npy, read_npz};
use labbook_tables::{ReadCsv, TablePreprocessor};

fn main() -> Result<(), Box<dyn Error>> {
    mutate::run(&[
        ("npy", |path| {
            read_npy(path).is_ok_and(|array| array.tensor().is_ok())
        }),
        ("npz", |path| read_npz(path).is_ok()),
        ("idx", idx),
        ("csv", csv),
        ("preprocessor", |path| TablePreprocessor::load(path).is_ok()),
    ])
}

/// The same bytes as images and as labels; either is wrong.
fn idx(path: &Path) -> bool {
    let folder = path.with_file_name("idx");
    let copied = |name: &str| {
        let to: PathBuf = folder.join(name);
        std::fs::copy(path, to).is_ok()
    };
    let made = std::fs::create_dir_all(&folder).is_ok();
    let names = ["train-images-idx3-ubyte", "train-labels-idx1-ubyte"];
    made && names.into_iter().all(copied) && mnist::read(&folder).is_ok()
}

fn csv(path: &Path) -> bool {
    let other = ReadCsv::new().separator(b';').no_header().read(path);
    ReadCsv::new().read(path).is_ok() && other.is_ok()
}
