//! Heat maps as pictures, to stand beside images in a grid.

use ndarray::{Array3, Array4, ArrayView3, ArrayView4};
use plotters::style::RGBColor;

use crate::{ChartError, ColorMap};

/// Heat from 0 to 1, shape `(N, height, width)`, as RGB pictures `(N, height, width, 3)`.
///
/// ```
/// use labbook_charts::{ColorMap, heat_pictures};
/// use ndarray::Array3;
///
/// let pictures = heat_pictures(&Array3::<f32>::zeros((2, 8, 8)), ColorMap::Inferno);
/// assert_eq!(pictures.dim(), (2, 8, 8, 3));
/// ```
pub fn heat_pictures<'a>(heat: impl Into<ArrayView3<'a, f32>>, color_map: ColorMap) -> Array4<u8> {
    let heat = heat.into();
    let (n, height, width) = heat.dim();
    let colors = heat.map(|&heat| rgb(color_map.color(f64::from(heat))));
    Array4::from_shape_fn((n, height, width, 3), |(i, y, x, channel)| {
        colors[[i, y, x]][channel]
    })
}

/// The images in grey with their heat maps laid over them in colour: `opacity` of heat, the
/// rest image.
///
/// Images have shape `(N, height, width, 3)` or `(N, height, width, 1)`, heat from 0 to 1 has
/// shape `(N, height, width)`.
///
/// # Errors
///
/// [`ChartError::ShapeMismatch`] unless heat and images have the same size and number.
pub fn overlay<'a, 'b>(
    images: impl Into<ArrayView4<'a, u8>>,
    heat: impl Into<ArrayView3<'b, f32>>,
    color_map: ColorMap,
    opacity: f64,
) -> Result<Array4<u8>, ChartError> {
    let (images, heat) = (images.into(), heat.into());
    let (n, height, width, channels) = images.dim();
    if heat.dim() != (n, height, width) {
        return Err(ChartError::ShapeMismatch {
            what: "one heat map per image,",
            expected: vec![n, height, width],
            received: heat.shape().to_vec(),
        });
    }
    let grey: Array3<f64> = Array3::from_shape_fn((n, height, width), |(i, y, x)| {
        let channel = |c: usize| f64::from(images[[i, y, x, c.min(channels - 1)]]);
        // ITU-R BT.601, the weights of black-and-white television.
        0.299 * channel(0) + 0.587 * channel(1) + 0.114 * channel(2)
    });
    let opacity = opacity.clamp(0.0, 1.0);
    let mut pictures = heat_pictures(heat, color_map);
    for ((i, y, x, _), value) in pictures.indexed_iter_mut() {
        let blended = opacity * f64::from(*value) + (1.0 - opacity) * grey[[i, y, x]];
        *value = blended.round() as u8;
    }
    Ok(pictures)
}

fn rgb(RGBColor(r, g, b): RGBColor) -> [u8; 3] {
    [r, g, b]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opacity_goes_from_image_to_heat() {
        let images = Array4::from_elem((1, 2, 2, 3), 200_u8);
        let heat = Array3::from_elem((1, 2, 2), 1.0_f32);
        let at = |opacity| {
            let picture = overlay(&images, &heat, ColorMap::Viridis, opacity).unwrap();
            [0, 1, 2].map(|channel| picture[[0, 0, 0, channel]])
        };
        assert_eq!(at(0.0), [200, 200, 200]);
        assert_eq!(at(1.0), [253, 231, 37]);
        assert_eq!(at(0.5), [227, 216, 119]);
    }

    #[test]
    fn heat_of_another_size_is_refused() {
        let images = Array4::<u8>::zeros((2, 4, 4, 3));
        let heat = Array3::<f32>::zeros((2, 4, 5));
        let error = overlay(&images, &heat, ColorMap::Inferno, 0.5).unwrap_err();
        assert!(error.to_string().contains("[2, 4, 5]"), "{error}");
    }
}
