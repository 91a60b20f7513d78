//! Files of `torch.save`, which `fixtures/torch_files.py` wrote, and what is wrong with others.

#![allow(clippy::unwrap_used)] // A test says what it expected by failing.

use std::path::{Path, PathBuf};

use labbook_nn::{Dense, ImportedWeights, Model, Result, Sequential, WeightLayout};
use safetensors::SafeTensors;
use tch::{Device, Kind, Tensor};

fn fixture(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    folder.join(name)
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(fixture(name)).unwrap()
}

/// Dense layers by their names, inputs and units.
fn chain(layers: &[(&str, i64, i64)]) -> Sequential {
    let mut model = Sequential::on(Device::Cpu).seeded(1);
    for (name, inputs, units) in layers {
        model.add(Dense::new(*units).name(*name).input_shape(*inputs));
    }
    model
}

fn import(model: &mut Model, path: &Path) -> Result<ImportedWeights> {
    model.import_matching_weights(path, WeightLayout::PyTorch)
}

fn numbers(model: &Model, name: &str) -> Vec<f64> {
    let weights = model.weights().unwrap();
    let (_, weight) = weights.iter().find(|(known, _)| known == name).unwrap();
    Vec::try_from(weight.reshape([-1]).to_kind(Kind::Double)).unwrap()
}

#[test]
fn files_of_both_formats_and_checkpoints_hold_what_the_safetensors_file_does() {
    let told = bytes("weights_torch.safetensors");
    let told = SafeTensors::deserialize(&told).unwrap();
    for file in ["torch_new.pt", "torch_old.pt", "torch_checkpoint.pt"] {
        let mut model = chain(&[("hidden", 32, 6), ("out", 6, 3)]);
        let imported = import(&mut model, &fixture(file)).unwrap();
        assert_eq!(imported.taken.len(), 4, "{file}");
        assert!(imported.left_over.contains(&"first.weight".to_owned()));
        let map = model.weight_map(WeightLayout::PyTorch).unwrap();
        for row in map.rows() {
            let view = told.tensor(&row.name).unwrap();
            let theirs = Tensor::from_data_size(view.data(), &row.shape, Kind::Float);
            let theirs = match row.shape.len() {
                2 => theirs.tr(),
                _ => theirs,
            };
            let theirs: Vec<f64> = theirs.contiguous().reshape([-1]).try_into().unwrap();
            assert_eq!(numbers(&model, &row.weight), theirs, "{file}: {}", row.name);
        }
    }
}

#[test]
fn views_of_one_storage_and_other_kinds_of_numbers_are_read() -> Result<()> {
    let mut model = chain(&[("hidden", 2, 2), ("out", 2, 1)]);
    assert!(import(&mut model, &fixture("torch_views.pt"))?.is_complete());
    // PyTorch's (outputs, inputs) of [[4, 8], [5, 9]].
    assert_eq!(numbers(&model, "hidden/kernel:0"), [4.0, 5.0, 8.0, 9.0]);
    assert_eq!(numbers(&model, "hidden/bias:0"), [5.0, 6.0]);
    assert_eq!(numbers(&model, "out/kernel:0"), [0.0, 1.0]);
    assert_eq!(numbers(&model, "out/bias:0"), [11.0]);

    let mut model = chain(&[("hidden", 2, 1), ("out", 1, 1)]);
    let error = import(&mut model, &fixture("torch_kinds.pt")).unwrap_err();
    assert!(error.to_string().contains("out.bias of Long"), "{error}");
    let mut model = Sequential::on(Device::Cpu);
    model.add(Dense::new(1).name("hidden").input_shape(2));
    let _ = import(&mut model, &fixture("torch_kinds.pt"))?;
    assert_eq!(numbers(&model, "hidden/kernel:0"), [0.5, -2.0]);
    assert_eq!(numbers(&model, "hidden/bias:0"), [1.5]);
    Ok(())
}

#[test]
fn a_file_that_asks_for_a_function_is_refused_by_its_name() {
    let mut model = chain(&[("out", 3, 4)]);
    let error = import(&mut model, &fixture("torch_call.pt")).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("received a call of posix.system"), "{text}");
    assert!(
        text.contains("torch.save(net.state_dict(), path)"),
        "{text}"
    );
}

/// Many cuts and many changed bits: an error or a file that is read, and no panic.
#[test]
fn damaged_files_are_told_and_never_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.pt");
    let mut model = chain(&[("hidden", 2, 2), ("out", 2, 1)]);
    for file in ["torch_views.pt", "torch_old.pt"] {
        let whole = bytes(file);
        let mut read = 0;
        for length in (0..whole.len()).step_by(7) {
            std::fs::write(&path, &whole[..length]).unwrap();
            read += i32::from(import(&mut model, &path).is_ok());
        }
        assert_eq!(read, 0, "a part of {file} passed for the whole");
        for place in (0..whole.len()).step_by(3) {
            let mut changed = whole.clone();
            changed[place] ^= 1 << (place % 8);
            std::fs::write(&path, changed).unwrap();
            let _ = import(&mut model, &path);
        }
    }
}

#[test]
fn what_is_no_state_dictionary_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file.pt");
    let told = |files: &[(&str, &[u8])], told: &str| {
        let files: Vec<(String, Vec<u8>)> = files
            .iter()
            .map(|(name, bytes)| ((*name).to_owned(), bytes.to_vec()))
            .collect();
        std::fs::write(&path, labbook_zip::written(&files).unwrap()).unwrap();
        let error = import(&mut chain(&[("out", 1, 1)]), &path).unwrap_err();
        assert!(error.to_string().contains(told), "{error}");
    };
    told(&[("model.weights.h5", b"")], "keras_to_safetensors.py");
    told(&[("a.txt", b"")], "with data.pkl");
    let pickle: &[u8] = b"\x80\x02}.";
    told(&[("a/data.pkl", pickle)], "received none in it");
    let script: &[(&str, &[u8])] = &[("a/data.pkl", pickle), ("a/constants.pkl", pickle)];
    told(script, "TorchScript");
    let order: &[(&str, &[u8])] = &[("a/data.pkl", pickle), ("a/byteorder", b"big")];
    told(order, "little end first");
    let long = vec![b'N'; (16 << 20) + 1];
    told(&[("a/data.pkl", &long)], "at most 16 MB");
}
