//! What most likely mends a mistake that people new to Rust make in cells.
//!
//! The compiler says what is wrong and where; what it cannot know is that the lines are a notebook's.

use std::collections::HashSet;

use super::failure::without_colours;

/// What the compiler, or evcxr, said of a cell.
struct Mistake<'a> {
    message: &'a str,
    /// All of it, without colours.
    told: &'a str,
    /// The types that the notebook's cells define.
    defined: &'a HashSet<String>,
}

/// One kind of mistake: what mends it, if it is this one.
type Kind = fn(&Mistake<'_>) -> Option<String>;

const KINDS: [Kind; 13] = [
    borrowed_across_cells,
    kept_closure,
    unknown_type,
    moved,
    semicolon,
    not_shown,
    unanswered_failure,
    mixed_numbers,
    missing_borrow,
    missing_mut,
    hidden_name,
    missing_import,
    unknown_name,
];

/// What the compiler says of two literals of different kinds, whose types it does not name.
const LITERALS: [&str; 2] = ["an integer to a float", "a float to an integer"];

/// The compiler's numbers, and words that only messages of these numbers have. Of a cell that is not all ASCII,
/// evcxr_jupyter tells the words alone.
const WORDS: [(&str, &str); 15] = [
    ("E0282", "type annotations needed"),
    ("E0277", "cannot be made by"),
    ("E0277", "doesn't implement `"),
    ("E0277", "` to `{"),
    ("E0277", "` from `{"),
    ("E0277", LITERALS[0]),
    ("E0277", LITERALS[1]),
    ("E0277", "` by `{"),
    ("E0308", "mismatched types"),
    ("E0382", " of moved value"),
    ("E0384", "cannot assign twice to"),
    ("E0425", "cannot find "),
    ("E0596", "as it is not declared as mutable"),
    ("E0599", "no function or associated item named"),
    ("E0599", "no method named"),
];

/// A sentence that says what to do, for the mistakes that are known.
pub(super) fn advice(message: &str, lines: &[String], defined: &HashSet<String>) -> Option<String> {
    let told = without_colours(&lines.join("\n"));
    let mistake = Mistake {
        message,
        told: &told,
        defined,
    };
    KINDS.iter().find_map(|kind| kind(&mistake))
}

/// The types that a cell's code defines, if it is compiled.
pub(super) fn definitions(code: &str) -> impl Iterator<Item = String> {
    code.lines().filter_map(|line| {
        let line = line.trim_start();
        let line = line.strip_prefix("pub ").unwrap_or(line);
        let rest = ["struct ", "enum ", "trait ", "type "]
            .iter()
            .find_map(|word| line.strip_prefix(word))?;
        let name = rest.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        name.into_iter().next().map(str::to_owned)
    })
}

impl Mistake<'_> {
    /// Whether it is one of these, by the compiler's numbers; where evcxr_jupyter tells none, by its words.
    fn is(&self, codes: &[&str]) -> bool {
        if self.told.contains("[E") {
            let there = |code: &&str| self.told.contains(&format!("[{code}]"));
            return codes.iter().any(there);
        }
        let mut known = WORDS.iter().filter(|(_, word)| self.message.contains(word));
        known.any(|(code, _)| codes.contains(code))
    }

    /// What the message has in backticks.
    fn names(&self) -> impl Iterator<Item = &str> {
        self.message.split('`').skip(1).step_by(2)
    }

    fn name(&self) -> &str {
        self.names().next().unwrap_or_default()
    }
}

fn borrowed_across_cells(mistake: &Mistake<'_>) -> Option<String> {
    let there = mistake.message.contains("a non-static lifetime");
    there.then(|| {
        "a variable that later cells see has to own its value: put `.to_owned()` or `.clone()` behind \
         it, or put the lines that borrow into braces, { ... }."
            .to_owned()
    })
}

fn kept_closure(mistake: &Mistake<'_>) -> Option<String> {
    let name = mistake.name();
    mistake.message.contains("is a closure").then(|| {
        format!(
            "later cells can call a function: `fn {name}(x: f64) -> f64 {{ ... }}`, with types of yours. \
             Or make and call the closure in one cell, within braces, {{ ... }}."
        )
    })
}

/// A variable's type would follow from another cell.
fn unknown_type(mistake: &Mistake<'_>) -> Option<String> {
    let name = mistake.name();
    let unknown = mistake.message.contains("determine type of variable");
    (unknown || (mistake.is(&["E0282", "E0283"]) && mistake.message.contains("annotations"))).then(
        || {
            let name = if unknown { name } else { "name" };
            format!(
                "the type has to follow from this cell: fill or use it here, or say it, \
                 `let {name}: Vec<f64> = ...`."
            )
        },
    )
}

/// A function ends in a semicolon, so that it gives back nothing.
fn semicolon(mistake: &Mistake<'_>) -> Option<String> {
    let there = mistake.is(&["E0308"]) && mistake.told.contains("remove this semicolon");
    there.then(|| {
        "a block's last line is its value only without a semicolon: take the semicolon away."
            .to_owned()
    })
}

/// A cell ends in a value that has no form to show.
fn not_shown(mistake: &Mistake<'_>) -> Option<String> {
    let there = mistake.is(&["E0277"]) && mistake.message.contains("doesn't implement `Debug`");
    there.then(|| {
        "a cell shows the value that it ends in, and this one cannot be shown: end the line with `;`, or \
         write `#[derive(Debug)]` above its type."
            .to_owned()
    })
}

fn moved(mistake: &Mistake<'_>) -> Option<String> {
    let name = mistake.name();
    let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    (mistake.is(&["E0382"]) && plain).then(|| {
        format!(
            "lend it where it is given away, `&{name}`, or give a copy, `{name}.clone()`. This cell did not \
             run, so `{name}` is as it was before."
        )
    })
}

/// A call's `Result` or `Option` is used as if it were the value in it.
fn unanswered_failure(mistake: &Mistake<'_>) -> Option<String> {
    if !mistake.is(&["E0277", "E0308", "E0369", "E0599", "E0608", "E0609"])
        || mistake.message.contains("`?`")
    {
        return None;
    }
    let found = |name: &str| {
        let words = [format!("found `{name}<"), format!("enum `{name}<")];
        let named = mistake
            .names()
            .any(|it| it.starts_with(&format!("{name}<")));
        named || words.iter().any(|words| mistake.told.contains(words))
    };
    let method = match mistake.is(&["E0599"]) {
        true => format!("`f()?.{}`", mistake.name()),
        false => "`f()?`".to_owned(),
    };
    if found("Result") {
        return Some(format!(
            "the call before can fail; put `?` behind it, {method}, and the cell ends with the reason."
        ));
    }
    found("Option").then(|| {
        "there may be nothing; say what to take then, `.unwrap_or(...)`, or end the cell, `.unwrap()`."
            .to_owned()
    })
}

fn mixed_numbers(mistake: &Mistake<'_>) -> Option<String> {
    const NUMBERS: [&str; 17] = [
        "{float}",
        "{integer}",
        "f32",
        "f64",
        "i8",
        "i16",
        "i32",
        "i64",
        "i128",
        "isize",
        "u8",
        "u16",
        "u32",
        "u64",
        "u128",
        "usize",
        "integer",
    ];
    let is_number = |name: &&str| NUMBERS.contains(&name.trim_start_matches('&'));
    let two = match mistake.is(&["E0277"]) {
        true => {
            let told = LITERALS.iter().any(|words| mistake.message.contains(words));
            told || mistake.names().filter(is_number).count() >= 2
        }
        false => {
            mistake.is(&["E0308"]) && {
                let told = mistake.told.split("expected `").skip(1);
                told.into_iter().any(|rest| {
                    let (wanted, rest) = rest.split_once('`').unwrap_or_default();
                    let found = rest.split_once("found ").map_or("", |(_, found)| found);
                    let end = |letter: char| !letter.is_alphanumeric() && !"`{}".contains(letter);
                    let found = found.split(end).next().unwrap_or_default();
                    is_number(&wanted)
                        && (found.starts_with("floating") || is_number(&found.trim_matches('`')))
                })
            }
        }
    };
    two.then(|| {
        "kinds of numbers do not mix: write a whole number with a point, `2.0`, and turn a variable into \
         the other kind, `n as f64`."
            .to_owned()
    })
}

fn missing_borrow(mistake: &Mistake<'_>) -> Option<String> {
    let wanted = mistake.is(&["E0308"]) && mistake.told.contains("expected `&");
    let told = mistake.is(&["E0277"]) && mistake.told.contains("consider borrowing");
    (wanted || told)
        .then(|| "put `&` before what is passed: it is lent, and stays yours.".to_owned())
}

fn missing_mut(mistake: &Mistake<'_>) -> Option<String> {
    let name = mistake.name();
    let plain = name.chars().all(|c| c.is_alphanumeric() || c == '_');
    let changed = mistake.is(&["E0384", "E0594", "E0596"]);
    (changed && plain && !mistake.message.contains("behind a")).then(|| {
        format!(
            "what is to change is made with `mut`: `let mut {name} = ...`. Of an earlier cell's, begin with \
             `let mut {name} = {name};`."
        )
    })
}

/// A type of a cell has the name of one of a library's.
fn hidden_name(mistake: &Mistake<'_>) -> Option<String> {
    let hidden = mistake.names().find(|&name| mistake.defined.contains(name));
    let missing = mistake.message.contains("function or associated item");
    let name = hidden.filter(|_| missing || mistake.is(&["E0061"]))?;
    Some(format!(
        "if another `{name}` was meant, labbook's for instance: a cell of this notebook defines one, which hides \
         it. Give yours another name and restart the kernel, or write `labbook::prelude::{name}`."
    ))
}

fn missing_import(mistake: &Mistake<'_>) -> Option<String> {
    let (_, named) = mistake.told.split_once("importing ")?;
    let (_, path) = named.split_once("`use ")?;
    let path = path.split([';', '`', '\n']).next()?.trim();
    Some(format!("begin the cell with `use {path};`."))
}

/// Names of the libraries beside labbook's that people write without them.
const OF_LIBRARIES: [(&str, &str); 8] = [
    ("Tensor", "tch"),
    ("Kind", "tch"),
    ("Device", "tch"),
    ("DataFrame", "polars::prelude"),
    ("Array1", "ndarray"),
    ("Array2", "ndarray"),
    ("Array4", "ndarray"),
    ("Axis", "ndarray"),
];

fn unknown_name(mistake: &Mistake<'_>) -> Option<String> {
    let name = mistake.name();
    if !mistake.is(&["E0405", "E0412", "E0422", "E0425", "E0432", "E0433"]) {
        return None;
    }
    let library = OF_LIBRARIES.iter().find(|(known, _)| *known == name);
    Some(match library {
        Some((_, path)) => {
            format!(
                "write `{path}::{name}`, or begin the cell with `use {path}::{name};`. If it is a `{name}` of your own, run \
                 the cell that defines it."
            )
        }
        None => format!(
            "no cell that ran defines `{name}`: run the one that does (after a restart, all of them), or \
             look at how it is written. What is labbook's needs `use labbook::prelude::*;` in a cell."
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What evcxr_jupyter publishes of a cell, in short: message, lines, and a part of the advice.
    const MISTAKES: [(&str, &str, &str); 24] = [
        (
            "borrow of moved value: `names`",
            "[E0382] Error: borrow of moved value: `names`",
            "`names.clone()`",
        ),
        (
            "The variable `first` contains a reference with a non-static lifetime so\ncan't be persisted.",
            "Error: The variable",
            "own its value",
        ),
        (
            "The variable `double` is a closure, which cannot be persisted.",
            "The variable `double` is a closure",
            "fn double(",
        ),
        (
            "no method named `lines` found for enum `Result<T, E>` in the current scope",
            "[E0599] Error: no method named `lines` found",
            "`f()?.lines`",
        ),
        (
            "mismatched types",
            "[E0308] Error: mismatched types\n expected `&Tensor`, found `Result<Tensor, Error>`",
            "put `?`",
        ),
        (
            "no method named `len` found for enum `Option<T>` in the current scope",
            "[E0599] Error",
            "unwrap_or",
        ),
        (
            "cannot multiply `{float}` by `{integer}`",
            "[E0277] Error: cannot multiply",
            "`2.0`",
        ),
        (
            "cannot add an integer to a float",
            "[E0277] Error\n no implementation for `{float} + {integer}`",
            "`2.0`",
        ),
        (
            "cannot subtract `{integer}` from `{float}`",
            "Error",
            "`2.0`",
        ),
        (
            "a value of type `f64` cannot be made by summing an iterator over elements of type `&{integer}`",
            "[E0277] Error",
            "as f64",
        ),
        (
            "mismatched types",
            "[E0308] Error: mismatched types\n expected `f64`, found integer\n",
            "`2.0`",
        ),
        (
            "mismatched types",
            "[E0308] Error: mismatched types\n expected `i64`, found `usize`\n",
            "do not mix",
        ),
        (
            "mismatched types",
            "[E0308] Error: mismatched types\n expected `&Tensor`, found `Tensor`\n",
            "put `&`",
        ),
        (
            "cannot borrow `numbers` as mutable, as it is not declared as mutable",
            "[E0596] Error",
            "`let mut numbers = numbers;`",
        ),
        (
            "no function or associated item named `new` found for struct `Dense` in the current scope",
            "[E0599] Error",
            "labbook::prelude::Dense",
        ),
        (
            "cannot find type `HashMap` in this scope",
            "[E0433] Error\n Note: help: consider importing this struct: `use std::collections::HashMap;\n `",
            "begin the cell with `use std::collections::HashMap;`",
        ),
        (
            "Couldn't automatically determine type of variable `numbers`.\nPlease give it an explicit type.",
            "",
            "`let numbers: Vec<f64>",
        ),
        (
            "type annotations needed for `Vec<_>`",
            "[E0282] Error: type annotations needed",
            "`let name: Vec<f64>",
        ),
        (
            "mismatched types",
            "[E0308] Error: mismatched types\n expected `f64`, found `()`\n help: remove this semicolon to return",
            "take the semicolon away",
        ),
        (
            "cannot find value `lenght` in this scope",
            "println!(lenght);\n not found in this scope",
            "no cell that ran defines `lenght`",
        ),
        (
            "cannot find type `Tensor` in this scope",
            "[E0433] Error: use of undeclared type `Tensor`",
            "write `tch::Tensor`",
        ),
        (
            "use of moved value: `names`",
            "f(names);\n value used here after move",
            "`names.clone()`",
        ),
        (
            "`Own` doesn't implement `Debug`",
            "[E0277] Error",
            "derive(Debug)",
        ),
        (
            "cannot find value `model` in this scope",
            "[E0425] Error",
            "no cell that ran defines `model`",
        ),
    ];

    #[test]
    fn the_mistakes_of_newcomers_have_an_advice_each() {
        let defined: HashSet<String> =
            definitions("pub struct Dense { a: f64 }\n// struct Other").collect();
        assert_eq!(defined.len(), 1);
        for (message, told, part) in MISTAKES {
            let advice = advice(message, &[told.to_owned()], &defined).unwrap_or_default();
            assert!(advice.contains(part), "{message}: {advice}");
        }
    }

    #[test]
    fn of_other_mistakes_nothing_is_said() {
        for (message, told) in [
            ("expected one of `;` or `}`", "Error: expected one of"),
            (
                "no method named `mean` found for struct `Vec<f64>`",
                "[E0599] Error",
            ),
            (
                "`?` couldn't convert the error to `Result<T, E>`",
                "[E0277] Error",
            ),
            (
                "cannot borrow `*x` as mutable, as it is behind a `&` reference",
                "[E0596] Error",
            ),
            (
                "the trait bound `Tensor: Shape` is not satisfied",
                "[E0277] Error",
            ),
            ("mismatched types", "[E0308] expected `Tensor`, found `f64`"),
            ("", ""),
        ] {
            let found = advice(message, &[told.to_owned()], &HashSet::new());
            assert_eq!(found, None, "{message}");
        }
    }
}
