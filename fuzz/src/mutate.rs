//! Files changed blindly, for where `cargo fuzz` is not: the examples `mutate_files` of labbook-tables
//! and `mutate_weights` of labbook-nn.
//!
//! Each round takes one of the files that it is given, changes, cuts, repeats or swaps some of its
//! bytes, and reads it. What is read or refused is well; a panic ends the program, and `last` in the
//! folder that it names is the file.

use std::error::Error;
use std::path::Path;
use std::time::{Duration, Instant};

/// A reader's name, and whether it reads a file.
pub(crate) type Reader = (&'static str, fn(&Path) -> bool);

/// Reads changed files by the reader that the first word names, for as many seconds as the second
/// says, from the seed that is the third, and the files that follow.
pub(crate) fn run(readers: &[Reader]) -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [reader, seconds, seed, files @ ..] = words.as_slice() else {
        return Err("usage: READER SECONDS SEED FILE...".into());
    };
    let found = readers.iter().find(|(name, _)| name == reader);
    let (_, read) = found.ok_or_else(|| format!("no reader {reader}"))?;
    let seeds = files.iter().map(std::fs::read);
    let seeds = seeds.collect::<Result<Vec<Vec<u8>>, _>>()?;
    if seeds.is_empty() {
        return Err("name a file to begin with".into());
    }
    let folder = std::env::temp_dir().join(format!("labbook-mutate-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    println!("{}", folder.display());
    let path = folder.join("last");
    let mut random = Random(seed.parse()?);
    let (begin, time) = (Instant::now(), Duration::from_secs(seconds.parse()?));
    let (mut rounds, mut good, mut slowest) = (0_u64, 0_u64, Duration::ZERO);
    while begin.elapsed() < time {
        let mut bytes = seeds[random.below(seeds.len())].clone();
        for _ in 0..=random.below(4) {
            mutate(&mut bytes, &mut random);
        }
        std::fs::write(&path, &bytes)?;
        let one = Instant::now();
        good += u64::from(read(&path));
        let took = one.elapsed();
        if took > slowest {
            slowest = took;
            std::fs::write(folder.join("slowest"), &bytes)?;
        }
        rounds += 1;
    }
    println!("{reader}: {rounds} files, {good} read, the slowest in {slowest:?}");
    Ok(())
}

/// Numbers that hurt where a length or a count is read.
const HARD: [u64; 8] = [0, 1, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX];

fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    if bytes.is_empty() {
        return bytes.push(random.below(256) as u8);
    }
    let at = random.below(bytes.len());
    let end = (at + 1 + random.below(16)).min(bytes.len());
    match random.below(6) {
        0 => bytes[at] ^= 1 << random.below(8),
        1 => bytes[at] = random.below(256) as u8,
        2 => bytes.truncate(at),
        3 => {
            let part = bytes[at..end].to_vec();
            for _ in 0..=random.below(8) {
                bytes.splice(at..at, part.iter().copied());
            }
        }
        4 => drop(bytes.drain(at..end)),
        _ => {
            let number = HARD[random.below(HARD.len())].to_le_bytes();
            let length = 1 << random.below(4);
            for (place, byte) in number[..length].iter().enumerate() {
                if let Some(target) = bytes.get_mut(at + place) {
                    *target = *byte;
                }
            }
        }
    }
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((number ^ (number >> 31)) % count.max(1) as u64) as usize
    }
}
