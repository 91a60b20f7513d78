//! A plotters backend that draws smooth shapes and well-spaced text into an RGB buffer.
//!
//! Plotters' own bitmap backend places glyphs on whole pixels without their side bearings and
//! does not smooth the edges of thick lines, which shows in every curve and label. This one
//! keeps its buffer and its rectangles and does the rest by coverage.

use std::cell::RefCell;
use std::collections::BTreeSet;

use ab_glyph_rasterizer::{Point, Rasterizer, point};
use plotters::backend::{BitMapBackend, DrawingBackend};
use plotters::coord::Shift;
use plotters::drawing::DrawingArea;
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind, FontStyle,
};

use crate::font::{Typeface, Weight, cap_height};

/// The drawing area that [`draw`](crate::draw) hands to its closure.
///
/// Its coordinates are bitmap pixels, two per CSS pixel ([`SCALE`](crate::SCALE)).
pub type Canvas<'a> = DrawingArea<Bitmap<'a>, Shift>;

/// The plotters backend behind a [`Canvas`].
pub struct Bitmap<'a> {
    inner: BitMapBackend<'a>,
    typeface: &'static Typeface,
    /// Characters drawn so far that no font has.
    missing: &'a RefCell<BTreeSet<char>>,
}

type Failure<'a> = DrawingErrorKind<<BitMapBackend<'a> as DrawingBackend>::ErrorType>;

impl<'a> Bitmap<'a> {
    /// `buffer` holds `width * height` RGB pixels.
    pub(crate) fn new(
        buffer: &'a mut [u8],
        size: (u32, u32),
        typeface: &'static Typeface,
        missing: &'a RefCell<BTreeSet<char>>,
    ) -> Self {
        Self {
            inner: BitMapBackend::with_buffer(buffer, size),
            typeface,
            missing,
        }
    }

    /// Fills closed outlines by the non-zero rule, with smooth edges. Returns false, having
    /// drawn nothing, if the shape reaches so far beyond the bitmap that its coverage would
    /// take too much memory.
    fn fill(&mut self, outlines: &[Vec<Point>], color: BackendColor) -> Result<bool, Failure<'a>> {
        let points = || outlines.iter().flatten();
        let bound = |f: fn(&Point) -> f32, pick: fn(f32, f32) -> f32, start: f32| {
            points().map(f).fold(start, pick)
        };
        let left = bound(|p| p.x, f32::min, f32::INFINITY).floor();
        let right = bound(|p| p.x, f32::max, f32::NEG_INFINITY).ceil();
        let top = bound(|p| p.y, f32::min, f32::INFINITY).floor();
        let bottom = bound(|p| p.y, f32::max, f32::NEG_INFINITY).ceil();
        let (width, height) = self.inner.get_size();
        let extent = (right - left).max(bottom - top);
        if !extent.is_finite() || extent > 4.0 * width.max(height) as f32 {
            return Ok(false);
        }
        // One spare column keeps an edge's coverage from spilling into the next row.
        let columns = (right - left) as usize + 2;
        let rows = (bottom - top) as usize + 1;
        let mut rasterizer = Rasterizer::new(columns, rows);
        for outline in outlines {
            for (index, from) in outline.iter().enumerate() {
                let to = &outline[(index + 1) % outline.len()];
                rasterizer.draw_line(
                    point(from.x - left, from.y - top),
                    point(to.x - left, to.y - top),
                );
            }
        }
        let mut covered = Vec::new();
        rasterizer.for_each_pixel_2d(|x, y, alpha| {
            if alpha > 1.0 / 512.0 {
                covered.push((left as i32 + x as i32, top as i32 + y as i32, alpha));
            }
        });
        for (x, y, alpha) in covered {
            self.blend((x, y), color, alpha)?;
        }
        Ok(true)
    }

    fn blend(
        &mut self,
        (x, y): BackendCoord,
        color: BackendColor,
        coverage: f32,
    ) -> Result<(), Failure<'a>> {
        let (width, height) = self.inner.get_size();
        if x < 0 || y < 0 || x >= width as i32 || y >= height as i32 {
            return Ok(());
        }
        // Sixteen levels look like 256 on a dense display and keep most figures within a
        // palette of 256 colours, a third of the size of the file.
        let level = (f64::from(coverage.min(1.0)) * 16.0).round() / 16.0;
        let alpha = color.alpha * level;
        self.inner
            .draw_pixel((x, y), BackendColor { alpha, ..color })
    }
}

/// Pixel centres for odd widths, pixel corners for even ones: straight lines stay crisp.
fn to_points(path: impl IntoIterator<Item = BackendCoord>, stroke_width: u32) -> Vec<Point> {
    let shift = if stroke_width % 2 == 1 { 0.5 } else { 0.0 };
    path.into_iter()
        .map(|(x, y)| point(x as f32 + shift, y as f32 + shift))
        .collect()
}

/// A polygon close to a circle, wound like the quads of [`stroke`].
fn disc(center: Point, radius: f32) -> Vec<Point> {
    let corners = (radius * 4.0).clamp(12.0, 180.0) as usize;
    (0..corners)
        .map(|corner| {
            let angle = -std::f32::consts::TAU * corner as f32 / corners as f32;
            let (sin, cos) = angle.sin_cos();
            point(center.x + radius * cos, center.y + radius * sin)
        })
        .collect()
}

/// The outlines of a thick line with round joins and ends, all wound the same way.
fn stroke(path: &[Point], width: f32) -> Vec<Vec<Point>> {
    let half = width / 2.0;
    let mut outlines: Vec<Vec<Point>> = path.iter().map(|&p| disc(p, half)).collect();
    for pair in path.windows(2) {
        let (from, to) = (pair[0], pair[1]);
        let (dx, dy) = (to.x - from.x, to.y - from.y);
        let length = dx.hypot(dy);
        if length > 0.0 {
            let (nx, ny) = (-dy / length * half, dx / length * half);
            outlines.push(vec![
                point(from.x + nx, from.y + ny),
                point(to.x + nx, to.y + ny),
                point(to.x - nx, to.y - ny),
                point(from.x - nx, from.y - ny),
            ]);
        }
    }
    outlines
}

impl<'a> DrawingBackend for Bitmap<'a> {
    type ErrorType = <BitMapBackend<'a> as DrawingBackend>::ErrorType;

    fn get_size(&self) -> (u32, u32) {
        self.inner.get_size()
    }

    fn ensure_prepared(&mut self) -> Result<(), DrawingErrorKind<Self::ErrorType>> {
        self.inner.ensure_prepared()
    }

    fn present(&mut self) -> Result<(), DrawingErrorKind<Self::ErrorType>> {
        self.inner.present()
    }

    fn draw_pixel(
        &mut self,
        point: BackendCoord,
        color: BackendColor,
    ) -> Result<(), DrawingErrorKind<Self::ErrorType>> {
        self.inner.draw_pixel(point, color)
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Result<(), DrawingErrorKind<Self::ErrorType>> {
        let straight = from.0 == to.0 || from.1 == to.1;
        if straight && style.stroke_width() <= 1 {
            return self.inner.draw_line(from, to, style);
        }
        self.draw_path([from, to], style)
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        upper_left: BackendCoord,
        bottom_right: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Result<(), DrawingErrorKind<Self::ErrorType>> {
        self.inner.draw_rect(upper_left, bottom_right, style, fill)
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Result<(), DrawingErrorKind<Self::ErrorType>> {
        let path: Vec<BackendCoord> = path.into_iter().collect();
        let straight = path
            .windows(2)
            .all(|p| p[0].0 == p[1].0 || p[0].1 == p[1].1);
        let width = style.stroke_width();
        if style.color().alpha == 0.0 || width == 0 {
            return Ok(());
        }
        if straight && width == 1 {
            return self.inner.draw_path(path, style);
        }
        let outlines = stroke(&to_points(path.iter().copied(), width), width as f32);
        if self.fill(&outlines, style.color())? {
            return Ok(());
        }
        self.inner.draw_path(path, style)
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Result<(), DrawingErrorKind<Self::ErrorType>> {
        let width = style.stroke_width();
        let middle = point(center.0 as f32 + 0.5, center.1 as f32 + 0.5);
        let mut outline = disc(middle, radius as f32 + if fill { 0.5 } else { 0.0 });
        let outlines = if fill {
            vec![outline]
        } else {
            outline.push(outline[0]);
            stroke(&outline, width as f32)
        };
        if self.fill(&outlines, style.color())? {
            return Ok(());
        }
        self.inner.draw_circle(center, radius, style, fill)
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        vert: I,
        style: &S,
    ) -> Result<(), DrawingErrorKind<Self::ErrorType>> {
        let vertices: Vec<BackendCoord> = vert.into_iter().collect();
        let outline = to_points(vertices.iter().copied(), 2);
        if self.fill(&[outline], style.color())? {
            return Ok(());
        }
        self.inner.fill_polygon(vertices, style)
    }

    /// `Center` puts the middle of capitals and digits at the position; `Top` and `Bottom`
    /// put the ascenders and descenders of a line there.
    fn draw_text<TStyle: BackendTextStyle>(
        &mut self,
        text: &str,
        style: &TStyle,
        pos: BackendCoord,
    ) -> Result<(), DrawingErrorKind<Self::ErrorType>> {
        let color = style.color();
        if color.alpha == 0.0 {
            return Ok(());
        }
        let (height, weight) = (style.size(), weight_of(style));
        let missing = self.typeface.missing(text, weight);
        self.missing.borrow_mut().extend(missing);
        let width = self.typeface.width(text, height, weight);
        let left = match style.anchor().h_pos {
            HPos::Left => 0.0,
            HPos::Center => -width / 2.0,
            HPos::Right => -width,
        };
        let box_height = line_height(height);
        let above = (box_height + cap_height(height)) / 2.0;
        let baseline = match style.anchor().v_pos {
            VPos::Top => above,
            VPos::Center => cap_height(height) / 2.0,
            VPos::Bottom => above - box_height,
        };
        let baseline = baseline.round() as i32;
        let transform = style.transform();
        for (x, y, alpha) in self.typeface.rasterize(text, height, weight, left) {
            let (x, y) = transform.transform(x, y + baseline);
            self.blend((pos.0 + x, pos.1 + y), color, alpha)?;
        }
        Ok(())
    }

    fn estimate_text_size<TStyle: BackendTextStyle>(
        &self,
        text: &str,
        style: &TStyle,
    ) -> Result<(u32, u32), DrawingErrorKind<Self::ErrorType>> {
        let width = self.typeface.width(text, style.size(), weight_of(style));
        let height = line_height(style.size());
        Ok((width.ceil() as u32, height.ceil() as u32))
    }

    fn blit_bitmap(
        &mut self,
        pos: BackendCoord,
        size: (u32, u32),
        src: &[u8],
    ) -> Result<(), DrawingErrorKind<Self::ErrorType>> {
        self.inner.blit_bitmap(pos, size, src)
    }
}

fn weight_of<TStyle: BackendTextStyle>(style: &TStyle) -> Weight {
    match style.style() {
        FontStyle::Bold => Weight::Semibold,
        FontStyle::Normal | FontStyle::Oblique | FontStyle::Italic => Weight::Regular,
    }
}

/// The height that plotters' ab_glyph layout gives a line of text of this font height.
fn line_height(height: f64) -> f64 {
    height / 1.24
}
