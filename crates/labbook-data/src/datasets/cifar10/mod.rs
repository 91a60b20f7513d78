//! CIFAR-10 (Krizhevsky, 2009): finding, reading and checking its binary files.

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use ndarray::{Array2, Array4};
use sha2::{Digest, Sha256};

use crate::files::{Kind, kind, unreadable};
use crate::{DataError, ImageSet, ImageSets, Provenance};

use super::locate::is_project_root;

mod drawn;

pub(super) use drawn::draw_in_hue;
pub use drawn::{DrawnSet, Split};

/// Width and height of every image, in pixels.
pub const SIDE: usize = 32;

/// Colour channels of every image: red, green, blue.
pub const CHANNELS: usize = 3;

/// How many classes there are; labels run from 0 to one less.
pub const CLASSES: usize = 10;

/// The environment variable that names a folder which is or holds `cifar-10-batches-bin`.
///
/// An empty value counts as unset; the value [`DRAWN`] asks for the drawn set.
pub const DATA_VARIABLE: &str = "LABBOOK_DATA";

/// The value of [`DATA_VARIABLE`] that chooses the drawn set even where CIFAR-10 is found.
pub const DRAWN: &str = "drawn";

/// The folder's name inside the official archive.
pub const DIRECTORY: &str = "cifar-10-batches-bin";

/// How many training images CIFAR-10 has.
pub const TRAIN_IMAGES: usize = 50_000;

/// How many test images CIFAR-10 has.
pub const TEST_IMAGES: usize = 10_000;

/// The classes' official names, by label.
pub const CLASS_NAMES: [&str; CLASSES] = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
];

/// The drawn set's size when no CIFAR-10 is found: training images, then test images.
pub const DRAWN_IMAGES: (usize, usize) = (6_000, 2_000);

const IMAGES_PER_FILE: usize = 10_000;
const PLANE: usize = SIDE * SIDE;
/// A label byte, then the red, green and blue planes, each row by row.
const RECORD: usize = 1 + CHANNELS * PLANE;

const TRAIN_FILES: [&str; 5] = [
    "data_batch_1.bin",
    "data_batch_2.bin",
    "data_batch_3.bin",
    "data_batch_4.bin",
    "data_batch_5.bin",
];
const TEST_FILE: &str = "test_batch.bin";

/// What messages say of the files.
const LAYOUT: &str =
    "CIFAR-10 is data_batch_1.bin to data_batch_5.bin and test_batch.bin, all in one folder";
const FILE_LAYOUT: &str = "10,000 records of 3,073";

/// All six SHA-256 sums agree.
const OFFICIAL: &str = "CIFAR-10, official binary files";
/// Such as images that were compressed again.
const OFFICIAL_LAYOUT: &str =
    "CIFAR-10 in the official layout, but not the official files (checksums differ)";

/// SHA-256 of the official files, training files first.
const OFFICIAL_SHA256: [&str; 6] = [
    "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
];

/// Loads CIFAR-10, or draws a stand-in of [`DRAWN_IMAGES`] where there is none.
///
/// Looks at the folder that [`DATA_VARIABLE`] names; without it, at `data/cifar-10-batches-bin` in
/// the working directory and in each folder above it, as far as the project's root (the folder with
/// a `.git` or a workspace's `Cargo.toml`).
///
/// # Errors
/// A folder that was found but is incomplete or damaged, and a variable that names no such folder,
/// are errors: the drawn set takes the place of missing data only.
pub fn load_data() -> Result<ImageSets, DataError> {
    match locate()? {
        Some(dir) => read(&dir),
        None => Ok(drawn(DRAWN_IMAGES.0, DRAWN_IMAGES.1, 0)),
    }
}

/// As [`load_data`], but with at most so many training and test images: the first ones of CIFAR-10,
/// or exactly so many drawn ones (up to CIFAR-10's 50,000 and 10,000).
///
/// # Errors
/// As [`load_data`].
pub fn load_at_most(train: usize, test: usize) -> Result<ImageSets, DataError> {
    match locate()? {
        Some(dir) => Ok(read(&dir)?.take(train, test)),
        None => Ok(drawn(train.min(TRAIN_IMAGES), test.min(TEST_IMAGES), 0)),
    }
}

/// Reads the six official binary files of one folder.
///
/// # Errors
/// A [`DataError`] that names the first file that is missing, unreadable, of the wrong length or
/// holds a label above 9.
pub fn read(dir: &Path) -> Result<ImageSets, DataError> {
    read_batches(dir, IMAGES_PER_FILE)
}

/// The drawn stand-in set; see [`DrawnSet`].
#[must_use]
pub fn drawn(train: usize, test: usize, seed: u64) -> ImageSets {
    let set = DrawnSet::new(seed);
    ImageSets {
        train: set.train(train),
        test: set.test(test),
        class_names: names(&DrawnSet::CLASS_NAMES),
        provenance: set.provenance(),
    }
}

/// The folder that [`load_data`] would read; `None` if it would draw.
///
/// # Errors
/// A [`DATA_VARIABLE`] that names no folder with CIFAR-10, or a folder that cannot be looked into.
pub fn locate() -> Result<Option<PathBuf>, DataError> {
    let current = env::current_dir().map_err(|source| DataError::Unreadable {
        path: PathBuf::from("."),
        source,
    })?;
    locate_from(env::var_os(DATA_VARIABLE).as_deref(), &current)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn locate_from(variable: Option<&OsStr>, current: &Path) -> Result<Option<PathBuf>, DataError> {
    if let Some(value) = variable.filter(|value| !value.is_empty()) {
        if value == DRAWN {
            return Ok(None);
        }
        return named_by_variable(current.join(value)).map(Some);
    }
    for dir in current.ancestors() {
        let candidate = dir.join("data").join(DIRECTORY);
        if kind(&candidate)? != Kind::Missing {
            return Ok(Some(candidate));
        }
        if is_project_root(dir) {
            break;
        }
    }
    Ok(None)
}

fn named_by_variable(path: PathBuf) -> Result<PathBuf, DataError> {
    match kind(&path)? {
        Kind::Directory => {}
        other => {
            return Err(DataError::EnvNotADirectory {
                wanted: DIRECTORY,
                found: other.described(),
                path,
            });
        }
    }
    let inner = path.join(DIRECTORY);
    if kind(&inner)? == Kind::Directory {
        return Ok(inner);
    }
    let is_itself = path.file_name() == Some(OsStr::new(DIRECTORY));
    if is_itself || kind(&path.join(TRAIN_FILES[0]))? != Kind::Missing {
        return Ok(path);
    }
    Err(DataError::EnvWithoutData {
        wanted: DIRECTORY,
        first: TRAIN_FILES[0],
        path,
    })
}

fn read_batches(dir: &Path, images_per_file: usize) -> Result<ImageSets, DataError> {
    let mut train = Batches::new(TRAIN_FILES.len(), images_per_file);
    let mut test = Batches::new(1, images_per_file);
    // Once one file differs, the others need no checksum.
    let mut official = true;
    for (number, name) in TRAIN_FILES.iter().chain([&TEST_FILE]).enumerate() {
        let path = dir.join(name);
        let bytes = read_file(&path, (images_per_file * RECORD) as u64)?;
        official = official && hex(&Sha256::digest(&bytes)) == OFFICIAL_SHA256[number];
        let part = if number < TRAIN_FILES.len() {
            &mut train
        } else {
            &mut test
        };
        part.append(&path, &bytes)?;
    }
    let dir = dir.to_path_buf();
    Ok(ImageSets {
        train: train.finish()?,
        test: test.finish()?,
        class_names: names(&CLASS_NAMES),
        provenance: if official {
            Provenance::official(OFFICIAL, dir)
        } else {
            Provenance::files(OFFICIAL_LAYOUT, dir)
        },
    })
}

fn read_file(path: &Path, expected: u64) -> Result<Vec<u8>, DataError> {
    match kind(path)? {
        Kind::File => {}
        Kind::Missing => {
            return Err(DataError::MissingFile {
                layout: LAYOUT,
                path: path.to_path_buf(),
            });
        }
        other => {
            return Err(DataError::NotAFile {
                path: path.to_path_buf(),
                found: other.described(),
            });
        }
    }
    let file = File::open(path).map_err(|source| unreadable(path, source))?;
    let length = |file: &File| file.metadata().map(|found| found.len());
    let found = length(&file).map_err(|source| unreadable(path, source))?;
    let wrong_size = |found| DataError::WrongSize {
        layout: FILE_LAYOUT,
        path: path.to_path_buf(),
        expected,
        found,
    };
    // Before reading, so that a huge file is refused without filling memory.
    if found != expected {
        return Err(wrong_size(found));
    }
    let mut bytes = Vec::with_capacity(expected as usize);
    file.take(expected)
        .read_to_end(&mut bytes)
        .map_err(|source| unreadable(path, source))?;
    // A file that is being written or cut meanwhile.
    if bytes.len() as u64 != expected {
        return Err(wrong_size(bytes.len() as u64));
    }
    Ok(bytes)
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Red, green and blue planes as pixels.
pub(super) fn add_pixels(planes: &[u8], pixels: &mut Vec<u8>) {
    let (red, rest) = planes.split_at(PLANE);
    let (green, blue) = rest.split_at(PLANE);
    let start = pixels.len();
    pixels.resize(start + CHANNELS * PLANE, 0);
    let pixels = pixels[start..].chunks_exact_mut(CHANNELS);
    for (((pixel, &r), &g), &b) in pixels.zip(red).zip(green).zip(blue) {
        pixel.copy_from_slice(&[r, g, b]);
    }
}

/// Images and labels of some files, one after the other.
struct Batches {
    pixels: Vec<u8>,
    labels: Vec<i64>,
}

impl Batches {
    fn new(files: usize, images_per_file: usize) -> Self {
        let images = files * images_per_file;
        Self {
            pixels: Vec::with_capacity(images * CHANNELS * PLANE),
            labels: Vec::with_capacity(images),
        }
    }

    fn append(&mut self, path: &Path, bytes: &[u8]) -> Result<(), DataError> {
        for (record, bytes) in bytes.chunks_exact(RECORD).enumerate() {
            let label = bytes[0];
            if usize::from(label) >= CLASSES {
                return Err(DataError::BadLabel {
                    what: "CIFAR-10 batch",
                    classes: CLASSES,
                    path: path.to_path_buf(),
                    record,
                    found: label,
                });
            }
            self.labels.push(label.into());
            add_pixels(&bytes[1..], &mut self.pixels);
        }
        Ok(())
    }

    fn finish(self) -> Result<ImageSet, DataError> {
        let n = self.labels.len();
        let wrong = |_| DataError::WrongShape {
            images: vec![n, SIDE, SIDE, CHANNELS],
            labels: vec![n, 1],
        };
        let images =
            Array4::from_shape_vec((n, SIDE, SIDE, CHANNELS), self.pixels).map_err(wrong)?;
        let labels = Array2::from_shape_vec((n, 1), self.labels).map_err(wrong)?;
        ImageSet::new(images, labels, &CLASS_NAMES)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use tempfile::TempDir;

    const FEW: usize = 3;

    /// Record r of file f: label (f + r) mod 10; red is the column, green the row, blue 10 f + r.
    fn batch(file: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        for record in 0..FEW {
            bytes.push(((file + record) % CLASSES) as u8);
            bytes.extend((0..PLANE).map(|at| (at % SIDE) as u8));
            bytes.extend((0..PLANE).map(|at| (at / SIDE) as u8));
            bytes.extend([(10 * file + record) as u8; PLANE]);
        }
        bytes
    }

    fn written() -> TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (number, name) in TRAIN_FILES.iter().chain([&TEST_FILE]).enumerate() {
            fs::write(dir.path().join(name), batch(number)).unwrap();
        }
        dir
    }

    fn error(dir: &TempDir) -> DataError {
        read_batches(dir.path(), FEW).unwrap_err()
    }

    #[test]
    fn the_drawn_set_can_be_asked_for() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("data").join(DIRECTORY)).unwrap();
        assert!(locate_from(None, root.path()).unwrap().is_some());
        assert_eq!(
            locate_from(Some(OsStr::new(DRAWN)), root.path()).unwrap(),
            None
        );
    }

    #[test]
    fn planes_become_pixels_in_the_files_order() {
        let dir = written();
        let data = read_batches(dir.path(), FEW).unwrap();
        assert_eq!(data.train.images.shape(), [5 * FEW, 32, 32, 3]);
        assert_eq!(data.test.images.shape(), [FEW, 32, 32, 3]);
        for (image, (file, record)) in [(0, (0, 0)), (4, (1, 1)), (14, (4, 2))] {
            let pixel = data.train.images.slice(ndarray::s![image, 5, 9, ..]);
            assert_eq!(pixel.to_vec(), [9, 5, 10 * file + record]);
            assert_eq!(data.train.labels[[image, 0]], i64::from(file + record));
        }
        assert_eq!(data.test.images[[1, 0, 0, 2]], 51);
        assert_eq!(data.class_names[9], "truck");
        assert_eq!(
            data.provenance,
            Provenance::files(OFFICIAL_LAYOUT, dir.path())
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let dir = written();
        fs::remove_file(dir.path().join("data_batch_4.bin")).unwrap();
        let error = error(&dir);
        assert!(
            matches!(&error, DataError::MissingFile { path, .. } if path.ends_with("data_batch_4.bin"))
        );
        assert!(error.to_string().contains("cargo xtask data"), "{error}");
    }

    #[test]
    fn a_truncated_or_overlong_file_is_refused() {
        let dir = written();
        let path = dir.path().join("test_batch.bin");
        for length in [0, RECORD * FEW - 1, RECORD * FEW + 1] {
            fs::write(&path, vec![0; length]).unwrap();
            match error(&dir) {
                DataError::WrongSize {
                    path,
                    expected,
                    found,
                    ..
                } => {
                    assert!(path.ends_with("test_batch.bin"));
                    assert_eq!((expected, found), ((RECORD * FEW) as u64, length as u64));
                }
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn a_label_above_nine_is_refused() {
        let dir = written();
        let mut bytes = batch(1);
        bytes[2 * RECORD] = 10;
        fs::write(dir.path().join("data_batch_2.bin"), bytes).unwrap();
        let error = error(&dir);
        assert!(
            matches!(&error, DataError::BadLabel { path, record: 2, found: 10, .. }
                if path.ends_with("data_batch_2.bin")),
            "{error}"
        );
    }

    #[test]
    fn a_directory_in_a_files_place_is_refused() {
        let dir = written();
        let path = dir.path().join("data_batch_5.bin");
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        let error = error(&dir);
        assert!(
            matches!(
                error,
                DataError::NotAFile {
                    found: "a directory",
                    ..
                }
            ),
            "{error}"
        );
    }

    #[cfg(unix)]
    #[test]
    fn an_unreadable_file_is_an_error_with_the_systems_reason() {
        // A link to itself cannot be opened by anyone, the superuser included.
        let dir = written();
        let path = dir.path().join("data_batch_1.bin");
        fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink(&path, &path).unwrap();
        let error = error(&dir);
        assert!(
            matches!(&error, DataError::Unreadable { path, .. } if path.ends_with("data_batch_1.bin")),
            "{error}"
        );
    }

    #[test]
    fn the_variable_may_name_the_folder_or_its_parent() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join(DIRECTORY);
        fs::create_dir(&inner).unwrap();
        for named in [root.path(), &inner] {
            let found = locate_from(Some(named.as_os_str()), Path::new("/")).unwrap();
            assert_eq!(found.as_deref(), Some(inner.as_path()));
        }
        let renamed = written();
        let found = locate_from(Some(renamed.path().as_os_str()), Path::new("/")).unwrap();
        assert_eq!(found.as_deref(), Some(renamed.path()));
    }

    #[test]
    fn a_wrong_variable_is_an_error_even_where_data_lies_nearby() {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir_all(root.path().join("data").join(DIRECTORY)).unwrap();
        fs::create_dir(root.path().join("empty")).unwrap();
        fs::write(root.path().join("file"), "").unwrap();
        let message = |value: &str| {
            let error = locate_from(Some(OsStr::new(value)), root.path()).unwrap_err();
            error.to_string()
        };
        assert!(message("nowhere").contains("which is missing"));
        assert!(message("file").contains("which is a file"));
        assert!(message("empty").contains("neither that folder nor data_batch_1.bin"));
        let unset = locate_from(Some(OsStr::new("")), root.path()).unwrap();
        assert!(unset.is_some());
    }

    #[test]
    fn the_search_climbs_to_the_project_root_and_no_further() {
        let outside = tempfile::tempdir().unwrap();
        let project = outside.path().join("project");
        let notebooks = project.join("notebooks");
        fs::create_dir_all(&notebooks).unwrap();
        fs::write(project.join("Cargo.toml"), "[workspace]\nmembers = []\n").unwrap();
        fs::create_dir_all(outside.path().join("data").join(DIRECTORY)).unwrap();
        assert_eq!(locate_from(None, &notebooks).unwrap(), None);

        let data = project.join("data").join(DIRECTORY);
        fs::create_dir_all(&data).unwrap();
        assert_eq!(locate_from(None, &notebooks).unwrap(), Some(data));
    }

    #[test]
    fn the_drawn_set_says_so_and_has_its_own_names() {
        let data = drawn(20, 10, 3);
        assert_eq!((data.train.len(), data.test.len()), (20, 10));
        assert!(data.provenance.is_drawn());
        assert_eq!(
            data.provenance.to_string(),
            "drawn stand-in set (not CIFAR-10), seed 3"
        );
        assert_eq!(data.class_names.len(), CLASSES);
        assert_ne!(data.class_names[0], CLASS_NAMES[0]);
        assert_eq!(data.take(5, 5).train, data.train.take(5));
    }
}
