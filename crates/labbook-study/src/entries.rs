//! A table of the study file, read key by key, until nothing may be left.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::{Result, StudyError};

/// The entries of a table that were not read yet.
#[derive(Debug)]
pub(crate) struct Entries {
    file: PathBuf,
    /// The table's own name, such as `search`; nothing for the file's top.
    name: String,
    table: Table,
    known: Vec<&'static str>,
}

impl Entries {
    pub(crate) fn new(file: &Path, name: &str, table: Table) -> Self {
        Self {
            file: file.to_owned(),
            name: name.to_owned(),
            table,
            known: Vec::new(),
        }
    }

    /// What is wrong with an entry.
    pub(crate) fn fault(
        &self,
        key: &str,
        expected: impl Into<String>,
        received: impl Into<String>,
        advice: impl Into<String>,
    ) -> StudyError {
        let key = match self.name.is_empty() {
            true => key.to_owned(),
            false => format!("{}.{key}", self.name),
        };
        StudyError::File {
            file: self.file.clone(),
            key,
            expected: expected.into(),
            received: received.into(),
            advice: advice.into(),
        }
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    pub(crate) fn take(&mut self, key: &'static str) -> Option<Value> {
        self.known.push(key);
        self.table.remove(key)
    }

    pub(crate) fn text(&mut self, key: &'static str) -> Result<Option<String>> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::String(text)) if !text.trim().is_empty() => Ok(Some(text)),
            Some(other) => Err(self.fault(
                key,
                "words in quotes",
                shown(&other),
                "write it as key = \"words\"",
            )),
        }
    }

    /// One of some words.
    pub(crate) fn word<T: Copy>(
        &mut self,
        key: &'static str,
        words: &[(&str, T)],
    ) -> Result<Option<T>> {
        let Some(text) = self.text(key)? else {
            return Ok(None);
        };
        let found = words.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| Some(*value)).ok_or_else(|| {
            let known: Vec<String> = words
                .iter()
                .map(|(word, _)| format!("\"{word}\""))
                .collect();
            self.fault(
                key,
                known.join(" or "),
                format!("\"{text}\""),
                "choose one of these",
            )
        })
    }

    /// A whole number from `least` to `most`.
    pub(crate) fn whole(
        &mut self,
        key: &'static str,
        least: i64,
        most: i64,
    ) -> Result<Option<i64>> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Integer(number)) if (least..=most).contains(&number) => Ok(Some(number)),
            Some(other) => {
                let expected = match most {
                    i64::MAX => format!("a whole number of at least {least}"),
                    _ => format!("a whole number from {least} to {most}"),
                };
                Err(self.fault(key, expected, shown(&other), "write it without quotes"))
            }
        }
    }

    pub(crate) fn table(&mut self, key: &'static str) -> Result<Option<Entries>> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Table(table)) => Ok(Some(Self::new(&self.file, key, table))),
            Some(other) => Err(self.fault(
                key,
                "a table",
                shown(&other),
                format!("write [{key}] and its entries below"),
            )),
        }
    }

    /// What a key cannot do without.
    pub(crate) fn needed<T>(&self, key: &str, value: Option<T>, expected: &str) -> Result<T> {
        value.ok_or_else(|| self.fault(key, expected, "nothing", format!("add a line {key} = ...")))
    }

    /// All that is left, by name.
    pub(crate) fn rest(self) -> (PathBuf, Table) {
        (self.file, self.table)
    }

    /// Refuses what was not asked for: a misspelt key would pass unseen.
    pub(crate) fn end(self) -> Result<()> {
        match self.table.iter().next() {
            None => Ok(()),
            Some((key, value)) => Err(self.fault(
                key,
                format!("one of {}", self.known.join(", ")),
                format!("{key} = {}", shown(value)),
                "correct the name or remove the line",
            )),
        }
    }
}

/// A value as the file has it, cut where it is long.
pub(crate) fn shown(value: &Value) -> String {
    let text = match value {
        Value::String(text) => format!("\"{text}\""),
        Value::Table(_) => "a table".to_owned(),
        Value::Array(values) => format!("a list of {}", values.len()),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::Boolean(value) => value.to_string(),
        Value::Datetime(_) => "a date or time".to_owned(),
    };
    labbook_records::clean(&text, 60)
}
