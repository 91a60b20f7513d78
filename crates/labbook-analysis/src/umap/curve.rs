/// The `a` and `b` with which `1 / (1 + a x^(2b))` comes closest to 1 up to `min_dist` and
/// `exp(-(x - min_dist) / spread)` beyond it, over 300 distances up to three times `spread`: as
/// umap-learn's `find_ab_params`.
///
/// Least squares by Levenberg and Marquardt's method, from 1 and 1.
pub(super) fn fit(spread: f64, min_dist: f64) -> (f64, f64) {
    let points: Vec<(f64, f64)> = (0..300)
        .map(|i| {
            let x = 3.0 * spread * f64::from(i) / 299.0;
            match x < min_dist {
                true => (x, 1.0),
                false => (x, (-(x - min_dist) / spread).exp()),
            }
        })
        .collect();
    let loss = |a: f64, b: f64| -> f64 {
        let curve = |x: f64| 1.0 / (1.0 + a * x.powf(2.0 * b));
        points.iter().map(|&(x, y)| (curve(x) - y).powi(2)).sum()
    };
    let (mut a, mut b, mut damping) = (1.0, 1.0, 1e-3);
    let mut best = loss(a, b);
    for _ in 0..200 {
        let (mut aa, mut ab, mut bb, mut ga, mut gb) = (0.0, 0.0, 0.0, 0.0, 0.0);
        for &(x, y) in points.iter().filter(|point| point.0 > 0.0) {
            let power = x.powf(2.0 * b);
            let value = 1.0 / (1.0 + a * power);
            let along_a = -value * value * power;
            let along_b = along_a * a * 2.0 * x.ln();
            aa += along_a * along_a;
            ab += along_a * along_b;
            bb += along_b * along_b;
            ga += along_a * (value - y);
            gb += along_b * (value - y);
        }
        let (da, db) = (aa * (1.0 + damping), bb * (1.0 + damping));
        let determinant = da * db - ab * ab;
        let next_a = a - (db * ga - ab * gb) / determinant;
        let next_b = b - (da * gb - ab * ga) / determinant;
        let next = loss(next_a, next_b);
        if next_a > 0.0 && next_b > 0.0 && next < best {
            let settled = best - next <= 1e-15 * best;
            (a, b, best) = (next_a, next_b, next);
            damping *= 0.1;
            if settled {
                break;
            }
        } else {
            damping *= 10.0;
            if damping > 1e12 {
                break;
            }
        }
    }
    (a, b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_is_that_of_umap_learn() {
        // umap.umap_.find_ab_params(spread, min_dist), umap-learn 0.5.12.
        for (spread, min_dist, a, b) in [
            (1.0, 0.1, 1.576943, 0.895061),
            (1.0, 0.0, 1.932808, 0.790495),
            (1.0, 0.5, 0.583030, 1.334167),
            (2.0, 0.25, 0.416273, 0.921855),
            (1.0, 0.99, 0.119305, 1.916390),
        ] {
            let (fitted_a, fitted_b) = fit(spread, min_dist);
            assert!((fitted_a - a).abs() < 1e-4 * a, "{fitted_a} against {a}");
            assert!((fitted_b - b).abs() < 1e-4 * b, "{fitted_b} against {b}");
        }
    }
}
