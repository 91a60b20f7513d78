/// What a file's head says of the numbers behind it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Such as `<f4`.
    pub(super) descr: String,
    pub(super) fortran_order: bool,
    pub(super) shape: Vec<usize>,
}

/// What was expected, and what was found.
pub(super) type Fault = (String, String);

const MAGIC: &[u8] = b"\x93NUMPY";

/// NumPy itself warns of longer ones.
const LONGEST: usize = 10_000;

/// Arrays have at most as many axes.
const MOST_AXES: usize = 64;

/// The head of a file, and the bytes behind it.
pub(super) fn parse(bytes: &[u8]) -> Result<(Header, &[u8]), Fault> {
    let Some(rest) = bytes.strip_prefix(MAGIC) else {
        let begin = bytes.get(..MAGIC.len()).unwrap_or(bytes);
        let expected = r"a NumPy file, which begins with \x93NUMPY";
        return Err((expected.to_owned(), format!("\"{}\"", begin.escape_ascii())));
    };
    let cut = || ("a whole head".to_owned(), format!("{} bytes", bytes.len()));
    let (length, rest) = match rest {
        [1, 0, rest @ ..] => {
            let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(cut)?;
            (usize::from(u16::from_le_bytes(*length)), rest)
        }
        [2 | 3, 0, rest @ ..] => {
            let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(cut)?;
            (u32::from_le_bytes(*length) as usize, rest)
        }
        [major, minor, ..] => {
            let expected = "a NumPy file of version 1.0, 2.0 or 3.0".to_owned();
            return Err((expected, format!("version {major}.{minor}")));
        }
        _ => return Err(cut()),
    };
    if length > LONGEST {
        let expected = format!("a head of at most {LONGEST} bytes");
        return Err((expected, format!("one of {length}")));
    }
    let (text, numbers) = rest.split_at_checked(length).ok_or_else(cut)?;
    let expected = "a head as NumPy writes it, {'descr': .., 'fortran_order': .., 'shape': ..}";
    let header = Words { left: text }.header().ok_or_else(|| {
        let shown = &text[..text.len().min(80)];
        (expected.to_owned(), format!("\"{}\"", shown.escape_ascii()))
    })?;
    Ok((header, numbers))
}

/// A head as NumPy writes it, so that the numbers begin at a multiple of 64.
pub(super) fn written(header: &Header) -> Vec<u8> {
    let order = match header.fortran_order {
        true => "True",
        false => "False",
    };
    let shape: Vec<String> = header.shape.iter().map(usize::to_string).collect();
    let shape = match shape.as_slice() {
        [one] => format!("({one},)"),
        _ => format!("({})", shape.join(", ")),
    };
    let descr = &header.descr;
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': {order}, 'shape': {shape}, }}");
    let head = MAGIC.len() + 4;
    let length = (head + text.len() + 1).next_multiple_of(64) - head;
    while text.len() + 1 < length {
        text.push(' ');
    }
    text.push('\n');
    let mut bytes = [MAGIC, &[1, 0]].concat();
    bytes.extend((text.len() as u16).to_le_bytes());
    bytes.extend(text.as_bytes());
    bytes
}

/// A dictionary of Python's, as far as NumPy writes it.
struct Words<'a> {
    left: &'a [u8],
}

impl Words<'_> {
    fn header(mut self) -> Option<Header> {
        let (mut descr, mut order, mut shape) = (None, None, None);
        self.take(b'{')?;
        while !self.next_is(b'}') {
            let key = self.text()?;
            self.take(b':')?;
            match key.as_str() {
                "descr" if descr.is_none() => descr = Some(self.descr()?),
                "fortran_order" if order.is_none() => order = Some(self.truth()?),
                "shape" if shape.is_none() => shape = Some(self.tuple()?),
                _ => return None,
            }
            if !self.next_is(b'}') {
                self.take(b',')?;
            }
        }
        self.take(b'}')?;
        self.blank();
        self.left.is_empty().then_some(Header {
            descr: descr?,
            fortran_order: order?,
            shape: shape?,
        })
    }

    fn blank(&mut self) {
        self.left = self.left.trim_ascii_start();
    }

    fn next_is(&mut self, byte: u8) -> bool {
        self.blank();
        self.left.first() == Some(&byte)
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        self.blank();
        self.left = self.left.strip_prefix(&[byte])?;
        Some(())
    }

    fn text(&mut self) -> Option<String> {
        self.blank();
        let (&quote, rest) = self.left.split_first()?;
        if !matches!(quote, b'\'' | b'"') {
            return None;
        }
        let end = rest.iter().position(|&byte| byte == quote)?;
        let text = rest[..end].to_vec();
        self.left = &rest[end + 1..];
        String::from_utf8(text)
            .ok()
            .filter(|text| !text.contains('\\'))
    }

    /// The kind of number; of a table with several kinds, its beginning.
    fn descr(&mut self) -> Option<String> {
        match self.next_is(b'[') {
            false => self.text(),
            true => {
                let mut depth = 0;
                let end = self.left.iter().position(|byte| {
                    match byte {
                        b'[' => depth += 1,
                        b']' => depth -= 1,
                        _ => {}
                    }
                    depth == 0
                })?;
                let (list, rest) = self.left.split_at(end + 1);
                self.left = rest;
                String::from_utf8(list.to_vec()).ok()
            }
        }
    }

    fn truth(&mut self) -> Option<bool> {
        self.blank();
        for (word, value) in [("True", true), ("False", false)] {
            if let Some(rest) = self.left.strip_prefix(word.as_bytes()) {
                self.left = rest;
                return Some(value);
            }
        }
        None
    }

    fn tuple(&mut self) -> Option<Vec<usize>> {
        let mut sizes = Vec::new();
        self.take(b'(')?;
        while !self.next_is(b')') {
            let digits = self
                .left
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count();
            let (number, rest) = self.left.split_at(digits);
            self.left = rest;
            sizes.push(str::from_utf8(number).ok()?.parse().ok()?);
            if sizes.len() > MOST_AXES {
                return None;
            }
            if !self.next_is(b')') {
                self.take(b',')?;
            }
        }
        self.take(b')')?;
        Some(sizes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<Header, Fault> {
        let mut bytes = [MAGIC, &[1, 0]].concat();
        bytes.extend((text.len() as u16).to_le_bytes());
        bytes.extend(text.as_bytes());
        parse(&bytes).map(|(header, _)| header)
    }

    #[test]
    fn what_is_written_is_read() {
        for shape in [vec![], vec![3], vec![2, 0, 5]] {
            let header = Header {
                descr: "<f4".to_owned(),
                fortran_order: shape.len() == 3,
                shape,
            };
            let bytes = written(&header);
            assert_eq!(bytes.len() % 64, 0);
            assert_eq!(parse(&bytes).unwrap(), (header, &[][..]));
        }
    }

    #[test]
    fn keys_may_come_in_any_order_and_no_more_of_them() {
        let good = "{\"shape\": (2,3), 'fortran_order': True, 'descr': '|u1'}\n";
        assert_eq!(head(good).unwrap().shape, [2, 3]);
        let table = "{'descr': [('a', '<f4'), ('b', '|S5')], 'fortran_order': False, 'shape': ()}";
        assert!(head(table).unwrap().descr.starts_with('['));
        for bad in [
            "",
            "{}",
            "{'descr': '<f4', 'fortran_order': False}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'more': 1}",
            "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
            "{'descr': '<f4', 'fortran_order': false, 'shape': (2,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} more",
            "{'descr': [[[[, 'fortran_order': False, 'shape': (2,)}",
        ] {
            assert!(head(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn cut_heads_and_other_versions_are_refused() {
        let header = Header {
            descr: "<f4".to_owned(),
            fortran_order: false,
            shape: vec![0],
        };
        let bytes = written(&header);
        for length in 0..bytes.len() {
            assert!(parse(&bytes[..length]).is_err(), "{length}");
        }
        let mut other = bytes.clone();
        other[6] = 9;
        assert_eq!(parse(&other).unwrap_err().1, "version 9.0");
        let mut long = bytes;
        (long[8], long[9]) = (0xff, 0xff);
        assert!(parse(&long).unwrap_err().0.contains("at most 10000"));
    }
}
