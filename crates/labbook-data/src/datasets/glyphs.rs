//! Characters of the embedded font as small grey images, turned, slanted, stretched and moved.

use ab_glyph::{Font, FontRef, Point, PxScale};

use super::idx_images::{SIDE, set};
use crate::rng::Rng;
use crate::{DataError, ImageSet, ImageSets, Provenance};

/// The one font that the repository has.
const FONT: &[u8] = include_bytes!("../../../labbook-charts/fonts/OpenSans-Semibold.ttf");
/// Characters are drawn this large, and then sampled.
const LARGE: usize = 64;

/// Training and test images of these characters, one for each class.
pub(super) fn drawn(
    characters: &str,
    class_names: &[&str],
    title: &str,
    (train, test): (usize, usize),
    seed: u64,
) -> Result<ImageSets, DataError> {
    let shapes = shapes(characters)?;
    let train = part(&shapes, class_names, train, seed, 0)?;
    Ok(ImageSets {
        class_names: train.class_names.clone(),
        train,
        test: part(&shapes, class_names, test, seed, 1)?,
        provenance: Provenance::drawn(format!("drawn stand-in set (not {title}), seed {seed}")),
    })
}

/// Every character centred in a large square, its darkness from 0 to 1.
fn shapes(characters: &str) -> Result<Vec<Vec<f32>>, DataError> {
    let unusable = |found: &str| {
        DataError::option(
            "the embedded font",
            "every character",
            found,
            "report this fault",
        )
    };
    let font = FontRef::try_from_slice(FONT).map_err(|_| unusable("no font"))?;
    characters
        .chars()
        .map(|character| {
            let glyph = font
                .glyph_id(character)
                .with_scale(PxScale::from(LARGE as f32));
            let outline = font.outline_glyph(glyph).ok_or_else(|| unusable("none"))?;
            let bounds = outline.px_bounds();
            let corner = Point {
                x: (LARGE as f32 - bounds.width()) / 2.0,
                y: (LARGE as f32 - bounds.height()) / 2.0,
            };
            let mut shape = vec![0.0; LARGE * LARGE];
            outline.draw(|x, y, darkness| {
                let column = x as usize + corner.x.max(0.0) as usize;
                let row = y as usize + corner.y.max(0.0) as usize;
                if row < LARGE && column < LARGE {
                    shape[row * LARGE + column] = darkness.clamp(0.0, 1.0);
                }
            });
            Ok(shape)
        })
        .collect()
}

fn part(
    shapes: &[Vec<f32>],
    class_names: &[&str],
    count: usize,
    seed: u64,
    part: u64,
) -> Result<ImageSet, DataError> {
    let mut pixels = Vec::with_capacity(count * SIDE * SIDE);
    // As many of each class as there can be, in an order of their own.
    let mut labels: Vec<u8> = (0..count).map(|i| (i % shapes.len()) as u8).collect();
    Rng::keyed(&[seed, part]).shuffle(&mut labels);
    for (number, &label) in labels.iter().enumerate() {
        let mut rng = Rng::keyed(&[seed, part, number as u64]);
        draw(&shapes[usize::from(label)], &mut rng, &mut pixels);
    }
    set(pixels, &labels, class_names)
}

/// One image: each of its pixels looks up where it came from, in four places.
fn draw(shape: &[f32], rng: &mut Rng, pixels: &mut Vec<u8>) {
    let (sine, cosine) = rng.between(-0.25, 0.25).sin_cos();
    let slant = rng.between(-0.25, 0.25);
    // Large pixels for each small one: the character is about 20 pixels high, as MNIST's digits.
    let (wide, high) = (rng.between(2.0, 2.9), rng.between(2.0, 2.7));
    let (right, down) = (rng.between(-2.0, 2.0), rng.between(-2.0, 2.0));
    let ink = rng.between(0.75, 1.0);
    let (half, middle) = (SIDE as f32 / 2.0, LARGE as f32 / 2.0);
    for row in 0..SIDE {
        for column in 0..SIDE {
            let mut darkness = 0.0;
            for (dx, dy) in [(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75)] {
                let x = column as f32 + dx - half - right;
                let y = row as f32 + dy - half - down;
                let (x, y) = (cosine * x + sine * y, cosine * y - sine * x);
                darkness += at(shape, middle + wide * (x + slant * y), middle + high * y);
            }
            let noise = rng.between(-0.02, 0.06).max(0.0);
            let value = (darkness / 4.0 * ink + noise).clamp(0.0, 1.0);
            pixels.push((value * 255.0).round() as u8);
        }
    }
}

fn at(shape: &[f32], x: f32, y: f32) -> f32 {
    let inside = (0.0..LARGE as f32).contains(&x) && (0.0..LARGE as f32).contains(&y);
    match inside {
        true => shape[y as usize * LARGE + x as usize],
        false => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_follow_from_the_seed_and_classes_are_balanced() {
        let draw = |seed| drawn("01", &["0", "1"], "MNIST", (20, 10), seed).unwrap();
        let data = draw(3);
        assert_eq!(data, draw(3));
        assert_ne!(data.train.images, draw(4).train.images);
        assert_eq!(
            (data.train.counts(), data.test.counts()),
            (vec![10, 10], vec![5, 5])
        );
        assert!(data.provenance.to_string().contains("not MNIST"));
        // A figure in the middle, paper at the edge.
        let ink = |image: usize| {
            data.train
                .images
                .slice(ndarray::s![image, 4..24, .., ..])
                .iter()
                .filter(|&&p| p > 128)
                .count()
        };
        assert!((0..20).all(|image| ink(image) > 20));
    }

    #[test]
    fn a_plain_classifier_tells_the_characters_apart() {
        // The mean image of each class, nearest for most of the test images.
        let names = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
        let data = drawn("0123456789", &names, "MNIST", (500, 200), 0).unwrap();
        let mut means = vec![vec![0.0_f64; SIDE * SIDE]; 10];
        for (image, label) in data.train.images.outer_iter().zip(&data.train.labels) {
            for (mean, &pixel) in means[*label as usize].iter_mut().zip(image.iter()) {
                *mean += f64::from(pixel) / 50.0;
            }
        }
        let nearest = |image: Vec<f64>| {
            let distance = |mean: &Vec<f64>| -> f64 {
                mean.iter().zip(&image).map(|(a, b)| (a - b).powi(2)).sum()
            };
            (0..10).min_by(|&a, &b| distance(&means[a]).total_cmp(&distance(&means[b])))
        };
        let right =
            data.test
                .images
                .outer_iter()
                .zip(&data.test.labels)
                .filter(|(image, label)| {
                    nearest(image.iter().map(|&p| f64::from(p)).collect()) == Some(**label as usize)
                });
        let right = right.count();
        assert!((100..200).contains(&right), "{right} of 200");
    }
}
