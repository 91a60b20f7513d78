//! SHA-256, of which folder names need eight digits.
//!
//! Written out, because the crate for it takes a third of the time in which the commands compile.

/// Eight hexadecimal digits that tell contents apart in a folder name.
pub(crate) fn short_hash(bytes: &[u8]) -> String {
    format!("{:08x}", sha256(bytes)[0])
}

/// FIPS 180-4, 6.2: the digest as eight words.
fn sha256(bytes: &[u8]) -> [u32; 8] {
    let primes = primes();
    let k = primes.map(|prime| root_bits(prime, 3));
    let mut state = [0; 8];
    for (word, prime) in state.iter_mut().zip(primes) {
        *word = root_bits(prime, 2);
    }
    let mut padded = bytes.to_vec();
    padded.push(0x80);
    while padded.len() % 64 != 56 {
        padded.push(0);
    }
    padded.extend(((bytes.len() as u64) * 8).to_be_bytes());
    let (blocks, _) = padded.as_chunks::<64>();
    for block in blocks {
        compress(&mut state, block, &k);
    }
    state
}

fn compress(state: &mut [u32; 8], block: &[u8; 64], k: &[u32; 64]) {
    let mut w = [0_u32; 64];
    let (words, _) = block.as_chunks::<4>();
    for (word, bytes) in w.iter_mut().zip(words) {
        *word = u32::from_be_bytes(*bytes);
    }
    for t in 16..64 {
        let (x, y) = (w[t - 15], w[t - 2]);
        let s0 = x.rotate_right(7) ^ x.rotate_right(18) ^ (x >> 3);
        let s1 = y.rotate_right(17) ^ y.rotate_right(19) ^ (y >> 10);
        w[t] = sum(&[w[t - 16], s0, w[t - 7], s1]);
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for t in 0..64 {
        let s1 = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let t1 = sum(&[h, s1, (e & f) ^ (!e & g), k[t], w[t]]);
        let s0 = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let t2 = s0.wrapping_add((a & b) ^ (a & c) ^ (b & c));
        (h, g, f, e) = (g, f, e, d.wrapping_add(t1));
        (d, c, b, a) = (c, b, a, t1.wrapping_add(t2));
    }
    for (word, new) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word = word.wrapping_add(new);
    }
}

fn sum(words: &[u32]) -> u32 {
    words.iter().fold(0, |sum, word| sum.wrapping_add(*word))
}

/// The first 64 primes, from whose roots the constants come.
fn primes() -> [u32; 64] {
    let mut found = [0; 64];
    let mut numbers = (2..).filter(|n| (2..*n).all(|d| n % d != 0));
    for prime in &mut found {
        *prime = numbers.next().unwrap_or_default();
    }
    found
}

/// The first 32 bits of the fraction of a root: the largest `x` with `x^degree <= prime * 2^(32 degree)`.
fn root_bits(prime: u32, degree: u32) -> u32 {
    let wanted = u128::from(prime) << (32 * degree);
    let mut root = 0_u128;
    // The root of the largest prime, 311, is below 2^5.
    for bit in (0..37).rev() {
        let more = root | (1 << bit);
        if more.pow(degree) <= wanted {
            root = more;
        }
    }
    root as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(bytes: &[u8]) -> String {
        sha256(bytes).map(|word| format!("{word:08x}")).concat()
    }

    #[test]
    fn the_standards_own_examples_come_out() {
        assert_eq!(
            hex(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(
            hex(b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        );
        assert_eq!(short_hash(b"abc"), "ba7816bf");
    }
}
