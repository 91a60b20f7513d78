use ndarray::Array2;
use rayon::prelude::*;
use tch::{Kind, Tensor};

use crate::AnalysisError;
use crate::random::Normal;
use crate::samples::to_array;
use crate::simd::vectorised;
use crate::symmetric_graph::SymmetricGraph;

/// Vectors that are sought together: the constant one, two that are kept, and some more, which
/// let these settle sooner.
const BLOCK: usize = 8;

/// Samples from which on there are more vibrations than are sought together.
pub(super) const FEWEST: usize = 2 * BLOCK;

/// Rounds, and products with the graph in each.
const ROUNDS: usize = 6;
const DEGREE: usize = 16;

/// The two slowest vibrations of a connected graph, without the constant one: the eigenvectors
/// of its normalised Laplacian for the second and third smallest eigenvalue, in single precision.
///
/// Subspace iteration with Chebyshev polynomials, which enlarge what is sought beside all else.
/// A few digits are enough for a start.
pub(super) fn layout(graph: &SymmetricGraph) -> Result<Vec<[f32; 2]>, AnalysisError> {
    let n = graph.len();
    let scale: Vec<f32> = (0..n)
        .into_par_iter()
        .map(|i| 1.0 / graph.row(i).1.iter().sum::<f32>().sqrt())
        .collect();
    let mut normal = Normal::new(0);
    let mut vectors: Vec<[f32; BLOCK]> = (0..n)
        .map(|_| std::array::from_fn(|_| normal.next() as f32))
        .collect();
    for (vector, scale) in vectors.iter_mut().zip(&scale) {
        // The constant vibration is known.
        vector[0] = 1.0 / scale;
    }
    let mut smallest = 0.0;
    for _ in 0..ROUNDS {
        vectors = filtered(graph, &scale, &orthonormal(vectors)?, smallest);
        (vectors, smallest) = turned(graph, &scale, orthonormal(vectors)?)?;
    }
    Ok(vectors
        .iter()
        .map(|vector| [vector[1], vector[2]])
        .collect())
}

/// A Chebyshev polynomial of the normalised graph, small from -1 to `bound`, times the vectors.
fn filtered(
    graph: &SymmetricGraph,
    scale: &[f32],
    vectors: &[[f32; BLOCK]],
    bound: f32,
) -> Vec<[f32; BLOCK]> {
    let (centre, half) = (0.5 * (bound - 1.0), 0.5 * (bound + 1.0));
    let step = |current: &[[f32; BLOCK]], before: Option<&[[f32; BLOCK]]>| {
        let factor = match before {
            None => 1.0 / half,
            Some(_) => 2.0 / half,
        };
        let mut next = times(graph, scale, current);
        next.par_iter_mut().enumerate().for_each(|(i, next)| {
            for lane in 0..BLOCK {
                let before = before.map_or(0.0, |before| before[i][lane]);
                next[lane] = factor * (next[lane] - centre * current[i][lane]) - before;
            }
        });
        next
    };
    let mut before = vectors.to_vec();
    let mut current = step(vectors, None);
    for _ in 1..DEGREE {
        let next = step(&current, Some(&before));
        before = std::mem::replace(&mut current, next);
    }
    current
}

/// The normalised graph times vectors.
fn times(graph: &SymmetricGraph, scale: &[f32], vectors: &[[f32; BLOCK]]) -> Vec<[f32; BLOCK]> {
    (0..graph.len())
        .into_par_iter()
        .with_min_len(256)
        .map(|i| {
            let (columns, values) = graph.row(i);
            vectorised(|| {
                let mut sums = [0.0_f32; BLOCK];
                for (&j, &value) in columns.iter().zip(values) {
                    let weight = value * scale[j as usize];
                    for (sum, x) in sums.iter_mut().zip(&vectors[j as usize]) {
                        *sum += weight * x;
                    }
                }
                sums.map(|sum| scale[i] * sum)
            })
        })
        .collect()
}

fn tensor(vectors: &[[f32; BLOCK]]) -> Result<Tensor, AnalysisError> {
    let flat = Tensor::f_from_slice(vectors.as_flattened())?;
    Ok(flat.f_reshape([-1, BLOCK as i64])?)
}

fn vectors_of(table: &Tensor) -> Result<Vec<[f32; BLOCK]>, AnalysisError> {
    let table: Array2<f32> = to_array(table)?;
    let (vectors, _) = table.as_slice().unwrap_or_default().as_chunks::<BLOCK>();
    Ok(vectors.to_vec())
}

fn orthonormal(vectors: Vec<[f32; BLOCK]>) -> Result<Vec<[f32; BLOCK]>, AnalysisError> {
    let (turned, _) = Tensor::f_linalg_qr(&tensor(&vectors)?, "reduced")?;
    vectors_of(&turned)
}

/// Orthonormal vectors turned to approximate eigenvectors, the largest value first, and the
/// smallest value.
fn turned(
    graph: &SymmetricGraph,
    scale: &[f32],
    vectors: Vec<[f32; BLOCK]>,
) -> Result<(Vec<[f32; BLOCK]>, f32), AnalysisError> {
    let image = tensor(&times(graph, scale, &vectors))?;
    let table = tensor(&vectors)?;
    let seen = table.f_tr()?.f_matmul(&image)?.f_to_kind(Kind::Double)?;
    let (values, turns) = seen.f_linalg_eigh("L")?;
    let turns = turns.f_flip([1])?.f_to_kind(Kind::Float)?;
    let smallest = values.f_double_value(&[0])? as f32;
    Ok((
        vectors_of(&table.f_matmul(&turns)?)?,
        smallest.clamp(0.0, 0.999),
    ))
}
