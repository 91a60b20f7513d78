//! Decoding of figures and a few inputs that several tests share.

#![allow(unreachable_pub, reason = "shared by test files, which export nothing")]
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(
    clippy::unwrap_used,
    reason = "a figure that cannot be read fails the test"
)]

pub mod statistical;

use labbook_analysis::Calibration;
use labbook_analysis::ConfusionMatrix;
use labbook_charts::{
    BarChart, FeatureMaps, Figure, FilterGrid, ImageGrid, LabelledScatter, LineChart, ModelPlot,
    ParallelCoordinates, ReliabilityDiagram, ScatterPlot, ThumbnailMap, heat_pictures, overlay,
};
use ndarray::{Array2, Array3, Array4, arr2};

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

/// Numbers from 0 to 1 that look random and are the same everywhere (splitmix64).
fn noise(i: usize) -> f64 {
    let mut x = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x ^ (x >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// `n` points in ten overlapping clusters, and their classes.
pub fn clusters(n: usize) -> (Array2<f32>, Vec<i64>) {
    let classes: Vec<i64> = (0..n).map(|i| (i * 31 % 10) as i64).collect();
    let points = Array2::from_shape_fn((n, 2), |(i, axis)| {
        let angle = classes[i] as f64 * 0.628;
        let middle = [angle.cos(), angle.sin()][axis] * 20.0;
        let spread = (0..4)
            .map(|k| noise(8 * i + 4 * axis + k) - 0.5)
            .sum::<f64>();
        (middle + 12.0 * spread) as f32
    });
    (points, classes)
}

pub fn map_of(n: usize) -> ScatterPlot {
    let (points, classes) = clusters(n);
    ScatterPlot::new(&points)
        .classes(&classes, &CIFAR10)
        .title(format!("Map of {n} images"))
        .x_label("t-SNE 1")
        .y_label("t-SNE 2")
}

pub fn map_with_errors(n: usize) -> ScatterPlot {
    let wrong: Vec<bool> = (0..n).map(|i| noise(i) < 0.2).collect();
    map_of(n).errors(&wrong)
}

pub fn thumbnails() -> ThumbnailMap {
    let (points, classes) = clusters(300);
    ThumbnailMap::new(&pictures(300), &points)
        .classes(&classes, &CIFAR10)
        .title("Images in the map")
        .size(700, 560)
}

/// Waves of different lengths, some channels constant.
pub fn activation(height: usize, width: usize, channels: usize) -> Array4<f32> {
    Array4::from_shape_fn((1, height, width, channels), |(_, y, x, c)| {
        let wave =
            (x as f64 * (c % 7) as f64 / 9.0).sin() + (y as f64 * (c % 5) as f64 / 7.0).cos();
        if c % 9 == 4 {
            0.0
        } else {
            wave.max(0.0) as f32
        }
    })
}

pub fn filters() -> FilterGrid {
    let kernel = Array4::from_shape_fn((3, 3, 3, 40), |(y, x, c, f)| {
        let turn = f as f64 * 0.7;
        ((y as f64 - 1.0) * turn.sin() + (x as f64 - 1.0) * turn.cos() + (c as f64 * turn).sin())
            as f32
    });
    FilterGrid::new(&kernel).title("conv2d")
}

pub fn feature_maps() -> FeatureMaps {
    FeatureMaps::new(&activation(15, 15, 20)).title("max_pooling2d")
}

/// Images, their heat maps laid over them, and the heat maps.
pub fn explained() -> ImageGrid {
    let images = pictures(4);
    let heat = Array3::from_shape_fn((4, 32, 32), |(i, y, x)| {
        let (dx, dy) = (x as f64 - 10.0 - i as f64, y as f64 - 16.0);
        (-(dx * dx + dy * dy) / 70.0).exp() as f32
    });
    let map = labbook_charts::ColorMap::Inferno;
    ImageGrid::new(&images)
        .beside(&overlay(&images, &heat, map, 0.45).unwrap())
        .beside(&heat_pictures(&heat, map))
        .columns(2)
        .predictions(&[0, 1, 2, 3], &[0, 1, 9, 3], &CIFAR10)
        .probabilities(&[0.998, 0.871, 0.5, 0.334])
        .notes(&["loss 0.00", "loss 0.14", "loss 1.73", "loss 1.10"])
        .title("Grad-CAM of conv2d_1")
}

pub fn reliability() -> ReliabilityDiagram {
    let n = 4000;
    let confidence = |i: usize| 0.1 + 0.9 * noise(i).powf(0.5);
    let probabilities = Array2::from_shape_fn((n, 10), |(i, class)| match class {
        0 => confidence(i),
        _ => (1.0 - confidence(i)) / 9.0,
    });
    let labels: Vec<i64> = (0..n)
        .map(|i| i64::from(noise(3 * i + 1) > 0.15 + 0.65 * confidence(i)))
        .collect();
    ReliabilityDiagram::new(&Calibration::new(&labels, probabilities.view(), 10).unwrap())
}

pub fn model() -> ModelPlot {
    let shapes = [
        "(None, 32, 32, 3)",
        "(None, 30, 30, 512)",
        "(None, 15, 15, 512)",
    ];
    ModelPlot::new()
        .title("sequential")
        .layer("conv2d_input", "InputLayer", shapes[0], shapes[0])
        .layer("conv2d", "Conv2D", shapes[0], shapes[1])
        .layer("max_pooling2d", "MaxPooling2D", shapes[1], shapes[2])
        .layer("flatten", "Flatten", shapes[2], "(None, 115200)")
        .layer("dense", "Dense", "(None, 115200)", "(None, 10)")
}

pub fn residual_model() -> ModelPlot {
    let shape = "(None, 16, 16, 64)";
    let twice = "[(None, 16, 16, 64), (None, 16, 16, 64)]";
    ModelPlot::new()
        .title("residual")
        .input("image", "(None, 16, 16, 3)")
        .input("place", "(None, 2)")
        .layer("stem", "Conv2D", "(None, 16, 16, 3)", shape)
        .connected_to(&["image"])
        .layer("conv2d_1", "Conv2D", shape, shape)
        .layer("conv2d_2", "Conv2D", shape, shape)
        .layer("add", "Add", twice, shape)
        .connected_to(&["conv2d_2", "stem"])
        .layer("pool", "GlobalAveragePooling2D", shape, "(None, 64)")
        .layer("dense", "Dense", "(None, 2)", "(None, 16)")
        .connected_to(&["place"])
        .layer(
            "both",
            "Concatenate",
            "[(None, 64), (None, 16)]",
            "(None, 80)",
        )
        .connected_to(&["pool", "dense"])
        .layer("price", "Dense", "(None, 80)", "(None, 1)")
        .layer("sold", "Dense", "(None, 80)", "(None, 1)")
        .connected_to(&["both"])
}

pub fn accuracy_and_time() -> LabelledScatter {
    let seconds = [
        52.2, 66.77, 277.33, 326.0, 21.51, 24.63, 187.68, 300.588, 81.98, 117.72,
    ];
    let accuracy = [
        46.98, 46.04, 71.3, 73.61, 48.49, 49.28, 71.84, 73.94, 10.0, 10.0,
    ];
    let ours = seconds.map(|s| 0.7 * s);
    let ours_accuracy = accuracy.map(|a| 0.98 * a + 1.0);
    let labels: Vec<String> = (1..=10).map(|i| i.to_string()).collect();
    LabelledScatter::new("Test accuracy against training time")
        .series("this notebook", &ours, &ours_accuracy, &labels)
        .series("the paper", &seconds, &accuracy, &labels)
        .x_label("Seconds of training")
        .y_label("Test accuracy in %")
        .log_x()
}

pub fn precision_and_recall() -> BarChart {
    let precision = [0.81, 0.88, 0.65, 0.52, 0.71, 0.66, 0.83, 0.8, 0.84, 0.83];
    let recall = [
        0.786, 0.863, 0.611, 0.572, 0.761, 0.696, 0.811, 0.778, 0.875, 0.845,
    ];
    BarChart::new("Precision and recall per class")
        .names(&CIFAR10)
        .series("precision", &precision)
        .series("recall", &recall)
        .percent()
}

/// Thirty trials of a search, the best of which share a learning rate; one diverged.
pub fn trials() -> ParallelCoordinates {
    let each = |of: fn(usize) -> f64| -> Vec<f64> { (0..30).map(of).collect() };
    let rate = |i: usize| 10_f64.powf(-4.0 + 3.0 * noise(3 * i));
    let units = |i: usize| 16.0 + (noise(3 * i + 1) * 240.0).floor();
    let mut accuracy: Vec<f64> = (0..30)
        .map(|i| 0.95 - 0.12 * (rate(i).log10() + 2.5).powi(2) + 1e-4 * units(i))
        .collect();
    accuracy[7] = f64::NAN;
    let optimizers: Vec<usize> = (0..30).map(|i| i * 7 % 3).collect();
    ParallelCoordinates::new("val_accuracy", &accuracy)
        .title("Thirty trials")
        .log_axis("learning_rate", &(0..30).map(rate).collect::<Vec<_>>())
        .categories("optimizer", ["sgd", "adam", "rmsprop"], &optimizers)
        .axis("units", &(0..30).map(units).collect::<Vec<_>>())
        .axis("dropout", &each(|i| 0.5 * noise(3 * i + 2)))
}

/// One figure of each newer kind.
pub fn newer_figures() -> Vec<(&'static str, Figure)> {
    vec![
        ("scatter_plot", map_of(1000).figure().unwrap()),
        (
            "scatter_errors",
            map_with_errors(1000).equal_aspect().figure().unwrap(),
        ),
        ("thumbnail_map", thumbnails().figure().unwrap()),
        ("feature_maps", feature_maps().figure().unwrap()),
        ("filter_grid", filters().figure().unwrap()),
        ("explained", explained().figure().unwrap()),
        ("reliability", reliability().figure().unwrap()),
        ("model_plot", model().figure().unwrap()),
        ("residual_model", residual_model().figure().unwrap()),
        ("accuracy_and_time", accuracy_and_time().figure().unwrap()),
        ("grouped_bars", precision_and_recall().figure().unwrap()),
        ("parallel_coordinates", trials().figure().unwrap()),
    ]
}
