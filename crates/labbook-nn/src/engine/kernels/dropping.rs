use super::Instructions;
#[cfg(target_arch = "x86_64")]
use super::avx512;

/// Which numbers dropout keeps: those whose hash is not below the rate. The hash is of the seed
/// and of the number's place, so that neither threads nor pieces matter.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Dropping {
    threshold: u32,
    scale: f32,
    keys: [u32; 2],
}

impl Dropping {
    /// Drops at this rate, at least 0 and below 1.
    pub(crate) fn new(rate: f64, seed: u64) -> Self {
        Self {
            threshold: (rate * 2.0_f64.powi(32)) as u32,
            scale: (1.0 / (1.0 - rate)) as f32,
            keys: [seed as u32, (seed >> 32) as u32],
        }
    }

    /// What the kept numbers are multiplied by.
    pub(crate) fn scale(self) -> f32 {
        self.scale
    }

    /// Sets dropped numbers to 0 and scales the others; `first` is the place of the first one.
    pub(crate) fn apply(self, instructions: Instructions, numbers: &mut [f32], first: u64) {
        match instructions {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has them.
            Instructions::Avx512(_) => unsafe { avx512::drop_some(numbers, first, self) },
            Instructions::Plain => self.over(numbers, first),
        }
    }

    #[inline(always)]
    pub(super) fn over(self, numbers: &mut [f32], first: u64) {
        // The places' upper half changes too rarely to be worth more work for each number.
        let [low, high] = self.keys;
        let mut done = 0;
        while done < numbers.len() {
            let place = first + done as u64;
            let length = (numbers.len() - done).min((1 << 32) - (place as u32) as usize);
            let high = high ^ ((place >> 32) as u32).wrapping_mul(0x9E37_79B9);
            for (index, number) in numbers[done..done + length].iter_mut().enumerate() {
                let hash = mix(mix((place as u32).wrapping_add(index as u32) ^ low) ^ high);
                let kept = hash >= self.threshold;
                *number = if kept { *number * self.scale } else { 0.0 };
            }
            done += length;
        }
    }
}

/// A bijection in which every bit of the input moves every bit of the output (the constants are
/// those of Wellons' "lowbias32").
#[inline(always)]
fn mix(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7FEB_352D);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846C_A68B);
    x ^ (x >> 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dropout_keeps_the_right_share_whatever_the_pieces() {
        let best = Instructions::best();
        for (rate, seed) in [(0.2, 1), (0.5, 2), (0.9, u64::MAX)] {
            let dropping = Dropping::new(rate, seed);
            let mut whole = vec![1.0; 1 << 20];
            dropping.apply(best, &mut whole, 0);
            let mut pieces = vec![1.0; 1 << 20];
            for (index, piece) in pieces.chunks_mut(1000).enumerate() {
                dropping.apply(best, piece, index as u64 * 1000);
            }
            assert_eq!(whole, pieces);
            assert!(whole.iter().all(|&x| x == 0.0 || x == dropping.scale()));
            let count = whole.len() as f64;
            let dropped = |numbers: &mut dyn Iterator<Item = f32>| {
                numbers.filter(|&x| x == 0.0).count() as f64
            };
            // Five standard deviations of a binomial distribution.
            let spread = 5.0 * (count * rate * (1.0 - rate)).sqrt();
            let share = dropped(&mut whole.iter().copied());
            assert!((share - count * rate).abs() < spread, "{share}");

            // Neighbours, near and far, and the next step's masks are independent.
            let mut other = vec![1.0; 1 << 20];
            Dropping::new(rate, seed.wrapping_add(1)).apply(best, &mut other, 0);
            let both = rate * rate;
            let spread = 5.0 * (count * both * (1.0 - both)).sqrt();
            for lag in [1, 2, 16, 64, 1024, 65536] {
                let mut pairs = whole.iter().zip(whole.iter().cycle().skip(lag));
                let twice = dropped(&mut pairs.by_ref().map(|(a, b)| a + b));
                assert!(
                    (twice - count * both).abs() < 1.5 * spread,
                    "{lag}: {twice}"
                );
            }
            let mut pairs = whole.iter().zip(&other);
            let twice = dropped(&mut pairs.by_ref().map(|(a, b)| a + b));
            assert!((twice - count * both).abs() < spread, "{twice}");
        }
    }

    #[test]
    fn masks_go_on_behind_the_range_of_32_bits() {
        let best = Instructions::best();
        let dropping = Dropping::new(0.5, 7);
        let mut across = vec![1.0; 200];
        dropping.apply(best, &mut across, (1 << 32) - 100);
        let mut behind = vec![1.0; 100];
        dropping.apply(best, &mut behind, 1 << 32);
        assert_eq!(across[100..], behind);
        let mut start = vec![1.0; 100];
        dropping.apply(best, &mut start, 0);
        assert_ne!(start, behind);
    }

    #[test]
    fn masks_are_the_same_with_all_instructions() {
        let numbers = |instructions| {
            let mut numbers: Vec<f32> = (1..300).map(|number| number as f32).collect();
            Dropping::new(0.3, 5).apply(instructions, &mut numbers, (1 << 32) - 77);
            numbers
        };
        for instructions in Instructions::all() {
            assert_eq!(numbers(instructions), numbers(Instructions::Plain));
        }
        let expected = 299.0 / 0.7_f32;
        let last = numbers(Instructions::Plain)[298];
        assert!(last == 0.0 || (last - expected).abs() < 1e-3, "{last}");
    }
}
