//! Files of `torch.save`: the tensors of a state dictionary, without running what they hold.

mod pickle;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::File;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use labbook_zip as zip;
use tch::Tensor;

use self::pickle::{Fault, Kind, Storage, TensorView, Value, Values, unpickle};
use crate::error::cannot;
use crate::tensors::memory::{available_memory, gigabytes};
use crate::{Error, Result};

/// What files from before PyTorch 1.6 begin with: a pickle of a number.
const OLD: &[u8] = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.";

/// A longer pickle describes no model that a person would train.
const MOST_PICKLE: usize = 16 << 20;

/// Where a training's checkpoint keeps the state dictionary of its model.
const WITHIN: [&str; 4] = ["state_dict", "model_state_dict", "model", "state_dict_ema"];

/// A file of `torch.save` in memory.
#[derive(Debug)]
pub(crate) struct TorchFile {
    path: PathBuf,
    bytes: Vec<u8>,
    tensors: BTreeMap<String, Stored>,
}

/// A tensor, still as it lies in the file.
#[derive(Debug)]
struct Stored {
    kind: Kind,
    size: Vec<i64>,
    stride: Vec<i64>,
    /// The bytes from its first number to its last one.
    place: Range<usize>,
}

impl TorchFile {
    /// Whether a file that begins so is one.
    pub(crate) fn is_one(begin: &[u8]) -> bool {
        begin.starts_with(b"PK\x03\x04") || begin.starts_with(&OLD[..8])
    }

    pub(crate) fn open(path: &Path) -> Result<Self> {
        let bytes = whole(path)?;
        let read = match bytes.starts_with(b"PK") {
            true => of_archive(&bytes),
            false => of_old(&bytes),
        };
        let tensors = read.map_err(|(expected, found)| {
            Error::file(
                path,
                expected,
                found,
                "save it with torch.save(net.state_dict(), path), or write its tensors by \
                 safetensors.torch.save_file: see import_weights",
            )
        })?;
        let path = path.to_owned();
        Ok(Self {
            path,
            bytes,
            tensors,
        })
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.tensors.keys().map(String::as_str)
    }

    pub(crate) fn shape_of(&self, name: &str) -> Option<Vec<i64>> {
        self.tensors.get(name).map(|stored| stored.size.clone())
    }

    /// Reads some tensors, each with memory of its own.
    pub(crate) fn read_some(&self, names: &HashSet<String>) -> Result<BTreeMap<String, Tensor>> {
        let wanted = self
            .tensors
            .iter()
            .filter(|(name, _)| names.contains(*name));
        let tensors = wanted.map(|(name, stored)| Ok((name.clone(), self.tensor(name, stored)?)));
        tensors.collect()
    }

    fn tensor(&self, name: &str, stored: &Stored) -> Result<Tensor> {
        let kind = match stored.kind {
            Kind::Double => tch::Kind::Double,
            Kind::Float => tch::Kind::Float,
            Kind::Half => tch::Kind::Half,
            Kind::BFloat16 => tch::Kind::BFloat16,
            other => {
                return Err(Error::file(
                    &self.path,
                    "tensors of floating-point numbers",
                    format!("{name} of {other:?}"),
                    "convert it with .float() before it is saved",
                ));
            }
        };
        let bytes = &self.bytes[stored.place.clone()];
        let count = (bytes.len() / stored.kind.size()) as i64;
        let numbers = Tensor::f_from_data_size(bytes, &[count], kind)?;
        let view = numbers.f_as_strided(&stored.size, &stored.stride, 0)?;
        Ok(view.f_contiguous()?)
    }
}

/// The file's bytes, if memory holds them.
fn whole(path: &Path) -> Result<Vec<u8>> {
    let file = File::open(path).map_err(|error| cannot("open", path, &error))?;
    let found = file.metadata();
    let size = found.map_err(|error| cannot("read", path, &error))?.len();
    // The tensors that are made of them need as much again.
    let needed = size.saturating_mul(2);
    if let Some(available) = available_memory().filter(|&available| needed > available) {
        return Err(Error::file(
            path,
            format!(
                "at most {}, as memory holds twice",
                gigabytes(available / 2)
            ),
            gigabytes(size),
            "free memory, or write it as safetensors, which is read piece by piece",
        ));
    }
    let mut bytes = Vec::new();
    file.take(size)
        .read_to_end(&mut bytes)
        .map_err(|error| cannot("read", path, &error))?;
    Ok(bytes)
}

fn fault(expected: &str, found: impl Into<String>) -> Fault {
    (expected.to_owned(), found.into())
}

/// Files since PyTorch 1.6: a zip archive of a pickle and a file for each storage.
fn of_archive(bytes: &[u8]) -> Result<BTreeMap<String, Stored>, Fault> {
    let entries = zip::entries(bytes)?;
    let names = entries.iter().map(|entry| entry.name.as_str());
    let files: HashMap<&str, &zip::Entry> = names.zip(&entries).collect();
    if files.contains_key("model.weights.h5") {
        return Err(fault(
            "a file of torch.save or safetensors",
            "one of Keras, which examples/keras_to_safetensors.py converts",
        ));
    }
    let folder = files.keys().find_map(|name| name.strip_suffix("/data.pkl"));
    let folder = folder
        .ok_or_else(|| fault("an archive of torch.save, with data.pkl", "another archive"))?;
    if files.contains_key(format!("{folder}/constants.pkl").as_str()) {
        return Err(fault(
            "a state dictionary",
            "a program of TorchScript, which has code in it",
        ));
    }
    let place_of = |name: &str| -> Result<Option<Range<usize>>, Fault> {
        let entry = files.get(format!("{folder}/{name}").as_str());
        entry.map(|entry| zip::stored(bytes, entry)).transpose()
    };
    if let Some(order) = place_of("byteorder")?
        && &bytes[order.clone()] != b"little"
    {
        return Err(fault("numbers with their little end first", "others"));
    }
    let place = place_of("data.pkl")?.unwrap_or_default();
    let mut values = Values::default();
    let (state, _) = unpickle(limited(&bytes[place])?, &mut values)?;
    let mut places = Vec::new();
    // One storage may be named by many tensors.
    let mut known: HashMap<&str, Range<usize>> = HashMap::new();
    for storage in &values.storages {
        let key = values.text(storage.key).unwrap_or_default();
        let place = match known.get(key) {
            Some(place) => place.clone(),
            None => {
                let place = place_of(&format!("data/{key}"))?;
                let place =
                    place.ok_or_else(|| fault("every storage's numbers", "some missing"))?;
                known.entry(key).or_insert(place).clone()
            }
        };
        places.push(place);
    }
    gathered(&values, state, &places)
}

/// Files from before: pickles one after another, then the numbers.
fn of_old(bytes: &[u8]) -> Result<BTreeMap<String, Stored>, Fault> {
    let mut rest = bytes
        .strip_prefix(OLD)
        .ok_or_else(|| fault("a file of torch.save", "another one that begins like it"))?;
    let mut values = Values::default();
    let mut told = Vec::new();
    // Version, system, state dictionary, and the order of the storages.
    for _ in 0..4 {
        let within = &rest[..rest.len().min(MOST_PICKLE)];
        let (value, length) = unpickle(within, &mut values)?;
        told.push(value);
        rest = &rest[length..];
    }
    let keys = values.items(told[3]).unwrap_or_default();
    let kinds: HashMap<&str, Kind> = values
        .storages
        .iter()
        .filter_map(|storage| Some((values.text(storage.key)?, storage.kind)))
        .collect();
    let mut known: HashMap<&str, Range<usize>> = HashMap::new();
    let mut start = bytes.len() - rest.len();
    for key in keys {
        let cut = || fault("the numbers of every storage", "a file that is cut short");
        let key = values.text(*key).ok_or_else(cut)?;
        let kind = kinds.get(key).ok_or_else(cut)?;
        let count = bytes.get(start..start + 8).ok_or_else(cut)?;
        let count = count
            .iter()
            .rev()
            .fold(0_u64, |n, &b| (n << 8) | u64::from(b));
        let length = usize::try_from(count).ok();
        let length = length.and_then(|count| count.checked_mul(kind.size()));
        let end = length.and_then(|length| (start + 8).checked_add(length));
        let end = end.filter(|&end| end <= bytes.len()).ok_or_else(cut)?;
        known.insert(key, start + 8..end);
        start = end;
    }
    let places = values.storages.iter().map(|storage| {
        let key = values.text(storage.key).unwrap_or_default();
        let place = known.get(key).cloned();
        place.ok_or_else(|| fault("every storage's numbers", "some missing"))
    });
    let places = places.collect::<Result<Vec<_>, _>>()?;
    gathered(&values, told[2], &places)
}

fn limited(pickle: &[u8]) -> Result<&[u8], Fault> {
    match pickle.len() > MOST_PICKLE {
        true => Err(fault(
            "a pickle of at most 16 MB",
            format!("{} bytes", pickle.len()),
        )),
        false => Ok(pickle),
    }
}

/// The tensors of a state dictionary, or of the one within a training's checkpoint.
fn gathered(
    values: &Values,
    state: Value,
    places: &[Range<usize>],
) -> Result<BTreeMap<String, Stored>, Fault> {
    let tensors_of = |value: Value| -> Option<Vec<(&str, &TensorView)>> {
        let pairs = values.pairs(value)?.iter();
        let tensors =
            pairs.filter_map(|&(key, value)| Some((values.text(key)?, values.tensor(value)?)));
        Some(tensors.collect()).filter(|tensors: &Vec<_>| !tensors.is_empty())
    };
    let within = || {
        let pairs = values.pairs(state).unwrap_or_default();
        let named = |name: &&str| {
            let found = pairs
                .iter()
                .find(|(key, _)| values.text(*key) == Some(*name));
            found.map(|&(_, value)| value)
        };
        WITHIN.iter().filter_map(named).find_map(tensors_of)
    };
    let tensors = tensors_of(state).or_else(within);
    let tensors = tensors.ok_or_else(|| fault("a dictionary of tensors", "none in it"))?;
    let mut gathered = BTreeMap::new();
    for (name, view) in tensors {
        let storage = &values.storages[view.storage];
        let shown = || name.escape_debug().take(80).collect::<String>();
        let Some(place) = place_within(view, storage, &places[view.storage]) else {
            return Err(fault(
                "tensors within their storages",
                format!("{} beyond its own", shown()),
            ));
        };
        let stored = Stored {
            kind: storage.kind,
            size: view.size.clone(),
            stride: view.stride.clone(),
            place,
        };
        if gathered.insert(name.to_owned(), stored).is_some() {
            return Err(fault("names that differ", format!("{} twice", shown())));
        }
    }
    Ok(gathered)
}

/// The bytes from a tensor's first number to its last one, if they are all in the storage.
fn place_within(
    view: &TensorView,
    storage: &Storage,
    place: &Range<usize>,
) -> Option<Range<usize>> {
    let bytes = storage.kind.size();
    if storage.count.checked_mul(bytes as u64) != Some(place.len() as u64) {
        return None;
    }
    let axes = || view.size.iter().zip(&view.stride);
    if view.offset < 0 || axes().any(|(&size, &stride)| size < 0 || stride < 0) {
        return None;
    }
    let elements = axes().try_fold(1_i64, |all, (&size, _)| all.checked_mul(size))?;
    let count = match elements {
        0 => 0,
        _ => axes().try_fold(1_i64, |count, (&size, &stride)| {
            count.checked_add((size - 1).checked_mul(stride)?)
        })?,
    };
    let start = usize::try_from(view.offset).ok()?.checked_mul(bytes)?;
    let length = usize::try_from(count).ok()?.checked_mul(bytes)?;
    let end = start.checked_add(length)?;
    (end <= place.len()).then(|| place.start + start..place.start + end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tensor_lies_within_its_storage_or_is_refused() {
        let storage = Storage {
            kind: Kind::Float,
            key: Value::None,
            count: 6,
        };
        let place = |offset, size: &[i64], stride: &[i64]| {
            let view = TensorView {
                storage: 0,
                offset,
                size: size.to_vec(),
                stride: stride.to_vec(),
            };
            place_within(&view, &storage, &(100..124))
        };
        assert_eq!(place(0, &[2, 3], &[3, 1]), Some(100..124));
        assert_eq!(place(1, &[2, 2], &[1, 3]), Some(104..124));
        assert_eq!(place(6, &[0], &[1]), Some(124..124));
        assert_eq!(place(2, &[], &[]), Some(108..112));
        for (offset, size, stride) in [
            (1, &[2, 3][..], &[3, 1][..]),
            (-1, &[2], &[1]),
            (0, &[-2], &[1]),
            (0, &[2], &[-1]),
            (0, &[i64::MAX, 3], &[0, 1]),
            (0, &[2], &[i64::MAX]),
            (i64::MAX, &[1], &[1]),
            (7, &[0], &[1]),
        ] {
            assert_eq!(place(offset, size, stride), None, "{offset} {size:?}");
        }
    }
}
