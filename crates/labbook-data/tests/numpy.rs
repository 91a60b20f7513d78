//! NumPy's files, as `fixtures/numpy.py` writes them, and what is refused.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::PathBuf;

use labbook_data::{DataError, NumpyArray, ToNumpy, read_npy, read_npz, write_npy, write_npz};
use ndarray::{Array, Axis};
use tch::{Device, Kind, Tensor};

fn fixture(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/numpy");
    folder.join(name)
}

fn counted(array: &NumpyArray) -> Vec<f64> {
    array.f64_array().unwrap().into_raw_vec_and_offset().0
}

#[test]
fn every_kind_of_number_is_read() -> Result<(), DataError> {
    let kinds = [
        ("u1", "uint8", Kind::Uint8),
        ("i1", "int8", Kind::Int8),
        ("little_u2", "uint16", Kind::Int64),
        ("big_u2", "uint16", Kind::Int64),
        ("little_i2", "int16", Kind::Int16),
        ("little_u4", "uint32", Kind::Int64),
        ("little_i4", "int32", Kind::Int),
        ("big_i4", "int32", Kind::Int),
        ("little_u8", "uint64", Kind::Int64),
        ("little_i8", "int64", Kind::Int64),
        ("little_f2", "float32", Kind::Float),
        ("little_f4", "float32", Kind::Float),
        ("big_f4", "float32", Kind::Float),
        ("little_f8", "float64", Kind::Double),
        ("big_f8", "float64", Kind::Double),
        ("version2", "int64", Kind::Int64),
    ];
    for (name, kind, tensor) in kinds {
        let array = read_npy(fixture(&format!("{name}.npy")))?;
        assert_eq!((array.kind(), array.shape()), (kind, &[2, 3][..]), "{name}");
        assert_eq!(counted(&array), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0], "{name}");
        assert_eq!(array.tensor()?.kind(), tensor, "{name}");
        assert_eq!(array.f32_array()?[[1, 0]], 3.0);
        assert_eq!(
            array.i64_array().is_ok(),
            !kind.starts_with("float"),
            "{name}"
        );
    }
    let truths = read_npy(fixture("bool.npy"))?;
    assert_eq!(truths.tensor()?.kind(), Kind::Bool);
    assert_eq!(truths.i64_array()?.sum(), 3);
    Ok(())
}

#[test]
fn columns_scalars_empty_arrays_and_texts_are_read() -> Result<(), DataError> {
    let columns = read_npy(fixture("fortran.npy"))?;
    assert_eq!(columns.to_string(), "float32 (2, 3, 4)");
    let expected: Vec<f64> = (0..24).map(f64::from).collect();
    assert_eq!(counted(&columns), expected);
    let scalar = read_npy(fixture("scalar.npy"))?;
    assert_eq!((scalar.shape().len(), counted(&scalar)), (0, vec![2.5]));
    let empty = read_npy(fixture("empty.npy"))?;
    assert_eq!(
        (empty.shape(), empty.tensor()?.size()),
        (&[0, 4][..], vec![0, 4])
    );
    let texts = read_npy(fixture("texts.npy"))?;
    assert_eq!(
        (texts.shape(), texts.texts()?),
        (
            &[2, 2][..],
            ["cat", "Käfer", "", "日本"].map(str::to_owned).to_vec()
        )
    );
    assert!(
        texts
            .tensor()
            .unwrap_err()
            .to_string()
            .contains("Received: str")
    );
    assert_eq!(read_npy(fixture("bytes.npy"))?.texts()?, ["cat", "a"]);
    Ok(())
}

#[test]
fn arrays_by_name_are_read_stored_or_packed() -> Result<(), DataError> {
    for name in ["stored.npz", "packed.npz"] {
        let data = read_npz(fixture(name))?;
        assert_eq!(data.names(), ["x", "y", "names"]);
        assert_eq!(
            data.to_string(),
            "x: float32 (2, 3)\ny: int64 (4,)\nnames: str (2,)"
        );
        assert_eq!(data.get("y")?.i64_array()?.sum(), 6);
        assert_eq!(data.tensor("x")?.size(), [2, 3]);
        let error = data.get("z").unwrap_err().to_string();
        assert!(error.contains("one of x, y, names"), "{error}");
    }
    Ok(())
}

#[test]
fn what_is_written_is_read_and_numpy_may_check_it() -> Result<(), DataError> {
    let kept = std::env::var_os("LABBOOK_NUMPY_CHECK").map(PathBuf::from);
    let folder = tempfile::tempdir().unwrap();
    let folder = kept.unwrap_or_else(|| folder.path().to_owned());
    let x = Tensor::arange(6, (Kind::Float, Device::Cpu)).reshape([2, 3]);
    write_npy(folder.join("x.npy"), &x)?;
    assert_eq!(read_npy(folder.join("x.npy"))?.tensor()?, x);
    let (y, names) = (Array::from_iter(0..4_i64), vec!["a", "bc"]);
    let arrays: [(&str, &dyn ToNumpy); 3] = [("x", &x), ("y", &y), ("names", &names)];
    write_npz(folder.join("data.npz"), arrays)?;
    let data = read_npz(folder.join("data.npz"))?;
    assert_eq!(data.tensor("x")?, x);
    assert_eq!(data.get("y")?.i64_array()?, y.into_dyn());
    assert_eq!(data.get("names")?.texts()?, names);

    for kind in [
        Kind::Bool,
        Kind::Uint8,
        Kind::Int8,
        Kind::Int16,
        Kind::Int,
        Kind::Int64,
        Kind::Double,
    ] {
        let values = Tensor::from_slice(&[1_i64, 0, 1]).to_kind(kind);
        write_npy(folder.join("kind.npy"), &values)?;
        assert_eq!(
            read_npy(folder.join("kind.npy"))?.tensor()?,
            values,
            "{kind:?}"
        );
    }
    // An array that lies otherwise in memory keeps its meaning.
    let mut turned = Array::from_iter(0..6_u16)
        .into_shape_with_order((2, 3))
        .unwrap();
    turned.swap_axes(0, 1);
    write_npy(folder.join("kind.npy"), &turned)?;
    let read = read_npy(folder.join("kind.npy"))?;
    assert_eq!(
        read.f64_array()?
            .index_axis(Axis(0), 1)
            .iter()
            .copied()
            .collect::<Vec<f64>>(),
        [1.0, 4.0]
    );
    assert!(write_npz(folder.join("twice.npz"), [("x", &x), ("x", &x)]).is_err());
    assert!(write_npy(folder.join("nowhere/x.npy"), &x).is_err());
    Ok(())
}

#[test]
fn objects_tables_and_other_kinds_are_refused_by_name() {
    let told = |name: &str| read_npy(fixture(name)).unwrap_err().to_string();
    for (name, reason) in [
        ("objects.npy", "pickled"),
        ("complex.npy", "complex numbers"),
        ("dates.npy", "dates or times"),
        ("table.npy", "a table of several kinds"),
        ("stored.npz", "begins with"),
    ] {
        let error = told(name);
        assert!(error.contains(reason) && error.contains(name), "{error}");
    }
    assert!(read_npy("/dev/zero").is_err() && read_npy("/").is_err());
    let error = read_npz(fixture("u1.npy")).unwrap_err().to_string();
    assert!(error.contains("begins with PK"), "{error}");
}

#[test]
fn damaged_files_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("damaged");
    let good = fs::read(fixture("little_f4.npy")).unwrap();
    for length in 0..good.len() {
        fs::write(&path, &good[..length]).unwrap();
        assert!(read_npy(&path).is_err(), "{length}");
    }
    fs::write(&path, [&good[..], &[0]].concat()).unwrap();
    let error = read_npy(&path).unwrap_err().to_string();
    assert!(
        error.contains("6 values of 4 bytes") && error.contains("25 bytes"),
        "{error}"
    );
    for (from, to) in [
        ("(2, 3)", "(9, 9)"),
        ("<f4", "<U9"),
        ("(2, 3), }", "(18446744073709551615, 3), }"),
    ] {
        let text = good.escape_ascii().to_string();
        let bytes = String::from_utf8_lossy(&good).into_owned();
        assert!(bytes.contains(from), "{text}");
        let changed: Vec<u8> = replaced(&good, from.as_bytes(), to.as_bytes());
        fs::write(&path, changed).unwrap();
        assert!(read_npy(&path).is_err(), "{to}");
    }

    for name in ["stored.npz", "packed.npz"] {
        let good = fs::read(fixture(name)).unwrap();
        for length in (0..good.len()).step_by(13) {
            fs::write(&path, &good[..length]).unwrap();
            assert!(read_npz(&path).is_err(), "{name} {length}");
        }
        // No change of a single byte goes unseen where numbers or sizes stand.
        for at in (0..good.len()).step_by(11) {
            let mut bytes = good.clone();
            bytes[at] ^= 0x55;
            fs::write(&path, &bytes).unwrap();
            let (changed, whole) = (read_npz(&path), read_npz(fixture(name)).unwrap());
            let same = |data: &labbook_data::NumpyArrays| {
                data.get("x").ok() == whole.get("x").ok()
                    && data.get("y").ok() == whole.get("y").ok()
            };
            assert!(changed.as_ref().map_or(true, same), "{name} {at}");
        }
    }
}

fn replaced(bytes: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let at = bytes
        .windows(from.len())
        .position(|part| part == from)
        .unwrap();
    [&bytes[..at], to, &bytes[at + from.len()..]].concat()
}
