use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// No text of a cell begins a line with it.
const START: &str = "\u{2}labbook";

/// Instead of a line for a cell that reads its standard input: there is none, and there will be none.
/// The sign for the end of a transmission, as a terminal's Ctrl-D.
pub(crate) const END_OF_FILE: &str = "\u{4}";

/// Among the forms of a value: no form, but the name of the place where it stands. A value of the
/// same name in the same cell takes it over.
pub(crate) const DISPLAY_ID: &str = "application/vnd.labbook.display-id";

/// What the [tap](crate::tap) tells the [relay](crate::relay), as a line among those that evcxr
/// passes on.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "mark")]
pub(crate) enum Mark {
    /// Printed text as it was: several lines, or part of one.
    Text {
        /// `stdout` or `stderr`.
        name: String,
        text: String,
    },
    /// A value to be shown here and now: its forms by MIME type.
    Display { data: BTreeMap<String, String> },
    /// The cell panicked, or its `?` met an error.
    Failed(Failure),
    /// The cell's code has ended, however it did.
    Ended,
}

/// Why a cell ended early.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub(crate) struct Failure {
    /// A panic, else a `?`.
    pub(crate) panic: bool,
    /// The message.
    pub(crate) message: String,
    /// The line of the cell that panicked, where that is known.
    pub(crate) line: Option<String>,
}

impl Mark {
    /// The line, without its end. Only a reader that knows `secret` takes it for a mark.
    pub(crate) fn to_line(&self, secret: &str) -> String {
        // evcxr searches every line for the words that begin and end its own blocks.
        let json = serde_json::to_string(self).unwrap_or_default();
        format!("{START}{secret}{}", json.replace("EVCXR_", "EVCXR\\u005f"))
    }

    pub(crate) fn from_line(line: &str, secret: &str) -> Option<Mark> {
        let json = line.strip_prefix(START)?.strip_prefix(secret)?;
        serde_json::from_str(json.trim_end()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_survives_its_line_and_hides_evcxrs_words() {
        let html = "<b>\nEVCXR_BEGIN_CONTENT x\nEVCXR_END_CONTENT".to_owned();
        let mark = Mark::Display {
            data: BTreeMap::from([("text/html".to_owned(), html)]),
        };
        let line = mark.to_line("s");
        assert!(!line.contains('\n') && !line.contains("EVCXR_"), "{line}");
        assert_eq!(Mark::from_line(&format!("{line}\n"), "s"), Some(mark));
        assert_eq!(Mark::from_line(&line, "another"), None);
        assert_eq!(Mark::from_line("labbook", ""), None);
    }
}
