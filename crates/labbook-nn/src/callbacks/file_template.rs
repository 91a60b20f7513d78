use crate::{Error, Logs, Result};

/// Fills in a file name such as `model_{epoch:02d}_{val_accuracy:.4f}`.
///
/// Knows what Python's `format` knows of plain numbers: `{name}`, `{name:.4f}`, `{name:.2e}`,
/// `{epoch:02d}` with a width and a leading 0, and doubled braces for single ones. Epochs
/// count from 1 here.
pub(crate) fn fill(template: &str, epoch: usize, logs: &Logs) -> Result<String> {
    let mut name = String::new();
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        name.push_str(&rest[..at]);
        let brace = &rest[at..=at];
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix(brace) {
            name.push_str(brace);
            rest = after;
            continue;
        }
        let (field, after) = match rest.split_once('}') {
            Some(split) if brace == "{" => split,
            _ => return Err(unbalanced(template)),
        };
        name.push_str(&fill_field(template, field, epoch, logs)?);
        rest = after;
    }
    name.push_str(rest);
    Ok(name)
}

fn fill_field(template: &str, field: &str, epoch: usize, logs: &Logs) -> Result<String> {
    let (key, format) = field.split_once(':').unwrap_or((field, ""));
    let (value, whole) = match key {
        "epoch" => ((epoch + 1) as f64, true),
        _ => (
            logs.get(key).ok_or_else(|| unknown(template, key, logs))?,
            false,
        ),
    };
    formatted(value, whole, format).ok_or_else(|| {
        Error::option(
            "file name",
            "a format such as .4f, .2e, or 02d for the epoch",
            field,
            "write for instance model_{epoch:02d}_{val_accuracy:.4f}",
        )
    })
}

/// `None` if the format is not known.
fn formatted(value: f64, whole: bool, format: &str) -> Option<String> {
    let (spec, kind) = match format.char_indices().last() {
        None if whole => return Some(format!("{value}")),
        None => return Some(format!("{value:?}")),
        Some((at, kind)) => (&format[..at], kind),
    };
    let (width, precision) = spec
        .split_once('.')
        .map_or((spec, None), |(w, p)| (w, Some(p)));
    let precision = match precision {
        Some(digits) => small(digits)?,
        None => 6,
    };
    let text = match kind {
        'd' if whole && !spec.contains('.') => format!("{value}"),
        'f' => format!("{value:.precision$}"),
        'e' => exponential(value, precision),
        _ => return None,
    };
    let (fill, digits) = match width.strip_prefix('0') {
        Some(digits) => ('0', digits),
        None => (' ', width),
    };
    let width = if digits.is_empty() { 0 } else { small(digits)? };
    let missing = width.saturating_sub(text.chars().count());
    Some(fill.to_string().repeat(missing) + &text)
}

/// Rust writes 1.2e0 where Python writes 1.2e+00.
fn exponential(value: f64, precision: usize) -> String {
    let text = format!("{value:.precision$e}");
    match text.split_once('e') {
        Some((digits, exponent)) => match exponent.strip_prefix('-') {
            Some(exponent) => format!("{digits}e-{exponent:0>2}"),
            None => format!("{digits}e+{exponent:0>2}"),
        },
        None => text,
    }
}

/// A width or number of digits; file names have no room for large ones.
fn small(digits: &str) -> Option<usize> {
    digits.parse().ok().filter(|&n| n <= 64)
}

fn unbalanced(template: &str) -> Error {
    Error::option(
        "file name",
        "a closing brace for each opening one",
        template,
        "write {{ and }} for braces themselves",
    )
}

fn unknown(template: &str, key: &str, logs: &Logs) -> Error {
    let known: Vec<&str> = logs.entries().iter().map(|(key, _)| key.as_str()).collect();
    Error::option(
        "file name",
        format!("epoch or one of {}", known.join(", ")),
        format!("{key} in {template}"),
        "figures that begin with val_ need validation data",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("{loss:.999999999999f}", "a format such as"),
            ("{loss:é}", "a format such as"),
            ("{epoch:.2d}", "a format such as"),
        ] {
            let error = fill(template, 0, &logs()).unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
