use super::number_format::{Number, NumberFormat};
use crate::{Error, Logs, Result};

/// A file name such as `model_{epoch:02d}_{val_accuracy:.4f}`, taken apart.
///
/// Fields are those of Python's `format` for plain numbers: `{name}`, `{name:.4f}`,
/// `{name:.2%}`, `{epoch:02}`; doubled braces stand for single ones. Epochs count from 1 here.
#[derive(Debug)]
pub(super) struct FileTemplate<'a> {
    text: &'a str,
    parts: Vec<Part<'a>>,
}

#[derive(Debug)]
enum Part<'a> {
    Text(&'a str),
    Field { key: &'a str, format: NumberFormat },
}

impl<'a> FileTemplate<'a> {
    /// # Errors
    /// When braces do not pair up, or Python has no such format for the number.
    pub(super) fn parse(text: &'a str) -> Result<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            parts.push(Part::Text(&rest[..at]));
            let brace = &rest[at..=at];
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix(brace) {
                parts.push(Part::Text(brace));
                rest = after;
                continue;
            }
            let (field, after) = match rest.split_once('}') {
                Some(split) if brace == "{" => split,
                _ => return Err(unbalanced(text)),
            };
            parts.push(parsed_field(field)?);
            rest = after;
        }
        parts.push(Part::Text(rest));
        Ok(Self { text, parts })
    }

    /// The figures that the name asks for, besides the epoch.
    pub(super) fn figures(&self) -> impl Iterator<Item = &'a str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Field { key, .. } if *key != "epoch" => Some(*key),
            _ => None,
        })
    }

    /// The name after an epoch, counted from 0, with these figures.
    ///
    /// # Errors
    /// When a figure is not among them.
    pub(super) fn fill(&self, epoch: usize, logs: &Logs) -> Result<String> {
        let mut name = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Field { key, format } => {
                    let number = match *key {
                        "epoch" => Number::Whole(epoch + 1),
                        key => {
                            let figure = logs.get(key);
                            Number::Float(figure.ok_or_else(|| self.unknown(key, &keys(logs)))?)
                        }
                    };
                    name.push_str(&format.apply(number).ok_or_else(|| impossible(key))?);
                }
            }
        }
        Ok(name)
    }

    /// The error about a figure that is not among the `known` ones.
    pub(super) fn unknown(&self, key: &str, known: &[String]) -> Error {
        Error::option(
            "file name",
            format!("epoch or one of {}", known.join(", ")),
            format!("{key} in {}", self.text),
            "figures that begin with val_ need validation data",
        )
    }
}

/// The names of some figures.
fn keys(logs: &Logs) -> Vec<String> {
    logs.entries().iter().map(|(key, _)| key.clone()).collect()
}

fn parsed_field(field: &str) -> Result<Part<'_>> {
    let (key, format) = field.split_once(':').unwrap_or((field, ""));
    // Python reads these as attributes, items and conversions, and numbers have none of use.
    if key.is_empty() || key.contains(['.', '[', '!', '{']) {
        return Err(impossible(field));
    }
    let sample = match key {
        "epoch" => Number::Whole(1),
        _ => Number::Float(0.5),
    };
    NumberFormat::parse(format)
        .filter(|format| format.apply(sample).is_some())
        .map(|format| Part::Field { key, format })
        .ok_or_else(|| impossible(field))
}

fn impossible(field: &str) -> Error {
    Error::option(
        "file name",
        "the name of a figure and a format that Python has for numbers, such as .4f, .2%, .3g, or \
         02d for the epoch",
        field,
        "write for instance model_{epoch:02d}_{val_accuracy:.4f}",
    )
}

fn unbalanced(template: &str) -> Error {
    Error::option(
        "file name",
        "a closing brace for each opening one",
        template,
        "write {{ and }} for braces themselves",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(template: &str, epoch: usize, logs: &Logs) -> Result<String> {
        FileTemplate::parse(template)?.fill(epoch, logs)
    }

    fn logs() -> Logs {
        Logs::new(vec![
            ("loss".to_owned(), 1.25),
            ("val_accuracy".to_owned(), 0.428_571),
        ])
    }

    #[test]
    fn fields_are_filled_as_python_fills_them() -> Result<()> {
        for (template, name) in [
            ("model_{val_accuracy:.4f}", "model_0.4286"),
            ("w.{epoch:02d}-{loss:.2f}.x", "w.07-1.25.x"),
            ("{epoch}", "7"),
            ("{epoch:4d}|{epoch:04d}|{epoch:d}", "   7|0007|7"),
            ("{loss}", "1.25"),
            ("{loss:f} {loss:08.2f}", "1.250000 00001.25"),
            ("{loss:.1e}", "1.2e+00"),
            ("{epoch:02}-{loss:.4}-{val_accuracy:.2%}", "07-1.25-42.86%"),
            ("{epoch:>3}_{loss:.3g}", "  7_1.25"),
            ("plain", "plain"),
            ("{{{epoch}}}", "{7}"),
        ] {
            assert_eq!(fill(template, 6, &logs())?, name);
        }
        Ok(())
    }

    #[test]
    fn what_cannot_be_filled_is_told() {
        for (template, part) in [
            ("{val_loss:.2f}", "epoch or one of loss, val_accuracy"),
            ("{epoch", "a closing brace"),
            ("epoch}", "a closing brace"),
            ("{loss:d}", "received loss:d"),
            ("{loss:.999999999999f}", "a format that Python has"),
            ("{loss:é}", "a format that Python has"),
            ("{epoch:.2d}", "a format that Python has"),
            ("{}", "the name of a figure"),
            ("{loss!r}", "the name of a figure"),
        ] {
            let error = fill(template, 0, &logs()).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
