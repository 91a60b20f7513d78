use crate::Tile;
use crate::points::{MOST, Matrix, input_matrix, kernel_matrix, output_matrix};

/// A stretch of an image's axis that is transformed as one.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    /// The first pixel; before the image where there is padding.
    pub(crate) start: isize,
    /// Pixels, at most [`MOST`].
    pub(crate) length: usize,
    /// Points that the pixels are taken to.
    pub(crate) points: usize,
    /// `points` rows of `length` coefficients.
    pub(crate) matrix: Matrix,
    /// The same, `length` rows of `points` coefficients.
    pub(crate) transposed: Matrix,
}

impl Piece {
    fn new(start: isize, length: usize, points: usize, matrix: Matrix) -> Self {
        let mut transposed = [[0.0; MOST]; MOST];
        for (i, row) in matrix.iter().enumerate() {
            for (j, &value) in row.iter().enumerate() {
                transposed[j][i] = value;
            }
        }
        Self {
            start,
            length,
            points,
            matrix,
            transposed,
        }
    }
}

/// The pieces of an axis, those with the most points first.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    pub(crate) pieces: Vec<Piece>,
}

impl Axis {
    /// The inputs for `outputs` pixels, `padding` of which lie before the image.
    pub(crate) fn input(outputs: usize, tile: Tile, padding: usize) -> Self {
        Self::split(outputs, tile, |start, length| {
            let points = length + 2;
            let start = start as isize - padding as isize;
            Piece::new(start, points, points, input_matrix(points))
        })
    }

    /// The outputs.
    pub(crate) fn output(outputs: usize, tile: Tile) -> Self {
        Self::split(outputs, tile, |start, length| {
            let points = length + 2;
            Piece::new(start as isize, length, points, output_matrix(points))
        })
    }

    /// The kernel's three pixels.
    pub(crate) fn kernel(points: usize) -> Self {
        Self {
            pieces: vec![Piece::new(0, 3, points, kernel_matrix(points))],
        }
    }

    /// As few pieces as possible, for each takes two products more than it has outputs, and as
    /// even ones as possible, for the kernel is taken to the points of the longest.
    fn split(outputs: usize, tile: Tile, piece: impl Fn(usize, usize) -> Piece) -> Self {
        let count = outputs.div_ceil(tile.outputs());
        let mut start = 0;
        let pieces = (0..count)
            .map(|i| {
                let length = (outputs - start).div_ceil(count - i);
                start += length;
                piece(start - length, length)
            })
            .collect();
        Self { pieces }
    }

    /// How many pieces use the point of this index; they are the first ones.
    pub(crate) fn users(&self, point: usize) -> usize {
        self.pieces.partition_point(|piece| piece.points > point)
    }

    /// The most points of a piece.
    pub(crate) fn points(&self) -> usize {
        self.pieces.first().map_or(0, |piece| piece.points)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_few_and_even() {
        for (outputs, tile, lengths) in [
            (13, Tile::Four, &[4, 3, 3, 3][..]),
            (12, Tile::Four, &[4, 4, 4]),
            (9, Tile::Four, &[3, 3, 3]),
            (5, Tile::Four, &[3, 2]),
            (1, Tile::Four, &[1]),
            (13, Tile::Two, &[2, 2, 2, 2, 2, 2, 1]),
        ] {
            let axis = Axis::output(outputs, tile);
            let split: Vec<_> = axis.pieces.iter().map(|piece| piece.length).collect();
            assert_eq!(split, lengths);
            let starts: Vec<_> = axis.pieces.iter().map(|piece| piece.start).collect();
            let ends = lengths.iter().scan(0, |end, length| {
                *end += *length as isize;
                Some(*end)
            });
            assert_eq!(starts[1..], ends.collect::<Vec<_>>()[..lengths.len() - 1]);
        }
    }

    #[test]
    fn short_pieces_do_without_the_last_points() {
        let axis = Axis::input(13, Tile::Four, 1);
        assert_eq!(axis.pieces[0].start, -1);
        assert_eq!(axis.points(), 6);
        let users: Vec<_> = (0..7).map(|point| axis.users(point)).collect();
        assert_eq!(users, [4, 4, 4, 4, 4, 1, 0]);
    }
}
