use ndarray::Array4;
use plotters::style::RGBColor;

use crate::encode::encode;
use crate::reduce::reduce_colors;
use crate::{ChartError, Figure};

/// What a scatter plot that a person can zoom and hover over is drawn from, beside its picture.
///
/// All lengths are in CSS pixels of a figure of the picture's size.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveScatter {
    /// The picture, for where nothing runs.
    pub figure: Figure,
    /// Name of the horizontal and of the vertical axis.
    pub labels: [String; 2],
    /// Left, top, right and bottom of the plotted part.
    pub plot: [f64; 4],
    /// First and last value of the horizontal axis, and of the vertical one.
    pub ranges: [[f64; 2]; 2],
    /// The points, row by row.
    pub points: Vec<[f64; 2]>,
    /// The class of each point, below the number of names; none without classes.
    pub classes: Option<Vec<usize>>,
    /// The classes' names.
    pub names: Vec<String>,
    /// A colour for each class, or one for all.
    pub colors: Vec<RGBColor>,
    /// Which points are wrong, if that is known.
    pub wrong: Option<Vec<bool>>,
    /// What colours the points along a scale, in place of classes.
    pub values: Option<LiveValues>,
    /// Radius and opacity of a point.
    pub dot: [f64; 2],
    /// A small image for some or all of the points.
    pub thumbnails: Option<Thumbnails>,
}

/// The numbers that colour points.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveValues {
    /// What they are.
    pub name: String,
    /// One for each point.
    pub values: Vec<f64>,
    /// Those of the first and the last colour.
    pub range: [f64; 2],
    /// 256 colours, from the first to the last.
    pub colors: Vec<RGBColor>,
}

/// Images of points, side by side in one picture.
#[derive(Debug, Clone, PartialEq)]
pub struct Thumbnails {
    /// All of them as a PNG.
    pub png: Vec<u8>,
    /// Width and height of one, in its pixels.
    pub size: [usize; 2],
    /// How many stand in a row.
    pub columns: usize,
    /// Every so manyth point has one, beginning with the first.
    pub every: usize,
}

/// Most images, and pixels of a side.
const MOST: usize = 2_000;
const LARGEST: usize = 64;

impl Thumbnails {
    /// Of images of shape `(N, height, width, 1 or 3)`: at most 2,000 of them, every so manyth;
    /// of large ones every so manyth pixel, so that no side has more than 64.
    pub(crate) fn new(images: &Array4<u8>) -> Result<Self, ChartError> {
        let (n, rows, columns, channels) = images.dim();
        if n * rows * columns == 0 || ![1, 3].contains(&channels) {
            return Err(ChartError::ImageShape {
                shape: images.shape().to_vec(),
            });
        }
        let coarse = rows.max(columns).div_ceil(LARGEST);
        let (height, width) = (rows.div_ceil(coarse), columns.div_ceil(coarse));
        let every = n.div_ceil(MOST);
        let count = n.div_ceil(every);
        // About as high as wide.
        let across = ((count * height) as f64 / width as f64)
            .sqrt()
            .ceil()
            .max(1.0) as usize;
        let down = count.div_ceil(across);
        let mut rgb = vec![255; 3 * across * width * down * height];
        for place in 0..count {
            let (left, top) = (place % across * width, place / across * height);
            for row in 0..height {
                for column in 0..width {
                    let at = 3 * ((top + row) * across * width + left + column);
                    for channel in 0..3 {
                        let from = [
                            place * every,
                            row * coarse,
                            column * coarse,
                            channel.min(channels - 1),
                        ];
                        rgb[at + channel] = images[from];
                    }
                }
            }
        }
        reduce_colors(&mut rgb);
        Ok(Self {
            png: encode(&rgb, (across * width) as u32, (down * height) as u32)?,
            size: [width, height],
            columns: across,
            every,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encode::decode;

    #[test]
    fn each_image_has_its_place_in_the_picture() {
        let images = Array4::from_shape_fn((7, 2, 3, 1), |(i, y, x, _)| (i * 20 + y * 3 + x) as u8);
        let thumbnails = Thumbnails::new(&images).unwrap();
        assert_eq!((thumbnails.size, thumbnails.every), ([3, 2], 1));
        let rgb = decode(&thumbnails.png).unwrap();
        let width = 3 * thumbnails.columns;
        for i in 0..7 {
            let (left, top) = (i % thumbnails.columns * 3, i / thumbnails.columns * 2);
            let at = 3 * ((top + 1) * width + left + 2);
            assert_eq!(rgb[at..at + 3], [(i * 20 + 5) as u8; 3], "{i}");
        }
    }

    #[test]
    fn many_and_large_images_become_few_and_small() {
        let many = Thumbnails::new(&Array4::zeros((4500, 2, 2, 3))).unwrap();
        assert_eq!(many.every, 3);
        let large = Thumbnails::new(&Array4::zeros((2, 300, 100, 3))).unwrap();
        assert_eq!(large.size, [20, 60]);
        let none = Thumbnails::new(&Array4::zeros((2, 3, 3, 4)));
        assert!(matches!(none, Err(ChartError::ImageShape { .. })));
    }
}
