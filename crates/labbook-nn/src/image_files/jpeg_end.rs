/// Whether a JPEG file is whole: has its mark of the end behind the last scan.
///
/// Decoders paint what is missing of a file that was cut short grey, without a word.
pub(super) fn has_end(bytes: &[u8]) -> bool {
    let mut at = 2;
    loop {
        // A mark is 0xff, perhaps several, and a byte that is neither 0 nor 0xff.
        while bytes.get(at) == Some(&0xff) && bytes.get(at + 1) == Some(&0xff) {
            at += 1;
        }
        let (Some(0xff), Some(&mark)) = (bytes.get(at), bytes.get(at + 1)) else {
            return false;
        };
        at += 2;
        match mark {
            END => return true,
            0x01 | 0xd0..=0xd8 => continue,
            _ => {}
        }
        let Some(&[high, low]) = bytes.get(at..at + 2) else {
            return false;
        };
        at += usize::from(u16::from_be_bytes([high, low]));
        if mark == SCAN {
            let Some(length) = bytes.get(at..).and_then(scan_length) else {
                return false;
            };
            at += length;
        }
    }
}

const END: u8 = 0xd9;
const SCAN: u8 = 0xda;

/// How many bytes stand before the next mark; within a scan 0xff stands before 0 or a restart.
fn scan_length(bytes: &[u8]) -> Option<usize> {
    let pairs = bytes.windows(2);
    let is_mark = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xd0..=0xd7 | 0xff);
    pairs.into_iter().position(is_mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_counts_behind_the_scan_only() {
        let whole = [
            0xff, 0xd8, // begin
            0xff, 0xe1, 0, 6, 0xff, 0xd9, 1, 2, // a preview's end
            0xff, 0xda, 0, 3, 7, // scan
            1, 0xff, 0, 0xff, 0xd3, 5, 0xff, 0xd9,
        ];
        assert!(has_end(&whole));
        for length in 0..whole.len() {
            assert!(!has_end(&whole[..length]), "{length}");
        }
    }
}
