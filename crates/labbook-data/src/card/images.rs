use ndarray::ArrayView1;

use super::data_card::{DataCard, HasCard, number};
use super::repeats;
use crate::{DataError, ImageSet, ImageSets};

impl HasCard for ImageSet {
    fn card(&self) -> Result<DataCard, DataError> {
        let mut card = DataCard::default();
        add_pixels(&mut card, "images", self);
        card.add_classes(&self.class_names, &[("images", self.counts())]);
        repeats::add(&mut card, "images", pictures(self), None::<Vec<Vec<u8>>>);
        Ok(card)
    }
}

impl HasCard for ImageSets {
    fn card(&self) -> Result<DataCard, DataError> {
        let mut card = DataCard::default();
        card.fact("source", &self.provenance);
        for (part, set) in [("train", &self.train), ("test", &self.test)] {
            add_pixels(&mut card, part, set);
        }
        let counts = [("train", self.train.counts()), ("test", self.test.counts())];
        card.add_classes(&self.class_names, &counts);
        repeats::add(
            &mut card,
            "images",
            pictures(&self.train),
            Some(pictures(&self.test)),
        );
        Ok(card)
    }
}

/// The bytes of each image.
fn pictures(set: &ImageSet) -> impl Iterator<Item = Vec<u8>> {
    set.images
        .outer_iter()
        .map(|image| image.iter().copied().collect())
}

fn add_pixels(card: &mut DataCard, part: &str, set: &ImageSet) {
    let shape: Vec<String> = set.images.shape().iter().map(usize::to_string).collect();
    card.fact(part, format!("({})", shape.join(", ")));
    if set.is_empty() {
        card.warnings.push(format!("{part}: it is empty"));
        return;
    }
    let channels = set.images.shape().last().copied().unwrap_or_default();
    let of_channels = (0..channels).map(|channel| {
        let mut counts = [0_u64; 256];
        for pixel in set.images.slice(ndarray::s![.., .., .., channel]) {
            counts[usize::from(*pixel)] += 1;
        }
        moments(&counts)
    });
    let moments: Vec<(f64, f64)> = of_channels.collect();
    let listed = |of: fn(&(f64, f64)) -> f64| {
        let values: Vec<String> = moments.iter().map(|pair| number(of(pair))).collect();
        values.join(", ")
    };
    let (least, most) = set
        .images
        .iter()
        .fold((u8::MAX, 0), |(least, most), &pixel| {
            (pixel.min(least), pixel.max(most))
        });
    card.fact(&format!("{part} pixels"), format!("{least} to {most}"));
    card.fact(&format!("{part} means by channel"), listed(|pair| pair.0));
    card.fact(
        &format!("{part} deviations by channel"),
        listed(|pair| pair.1),
    );
    let plain = set.images.outer_iter().filter(|image| {
        let first = image.first();
        image.iter().all(|pixel| Some(pixel) == first)
    });
    let plain = plain.count();
    if plain > 0 {
        card.warnings
            .push(format!("{plain} of the {part} images have one colour only"));
    }
}

/// Mean and standard deviation of bytes that were counted.
fn moments(counts: &[u64; 256]) -> (f64, f64) {
    let counts = ArrayView1::from(counts).mapv(|count| count as f64);
    let total = counts.sum().max(1.0);
    let values = ndarray::Array1::from_iter((0..256).map(f64::from));
    let mean = (&counts * &values).sum() / total;
    let squares = (&counts * &values.mapv(|value| (value - mean).powi(2))).sum();
    (mean, (squares / total).sqrt())
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, Array4};

    use super::super::data_card;
    use super::*;
    use crate::Provenance;

    #[test]
    fn images_that_are_in_both_parts_are_told() {
        let set = |first: u8, count: usize| {
            let images = Array4::from_shape_fn((count, 2, 2, 1), |(image, row, ..)| {
                first + image as u8 + row as u8
            });
            ImageSet::new(images, Array2::zeros((count, 1)), &["a", "b"]).unwrap()
        };
        let data = ImageSets {
            train: set(10, 4),
            test: set(12, 3),
            class_names: vec!["a".into(), "b".into()],
            provenance: Provenance::drawn("made for a test"),
        };
        let card = data_card(&data).unwrap();
        let fact = |name: &str| {
            card.facts
                .iter()
                .find(|(known, _)| known == name)
                .unwrap()
                .1
                .as_str()
        };
        assert_eq!(fact("train"), "(4, 2, 2, 1)");
        assert_eq!(fact("train pixels"), "10 to 14");
        assert_eq!(fact("train means by channel"), "12");
        assert_eq!(fact("train deviations by channel"), "1.225");
        assert_eq!(fact("test images that are train images too"), "2");
        assert!(
            card.warnings[0].starts_with("2 of the 3 test images (66.7 %)"),
            "{:?}",
            card.warnings
        );
        assert!(card.warnings.contains(&"no train example of b".to_owned()));
        assert!(
            data_card(&set(0, 0))
                .unwrap()
                .to_string()
                .contains("it is empty")
        );
        let twice = data.train.select(&[0, 0, 1]).unwrap();
        assert!(
            data_card(&twice)
                .unwrap()
                .to_string()
                .contains("1 of the 3 images (33.3 %) repeat")
        );
    }
}
