//! Contrast and notation of colours.

use plotters::style::RGBColor;

/// The colour in CSS notation, such as `#08306b`.
///
/// ```
/// use labbook_charts::{css_hex, plotters::style::RGBColor};
///
/// assert_eq!(css_hex(RGBColor(8, 48, 107)), "#08306b");
/// ```
pub fn css_hex(color: RGBColor) -> String {
    let RGBColor(r, g, b) = color;
    format!("#{r:02x}{g:02x}{b:02x}")
}

/// White or near-black, for text on a background.
///
/// White wherever it has a contrast of 3.5 (WCAG 2), as on all saturated mid-tones: there it
/// reads better than near-black of the same computed contrast.
pub fn text_color_on(background: RGBColor) -> RGBColor {
    let white = RGBColor(255, 255, 255);
    if contrast(white, background) >= 3.5 {
        white
    } else {
        crate::ink::INK
    }
}

/// WCAG 2 contrast ratio of two colours, from 1 to 21.
pub(crate) fn contrast(a: RGBColor, b: RGBColor) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// The colour, darkened until small text in it reads well on white (contrast of 4.5).
pub(crate) fn readable_on_white(color: RGBColor) -> RGBColor {
    let mut darkened = color;
    while contrast(darkened, RGBColor(255, 255, 255)) < 4.5 {
        let darker = |channel: u8| (f64::from(channel) * 0.95) as u8;
        darkened = RGBColor(darker(darkened.0), darker(darkened.1), darker(darkened.2));
    }
    darkened
}

/// The colour mixed with white: a `share` of 1 keeps it.
pub(crate) fn lightened(color: RGBColor, share: f64) -> RGBColor {
    let mixed = |channel: u8| (255.0 - share * (255.0 - f64::from(channel))).round() as u8;
    RGBColor(mixed(color.0), mixed(color.1), mixed(color.2))
}

/// WCAG 2 relative luminance, from 0 to 1.
fn luminance(RGBColor(r, g, b): RGBColor) -> f64 {
    let linear = |channel: u8| {
        let c = f64::from(channel) / 255.0;
        if c <= 0.04045 {
            c / 12.92
        } else {
            ((c + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_dark_on_light_and_white_on_dark() {
        assert_eq!(text_color_on(RGBColor(247, 251, 255)), crate::ink::INK);
        assert_eq!(text_color_on(RGBColor(8, 48, 107)), RGBColor(255, 255, 255));
    }

    #[test]
    fn text_stands_out_from_every_blue() {
        for step in 0..=100 {
            let background = crate::ColorMap::Blues.color(f64::from(step) / 100.0);
            let ratio = contrast(text_color_on(background), background);
            assert!(ratio >= 3.5, "{ratio} on {background:?}");
        }
    }

    #[test]
    fn contrast_of_black_and_white_is_21() {
        let ratio = contrast(RGBColor(0, 0, 0), RGBColor(255, 255, 255));
        assert!((ratio - 21.0).abs() < 1e-9);
    }

    #[test]
    fn pale_colours_are_darkened_for_text_and_dark_ones_kept() {
        let yellow = RGBColor(240, 228, 66);
        let white = RGBColor(255, 255, 255);
        assert!(contrast(readable_on_white(yellow), white) >= 4.5);
        let blue = RGBColor(0, 90, 160);
        assert_eq!(readable_on_white(blue), blue);
    }
}
