use std::fmt;

use labbook_nn::LearningRateSchedule;
use serde::{Deserialize, Deserializer, Serialize};

use crate::PaperError;

/// The name of a scale whose sizes somebody changed.
const CUSTOM: &str = "custom";

/// An alias, since serde would want to borrow a plain `&str` from the text that it reads.
type Name = &'static str;

/// How much of the original's work a run does. The architectures stay recognisable: a scale changes
/// how many images, how many epochs and how wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scale {
    /// `smoke`, `laptop`, `full`, or `custom` for sizes changed by [`with_images`](Self::with_images)
    /// or [`with_epochs`](Self::with_epochs).
    #[serde(deserialize_with = "known_name")]
    pub name: Name,
    /// Images to train on.
    pub train_images: usize,
    /// Images to validate on.
    pub validation_images: usize,
    /// Images to test on, at most.
    pub test_images: usize,
    /// Epochs of a training.
    pub epochs: usize,
    /// Images in a training step.
    pub batch_size: i64,
    /// Convolutions have this part of the original's filters.
    filters_divisor: i64,
    /// Dense layers that act on every pixel have at most so many units.
    units_limit: i64,
}

impl Scale {
    /// A few minutes for the whole notebook; for tests and a first look.
    #[must_use]
    pub fn smoke() -> Self {
        Scale {
            name: "smoke",
            train_images: 4_000,
            validation_images: 1_000,
            test_images: 2_000,
            epochs: 10,
            batch_size: 64,
            filters_divisor: 16,
            units_limit: 16,
        }
    }

    /// Well under an hour on two cores.
    #[must_use]
    pub fn laptop() -> Self {
        Scale {
            name: "laptop",
            train_images: 20_000,
            validation_images: 5_000,
            test_images: 10_000,
            epochs: 12,
            batch_size: 256,
            filters_divisor: 8,
            units_limit: 128,
        }
    }

    /// The original's sizes.
    #[must_use]
    pub fn full() -> Self {
        Scale {
            name: "full",
            train_images: 40_000,
            validation_images: 10_000,
            test_images: 10_000,
            epochs: 20,
            batch_size: 512,
            filters_divisor: 1,
            units_limit: i64::MAX,
        }
    }

    /// A scale by its name.
    ///
    /// # Errors
    /// [`PaperError::UnknownScale`] for any other word.
    pub fn named(name: &str) -> Result<Self, PaperError> {
        match name {
            "smoke" => Ok(Self::smoke()),
            "laptop" => Ok(Self::laptop()),
            "full" => Ok(Self::full()),
            other => Err(PaperError::UnknownScale(other.to_owned())),
        }
    }

    /// The same widths with this many training images, and a quarter as many to validate and to
    /// test on, which is the proportion of the three scales' training and validation.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn with_images(mut self, train_images: usize) -> Self {
        self.name = CUSTOM;
        self.train_images = train_images;
        self.validation_images = (train_images / 4).max(1);
        self.test_images = self.validation_images;
        self
    }

    /// The same widths with trainings of this many epochs.
    #[must_use = "method moves the value of self and returns the modified value"]
    pub fn with_epochs(mut self, epochs: usize) -> Self {
        self.name = CUSTOM;
        self.epochs = epochs;
        self
    }

    /// A schedule for a training of this scale: up to `highest` in the first quarter of its steps,
    /// down to a twentieth at its end.
    #[must_use]
    pub fn one_cycle(&self, highest: f64) -> LearningRateSchedule {
        let batches = (self.train_images as i64 + self.batch_size - 1) / self.batch_size;
        let steps = batches * self.epochs as i64;
        LearningRateSchedule::one_cycle(highest, steps, 0.25, 0.05)
    }

    /// The width of a convolution that has `original` filters in the original.
    #[must_use]
    pub fn filters(&self, original: i64) -> i64 {
        (original / self.filters_divisor).max(1)
    }

    /// The width of a dense layer acting on every pixel that has `original` units in the original.
    #[must_use]
    pub fn units(&self, original: i64) -> i64 {
        original.min(self.units_limit)
    }
}

/// Reads a name back as one of those that this crate writes.
fn known_name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static str, D::Error> {
    let name = String::deserialize(deserializer)?;
    let named = Scale::named(&name).map(|scale| scale.name);
    named.or_else(|error| match name == CUSTOM {
        true => Ok(CUSTOM),
        false => Err(serde::de::Error::custom(error)),
    })
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}: {} training, {} validation and {} test images, {} epochs, batches of {}",
            self.name,
            self.train_images,
            self.validation_images,
            self.test_images,
            self.epochs,
            self.batch_size
        )?;
        if self.filters_divisor > 1 {
            write!(
                f,
                ", convolutions 1/{} as wide as the original's, per-pixel dense layers at most {} wide",
                self.filters_divisor, self.units_limit
            )?;
        } else {
            write!(f, ", the original's widths")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_follow_the_scale() {
        assert_eq!(Scale::full().filters(512), 512);
        assert_eq!(Scale::laptop().filters(512), 64);
        assert_eq!(
            (Scale::laptop().units(64), Scale::laptop().units(512)),
            (64, 128)
        );
        assert_eq!(Scale::smoke().filters(8), 1);
    }

    #[test]
    fn the_laptop_keeps_to_its_floor() {
        let laptop = Scale::laptop();
        assert!(laptop.train_images >= 20_000 && laptop.epochs >= 12);
        assert!(laptop.filters(512) >= 512 / 8);
    }

    #[test]
    fn an_unknown_scale_names_the_three() {
        let error = Scale::named("big").unwrap_err().to_string();
        assert!(
            error.contains("smoke, laptop or full") && error.contains("big"),
            "{error}"
        );
    }

    #[test]
    fn the_text_says_what_changes() {
        let text = Scale::laptop().to_string();
        for part in ["20000 training", "12 epochs", "1/8", "128 wide"] {
            assert!(text.contains(part), "{text}");
        }
    }

    #[test]
    fn a_scale_comes_back_from_json_and_a_foreign_name_does_not() {
        for scale in [
            Scale::smoke(),
            Scale::full(),
            Scale::laptop().with_images(64).with_epochs(2),
        ] {
            let text = serde_json::to_string(&scale).unwrap();
            assert_eq!(serde_json::from_str::<Scale>(&text).unwrap(), scale);
            let foreign = text.replace(scale.name, "huge");
            let error = serde_json::from_str::<Scale>(&foreign).unwrap_err();
            assert!(error.to_string().contains("huge"), "{error}");
        }
    }

    #[test]
    fn changed_sizes_are_called_custom_and_keep_the_widths() {
        let scale = Scale::laptop().with_images(64).with_epochs(2);
        assert_eq!((scale.name, scale.epochs), ("custom", 2));
        assert_eq!((scale.validation_images, scale.test_images), (16, 16));
        assert_eq!(scale.filters(512), Scale::laptop().filters(512));
    }
}
