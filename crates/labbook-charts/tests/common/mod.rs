//! Decoding of figures and a few inputs that several tests share.

#![allow(unreachable_pub, reason = "shared by test files, which export nothing")]
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    reason = "a figure that cannot be read fails the test"
)]

use labbook_analysis::ConfusionMatrix;
use labbook_charts::{Figure, ImageGrid, LineChart};
use ndarray::{Array2, Array4, arr2};

pub const CIFAR10: [&str; 10] = [
    "airplane",
    "automobile",
    "bird",
    "cat",
    "deer",
    "dog",
    "frog",
    "horse",
    "ship",
    "truck",
];

pub type Pixel = [u8; 3];
pub const WHITE: Pixel = [255; 3];

/// A decoded PNG, in bitmap pixels.
pub struct Image {
    pub width: usize,
    pub height: usize,
    rgb: Vec<u8>,
}

impl Image {
    pub fn decode(png: &[u8]) -> Self {
        let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
        decoder.set_transformations(png::Transformations::EXPAND);
        let mut reader = decoder.read_info().unwrap();
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut rgb).unwrap();
        assert_eq!(info.color_type, png::ColorType::Rgb);
        Self {
            width: info.width as usize,
            height: info.height as usize,
            rgb,
        }
    }

    pub fn of(figure: &Figure) -> Self {
        Self::decode(figure.png())
    }

    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The pixel at a place in bitmap pixels.
    pub fn at(&self, x: usize, y: usize) -> Pixel {
        let start = 3 * (y * self.width + x);
        [self.rgb[start], self.rgb[start + 1], self.rgb[start + 2]]
    }

    /// How many pixels of a rectangle (bitmap pixels, end excluded) satisfy a condition.
    pub fn count(
        &self,
        (left, top): (usize, usize),
        (right, bottom): (usize, usize),
        condition: impl Fn(Pixel) -> bool,
    ) -> usize {
        let pixels = (top..bottom).flat_map(|y| (left..right).map(move |x| (x, y)));
        pixels.filter(|&(x, y)| condition(self.at(x, y))).count()
    }

    /// The first place of a pixel of this colour, row by row.
    pub fn find(&self, color: Pixel) -> Option<(usize, usize)> {
        let mut pixels = (0..self.height).flat_map(|y| (0..self.width).map(move |x| (x, y)));
        pixels.find(|&(x, y)| self.at(x, y) == color)
    }

    /// Whether a frame of this many bitmap pixels around the figure is white: nothing that
    /// was drawn reaches the edge.
    pub fn has_white_border(&self, thickness: usize) -> bool {
        let (w, h, t) = (self.width, self.height, thickness);
        let inked = |from, to| self.count(from, to, |pixel| pixel != WHITE);
        inked((0, 0), (w, t))
            + inked((0, h - t), (w, h))
            + inked((0, 0), (t, h))
            + inked((w - t, 0), (w, h))
            == 0
    }
}

/// A falling curve with a little noise, `n` epochs long.
pub fn falling(n: usize, from: f64, to: f64) -> Vec<f64> {
    (0..n)
        .map(|i| {
            let noise = 0.03 * ((i * 7919 % 13) as f64 / 13.0 - 0.5);
            to + (from - to) * (-(i as f64) / 4.0).exp() + noise
        })
        .collect()
}

pub fn loss_and_accuracy(epochs: usize) -> [LineChart; 2] {
    let rising = |from, to| falling(epochs, from, to);
    [
        LineChart::new("Training and validation loss")
            .series("Training loss", &falling(epochs, 1.9, 0.2))
            .series("Validation loss", &falling(epochs, 1.7, 0.9))
            .x_label("Epoch"),
        LineChart::new("Training and validation accuracy")
            .series("Training accuracy", &rising(0.31, 0.94))
            .series("Validation accuracy", &rising(0.38, 0.75))
            .x_label("Epoch"),
    ]
}

/// A matrix like that of a fair CIFAR-10 model: 1,000 images per class.
pub fn ten_classes() -> ConfusionMatrix {
    let right = [786, 863, 611, 572, 761, 696, 811, 778, 875, 845_u64];
    let counts = Array2::from_shape_fn((10, 10), |(row, column)| {
        if row == column {
            return right[row];
        }
        let wrong = 1000 - right[row];
        let twist = (row * 31 + column * 17) % 11;
        wrong * twist as u64 / 60
    });
    ConfusionMatrix::from_counts(counts.view())
        .unwrap()
        .with_class_names(&CIFAR10)
        .unwrap()
}

pub fn three_classes() -> ConfusionMatrix {
    ConfusionMatrix::from_counts(arr2(&[[41_u64, 6, 3], [2, 48, 0], [9, 1, 40]]).view())
        .unwrap()
        .with_class_names(&["airplane", "automobile", "bird"])
        .unwrap()
}

/// `n` images of 32 by 32 with a gradient and a disc, all different.
pub fn pictures(n: usize) -> Array4<u8> {
    Array4::from_shape_fn((n, 32, 32, 3), |(i, y, x, channel)| {
        let (dx, dy) = (x as f64 - 10.0 - i as f64, y as f64 - 16.0);
        if dx.hypot(dy) < 8.0 {
            return [240, 200, 60][(channel + i) % 3];
        }
        ((x * 4 + y * 3 + i * 20) % 200 + channel * 20) as u8
    })
}

pub fn predictions_grid() -> ImageGrid {
    let names = ["airplane", "automobile", "bird"];
    let truth = [0, 1, 2, 1, 0, 2, 2, 1, 0, 1];
    let predicted = [0, 1, 2, 0, 0, 2, 1, 1, 0, 1];
    ImageGrid::new(&pictures(10))
        .columns(5)
        .title("Ten test images")
        .predictions(&predicted, &truth, &names)
}
