use std::fmt;

/// The values of an array, in the order of its axes.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Numbers {
    Bool(Vec<bool>),
    U8(Vec<u8>),
    U16(Vec<u16>),
    U32(Vec<u32>),
    U64(Vec<u64>),
    I8(Vec<i8>),
    I16(Vec<i16>),
    I32(Vec<i32>),
    I64(Vec<i64>),
    F32(Vec<f32>),
    F64(Vec<f64>),
    Text(Vec<String>),
}

impl Numbers {
    /// NumPy's name of the kind.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Bool(_) => "bool",
            Self::U8(_) => "uint8",
            Self::U16(_) => "uint16",
            Self::U32(_) => "uint32",
            Self::U64(_) => "uint64",
            Self::I8(_) => "int8",
            Self::I16(_) => "int16",
            Self::I32(_) => "int32",
            Self::I64(_) => "int64",
            Self::F32(_) => "float32",
            Self::F64(_) => "float64",
            Self::Text(_) => "str",
        }
    }

    /// The kind and the bytes as a file has them.
    pub(super) fn written(&self) -> (String, Vec<u8>) {
        fn bytes<T: Copy, const N: usize>(values: &[T], of: fn(T) -> [u8; N]) -> Vec<u8> {
            values.iter().flat_map(|&value| of(value)).collect()
        }
        let (descr, bytes) = match self {
            Self::Bool(values) => ("|b1", bytes(values, |value| [u8::from(value)])),
            Self::U8(values) => ("|u1", values.clone()),
            Self::I8(values) => ("|i1", bytes(values, i8::to_le_bytes)),
            Self::U16(values) => ("<u2", bytes(values, u16::to_le_bytes)),
            Self::U32(values) => ("<u4", bytes(values, u32::to_le_bytes)),
            Self::U64(values) => ("<u8", bytes(values, u64::to_le_bytes)),
            Self::I16(values) => ("<i2", bytes(values, i16::to_le_bytes)),
            Self::I32(values) => ("<i4", bytes(values, i32::to_le_bytes)),
            Self::I64(values) => ("<i8", bytes(values, i64::to_le_bytes)),
            Self::F32(values) => ("<f4", bytes(values, f32::to_le_bytes)),
            Self::F64(values) => ("<f8", bytes(values, f64::to_le_bytes)),
            Self::Text(texts) => {
                let longest = texts.iter().map(|text| text.chars().count()).max();
                let width = longest.unwrap_or_default().max(1);
                let mut bytes = Vec::with_capacity(texts.len() * width * 4);
                for text in texts {
                    let end = bytes.len() + width * 4;
                    bytes.extend(text.chars().flat_map(|c| u32::from(c).to_le_bytes()));
                    bytes.resize(end, 0);
                }
                return (format!("<U{width}"), bytes);
            }
        };
        (descr.to_owned(), bytes)
    }

    /// The numbers of a file, whose kind it names; `count` of them, and no more bytes.
    pub(super) fn read(descr: &str, bytes: &[u8], count: usize) -> Result<Self, (String, String)> {
        let (big, kind) = match descr.split_at_checked(1) {
            Some((">", kind)) => (true, kind),
            Some(("<" | "|" | "=", kind)) => (false, kind),
            _ => (false, descr),
        };
        let width = match kind {
            "b1" | "u1" | "i1" => 1,
            "u2" | "i2" | "f2" => 2,
            "u4" | "i4" | "f4" => 4,
            "u8" | "i8" | "f8" => 8,
            _ => match kind.split_at_checked(1) {
                Some(("U", width)) => width.parse::<usize>().ok().and_then(|n| n.checked_mul(4)),
                Some(("S", width)) => width.parse().ok(),
                _ => None,
            }
            .ok_or_else(|| unknown(descr))?,
        };
        if count.checked_mul(width) != Some(bytes.len()) {
            let expected = format!("{count} values of {width} bytes behind the head");
            return Err((expected, format!("{} bytes", bytes.len())));
        }
        Ok(match kind {
            "b1" => {
                if let Some(other) = bytes.iter().find(|byte| **byte > 1) {
                    return Err(("truth values of 0 or 1".to_owned(), other.to_string()));
                }
                Self::Bool(bytes.iter().map(|byte| *byte == 1).collect())
            }
            "u1" => Self::U8(bytes.to_vec()),
            "i1" => Self::I8(bytes.iter().map(|byte| byte.cast_signed()).collect()),
            "u2" => Self::U16(parts(bytes, big, u16::from_le_bytes)),
            "u4" => Self::U32(parts(bytes, big, u32::from_le_bytes)),
            "u8" => Self::U64(parts(bytes, big, u64::from_le_bytes)),
            "i2" => Self::I16(parts(bytes, big, i16::from_le_bytes)),
            "i4" => Self::I32(parts(bytes, big, i32::from_le_bytes)),
            "i8" => Self::I64(parts(bytes, big, i64::from_le_bytes)),
            "f2" => Self::F32(parts(bytes, big, |half| widened(u16::from_le_bytes(half)))),
            "f4" => Self::F32(parts(bytes, big, f32::from_le_bytes)),
            "f8" => Self::F64(parts(bytes, big, f64::from_le_bytes)),
            _ => Self::Text(texts(bytes, big, kind.starts_with('U'), width, count)?),
        })
    }
}

fn parts<T, const N: usize>(bytes: &[u8], big: bool, of: fn([u8; N]) -> T) -> Vec<T> {
    let parts = bytes.as_chunks::<N>().0.iter();
    let ordered = parts.map(|part| {
        let mut part = *part;
        if big {
            part.reverse();
        }
        of(part)
    });
    ordered.collect()
}

fn texts(
    bytes: &[u8],
    big: bool,
    unicode: bool,
    width: usize,
    count: usize,
) -> Result<Vec<String>, (String, String)> {
    if width == 0 {
        return Ok(vec![String::new(); count]);
    }
    let text = |part: &[u8]| {
        let text = match unicode {
            true => {
                let codes = parts(part, big, u32::from_le_bytes).into_iter();
                codes.map(char::from_u32).collect::<Option<String>>()
            }
            false => str::from_utf8(part).ok().map(str::to_owned),
        };
        // Shorter ones are filled up with zeros.
        text.map(|text| text.trim_end_matches('\0').to_owned())
    };
    let texts: Option<Vec<String>> = bytes.chunks_exact(width).map(text).collect();
    texts.ok_or_else(|| ("texts".to_owned(), "bytes that are none".to_owned()))
}

/// A number of 16 bits (IEEE 754) as one of 32.
fn widened(half: u16) -> f32 {
    let sign = u32::from(half >> 15) << 31;
    let exponent = u32::from(half >> 10) & 0x1f;
    let fraction = u32::from(half) & 0x3ff;
    let magnitude = match exponent {
        // Below the smallest normal number: in units of 2^-24.
        0 => return f32::from_bits(sign | (fraction as f32 * 2_f32.powi(-24)).to_bits()),
        31 => 0x7f80_0000 | fraction << 13,
        _ => (exponent + 112) << 23 | fraction << 13,
    };
    f32::from_bits(sign | magnitude)
}

fn unknown(descr: &str) -> (String, String) {
    let expected = "numbers, truth values or texts".to_owned();
    let shown: String = descr.chars().take(60).collect();
    let found = match descr.trim_start_matches(['|', '<', '>', '=']) {
        "O" => "Python's objects (descr |O), which are pickled and could run code".to_owned(),
        kind if kind.starts_with('[') => format!("a table of several kinds, {shown}"),
        kind if kind.starts_with('c') => format!("complex numbers ({shown})"),
        kind if kind.starts_with(['M', 'm']) => format!("dates or times ({shown})"),
        _ => format!("the kind {shown:?}"),
    };
    (expected, found)
}

impl fmt::Display for Numbers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_16_bits_keep_their_values() {
        let known = [
            (0x0000, 0.0),
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65_504.0),
            (0x0400, 6.103_515_6e-5),
            (0x0001, 5.960_464_5e-8),
            (0x3555, 0.333_251_95),
            (0xfc00, f32::NEG_INFINITY),
        ];
        for (half, value) in known {
            assert_eq!(widened(half), value, "{half:x}");
        }
        assert!(widened(0x7e00).is_nan());
        assert!(widened(0x8000).is_sign_negative());
    }
}
