use std::fmt;

use serde::{Deserialize, Serialize};

/// The shape of one example, without the batch axis: `(32, 32, 3)` for a colour image.
///
/// Made from tuples, arrays, slices and vectors of `i64`, or one number. Displays as Keras
/// does, with the batch axis as `None`: `(None, 32, 32, 3)`.
///
/// ```
/// use labbook_nn::Shape;
///
/// let shape = Shape::from((32, 32, 3));
/// assert_eq!(shape.to_string(), "(None, 32, 32, 3)");
/// assert_eq!((shape.rank(), shape.elements()), (3, Some(3072)));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Shape(Vec<i64>);

impl Shape {
    /// The sizes of the axes after the batch axis.
    #[must_use]
    pub fn dims(&self) -> &[i64] {
        &self.0
    }

    /// The number of axes after the batch axis.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.0.len()
    }

    /// How many numbers one example holds; `None` if that overflows.
    #[must_use]
    pub fn elements(&self) -> Option<i64> {
        self.0
            .iter()
            .try_fold(1_i64, |product, &size| product.checked_mul(size))
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("(None,)");
        }
        f.write_str("(None")?;
        for size in &self.0 {
            write!(f, ", {size}")?;
        }
        f.write_str(")")
    }
}

/// Writes the shape of a whole tensor as a Python tuple: `(512, 32, 32, 3)`.
pub(crate) fn tuple(sizes: &[i64]) -> String {
    match sizes {
        [one] => format!("({one},)"),
        _ => {
            let sizes: Vec<String> = sizes.iter().map(i64::to_string).collect();
            format!("({})", sizes.join(", "))
        }
    }
}

impl From<i64> for Shape {
    fn from(size: i64) -> Self {
        Self(vec![size])
    }
}

impl From<(i64,)> for Shape {
    fn from(sizes: (i64,)) -> Self {
        Self(vec![sizes.0])
    }
}

impl From<(i64, i64)> for Shape {
    fn from(sizes: (i64, i64)) -> Self {
        Self(vec![sizes.0, sizes.1])
    }
}

impl From<(i64, i64, i64)> for Shape {
    fn from(sizes: (i64, i64, i64)) -> Self {
        Self(vec![sizes.0, sizes.1, sizes.2])
    }
}

impl From<(i64, i64, i64, i64)> for Shape {
    fn from(sizes: (i64, i64, i64, i64)) -> Self {
        Self(vec![sizes.0, sizes.1, sizes.2, sizes.3])
    }
}

impl<const N: usize> From<[i64; N]> for Shape {
    fn from(sizes: [i64; N]) -> Self {
        Self(sizes.to_vec())
    }
}

impl<const N: usize> From<&[i64; N]> for Shape {
    fn from(sizes: &[i64; N]) -> Self {
        Self(sizes.to_vec())
    }
}

impl From<&[i64]> for Shape {
    fn from(sizes: &[i64]) -> Self {
        Self(sizes.to_vec())
    }
}

impl From<Vec<i64>> for Shape {
    fn from(sizes: Vec<i64>) -> Self {
        Self(sizes)
    }
}

impl From<&Shape> for Shape {
    fn from(shape: &Shape) -> Self {
        shape.clone()
    }
}

/// A height and a width: a kernel, pool or stride. One number stands for a square.
///
/// ```
/// use labbook_nn::Size2D;
///
/// assert_eq!(Size2D::from(3), Size2D::from((3, 3)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Size2D {
    /// Extent along the rows.
    pub height: i64,
    /// Extent along the columns.
    pub width: i64,
}

/// Far beyond any image, and small enough that areas do not overflow.
pub(crate) const LARGEST_SIDE: i64 = 1 << 24;

impl Size2D {
    pub(crate) fn is_positive(self) -> bool {
        (1..=LARGEST_SIDE).contains(&self.height) && (1..=LARGEST_SIDE).contains(&self.width)
    }

    pub(crate) fn array(self) -> [i64; 2] {
        [self.height, self.width]
    }
}

impl fmt::Display for Size2D {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({}, {})", self.height, self.width)
    }
}

impl From<i64> for Size2D {
    fn from(side: i64) -> Self {
        Self {
            height: side,
            width: side,
        }
    }
}

impl From<(i64, i64)> for Size2D {
    fn from((height, width): (i64, i64)) -> Self {
        Self { height, width }
    }
}

impl From<[i64; 2]> for Size2D {
    fn from([height, width]: [i64; 2]) -> Self {
        Self { height, width }
    }
}

/// A depth, a height and a width. One number stands for a cube.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Size3D {
    /// Extent along the first axis.
    pub depth: i64,
    /// Extent along the rows.
    pub height: i64,
    /// Extent along the columns.
    pub width: i64,
}

impl Size3D {
    pub(crate) fn array(self) -> [i64; 3] {
        [self.depth, self.height, self.width]
    }
}

impl From<i64> for Size3D {
    fn from(side: i64) -> Self {
        Self::from((side, side, side))
    }
}

impl From<(i64, i64, i64)> for Size3D {
    fn from((depth, height, width): (i64, i64, i64)) -> Self {
        Self {
            depth,
            height,
            width,
        }
    }
}

impl From<[i64; 3]> for Size3D {
    fn from([depth, height, width]: [i64; 3]) -> Self {
        Self::from((depth, height, width))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_print_as_keras_prints_them() {
        assert_eq!(Shape::from((32, 32, 3)).to_string(), "(None, 32, 32, 3)");
        assert_eq!(Shape::from(&[2304]).to_string(), "(None, 2304)");
        assert_eq!(Shape::from([]).to_string(), "(None,)");
        assert_eq!(tuple(&[7]), "(7,)");
        assert_eq!(tuple(&[7, 2]), "(7, 2)");
    }

    #[test]
    fn an_overflowing_shape_has_no_element_count() {
        assert_eq!(Shape::from((32, 32, 3)).elements(), Some(3072));
        assert_eq!(Shape::from([i64::MAX, 2]).elements(), None);
    }
}
