//! Files that are no files, that lie about their size, or that are damaged.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::process::Command;

use labbook_nn::{Adam, Dense, Fit, Model, Result, Sequential, set_run_folder};
use tch::{Device, Kind, Tensor};

fn model() -> Result<Sequential> {
    let mut model = Sequential::on(Device::Cpu).seeded(1);
    model.add(Dense::new(2).name("dense").input_shape(3));
    model.compile(Adam::new(), "mse", [])?;
    Ok(model)
}

fn fit(options: &Fit) -> Result<()> {
    let x = Tensor::ones([8, 3], (Kind::Float, Device::Cpu));
    let y = Tensor::ones([8, 2], (Kind::Float, Device::Cpu));
    model()?.fit(&x, &y, options).map(|_| ())
}

fn make_pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status();
    assert!(made.expect("mkfifo").success());
}

#[test]
fn a_pipe_is_refused_at_once() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("training.safetensors");
    make_pipe(&pipe);
    let options = || Fit::new().verbose(0);
    let lock = folder.path().join("named.lock");
    make_pipe(&lock);
    set_run_folder(folder.path());
    let told = [
        Model::load_on(&pipe, Device::Cpu).err(),
        model()?.load_weights(&pipe).err(),
        fit(&options().resume_from(&pipe)).err(),
        fit(&options().run_name("training")).err(),
        fit(&options().run_name("named")).err(),
    ];
    for (case, error) in told.into_iter().enumerate() {
        let error = error.expect("an error").to_string();
        assert!(error.contains("expected a regular file"), "{case}: {error}");
    }
    assert!(Model::load_on("/dev/zero", Device::Cpu).is_err());
    Ok(())
}

/// A file of 100 GB that takes no room on the disk.
fn sparse(path: &Path, format: &str, manifest: &str) {
    let numbers = 25_000_000_000_u64;
    let manifest = serde_json::to_string(manifest).expect("JSON");
    let header = format!(
        r#"{{"__metadata__":{{"format":"{format}","sha256":"","manifest":{manifest}}},"weights/dense/kernel:0":{{"dtype":"F32","shape":[{numbers}],"data_offsets":[0,{}]}}}}"#,
        4 * numbers
    );
    let mut file = File::create(path).expect("a file");
    file.write_all(&(header.len() as u64).to_le_bytes())
        .expect("written");
    file.write_all(header.as_bytes()).expect("written");
    file.set_len(8 + header.len() as u64 + 4 * numbers)
        .expect("a file with a hole");
}

#[test]
fn a_file_that_says_it_is_larger_than_memory_is_refused_before_it_is_read() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("huge.safetensors");
    let weights = r#"{"weights":["dense/kernel:0"]}"#;
    sparse(&path, "labbook-nn model 1", "{}");
    let error = Model::load_on(&path, Device::Cpu).unwrap_err().to_string();
    assert!(error.contains("a manifest that does not fit"), "{error}");
    sparse(&path, "labbook-nn weights 1", weights);
    let error = model()?.load_weights(&path).unwrap_err().to_string();
    // What is told first depends on the memory of this machine.
    assert!(
        error.contains("100.0 GB; free memory") || error.contains("parts that fit"),
        "{error}"
    );
    Ok(())
}

#[test]
fn a_damaged_training_is_told_with_the_file_to_remove() -> Result<()> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("training.safetensors");
    let options = || Fit::new().epochs(2).verbose(0).resume_from(&path);
    fit(&options())?;
    let whole = fs::read(&path).unwrap();
    let mut flipped = whole.clone();
    *flipped.last_mut().unwrap() ^= 1;
    for damaged in [&whole[..whole.len() - 1], &flipped] {
        fs::write(&path, damaged).unwrap();
        let error = fit(&options()).unwrap_err().to_string();
        assert!(error.starts_with(&path.display().to_string()), "{error}");
        assert!(
            error.ends_with("remove this file, or use .resume(false), to begin anew"),
            "{error}"
        );
    }
    fit(&options().resume(false))
}
