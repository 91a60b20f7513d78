use super::LANES;

/// Rows whose products are computed together.
pub(super) const GROUP: usize = 6;
/// Columns of a chunk: the sums of their products with a tile stay in the first cache.
pub(super) const CHUNK: usize = 128;

/// For every six rows of a matrix, the columns in which any of them is not zero.
///
/// After ReLU about half of all numbers are zero, mostly in the same columns for neighbouring
/// pixels; products leave the other columns out. No number that is left out would have changed
/// a sum, unless the one it is multiplied by is infinite or NaN.
#[derive(Debug, Default)]
pub(crate) struct ActiveColumns {
    pub(super) rows: usize,
    pub(super) columns: usize,
    /// Ascending for each group of rows; each has room for all columns and a register more.
    indices: Vec<u32>,
    /// For each group the number of indices, and before it that of each chunk's beginning.
    bounds: Vec<usize>,
}

impl ActiveColumns {
    /// Asks for the active columns of each group of rows and each chunk: `find` gets the rows, the
    /// columns, and room for an index of each of these and a register more; it writes the active
    /// ones there and says how many they are.
    pub(super) fn fill(
        &mut self,
        rows: usize,
        columns: usize,
        mut find: impl FnMut(std::ops::Range<usize>, std::ops::Range<usize>, &mut [u32]) -> usize,
    ) {
        assert!(columns <= i32::MAX as usize, "an index has 32 bits");
        (self.rows, self.columns) = (rows, columns);
        let room = columns.next_multiple_of(LANES) + LANES;
        let length = rows.div_ceil(GROUP) * room;
        if self.indices.len() < length {
            self.indices.resize(length, 0);
        }
        self.bounds.clear();
        for (row, indices) in (0..rows).step_by(GROUP).zip(self.indices.chunks_mut(room)) {
            let rows = row..rows.min(row + GROUP);
            let mut count = 0;
            self.bounds.push(count);
            for first in (0..columns).step_by(CHUNK) {
                let range = first..columns.min(first + CHUNK);
                count += find(rows.clone(), range, &mut indices[count..]);
                self.bounds.push(count);
            }
        }
    }

    /// The active columns of a group of rows.
    pub(super) fn group(&self, group: usize) -> &[u32] {
        self.chunks(group, 0..self.columns.div_ceil(CHUNK))
    }

    /// Those of them that are in some chunks.
    pub(super) fn chunks(&self, group: usize, chunks: std::ops::Range<usize>) -> &[u32] {
        let room = self.columns.next_multiple_of(LANES) + LANES;
        let bounds = &self.bounds[group * (self.columns.div_ceil(CHUNK) + 1)..];
        &self.indices[group * room..][bounds[chunks.start]..bounds[chunks.end]]
    }
}

#[cfg(test)]
mod tests {
    use super::super::Instructions;
    use super::*;

    #[test]
    fn exactly_the_columns_with_a_number_are_found() {
        let mut active = ActiveColumns::default();
        for (instructions, (rows, columns)) in Instructions::all().flat_map(|set| {
            [(1, 1), (6, 3), (13, 64), (12, 200), (7, 300)].map(|sizes| (set, sizes))
        }) {
            let mut matrix = vec![0.0; rows * columns];
            let holds = |row: usize, column: usize| (row * 7 + column * 5).is_multiple_of(11);
            for (index, number) in matrix.iter_mut().enumerate() {
                if holds(index / columns, index % columns) {
                    *number = if index % 2 == 0 { -1.0 } else { f32::NAN };
                }
            }
            instructions.scan(&matrix, columns, &mut active);
            for group in 0..rows.div_ceil(GROUP) {
                let rows = group * GROUP..rows.min(group * GROUP + GROUP);
                let any = |column: &usize| rows.clone().any(|row| holds(row, *column));
                let expected = (0..columns).filter(any);
                assert!(expected.eq(active.group(group).iter().map(|&index| index as usize)));
                for chunk in 0..columns.div_ceil(CHUNK) {
                    let found = active.chunks(group, chunk..chunk + 1);
                    assert!(found.iter().all(|&index| index as usize / CHUNK == chunk));
                }
            }
        }
    }
}
