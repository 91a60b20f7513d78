use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::completed::completed;
use super::failure::Report;
use super::inspected::{explained, inspected};
use super::lines::Lines;
use super::message::Message;
use crate::interrupt::Stopped;
use crate::mark::Mark;

/// evcxr may send a cell's last line after it said that the cell is done; this much later at most.
const LATE: Duration = Duration::from_millis(500);

/// evcxr counts a line of its own before the first cell.
const COUNTED: i64 = 1;

/// The requests that evcxr_jupyter replies to.
const ANSWERED: [&str; 5] = [
    "execute_request",
    "kernel_info_request",
    "is_complete_request",
    "complete_request",
    "inspect_request",
];

/// What the relay is to send.
#[derive(Debug)]
pub(super) enum Action {
    /// To evcxr_jupyter.
    Ask(Message),
    /// To the client that asked.
    Reply(Message),
    /// To all clients.
    Publish(Message),
}

/// The conversation about cells.
///
/// evcxr_jupyter gets one request at a time, as it works on one at a time anyway; so those that
/// follow a failed cell can be called off. It replies "ok" to a cell that panicked or whose `?`
/// failed; here that becomes an error.
pub(super) struct Shell {
    secret: Option<String>,
    waiting: VecDeque<Message>,
    current: Option<Current>,
    actions: Vec<Action>,
    /// How many requests evcxr_jupyter got.
    asked: u64,
    /// How many messages were made here.
    made: u64,
}

/// The request that evcxr_jupyter works on.
struct Current {
    request: Message,
    reply: Option<Message>,
    idle: Option<Message>,
    /// Nothing more will come of the code itself.
    ended: bool,
    failed: Option<Report>,
    deadline: Option<Instant>,
    /// Printed, its line not ended; only where nobody watches.
    unseen: Option<Lines>,
    /// evcxr's number of the cell.
    count: i64,
}

impl Shell {
    /// Without a secret there is no [tap](crate::tap), and no marks are waited for.
    pub(super) fn new(secret: Option<&str>) -> Shell {
        Shell {
            secret: secret.map(str::to_owned),
            waiting: VecDeque::new(),
            current: None,
            actions: Vec::new(),
            asked: 0,
            made: 0,
        }
    }

    /// What has become due, in order.
    pub(super) fn actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// The number of the cell that evcxr_jupyter works on.
    pub(super) fn cell(&self) -> Option<u64> {
        let current = self.current.as_ref()?;
        (current.request.kind() == "execute_request").then_some(self.asked)
    }

    /// When to [give up waiting](Self::give_up_waiting) unless something comes before.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.current.as_ref()?.deadline
    }

    /// A client asks.
    pub(super) fn request(&mut self, request: Message) {
        self.waiting.push_back(request);
        self.next();
    }

    /// evcxr_jupyter replies.
    pub(super) fn reply(&mut self, reply: Message) {
        match &mut self.current {
            Some(current) if current.request.id() == reply.parent => {
                current.reply = Some(reply);
                self.finish(false);
            }
            _ => self.actions.push(Action::Reply(reply)),
        }
    }

    /// evcxr_jupyter publishes. `stopped` is what an interrupt ended of the current cell.
    pub(super) fn published(&mut self, mut message: Message, stopped: Option<Stopped>) {
        if message.kind() == "stream" {
            let text = message.content()["text"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            let secret = self.secret.as_ref();
            if let Some(mark) = secret.and_then(|secret| Mark::from_line(&text, secret)) {
                self.marked(mark, message);
                return;
            }
        }
        let mut content = message.content();
        if let Some(count) = counted(&content) {
            message.set_content(&count);
        }
        let current = self
            .current
            .as_mut()
            .filter(|current| current.request.id() == message.parent);
        if let Some(current) = current {
            if message.kind() == "execute_input" {
                current.count = content["execution_count"].as_i64().unwrap_or_default();
            }
            if message.kind() == "error" {
                let name = (
                    format!("command_{}", current.count),
                    format!("cell {}", current.count - COUNTED),
                );
                let report = match stopped {
                    Some(Stopped::Compilation) => Report::of_interrupt(),
                    _ => Report::of_evcxr(&content, &name, stopped.is_some()),
                };
                content = report.content();
                message.set_content(&content);
                current.failed.get_or_insert(report);
                current.ended = true;
            }
            if message.kind() == "status" && content["execution_state"] == "idle" {
                current.idle = Some(message);
                self.finish(false);
                return;
            }
        }
        self.actions.push(Action::Publish(message));
    }

    /// The last line of a cell is long overdue: there was none.
    pub(super) fn give_up_waiting(&mut self) {
        self.finish(true);
    }

    fn marked(&mut self, mark: Mark, line: Message) {
        let current = self
            .current
            .as_mut()
            .filter(|current| current.request.id() == line.parent);
        let shown = match mark {
            Mark::Text { name, text } => {
                let unseen = current.and_then(|current| current.unseen.as_mut());
                let text = match unseen {
                    Some(lines) if name == "stdout" => lines.add(&text),
                    _ => text,
                };
                if text.is_empty() {
                    return;
                }
                line.turned_into("stream", &json!({"name": name, "text": text}))
            }
            Mark::Display { data } => line.turned_into(
                "display_data",
                &json!({"data": data, "metadata": {}, "transient": {}}),
            ),
            Mark::Failed(failure) => {
                let code = current.as_ref().map(|current| code(&current.request));
                let report = Report::of_failure(&failure, &code.unwrap_or_default());
                let shown = line.turned_into("error", &report.content());
                if let Some(current) = current {
                    current.failed.get_or_insert(report);
                }
                shown
            }
            Mark::Ended => {
                let Some(current) = current else { return };
                current.ended = true;
                let rest = current
                    .unseen
                    .as_mut()
                    .map(Lines::take_rest)
                    .unwrap_or_default();
                if !rest.is_empty() {
                    let text = json!({"name": "stdout", "text": rest});
                    self.actions
                        .push(Action::Publish(line.turned_into("stream", &text)));
                }
                self.finish(false);
                return;
            }
        };
        self.actions.push(Action::Publish(shown));
    }

    /// Replies to the current request once all of it has been published.
    fn finish(&mut self, late: bool) {
        let Some(current) = &mut self.current else {
            return;
        };
        let Some(idle) = &current.idle else { return };
        let executes = current.request.kind() == "execute_request";
        if current.reply.is_none() {
            return;
        }
        let marks = self.secret.is_some();
        if executes && marks && !current.ended && !late && has_rust(&code(&current.request)) {
            current
                .deadline
                .get_or_insert_with(|| Instant::now() + LATE);
            return;
        }
        let idle = idle.clone();
        let stops = current.request.content()["stop_on_error"] != json!(false);
        let mut failed = executes && current.failed.is_some();
        if let Some(mut reply) = current.reply.take() {
            if executes {
                let mut content = reply.content();
                failed |= content["status"] == "error";
                if let Some(count) = counted(&content) {
                    content = count;
                }
                if let Some(report) = &current.failed {
                    report.fill(&mut content);
                }
                reply.set_content(&content);
            }
            match current.request.kind() {
                "complete_request" => {
                    let content = completed(reply.content(), &code(&current.request));
                    reply.set_content(&content);
                }
                "inspect_request" => reply.set_content(&explained(reply.content())),
                _ => {}
            }
            self.actions.push(Action::Reply(reply));
        }
        self.actions.push(Action::Publish(idle));
        self.current = None;
        if failed && stops {
            self.abort();
        }
        self.next();
    }

    /// Calls off the cells that wait, as after an error in Jupyter's own kernels.
    fn abort(&mut self) {
        for request in std::mem::take(&mut self.waiting) {
            if request.kind() != "execute_request" {
                self.waiting.push_back(request);
                continue;
            }
            self.answer(&request, &json!({"status": "aborted"}));
        }
    }

    /// Replies without asking evcxr_jupyter.
    fn answer(&mut self, request: &Message, content: &Value) {
        self.status(request, "busy");
        let kind = request.kind().replace("_request", "_reply");
        let id = self.new_id();
        self.actions
            .push(Action::Reply(request.child(&kind, id, content)));
        self.status(request, "idle");
    }

    fn status(&mut self, request: &Message, state: &str) {
        let id = self.new_id();
        let status = request.child("status", id, &json!({"execution_state": state}));
        self.actions.push(Action::Publish(status.for_all()));
    }

    fn new_id(&mut self) -> String {
        self.made += 1;
        format!("labbook-{}-{}", std::process::id(), self.made)
    }

    fn next(&mut self) {
        while self.current.is_none() {
            let Some(mut request) = self.waiting.pop_front() else {
                return;
            };
            if request.kind() == "inspect_request" {
                let mut content = request.content();
                let cursor = content["cursor_pos"]
                    .as_u64()
                    .and_then(|at| usize::try_from(at).ok());
                content["cursor_pos"] =
                    inspected(&code(&request), cursor.unwrap_or_default()).into();
                request.set_content(&content);
            }
            match request.kind() {
                // evcxr_jupyter leaves these without an answer.
                "comm_info_request" => self.answer(&request, &json!({"status": "ok", "comms": {}})),
                "history_request" => self.answer(&request, &json!({"status": "ok", "history": []})),
                // Nothing tells when evcxr_jupyter is done with these.
                kind if !ANSWERED.contains(&kind) => self.actions.push(Action::Ask(request)),
                _ => {
                    self.actions.push(Action::Ask(request.clone()));
                    self.asked += 1;
                    // A client that can be asked nothing has no person before it.
                    let watched = request.content()["allow_stdin"] != json!(false);
                    self.current = Some(Current {
                        unseen: (!watched).then(Lines::default),
                        count: 0,
                        request,
                        reply: None,
                        idle: None,
                        ended: false,
                        failed: None,
                        deadline: None,
                    });
                }
            }
        }
    }
}

fn code(request: &Message) -> String {
    request.content()["code"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// Whether a cell has more than evcxr's commands and comments, so that code runs.
fn has_rust(code: &str) -> bool {
    let is_rust = |line: &str| {
        let line = line.trim();
        !line.is_empty() && !line.starts_with([':', '!']) && !line.starts_with("//")
    };
    code.lines().any(is_rust)
}

/// The content with a count that begins at 1.
fn counted(content: &Value) -> Option<Value> {
    let count = content["execution_count"].as_i64()?;
    let mut content = content.clone();
    content["execution_count"] = (count - COUNTED).into();
    Some(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mark::Failure;
    use crate::relay::message::Signer;
    use bytes::Bytes;
    use zeromq::ZmqMessage;

    fn message(kind: &str, id: &str, parent: &str, content: Value) -> Message {
        let header = json!({"msg_id": id, "msg_type": kind});
        let parts = [header, json!({"msg_id": parent}), json!({}), content];
        let mut frames = vec![Bytes::from_static(b"<IDS|MSG>"), Bytes::new()];
        frames.extend(parts.iter().map(|part| Bytes::from(part.to_string())));
        Message::read(ZmqMessage::try_from(frames).unwrap(), &Signer::new("")).unwrap()
    }

    fn cell(id: &str, code: &str) -> Message {
        message(
            "execute_request",
            id,
            "",
            json!({"code": code, "stop_on_error": true}),
        )
    }

    fn status(parent: &str, state: &str) -> Message {
        message("status", "x", parent, json!({"execution_state": state}))
    }

    fn ok(parent: &str) -> Message {
        message(
            "execute_reply",
            "x",
            parent,
            json!({"status": "ok", "execution_count": 2}),
        )
    }

    fn mark(parent: &str, mark: &Mark) -> Message {
        let text = mark.to_line("s") + "\n";
        message(
            "stream",
            "x",
            parent,
            json!({"name": "stdout", "text": text}),
        )
    }

    fn failed() -> Mark {
        Mark::Failed(Failure {
            panic: true,
            message: "out of luck".to_owned(),
            line: None,
        })
    }

    /// What became due: where it goes, kind, and the status or text in it.
    fn due(shell: &mut Shell) -> Vec<String> {
        let short = |action: Action| {
            let (way, message) = match action {
                Action::Ask(message) => ("ask", message),
                Action::Reply(message) => ("reply", message),
                Action::Publish(message) => ("publish", message),
            };
            let content = message.content();
            let what = [
                "execution_state",
                "status",
                "text",
                "evalue",
                "data",
                "code",
            ];
            let what = what
                .iter()
                .map(|key| &content[key])
                .find(|value| !value.is_null());
            format!(
                "{way} {} {}",
                message.kind(),
                what.cloned().unwrap_or_default()
            )
        };
        shell.actions().into_iter().map(short).collect()
    }

    #[tokio::test]
    async fn a_failed_cell_becomes_an_error_and_calls_off_the_next() {
        let mut shell = Shell::new(Some("s"));
        shell.request(cell("1", "f()"));
        shell.request(cell("2", "g()"));
        assert_eq!(due(&mut shell), ["ask execute_request \"f()\""]);
        shell.published(status("1", "busy"), None);
        shell.published(mark("1", &failed()), None);
        shell.reply(ok("1"));
        shell.published(status("1", "idle"), None);
        assert_eq!(
            due(&mut shell),
            ["publish status \"busy\"", "publish error \"out of luck\""]
        );
        // evcxr may say so late.
        assert!(shell.deadline().is_some());
        shell.published(mark("1", &Mark::Ended), None);
        assert_eq!(
            due(&mut shell),
            [
                "reply execute_reply \"error\"",
                "publish status \"idle\"",
                "publish status \"busy\"",
                "reply execute_reply \"aborted\"",
                "publish status \"idle\"",
            ]
        );
        shell.request(cell("3", "h()"));
        assert_eq!(due(&mut shell), ["ask execute_request \"h()\""]);
    }

    #[tokio::test]
    async fn without_stop_on_error_the_next_cell_runs() {
        let mut shell = Shell::new(Some("s"));
        let content = json!({"code": "f()", "stop_on_error": false});
        shell.request(message("execute_request", "1", "", content));
        shell.request(cell("2", "g()"));
        shell.published(mark("1", &failed()), None);
        shell.published(mark("1", &Mark::Ended), None);
        shell.published(status("1", "idle"), None);
        shell.reply(ok("1"));
        assert_eq!(
            due(&mut shell).last().unwrap(),
            "ask execute_request \"g()\""
        );
    }

    #[tokio::test]
    async fn what_evcxr_rejects_is_an_error_with_its_reasons() {
        let mut shell = Shell::new(Some("s"));
        shell.request(cell("1", "let x = y;"));
        let reasons = json!({"ename": "Error", "evalue": "no y", "traceback": ["no y"]});
        shell.published(message("error", "x", "1", reasons), None);
        shell.published(status("1", "idle"), None);
        shell.reply(message(
            "execute_reply",
            "x",
            "1",
            json!({"status": "error"}),
        ));
        let reply = shell.actions().into_iter().find_map(|action| match action {
            Action::Reply(message) => Some(message.content()),
            _ => None,
        });
        assert_eq!(reply.unwrap()["evalue"], "no y");
    }

    #[tokio::test]
    async fn an_interrupted_cell_says_what_is_lost() {
        let mut shell = Shell::new(Some("s"));
        assert_eq!(shell.cell(), None);
        let ended = "Subprocess terminated with status: signal: 9 (SIGKILL)";
        let mut told = |number: u64, stopped: Option<Stopped>| {
            let id = number.to_string();
            shell.request(cell(&id, "f()"));
            assert_eq!(shell.cell(), Some(number));
            let reasons = json!({"ename": "Error", "evalue": ended, "traceback": [ended]});
            shell.published(message("error", "x", &id, reasons), stopped);
            shell.published(status(&id, "idle"), None);
            shell.reply(message(
                "execute_reply",
                "x",
                &id,
                json!({"status": "error"}),
            ));
            assert_eq!(shell.cell(), None);
            due(&mut shell).remove(1)
        };
        let compiling = told(1, Some(Stopped::Compilation));
        assert!(
            compiling.contains("did not run. All variables are kept"),
            "{compiling}"
        );
        let running = told(2, Some(Stopped::Process));
        assert!(
            running.contains("Interrupted: ") && running.contains("are lost"),
            "{running}"
        );
        let by_itself = told(3, None);
        assert!(by_itself.contains("memory was full"), "{by_itself}");
    }

    #[tokio::test]
    async fn commands_and_questions_wait_for_no_mark() {
        let mut shell = Shell::new(Some("s"));
        shell.request(cell("1", ":dep x = \"1\"\n// a comment"));
        shell.request(message("comm_info_request", "2", "", json!({})));
        shell.request(message("comm_open", "4", "", json!({})));
        shell.request(message("complete_request", "3", "", json!({"code": "a."})));
        shell.reply(ok("1"));
        shell.published(status("1", "idle"), None);
        assert_eq!(
            due(&mut shell)[1..],
            [
                "reply execute_reply \"ok\"",
                "publish status \"idle\"",
                "publish status \"busy\"",
                "reply comm_info_reply \"ok\"",
                "publish status \"idle\"",
                "ask comm_open null",
                "ask complete_request \"a.\"",
            ]
        );
        let plain = &mut Shell::new(None);
        plain.request(cell("1", "f()"));
        plain.reply(ok("1"));
        plain.published(status("1", "idle"), None);
        assert!(plain.deadline().is_none() && due(plain).len() == 3);
    }

    #[tokio::test]
    async fn cells_count_from_one_and_marks_become_messages() {
        let mut shell = Shell::new(Some("s"));
        shell.request(message(
            "execute_request",
            "1",
            "",
            json!({"code": "f()", "allow_stdin": false}),
        ));
        shell.published(
            message("execute_input", "x", "1", json!({"execution_count": 2})),
            None,
        );
        let data = [("text/plain".to_owned(), "a".to_owned())];
        let text = |text: &str| Mark::Text {
            name: "stdout".to_owned(),
            text: text.to_owned(),
        };
        shell.published(mark("1", &text("\r1/2 [>.]")), None);
        shell.published(mark("1", &text("\r2/2     \n")), None);
        shell.published(mark("1", &Mark::Display { data: data.into() }), None);
        shell.published(mark("1", &text("rest")), None);
        shell.published(mark("1", &Mark::Ended), None);
        let actions = shell.actions();
        let Some(Action::Publish(input)) = actions.get(1) else {
            panic!("{actions:?}")
        };
        assert_eq!(input.content()["execution_count"], 1);
        shell.actions = actions;
        assert_eq!(
            due(&mut shell)[2..],
            [
                "publish stream \"2/2\"".replace("2/2", "2/2\\n"),
                "publish display_data {\"text/plain\":\"a\"}".to_owned(),
                "publish stream \"rest\"".to_owned(),
            ]
        );
    }
}
