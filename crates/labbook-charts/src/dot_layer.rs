use plotters::style::RGBColor;

/// About this share of a plot is covered by dots, unless their size is chosen.
const COVERED: f64 = 0.1;

/// A bitmap that holds very many smooth, translucent marks.
///
/// Marks are blended in floating point one over the other: no rounding builds up where
/// thousands of them meet. All lengths are in bitmap pixels.
pub(crate) struct DotLayer {
    width: usize,
    height: usize,
    rgb: Vec<[f32; 3]>,
}

impl DotLayer {
    /// An all-white layer.
    pub(crate) fn new(width: usize, height: usize) -> Self {
        Self {
            width,
            height,
            rgb: vec![[255.0; 3]; width * height],
        }
    }

    /// Fills the pixels of a rectangle that lie on the layer, ends excluded.
    pub(crate) fn rect(&mut self, columns: (f64, f64), rows: (f64, f64), color: RGBColor) {
        let cut = |(from, to): (f64, f64), end: usize| {
            (from.round().max(0.0) as usize).min(end)..(to.round().max(0.0) as usize).min(end)
        };
        for y in cut(rows, self.height) {
            for x in cut(columns, self.width) {
                self.rgb[y * self.width + x] = channels(color);
            }
        }
    }

    /// Draws a disc.
    pub(crate) fn dot(&mut self, center: (f64, f64), radius: f64, color: RGBColor, alpha: f64) {
        let radius = radius as f32;
        self.stamp(center, radius, color, alpha, |dx, dy| {
            (radius + 0.5 - (dx * dx + dy * dy).sqrt()).clamp(0.0, 1.0)
        });
    }

    /// Draws a diagonal cross whose arms are `length` long from the middle.
    pub(crate) fn cross(
        &mut self,
        center: (f64, f64),
        (length, thickness): (f64, f64),
        color: RGBColor,
        alpha: f64,
    ) {
        let (length, half) = (length as f32, thickness as f32 / 2.0);
        let arm = |across: f32, along: f32| {
            (half + 0.5 - across.abs()).clamp(0.0, 1.0)
                * (length + 0.5 - along.abs()).clamp(0.0, 1.0)
        };
        self.stamp(center, length, color, alpha, |dx, dy| {
            let turn = std::f32::consts::FRAC_1_SQRT_2;
            let (rising, falling) = ((dx + dy) * turn, (dx - dy) * turn);
            arm(rising, falling).max(arm(falling, rising))
        });
    }

    /// Blends `color` by the coverage of each pixel, given its distance from the centre.
    fn stamp(
        &mut self,
        (x, y): (f64, f64),
        reach: f32,
        color: RGBColor,
        alpha: f64,
        coverage: impl Fn(f32, f32) -> f32,
    ) {
        let (x, y, alpha) = (x as f32, y as f32, alpha as f32);
        let color = channels(color);
        let range = |middle: f32, end: usize| {
            let from = (middle - reach - 1.0).floor().max(0.0) as usize;
            let to = (middle + reach + 2.0).ceil().max(0.0) as usize;
            from.min(end)..to.min(end)
        };
        for row in range(y, self.height) {
            let dy = row as f32 + 0.5 - y;
            for column in range(x, self.width) {
                let share = alpha * coverage(column as f32 + 0.5 - x, dy);
                if share > 0.0 {
                    let pixel = &mut self.rgb[row * self.width + column];
                    for (channel, color) in pixel.iter_mut().zip(color) {
                        *channel += share * (color - *channel);
                    }
                }
            }
        }
    }

    /// RGB bytes, row by row.
    pub(crate) fn into_rgb(self) -> Vec<u8> {
        let channels = self.rgb.into_iter().flatten();
        channels.map(|channel| channel.round() as u8).collect()
    }
}

fn channels(RGBColor(r, g, b): RGBColor) -> [f32; 3] {
    [r, g, b].map(f32::from)
}

/// Radius in bitmap pixels and opacity that suit `n` dots on so many pixels.
pub(crate) fn dot_look(n: usize, pixels: f64) -> (f64, f64) {
    let fitting = (COVERED * pixels / (std::f64::consts::PI * n.max(1) as f64)).sqrt();
    (fitting.clamp(2.2, 8.0), (fitting / 7.0).clamp(0.4, 0.85))
}

/// All numbers below `n`, far ones following one another, so that classes which come in blocks
/// do not cover one another.
pub(crate) fn mixed_order(n: usize) -> impl Iterator<Item = usize> {
    // Near n over the golden ratio, and without a common divisor, every number is met once.
    let mut step = ((n as f64 * 0.618) as usize).max(1);
    while divisor(step, n) > 1 {
        step += 1;
    }
    (0..n).map(move |i| ((i as u128 * step as u128) % n as u128) as usize)
}

fn divisor(a: usize, b: usize) -> usize {
    if b == 0 { a } else { divisor(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLACK: RGBColor = RGBColor(0, 0, 0);

    fn ink(layer: DotLayer) -> f64 {
        let bytes = layer.into_rgb();
        bytes
            .iter()
            .map(|&b| f64::from(255 - b) / 255.0)
            .sum::<f64>()
            / 3.0
    }

    #[test]
    fn a_dot_has_the_area_of_its_disc_wherever_it_stands() {
        for center in [(20.0, 20.0), (20.5, 20.25), (19.9, 20.7)] {
            let mut layer = DotLayer::new(40, 40);
            layer.dot(center, 5.0, BLACK, 1.0);
            let area = ink(layer);
            assert!((area - 78.5).abs() < 1.5, "{area} at {center:?}");
        }
    }

    #[test]
    fn translucent_dots_add_up_and_what_is_outside_is_cut() {
        let ink_of = |dots: usize| {
            let mut layer = DotLayer::new(20, 20);
            for _ in 0..dots {
                layer.dot((0.0, 10.0), 4.0, BLACK, 0.3);
            }
            layer.dot((-50.0, 1e6), 4.0, BLACK, 1.0);
            ink(layer)
        };
        // 2 - 0.3 where a dot covers a pixel, more at its smooth rim.
        let ratio = ink_of(2) / ink_of(1);
        assert!((1.7..1.76).contains(&ratio), "{ratio}");
    }

    #[test]
    fn the_mixed_order_meets_every_point_once() {
        for n in [1, 2, 3, 10, 64, 1000, 4096] {
            let mut met: Vec<usize> = mixed_order(n).collect();
            met.sort_unstable();
            assert_eq!(met, (0..n).collect::<Vec<_>>());
        }
    }
}
