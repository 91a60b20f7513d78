use std::fmt;

use crate::error::NotebookError;

/// How much of the original's work a run does. The architectures stay recognisable: a scale changes
/// how many images, how many epochs and how wide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scale {
    /// `smoke`, `laptop` or `full`.
    pub name: &'static str,
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
    /// [`NotebookError::UnknownScale`] for any other word.
    pub fn named(name: &str) -> Result<Self, NotebookError> {
        match name {
            "smoke" => Ok(Self::smoke()),
            "laptop" => Ok(Self::laptop()),
            "full" => Ok(Self::full()),
            other => Err(NotebookError::UnknownScale(other.to_owned())),
        }
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
}
