use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::panic::Panic;
use crate::mark::{DISPLAY_ID, Failure, Mark};

// evcxr 0.22's words, each a line of its own on the cells' standard output.
const ENDED: &str = "EVCXR_EXECUTION_COMPLETE";
const PANICKED: &str = "EVCXR_PANIC_NOTIFICATION";
const QUESTION: &str = "EVCXR_ERROR_OCCURRED";
const BEGIN: &str = "EVCXR_BEGIN_CONTENT ";
const END: &str = "EVCXR_END_CONTENT";
const INPUT: &str = "EVCXR_INPUT_REQUEST";
const LOST: &str = "EVCXR_VARIABLE_CHANGED_TYPE:";
/// Each of them whole, to know its beginning.
const WORDS: [&str; 7] = [ENDED, PANICKED, QUESTION, BEGIN, END, INPUT, LOST];

/// A line of more bytes is passed on in parts.
const LONG: usize = 1 << 16;

/// Part of a line, a value that may have further forms, and errors that may tell of a failure wait this
/// long at most.
const PATIENCE: Duration = Duration::from_millis(30);
/// The report of a panic waits longer: what the cell holds is dropped before evcxr hears of it.
const PANIC_PATIENCE: Duration = Duration::from_secs(1);
/// Time between two messages of printed lines: each costs evcxr_jupyter and the notebook more than its
/// text.
const PACE: Duration = Duration::from_millis(25);

/// How libtorch begins a warning of its own.
const WARNING: &str = "[W";

/// Tells apart what comes from the cells' process, and puts it in order.
#[derive(Debug, Default)]
pub(super) struct Sorter {
    secret: String,
    /// Marks reach the relay.
    heard: bool,
    /// A cell runs: evcxr reads output. Otherwise it reads errors only.
    running: bool,
    /// Printed, its line not yet ended.
    line: Held<Vec<u8>>,
    /// Printed to errors: a failure's message, or text.
    errors: Held<Vec<u8>>,
    /// Printed text to be passed on together.
    text: Held<String>,
    /// The forms of a value; more may follow.
    value: Held<BTreeMap<String, String>>,
    /// The form that is being read.
    form: Option<(String, String)>,
    /// Errors that were passed on before; a failure may still need them.
    told: String,
    /// When text was last passed on.
    spoke: Option<Instant>,
    /// The word for the cell's end has come, and then this: the cell may have printed it.
    doubt: Held<Option<Vec<u8>>>,
    /// It was shown as text, and may have been meant.
    unsettled: bool,
    /// The cell has asked for a line in evcxr's way.
    asked: bool,
    to_output: String,
    to_errors: String,
}

/// Something, and since when it has been there.
#[derive(Debug, Default)]
struct Held<T> {
    what: T,
    since: Option<Instant>,
}

impl<T: Default> Held<T> {
    fn take(&mut self) -> T {
        self.since = None;
        std::mem::take(&mut self.what)
    }

    /// When it has been there for as long as this.
    fn due(&self, patience: Duration) -> Option<Instant> {
        Some(self.since? + patience)
    }
}

impl Sorter {
    pub(super) fn new(secret: &str) -> Sorter {
        Sorter {
            secret: secret.to_owned(),
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

    /// evcxr has a cell run.
    pub(super) fn start(&mut self) {
        self.flush();
        self.told.clear();
        self.running = true;
        self.unsettled = false;
        self.asked = false;
    }

    /// Whether a cell runs, as far as can be seen.
    pub(super) fn is_running(&self) -> bool {
        self.running
    }

    /// What evcxr is to read on the two streams.
    pub(super) fn take(&mut self) -> (String, String) {
        (
            std::mem::take(&mut self.to_output),
            std::mem::take(&mut self.to_errors),
        )
    }

    /// When something that is held has to go on.
    pub(super) fn due(&self) -> Option<Instant> {
        let form = self.form.is_some();
        let line = self.line.due(PATIENCE).filter(|_| self.heard && !form);
        // The form that is being read may be another of this value: a large one comes in pieces.
        let value = self.value.due(PATIENCE).filter(|_| !form);
        let text = self
            .text
            .since
            .map(|since| self.spoke.map_or(since, |spoke| spoke + PACE));
        let all = [
            line,
            value,
            text,
            self.errors_due(),
            self.doubt.due(PATIENCE),
        ];
        all.into_iter().flatten().min()
    }

    fn errors_due(&self) -> Option<Instant> {
        let is_panic = Panic::is_in(&String::from_utf8_lossy(&self.errors.what));
        self.errors
            .due(if is_panic { PANIC_PATIENCE } else { PATIENCE })
    }

    /// Takes what was printed, and printed to errors, since the last call; passes on what is due.
    pub(super) fn read(&mut self, printed: &[u8], errors: &[u8], now: Instant) {
        // What was printed before this is no message of a failure, unless the failure comes at once.
        if !printed.is_empty() && !self.errors.what.is_empty() && !self.may_fail(printed) {
            self.flush_errors_before_panic();
        }
        if !errors.is_empty() {
            self.errors.what.extend(errors);
            self.errors.since.get_or_insert(now);
        }
        self.output(printed, now);
        self.pass_due(now);
    }

    /// Passes on what has been held for long enough.
    fn pass_due(&mut self, now: Instant) {
        let is_due = |due: Option<Instant>| due.is_some_and(|due| due <= now);
        if self.form.is_none() {
            if self.heard && is_due(self.line.due(PATIENCE)) {
                self.flush_line();
                self.line.since = (!self.line.what.is_empty()).then_some(now);
            }
            if is_due(self.value.due(PATIENCE)) {
                self.flush_value();
            }
        }
        let pause = self.spoke.map(|spoke| spoke + PACE);
        if self.text.what.len() > LONG || pause.is_none_or(|pause| pause <= now) {
            self.flush_text();
        }
        if is_due(self.errors_due()) {
            self.flush_errors();
        }
    }

    fn output(&mut self, bytes: &[u8], now: Instant) {
        if let Some(behind) = &mut self.doubt.what {
            behind.extend(bytes);
            return;
        }
        let mut rest = bytes;
        while let Some(end) = rest.iter().position(|&byte| byte == b'\n') {
            let mut line = self.line.take();
            line.extend(&rest[..end]);
            rest = &rest[end + 1..];
            self.line(&String::from_utf8_lossy(&line), now);
            if let Some(behind) = &mut self.doubt.what {
                behind.extend(rest);
                return;
            }
        }
        if !rest.is_empty() {
            self.line.what.extend(rest);
            self.line.since.get_or_insert(now);
        }
        if self.heard && self.form.is_none() && self.line.what.len() > LONG {
            self.flush_line();
        }
    }

    /// Whether the cell may have ended, though it may also have printed so.
    pub(super) fn is_doubtful(&self) -> bool {
        self.doubt.what.is_some() || self.unsettled
    }

    /// Settles whether it has, if it can be settled. `idle` says whether its process waits for the next
    /// one.
    pub(super) fn settle(&mut self, idle: bool, now: Instant) {
        while self.doubt.what.is_some() {
            let behind = self.doubt.what.as_deref().unwrap_or_default();
            let again = String::from_utf8_lossy(behind)
                .lines()
                .any(|line| line.ends_with(ENDED));
            let patient = self.doubt.due(PATIENCE).is_some_and(|due| due > now);
            if idle && !again {
                let behind = self.doubt.take().unwrap_or_default();
                self.complete();
                self.output(&behind, now);
                return;
            }
            if !idle && patient && behind.len() < LONG {
                return;
            }
            // Printed by the cell, as far as can be seen.
            let behind = self.doubt.take().unwrap_or_default();
            self.unsettled = true;
            self.printed(ENDED);
            self.output(&behind, now);
        }
        if idle && self.unsettled {
            self.complete();
        }
    }

    /// Nothing more comes: the process has ended.
    pub(super) fn end(&mut self) {
        if let Some(behind) = self.doubt.take() {
            self.printed(ENDED);
            self.output(&behind, Instant::now());
        }
        self.flush();
    }

    /// Whether the cell has asked for a line in evcxr's way since the last call.
    pub(super) fn has_asked(&mut self) -> bool {
        std::mem::take(&mut self.asked)
    }

    /// Has evcxr ask for a line. What the cell printed before is the question.
    pub(super) fn ask(&mut self) {
        self.flush();
        self.pass(&format!("{INPUT}:"));
    }

    fn line(&mut self, line: &str, now: Instant) {
        if !self.heard {
            self.running &= line != ENDED;
            self.pass(line);
            return;
        }
        // What was printed without a line end stands before the word.
        if let Some(before) = line.strip_suffix(ENDED) {
            if !before.is_empty() {
                self.part(before);
            }
            self.doubt = Held {
                what: Some(Vec::new()),
                since: Some(now),
            };
            return;
        }
        if let Some((kind, form)) = self.form.take() {
            if line == END {
                if self.value.what.contains_key(&kind) {
                    self.flush_value();
                }
                self.value.what.insert(kind, form);
                self.value.since.get_or_insert(now);
                return;
            }
            if line != PANICKED {
                self.form = Some((kind, form));
                self.part(line);
                return;
            }
        }
        if let Some((before, kind)) = line.split_once(BEGIN) {
            self.add_text(before, now);
            let kind = kind.split(' ').next().unwrap_or_default();
            self.form = Some((kind.to_owned(), String::new()));
            return;
        }
        for word in [PANICKED, QUESTION] {
            if let Some(before) = line.strip_suffix(word) {
                self.add_text(before, now);
                self.failed(word);
                return;
            }
        }
        if line.starts_with(INPUT) || line.starts_with(LOST) {
            self.flush();
            self.asked |= line.starts_with(INPUT);
            self.pass(line);
            return;
        }
        self.add_text(line, now);
        self.add_text("\n", now);
    }

    /// A line that the cell printed, to where its lines go now.
    fn printed(&mut self, line: &str) {
        self.part(line);
        if self.form.is_none() {
            self.part("\n");
        }
    }

    fn part(&mut self, text: &str) {
        match &mut self.form {
            Some((_, form)) => {
                if !form.is_empty() {
                    form.push('\n');
                }
                form.push_str(text);
            }
            None => self.add_text(text, Instant::now()),
        }
    }

    /// The cell has ended, however it did.
    fn complete(&mut self) {
        if let Some((_, form)) = self.form.take() {
            self.add_text(&form, Instant::now());
        }
        self.flush_line();
        self.flush_text();
        if self.value.what.contains_key(DISPLAY_ID) {
            // It stands in a place of its own.
            self.flush_value();
        }
        // The last value becomes the cell's result.
        for (kind, form) in self.value.take() {
            self.pass(&format!("{BEGIN}{kind}\n{form}\n{END}"));
        }
        self.flush_errors();
        self.mark(&Mark::Ended);
        self.pass(ENDED);
        self.running = false;
        self.unsettled = false;
    }

    /// The cell's code ended early, as this word says.
    fn failed(&mut self, word: &str) {
        self.flush_text();
        self.flush_value();
        let mut errors = String::from_utf8_lossy(&self.errors.take()).into_owned();
        let is_panic = word == PANICKED;
        // evcxr took its time to say so.
        if errors.is_empty() || is_panic && !Panic::is_in(&errors) && Panic::is_in(&self.told) {
            self.add_errors(&errors);
            errors.clone_from(&self.told);
        } else if is_panic {
            self.add_errors(Panic::read(&errors).before);
        } else {
            let warnings = errors.lines().filter(|line| line.starts_with(WARNING));
            let warnings: String = warnings.map(|line| format!("{line}\n")).collect();
            self.add_errors(&warnings);
        }
        let failure = if is_panic {
            Panic::read(&errors).failure
        } else {
            let message = errors.lines().filter(|line| !line.starts_with(WARNING));
            let message: Vec<&str> = message.collect();
            Failure {
                panic: false,
                message: message.join("\n").trim().to_owned(),
                line: None,
            }
        };
        self.mark(&Mark::Failed(failure));
        self.pass(word);
    }

    /// Whether a failure's word follows at once on what is held, as far as it has come.
    fn may_fail(&self, printed: &[u8]) -> bool {
        let end = printed.iter().position(|&byte| byte == b'\n');
        let mut line = self.line.what.clone();
        line.extend(&printed[..end.unwrap_or(printed.len())]);
        match end {
            Some(_) => [PANICKED, QUESTION]
                .iter()
                .any(|word| line.ends_with(word.as_bytes())),
            None => begun_word(&line) > 0,
        }
    }

    fn add_text(&mut self, text: &str, now: Instant) {
        if text.is_empty() {
            return;
        }
        self.flush_value();
        self.text.what.push_str(text);
        self.text.since.get_or_insert(now);
    }

    /// All that is held goes on, but for a form that has not ended.
    fn flush(&mut self) {
        if self.heard {
            self.flush_line();
        }
        self.flush_text();
        self.flush_value();
        self.flush_errors();
    }

    /// The unfinished line goes on, but for a character or a word of evcxr's whose rest may follow.
    fn flush_line(&mut self) {
        if self.form.is_some() {
            return;
        }
        let line = self.line.take();
        let last = line.utf8_chunks().last();
        let cut = last.map_or(0, |last| last.invalid().len());
        let (line, rest) = line.split_at(line.len() - cut.max(begun_word(&line)));
        self.line.what = rest.to_owned();
        self.add_text(&String::from_utf8_lossy(line), Instant::now());
    }

    fn flush_text(&mut self) {
        let text = self.text.take();
        if !text.is_empty() {
            self.spoke = Some(Instant::now());
            self.mark(&Mark::Text {
                name: "stdout".to_owned(),
                text,
            });
        }
    }

    fn flush_value(&mut self) {
        let data = self.value.take();
        if !data.is_empty() {
            self.flush_text();
            self.mark(&Mark::Display { data });
        }
    }

    fn flush_errors(&mut self) {
        let text = String::from_utf8_lossy(&self.errors.take()).into_owned();
        self.add_errors(&text);
    }

    /// A panic's report stays until evcxr tells of it.
    fn flush_errors_before_panic(&mut self) {
        let errors = String::from_utf8_lossy(&self.errors.what).into_owned();
        if !Panic::is_in(&errors) {
            self.flush_errors();
            return;
        }
        let before = Panic::read(&errors).before.len();
        self.errors.what = errors.as_bytes()[before..].to_owned();
        self.add_errors(&errors[..before]);
    }

    fn add_errors(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        self.told = text.to_owned();
        if !self.running || !self.heard {
            self.to_errors.push_str(text);
            return;
        }
        if self.form.is_none() {
            self.flush_line();
            self.flush_text();
            self.flush_value();
        }
        self.mark(&Mark::Text {
            name: "stderr".to_owned(),
            text: text.to_owned(),
        });
    }

    /// Between cells evcxr reads errors alone.
    fn mark(&mut self, mark: &Mark) {
        let line = mark.to_line(&self.secret);
        let to = match self.running {
            true => &mut self.to_output,
            false => &mut self.to_errors,
        };
        to.push_str(&line);
        to.push('\n');
    }

    fn pass(&mut self, line: &str) {
        self.to_output.push_str(line);
        self.to_output.push('\n');
    }
}

/// How many bytes at the end may be the beginning of one of evcxr's words.
fn begun_word(line: &[u8]) -> usize {
    let begun = |size: &usize| {
        let end = &line[line.len() - size..];
        WORDS.iter().any(|word| word.as_bytes().starts_with(end))
    };
    let longest = WORDS
        .iter()
        .map(|word| word.len())
        .max()
        .unwrap_or_default();
    (1..=longest.min(line.len()))
        .rev()
        .find(begun)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorter() -> Sorter {
        let mut sorter = Sorter::new("s");
        sorter.begin();
        sorter.start();
        sorter
    }

    /// Output, errors and time for the sorter, as the tap gives them.
    impl Sorter {
        fn output_now(&mut self, text: &str) {
            self.bytes(text.as_bytes(), b"");
        }

        fn errors_now(&mut self, text: &str) {
            self.bytes(b"", text.as_bytes());
        }

        fn bytes(&mut self, output: &[u8], errors: &[u8]) {
            self.read(output, errors, Instant::now());
        }

        /// Printed by evcxr's own code, after which its process waits.
        fn ended(&mut self, text: &str) {
            self.output_now(&format!("{text}{ENDED}\n"));
            self.settle(true, Instant::now());
        }

        fn after(&mut self, time: Duration) {
            let later = Instant::now() + time;
            self.read(b"", b"", later);
            self.settle(false, later);
        }
    }

    /// What evcxr reads, marks in short.
    fn told(sorter: &mut Sorter) -> Vec<String> {
        let (output, errors) = sorter.take();
        assert_eq!(errors, "");
        output.lines().map(short).collect()
    }

    fn short(line: &str) -> String {
        match Mark::from_line(line, "s") {
            Some(Mark::Text { name, text }) => format!("{name}: {text}"),
            Some(Mark::Display { data }) => format!("shown: {:?}", data.values()),
            Some(Mark::Failed(failure)) => format!("failed: {}", failure.message),
            Some(Mark::Ended) => "ended".to_owned(),
            None => line.to_owned(),
        }
    }

    fn value(text: &str) -> String {
        format!("{BEGIN}text/plain\n{text}\n{END}\n")
    }

    #[test]
    fn values_and_text_keep_their_order_and_the_last_value_is_the_result() {
        let mut sorter = sorter();
        sorter.ended(&format!(
            "one\n{}two\n{}{}",
            value("a"),
            value("b"),
            value("c")
        ));
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
        assert!(!sorter.is_running());
    }

    #[test]
    fn a_value_with_a_place_of_its_own_is_no_result() {
        let mut sorter = sorter();
        sorter.ended(&format!(
            "{BEGIN}text/plain\na\n{END}\n{BEGIN}{DISPLAY_ID}\nb\n{END}\n"
        ));
        assert_eq!(told(&mut sorter), [r#"shown: ["b", "a"]"#, "ended", ENDED]);
    }

    #[test]
    fn the_forms_of_a_value_belong_together_and_come_without_delay() {
        let mut sorter = sorter();
        sorter.output_now(&format!(
            "{BEGIN}text/html\n<b>\n</b>\n{END}\n{}",
            value("a")
        ));
        assert_eq!(told(&mut sorter), [""; 0]);
        assert!(sorter.due().is_some());
        sorter.after(PATIENCE);
        assert_eq!(told(&mut sorter), [r#"shown: ["<b>\n</b>", "a"]"#]);
        assert_eq!(sorter.due(), None);
    }

    #[test]
    fn a_value_waits_for_the_rest_of_a_form() {
        let mut sorter = sorter();
        sorter.output_now(&format!(
            "{BEGIN}text/html\n<b>\n{END}\n{BEGIN}image/png\niVB"
        ));
        sorter.after(PATIENCE);
        assert_eq!(told(&mut sorter), [""; 0]);
        sorter.output_now(&format!("OR\n{END}\n{}", value("a")));
        sorter.after(PATIENCE);
        assert_eq!(told(&mut sorter), [r#"shown: ["iVBOR", "<b>", "a"]"#]);
    }

    #[test]
    fn part_of_a_line_is_told_after_a_while_and_whole_characters_only() {
        let mut sorter = sorter();
        sorter.output_now("\r3/9 \u{e9}");
        let cut = "\u{2026}".as_bytes();
        sorter.bytes(&cut[..2], b"");
        assert_eq!(told(&mut sorter), [""; 0]);
        sorter.after(PATIENCE);
        assert_eq!(told(&mut sorter), ["stdout: \r3/9 \u{e9}"]);
        sorter.bytes(&cut[2..], b"");
        sorter.ended("");
        assert_eq!(told(&mut sorter), ["stdout: \u{2026}", "ended", ENDED]);
    }

    #[test]
    fn neither_stream_is_withheld_while_the_other_or_itself_is_busy() {
        let mut sorter = sorter();
        let begun = Instant::now();
        let mut seen = String::new();
        for step in 0..20 {
            let now = begun + step * Duration::from_millis(10);
            sorter.read(b".", if step == 0 { b"warned\n" } else { b"" }, now);
            seen += &told(&mut sorter).concat();
        }
        assert!(
            seen.contains("stderr: warned\n") && seen.contains("stdout: ."),
            "{seen}"
        );
        assert!(seen.matches('.').count() > 10, "{seen}");
    }

    #[test]
    fn errors_stand_before_what_was_printed_after_them() {
        let mut sorter = sorter();
        sorter.output_now("a\n");
        sorter.errors_now("b\n");
        sorter.output_now("c\n");
        sorter.ended("");
        assert_eq!(
            told(&mut sorter),
            ["stdout: a\n", "stderr: b\n", "stdout: c\n", "ended", ENDED]
        );
    }

    #[test]
    fn many_lines_become_few_messages_and_the_first_comes_at_once() {
        let mut sorter = sorter();
        let begun = Instant::now();
        sorter.read(b"0\n", b"", begun);
        assert_eq!(told(&mut sorter), ["stdout: 0\n"]);
        for line in 1..2000 {
            sorter.read(format!("{line}\n").as_bytes(), b"", begun);
        }
        sorter.ended("");
        let told = told(&mut sorter);
        assert!(told.len() < 10, "{}", told.len());
        assert!(told.concat().contains("1999\n"));
    }

    #[test]
    fn a_line_without_end_is_passed_on_in_parts_and_evcxrs_words_stay_whole() {
        let mut sorter = sorter();
        let (first, second) = ENDED.split_at(5);
        sorter.output_now(&format!("{}{first}", ".".repeat(3 * LONG)));
        let part = told(&mut sorter).concat();
        assert!(part.ends_with('.'), "{}", part.len());
        sorter.after(PATIENCE);
        sorter.output_now(&format!("{second}\n"));
        sorter.settle(true, Instant::now());
        let rest = told(&mut sorter);
        assert_eq!(rest, ["ended", ENDED]);
        assert_eq!(part.matches('.').count(), 3 * LONG);
    }

    #[test]
    fn a_cell_may_print_the_word_for_its_end() {
        let mut sorter = sorter();
        sorter.output_now(&format!("a\n{ENDED}\n"));
        sorter.settle(false, Instant::now());
        assert_eq!(told(&mut sorter), ["stdout: a\n"]);
        sorter.output_now("b\n");
        sorter.after(PATIENCE);
        let text = format!("{ENDED}\nb\n");
        assert!(sorter.is_running() && sorter.is_doubtful());
        // The real end, with two more that the cell printed just before, and a thread that goes on.
        sorter.output_now(&format!("{ENDED}\n{ENDED}\n{ENDED}\nlate\n"));
        sorter.settle(true, Instant::now());
        let (output, errors) = sorter.take();
        let mut told: Vec<String> = output.lines().map(short).collect();
        let end = told.split_off(told.len() - 2);
        assert_eq!(
            told.concat().replace("stdout: ", ""),
            format!("{text}{ENDED}\n{ENDED}\n")
        );
        assert_eq!(end, ["ended", ENDED]);
        assert!(!sorter.is_running() && !sorter.is_doubtful());
        sorter.after(PACE);
        let errors = errors + &sorter.take().1;
        assert_eq!(
            errors.lines().map(short).collect::<Vec<_>>(),
            ["stdout: late\n"]
        );
    }

    #[test]
    fn an_end_that_is_seen_late_is_seen_all_the_same() {
        let mut sorter = sorter();
        sorter.output_now(&format!("{ENDED}\n"));
        sorter.after(PATIENCE);
        assert!(sorter.is_running() && sorter.is_doubtful());
        sorter.settle(true, Instant::now());
        assert_eq!(told(&mut sorter).last().unwrap(), ENDED);
        assert!(!sorter.is_doubtful());
    }

    #[test]
    fn a_form_that_never_ends_does_not_keep_the_cell_from_ending() {
        let mut sorter = sorter();
        sorter.ended(&format!("{BEGIN}text/html\n<b>\n"));
        assert_eq!(told(&mut sorter), ["stdout: <b>", "ended", ENDED]);
    }

    #[test]
    fn a_panic_takes_its_report_from_the_errors() {
        let mut sorter = sorter();
        sorter.errors_now(
            "careful\n\nthread 'main' (1) panicked at x.rs:1:1:\nout of luck\nnote: run with ",
        );
        sorter.errors_now("`RUST_BACKTRACE=1` ...\n");
        sorter.ended(&format!("text\n{PANICKED}\n"));
        let told = told(&mut sorter);
        assert!(told.contains(&"failed: out of luck".to_owned()), "{told:?}");
        assert!(
            told.concat().contains("careful") && !told.concat().contains("panicked"),
            "{told:?}"
        );
    }

    #[test]
    fn a_question_mark_takes_its_message_but_no_warning() {
        let mut sorter = sorter();
        let errors = b"[W1 x.cpp] Warning: slow\nno such layer;\nadd one\n";
        sorter.bytes(format!("before\n{QUESTION}\n{ENDED}\n").as_bytes(), errors);
        sorter.settle(true, Instant::now());
        assert_eq!(
            told(&mut sorter),
            [
                "stdout: before\n",
                "stderr: [W1 x.cpp] Warning: slow\n",
                "failed: no such layer;\nadd one",
                QUESTION,
                "ended",
                ENDED,
            ]
        );
    }

    #[test]
    fn a_failure_that_is_told_late_still_has_its_message() {
        let mut sorter = sorter();
        sorter.errors_now("no such layer\n");
        sorter.after(PATIENCE);
        assert_eq!(told(&mut sorter), ["stderr: no such layer\n"]);
        sorter.output_now(&format!("{QUESTION}\n"));
        assert_eq!(told(&mut sorter), ["failed: no such layer", QUESTION]);
    }

    #[test]
    fn printing_the_words_of_a_panic_is_no_failure() {
        let mut sorter = sorter();
        sorter.errors_now("thread 'main' panicked at noon\n");
        sorter.ended("panicked\n");
        let told = told(&mut sorter);
        assert!(
            !told.iter().any(|line| line.starts_with("failed")),
            "{told:?}"
        );
        assert!(told.contains(&"stdout: panicked\n".to_owned()), "{told:?}");
    }

    #[test]
    fn questions_pass_after_what_was_printed_and_so_does_everything_before_it_listens() {
        let mut sorter = sorter();
        sorter.output_now("name? EVCXR_INPUT_REQUEST:x\nEVCXR_INPUT_REQUEST:x\n");
        assert_eq!(told(&mut sorter)[1], "EVCXR_INPUT_REQUEST:x");
        assert!(sorter.has_asked() && !sorter.has_asked());
        sorter.output_now("your name: ");
        sorter.ask();
        assert_eq!(
            told(&mut sorter),
            ["stdout: your name: ", "EVCXR_INPUT_REQUEST:"]
        );

        let mut early = Sorter::new("s");
        early.start();
        let text = format!("{}{ENDED}\n", value("42"));
        early.output_now(&text);
        assert_eq!(early.due(), None);
        assert_eq!(early.take().0, text);
        assert!(!early.is_running());
    }

    #[test]
    fn what_comes_between_cells_goes_its_own_way() {
        let mut sorter = Sorter::new("s");
        sorter.begin();
        sorter.errors_now("from a thread\n");
        sorter.after(PATIENCE);
        assert_eq!(sorter.take(), (String::new(), "from a thread\n".to_owned()));
        sorter.output_now("printed by it\n");
        let (output, errors) = sorter.take();
        assert_eq!(
            (output.as_str(), short(errors.trim_end()).as_str()),
            ("", "stdout: printed by it\n")
        );
    }
}
