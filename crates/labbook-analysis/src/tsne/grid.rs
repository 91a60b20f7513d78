use std::fmt;
use std::sync::Arc;

use rayon::prelude::*;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

use super::exact::{extent, least_weight};
use super::tail::Tail;
use crate::simd::{Kernel, vectorised_kernel};

/// The widest spacing of nodes. The kernels change over lengths of about 1, so splines with
/// nodes this far apart follow them; see the test against all pairs for the error.
const WIDEST: f64 = 0.4;

/// Nodes along a side while the map is small: finer spacings are used as long as they fit.
const SMALL_SIDE: usize = 64;

/// Nodes along a side at most. A map too large for it gets a wider spacing, not more memory.
const LARGEST_SIDE: usize = 1024;

/// Spacings along a map's side from which on the grid is as large as it gets, less some room to
/// grow.
const WIDEST_SIDE: f64 = (LARGEST_SIDE - 128) as f64;

/// Nodes beyond the map's extent: those that a spline reaches, and some more that keep points
/// away from where the periodic kernels wrap around.
const MARGIN: usize = 12;

/// Columns that are transformed together, so that whole cache lines are read.
const COLUMNS: usize = 8;

/// Points that share a task; fixed, so that sums do not depend on the number of threads.
const CHUNK: usize = 1024;

/// Copies of the grid at most on which points are spread side by side.
const MOST_COPIES: usize = 8;

/// Repulsion by interpolation on a regular grid (FIt-SNE, Linderman et al., 2019).
///
/// Every point is spread as a unit charge over the nodes around it. Three convolutions, done as
/// products of Fourier transforms, give the sums of `w`, `w u dx` and `w u dy` at all nodes,
/// with the [tail](Tail::weights)'s `w` and `u`; each point then reads them off by interpolation. That is
/// one forward and three inverse transforms. Both ways use cubic B-splines, whose smoothing the
/// kernels' transforms undo, as in smooth particle-mesh Ewald (Essmann et al., 1995). The kernels' own transforms depend on the spacing
/// and the number of nodes only and are kept until one of them changes.
pub(crate) struct Grid {
    tail: Tail,
    spacing: f64,
    /// Nodes along a side; transforms have twice as many, so that nothing wraps around.
    side: usize,
    origin: [f64; 2],
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    column_forward: Arc<dyn Fft<f32>>,
    column_inverse: Arc<dyn Fft<f32>>,
    /// Transforms of the kernels, column after column: real parts of the first, imaginary parts
    /// of the odd ones; the other parts are zero by symmetry.
    kernels: Vec<[f32; 3]>,
    charges: Vec<Vec<f32>>,
    row_spectra: Vec<Complex32>,
    column_spectra: Vec<Complex32>,
    /// The three sums at every node, row after row; the fourth number is padding.
    sums: Vec<[f32; 4]>,
}

impl fmt::Debug for Grid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grid")
            .field("spacing", &self.spacing)
            .field("side", &self.side)
            .finish_non_exhaustive()
    }
}

impl Grid {
    pub(crate) fn new(tail: Tail) -> Self {
        Self::with_geometry(tail, WIDEST * tail.width(), SMALL_SIDE)
    }

    fn with_geometry(tail: Tail, spacing: f64, side: usize) -> Self {
        let length = 2 * side;
        let mut real = RealFftPlanner::new();
        let mut complex = FftPlanner::new();
        let mut grid = Self {
            tail,
            spacing,
            side,
            origin: [0.0; 2],
            forward: real.plan_fft_forward(length),
            inverse: real.plan_fft_inverse(length),
            column_forward: complex.plan_fft_forward(length),
            column_inverse: complex.plan_fft_inverse(length),
            kernels: Vec::new(),
            charges: Vec::new(),
            row_spectra: vec![Complex32::ZERO; side * (side + 1)],
            column_spectra: vec![Complex32::ZERO; (side + 1) * 3 * side],
            sums: vec![[0.0; 4]; side * side],
        };
        grid.kernels = grid.transformed_kernels();
        grid
    }

    /// Writes `sum_j w_ij u_ij (y_i - y_j)` with the tail's `w` and `u` into `forces` and returns `Z`, the sum
    /// of `w_ij` over all ordered pairs of different points.
    ///
    /// Points must be finite.
    pub(crate) fn repulsion(&mut self, points: &[[f32; 2]], forces: &mut [[f32; 2]]) -> f64 {
        self.set_points(points);
        let weights: Vec<f64> = forces
            .par_chunks_mut(CHUNK)
            .zip(points.par_chunks(CHUNK))
            .map(|(forces, points)| {
                vectorised_kernel(Read {
                    grid: self,
                    points,
                    forces,
                })
            })
            .collect();
        // Where points are few and far between, this bound is better than the interpolation, whose
        // error could make the sum negative.
        weights
            .iter()
            .sum::<f64>()
            .max(least_weight(points, self.tail))
    }

    /// Whether these points fit a grid whose nodes are as close as they should be.
    pub(crate) fn suits(points: &[[f32; 2]], tail: Tail) -> bool {
        extent(points) <= WIDEST * tail.width() * WIDEST_SIDE
    }

    /// Computes the sums at all nodes for these points.
    pub(crate) fn set_points(&mut self, points: &[[f32; 2]]) {
        self.place(points);
        self.spread(points);
        self.convolve();
    }

    /// The sums of `w`, `w u dx` and `w u dy` over all points set, as seen from one place. Places
    /// beyond the grid count as its nearest edge.
    #[inline(always)]
    pub(crate) fn pull(&self, point: [f32; 2]) -> [f32; 3] {
        let ([column, row], [across, down]) = self.stencil(point);
        let mut sums = [0.0_f32; 4];
        for (r, &down) in down.iter().enumerate() {
            let start = (row + r) * self.side + column;
            for (node, &across) in self.sums[start..start + 4].iter().zip(&across) {
                let share = down * across;
                for (sum, value) in sums.iter_mut().zip(node) {
                    *sum += share * value;
                }
            }
        }
        [sums[0], sums[1], sums[2]]
    }

    /// Moves the grid over the points, and makes another if they no longer suit it.
    fn place(&mut self, points: &[[f32; 2]]) {
        let low = [0, 1].map(|axis| {
            let along = points.iter().map(|point| point[axis]);
            along.fold(f32::INFINITY, f32::min)
        });
        let extent = extent(points);
        let fits = nodes(extent, self.spacing) <= self.side;
        // With a margin, so that a map on the border between two spacings keeps one of them.
        let too_coarse = self.spacing_for(1.25 * extent) < self.spacing;
        if !fits || too_coarse {
            let spacing = self.spacing_for(extent);
            let side = match nodes(extent, spacing) {
                needed if needed <= SMALL_SIDE => SMALL_SIDE,
                _ => smooth(nodes(1.1 * extent, spacing)),
            };
            let charges = std::mem::take(&mut self.charges);
            *self = Self::with_geometry(self.tail, spacing, side);
            self.charges = charges;
        }
        // The first node but one lies on the lowest point.
        self.origin = low.map(|low| f64::from(low) - self.spacing);
    }

    /// As for t-SNE's own weights, by the width of the tail's.
    fn spacing_for(&self, extent: f64) -> f64 {
        let width = self.tail.width();
        width * spacing_for(extent / width)
    }

    /// The first of four nodes along each axis, and their weights: a cubic B-spline.
    #[inline(always)]
    fn stencil(&self, point: [f32; 2]) -> ([usize; 2], [[f32; 4]; 2]) {
        let scale = (1.0 / self.spacing) as f32;
        let last = (self.side - 3) as f32;
        let mut first = [0; 2];
        let mut weights = [[0.0; 4]; 2];
        for axis in 0..2 {
            let place = ((point[axis] - self.origin[axis] as f32) * scale).clamp(1.0, last);
            let node = place as usize;
            first[axis] = node - 1;
            let t = place - node as f32;
            let (rest, square) = (1.0 - t, t * t);
            weights[axis] = [
                rest * rest * rest * (1.0 / 6.0),
                (0.5 * t - 1.0) * square + 2.0 / 3.0,
                ((square - t * square + t) * 0.5) + 1.0 / 6.0,
                t * square * (1.0 / 6.0),
            ];
        }
        (first, weights)
    }

    /// Spreads unit charges over the nodes, each task into a copy of the grid of its own.
    fn spread(&mut self, points: &[[f32; 2]]) {
        let copies = rayon::current_num_threads().min(MOST_COPIES);
        let mut charges = std::mem::take(&mut self.charges);
        charges.resize(copies, Vec::new());
        let share = points.len().div_ceil(copies).max(1);
        charges
            .par_iter_mut()
            .zip(points.par_chunks(share))
            .for_each(|(charges, points)| {
                charges.clear();
                charges.resize(self.side * self.side, 0.0);
                vectorised_kernel(Spread {
                    grid: self,
                    points,
                    charges,
                });
            });
        charges.truncate(points.len().div_ceil(share));
        self.charges = charges;
    }

    /// Turns the charges into the three sums at all nodes.
    fn convolve(&mut self) {
        let (side, length, width) = (self.side, 2 * self.side, self.side + 1);
        let mut row_spectra = std::mem::take(&mut self.row_spectra);
        let mut column_spectra = std::mem::take(&mut self.column_spectra);
        let mut sums = std::mem::take(&mut self.sums);

        row_spectra
            .par_chunks_mut(COLUMNS * width)
            .enumerate()
            .for_each(|(task, spectra)| {
                let mut scratch = self.forward.make_scratch_vec();
                let mut line = vec![0.0_f32; length];
                for (r, spectrum) in spectra.chunks_mut(width).enumerate() {
                    let start = (task * COLUMNS + r) * side;
                    line.fill(0.0);
                    for charges in &self.charges {
                        for (sum, charge) in line.iter_mut().zip(&charges[start..start + side]) {
                            *sum += charge;
                        }
                    }
                    let done = self
                        .forward
                        .process_with_scratch(&mut line, spectrum, &mut scratch);
                    debug_assert!(done.is_ok(), "buffers have the plan's lengths");
                }
            });

        column_spectra
            .par_chunks_mut(COLUMNS * 3 * side)
            .enumerate()
            .for_each(|(task, spectra)| {
                let first = task * COLUMNS;
                let columns = spectra.len() / (3 * side);
                let mut lines = vec![Complex32::ZERO; columns * length];
                for (r, row) in row_spectra.chunks(width).enumerate() {
                    for (c, &value) in row[first..first + columns].iter().enumerate() {
                        lines[c * length + r] = value;
                    }
                }
                let mut product = vec![Complex32::ZERO; length];
                let mut scratch = vec![
                    Complex32::ZERO;
                    self.column_forward
                        .get_inplace_scratch_len()
                        .max(self.column_inverse.get_inplace_scratch_len())
                ];
                for (c, line) in lines.chunks_mut(length).enumerate() {
                    self.column_forward.process_with_scratch(line, &mut scratch);
                    let kernels = &self.kernels[(first + c) * length..][..length];
                    for (which, out) in spectra[c * 3 * side..][..3 * side]
                        .chunks_mut(side)
                        .enumerate()
                    {
                        for ((product, value), kernel) in
                            product.iter_mut().zip(&*line).zip(kernels)
                        {
                            let kernel = kernel[which];
                            *product = match which {
                                0 => Complex32::new(value.re * kernel, value.im * kernel),
                                _ => Complex32::new(-value.im * kernel, value.re * kernel),
                            };
                        }
                        self.column_inverse
                            .process_with_scratch(&mut product, &mut scratch);
                        out.copy_from_slice(&product[..side]);
                    }
                }
            });

        sums.par_chunks_mut(COLUMNS * side)
            .enumerate()
            .for_each(|(task, sums)| {
                let first = task * COLUMNS;
                let rows = sums.len() / side;
                let mut lines = vec![Complex32::ZERO; rows * width];
                let mut values = vec![0.0_f32; length];
                let mut scratch = self.inverse.make_scratch_vec();
                for which in 0..3 {
                    for (c, column) in column_spectra.chunks(3 * side).enumerate() {
                        let start = which * side + first;
                        for (r, &value) in column[start..start + rows].iter().enumerate() {
                            lines[r * width + c] = value;
                        }
                    }
                    for (r, line) in lines.chunks_mut(width).enumerate() {
                        // Zero but for rounding, and the transform insists on zero.
                        line[0].im = 0.0;
                        line[side].im = 0.0;
                        let done =
                            self.inverse
                                .process_with_scratch(line, &mut values, &mut scratch);
                        debug_assert!(done.is_ok(), "buffers have the plan's lengths");
                        let sums = &mut sums[r * side..][..side];
                        for (sum, &value) in sums.iter_mut().zip(&values) {
                            sum[which] = value;
                        }
                    }
                }
            });

        self.row_spectra = row_spectra;
        self.column_spectra = column_spectra;
        self.sums = sums;
    }

    /// Transforms of the three kernels over all differences between nodes, divided by those of
    /// the splines and by the transforms' own factor.
    fn transformed_kernels(&self) -> Vec<[f32; 3]> {
        let (side, length, width) = (self.side, 2 * self.side, self.side + 1);
        let smoothing: Vec<f64> = (0..length)
            .map(|k| {
                // A spline's values at the nodes are 1/6, 4/6, 1/6; it is applied twice.
                let turn = std::f64::consts::TAU * k as f64 / length as f64;
                ((4.0 + 2.0 * turn.cos()) / 6.0).powi(2) * length as f64
            })
            .collect();
        // Differences of node numbers, negative ones in the upper half. The one in the middle
        // never occurs; zero keeps the odd kernels odd.
        let difference = |node: usize| match node {
            node if node < side => node as f64 * self.spacing,
            node if node == side => 0.0,
            node => (node as f64 - length as f64) * self.spacing,
        };
        let mut rows = vec![[Complex32::ZERO; 3]; length * width];
        rows.par_chunks_mut(width).enumerate().for_each(|(r, row)| {
            let mut scratch = self.forward.make_scratch_vec();
            let mut line = vec![0.0_f32; length];
            let mut spectrum = vec![Complex32::ZERO; width];
            let dy = difference(r);
            for which in 0..3 {
                for (c, value) in line.iter_mut().enumerate() {
                    let dx = difference(c);
                    let (u, w) = self.tail.weights(dx * dx + dy * dy);
                    *value = [w, w * u * dx, w * u * dy][which] as f32;
                }
                let done =
                    self.forward
                        .process_with_scratch(&mut line, &mut spectrum, &mut scratch);
                debug_assert!(done.is_ok(), "buffers have the plan's lengths");
                for (value, &transformed) in row.iter_mut().zip(&spectrum) {
                    value[which] = transformed;
                }
            }
        });
        let mut kernels = vec![[0.0_f32; 3]; width * length];
        kernels
            .par_chunks_mut(length)
            .enumerate()
            .for_each(|(c, kernel)| {
                let scratch = self.column_forward.get_inplace_scratch_len();
                let mut scratch = vec![Complex32::ZERO; scratch];
                for which in 0..3 {
                    let mut line: Vec<Complex32> =
                        rows.chunks(width).map(|row| row[c][which]).collect();
                    self.column_forward
                        .process_with_scratch(&mut line, &mut scratch);
                    for (r, (value, transformed)) in kernel.iter_mut().zip(&line).enumerate() {
                        let part = match which {
                            0 => transformed.re,
                            _ => transformed.im,
                        };
                        value[which] = (f64::from(part) / (smoothing[c] * smoothing[r])) as f32;
                    }
                }
            });
        kernels
    }
}

/// Reads the forces on some points off the grid and returns their weights' sum.
struct Read<'a> {
    grid: &'a Grid,
    points: &'a [[f32; 2]],
    forces: &'a mut [[f32; 2]],
}

impl Kernel for Read<'_> {
    type Output = f64;

    #[inline(always)]
    fn run(self) -> f64 {
        let mut weight = 0.0;
        for (force, &point) in self.forces.iter_mut().zip(self.points) {
            let [w, x, y] = self.grid.pull(point);
            *force = [x, y];
            // A point's weight with itself is 1.
            weight += f64::from(w) - 1.0;
        }
        weight
    }
}

/// Spreads the unit charges of some points over the nodes.
struct Spread<'a> {
    grid: &'a Grid,
    points: &'a [[f32; 2]],
    charges: &'a mut [f32],
}

impl Kernel for Spread<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        for &point in self.points {
            let ([column, row], [across, down]) = self.grid.stencil(point);
            for (r, &down) in down.iter().enumerate() {
                let start = (row + r) * self.grid.side + column;
                let nodes = &mut self.charges[start..start + 4];
                for (node, &across) in nodes.iter_mut().zip(&across) {
                    *node += down * across;
                }
            }
        }
    }
}

/// Nodes along a side that a map of this extent needs.
fn nodes(extent: f64, spacing: f64) -> usize {
    ((extent / spacing) as usize).saturating_add(MARGIN)
}

/// The finest of some spacings with which a map fits the small grid, or else the widest.
///
/// A map starts out a million times smaller than the kernels are wide. Spacings that follow it
/// keep rounding errors in proportion; coarse steps between them save transforms of kernels.
fn spacing_for(extent: f64) -> f64 {
    let largest = extent / WIDEST_SIDE;
    if largest > WIDEST {
        return largest;
    }
    let mut spacing = WIDEST;
    while spacing > 1e-9 {
        let finer = spacing / if spacing > WIDEST / 4.0 { 2.0 } else { 8.0 };
        if nodes(extent, finer) > SMALL_SIDE {
            break;
        }
        spacing = finer;
    }
    spacing
}

/// The least number from `at_least` on without prime factors above 5: such transforms are fast.
fn smooth(at_least: usize) -> usize {
    let is_smooth = |mut number: usize| {
        for prime in [2, 3, 5] {
            while number.is_multiple_of(prime) {
                number /= prime;
            }
        }
        number == 1
    };
    let mut number = at_least.max(1);
    while !is_smooth(number) {
        number += 1;
    }
    number
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tsne::exact::tests::{DOFS, cloud, defined, relative_error};

    #[test]
    fn the_grid_gives_nearly_what_all_pairs_give_at_every_size_of_the_map() {
        for dof in DOFS {
            let mut grid = Grid::new(Tail::new(dof));
            for spread in [1e-4, 1e-2, 1.0, 5.0, 15.0, 40.0] {
                let points = cloud(600, spread, 9);
                let (z, expected) = defined(&points, dof);
                let mut forces = vec![[0.0; 2]; points.len()];
                let actual = grid.repulsion(&points, &mut forces);
                let error = relative_error(&forces, &expected);
                println!(
                    "{dof}, spread {spread}: Z {:.2e}, forces {error:.2e}",
                    actual / z - 1.0
                );
                assert!((actual / z - 1.0).abs() < 1e-2, "{dof}, spread {spread}: Z");
                assert!(error < 2e-2, "{dof}, spread {spread}: {error}");
            }
        }
    }

    #[test]
    fn a_map_that_shrinks_or_flies_apart_keeps_memory_bounded() {
        let mut grid = Grid::new(Tail::default());
        let mut points = cloud(50, 1.0, 1);
        for far in [1e6_f32, 1e-6, 1e20, 0.0] {
            points[0] = [far, -far];
            let mut forces = vec![[0.0; 2]; points.len()];
            assert!(grid.repulsion(&points, &mut forces).is_finite());
            assert!(grid.side <= LARGEST_SIDE, "{far}: {}", grid.side);
            assert!(forces.as_flattened().iter().all(|f| f.is_finite()));
        }
    }

    #[test]
    fn equal_points_do_not_push_each_other() {
        let points = vec![[2.5_f32, -1.0]; 40];
        let mut forces = vec![[1.0; 2]; 40];
        let z = Grid::new(Tail::default()).repulsion(&points, &mut forces);
        assert!((z / (40.0 * 39.0) - 1.0).abs() < 1e-3, "{z}");
        assert!(forces.as_flattened().iter().all(|f| f.abs() < 1e-3));
    }
}
