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

/// A line of more bytes is passed on in parts.
const LONG: usize = 1 << 16;
/// More bytes than evcxr's words have, whose beginning may have come.
const WORDS: usize = 256;

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
        let before = self.line.len();
        self.line.extend(bytes);
        let Some(end) = bytes.iter().rposition(|&byte| byte == b'\n') else {
            if self.heard && self.form.is_none() && self.line.len() > LONG {
                let rest = self.line.split_off(self.line.len() - WORDS);
                self.flush_line(rest);
                self.flush_text();
            }
            return;
        };
        let rest = self.line.split_off(before + end + 1);
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
            self.flush_line(Vec::new());
        }
        self.flush_text();
        // The form that is being read may be another of this value: a large one comes in pieces.
        if self.form.is_none() {
            self.flush_value();
        }
        if !Panic::is_in(&String::from_utf8_lossy(&self.errors)) {
            self.flush_errors();
        }
    }

    /// The process has ended.
    pub(super) fn end(&mut self) {
        self.silence();
        self.flush();
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

    /// The unfinished line goes out, `rest` stays.
    fn flush_line(&mut self, rest: Vec<u8>) {
        // A character may be cut; its other bytes will come.
        let last = self.line.utf8_chunks().last();
        let cut = last.map_or(0, |last| last.invalid().len());
        let mut kept = self.line.split_off(self.line.len() - cut);
        kept.extend(rest);
        let line = std::mem::replace(&mut self.line, kept);
        self.add_text(&String::from_utf8_lossy(&line));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn sorter() -> Sorter {
        let mut sorter = Sorter::new("s");
        sorter.begin();
        sorter
    }

    /// What evcxr reads, marks in short.
    fn told(sorter: &mut Sorter) -> Vec<String> {
        let (output, errors) = sorter.take();
        assert_eq!(errors, "");
        let short = |line: &str| match Mark::from_line(line, "s") {
            Some(Mark::Text { name, text }) => format!("{name}: {text}"),
            Some(Mark::Display { data }) => format!("shown: {:?}", data.values()),
            Some(Mark::Failed(failure)) => format!("failed: {}", failure.message),
            Some(Mark::Ended) => "ended".to_owned(),
            None => line.to_owned(),
        };
        output.lines().map(short).collect()
    }

    fn value(text: &str) -> String {
        format!("{BEGIN}text/plain\n{text}\n{END}\n")
    }

    #[test]
    fn values_and_text_keep_their_order_and_the_last_value_is_the_result() {
        let mut sorter = sorter();
        let cell = format!(
            "one\n{}two\n{}{}{ENDED}\n",
            value("a"),
            value("b"),
            value("c")
        );
        sorter.output(cell.as_bytes());
        assert_eq!(
            told(&mut sorter),
            [
                "stdout: one\n",
                "shown: [\"a\"]",
                "stdout: two\n",
                "shown: [\"b\"]",
                "EVCXR_BEGIN_CONTENT text/plain",
                "c",
                END,
                "ended",
                ENDED,
            ]
        );
    }

    #[test]
    fn the_forms_of_a_value_belong_together_and_come_without_delay() {
        let mut sorter = sorter();
        sorter.output(format!("{BEGIN}text/html\n<b>\n</b>\n{END}\n{}", value("a")).as_bytes());
        assert_eq!(told(&mut sorter), [""; 0]);
        assert!(sorter.holds());
        sorter.silence();
        assert_eq!(told(&mut sorter), [r#"shown: ["<b>\n</b>", "a"]"#]);
        assert!(!sorter.holds());
    }

    #[test]
    fn a_value_waits_for_the_rest_of_a_form() {
        let mut sorter = sorter();
        sorter.output(format!("{BEGIN}text/html\n<b>\n{END}\n{BEGIN}image/png\niVB").as_bytes());
        sorter.silence();
        assert_eq!(told(&mut sorter), [""; 0]);
        sorter.output(format!("OR\n{END}\n{}", value("a")).as_bytes());
        sorter.silence();
        assert_eq!(told(&mut sorter), [r#"shown: ["iVBOR", "<b>", "a"]"#]);
    }

    #[test]
    fn part_of_a_line_is_told_after_a_silence_and_whole_characters_only() {
        let mut sorter = sorter();
        sorter.output("\r3/9 \u{e9}".as_bytes());
        let cut = "\u{2026}".as_bytes();
        sorter.output(&cut[..2]);
        assert_eq!(told(&mut sorter), [""; 0]);
        sorter.silence();
        assert_eq!(told(&mut sorter), ["stdout: \r3/9 \u{e9}"]);
        sorter.output(&cut[2..]);
        sorter.output(format!("{ENDED}\n").as_bytes());
        assert_eq!(told(&mut sorter), ["stdout: \u{2026}", "ended", ENDED]);
    }

    #[test]
    fn a_line_without_end_is_passed_on_in_parts_and_evcxrs_words_stay_whole() {
        let mut sorter = sorter();
        let (first, second) = ENDED.split_at(5);
        sorter.output(format!("{}{first}", ".".repeat(3 * LONG)).as_bytes());
        let part = told(&mut sorter).concat();
        assert!(
            part.len() > 2 * LONG && part.ends_with('.'),
            "{}",
            part.len()
        );
        sorter.output(format!("{second}\n").as_bytes());
        let rest = told(&mut sorter);
        assert_eq!(rest[1..], ["ended", ENDED]);
        let dots = part.matches('.').count() + rest[0].matches('.').count();
        assert_eq!(dots, 3 * LONG);
    }

    #[test]
    fn a_panic_takes_its_report_from_the_errors() {
        let mut sorter = sorter();
        sorter.errors(
            b"careful\n\nthread 'main' (1) panicked at x.rs:1:1:\nout of luck\nnote: run with ",
        );
        sorter.errors(b"`RUST_BACKTRACE=1` ...\n");
        sorter.output(format!("text\n{PANICKED}\n{ENDED}\n").as_bytes());
        assert_eq!(
            told(&mut sorter),
            [
                "stdout: text\n",
                "stderr: careful",
                "failed: out of luck",
                PANICKED,
                "ended",
                ENDED
            ]
        );
    }

    #[test]
    fn a_question_mark_takes_its_message_but_no_warning() {
        let mut sorter = sorter();
        sorter.errors(b"[W1 x.cpp] Warning: slow\nno such layer;\nadd one\n");
        sorter.output(format!("{QUESTION}\n{ENDED}\n").as_bytes());
        assert_eq!(
            told(&mut sorter),
            [
                "stderr: [W1 x.cpp] Warning: slow\n",
                "failed: no such layer;\nadd one",
                QUESTION,
                "ended",
                ENDED,
            ]
        );
    }

    #[test]
    fn printing_the_words_of_a_panic_is_no_failure() {
        let mut sorter = sorter();
        sorter.errors(b"thread 'main' panicked at noon\n");
        sorter.output(format!("panicked\n{ENDED}\n").as_bytes());
        let told = told(&mut sorter);
        assert!(
            !told.iter().any(|line| line.starts_with("failed")),
            "{told:?}"
        );
        assert_eq!(told[0], "stdout: panicked\n");
    }

    #[test]
    fn evcxrs_own_lines_pass_and_so_does_everything_before_it_listens() {
        let mut sorter = sorter();
        sorter.output(b"name? EVCXR_INPUT_REQUEST:x\nEVCXR_INPUT_REQUEST:x\n");
        assert_eq!(told(&mut sorter)[1], "EVCXR_INPUT_REQUEST:x");
        let mut early = Sorter::new("s");
        let text = format!("{}{ENDED}\n", value("42"));
        early.output(text.as_bytes());
        assert!(!early.holds());
        assert_eq!(early.take().0, text);
    }

    #[test]
    fn errors_between_cells_go_their_own_way() {
        let mut sorter = sorter();
        sorter.errors(b"from a thread\n");
        sorter.silence();
        assert_eq!(sorter.take(), (String::new(), "from a thread\n".to_owned()));
    }
}
