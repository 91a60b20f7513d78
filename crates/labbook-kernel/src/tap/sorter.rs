use std::collections::BTreeMap;

use super::panic::Panic;
use crate::mark::{Failure, Mark};

// evcxr 0.22's words, each a line of its own on the cells' standard output.
const ENDED: &str = "EVCXR_EXECUTION_COMPLETE";
const PANICKED: &str = "EVCXR_PANIC_NOTIFICATION";
const QUESTION: &str = "EVCXR_ERROR_OCCURRED";
const BEGIN: &str = "EVCXR_BEGIN_CONTENT ";
const END: &str = "EVCXR_END_CONTENT";
const OTHERS: [&str; 2] = ["EVCXR_INPUT_REQUEST", "EVCXR_VARIABLE_CHANGED_TYPE:"];

/// How libtorch begins a warning of its own.
const WARNING: &str = "[W";

/// Tells apart what comes from the cells' process, and puts it in order.
#[derive(Debug, Default)]
pub(super) struct Sorter {
    secret: String,
    /// Marks reach the relay.
    heard: bool,
    /// Printed, its line not yet ended.
    line: Vec<u8>,
    /// Printed to errors: a failure's message, or text.
    errors: Vec<u8>,
    /// Printed text to be passed on together.
    text: String,
    /// The forms of a value; more may follow.
    value: BTreeMap<String, String>,
    /// The form that is being read.
    form: Option<(String, String)>,
    /// No cell runs, as far as can be seen: evcxr reads no output, only errors.
    idle: bool,
    to_output: String,
    to_errors: String,
}

impl Sorter {
    pub(super) fn new(secret: &str) -> Sorter {
        Sorter {
            secret: secret.to_owned(),
            idle: true,
            ..Sorter::default()
        }
    }

    /// Whether [`begin`](Self::begin) was called.
    pub(super) fn is_heard(&self) -> bool {
        self.heard
    }

    /// From now on there may be marks.
    pub(super) fn begin(&mut self) {
        self.heard = true;
    }

    /// What evcxr is to read on the two streams.
    pub(super) fn take(&mut self) -> (String, String) {
        (
            std::mem::take(&mut self.to_output),
            std::mem::take(&mut self.to_errors),
        )
    }

    /// Whether something waits for more, or for silence.
    pub(super) fn holds(&self) -> bool {
        self.heard && !self.line.is_empty() && self.form.is_none()
            || !self.errors.is_empty()
            || !self.value.is_empty()
    }

    /// Takes what was printed to errors since the last call.
    pub(super) fn errors(&mut self, bytes: &[u8]) {
        self.errors.extend(bytes);
    }

    /// Takes what was printed since the last call.
    pub(super) fn output(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        self.idle = false;
        self.line.extend(bytes);
        let Some(end) = self.line.iter().rposition(|&byte| byte == b'\n') else {
            return;
        };
        let rest = self.line.split_off(end + 1);
        let lines = std::mem::replace(&mut self.line, rest);
        for line in String::from_utf8_lossy(&lines).lines() {
            self.line(line);
        }
        self.flush_text();
    }

    /// Nothing has come for a while: what is held goes out.
    pub(super) fn silence(&mut self) {
        if !self.heard {
            self.flush_errors();
            return;
        }
        if self.form.is_none() {
            // A character may be cut; its other bytes will come.
            let whole = self
                .line
                .utf8_chunks()
                .map(|chunk| chunk.valid().len() + chunk.invalid().len());
            let cut = self
                .line
                .utf8_chunks()
                .last()
                .map_or(0, |last| last.invalid().len());
            let rest = self.line.split_off(whole.sum::<usize>() - cut);
            let line = std::mem::replace(&mut self.line, rest);
            self.add_text(&String::from_utf8_lossy(&line));
        }
        self.flush_text();
        self.flush_value();
        if !Panic::is_in(&String::from_utf8_lossy(&self.errors)) {
            self.flush_errors();
        }
    }

    /// The process has ended.
    pub(super) fn end(&mut self) {
        self.silence();
        self.flush_errors();
    }

    fn line(&mut self, line: &str) {
        if !self.heard {
            self.pass(line);
            return;
        }
        if let Some((kind, mut form)) = self.form.take() {
            if line == END {
                if self.value.contains_key(&kind) {
                    self.flush_value();
                }
                self.value.insert(kind, form);
                return;
            }
            if line != PANICKED {
                if !form.is_empty() {
                    form.push('\n');
                }
                form.push_str(line);
                self.form = Some((kind, form));
                return;
            }
        }
        if let Some((before, kind)) = line.split_once(BEGIN) {
            self.add_text(before);
            self.form = Some((
                kind.split(' ').next().unwrap_or_default().to_owned(),
                String::new(),
            ));
            return;
        }
        // What was printed without a line end stands before the word.
        for word in [ENDED, PANICKED, QUESTION] {
            if let Some(before) = line.strip_suffix(word) {
                self.add_text(before);
                self.word(word);
                return;
            }
        }
        if OTHERS.iter().any(|word| line.starts_with(word)) {
            self.flush();
            self.pass(line);
            return;
        }
        self.add_text(line);
        self.text.push('\n');
    }

    fn word(&mut self, word: &str) {
        self.flush_text();
        match word {
            ENDED => {
                // The last value becomes the cell's result.
                for (kind, form) in std::mem::take(&mut self.value) {
                    self.pass(&format!("{BEGIN}{kind}\n{form}\n{END}"));
                }
                self.flush_errors();
                self.mark(&Mark::Ended);
                self.idle = true;
            }
            PANICKED => {
                self.flush_value();
                let errors = self.take_errors();
                let panic = Panic::read(&errors);
                self.add_errors(panic.before);
                self.mark(&Mark::Failed(panic.failure));
            }
            _ => {
                self.flush_value();
                let errors = self.take_errors();
                let warns = |line: &&str| line.starts_with(WARNING);
                let (warnings, message): (Vec<&str>, Vec<&str>) = errors.lines().partition(warns);
                self.add_errors(
                    &warnings
                        .iter()
                        .map(|line| format!("{line}\n"))
                        .collect::<String>(),
                );
                self.mark(&Mark::Failed(Failure {
                    panic: false,
                    message: message.join("\n").trim().to_owned(),
                    line: None,
                }));
            }
        }
        self.pass(word);
    }

    fn add_text(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.flush_value();
        self.text.push_str(text);
    }

    fn flush(&mut self) {
        self.flush_text();
        self.flush_value();
        self.flush_errors();
    }

    fn flush_text(&mut self) {
        let text = std::mem::take(&mut self.text);
        if !text.is_empty() {
            self.mark(&Mark::Text {
                name: "stdout".to_owned(),
                text,
            });
        }
    }

    fn flush_value(&mut self) {
        let data = std::mem::take(&mut self.value);
        if !data.is_empty() {
            self.flush_text();
            self.mark(&Mark::Display { data });
        }
    }

    fn flush_errors(&mut self) {
        let text = self.take_errors();
        self.add_errors(&text);
    }

    fn take_errors(&mut self) -> String {
        String::from_utf8_lossy(&std::mem::take(&mut self.errors)).into_owned()
    }

    fn add_errors(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        if self.idle || !self.heard {
            self.to_errors.push_str(text);
        } else {
            self.mark(&Mark::Text {
                name: "stderr".to_owned(),
                text: text.to_owned(),
            });
        }
    }

    fn mark(&mut self, mark: &Mark) {
        self.pass(&mark.to_line(&self.secret));
    }

    fn pass(&mut self, line: &str) {
        self.to_output.push_str(line);
        self.to_output.push('\n');
    }
}
