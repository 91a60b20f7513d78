//! The coefficients of Toom and Cook's bilinear algorithm.
//!
//! A polynomial of degree n - 1 is known by its values at n points. The product of an
//! m-term polynomial and the 3-term kernel has n = m + 2 terms, so n multiplications of values
//! give it. Transposed, the same n products give m outputs of a correlation (S. Winograd,
//! "Arithmetic Complexity of Computations", 1980; A. Lavin and S. Gray, "Fast Algorithms for
//! Convolutional Neural Networks", 2016). The points decide how much is lost by rounding
//! (B. Barabasz and others, "Error Analysis and Improving the Accuracy of Winograd Convolution for
//! Deep Neural Networks", 2020).

/// The most points along an axis.
pub(crate) const MOST: usize = 6;

/// Rows of coefficients; what lies beyond the sizes in use is zero.
pub(crate) type Matrix = [[f32; MOST]; MOST];

/// The points in the order of their use: n points are the first n. The kernel's values at a
/// point are therefore the same for pieces of all lengths. `None` is infinity, where a
/// polynomial's value is its leading coefficient.
///
/// With 1 and 2 in place of 5/8 and 3/2, as the papers have it, tiles of 4 x 4 outputs lose
/// three times as much (largest error relative to the largest output, 512 to 1024 channels,
/// 15 x 15 pixels: 9.5e-6 instead of 3.1e-6; libtorch's direct convolution 2.2e-6).
const POINTS: [Option<f64>; MOST] = [
    Some(0.0),
    None,
    Some(0.625),
    Some(-0.625),
    Some(1.5),
    Some(-1.5),
];

/// Row i has the powers of point i, which evaluate a polynomial of `terms` terms.
fn powers(points: usize, terms: usize) -> Vec<Vec<f64>> {
    let power = |point: Option<f64>, j: usize| match point {
        Some(value) => value.powi(j as i32),
        None => f64::from(u8::from(j + 1 == terms)),
    };
    let row = |&point| (0..terms).map(|j| power(point, j)).collect();
    POINTS[..points].iter().map(row).collect()
}

/// Keeps a kernel's values at the size of its weights: a power of two, which loses nothing.
fn scale(point: Option<f64>) -> f64 {
    point.map_or(1.0, |x| {
        (-(1.0 + x.powi(2) + x.powi(4)).sqrt().log2().round()).exp2()
    })
}

fn rounded(values: &[Vec<f64>]) -> Matrix {
    let mut matrix = [[0.0; MOST]; MOST];
    for (target, source) in matrix.iter_mut().zip(values) {
        for (target, &source) in target.iter_mut().zip(source) {
            *target = source as f32;
        }
    }
    matrix
}

/// Takes a kernel's three weights to its values at the points.
pub(crate) fn kernel_matrix(points: usize) -> Matrix {
    let mut rows = powers(points, 3);
    for (row, point) in rows.iter_mut().zip(POINTS) {
        row.iter_mut().for_each(|value| *value *= scale(point));
    }
    rounded(&rows)
}

/// Takes gradients of outputs to the points; its transpose takes products to outputs.
pub(crate) fn output_matrix(points: usize) -> Matrix {
    rounded(&powers(points, points - 2))
}

/// Takes inputs to the points: the transposed inverse of the evaluation, whose rows are the
/// polynomials that are one at their own point and zero at the others (Lagrange's; at infinity
/// the product of all roots).
pub(crate) fn input_matrix(points: usize) -> Matrix {
    let points = &POINTS[..points];
    let row = |&point: &Option<f64>| {
        let mut polynomial = vec![0.0; points.len()];
        polynomial[0] = 1.0 / scale(point);
        for other in points.iter().filter(|&&other| other != point).flatten() {
            let lead = point.map_or(1.0, |point| point - other);
            // Times (x - other) / lead, from the highest coefficient down.
            for j in (0..points.len()).rev() {
                let lower = if j == 0 { 0.0 } else { polynomial[j - 1] };
                polynomial[j] = (lower - other * polynomial[j]) / lead;
            }
        }
        polynomial
    };
    rounded(&points.iter().map(row).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F(m, 3) of a signal and three weights, by the matrices.
    #[test]
    fn the_matrices_give_a_correlation() {
        let weights = [0.5, -2.0, 3.0];
        let signal = [1.0, 4.0, -2.0, 0.5, 3.0, -1.0];
        for outputs in 1..=4 {
            let points = outputs + 2;
            let evaluated = |matrix: Matrix, values: &[f32], i: usize| -> f32 {
                matrix[i].iter().zip(values).map(|(a, b)| a * b).sum()
            };
            let product = |i| {
                evaluated(kernel_matrix(points), &weights, i)
                    * evaluated(input_matrix(points), &signal[..points], i)
            };
            for (j, window) in signal.windows(3).take(outputs).enumerate() {
                let back = output_matrix(points);
                let computed: f32 = (0..points).map(|i| back[i][j] * product(i)).sum();
                let exact: f32 = window.iter().zip(&weights).map(|(a, b)| a * b).sum();
                assert!(
                    (computed - exact).abs() < 1e-4,
                    "{outputs}: {computed} {exact}"
                );
            }
        }
    }

    #[test]
    fn a_kernel_has_the_same_values_for_all_lengths() {
        for points in 3..MOST {
            assert_eq!(
                kernel_matrix(points)[..points],
                kernel_matrix(MOST)[..points]
            );
        }
    }
}
