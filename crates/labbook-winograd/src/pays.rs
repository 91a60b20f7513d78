use crate::{Sizes, Tile};

/// Channels on either side below which the transforms take longer than they save.
const CHANNELS: i64 = 64;
/// Channels x filters below which they do.
const PAIRS: i64 = 128 * 128;
/// Tiles of a batch below which the kernel's transform does.
const TILES: i64 = 128;

/// The tile with which a training step of this convolution is well faster than with libtorch's.
///
/// Seconds for forward and backward pass relative to libtorch's (oneDNN's), one thread of an AMD
/// Zen 5 processor, batch 128, tiles of 2 x 2 and 4 x 4 (`bench_winograd 128 2 ...`):
///
/// | channels | filters | image | padding | 2 x 2 | 4 x 4 |
/// |---|---|---|---|---|---|
/// | 32 | 32 | 30 x 30 | 0 | 1.69 | 1.18 |
/// | 32 | 64 | 15 x 15 | 0 | 1.29 | 1.11 |
/// | 64 | 64 | 32 x 32 | 1 | 1.22 | 0.90 |
/// | 64 | 128 | 15 x 15 | 0 | 0.92 | 0.71 |
/// | 128 | 128 | 4 x 4 | 1 | 1.21 | 0.92 |
/// | 128 | 128 | 8 x 8 | 1 | 1.13 | 0.69 |
/// | 128 | 128 | 16 x 16 | 1 | 0.91 | 0.61 |
/// | 128 | 256 | 15 x 15 | 0 | 0.71 | 0.50 |
/// | 256 | 256 | 8 x 8 | 1 | 0.82 | 0.56 |
/// | 256 | 512 | 15 x 15 | 0 | 0.66 | 0.47 |
/// | 512 | 512 | 4 x 4 | 1 | 0.64 | 0.51 |
/// | 512 | 1024 | 15 x 15, batch 512 | 0 | 0.49 | 0.31 |
/// | 512 | 1024 | the same, cropped to 12 x 12 | 0 | 0.38 | 0.24 |
/// | 1024 | 1024 | 6 x 6, batch 512 | 0 | 0.19 | 0.15 |
///
/// The rule leaves out what was near 1. Tiles of 4 x 4 were always ahead.
#[must_use]
pub fn pays(batch: i64, sizes: Sizes) -> Option<Tile> {
    let (rows, columns) = (sizes.output_height(), sizes.output_width());
    if rows < 1 || columns < 1 || !(0..=2).contains(&sizes.padding) {
        return None;
    }
    let (channels, filters) = (sizes.channels, sizes.filters);
    let wide =
        channels >= CHANNELS && filters >= CHANNELS && channels.saturating_mul(filters) >= PAIRS;
    let side = Tile::Four.outputs() as i64;
    let along = |pixels: i64| (pixels - 1) / side + 1;
    let tiles = along(rows)
        .saturating_mul(along(columns))
        .saturating_mul(batch);
    (wide && tiles >= TILES).then_some(Tile::Four)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_convolutions_of_large_batches_pay() {
        let sizes = |channels, filters, size| Sizes {
            channels,
            filters,
            height: size,
            width: size,
            padding: 0,
        };
        for (batch, sizes, expected) in [
            (512, sizes(512, 1024, 15), Some(Tile::Four)),
            (512, sizes(1024, 1024, 6), Some(Tile::Four)),
            (512, sizes(3, 512, 32), None),
            (512, sizes(64, 64, 15), None),
            (512, sizes(64, 256, 15), Some(Tile::Four)),
            (16, sizes(512, 512, 6), None),
            (16, sizes(512, 512, 15), Some(Tile::Four)),
            (512, sizes(512, 512, 2), None),
            (
                i64::MAX,
                sizes(i64::MAX, i64::MAX, i64::MAX),
                Some(Tile::Four),
            ),
        ] {
            assert_eq!(pays(batch, sizes), expected, "{batch} {sizes:?}");
        }
    }
}
