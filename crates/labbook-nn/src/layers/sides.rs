use serde::{Deserialize, Serialize};

/// How much to add to or to cut off the two ends of a sequence. One number stands for both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sides1D {
    /// At the beginning.
    pub before: i64,
    /// At the end.
    pub after: i64,
}

/// How much to add to or to cut off the four sides of an image. One number stands for all, two
/// for (above and below, left and right).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sides2D {
    /// Rows above.
    pub top: i64,
    /// Rows below.
    pub bottom: i64,
    /// Columns on the left.
    pub left: i64,
    /// Columns on the right.
    pub right: i64,
}

impl Sides1D {
    pub(super) fn array(self) -> [(i64, i64); 1] {
        [(self.before, self.after)]
    }
}

impl Sides2D {
    pub(super) fn array(self) -> [(i64, i64); 2] {
        [(self.top, self.bottom), (self.left, self.right)]
    }
}

impl From<i64> for Sides1D {
    fn from(both: i64) -> Self {
        Self::from((both, both))
    }
}

impl From<(i64, i64)> for Sides1D {
    fn from((before, after): (i64, i64)) -> Self {
        Self { before, after }
    }
}

impl From<i64> for Sides2D {
    fn from(all: i64) -> Self {
        Self::from((all, all))
    }
}

impl From<(i64, i64)> for Sides2D {
    fn from((rows, columns): (i64, i64)) -> Self {
        Self::from(((rows, rows), (columns, columns)))
    }
}

impl From<((i64, i64), (i64, i64))> for Sides2D {
    fn from(((top, bottom), (left, right)): ((i64, i64), (i64, i64))) -> Self {
        Self {
            top,
            bottom,
            left,
            right,
        }
    }
}
