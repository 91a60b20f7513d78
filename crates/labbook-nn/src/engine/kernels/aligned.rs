use std::ops::{Deref, DerefMut};
use std::slice;

use super::LANES;

/// Numbers that begin at a cache line, so that no register is read across two.
#[derive(Debug, Default)]
pub(crate) struct Aligned {
    lines: Vec<Line>,
    length: usize,
}

/// As many numbers as a register and a cache line hold.
#[derive(Debug, Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LANES]);

impl Aligned {
    pub(crate) fn zeros(length: usize) -> Self {
        Self {
            lines: vec![Line([0.0; LANES]); length.div_ceil(LANES)],
            length,
        }
    }

    /// Makes room for so many numbers; what they are then is open.
    pub(crate) fn resize(&mut self, length: usize) {
        self.lines
            .resize(length.div_ceil(LANES), Line([0.0; LANES]));
        self.length = length;
    }
}

impl Deref for Aligned {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        // SAFETY: a line is 16 numbers without padding, and there are lines for `length` numbers.
        unsafe { slice::from_raw_parts(self.lines.as_ptr().cast(), self.length) }
    }
}

impl DerefMut for Aligned {
    fn deref_mut(&mut self) -> &mut [f32] {
        // SAFETY: as above.
        unsafe { slice::from_raw_parts_mut(self.lines.as_mut_ptr().cast(), self.length) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_begin_at_a_cache_line_whatever_their_count() {
        for length in [0, 1, 16, 17, 1000] {
            let mut numbers = Aligned::zeros(length);
            assert_eq!(*numbers, vec![0.0; length]);
            assert_eq!(numbers.as_ptr().align_offset(64), 0);
            numbers.resize(2 * length + 1);
            numbers.fill(1.0);
            assert_eq!(*numbers, vec![1.0; 2 * length + 1]);
        }
    }
}
