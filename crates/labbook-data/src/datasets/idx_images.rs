//! Sets of 28 x 28 grey images in four IDX files, as MNIST's are.

use std::path::{Path, PathBuf};

use ndarray::{Array2, Array4};
use sha2::{Digest, Sha256};

use super::idx::{Idx, read_idx};
use super::locate::locate;
use crate::files::{Kind, kind};
use crate::{DataError, ImageSet, ImageSets, Provenance};

pub(super) const SIDE: usize = 28;

/// How many training and test images are drawn where no files are found.
pub const DRAWN_IMAGES: (usize, usize) = (6_000, 2_000);

/// What tells one such set from another.
pub(super) struct Layout {
    /// The folder in `data`.
    pub(super) folder: &'static str,
    pub(super) title: &'static str,
    pub(super) class_names: &'static [&'static str],
    /// SHA-256 of the unpacked official files, in the order of [`FILES`], where they are known.
    pub(super) official: Option<[&'static str; 4]>,
}

const FILES: [&str; 4] = [
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
];

impl Layout {
    /// The files where they are found, else what `drawn` makes of two counts and a seed.
    pub(super) fn load(
        &self,
        drawn: fn(usize, usize, u64) -> Result<ImageSets, DataError>,
    ) -> Result<ImageSets, DataError> {
        match self.locate()? {
            Some(folder) => self.read(&folder),
            None => drawn(DRAWN_IMAGES.0, DRAWN_IMAGES.1, 0),
        }
    }

    pub(super) fn locate(&self) -> Result<Option<PathBuf>, DataError> {
        locate(self.folder)
    }

    pub(super) fn read(&self, folder: &Path) -> Result<ImageSets, DataError> {
        let mut sums = Vec::new();
        let mut part = |images: &str, labels: &str| -> Result<ImageSet, DataError> {
            let (images_path, labels_path) = (file(folder, images)?, file(folder, labels)?);
            let (pixels, images) = read_idx(&images_path, 3)?;
            let (classes, labels) = read_idx(&labels_path, 1)?;
            sums.extend([images, labels].map(|bytes| hex(&Sha256::digest(bytes))));
            self.part(pixels, classes, &images_path, &labels_path)
        };
        let train = part(FILES[0], FILES[1])?;
        let test = part(FILES[2], FILES[3])?;
        let title = self.title;
        let provenance = match self.official {
            Some(official) if sums == official => {
                Provenance::official(format!("{title}, official files"), folder)
            }
            Some(_) => Provenance::files(
                format!(
                    "{title} in the official layout, but not the official files (checksums differ)"
                ),
                folder,
            ),
            None => Provenance::files(format!("{title} in the official layout"), folder),
        };
        Ok(ImageSets {
            class_names: train.class_names.clone(),
            train,
            test,
            provenance,
        })
    }

    fn part(
        &self,
        pixels: Idx,
        classes: Idx,
        images: &Path,
        labels: &Path,
    ) -> Result<ImageSet, DataError> {
        let advice = "it is damaged or another file: copy it anew";
        let n = pixels.shape[0];
        if pixels.shape[1..] != [SIDE, SIDE] {
            let found = format!("{:?}", pixels.shape);
            return Err(DataError::file(
                images,
                "images of 28 x 28 pixels",
                found,
                advice,
            ));
        }
        if classes.shape != [n] {
            let expected = format!("{n} labels, one for each image");
            return Err(DataError::file(labels, expected, classes.shape[0], advice));
        }
        let known = self.class_names.len();
        if let Some(at) = classes
            .values
            .iter()
            .position(|&label| usize::from(label) >= known)
        {
            return Err(DataError::BadLabel {
                what: "set of labels",
                classes: known,
                path: labels.to_path_buf(),
                record: at,
                found: classes.values[at],
            });
        }
        set(pixels.values, &classes.values, self.class_names)
    }
}

/// Images and labels of one part.
pub(super) fn set(
    pixels: Vec<u8>,
    labels: &[u8],
    class_names: &[&str],
) -> Result<ImageSet, DataError> {
    let n = labels.len();
    let wrong = |_| DataError::WrongShape {
        images: vec![n, SIDE, SIDE, 1],
        labels: vec![n, 1],
    };
    let images = Array4::from_shape_vec((n, SIDE, SIDE, 1), pixels).map_err(wrong)?;
    let labels = Array2::from_shape_fn((n, 1), |(image, _)| i64::from(labels[image]));
    ImageSet::new(images, labels, class_names)
}

/// The plain file, or the packed one beside it.
fn file(folder: &Path, name: &str) -> Result<PathBuf, DataError> {
    let plain = folder.join(name);
    let packed = folder.join(format!("{name}.gz"));
    if kind(&plain)? != Kind::Missing || kind(&packed)? == Kind::Missing {
        return Ok(plain);
    }
    Ok(packed)
}

fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::idx::written;
    use super::*;

    const DIGITS: Layout = Layout {
        folder: "digits",
        title: "Digits",
        class_names: &["0", "1", "2"],
        official: None,
    };

    fn folder(labels: &[u8]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (number, name) in FILES.iter().enumerate() {
            let bytes = match number % 2 {
                0 => written(&[2, 28, 28], &[number as u8; 2 * 784]),
                _ => written(&[labels.len() as u32], labels),
            };
            fs::write(dir.path().join(name), bytes).unwrap();
        }
        dir
    }

    #[test]
    fn four_files_make_two_sets() {
        let dir = folder(&[2, 0]);
        let data = DIGITS.read(dir.path()).unwrap();
        assert_eq!(data.train.images.shape(), [2, 28, 28, 1]);
        assert_eq!(data.test.images[[1, 27, 27, 0]], 2);
        assert_eq!(data.test.counts(), [1, 0, 1]);
        assert!(!data.provenance.is_drawn() && !data.provenance.is_official());
    }

    #[test]
    fn labels_have_to_fit() {
        let error = |labels: &[u8]| DIGITS.read(folder(labels).path()).unwrap_err().to_string();
        assert!(error(&[0, 3]).contains("record 1"), "{}", error(&[0, 3]));
        assert!(error(&[0]).contains("2 labels"), "{}", error(&[0]));
        let dir = folder(&[0, 1]);
        fs::remove_file(dir.path().join(FILES[3])).unwrap();
        let error = DIGITS.read(dir.path()).unwrap_err().to_string();
        assert!(
            error.contains("t10k-labels") && error.contains("nothing there"),
            "{error}"
        );
    }
}
