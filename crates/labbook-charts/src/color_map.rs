use plotters::style::RGBColor;

/// Colours for a quantity from 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColorMap {
    /// ColorBrewer's Blues: near-white to dark blue. The default of matrix plots.
    Blues,
    /// Matplotlib's perceptually uniform Viridis: dark violet to yellow.
    Viridis,
    /// Matplotlib's perceptually uniform Inferno: black through red to pale yellow. For heat
    /// maps.
    Inferno,
    /// ColorBrewer's red and blue as matplotlib's "RdBu_r": blue through near-white to red. For
    /// values around 0, such as correlations.
    RdBuReversed,
}

impl ColorMap {
    /// The colour at `t`; values outside 0 to 1 count as the nearer end, NaN as 0.
    ///
    /// The control points and their interpolation are d3-scale-chromatic's, by way of the
    /// `colorous` crate.
    pub fn color(self, t: f64) -> RGBColor {
        let gradient = match self {
            Self::Blues => colorous::BLUES,
            Self::Viridis => colorous::VIRIDIS,
            Self::Inferno => colorous::INFERNO,
            Self::RdBuReversed => colorous::RED_BLUE,
        };
        let t = if t.is_nan() { 0.0 } else { t.clamp(0.0, 1.0) };
        let t = if self == Self::RdBuReversed {
            1.0 - t
        } else {
            t
        };
        let color = gradient.eval_continuous(t);
        RGBColor(color.r, color.g, color.b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn viridis_has_matplotlib_s_ends() {
        assert_eq!(ColorMap::Viridis.color(0.0), RGBColor(68, 1, 84));
        assert_eq!(ColorMap::Viridis.color(1.0), RGBColor(253, 231, 37));
    }

    #[test]
    fn blues_has_colorbrewer_s_ends() {
        assert_eq!(ColorMap::Blues.color(0.0), RGBColor(247, 251, 255));
        assert_eq!(ColorMap::Blues.color(1.0), RGBColor(8, 48, 107));
    }

    #[test]
    fn red_and_blue_have_colorbrewer_s_ends() {
        // (5, 48, 97) and (103, 0, 31); the spline through them rounds down.
        assert_eq!(ColorMap::RdBuReversed.color(0.0), RGBColor(4, 47, 96));
        let RGBColor(red, green, blue) = ColorMap::RdBuReversed.color(1.0);
        assert!(red.abs_diff(103) <= 1 && green <= 1 && blue.abs_diff(31) <= 1);
    }

    #[test]
    fn values_out_of_range_take_the_nearer_end() {
        let map = ColorMap::Blues;
        assert_eq!(map.color(-3.0), map.color(0.0));
        assert_eq!(map.color(f64::NAN), map.color(0.0));
        assert_eq!(map.color(f64::INFINITY), map.color(1.0));
    }
}
