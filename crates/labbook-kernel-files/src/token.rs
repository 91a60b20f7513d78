//! The tokens of Rust sources, as far as it takes to find where something ends.

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// A name, a keyword or a number.
    Word,
    /// A text, a character or a lifetime.
    Literal,
    /// One character of the others.
    Sign,
    /// What parts the others.
    Space,
    /// A comment that documents nothing.
    Comment,
    /// A comment that documents, one line of it or all that is between its marks.
    Doc,
}

/// All tokens of a source, each with its first byte and the one after its last.
#[must_use]
pub fn tokens(source: &str) -> Vec<(Token, usize, usize)> {
    let mut tokens = Vec::with_capacity(source.len() / 4);
    let mut at = 0;
    while at < source.len() {
        let (token, length) = first(&source[at..]);
        tokens.push((token, at, at + length));
        at += length;
    }
    tokens
}

/// The first token and its length, which is at least one byte.
fn first(text: &str) -> (Token, usize) {
    let bytes = text.as_bytes();
    let letter = text.chars().next().unwrap_or(' ');
    if letter.is_whitespace() {
        let end = text.find(|c: char| !c.is_whitespace());
        return (Token::Space, end.unwrap_or(text.len()));
    }
    if text.starts_with("//") {
        let end = text.find('\n').unwrap_or(text.len());
        let line = &text[..end];
        let doc = (line.starts_with("///") && !line.starts_with("////")) || line.starts_with("//!");
        return (if doc { Token::Doc } else { Token::Comment }, end);
    }
    if text.starts_with("/*") {
        let doc = text.starts_with("/*!") || (text.starts_with("/**") && !text.starts_with("/**/"));
        let doc = doc && !text.starts_with("/***");
        return (
            if doc { Token::Doc } else { Token::Comment },
            comment(bytes),
        );
    }
    if letter == '"' {
        return (Token::Literal, quoted(bytes, 0));
    }
    if letter == '\'' {
        return (Token::Literal, character(text));
    }
    if letter.is_alphanumeric() || letter == '_' {
        let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
        let end = end.unwrap_or(text.len());
        return prefixed(text, end);
    }
    (Token::Sign, letter.len_utf8())
}

/// A word, or what it is the beginning of: `r"..."`, `b'x'`, `r#name`.
fn prefixed(text: &str, end: usize) -> (Token, usize) {
    let (word, bytes) = (&text[..end], text.as_bytes());
    let next = bytes.get(end).copied().unwrap_or(b' ');
    let raw = ["r", "br", "cr"].contains(&word);
    if raw && (next == b'"' || next == b'#') {
        let hashes = bytes[end..]
            .iter()
            .take_while(|&&byte| byte == b'#')
            .count();
        if bytes.get(end + hashes) == Some(&b'"') {
            let close = format!("\"{}", "#".repeat(hashes));
            let start = end + hashes + 1;
            let found = text[start..].find(&close);
            let length = found.map_or(text.len(), |place| start + place + close.len());
            return (Token::Literal, length);
        }
        if word == "r" && hashes == 1 {
            let rest = &text[end + 1..];
            let name = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            return (Token::Word, end + 1 + name.unwrap_or(rest.len()));
        }
    }
    match next {
        b'"' if ["b", "c"].contains(&word) => (Token::Literal, quoted(bytes, end)),
        b'\'' if word == "b" => (Token::Literal, end + character(&text[end..])),
        _ => (Token::Word, end),
    }
}

/// The end of a text whose first mark is at `start`.
fn quoted(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// A character in its marks, or a lifetime.
fn character(text: &str) -> usize {
    let mut letters = text.char_indices().skip(1);
    let Some((_, letter)) = letters.next() else {
        return 1;
    };
    if letter == '\\' {
        // What follows the stroke is a part of it, be it a mark.
        let mut rest = text.bytes().enumerate().skip(3);
        let end = rest.find(|&(_, byte)| byte == b'\'');
        return end.map_or(text.len(), |(place, _)| place + 1);
    }
    if let Some((place, '\'')) = letters.next() {
        return place + 1;
    }
    let name = text[1..].find(|c: char| !c.is_alphanumeric() && c != '_');
    1 + name.unwrap_or(text.len() - 1)
}

/// The end of a comment between marks, which may hold others.
fn comment(bytes: &[u8]) -> usize {
    let (mut at, mut depth) = (0, 0_usize);
    while at < bytes.len() {
        match &bytes[at..bytes.len().min(at + 2)] {
            b"/*" => {
                depth += 1;
                at += 2;
            }
            b"*/" => {
                depth -= 1;
                at += 2;
                if depth == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_source_is_lost_and_marks_within_marks_are_none() {
        for (source, wanted) in [
            (
                "'a' 'ab '\\'' '\\u{e9}' b'\"'",
                vec!["'a'", "'ab", "'\\''", "'\\u{e9}'", "b'\"'"],
            ),
            (
                "\"a\\\"b\" b\"c\" r\"\\\" r##\"\"#\"##",
                vec!["\"a\\\"b\"", "b\"c\"", "r\"\\\"", "r##\"\"#\"##"],
            ),
            ("r#type 1.5e3_f64", vec!["r#type", "1", ".", "5e3_f64"]),
            (
                "\u{e4}\u{f6} -> \u{1f600}",
                vec!["\u{e4}\u{f6}", "-", ">", "\u{1f600}"],
            ),
            ("\"open", vec!["\"open"]),
            ("'", vec!["'"]),
            ("/* /* */", vec!["/* /* */"]),
        ] {
            let tokens = tokens(source);
            let all: String = tokens.iter().map(|&(_, a, b)| &source[a..b]).collect();
            assert_eq!(all, source);
            let words = tokens.iter().filter(|token| token.0 != Token::Space);
            let words: Vec<&str> = words.map(|&(_, a, b)| &source[a..b]).collect();
            assert_eq!(words, wanted, "{source}");
        }
    }
}
