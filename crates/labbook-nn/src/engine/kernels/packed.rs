use super::{Aligned, LANES};

/// Columns of a tile: four registers.
pub(super) const TILE: usize = 64;

/// A matrix cut into tiles of 64 columns, each of which lies row by row. The last tile is as wide
/// as whole registers need and filled up with zeros.
#[derive(Debug)]
pub(crate) struct Packed {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// `rows` times `columns`, rounded up to whole registers.
    pub(super) numbers: Aligned,
}

impl Packed {
    pub(crate) fn zeros(rows: usize, columns: usize) -> Self {
        // Sizes that no memory could hold end as a failed allocation, not as a short one.
        let length = rows.saturating_mul(columns.next_multiple_of(LANES));
        Self {
            rows,
            columns,
            numbers: Aligned::zeros(length),
        }
    }

    /// Takes the numbers of a matrix that lies row by row.
    pub(crate) fn pack(&mut self, matrix: &[f32]) {
        for row in 0..self.rows {
            for column in 0..self.columns {
                let to = self.place(row, column);
                self.numbers[to] = matrix[row * self.columns + column];
            }
        }
    }

    /// Takes the numbers of the transpose of such a matrix.
    pub(crate) fn pack_transposed(&mut self, matrix: &[f32]) {
        for row in 0..self.rows {
            for column in 0..self.columns {
                let to = self.place(row, column);
                self.numbers[to] = matrix[column * self.rows + row];
            }
        }
    }

    /// Sets all numbers to zero.
    pub(crate) fn clear(&mut self) {
        self.numbers.fill(0.0);
    }

    /// Adds another matrix of this shape.
    pub(crate) fn add(&mut self, other: &Self) {
        for (sum, number) in self.numbers.iter_mut().zip(&*other.numbers) {
            *sum += number;
        }
    }

    /// Writes the matrix row by row.
    pub(crate) fn unpack(&self, matrix: &mut [f32]) {
        for row in 0..self.rows {
            for column in 0..self.columns {
                matrix[row * self.columns + column] = self.numbers[self.place(row, column)];
            }
        }
    }

    /// Writes the transpose of the matrix row by row.
    pub(crate) fn unpack_transposed(&self, matrix: &mut [f32]) {
        for row in 0..self.rows {
            for column in 0..self.columns {
                matrix[column * self.rows + row] = self.numbers[self.place(row, column)];
            }
        }
    }

    fn place(&self, row: usize, column: usize) -> usize {
        let first = column / TILE * TILE;
        let width = TILE.min(self.columns.next_multiple_of(LANES) - first);
        first * self.rows + row * width + column - first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_matrix_comes_back_as_it_was_or_transposed() {
        for (rows, columns) in [(1, 1), (3, 64), (5, 80), (7, 200)] {
            let matrix: Vec<f32> = (0..rows * columns).map(|number| number as f32).collect();
            let mut transpose = vec![0.0; matrix.len()];
            let mut packed = Packed::zeros(rows, columns);
            packed.pack(&matrix);
            packed.unpack_transposed(&mut transpose);
            assert_eq!(transpose[rows * (columns - 1)], (columns - 1) as f32);
            let mut again = vec![0.0; matrix.len()];
            packed.unpack(&mut again);
            assert_eq!(again, matrix);
            packed.clear();
            packed.pack_transposed(&transpose);
            packed.unpack(&mut again);
            assert_eq!(again, matrix);
        }
    }
}
