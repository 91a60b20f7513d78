/// How a pair of points weighs by its distance: Student's t distribution, whose tails are the heavier the
/// fewer its degrees of freedom (Kobak et al., 2020). t-SNE's own has one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Tail {
    dof: f64,
}

impl Default for Tail {
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl Tail {
    /// `dof` is above 0.
    pub(crate) fn new(dof: f64) -> Self {
        Self { dof }
    }

    /// Whether weights are t-SNE's own, which need no powers.
    pub(crate) fn is_plain(self) -> bool {
        self.dof == 1.0
    }

    /// What squared distances are multiplied by.
    pub(crate) fn scale(self) -> f64 {
        1.0 / self.dof
    }

    /// `u = 1 / (1 + d^2 / dof)`, by which pairs attract, and the weight, a power of it.
    pub(crate) fn weights(self, squared: f64) -> (f64, f64) {
        let near = 1.0 / (1.0 + squared * self.scale());
        let weight = match self.is_plain() {
            true => near,
            false => near.powf(self.exponent()),
        };
        (near, weight)
    }

    /// The logarithm of one over the weight.
    pub(crate) fn surprise(self, squared: f64) -> f64 {
        self.exponent() * (squared * self.scale()).ln_1p()
    }

    /// What the sums of a pair's forces are multiplied by for the gradient.
    pub(crate) fn slope(self) -> f64 {
        4.0 * self.exponent() * self.scale()
    }

    /// The power of `u` that is the weight.
    pub(crate) fn exponent(self) -> f64 {
        (self.dof + 1.0) / 2.0
    }

    /// Over what length weights change, beside t-SNE's own.
    pub(crate) fn width(self) -> f64 {
        self.dof.sqrt().min(1.0)
    }
}

#[cfg(test)]
mod tests {
    use ndarray::Array2;

    use super::*;
    use crate::tsne::Exact;
    use crate::tsne::exact::tests::{DOFS, cloud};
    use crate::tsne::optimizer::attraction;
    use crate::{Affinities, AnalysisError};

    /// What the descent takes for the gradient is how the divergence changes.
    #[test]
    fn the_gradient_is_the_divergences() -> Result<(), AnalysisError> {
        let samples = Array2::from_shape_fn((40, 3), |(i, j)| ((i * 7 + j * 3) % 11) as f32);
        let affinities = Affinities::new(&samples, 5.0)?;
        let points = cloud(40, 2.0, 3);
        for dof in DOFS {
            let tail = Tail::new(dof);
            let mut forces = vec![[0.0; 2]; points.len()];
            let z = Exact::new(tail).repulsion(&points, &mut forces);
            for i in [0, 17] {
                let (columns, values) = affinities.row(i);
                let pulled = attraction(points[i], columns, values, &points, tail.scale() as f32);
                for axis in 0..2 {
                    let force = f64::from(forces[i][axis]) / z;
                    let gradient = tail.slope() * (f64::from(pulled[axis]) - force);
                    let moved = |by: f32| {
                        let mut moved = points.clone();
                        moved[i][axis] += by;
                        let by = f64::from(moved[i][axis]) - f64::from(points[i][axis]);
                        (affinities.divergence_of(&moved, tail), by)
                    };
                    let ((above, up), (below, down)) = (moved(1e-2), moved(-1e-2));
                    let expected = (above - below) / (up - down);
                    assert!(
                        (gradient - expected).abs() < 1e-4 * expected.abs() + 1e-6,
                        "{dof}: {gradient} for {expected}"
                    );
                }
            }
        }
        Ok(())
    }
}
