mod colour;
mod scene;
mod shape;

use ndarray::{Array2, Array4};

use super::{CHANNELS, CLASSES, SIDE};
use crate::rng::Rng;
use crate::{ImageSet, Provenance};
use scene::Scene;
use shape::Shape;

const IMAGE_BYTES: usize = SIDE * SIDE * CHANNELS;

/// Which part of a set an image belongs to; the parts share no image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Split {
    /// Training images.
    Train,
    /// Test images.
    Test,
}

/// Ten kinds of objects drawn like small photographs: the stand-in where CIFAR-10 is missing.
///
/// Each picture has a background with clutter, light, shadow, blur and noise; the object's place,
/// size, turn and colours vary, and something may stand in front of it. Image `i` depends on the
/// seed, the split and `i` alone, so a larger set begins with the smaller one. Each run of ten
/// images holds every class once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DrawnSet {
    seed: u64,
}

impl DrawnSet {
    /// The classes' names, by label.
    pub const CLASS_NAMES: [&str; CLASSES] = [
        "ball",
        "ring",
        "cube",
        "pyramid",
        "cross",
        "star",
        "heart",
        "moon",
        "flag",
        "chessboard",
    ];

    /// The set of one seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// What tells the set from others.
    #[must_use]
    pub fn provenance(&self) -> Provenance {
        let seed = self.seed;
        Provenance::drawn(format!("drawn stand-in set (not CIFAR-10), seed {seed}"))
    }

    /// The first `n` training images.
    #[must_use]
    pub fn train(&self, n: usize) -> ImageSet {
        self.draw(Split::Train, n)
    }

    /// The first `n` test images.
    #[must_use]
    pub fn test(&self, n: usize) -> ImageSet {
        self.draw(Split::Test, n)
    }

    /// The first `n` images of one split.
    #[must_use]
    pub fn draw(&self, split: Split, n: usize) -> ImageSet {
        let mut images = Array4::zeros((n, SIDE, SIDE, CHANNELS));
        let mut labels = Array2::zeros((n, 1));
        // A fresh array is in row-major order, so there is always a slice.
        let pixels = images.as_slice_mut().unwrap_or_default();
        let share = n
            .div_ceil(std::thread::available_parallelism().map_or(1, usize::from))
            .max(1);
        std::thread::scope(|threads| {
            for (part, pixels) in pixels.chunks_mut(share * IMAGE_BYTES).enumerate() {
                threads.spawn(move || {
                    for (i, image) in pixels.chunks_exact_mut(IMAGE_BYTES).enumerate() {
                        self.draw_one(split, part * share + i, image);
                    }
                });
            }
        });
        for (i, label) in labels.iter_mut().enumerate() {
            *label = self.class(split, i) as i64;
        }
        ImageSet {
            images,
            labels,
            class_names: super::names(&Self::CLASS_NAMES),
        }
    }

    /// Every ten images are one shuffled round of the classes.
    fn class(&self, split: Split, i: usize) -> usize {
        let mut round: [usize; CLASSES] = std::array::from_fn(|class| class);
        Rng::keyed(&[self.seed, split as u64, 0, (i / CLASSES) as u64]).shuffle(&mut round);
        round[i % CLASSES]
    }

    fn draw_one(&self, split: Split, i: usize, pixels: &mut [u8]) {
        let mut rng = Rng::keyed(&[self.seed, split as u64, 1, i as u64]);
        Scene::imagined(Shape::ALL[self.class(split, i)], &mut rng).photograph(&mut rng, pixels);
    }
}

/// Draws an object of one of the ten kinds in one of so many hues: `pixels` are 32 rows of 32 pixels
/// of three bytes.
pub(in crate::datasets) fn draw_in_hue(kind: usize, hue: f32, keys: &[u64], pixels: &mut [u8]) {
    let mut rng = Rng::keyed(keys);
    let shape = Shape::ALL[kind % CLASSES];
    let scene = Scene::imagined(shape, &mut rng).in_hue(hue, &mut rng);
    scene.photograph(&mut rng, pixels);
}

#[cfg(test)]
mod tests {
    use super::*;
    use tch::{Kind, Tensor};

    #[test]
    fn an_image_depends_on_seed_split_and_number_alone() {
        let set = DrawnSet::new(7);
        let few = set.train(13);
        assert_eq!(few, set.train(40).take(13));
        assert_ne!(few.images, set.test(13).images);
        assert_ne!(few.images, DrawnSet::new(8).train(13).images);
        assert!(set.train(0).is_empty());
    }

    #[test]
    fn every_ten_images_hold_every_class() {
        let set = DrawnSet::new(1).test(50);
        for start in (0..50).step_by(10) {
            assert_eq!(set.slice(start..start + 10).counts(), [1; 10]);
        }
        assert_ne!(set.take(10).labels, set.slice(10..20).labels);
    }

    /// Pictures are part of published results, so a change to them must be meant.
    #[test]
    fn the_pictures_are_the_same_on_every_machine() {
        use sha2::{Digest, Sha256};
        let set = DrawnSet::new(0).train(200);
        let digest = Sha256::digest(set.images.as_slice().unwrap());
        assert_eq!(
            format!(
                "{:02x}{:02x}{:02x}{:02x}",
                digest[0], digest[1], digest[2], digest[3]
            ),
            "ff5fcb24"
        );
    }

    /// Test accuracy of a softmax regression on standardised pixels, by plain gradient descent.
    fn linear_accuracy(train: &ImageSet, test: &ImageSet) -> f64 {
        let flat = |set: &ImageSet| {
            let n = set.len() as i64;
            set.images_tensor().view([n, -1]).to_kind(Kind::Float) / 127.5 - 1.0
        };
        let labels = |set: &ImageSet| set.labels_tensor().squeeze_dim(1);
        let (x, y) = (flat(train), labels(train).one_hot(CLASSES as i64));
        let mut weights = Tensor::zeros(
            [IMAGE_BYTES as i64, CLASSES as i64],
            (Kind::Float, x.device()),
        );
        for _ in 0..100 {
            let wrong = x.matmul(&weights).softmax(-1, Kind::Float) - &y;
            weights -= x.tr().matmul(&wrong) * (0.02 / train.len() as f64);
        }
        let hits = flat(test)
            .matmul(&weights)
            .argmax(1, false)
            .eq_tensor(&labels(test));
        hits.to_kind(Kind::Double)
            .mean(Kind::Double)
            .double_value(&[])
    }

    #[test]
    fn a_linear_model_learns_something_but_not_the_set() {
        tch::manual_seed(0);
        let set = DrawnSet::new(0);
        let accuracy = linear_accuracy(&set.train(500), &set.test(300));
        assert!((0.2..0.6).contains(&accuracy), "{accuracy}");
    }
}
