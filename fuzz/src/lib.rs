//! What each target does with the bytes that it is given: the readers have to give a value or an
//! error, and never panic, hang, or take more memory than the bytes allow.
//!
//! `cargo xtask fuzz [MINUTES] [TARGET,...]` compiles and runs them, with stable Rust and without
//! `cargo fuzz`, which runs them too:
//!
//! ```text
//! RUSTC_BOOTSTRAP=1 cargo fuzz run --sanitizer none weights fuzz/corpus/weights crates/labbook-nn/tests/fixtures
//! ```
//!
//! Where neither can be had, the examples `mutate_files` of labbook-tables and `mutate_weights` of
//! labbook-nn change files blindly.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Once, OnceLock};

#[cfg(feature = "tables")]
use labbook_data::datasets::mnist;
#[cfg(feature = "tables")]
use labbook_data::{read_npy, read_npz};
use labbook_nn::{Dense, Model, Sequential, WeightLayout, load_img};
use labbook_records::Runs;
use labbook_study::Study;
#[cfg(feature = "tables")]
use labbook_tables::{ReadCsv, TablePreprocessor};
use labbook_text::{StringLookup, TextVectorization, Tokenizer};
use tch::Device;

/// The folder of this process, in memory where the system has such a place.
fn folder() -> &'static Path {
    static FOLDER: OnceLock<tempfile::TempDir> = OnceLock::new();
    let made = FOLDER.get_or_init(|| {
        let memory = Path::new("/dev/shm");
        match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        }
        .expect("a temporary folder")
    });
    made.path()
}

fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder().join(name);
    fs::write(&path, bytes).expect("a temporary file");
    path
}

#[cfg(feature = "tables")]
pub fn npy(bytes: &[u8]) {
    if let Ok(array) = read_npy(file("a.npy", bytes)) {
        let _ = array.tensor();
    }
}

#[cfg(feature = "tables")]
pub fn npz(bytes: &[u8]) {
    if let Ok(arrays) = read_npz(file("a.npz", bytes)) {
        for name in arrays.names() {
            let _ = arrays.tensor(name);
        }
    }
}

/// The first byte says where the images end and the labels begin.
#[cfg(feature = "tables")]
pub fn idx(bytes: &[u8]) {
    let Some((&first, rest)) = bytes.split_first() else {
        return;
    };
    let middle = rest.len() * usize::from(first) / 256;
    let (images, labels) = rest.split_at(middle);
    for part in ["train", "t10k"] {
        file(&format!("{part}-images-idx3-ubyte"), images);
        file(&format!("{part}-labels-idx1-ubyte"), labels);
    }
    let _ = mnist::read(folder());
}

#[cfg(feature = "tables")]
pub fn csv(bytes: &[u8]) {
    let path = file("a.csv", bytes);
    let _ = ReadCsv::new().read(&path);
    let _ = ReadCsv::new().separator(b';').no_header().read(&path);
}

#[cfg(feature = "tables")]
pub fn preprocessor(bytes: &[u8]) {
    let _ = TablePreprocessor::load(file("a.json", bytes));
}

pub fn vocabulary(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let _ = TextVectorization::from_json(&text);
    let _ = StringLookup::from_json(&text);
}

/// Whatever is a tokenizer can be used.
pub fn tokenizer(bytes: &[u8]) {
    // The crate behind it panics at files that tell what cannot be; labbook_text makes errors of that,
    // where libFuzzer's hook would end the program.
    static QUIET: Once = Once::new();
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    if let Ok(tokenizer) = Tokenizer::from_json(&String::from_utf8_lossy(bytes)) {
        let _ = tokenizer.encode_batch(&["a wolf", ""], 5);
        let _ = tokenizer.decode(&[0, 1]);
    }
}

pub fn record(bytes: &[u8]) {
    file("a.json", bytes);
    let _ = Runs::at(folder()).read();
}

/// Whatever is a study has cases that can be asked for.
pub fn study(bytes: &[u8]) {
    if let Ok(study) = Study::open(file("study.toml", bytes)) {
        let _ = study.case(0);
        let _ = study.case(study.cases() - 1);
    }
}

/// Weights of other libraries: safetensors and files of `torch.save`.
pub fn weights(bytes: &[u8]) {
    let path = file("a.weights", bytes);
    let mut model = Sequential::on(Device::Cpu).seeded(1);
    model.add(Dense::new(2).name("hidden").input_shape(2));
    model.add(Dense::new(1).name("out"));
    for layout in [WeightLayout::Keras, WeightLayout::PyTorch] {
        let _ = model.import_matching_weights(&path, layout);
    }
}

pub fn model(bytes: &[u8]) {
    let path = file("a.safetensors", bytes);
    let _ = Model::load_on(&path, Device::Cpu);
    let _ = Sequential::load_on(&path, Device::Cpu);
}

pub fn image(bytes: &[u8]) {
    let _ = load_img(file("a.jpg", bytes));
}
