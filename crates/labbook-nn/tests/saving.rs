//! Models in files: what is saved comes back, and damage is told.

use std::fs;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use labbook_nn::Activation::{Relu, Softmax};
use labbook_nn::{
    Adam, Dense, Dropout, Error, Fit, Flatten, Result, Sequential, SparseCategoricalCrossentropy,
};
use tch::{Device, Kind, Tensor};

fn data() -> (Tensor, Tensor) {
    let x = (Tensor::arange(180, (Kind::Float, Device::Cpu)) * 0.7)
        .sin()
        .reshape([30, 2, 3]);
    let y = Tensor::arange(30, (Kind::Int64, Device::Cpu)).remainder(3);
    (x, y)
}

fn model(units: i64) -> Result<Sequential> {
    let mut model = Sequential::on(Device::Cpu).seeded(11);
    model.add(Dense::new(units).activation(Relu).input_shape((2, 3)));
    model.add(Flatten::new());
    model.add(Dropout::new(0.2));
    model.add(Dense::new(3).activation(Softmax));
    model.compile(
        Adam::new().learning_rate(0.01),
        SparseCategoricalCrossentropy::new(),
        ["accuracy"],
    )?;
    Ok(model)
}

fn fit(model: &mut Sequential, epochs: usize) -> Result<()> {
    let (x, y) = data();
    let options = Fit::new().epochs(epochs).batch_size(8).verbose(0);
    // Dropout draws from libtorch's generator, which belongs to the process.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    model.fit(&x, &y, &options.validation_data(&x, &y))?;
    Ok(())
}

/// SplitMix64, for the places to damage.
fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[test]
fn a_loaded_model_goes_on_as_if_it_had_never_left_the_memory() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = model(5)?;
    fit(&mut kept, 2)?;
    let path = kept.save(folder.path().join("new/model"))?;
    assert!(path.ends_with("new/model.safetensors"));
    let mut loaded = Sequential::load_on(folder.path().join("new/model"), Device::Cpu)?;
    let (x, _) = data();
    assert_eq!(loaded.predict(&x)?, kept.predict(&x)?);
    assert_eq!(loaded.summary()?, kept.summary()?);
    assert_eq!(loaded.history(), kept.history());
    assert_eq!(loaded.learning_rate()?, 0.01);

    fit(&mut kept, 2)?;
    fit(&mut loaded, 2)?;
    assert_eq!(loaded.weights()?, kept.weights()?);
    let unfinished = fs::read_dir(folder.path().join("new")).unwrap().count();
    assert_eq!(unfinished, 1, "nothing is left beside the file");
    Ok(())
}

#[test]
fn texts_that_belong_to_a_model_go_with_its_file() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let mut kept = model(5)?;
    let words = "an, \"apple\"\n\u{1F34E}\0".repeat(1000);
    kept.set_asset("words", "replaced");
    kept.set_asset("words", words.as_str());
    kept.set_asset("", "a nameless one");
    let path = kept.save(folder.path().join("model"))?;
    let loaded = Sequential::load_on(&path, Device::Cpu)?;
    assert_eq!(loaded.asset("words")?, words);
    assert_eq!(loaded.asset_names().collect::<Vec<_>>(), ["", "words"]);
    let error = loaded.asset("letters").unwrap_err().to_string();
    assert!(
        error.contains("letters") && error.contains("words"),
        "{error}"
    );
    let none = model(5)?.asset("words").unwrap_err().to_string();
    assert!(none.contains("there is none"), "{none}");
    Ok(())
}

#[test]
fn a_model_that_is_not_compiled_is_saved_too() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let mut bare = Sequential::on(Device::Cpu).named("bare");
    bare.add(Dense::new(2).input_shape(3));
    let path = bare.save(folder.path().join("bare.safetensors"))?;
    let loaded = Sequential::load_on(path, Device::Cpu)?;
    assert_eq!(loaded.name(), "bare");
    assert_eq!(loaded.weights()?, bare.weights()?);
    assert!(matches!(
        loaded.learning_rate(),
        Err(Error::NotCompiled { .. })
    ));
    Ok(())
}

#[test]
fn weights_go_from_model_to_model_whatever_number_its_layers_have() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let (mut first, mut second) = (model(5)?, model(5)?);
    fit(&mut first, 1)?;
    let path = first.save_weights(folder.path().join("weights"))?;
    assert_ne!(first.weights()?[0].0, second.weights()?[0].0);
    second.load_weights(&path)?;
    for ((_, expected), (_, loaded)) in first.weights()?.iter().zip(&second.weights()?) {
        assert_eq!(expected, loaded);
    }

    let before = second.weights()?;
    let error = model(6)?.load_weights(&path).unwrap_err().to_string();
    assert!(error.contains("of shape (3, 6)"), "{error}");
    assert!(error.contains("of shape (3, 5)"), "{error}");
    let mut named = Sequential::on(Device::Cpu);
    named.add(Dense::new(5).name("first").input_shape((2, 3)));
    let error = named.load_weights(&path).unwrap_err().to_string();
    assert!(
        error.contains("expected first/kernel:0, first/bias:0"),
        "{error}"
    );
    let whole = first.save(folder.path().join("model"))?;
    let error = second.load_weights(&whole).unwrap_err().to_string();
    assert!(
        error.contains("received the format labbook-nn model 1"),
        "{error}"
    );
    assert_eq!(second.weights()?, before, "nothing changed");
    Ok(())
}

#[test]
fn files_damaged_anywhere_are_told_and_never_loaded() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let mut model = model(5)?;
    fit(&mut model, 1)?;
    let path = model.save(folder.path().join("model"))?;
    let whole = fs::read(&path).unwrap();
    let loads = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        Sequential::load_on(&path, Device::Cpu)
    };
    assert!(loads(&whole).is_ok());
    let told = |case: String, bytes: &[u8]| {
        let error = loads(bytes).expect_err(&case);
        assert!(matches!(error, Error::File { .. }), "{case}: {error}");
    };

    let mut state = 5;
    for _ in 0..300 {
        let place = draw(&mut state) as usize % whole.len();
        let bit = draw(&mut state) % 8;
        let mut damaged = whole.clone();
        damaged[place] ^= 1 << bit;
        told(format!("bit {bit} of byte {place}"), &damaged);
    }
    for _ in 0..100 {
        let place = draw(&mut state) as usize % whole.len();
        told(format!("cut after {place}"), &whole[..place]);
    }
    for _ in 0..100 {
        let place = draw(&mut state) as usize % whole.len();
        let length = (1 + draw(&mut state) as usize % 64).min(whole.len() - place);
        let mut damaged = whole.clone();
        for byte in &mut damaged[place..place + length] {
            *byte = draw(&mut state) as u8;
        }
        if damaged != whole {
            told(format!("{length} random bytes from {place}"), &damaged);
        }
    }
    for place in 0..8 {
        let mut damaged = whole.clone();
        damaged[place] = 0xff;
        told(format!("byte {place} of the header's length"), &damaged);
    }
    told("a byte more".to_owned(), &[&whole[..], b"x"].concat());
    Ok(())
}

fn error_of(path: &Path, bytes: &[u8]) -> String {
    let written = fs::write(path, bytes);
    assert!(written.is_ok());
    match Sequential::load_on(path, Device::Cpu) {
        Ok(_) => "loaded".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn foreign_and_hostile_files_are_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.safetensors");
    let with_header = |header: &str, data: usize| {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len() + data, 0);
        error_of(&path, &bytes)
    };
    let format = r#""__metadata__":{"format":"labbook-nn model 1"}"#;
    let tensor = |name: &str, shape: &str, from: u64, to: u64| {
        format!(r#""{name}":{{"dtype":"F32","shape":{shape},"data_offsets":[{from},{to}]}}"#)
    };
    let a = tensor("a", "[2]", 0, 8);
    for (header, data, part) in [
        (format!("{{{a}}}"), 8, "without a format"),
        (
            format!(r#"{{"__metadata__":{{"format":"pt"}},{a}}}"#),
            8,
            "the format pt",
        ),
        (
            format!("{{{format},{a}}}"),
            8,
            "a manifest that does not fit",
        ),
        (format!("{{{format},{a}}}"), 7, "not what its header says"),
        // Overlapping, with a gap, with a shape that is not that long, with impossible shapes.
        (
            format!("{{{format},{a},{}}}", tensor("b", "[2]", 4, 12)),
            12,
            "header",
        ),
        (
            format!("{{{format},{}}}", tensor("a", "[2]", 4, 12)),
            12,
            "header",
        ),
        (
            format!("{{{format},{}}}", tensor("a", "[3]", 0, 8)),
            8,
            "header",
        ),
        (
            format!("{{{format},{}}}", tensor("a", "[NaN]", 0, 8)),
            8,
            "header",
        ),
        (
            format!("{{{format},{}}}", tensor("a", "[-2]", 0, 8)),
            8,
            "header",
        ),
        (
            format!(
                "{{{format},{}}}",
                tensor("a", "[4611686018427387904,4]", 0, 8)
            ),
            8,
            "header",
        ),
        (
            format!("{{{format},{}}}", tensor("a", "[2]", 8, 0)),
            8,
            "header",
        ),
        (
            format!(
                "{{{format},{}}}",
                tensor("a", "[4000000000]", 0, 16_000_000_000)
            ),
            8,
            "not what its header says",
        ),
        ("[1,2]".to_owned(), 0, "header"),
        ("{".to_owned(), 0, "header"),
        (String::new(), 0, "header"),
    ] {
        let error = with_header(&header, data);
        assert!(error.contains(part), "{header}: {error}");
    }
    for (bytes, part) in [
        (&b""[..], "0 bytes, too few"),
        (&b"\x89HDF\r\n\x1a\n"[..], "an HDF5 file"),
        (&[0xff; 40][..], "a header of 18446744073709551615 bytes"),
        (
            &b"\x00\x00\x00\x40\x00\x00\x00\x00{}"[..],
            "a header of 1073741824",
        ),
    ] {
        let error = error_of(&path, bytes);
        assert!(error.contains(part), "{error}");
    }
    let missing = Sequential::load_on(folder.path().join("missing"), Device::Cpu).unwrap_err();
    assert!(matches!(missing, Error::Io { .. }), "{missing}");
    let directory = Sequential::load_on(folder.path(), Device::Cpu).unwrap_err();
    assert!(matches!(directory, Error::Io { .. }), "{directory}");
}

#[test]
fn other_formats_and_impossible_places_are_told() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let model = model(2)?;
    let error = model.save(folder.path().join("model.h5")).unwrap_err();
    assert!(
        error.to_string().contains("leave the ending out"),
        "{error}"
    );
    fs::write(folder.path().join("file"), b"").unwrap();
    let error = model.save(folder.path().join("file/model")).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    fs::create_dir(folder.path().join("taken.safetensors")).unwrap();
    let error = model.save(folder.path().join("taken")).unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    Ok(())
}
