use ndarray::{Array2, ArrayView1};

use super::classes::Classes;

/// The class of the largest probability in each row; the first of equal ones, as in scikit-learn.
pub(super) fn most_probable(probabilities: &Array2<f64>, classes: &Classes) -> Vec<i64> {
    let rows = probabilities.rows().into_iter();
    rows.map(|row| classes.as_slice()[largest(row)]).collect()
}

fn largest(row: ArrayView1<'_, f64>) -> usize {
    let mut best = 0;
    for (place, value) in row.iter().enumerate() {
        if *value > row[best] {
            best = place;
        }
    }
    best
}
