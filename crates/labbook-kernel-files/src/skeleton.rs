//! Rust sources without what nobody asks of them who only wants types: bodies of functions, functions that
//! others cannot call, modules of tests, comments. rust-analyzer reads all sources anew at every start of a
//! kernel, and offers all that it reads as completions.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

use crate::token::{Token, tokens};

/// Counts the forms that skeletons have had: one of another form is written anew.
const FORM: Duration = Duration::from_secs(1);

/// How much of the documentation stays, and of structures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Docs {
    /// All of it, but no private fields of structures without parameters.
    Whole,
    /// Of each item the first paragraph, and all fields: whether the size of one of std's types is known
    /// follows from the last.
    Begin,
}

/// Makes `to` hold the skeletons of all Rust sources below `from`, and nothing else.
///
/// What is not newer than its skeleton is left alone. Files are written beside and renamed, so that others may
/// read them meanwhile.
///
/// # Errors
/// A folder that cannot be read or written.
pub fn mirror(from: &Path, to: &Path, docs: Docs) -> io::Result<()> {
    // A link would lead to sources that are not ours to write.
    if to.is_symlink() || to.is_file() {
        fs::remove_file(to)?;
    }
    fs::create_dir_all(to)?;
    let mut names = HashSet::new();
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let Some(name) = path.file_name() else {
            continue;
        };
        if path.is_dir() && !path.is_symlink() {
            mirror(&path, &to.join(name), docs)?;
        } else if path.extension() == Some(OsStr::new("rs")) {
            refresh(&path, &to.join(name), docs)?;
        } else {
            continue;
        }
        names.insert(name.to_owned());
    }
    for entry in fs::read_dir(to)?.flatten() {
        // Others may be writing their own.
        let beside = entry.path().extension() == Some(OsStr::new("new"));
        if !beside && !names.contains(&entry.file_name()) {
            let path = entry.path();
            match path.is_dir() && !path.is_symlink() {
                true => fs::remove_dir_all(&path)?,
                false => fs::remove_file(&path)?,
            }
        }
    }
    Ok(())
}

fn refresh(from: &Path, to: &Path, docs: Docs) -> io::Result<()> {
    let source = fs::metadata(from)?;
    let there = fs::symlink_metadata(to).ok();
    let time: SystemTime = source.modified()? + FORM;
    if there.is_some_and(|file| file.is_file() && file.modified().is_ok_and(|own| own == time)) {
        return Ok(());
    }
    let text = fs::read_to_string(from)?;
    let beside = to.with_extension(format!("{}.new", std::process::id()));
    fs::write(&beside, skeleton(&text, docs))?;
    // It follows the source's time, so that one from a backup counts as changed, too.
    let file = fs::File::options().write(true).open(&beside)?;
    file.set_modified(time)?;
    fs::rename(&beside, to)
}

/// A source without the bodies of its functions, its private functions, its modules of tests and its
/// comments.
///
/// Macros, their calls and constant functions stay as they are, since types may depend on them; so do the
/// functions of traits.
#[must_use]
pub fn skeleton(source: &str, docs: Docs) -> String {
    Writer {
        source,
        tokens: tokens(source),
        at: 0,
        text: String::with_capacity(source.len() / 2),
        docs,
        ended: false,
        blocks: Vec::new(),
        coming: None,
        begun: 0,
    }
    .write()
}

/// What is in braces.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Block {
    /// Items that are private unless they say otherwise: a module's, or a type's own.
    Items,
    /// Anything else.
    Other,
}

struct Writer<'a> {
    source: &'a str,
    tokens: Vec<(Token, usize, usize)>,
    at: usize,
    text: String,
    docs: Docs,
    /// The first paragraph of the documentation that comes is over.
    ended: bool,
    /// The braces that are open.
    blocks: Vec<Block>,
    /// What is in the next braces, where the words before them say so.
    coming: Option<Block>,
    /// Where the item at hand begins in the text.
    begun: usize,
}

impl<'a> Writer<'a> {
    fn write(mut self) -> String {
        while let Some(token) = self.tokens.get(self.at).map(|token| token.0) {
            if token != Token::Doc && token != Token::Space {
                self.ended = false;
            }
            match token {
                Token::Comment => self.at += 1,
                Token::Doc => self.doc(),
                Token::Word if self.word(self.at) == "fn" => self.function(),
                Token::Word if self.is_macro() => self.call(),
                _ => self.other(),
            }
        }
        self.text
    }

    fn other(&mut self) {
        match self.word(self.at) {
            "#" => return self.attribute(),
            "struct" if self.docs == Docs::Whole => return self.structure(),
            "mod" => self.coming = Some(Block::Items),
            "impl" if !self.is_of_trait() => self.coming = Some(Block::Items),
            "{" => self.blocks.push(self.coming.take().unwrap_or(Block::Other)),
            "}" => drop(self.blocks.pop()),
            ";" => self.coming = None,
            _ => return self.copy(),
        }
        let ends = self.word(self.at).len() == 1;
        self.copy();
        if ends {
            self.begun = self.text.len();
        }
    }

    /// Whether the implementation at hand is one of a trait.
    fn is_of_trait(&self) -> bool {
        let mut at = self.at + 1;
        while at < self.tokens.len() && !["{", ";"].contains(&self.word(at)) {
            // With an angle behind it, it belongs to a lifetime.
            if self.word(at) == "for" && self.word(self.next(at + 1)) != "<" {
                return true;
            }
            at += 1;
        }
        false
    }

    fn word(&self, at: usize) -> &'a str {
        match self.tokens.get(at) {
            Some(&(_, start, end)) => &self.source[start..end],
            None => "",
        }
    }

    fn copy(&mut self) {
        let word = self.word(self.at);
        self.text.push_str(word);
        self.at += 1;
    }

    /// The next token from `at` on that is neither a space nor a comment.
    fn next(&self, mut at: usize) -> usize {
        let skipped = [Token::Space, Token::Comment, Token::Doc];
        while self
            .tokens
            .get(at)
            .is_some_and(|token| skipped.contains(&token.0))
        {
            at += 1;
        }
        at
    }

    /// Where what opens at `at` has closed.
    fn closed(&self, at: usize) -> usize {
        let mut depth = 0_usize;
        for (place, &(kind, ..)) in self.tokens.iter().enumerate().skip(at) {
            if kind != Token::Sign {
                continue;
            }
            match self.word(place) {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        return place + 1;
                    }
                }
                _ => {}
            }
        }
        self.tokens.len()
    }

    fn copy_to(&mut self, end: usize) {
        while self.at < end {
            self.copy();
        }
    }

    fn doc(&mut self) {
        let line = self.word(self.at);
        let empty = line.trim_start_matches(['/', '!']).trim().is_empty();
        self.ended |= empty && self.docs == Docs::Begin;
        match self.ended {
            true => self.at += 1,
            false => self.copy(),
        }
        if line.starts_with("//!") || line.starts_with("/*!") {
            self.begun = self.text.len();
        }
    }

    /// Whether a macro is called or defined here.
    fn is_macro(&self) -> bool {
        let sign = self.next(self.at + 1);
        self.word(sign) == "!" && self.word(self.next(sign + 1)) != "="
    }

    fn call(&mut self) {
        let mut open = self.next(self.next(self.at + 1) + 1);
        if self
            .tokens
            .get(open)
            .is_some_and(|token| token.0 == Token::Word)
        {
            open = self.next(open + 1);
        }
        let end = match self.word(open) {
            "(" | "[" | "{" => self.closed(open),
            _ => self.at + 1,
        };
        self.copy_to(end);
        self.begun = self.text.len();
    }

    /// Leaves out a module of tests with what is written before it.
    fn attribute(&mut self) {
        let open = self.next(self.at + 1);
        if self.word(open) == "!" {
            self.copy_to(self.closed(open));
            self.begun = self.text.len();
            return;
        }
        if self.word(open) != "[" {
            return self.copy();
        }
        let end = self.closed(open);
        let words = (open + 1..end - 1).map(|at| self.word(self.next(at)));
        let tests = words.take(4).eq(["cfg", "(", "test", ")"]) && end - open == 6;
        let mut at = self.next(end);
        while self.word(at) == "#" {
            at = self.next(self.closed(self.next(at + 1)));
        }
        if self.word(at) == "pub" {
            at = self.next(at + 1);
            if self.word(at) == "(" {
                at = self.next(self.closed(at));
            }
        }
        if !tests || self.word(at) != "mod" {
            return self.copy_to(end);
        }
        self.drop_docs();
        let after = self.next(self.next(at + 1) + 1);
        self.at = match self.word(after) {
            "{" => self.closed(after),
            _ => after + 1,
        };
    }

    /// Takes back what documents something that is left out.
    fn drop_docs(&mut self) {
        while let Some(start) = self.text.trim_end().rfind('\n') {
            if !self.text[start..].trim_start().starts_with("///") {
                break;
            }
            self.text.truncate(start + 1);
        }
    }

    /// The word before the function at hand and the words that only say of what kind it is.
    fn before_function(&self) -> Option<&'a str> {
        let before = self.tokens[..self.at].iter().rev();
        let words = before.filter(|token| ![Token::Space, Token::Comment].contains(&token.0));
        let mut words = words.map(|&(_, start, end)| &self.source[start..end]);
        let between = ["unsafe", "async", "extern", "safe", "default"];
        words.find(|word| !between.contains(word) && !word.starts_with('"'))
    }

    /// Leaves out the private fields of a structure without parameters. With parameters, they say what
    /// these are for.
    fn structure(&mut self) {
        let name = self.next(self.at + 1);
        let open = self.next(name + 1);
        if !["{", "("].contains(&self.word(open)) {
            return self.copy();
        }
        let end = self.closed(open) - 1;
        self.copy_to(open + 1);
        if self.word(open) == "(" {
            // Others are counted by their places.
            let public = (open..end).any(|at| self.is_public(at));
            self.at = if public { self.at } else { end };
            return;
        }
        while self.at < end {
            let after = self.after_field(end);
            let mut at = self.next(self.at);
            while self.word(at) == "#" {
                at = self.next(self.closed(self.next(at + 1)));
            }
            match at >= after || self.is_public(at) {
                true => self.declare(after),
                false => self.at = after,
            }
        }
        self.copy();
        self.begun = self.text.len();
    }

    /// Whether a word makes public without bounds.
    fn is_public(&self, at: usize) -> bool {
        self.word(at) == "pub" && self.word(self.next(at + 1)) != "("
    }

    /// Behind the comma of the field at hand, or where the last one ends.
    fn after_field(&self, end: usize) -> usize {
        let mut angles = 0_usize;
        let mut at = self.at;
        while at < end {
            match self.word(at) {
                "(" | "[" | "{" => {
                    at = self.closed(at);
                    continue;
                }
                "<" => angles += 1,
                ">" if self.word(at - 1) != "-" => angles = angles.saturating_sub(1),
                "," if angles == 0 => return at + 1,
                _ => {}
            }
            at += 1;
        }
        end
    }

    fn function(&mut self) {
        let name = self.next(self.at + 1);
        let named = self
            .tokens
            .get(name)
            .is_some_and(|token| token.0 == Token::Word);
        // Arrays may be as long as a constant function says.
        let before = self.before_function();
        self.coming = None;
        if !named || before == Some("const") {
            self.copy();
            return;
        }
        let block = self.blocks.last().copied().unwrap_or(Block::Items);
        // The compiler knows some of std's by an attribute.
        let known = self.text[self.begun..].contains("lang =");
        let left_out = block == Block::Items && before != Some("pub") && !known;
        let mut angles = 0_usize;
        let mut at = name + 1;
        while at < self.tokens.len() {
            match self.word(at) {
                "(" | "[" => at = self.closed(at),
                "{" if angles > 0 => at = self.closed(at),
                "{" => {
                    match left_out {
                        true => self.text.truncate(self.begun),
                        false => {
                            self.declare(at);
                            self.text.push_str("{}");
                        }
                    }
                    self.at = self.closed(at);
                    self.begun = self.text.len();
                    return;
                }
                ";" => break,
                "<" => {
                    angles += 1;
                    at += 1;
                }
                ">" => {
                    // That of `->` closes nothing.
                    angles = angles.saturating_sub(usize::from(self.word(at - 1) != "-"));
                    at += 1;
                }
                _ => at += 1,
            }
        }
        self.copy();
    }

    /// Copies up to `end`, but for comments.
    fn declare(&mut self, end: usize) {
        while self.at < end {
            match self.tokens[self.at].0 {
                Token::Comment => self.at += 1,
                _ => self.copy(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(source: &str) -> String {
        skeleton(source, Docs::Whole)
    }

    #[test]
    fn bodies_and_comments_go_and_all_that_types_come_from_stays() {
        for (source, wanted) in [
            (
                "pub fn f(x: u8) -> u8 { x + 1 }",
                "pub fn f(x: u8) -> u8 {}",
            ),
            (
                "pub fn f() { let s = \"}\"; g('}', '\\'', r#\"}\"#) } struct S;",
                "pub fn f() {} struct S;",
            ),
            (
                "pub fn f<'a>(x: &'a str) -> &'a str { /* } */ x }",
                "pub fn f<'a>(x: &'a str) -> &'a str {}",
            ),
            (
                "pub fn f<const N: usize>() -> A<{ N + 1 }> { a }",
                "pub fn f<const N: usize>() -> A<{ N + 1 }> {}",
            ),
            (
                "pub fn f() -> [u8; { 2 }] where T: Fn() -> u8, { a }",
                "pub fn f() -> [u8; { 2 }] where T: Fn() -> u8, {}",
            ),
            (
                "trait T { fn f(&self); fn g(&self) { h() } }",
                "trait T { fn f(&self); fn g(&self) {} }",
            ),
            ("const fn n() -> usize { 3 }", "const fn n() -> usize { 3 }"),
            (
                "pub const unsafe fn n() -> usize { 3 }",
                "pub const unsafe fn n() -> usize { 3 }",
            ),
            (
                "const A: u8 = 1; pub fn f() { 3 }",
                "const A: u8 = 1; pub fn f() {}",
            ),
            (
                "type F = fn(u8) -> u8; struct S { pub f: fn() }",
                "type F = fn(u8) -> u8; struct S { pub f: fn() }",
            ),
            (
                "macro_rules! m { () => { fn f() { 1 } } }",
                "macro_rules! m { () => { fn f() { 1 } } }",
            ),
            (
                "make! { fn f() { 1 } }\npub fn g() { 1 }",
                "make! { fn f() { 1 } }\npub fn g() {}",
            ),
            (
                "a // b\n/// Doc.\n/* c /* d */ */ struct S;",
                "a \n/// Doc.\n struct S;",
            ),
            ("#[inline] pub fn f() { 1 }", "#[inline] pub fn f() {}"),
            (
                "const A: bool = 1 != 2; pub fn f() { 1 }",
                "const A: bool = 1 != 2; pub fn f() {}",
            ),
            (
                "const C: char = '\u{e9}'; pub fn f() {1}",
                "const C: char = '\u{e9}'; pub fn f() {}",
            ),
            ("pub fn r#fn() { 1 }", "pub fn r#fn() {}"),
            ("pub fn f() { 1", "pub fn f() {}"),
            ("fn", "fn"),
        ] {
            assert_eq!(whole(source), wanted, "{source}");
        }
    }

    #[test]
    fn what_others_cannot_call_goes_and_what_traits_need_stays() {
        for (source, wanted) in [
            (
                "pub fn f() {}\n/// Own.\n#[inline]\nfn g() { 1 }\nuse a;",
                "pub fn f() {}\nuse a;",
            ),
            ("pub(crate) fn f() { 1 } pub(in a) unsafe fn g() { 1 }", ""),
            (
                "#![allow(x)]\n//! Doc.\nfn f() { 1 }",
                "#![allow(x)]\n//! Doc.",
            ),
            ("make! { a }\nfn f() { 1 }", "make! { a }"),
            ("const fn n() -> usize { 3 }", "const fn n() -> usize { 3 }"),
            (
                "impl<const N: usize> A<N> where for<'a> B: C<'a> { fn f() { 1 } pub fn g() { 1 } }",
                "impl<const N: usize> A<N> where for<'a> B: C<'a> { pub fn g() {} }",
            ),
            (
                "impl A for B { fn f() { 1 } }",
                "impl A for B { fn f() {} }",
            ),
            ("trait A { fn f() { 1 } }", "trait A { fn f() {} }"),
            (
                "unsafe extern \"C\" { fn f(); }",
                "unsafe extern \"C\" { fn f(); }",
            ),
            (
                "mod a { fn f() { 1 } pub extern \"C\" fn g() { 1 } }",
                "mod a { pub extern \"C\" fn g() {} }",
            ),
            (
                "mod a; #[lang = \"x\"] fn f() { 1 }",
                "mod a; #[lang = \"x\"] fn f() {}",
            ),
            (
                "pub struct A { #[b] pub a: B<u8, C>, /// D.\n pub(crate) b: fn(u8) -> B<u8, 2>, c: u8 }",
                "pub struct A { #[b] pub a: B<u8, C>,}",
            ),
            ("struct A<T> { a: T }", "struct A<T> { a: T }"),
            (
                "struct A(u8, pub(crate) u8); struct B(pub u8, u8); struct C;",
                "struct A(); struct B(pub u8, u8); struct C;",
            ),
            (
                "enum A { B { c: u8 }, D(u8) }",
                "enum A { B { c: u8 }, D(u8) }",
            ),
            ("struct A { pub a: u8", "struct A { pub a: u8"),
        ] {
            let shown = whole(source);
            assert_eq!(shown.trim(), wanted, "{source}");
        }
        let fields = "struct A { a: u8 }";
        assert_eq!(skeleton(fields, Docs::Begin), fields);
    }

    #[test]
    fn modules_of_tests_go_and_other_conditions_stay() {
        for (source, wanted) in [
            (
                "use a;\n#[cfg(test)]\nmod tests { fn f() {} }\nuse b;",
                "use a;\n\nuse b;",
            ),
            (
                "#[cfg(test)]\n#[path = \"x.rs\"]\npub(crate) mod tests;use b;",
                "use b;",
            ),
            ("#[cfg(test)] use a::{b, c};", "#[cfg(test)] use a::{b, c};"),
            (
                "use a;\n/// Of tests,\n/// long.\n#[cfg(test)]\nmod tests;\nuse b;",
                "use a;\n\nuse b;",
            ),
            (
                "#[cfg(unix)] mod unix { mod a; }",
                "#[cfg(unix)] mod unix { mod a; }",
            ),
            ("#![allow(x)] mod a;", "#![allow(x)] mod a;"),
        ] {
            assert_eq!(whole(source), wanted, "{source}");
        }
    }

    #[test]
    fn of_documentation_the_first_paragraph_stays_if_that_is_asked_for() {
        let source = "/// One\n/// line.\n///\n/// More.\nstruct A;\n/// Two.\nstruct B;";
        assert_eq!(whole(source), source);
        let short = skeleton(source, Docs::Begin);
        let words: Vec<&str> = short.lines().filter(|line| !line.is_empty()).collect();
        assert_eq!(
            words,
            ["/// One", "/// line.", "struct A;", "/// Two.", "struct B;"]
        );
    }

    #[test]
    fn a_mirror_follows_its_sources_and_writes_through_no_link() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("deep"))?;
        fs::write(from.join("lib.rs"), "pub fn f() { 1 }")?;
        fs::write(from.join("deep/a.rs"), "// a\nstruct A;")?;
        fs::write(from.join("notes.txt"), "no")?;
        std::os::unix::fs::symlink(&from, &to)?;
        mirror(&from, &to, Docs::Whole)?;
        assert_eq!(fs::read_to_string(from.join("lib.rs"))?, "pub fn f() { 1 }");
        assert_eq!(fs::read_to_string(to.join("lib.rs"))?, "pub fn f() {}");
        assert_eq!(fs::read_to_string(to.join("deep/a.rs"))?, "\nstruct A;");
        assert!(!to.join("notes.txt").exists());
        // What is as old as its source is not written again.
        fs::write(to.join("deep/a.rs"), "kept")?;
        let time = fs::metadata(from.join("deep/a.rs"))?.modified()? + FORM;
        fs::File::options()
            .write(true)
            .open(to.join("deep/a.rs"))?
            .set_modified(time)?;
        fs::remove_file(from.join("lib.rs"))?;
        mirror(&from, &to, Docs::Whole)?;
        assert_eq!(fs::read_to_string(to.join("deep/a.rs"))?, "kept");
        assert!(!to.join("lib.rs").exists());
        Ok(())
    }
}
