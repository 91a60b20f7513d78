/// How many outputs along each axis one tile yields at most.
///
/// A tile of m x m outputs takes (m + 2)^2 products per pair of channels instead of 9 m^2.
/// Larger tiles take fewer products and lose more digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tile {
    /// F(2x2, 3x3): 16 products instead of 36.
    Two,
    /// F(4x4, 3x3): 36 products instead of 144.
    Four,
}

impl Tile {
    /// The largest number of outputs along an axis.
    #[must_use]
    pub const fn outputs(self) -> usize {
        match self {
            Self::Two => 2,
            Self::Four => 4,
        }
    }
}
