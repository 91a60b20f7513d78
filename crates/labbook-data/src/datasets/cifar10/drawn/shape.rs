use super::super::CLASSES;
use crate::rng::Rng;

use super::colour::Colour;

/// The ten kinds of objects. Each fits a circle of radius about 1 around the origin; y points down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Ball,
    Ring,
    Cube,
    Pyramid,
    Cross,
    Star,
    Heart,
    Moon,
    Flag,
    Chessboard,
}

/// A point or direction in the object's own plane.
pub(super) type Point = (f32, f32);

fn dot(a: Point, b: Point) -> f32 {
    a.0 * b.0 + a.1 * b.1
}

fn length(p: Point) -> f32 {
    dot(p, p).sqrt()
}

/// Signed distance to a box around the origin, negative inside.
fn to_box(p: Point, half: Point) -> f32 {
    let (x, y) = (p.0.abs() - half.0, p.1.abs() - half.1);
    length((x.max(0.0), y.max(0.0))) + x.max(y).min(0.0)
}

/// Distance to the segment from `a` to `b`.
pub(super) fn to_segment(p: Point, a: Point, b: Point) -> f32 {
    let (pa, ba) = ((p.0 - a.0, p.1 - a.1), (b.0 - a.0, b.1 - a.1));
    let along = (dot(pa, ba) / dot(ba, ba)).clamp(0.0, 1.0);
    length((pa.0 - ba.0 * along, pa.1 - ba.1 * along))
}

/// Mirrors `p` to the side of the line through the origin to which `normal` does not point.
fn folded(p: Point, normal: Point) -> Point {
    let over = 2.0 * dot(p, normal).max(0.0);
    (p.0 - over * normal.0, p.1 - over * normal.1)
}

/// What a point of an object looks like.
pub(super) struct Surface {
    /// Which of the object's two colours.
    pub(super) second_colour: bool,
    /// Factor on the colour.
    pub(super) brightness: f32,
    /// White added on top.
    pub(super) gloss: f32,
}

const RING_MIDDLE: f32 = 0.68;
const RING_HALF: f32 = 0.26;
const FLAG: Point = (0.8, 0.58);
const FLAG_CENTRE: Point = (0.12, -0.3);

impl Shape {
    pub(super) const ALL: [Self; CLASSES] = [
        Self::Ball,
        Self::Ring,
        Self::Cube,
        Self::Pyramid,
        Self::Cross,
        Self::Star,
        Self::Heart,
        Self::Moon,
        Self::Flag,
        Self::Chessboard,
    ];

    /// The largest turn from upright, as the tangent of half the angle.
    pub(super) fn largest_turn(self) -> f32 {
        match self {
            Self::Cube | Self::Pyramid | Self::Flag => 0.12,
            Self::Heart | Self::Star | Self::Cross => 0.14,
            Self::Ball | Self::Ring | Self::Chessboard => 0.4,
            Self::Moon => 0.44,
        }
    }

    /// The object's two colours. Each kind has a usual one, as things in the world do.
    pub(super) fn colours(self, rng: &mut Rng) -> (Colour, Colour) {
        let hue = match self {
            Self::Ball => 0.05,
            Self::Ring => 0.12,
            Self::Cube => 0.58,
            Self::Pyramid => 0.10,
            Self::Cross => 0.38,
            Self::Star => 0.15,
            Self::Heart => 0.97,
            Self::Moon => 0.16,
            Self::Flag => 0.62,
            Self::Chessboard => 0.08,
        };
        let usual = rng.chance(0.5);
        let hue = if usual {
            hue + rng.between(-0.04, 0.04)
        } else {
            rng.unit()
        };
        let first = Colour::hsv(hue, rng.between(0.5, 0.95), rng.between(0.65, 1.0));
        let second = match self {
            Self::Chessboard => {
                let grey = rng.between(0.02, 0.22);
                return (
                    first.under(Colour([0.95; 3]), rng.between(0.4, 0.95)),
                    Colour([grey; 3]).near(0.06, rng),
                );
            }
            Self::Flag if rng.chance(0.6) => Colour([rng.between(0.85, 1.0); 3]),
            _ => Colour::hsv(
                hue + rng.between(0.25, 0.75),
                rng.between(0.5, 0.9),
                rng.between(0.5, 1.0),
            ),
        };
        (first, second)
    }

    /// Signed distance to the outline, negative inside.
    pub(super) fn distance(self, p: Point) -> f32 {
        match self {
            Self::Ball => length(p) - 0.88,
            Self::Ring => (length(p) - RING_MIDDLE).abs() - RING_HALF,
            Self::Cube => {
                // A hexagon that stands on a corner.
                let p = (p.0.abs(), p.1.abs());
                (p.0 - 0.82).max(0.5 * p.0 + 0.866 * p.1 - 0.82)
            }
            Self::Pyramid => {
                // Flanks with a slope of 1.7 down to a base at 0.72.
                let flank = (p.0.abs() * 0.862 - (p.1 + 0.92) * 0.507).max(-0.92 - p.1);
                flank.max(p.1 - 0.72)
            }
            Self::Cross => to_box(p, (0.92, 0.29)).min(to_box(p, (0.29, 0.92))),
            Self::Star => {
                // One tenth of a five-pointed star, after folding the plane onto it.
                const TILTED: Point = (0.809_017, 0.587_785);
                let mut q = (p.0.abs(), p.1);
                q = folded(q, TILTED);
                q = folded(q, (-TILTED.0, TILTED.1));
                q = (q.0.abs(), q.1 + 1.0);
                let inner = (0.4 * TILTED.1, 1.0 - 0.4 * TILTED.0);
                let side = (q.1 * inner.0 - q.0 * inner.1).signum();
                -side * to_segment(q, (0.0, 0.0), inner)
            }
            Self::Heart => {
                // Quilez's construction: two arcs above, a corner at the origin, y up, height 1.1.
                const SCALE: f32 = 1.6;
                let (x, y) = (p.0.abs() / SCALE, (0.86 - p.1) / SCALE);
                let distance = if x + y > 1.0 {
                    length((x - 0.25, y - 0.75)) - 0.353_553
                } else {
                    let half = 0.5 * (x + y).max(0.0);
                    let flank = length((x - half, y - half));
                    flank.min(length((x, y - 1.0))) * (x - y).signum()
                };
                SCALE * distance
            }
            Self::Moon => (length(p) - 0.92).max(0.78 - length((p.0 - 0.42, p.1))),
            Self::Flag => {
                let pole = to_segment(p, (-0.72, -0.9), (-0.72, 0.98)) - 0.09;
                pole.min(to_box(flag_place(p), FLAG))
            }
            Self::Chessboard => to_box(p, (0.8, 0.8)),
        }
    }

    /// The look of a point inside; `light` points to the light and has length 1 at most.
    pub(super) fn surface(self, p: Point, light: Point) -> Surface {
        let towards = (1.0 - dot(light, light)).max(0.0).sqrt();
        let lit = |normal: Point| {
            let up = (1.0 - dot(normal, normal)).max(0.0).sqrt();
            (dot(normal, light) + up * towards).max(0.0)
        };
        let plain = |brightness: f32| Surface {
            second_colour: false,
            brightness,
            gloss: 0.0,
        };
        let rounded = |normal: Point| {
            let facing = lit(normal);
            let gloss = (facing - 0.86).max(0.0) * 3.2;
            Surface {
                second_colour: false,
                brightness: 0.3 + 0.8 * facing,
                gloss: gloss * gloss,
            }
        };
        let tilted = 1.0 + 0.22 * dot(p, light);
        match self {
            Self::Ball => rounded((p.0 / 0.9, p.1 / 0.9)),
            Self::Ring => {
                let radius = length(p).max(0.1);
                let across = (radius - RING_MIDDLE) / RING_HALF / radius * 0.92;
                rounded((p.0 * across, p.1 * across))
            }
            Self::Cube => {
                // Three faces meet in the middle: the top one, the left one, the right one.
                let below = p.1 > -0.577 * p.0.abs();
                plain(match (below, p.0 * light.0 > 0.0) {
                    (false, _) => 1.22,
                    (true, true) => 0.82,
                    (true, false) => 0.44,
                })
            }
            Self::Pyramid => {
                let on_light_side = (p.0 + 0.18 * (p.1 + 0.92) * light.0.signum()) * light.0 > 0.0;
                plain(if on_light_side { 1.08 } else { 0.58 })
            }
            Self::Heart => {
                let depth = (-self.distance(p) / 0.35).clamp(0.0, 1.0);
                let slope = (1.0 - depth) * 0.8;
                let from_middle = (p.0, p.1 + 0.05);
                let out = length(from_middle).max(0.1);
                rounded((from_middle.0 / out * slope, from_middle.1 / out * slope))
            }
            Self::Cross | Self::Star => plain(tilted),
            Self::Moon => plain(tilted * (1.0 - 0.25 * p.0.max(0.0))),
            Self::Flag => {
                let place = flag_place(p);
                if to_box(place, FLAG) > 0.0 {
                    return Surface {
                        second_colour: false,
                        brightness: 0.35,
                        gloss: 0.1,
                    };
                }
                let band = ((place.1 / FLAG.1 + 1.0) * 2.5).clamp(0.0, 4.9) as u32;
                Surface {
                    second_colour: band % 2 == 1,
                    brightness: 1.0 + 0.25 * wave(p.0 + 0.4),
                    gloss: 0.0,
                }
            }
            Self::Chessboard => {
                let cell = |x: f32| ((x / 0.8 + 1.0) * 2.0).clamp(0.0, 3.9) as u32;
                Surface {
                    second_colour: (cell(p.0) + cell(p.1)) % 2 == 1,
                    brightness: tilted,
                    gloss: 0.0,
                }
            }
        }
    }
}

/// A smooth wave of period 1.6 and height 1, made of parabolas.
fn wave(x: f32) -> f32 {
    let t = (x / 0.8).rem_euclid(2.0);
    let (t, sign) = if t < 1.0 { (t, 1.0) } else { (t - 1.0, -1.0) };
    sign * 4.0 * t * (1.0 - t)
}

fn flag_place(p: Point) -> Point {
    (p.0 - FLAG_CENTRE.0, p.1 - FLAG_CENTRE.1 - 0.08 * wave(p.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_fit_the_unit_circle_and_fill_a_good_part_of_it() {
        for shape in Shape::ALL {
            let mut inside = 0;
            for row in -60..=60 {
                for column in -60..=60 {
                    let p = (column as f32 / 40.0, row as f32 / 40.0);
                    if shape.distance(p) < 0.0 {
                        inside += 1;
                        assert!(length(p) < 1.35, "{shape:?} reaches {p:?}");
                    }
                }
            }
            let covered = inside as f32 / 40.0 / 40.0 / std::f32::consts::PI;
            assert!((0.25..0.9).contains(&covered), "{shape:?}: {covered}");
        }
    }

    #[test]
    fn holes_and_notches_are_outside() {
        assert!(Shape::Ring.distance((0.0, 0.0)) > 0.0);
        assert!(Shape::Moon.distance((0.5, 0.0)) > 0.0);
        assert!(Shape::Heart.distance((0.0, -0.75)) > 0.0);
        assert!(Shape::Cross.distance((0.7, 0.7)) > 0.0);
        assert!(Shape::Star.distance((0.0, -0.9)) < 0.0);
        assert!(Shape::Star.distance((0.0, 0.9)) > 0.0);
    }
}
