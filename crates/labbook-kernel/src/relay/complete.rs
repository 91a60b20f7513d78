use serde_json::{Value, json};

/// What a console shows before each further line, for each bracket that is open.
const INDENT: &str = "    ";

/// Whether a cell could run as it stands, as `is_complete_request` asks: consoles go on to the next line
/// when it could not.
pub(super) fn completeness(code: &str) -> Value {
    match read(code) {
        State::Complete => json!({"status": "complete"}),
        State::Invalid => json!({"status": "invalid"}),
        State::Incomplete(depth) => {
            json!({"status": "incomplete", "indent": INDENT.repeat(depth)})
        }
    }
}

#[derive(Debug, PartialEq)]
enum State {
    Complete,
    Invalid,
    /// As many brackets are open.
    Incomplete(usize),
}

/// What the last token says of the end.
#[derive(Clone, Copy, PartialEq)]
enum Last {
    /// Nothing is missing.
    Done,
    /// An operator wants its right side, an attribute its item.
    Wants,
}

fn read(code: &str) -> State {
    let code: Vec<char> = code
        .lines()
        // evcxr's own commands are no Rust.
        .filter(|line| !line.starts_with([':', '!']))
        .flat_map(|line| line.chars().chain(['\n']))
        .collect();
    let mut open: Vec<char> = Vec::new();
    let mut last = Last::Done;
    // Where the statement began that has not ended yet.
    let mut statement: Option<usize> = None;
    let mut at = 0;
    while let Some(&c) = code.get(at) {
        let next = code.get(at + 1).copied();
        if c.is_whitespace() {
            at += 1;
            continue;
        }
        match (c, next) {
            ('/', Some('/')) => {
                at = end_of_line(&code, at);
                continue;
            }
            ('/', Some('*')) => match after_comment(&code, at) {
                Some(end) => {
                    at = end;
                    continue;
                }
                None => return State::Incomplete(open.len()),
            },
            _ => {}
        }
        let start = *statement.get_or_insert(at);
        match c {
            '"' => match after_string(&code, at) {
                Some(end) => (at, last) = (end, Last::Done),
                None => return State::Incomplete(open.len()),
            },
            '\'' => (at, last) = (after_quote(&code, at), Last::Done),
            '(' | '[' | '{' => {
                open.push(c);
                (at, last) = (at + 1, Last::Wants);
            }
            ')' | ']' | '}' => {
                if open.pop() != Some(opening(c)) {
                    return State::Invalid;
                }
                let attribute = c == ']' && open.is_empty() && code[start] == '#';
                last = if attribute { Last::Wants } else { Last::Done };
                if open.is_empty() && (c == '}' && !is_let(&code, start) || attribute) {
                    statement = None;
                }
                at += 1;
            }
            ';' => {
                if open.is_empty() {
                    statement = None;
                }
                (at, last) = (at + 1, Last::Done);
            }
            c if c.is_alphanumeric() || c == '_' => {
                let end =
                    (at..code.len()).find(|&i| !(code[i].is_alphanumeric() || code[i] == '_'));
                let end = end.unwrap_or(code.len());
                let word: String = code[at..end].iter().collect();
                match (word.as_str(), raw_string(&code, at, end)) {
                    ("r" | "br" | "cr", Some(hashes)) => match after_raw(&code, end, hashes) {
                        Some(end) => (at, last) = (end, Last::Done),
                        None => return State::Incomplete(open.len()),
                    },
                    ("else" | "let" | "mut" | "in" | "as" | "fn" | "use", _) => {
                        (at, last) = (end, Last::Wants);
                    }
                    _ => (at, last) = (end, Last::Done),
                }
            }
            // `?` and a closed bracket end an expression; all other signs want something.
            '?' => (at, last) = (at + 1, Last::Done),
            _ => (at, last) = (at + 1, Last::Wants),
        }
    }
    let unended = statement.is_some_and(|start| is_let(&code, start));
    match (open.len(), last, unended) {
        (0, Last::Done, false) => State::Complete,
        (depth, ..) => State::Incomplete(depth),
    }
}

fn opening(closing: char) -> char {
    match closing {
        ')' => '(',
        ']' => '[',
        _ => '{',
    }
}

/// Whether a `let` begins there: it wants a semicolon.
fn is_let(code: &[char], start: usize) -> bool {
    code[start..].starts_with(&['l', 'e', 't', ' '])
}

fn end_of_line(code: &[char], at: usize) -> usize {
    let end = (at..code.len()).find(|&place| code[place] == '\n');
    end.unwrap_or(code.len())
}

/// Behind a comment that may hold others.
fn after_comment(code: &[char], mut at: usize) -> Option<usize> {
    let mut depth = 0;
    while let (Some(c), Some(next)) = (code.get(at), code.get(at + 1)) {
        match (c, next) {
            ('/', '*') => (at, depth) = (at + 2, depth + 1),
            ('*', '/') => (at, depth) = (at + 2, depth - 1),
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// Behind a text that begins with a quotation mark at `at`.
fn after_string(code: &[char], at: usize) -> Option<usize> {
    let mut at = at + 1;
    loop {
        match code.get(at)? {
            '\\' => at += 2,
            '"' => return Some(at + 1),
            _ => at += 1,
        }
    }
}

/// Behind a character, or the mark of a lifetime.
fn after_quote(code: &[char], at: usize) -> usize {
    match (code.get(at + 1), code.get(at + 2)) {
        (Some('\\'), _) => {
            let end =
                (at + 3..code.len()).find(|&place| code[place] == '\'' || code[place] == '\n');
            end.map_or(code.len(), |end| end + 1)
        }
        (Some(_), Some('\'')) => at + 3,
        _ => at + 1,
    }
}

/// How many `#` stand between a word and a quotation mark, if that is all there is.
fn raw_string(code: &[char], at: usize, end: usize) -> Option<usize> {
    let hashes = code[end..].iter().take_while(|&&c| c == '#').count();
    (end > at && code.get(end + hashes) == Some(&'"')).then_some(hashes)
}

/// Behind a raw text whose first `#` or quotation mark is at `at`.
fn after_raw(code: &[char], at: usize, hashes: usize) -> Option<usize> {
    let mut at = at + hashes + 1;
    loop {
        let closing = *code.get(at)? == '"';
        at += 1;
        let follow = code[at..]
            .iter()
            .take(hashes)
            .filter(|&&c| c == '#')
            .count();
        if closing && follow == hashes {
            return Some(at + hashes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_run_is_complete() {
        for code in [
            "",
            "1 + 1",
            "let x = 5;",
            "let x = { 5 };\nx",
            "fn f<'a>(x: &'a str) -> char { '{' }",
            "let c = '\\''; let d = '\"'; let e = '\\u{7b}';",
            "println!(\"{{ ( [\");",
            "let s = r#\"a \" ( \"#; // (",
            "/* ( /* [ */ { */ x",
            ":dep serde = { version = \"1\"\nlet x = 1;",
            "x?",
            "f()?;\nif a { b } else { c }",
            "#[derive(Debug)]\nstruct A;",
            "v[..]",
            "let x = match y { 1 => 'a', _ => 'b' };",
        ] {
            assert_eq!(read(code), State::Complete, "{code}");
        }
    }

    #[test]
    fn what_lacks_something_is_incomplete_with_its_depth() {
        for (code, depth) in [
            ("let x = {", 1),
            ("let x = vec![(1,", 2),
            ("fn f() {\n    if a {", 2),
            ("\"text", 0),
            ("r#\"text\"", 0),
            ("/* comment", 0),
            ("let x =", 0),
            ("let x = 5", 0),
            ("let x = { 5 }", 0),
            ("1 +", 0),
            ("model.", 0),
            ("if a { b } else", 0),
            ("#[derive(Debug)]", 0),
        ] {
            assert_eq!(read(code), State::Incomplete(depth), "{code}");
        }
        assert_eq!(completeness("let x = {")["indent"], INDENT);
    }

    #[test]
    fn brackets_that_do_not_match_are_invalid() {
        for code in ["let x = (1];", "}", "f(}"] {
            assert_eq!(read(code), State::Invalid, "{code}");
        }
    }

    #[test]
    fn hostile_text_is_read_in_one_pass() {
        for unit in ["(", "/*", "r#\"", "'", "\\", "\"", "#[", "b\"", "let "] {
            read(&unit.repeat(200_000 / unit.len()));
        }
    }
}
