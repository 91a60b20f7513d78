use plotters::style::RGBColor;

/// A scale from a light tint to a full colour: seaborn's `light_palette(.., input="husl")`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LightPalette {
    light: [f64; 3],
    full: [f64; 3],
}

impl LightPalette {
    /// The scale to the colour of this hue (degrees, 0 to 360), saturation and lightness (0 to
    /// 100) in HUSL, now called HSLuv. `LightPalette::husl(260.0, 75.0, 60.0)` is the blue of
    /// shaded tables.
    ///
    /// The light end has the same hue, 15 % of the saturation, and a lightness of 95, as in
    /// seaborn.
    pub fn husl(hue: f64, saturation: f64, lightness: f64) -> Self {
        Self {
            light: hsluv_to_rgb(hue, 0.15 * saturation, 95.0),
            full: hsluv_to_rgb(hue, saturation, lightness),
        }
    }

    /// The colour at `t`: 0 is the light tint, 1 the full colour, a straight line in RGB
    /// between. Values outside 0 to 1 count as the nearer end, NaN as 0.
    pub fn color(&self, t: f64) -> RGBColor {
        let t = if t.is_nan() { 0.0 } else { t.clamp(0.0, 1.0) };
        let channel = |i: usize| {
            let value = self.light[i] + t * (self.full[i] - self.light[i]);
            (value * 255.0).round() as u8
        };
        RGBColor(channel(0), channel(1), channel(2))
    }
}

/// Linear RGB from CIE XYZ (D65), as in the HSLuv reference implementation, revision 4.
const RGB_FROM_XYZ: [[f64; 3]; 3] = [
    [3.240969941904521, -1.537383177570093, -0.498610760293],
    [-0.96924363628087, 1.87596750150772, 0.041555057407175],
    [0.055630079696993, -0.20397695888897, 1.056971514242878],
];
/// Chromaticity of the D65 white in CIE u'v'.
const WHITE_UV: (f64, f64) = (0.19783000664283, 0.46831999493879);
/// CIE's exact constants of the lightness curve, (29/3)^3 and (6/29)^3.
const KAPPA: f64 = 903.2962962;
const EPSILON: f64 = 0.0088564516;

/// HSLuv to sRGB, each channel from 0 to 1.
///
/// HSLuv is CIE LCh(uv) with chroma given as a percentage of the most that sRGB can show at
/// that lightness and hue (A. Boronine, hsluv.org, "math").
fn hsluv_to_rgb(hue: f64, saturation: f64, lightness: f64) -> [f64; 3] {
    if lightness >= 100.0 {
        return [1.0; 3];
    }
    if lightness <= 0.0 {
        return [0.0; 3];
    }
    let chroma = saturation / 100.0 * max_chroma(lightness, hue);
    let (sin, cos) = hue.to_radians().sin_cos();
    let (u, v) = (chroma * cos, chroma * sin);

    let u_prime = u / (13.0 * lightness) + WHITE_UV.0;
    let v_prime = v / (13.0 * lightness) + WHITE_UV.1;
    let y = if lightness <= 8.0 {
        lightness / KAPPA
    } else {
        ((lightness + 16.0) / 116.0).powi(3)
    };
    let x = y * 9.0 * u_prime / (4.0 * v_prime);
    let z = y * (12.0 - 3.0 * u_prime - 20.0 * v_prime) / (4.0 * v_prime);

    RGB_FROM_XYZ.map(|row| {
        let linear = row[0] * x + row[1] * y + row[2] * z;
        let encoded = if linear <= 0.0031308 {
            12.92 * linear
        } else {
            1.055 * linear.powf(1.0 / 2.4) - 0.055
        };
        encoded.clamp(0.0, 1.0)
    })
}

/// The largest chroma inside sRGB at a lightness and hue: the nearest of the six lines
/// (channel = 0 or 1) that bound the gamut in the (u, v) plane of constant lightness.
fn max_chroma(lightness: f64, hue: f64) -> f64 {
    let cubed = ((lightness + 16.0) / 116.0).powi(3);
    let scale = if cubed > EPSILON {
        cubed
    } else {
        lightness / KAPPA
    };
    let (sin, cos) = hue.to_radians().sin_cos();
    let mut nearest = f64::INFINITY;
    for [m1, m2, m3] in RGB_FROM_XYZ {
        for channel in [0.0, 1.0] {
            let top1 = (284517.0 * m1 - 94839.0 * m3) * scale;
            let top2 = (838422.0 * m3 + 769860.0 * m2 + 731718.0 * m1) * lightness * scale
                - 769860.0 * channel * lightness;
            let bottom = (632260.0 * m3 - 126452.0 * m2) * scale + 126452.0 * channel;
            let (slope, intercept) = (top1 / bottom, top2 / bottom);
            let length = intercept / (sin - slope * cos);
            if length >= 0.0 {
                nearest = nearest.min(length);
            }
        }
    }
    nearest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Within one step of 255: seaborn carries an older revision's constants.
    fn assert_near(actual: RGBColor, expected: (u8, u8, u8)) {
        let near = |a: u8, b: u8| a.abs_diff(b) <= 1;
        assert!(
            near(actual.0, expected.0) && near(actual.1, expected.1) && near(actual.2, expected.2),
            "{actual:?} against {expected:?}"
        );
    }

    #[test]
    fn the_table_blue_equals_seaborn_s() {
        // seaborn 0.13: light_palette((260, 75, 60), input="husl", as_cmap=True).
        let palette = LightPalette::husl(260.0, 75.0, 60.0);
        assert_near(palette.color(0.0), (240, 241, 242));
        assert_near(palette.color(0.5), (179, 190, 235));
        assert_near(palette.color(1.0), (119, 140, 228));
    }

    #[test]
    fn other_hues_equal_seaborn_s() {
        for ((h, s, l), light, full) in [
            ((20.0, 90.0, 50.0), (243, 240, 240), (205, 78, 34)),
            ((140.0, 60.0, 30.0), (237, 242, 238), (42, 78, 55)),
            ((320.0, 100.0, 80.0), (243, 240, 242), (255, 172, 236)),
        ] {
            let palette = LightPalette::husl(h, s, l);
            assert_near(palette.color(0.0), light);
            assert_near(palette.color(1.0), full);
        }
    }

    #[test]
    fn values_out_of_range_take_the_nearer_end() {
        let palette = LightPalette::husl(260.0, 75.0, 60.0);
        assert_eq!(palette.color(-1.0), palette.color(0.0));
        assert_eq!(palette.color(f64::NAN), palette.color(0.0));
        assert_eq!(palette.color(7.0), palette.color(1.0));
    }

    #[test]
    fn black_and_white_are_reached() {
        assert_eq!(hsluv_to_rgb(0.0, 50.0, 100.0), [1.0; 3]);
        assert_eq!(hsluv_to_rgb(0.0, 50.0, 0.0), [0.0; 3]);
    }
}
