use std::ops::{Add, Mul};

use crate::rng::Rng;

/// Red, green and blue; 0 is black and 1 full. Values outside are cut only when a picture is done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Colour(pub(super) [f32; 3]);

impl Colour {
    /// From hue (in turns), saturation and value.
    pub(super) fn hsv(hue: f32, saturation: f32, value: f32) -> Self {
        let channel = |offset: f32| {
            let place = (hue + offset).rem_euclid(1.0) * 6.0;
            let full = ((place - 3.0).abs() - 1.0).clamp(0.0, 1.0);
            value * (1.0 - saturation + saturation * full)
        };
        Self([channel(0.0), channel(2.0 / 3.0), channel(1.0 / 3.0)])
    }

    /// Perceived lightness (Rec. 601 weights).
    pub(super) fn luma(self) -> f32 {
        let [red, green, blue] = self.0;
        0.299 * red + 0.587 * green + 0.114 * blue
    }

    /// This colour covered by another with the given opacity.
    pub(super) fn under(self, other: Self, opacity: f32) -> Self {
        self * (1.0 - opacity) + other * opacity
    }

    /// A colour close by.
    pub(super) fn near(self, spread: f32, rng: &mut Rng) -> Self {
        let shade = rng.between(-spread, spread);
        Self(
            self.0
                .map(|c| (c + shade + 0.4 * rng.between(-spread, spread)).clamp(0.02, 1.0)),
        )
    }
}

impl Add for Colour {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self([
            self.0[0] + other.0[0],
            self.0[1] + other.0[1],
            self.0[2] + other.0[2],
        ])
    }
}

impl Mul<f32> for Colour {
    type Output = Self;

    fn mul(self, factor: f32) -> Self {
        Self(self.0.map(|c| c * factor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hues_are_where_they_should_be() {
        let close = |hue: f32, expected: [f32; 3]| {
            let Colour(found) = Colour::hsv(hue, 1.0, 1.0);
            let off = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
            assert!(off.fold(0.0, f32::max) < 1e-4, "{hue}: {found:?}");
        };
        close(0.0, [1.0, 0.0, 0.0]);
        close(1.0 / 3.0, [0.0, 1.0, 0.0]);
        close(2.0 / 3.0, [0.0, 0.0, 1.0]);
        close(1.0 / 6.0, [1.0, 1.0, 0.0]);
    }
}
