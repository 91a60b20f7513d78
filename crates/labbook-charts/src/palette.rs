use plotters::style::RGBColor;

/// The colours of series and bars: Okabe and Ito's set, which readers with any colour vision
/// can tell apart, in an order that starts with the strongest contrasts on white.
///
/// Source: M. Okabe and K. Ito, "Color Universal Design" (2008).
pub const SERIES_COLORS: [RGBColor; 7] = [
    RGBColor(0, 114, 178),
    RGBColor(213, 94, 0),
    RGBColor(0, 158, 115),
    RGBColor(204, 121, 167),
    RGBColor(230, 159, 0),
    RGBColor(86, 180, 233),
    RGBColor(0, 0, 0),
];

/// `n` hues spaced evenly round the circle: seaborn's `color_palette("hls", n)`.
///
/// Hue `i / n + 0.01`, lightness 0.6, saturation 0.65, in the HLS model.
pub fn hls_palette(n: usize) -> Vec<RGBColor> {
    (0..n)
        .map(|i| hls_to_rgb((i as f64 / n as f64 + 0.01).fract(), 0.6, 0.65))
        .collect()
}

/// Which colours tell classes apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Palette {
    /// Evenly spaced hues, seaborn's `hls`: [`hls_palette`].
    #[default]
    Hls,
    /// Ten colours that readers with any colour vision can tell apart: Paul Tol's "muted" set
    /// of nine and a dark grey. More classes than ten use them again.
    ///
    /// Source: P. Tol, "Colour Schemes", SRON technical note SRON/EPS/TN/09-002 (2021).
    Muted,
    /// Ten strong colours that differ well on white, matplotlib's `tab10`. More classes than ten use
    /// them again.
    ///
    /// Source: Tableau 10, as matplotlib's colormap reference lists it.
    Tab10,
}

const MUTED_COLORS: [RGBColor; 10] = [
    RGBColor(0x33, 0x22, 0x88),
    RGBColor(0x88, 0xcc, 0xee),
    RGBColor(0x44, 0xaa, 0x99),
    RGBColor(0x11, 0x77, 0x33),
    RGBColor(0x99, 0x99, 0x33),
    RGBColor(0xdd, 0xcc, 0x77),
    RGBColor(0xcc, 0x66, 0x77),
    RGBColor(0x88, 0x22, 0x55),
    RGBColor(0xaa, 0x44, 0x99),
    RGBColor(0x55, 0x55, 0x55),
];

const TAB10_COLORS: [RGBColor; 10] = [
    RGBColor(0x1f, 0x77, 0xb4),
    RGBColor(0xff, 0x7f, 0x0e),
    RGBColor(0x2c, 0xa0, 0x2c),
    RGBColor(0xd6, 0x27, 0x28),
    RGBColor(0x94, 0x67, 0xbd),
    RGBColor(0x8c, 0x56, 0x4b),
    RGBColor(0xe3, 0x77, 0xc2),
    RGBColor(0x7f, 0x7f, 0x7f),
    RGBColor(0xbc, 0xbd, 0x22),
    RGBColor(0x17, 0xbe, 0xcf),
];

impl Palette {
    /// One colour for each of `n` classes.
    ///
    /// ```
    /// use labbook_charts::{Palette, hls_palette};
    ///
    /// assert_eq!(Palette::Hls.colors(10), hls_palette(10));
    /// assert_eq!(Palette::Muted.colors(3).len(), 3);
    /// assert_eq!(Palette::Tab10.colors(11)[10], Palette::Tab10.colors(1)[0]);
    /// ```
    pub fn colors(self, n: usize) -> Vec<RGBColor> {
        match self {
            Self::Hls => hls_palette(n),
            Self::Muted => MUTED_COLORS.into_iter().cycle().take(n).collect(),
            Self::Tab10 => TAB10_COLORS.into_iter().cycle().take(n).collect(),
        }
    }
}

/// HLS to RGB, each from 0 to 1, as in A. R. Smith's and Foley and van Dam's double cone.
fn hls_to_rgb(hue: f64, lightness: f64, saturation: f64) -> RGBColor {
    let spread = saturation * lightness.min(1.0 - lightness);
    // Each channel is a trapezoid over the hue circle, a third of a turn apart.
    let channel = |offset: f64| {
        let k = (offset + hue * 12.0) % 12.0;
        let value = lightness - spread * (k - 3.0).min(9.0 - k).clamp(-1.0, 1.0);
        (value * 255.0).round() as u8
    };
    RGBColor(channel(0.0), channel(8.0), channel(4.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_hues_equal_seaborn_s() {
        // seaborn 0.13: color_palette("hls", 10), in bytes.
        let expected = [
            RGBColor(219, 95, 87),
            RGBColor(219, 174, 87),
            RGBColor(185, 219, 87),
            RGBColor(105, 219, 87),
            RGBColor(87, 219, 148),
            RGBColor(87, 211, 219),
            RGBColor(87, 132, 219),
            RGBColor(121, 87, 219),
            RGBColor(201, 87, 219),
            RGBColor(219, 87, 158),
        ];
        assert_eq!(hls_palette(10), expected);
    }
}
