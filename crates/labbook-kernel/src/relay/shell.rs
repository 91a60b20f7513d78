use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::failure::Report;
use super::lines::Lines;
use super::message::Message;
use crate::mark::Mark;

/// evcxr may send a cell's last line after it said that the cell is done; this much later at most.
const LATE: Duration = Duration::from_millis(500);

/// evcxr counts a line of its own before the first cell.
const COUNTED: i64 = 1;

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
    secret: String,
    waiting: VecDeque<Message>,
    current: Option<Current>,
    actions: Vec<Action>,
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
    pub(super) fn new(secret: &str) -> Shell {
        Shell {
            secret: secret.to_owned(),
            waiting: VecDeque::new(),
            current: None,
            actions: Vec::new(),
            made: 0,
        }
    }

    /// What has become due, in order.
    pub(super) fn actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
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

    /// evcxr_jupyter publishes.
    pub(super) fn published(&mut self, mut message: Message) {
        if message.kind() == "stream" {
            let text = message.content()["text"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            if let Some(mark) = Mark::from_line(&text, &self.secret) {
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
                let report = Report::of_evcxr(&content, &name);
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
        // Some requests have no reply.
        if executes && current.reply.is_none() {
            return;
        }
        if executes && !current.ended && !late && has_rust(&code(&current.request)) {
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
        format!("{}-{}", self.secret, self.made)
    }

    fn next(&mut self) {
        while self.current.is_none() {
            let Some(request) = self.waiting.pop_front() else {
                return;
            };
            match request.kind() {
                // evcxr_jupyter leaves these without an answer.
                "comm_info_request" => self.answer(&request, &json!({"status": "ok", "comms": {}})),
                "history_request" => self.answer(&request, &json!({"status": "ok", "history": []})),
                _ => {
                    self.actions.push(Action::Ask(request.clone()));
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
