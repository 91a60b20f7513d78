use super::interpolation::ImageInterpolation;

/// For each new place along one axis the old places that it is computed of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Taps {
    starts: Vec<usize>,
    /// `count` for each new place.
    weights: Vec<f32>,
    count: usize,
}

impl Taps {
    /// `new` places of the `old` ones from `start` on.
    ///
    /// The middles of pixels lie at halves. Weights beyond the edge are left out and the others
    /// add up to 1, as in TensorFlow and Pillow.
    pub(super) fn new(
        interpolation: ImageInterpolation,
        antialias: bool,
        (start, old): (usize, usize),
        new: usize,
    ) -> Self {
        let scale = old as f64 / new as f64;
        let last = old.saturating_sub(1);
        let wide = match antialias {
            true => scale.max(1.0),
            false => 1.0,
        };
        let found = (0..new).map(|place| match interpolation {
            ImageInterpolation::Nearest => {
                let nearest = ((place as f64 + 0.5) * scale) as usize;
                (nearest.min(last), vec![1.0])
            }
            ImageInterpolation::Area => {
                overlaps(place as f64 * scale, (place + 1) as f64 * scale, last)
            }
            _ => around(interpolation, (place as f64 + 0.5) * scale, wide, last),
        });
        let found: Vec<(usize, Vec<f64>)> = found.collect();
        let longest = found.iter().map(|(_, weights)| weights.len());
        let count = longest.max().unwrap_or(1);
        let mut taps = Self {
            starts: Vec::with_capacity(new),
            weights: Vec::with_capacity(new * count),
            count,
        };
        for (first, weights) in found {
            // All have as many weights, within the old places.
            let from = first.min(old.saturating_sub(count));
            let total: f64 = weights.iter().sum();
            let mut row = vec![0.0; count];
            for (place, weight) in weights.iter().enumerate() {
                row[first - from + place] = (weight / total) as f32;
            }
            taps.starts.push(start + from);
            taps.weights.extend(row);
        }
        taps
    }

    fn each(&self) -> impl Iterator<Item = (usize, &[f32])> {
        self.starts
            .iter()
            .copied()
            .zip(self.weights.chunks_exact(self.count))
    }
}

/// How much of each old place lies between two points.
fn overlaps(from: f64, to: f64, last: usize) -> (usize, Vec<f64>) {
    let first = (from.floor() as usize).min(last);
    let end = (to.ceil() as usize).clamp(first + 1, last + 1);
    let weights = (first..end).map(|place| {
        let place = place as f64;
        ((place + 1.0).min(to) - place.max(from)).max(0.0)
    });
    (first, weights.collect())
}

fn around(
    interpolation: ImageInterpolation,
    center: f64,
    wide: f64,
    last: usize,
) -> (usize, Vec<f64>) {
    let reach = interpolation.support() * wide;
    let first = ((center - reach).floor().max(0.0) as usize).min(last);
    let end = ((center + reach).ceil() as usize).clamp(first + 1, last + 1);
    let weight = |place| interpolation.weight((place as f64 + 0.5 - center) / wide);
    let weights: Vec<f64> = (first..end).map(weight).collect();
    // The outermost ones often touch only where the function is zero.
    let zeros = weights.iter().take_while(|weight| **weight == 0.0).count();
    let used = weights.iter().rposition(|weight| *weight != 0.0);
    match used {
        Some(used) => (first + zeros, weights[zeros..=used].to_vec()),
        None => ((center as usize).min(last), vec![1.0]),
    }
}

/// Pixels of an image, row by row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pixels {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) channels: usize,
    pub(super) bytes: Vec<u8>,
}

/// A part of the image that is written, of rows of `stride` numbers.
pub(super) struct Target<'a> {
    pub(super) numbers: &'a mut [f32],
    /// Where the part's first number stands.
    pub(super) start: usize,
    pub(super) stride: usize,
}

/// Writes the image that rows and columns are computed of.
pub(super) fn resample(pixels: &Pixels, rows: &Taps, columns: &Taps, target: Target<'_>) {
    let Target {
        numbers,
        start,
        stride,
    } = target;
    let width = pixels.width * pixels.channels;
    let mut line = vec![0.0_f32; width];
    for (place, (first, weights)) in rows.each().enumerate() {
        // Rows first: they lie together in memory.
        let row = |number: usize| &pixels.bytes[(first + number) * width..][..width];
        if let [above, below] = weights {
            // Linear between neighbours, as most images are made.
            let both = row(0).iter().zip(row(1));
            for (sum, (&upper, &lower)) in line.iter_mut().zip(both) {
                *sum = above * f32::from(upper) + below * f32::from(lower);
            }
        } else {
            line.fill(0.0);
            for (number, weight) in weights.iter().enumerate() {
                for (sum, &byte) in line.iter_mut().zip(row(number)) {
                    *sum += weight * f32::from(byte);
                }
            }
        }
        let to = start + place * stride;
        let length = columns.starts.len() * pixels.channels;
        let target = &mut numbers[to..to + length];
        match pixels.channels {
            1 => across::<1>(&line, columns, target),
            3 => across::<3>(&line, columns, target),
            _ => across::<4>(&line, columns, target),
        }
    }
}

fn across<const CHANNELS: usize>(line: &[f32], columns: &Taps, target: &mut [f32]) {
    if columns.count == 2 {
        let pixels = line.as_chunks::<CHANNELS>().0;
        let targets = target.as_chunks_mut::<CHANNELS>().0;
        let weights = columns.weights.as_chunks::<2>().0;
        for ((&first, weights), target) in columns.starts.iter().zip(weights).zip(targets) {
            let (left, right) = (&pixels[first], &pixels[first + 1]);
            for (channel, number) in target.iter_mut().enumerate() {
                *number = weights[0] * left[channel] + weights[1] * right[channel];
            }
        }
        return;
    }
    for ((first, weights), pixel) in columns.each().zip(target.chunks_exact_mut(CHANNELS)) {
        let mut sums = [0.0; CHANNELS];
        let near = line[first * CHANNELS..].chunks_exact(CHANNELS);
        for (weight, near) in weights.iter().zip(near) {
            for (sum, value) in sums.iter_mut().zip(near) {
                *sum += weight * value;
            }
        }
        pixel.copy_from_slice(&sums);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [ImageInterpolation; 5] = [
        ImageInterpolation::Nearest,
        ImageInterpolation::Bilinear,
        ImageInterpolation::Bicubic,
        ImageInterpolation::Lanczos3,
        ImageInterpolation::Area,
    ];

    #[test]
    fn weights_add_up_to_one_and_stay_within_the_image() {
        for interpolation in ALL {
            for antialias in [false, true] {
                for old in [1, 2, 3, 7, 100] {
                    for new in [1, 2, 5, 7, 150] {
                        let taps = Taps::new(interpolation, antialias, (3, old), new);
                        assert_eq!(taps.starts.len(), new);
                        for (start, weights) in taps.each() {
                            let sum: f32 = weights.iter().sum();
                            assert!((sum - 1.0).abs() < 1e-5, "{interpolation:?} {old} {new}");
                            assert!(start >= 3 && start + weights.len() <= 3 + old);
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn an_image_of_its_own_size_stays_what_it_is() {
        let bytes: Vec<u8> = (0..5 * 4 * 3).map(|n| (n * 4) as u8).collect();
        let expected: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte)).collect();
        let pixels = Pixels {
            width: 5,
            height: 4,
            channels: 3,
            bytes,
        };
        for interpolation in ALL {
            let rows = Taps::new(interpolation, true, (0, 4), 4);
            let columns = Taps::new(interpolation, true, (0, 5), 5);
            let mut numbers = vec![0.0; 60];
            let target = Target {
                numbers: &mut numbers,
                start: 0,
                stride: 15,
            };
            resample(&pixels, &rows, &columns, target);
            let near = numbers
                .iter()
                .zip(&expected)
                .all(|(a, b)| (a - b).abs() < 1e-3);
            assert!(near, "{interpolation:?}");
        }
    }
}
