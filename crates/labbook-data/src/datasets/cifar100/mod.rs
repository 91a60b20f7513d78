//! CIFAR-100 (Krizhevsky, 2009): 100 classes in 20 groups, in its binary files.

use std::path::{Path, PathBuf};

use ndarray::{Array2, Array4};

use super::cifar10::{CHANNELS, SIDE, add_pixels, draw_in_hue};
use super::locate::locate as locate_folder;
use crate::files::{Kind, kind};
use crate::rng::Rng;
use crate::{DataError, ImageSet, ImageSets, Provenance, read_file};

mod names;

pub use names::{COARSE_NAMES, FINE_NAMES};

/// The folder's name inside the official archive.
pub const DIRECTORY: &str = "cifar-100-binary";

/// How many training and test images are drawn where no files are found.
pub const DRAWN_IMAGES: (usize, usize) = (6_000, 2_000);

const TRAIN_IMAGES: usize = 50_000;
const TEST_IMAGES: usize = 10_000;
const PIXELS: usize = SIDE * SIDE * CHANNELS;
/// A coarse and a fine label, then the red, green and blue planes.
const RECORD: usize = 2 + PIXELS;

/// Which of an image's two labels is meant, as `label_mode` of `keras.datasets.cifar100`.
///
/// ```
/// use labbook_data::datasets::cifar100::{self, Labels};
///
/// let data = cifar100::drawn(40, 20, 0, Labels::Coarse)?;
/// assert_eq!(data.class_names.len(), 20);
/// # Ok::<(), labbook_data::DataError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Labels {
    /// One of 100 classes, such as `apple`.
    Fine,
    /// One of 20 groups of five, such as `fruit_and_vegetables`.
    Coarse,
}

/// Loads the set from `data/cifar-100-binary`, or draws a stand-in of [`DRAWN_IMAGES`] where that is
/// missing.
///
/// The folder is looked for in the one that [`DIRECTORY_VARIABLE`](super::DIRECTORY_VARIABLE) names;
/// without it in `data` of the working directory and of those above it, as far as the project's
/// root. Images are (N, 32, 32, 3).
///
/// ```no_run
/// use labbook_data::datasets::cifar100::{self, Labels};
///
/// let data = cifar100::load_data(Labels::Fine)?;
/// println!("{}", data.provenance);
/// # Ok::<(), labbook_data::DataError>(())
/// ```
///
/// # Errors
/// A folder that is found but incomplete or damaged.
pub fn load_data(labels: Labels) -> Result<ImageSets, DataError> {
    match locate()? {
        Some(folder) => read(&folder, labels),
        None => drawn(DRAWN_IMAGES.0, DRAWN_IMAGES.1, 0, labels),
    }
}

/// Reads `train.bin` and `test.bin` of one folder.
///
/// # Errors
/// A [`DataError`] that names the first file that is missing, unreadable, of another length or with
/// a label that is none.
pub fn read(folder: &Path, labels: Labels) -> Result<ImageSets, DataError> {
    read_parts(folder, labels, (TRAIN_IMAGES, TEST_IMAGES))
}

/// The folder that [`load_data`] would read; `None` if it would draw.
///
/// # Errors
/// A variable that names no folder.
pub fn locate() -> Result<Option<PathBuf>, DataError> {
    locate_folder(DIRECTORY)
}

fn read_parts(
    folder: &Path,
    labels: Labels,
    counts: (usize, usize),
) -> Result<ImageSets, DataError> {
    let train = read_part(&folder.join("train.bin"), labels, counts.0)?;
    Ok(ImageSets {
        class_names: train.class_names.clone(),
        train,
        test: read_part(&folder.join("test.bin"), labels, counts.1)?,
        provenance: Provenance::files("CIFAR-100 in the official layout", folder),
    })
}

fn read_part(path: &Path, labels: Labels, count: usize) -> Result<ImageSet, DataError> {
    const ADVICE: &str = "get cifar-100-binary anew, whose files are train.bin and test.bin";
    if kind(path)? == Kind::Missing {
        return Err(DataError::file(
            path,
            "a file of CIFAR-100",
            "nothing there",
            ADVICE,
        ));
    }
    let expected = count * RECORD;
    let bytes = read_file(path, expected as u64)?;
    if bytes.len() != expected {
        let expected = format!("{expected} bytes, {count} records of {RECORD}");
        return Err(DataError::file(
            path,
            expected,
            format!("{} bytes", bytes.len()),
            ADVICE,
        ));
    }
    let mut pixels = Vec::with_capacity(count * PIXELS);
    let mut classes = Vec::with_capacity(count);
    for (record, bytes) in bytes.chunks_exact(RECORD).enumerate() {
        let known = [COARSE_NAMES.len(), FINE_NAMES.len()];
        for (&label, classes) in bytes.iter().zip(known) {
            if usize::from(label) >= classes {
                return Err(DataError::BadLabel {
                    what: "CIFAR-100 file",
                    classes,
                    path: path.to_path_buf(),
                    record,
                    found: label,
                });
            }
        }
        classes.push(match labels {
            Labels::Coarse => i64::from(bytes[0]),
            Labels::Fine => i64::from(bytes[1]),
        });
        add_pixels(&bytes[2..], &mut pixels);
    }
    match labels {
        Labels::Fine => set(pixels, classes, &FINE_NAMES),
        Labels::Coarse => set(pixels, classes, &COARSE_NAMES),
    }
}

fn set<S: AsRef<str>>(
    pixels: Vec<u8>,
    labels: Vec<i64>,
    names: &[S],
) -> Result<ImageSet, DataError> {
    let n = labels.len();
    let wrong = |_| DataError::WrongShape {
        images: vec![n, SIDE, SIDE, CHANNELS],
        labels: vec![n, 1],
    };
    let images = Array4::from_shape_vec((n, SIDE, SIDE, CHANNELS), pixels).map_err(wrong)?;
    let labels = Array2::from_shape_vec((n, 1), labels).map_err(wrong)?;
    ImageSet::new(images, labels, names)
}

/// What the ten kinds of objects of the stand-in are called.
const KINDS: [&str; 10] = super::cifar10::DrawnSet::CLASS_NAMES;

/// Their hues in turns, the first five warm.
const HUES: [(&str, f32); 10] = [
    ("red", 0.0),
    ("orange", 0.07),
    ("yellow", 0.15),
    ("pink", 0.92),
    ("purple", 0.83),
    ("lime", 0.24),
    ("green", 0.36),
    ("teal", 0.48),
    ("blue", 0.6),
    ("violet", 0.73),
];

/// The stand-in: ten kinds of objects in ten hues, drawn like small photographs; the groups are the
/// kinds in warm and in cold hues.
///
/// ```
/// use labbook_data::datasets::cifar100::{self, Labels};
///
/// let data = cifar100::drawn(40, 20, 0, Labels::Fine)?;
/// assert_eq!(data.train.images.shape(), [40, 32, 32, 3]);
/// assert_eq!(data.class_names[11], "orange ring");
/// assert!(data.provenance.is_drawn());
/// # Ok::<(), labbook_data::DataError>(())
/// ```
///
/// # Errors
/// None that happens.
pub fn drawn(train: usize, test: usize, seed: u64, labels: Labels) -> Result<ImageSets, DataError> {
    let train = drawn_part(train, seed, 0, labels)?;
    Ok(ImageSets {
        class_names: train.class_names.clone(),
        train,
        test: drawn_part(test, seed, 1, labels)?,
        provenance: Provenance::drawn(format!("drawn stand-in set (not CIFAR-100), seed {seed}")),
    })
}

fn drawn_part(count: usize, seed: u64, part: u64, labels: Labels) -> Result<ImageSet, DataError> {
    let classes = KINDS.len() * HUES.len();
    let mut fine: Vec<usize> = (0..count).map(|image| image % classes).collect();
    Rng::keyed(&[seed, 100, part]).shuffle(&mut fine);
    let mut pixels = vec![0; count * PIXELS];
    for (image, (pixels, &class)) in pixels.chunks_exact_mut(PIXELS).zip(&fine).enumerate() {
        let hue = HUES[class % HUES.len()].1;
        draw_in_hue(
            class / HUES.len(),
            hue,
            &[seed, 101, part, image as u64],
            pixels,
        );
    }
    let names: Vec<String> = match labels {
        Labels::Fine => KINDS
            .iter()
            .flat_map(|kind| HUES.iter().map(move |(hue, _)| format!("{hue} {kind}")))
            .collect(),
        Labels::Coarse => KINDS
            .iter()
            .flat_map(|kind| [format!("warm {kind}"), format!("cold {kind}")])
            .collect(),
    };
    let of_names = classes / names.len();
    let labels = fine.iter().map(|class| (class / of_names) as i64).collect();
    set(pixels, labels, &names)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// Two records, of 19 and 0 in groups and 99 and 5 in classes.
    fn written() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, first) in [("train.bin", 10), ("test.bin", 20)] {
            let mut bytes = Vec::new();
            for (number, labels) in [[19, 99], [0, 5]].into_iter().enumerate() {
                bytes.extend(labels);
                for plane in 0..3 {
                    bytes.extend([first + number as u8 + 3 * plane; SIDE * SIDE]);
                }
            }
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        folder
    }

    #[test]
    fn both_labels_are_read() {
        let folder = written();
        let read = |labels| read_parts(folder.path(), labels, (2, 2)).unwrap();
        let (fine, coarse) = (read(Labels::Fine), read(Labels::Coarse));
        assert_eq!(fine.train.labels.column(0).to_vec(), [99, 5]);
        assert_eq!(coarse.test.labels.column(0).to_vec(), [19, 0]);
        assert_eq!(fine.class_names[99], "worm");
        assert_eq!(coarse.class_names[19], "vehicles_2");
        assert_eq!(fine.test.image(1).unwrap()[[3, 4, 2]], 27);
        assert_eq!(fine.train.images, coarse.train.images);
        assert!(!fine.provenance.is_drawn());
    }

    #[test]
    fn other_lengths_and_labels_are_refused() {
        let folder = written();
        let error = || {
            read_parts(folder.path(), Labels::Fine, (2, 2))
                .unwrap_err()
                .to_string()
        };
        let path = folder.path().join("test.bin");
        let good = fs::read(&path).unwrap();
        for (place, label, told) in [(0, 20, "0 to 19"), (RECORD + 1, 100, "0 to 99")] {
            let mut bytes = good.clone();
            bytes[place] = label;
            fs::write(&path, bytes).unwrap();
            assert!(error().contains(told), "{}", error());
        }
        fs::write(&path, &good[1..]).unwrap();
        assert!(
            error().contains("6148 bytes, 2 records of 3074"),
            "{}",
            error()
        );
        fs::write(&path, [&good[..], &[0]].concat()).unwrap();
        assert!(error().contains("at most 6148 bytes"), "{}", error());
        fs::remove_file(&path).unwrap();
        assert!(error().contains("nothing there"), "{}", error());
    }

    #[test]
    fn the_stand_in_has_all_classes_in_groups_of_five() {
        let draw = |labels| drawn(200, 100, 3, labels).unwrap();
        let (fine, coarse) = (draw(Labels::Fine), draw(Labels::Coarse));
        assert_eq!(fine.train.counts(), [2; 100]);
        assert_eq!(coarse.test.counts(), [5; 20]);
        assert_eq!(fine.train.images, coarse.train.images);
        for (fine, coarse) in fine.train.labels.iter().zip(&coarse.train.labels) {
            assert_eq!(fine / 5, *coarse);
        }
        assert_ne!(
            fine.train.images,
            drawn(200, 0, 4, Labels::Fine).unwrap().train.images
        );
        assert!(fine.provenance.to_string().contains("not CIFAR-100"));
    }
}
