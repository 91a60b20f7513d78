//! The IDX layout of MNIST: two zeros, the kind of number, the count of axes, their sizes, the bytes.

use std::path::Path;

use crate::DataError;
use crate::files::read_file;

/// No set of images in this layout is larger.
const MOST: u64 = 1 << 31;
const BYTES: u8 = 0x08;

/// Sizes of the axes, and the bytes in their order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Idx {
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<u8>,
}

/// Reads an IDX file of bytes with so many axes, plain or gzipped.
pub(crate) fn read_idx(path: &Path, axes: usize) -> Result<(Idx, Vec<u8>), DataError> {
    let bytes = read_file(path, MOST)?;
    let idx = parsed(&bytes, axes).map_err(|(expected, found)| {
        DataError::file(
            path,
            expected,
            found,
            "it is damaged or another file: copy it anew",
        )
    })?;
    Ok((idx, bytes))
}

fn parsed(bytes: &[u8], axes: usize) -> Result<Idx, (String, String)> {
    let start = 4 + 4 * axes;
    let Some((head, values)) = bytes.split_at_checked(start) else {
        return Err((
            format!("an IDX file, whose head has {start} bytes"),
            format!("{} bytes", bytes.len()),
        ));
    };
    let magic = [0, 0, BYTES, axes as u8];
    if head[..4] != magic {
        return Err((
            format!("an IDX file of bytes with {axes} axes, which begins with {magic:?}"),
            format!("{:?}", &head[..4]),
        ));
    }
    let shape: Vec<usize> = head[4..]
        .chunks_exact(4)
        .map(|size| u32::from_be_bytes([size[0], size[1], size[2], size[3]]) as usize)
        .collect();
    let told = shape
        .iter()
        .try_fold(1_usize, |all, &size| all.checked_mul(size));
    match told == Some(values.len()) {
        true => Ok(Idx {
            shape,
            values: values.to_vec(),
        }),
        false => Err((
            format!("as many bytes as its head tells, {shape:?}"),
            format!("{} bytes after the head", values.len()),
        )),
    }
}

#[cfg(test)]
pub(crate) fn written(shape: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, BYTES, shape.len() as u8];
    bytes.extend(shape.iter().flat_map(|size| size.to_be_bytes()));
    bytes.extend(values);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_tells_the_shape() {
        let idx = parsed(&written(&[2, 1, 3], &[1, 2, 3, 4, 5, 6]), 3).unwrap();
        assert_eq!(
            (idx.shape, idx.values),
            (vec![2, 1, 3], vec![1, 2, 3, 4, 5, 6])
        );
    }

    #[test]
    fn cut_lying_and_huge_heads_are_refused() {
        let good = written(&[2, 1, 3], &[0; 6]);
        for length in 0..good.len() {
            assert!(parsed(&good[..length], 3).is_err(), "{length}");
        }
        let huge = written(&[u32::MAX, u32::MAX, u32::MAX], &[0; 6]);
        assert!(parsed(&huge, 3).unwrap_err().1.contains("6 bytes"));
        assert!(parsed(&good, 1).unwrap_err().0.contains("1 axes"));
        let mut floats = good.clone();
        floats[2] = 0x0d;
        assert!(parsed(&floats, 3).is_err());
    }
}
