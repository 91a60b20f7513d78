use super::super::{CHANNELS, SIDE};
use crate::rng::Rng;

use super::colour::Colour;
use super::shape::{Point, Shape, to_segment};

/// One picture before it is taken: what is where, in pixels from the upper left corner.
pub(super) struct Scene {
    backdrop: Backdrop,
    clutter: Vec<Patch>,
    object: Object,
    occluder: Option<Patch>,
    light: Point,
}

const EDGE: f32 = SIDE as f32;

fn smooth(t: f32) -> f32 {
    let t = t.clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// A direction from all around; no sine, whose last digit differs between machines.
fn direction(rng: &mut Rng) -> Point {
    loop {
        let (x, y) = (rng.between(-1.0, 1.0), rng.between(-1.0, 1.0));
        let square = x * x + y * y;
        if (0.05..1.0).contains(&square) {
            let length = square.sqrt();
            return (x / length, y / length);
        }
    }
}

/// Random heights on a grid with smooth ground between.
struct Noise {
    heights: [f32; Self::POINTS * Self::POINTS],
    scale: Point,
}

impl Noise {
    const POINTS: usize = 12;

    /// `scale`: pixels between grid points, at least 3.
    fn new(scale: Point, rng: &mut Rng) -> Self {
        Self {
            heights: std::array::from_fn(|_| rng.between(-1.0, 1.0)),
            scale,
        }
    }

    /// From -1 to 1.
    fn at(&self, p: Point) -> f32 {
        let (x, y) = (p.0.max(0.0) / self.scale.0, p.1.max(0.0) / self.scale.1);
        let column = (x as usize).min(Self::POINTS - 2);
        let row = (y as usize).min(Self::POINTS - 2);
        let (tx, ty) = (smooth(x - column as f32), smooth(y - row as f32));
        let height = |r: usize, c: usize| self.heights[r * Self::POINTS + c];
        let along = |r: usize| height(r, column) * (1.0 - tx) + height(r, column + 1) * tx;
        along(row) * (1.0 - ty) + along(row + 1) * ty
    }
}

/// Sky over ground, a wall over a floor, water, grass, the night.
struct Backdrop {
    above: (Colour, Colour),
    below: (Colour, Colour),
    horizon: f32,
    slant: f32,
    softness: f32,
    coarse: (Noise, f32),
    fine: (Noise, f32),
}

impl Backdrop {
    fn imagined(shape: Shape, rng: &mut Rng) -> Self {
        let night = rng.chance(if shape == Shape::Moon { 0.5 } else { 0.1 });
        let (above, below) = if night {
            let sky = Colour::hsv(rng.between(0.58, 0.75), 0.6, rng.between(0.08, 0.25));
            let ground = Colour::hsv(rng.unit(), 0.3, rng.between(0.05, 0.2));
            (sky, ground)
        } else {
            match rng.below(5) {
                // Out of doors.
                0 | 1 => {
                    let sky = Colour::hsv(
                        rng.between(0.52, 0.62),
                        rng.between(0.1, 0.6),
                        rng.between(0.6, 1.0),
                    );
                    let ground = Colour::hsv(
                        rng.between(0.07, 0.38),
                        rng.between(0.2, 0.65),
                        rng.between(0.25, 0.65),
                    );
                    (sky, ground)
                }
                // A room.
                2 => {
                    let wall =
                        Colour::hsv(rng.unit(), rng.between(0.03, 0.3), rng.between(0.45, 0.95));
                    let floor = Colour::hsv(
                        rng.between(0.03, 0.13),
                        rng.between(0.3, 0.7),
                        rng.between(0.25, 0.6),
                    );
                    (wall, floor)
                }
                // One ground all over, seen from above.
                3 => {
                    let ground = Colour::hsv(
                        rng.between(0.05, 0.45),
                        rng.between(0.15, 0.6),
                        rng.between(0.3, 0.8),
                    );
                    (ground.near(0.08, rng), ground)
                }
                // Anything.
                _ => {
                    let one =
                        Colour::hsv(rng.unit(), rng.between(0.05, 0.6), rng.between(0.2, 0.95));
                    let other =
                        Colour::hsv(rng.unit(), rng.between(0.05, 0.6), rng.between(0.2, 0.95));
                    (one, other)
                }
            }
        };
        let fine_scale = (rng.between(3.0, 6.0), rng.between(3.0, 6.0));
        let coarse_scale = (rng.between(7.0, 16.0), rng.between(5.0, 12.0));
        Self {
            above: (above.near(0.12, rng), above.near(0.12, rng)),
            below: (below.near(0.12, rng), below.near(0.12, rng)),
            horizon: rng.between(10.0, 34.0),
            slant: rng.between(-0.15, 0.15),
            softness: rng.between(0.5, 6.0),
            coarse: (Noise::new(coarse_scale, rng), rng.between(0.02, 0.14)),
            fine: (Noise::new(fine_scale, rng), rng.between(0.01, 0.09)),
        }
    }

    fn at(&self, p: Point) -> Colour {
        let across = p.0 / EDGE;
        let above = self
            .above
            .0
            .under(self.above.1, 0.5 * (across + p.1 / EDGE));
        let below = self.below.0.under(self.below.1, across);
        let under_horizon = p.1 - self.horizon - self.slant * (p.0 - 0.5 * EDGE);
        let ground = smooth(0.5 + under_horizon / self.softness);
        let relief = self.coarse.0.at(p) * self.coarse.1 + self.fine.0.at(p) * self.fine.1;
        above.under(below, ground) * (1.0 + 2.0 * relief)
    }
}

enum Outline {
    Ellipse { radii: Point, along: Point },
    Line { to: Point, half: f32 },
}

/// A simple thing that is no object of a class: a stone, a leaf, a pole.
struct Patch {
    at: Point,
    outline: Outline,
    blur: f32,
    opacity: f32,
    colour: Colour,
}

impl Patch {
    fn behind(colour: Colour, rng: &mut Rng) -> Self {
        let at = (rng.between(-2.0, EDGE + 2.0), rng.between(-2.0, EDGE + 2.0));
        let outline = if rng.chance(0.6) {
            Outline::Ellipse {
                radii: (rng.between(1.5, 7.0), rng.between(1.0, 4.0)),
                along: direction(rng),
            }
        } else {
            let (dx, dy) = direction(rng);
            let reach = rng.between(6.0, 30.0);
            Outline::Line {
                to: (at.0 + dx * reach, at.1 + dy * reach),
                half: rng.between(0.4, 1.4),
            }
        };
        Self {
            at,
            outline,
            blur: rng.between(0.8, 3.5),
            opacity: rng.between(0.2, 0.65),
            colour: colour.near(0.3, rng),
        }
    }

    /// A branch across the object, or something that covers its edge.
    fn before(object: &Object, colour: Colour, rng: &mut Rng) -> Self {
        let (dx, dy) = direction(rng);
        let off = rng.between(0.15, 0.6) * object.size;
        let (near, outline) = if rng.chance(0.5) {
            let near = (object.at.0 + dx * off, object.at.1 + dy * off);
            let start = (near.0 - dy * 40.0, near.1 + dx * 40.0);
            let to = (near.0 + dy * 40.0, near.1 - dx * 40.0);
            let half = rng.between(0.5, 1.3);
            (start, Outline::Line { to, half })
        } else {
            let away = object.size * 1.15;
            let near = (object.at.0 + dx * away, object.at.1 + dy * away);
            let radii = (
                rng.between(0.3, 0.65) * object.size,
                rng.between(0.3, 0.65) * object.size,
            );
            (
                near,
                Outline::Ellipse {
                    radii,
                    along: (dx, dy),
                },
            )
        };
        Self {
            at: near,
            outline,
            blur: rng.between(0.8, 1.6),
            opacity: rng.between(0.85, 1.0),
            colour: colour.near(0.25, rng),
        }
    }

    fn opacity(&self, p: Point) -> f32 {
        let distance = match self.outline {
            Outline::Ellipse { radii, along } => {
                let (x, y) = (p.0 - self.at.0, p.1 - self.at.1);
                let u = (x * along.0 + y * along.1) / radii.0;
                let v = (y * along.0 - x * along.1) / radii.1;
                ((u * u + v * v).sqrt() - 1.0) * radii.0.min(radii.1)
            }
            Outline::Line { to, half } => to_segment(p, self.at, to) - half,
        };
        self.opacity * smooth(0.5 - distance / self.blur)
    }
}

/// The thing that the picture shows.
struct Object {
    shape: Shape,
    at: Point,
    /// Radius in pixels.
    size: f32,
    /// Cosine and sine of the turn.
    turn: Point,
    /// Width over height.
    stretch: f32,
    colours: (Colour, Colour),
    shadow: (Point, f32, f32),
    texture: (Noise, f32),
}

impl Object {
    fn imagined(shape: Shape, backdrop: &Backdrop, light: Point, rng: &mut Rng) -> Self {
        let size = rng.between(10.0, 14.0);
        // The whole object, or nearly so, is in the picture.
        let room = (0.5 * EDGE - size).max(1.5);
        let at = (
            0.5 * EDGE + rng.between(-room, room),
            0.5 * EDGE + rng.between(-room, room),
        );
        let half = rng.between(-1.0, 1.0) * shape.largest_turn();
        let turn = (
            (1.0 - half * half) / (1.0 + half * half),
            2.0 * half / (1.0 + half * half),
        );
        let (mut first, second) = shape.colours(rng);
        // Something as light as the ground behind it could not be seen.
        let behind = backdrop.at(at).luma();
        if (first.luma() - behind).abs() < 0.3 {
            first = if behind > 0.5 {
                first * 0.55
            } else {
                first.under(Colour([1.0; 3]), 0.45)
            };
        }
        let height = rng.between(0.1, 0.4) * size;
        Self {
            shape,
            at,
            size,
            turn,
            stretch: rng.between(0.88, 1.14),
            colours: (first, second),
            shadow: (
                (-light.0 * height, -light.1 * height),
                rng.between(2.0, 6.0),
                rng.between(0.1, 0.5),
            ),
            texture: (
                Noise::new((rng.between(3.0, 5.0), rng.between(3.0, 5.0)), rng),
                rng.between(0.0, 0.12),
            ),
        }
    }

    fn to_own_plane(&self, p: Point) -> Point {
        let (x, y) = ((p.0 - self.at.0) / self.size, (p.1 - self.at.1) / self.size);
        let (cos, sin) = self.turn;
        ((x * cos + y * sin) / self.stretch, y * cos - x * sin)
    }

    fn over(&self, ground: Colour, p: Point, light: Point) -> Colour {
        let (offset, blur, depth) = self.shadow;
        let shadow_place = self.to_own_plane((p.0 - offset.0, p.1 - offset.1));
        let shadow = smooth(0.5 - self.shape.distance(shadow_place) * self.size / blur);
        let ground = ground * (1.0 - depth * shadow);

        let place = self.to_own_plane(p);
        let opacity = (0.5 - self.shape.distance(place) * self.size).clamp(0.0, 1.0);
        if opacity <= 0.0 {
            return ground;
        }
        let (cos, sin) = self.turn;
        let own_light = (light.0 * cos + light.1 * sin, light.1 * cos - light.0 * sin);
        let surface = self.shape.surface(place, own_light);
        let colour = if surface.second_colour {
            self.colours.1
        } else {
            self.colours.0
        };
        let relief = 1.0 + self.texture.1 * self.texture.0.at(p);
        let colour = (colour * (surface.brightness * relief))
            .under(Colour([1.0; 3]), surface.gloss.min(0.8));
        ground.under(colour, opacity)
    }
}

impl Scene {
    pub(super) fn imagined(shape: Shape, rng: &mut Rng) -> Self {
        // Light mostly from above.
        let (x, y) = direction(rng);
        let slope = rng.between(0.4, 0.85);
        let light = (
            x * slope,
            if rng.chance(0.8) { -y.abs() } else { y } * slope,
        );
        let backdrop = Backdrop::imagined(shape, rng);
        let pieces = rng.below(4);
        let clutter = (0..pieces)
            .map(|_| {
                let at = (rng.between(0.0, EDGE), rng.between(0.0, EDGE));
                Patch::behind(backdrop.at(at), rng)
            })
            .collect();
        let object = Object::imagined(shape, &backdrop, light, rng);
        let occluder = rng.chance(0.12).then(|| {
            let colour = backdrop.at((rng.between(0.0, EDGE), rng.between(0.0, EDGE)));
            Patch::before(&object, colour, rng)
        });
        Self {
            backdrop,
            clutter,
            object,
            occluder,
            light,
        }
    }

    /// The same with an object of this hue, in turns.
    pub(super) fn in_hue(mut self, hue: f32, rng: &mut Rng) -> Self {
        let colour = Colour::hsv(hue, rng.between(0.7, 0.95), rng.between(0.7, 1.0));
        self.object.colours.0 = colour;
        self
    }

    fn at(&self, p: Point) -> Colour {
        let mut colour = self.backdrop.at(p);
        for patch in &self.clutter {
            colour = colour.under(patch.colour, patch.opacity(p));
        }
        colour = self.object.over(colour, p, self.light);
        match &self.occluder {
            Some(patch) => colour.under(patch.colour, patch.opacity(p)),
            None => colour,
        }
    }

    /// Takes the picture: lens blur, falling light towards the corners, exposure, colour cast, noise.
    /// `pixels` are 32 rows of 32 pixels of three bytes.
    pub(super) fn photograph(&self, rng: &mut Rng, pixels: &mut [u8]) {
        let mut picture = [Colour([0.0; 3]); SIDE * SIDE];
        for (at, colour) in picture.iter_mut().enumerate() {
            *colour = self.at(((at % SIDE) as f32 + 0.5, (at / SIDE) as f32 + 0.5));
        }
        let blur = rng.between(0.0, 0.55);
        let vignette = rng.between(0.0, 0.3);
        let exposure = rng.between(0.8, 1.15);
        let cast: [f32; 3] = std::array::from_fn(|_| exposure * rng.between(0.93, 1.07));
        let grain = rng.between(0.01, 0.04);
        for (at, pixel) in pixels.chunks_exact_mut(CHANNELS).enumerate() {
            let (x, y) = (at % SIDE, at / SIDE);
            let sharp = picture[at];
            let soft = sharp.under(softened(&picture, x, y), blur);
            let (dx, dy) = (x as f32 / EDGE - 0.5, y as f32 / EDGE - 0.5);
            let falling = 1.0 - vignette * 2.0 * (dx * dx + dy * dy);
            let bits = rng.bits();
            for (channel, byte) in pixel.iter_mut().enumerate() {
                // The sum of two uniform numbers stands in for a normal one.
                let ten = |shift: usize| ((bits >> shift) & 1023) as f32 / 1023.0;
                let noise = ten(20 * channel) + ten(20 * channel + 10) - 1.0;
                let value = soft.0[channel] * falling * cast[channel] + grain * noise;
                *byte = (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8;
            }
        }
    }
}

/// The mean of a pixel's four neighbours; at the border the pixel takes their place.
fn softened(picture: &[Colour; SIDE * SIDE], x: usize, y: usize) -> Colour {
    let at = |x: usize, y: usize| picture[y * SIDE + x];
    let (left, right) = (x.saturating_sub(1), (x + 1).min(SIDE - 1));
    let (up, down) = (y.saturating_sub(1), (y + 1).min(SIDE - 1));
    (at(left, y) + at(right, y) + at(x, up) + at(x, down)) * 0.25
}
