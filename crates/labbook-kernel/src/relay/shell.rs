use std::collections::{HashMap, HashSet, VecDeque};
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use super::advice::definitions;
use super::complete::completeness;
use super::completed::completed;
use super::failure::{LOST, Report};
use super::inspected::{explained, inspected};
use super::lines::Lines;
use super::message::Message;
use super::unused::hints;
use super::variables::{self, LIST, Variable, Wish};
use crate::interrupt::Stopped;
use crate::mark::{DISPLAY_ID, END_OF_FILE, Mark};
use crate::told::unused;

/// evcxr may send a cell's last line after it said that the cell is done; this much later at most.
const LATE: Duration = Duration::from_millis(500);

/// What evcxr_jupyter answers; the rest is answered here.
const ASKED: [&str; 3] = ["execute_request", "complete_request", "inspect_request"];
const INFO: &str = "kernel_info_request";

/// Run before the first cell. evcxr lets a cell have a `?` only once one was met, and takes the first
/// value that is shown with one for a value that cannot be shown but as debug text.
const FIRST: &str = "Ok::<(), String>(())?;";
/// Run before the first cell that waits for something, for the same reason. evcxr needs a crate for it.
const WAIT: &str = "async {}.await;";

/// Makes of evcxr's state that of a new kernel.
const CLEAR: &str = ":clear";

/// What identifiers of our own cells begin with that look at variables.
const LOOK: &str = "labbook-look-";
/// The same of those that are [run unseen](Shell::run_unseen).
const UNSEEN: &str = "labbook-unseen-";

/// How a cell names the crate of ours that it needs.
const DEPENDENCY: &str = ":dep labbook";

/// What the relay is to send.
#[derive(Debug)]
pub(super) enum Action {
    /// To evcxr_jupyter.
    Ask(Message),
    /// To the client that asked.
    Reply(Message),
    /// The same by the way that debuggers take.
    Control(Message),
    /// To all clients.
    Publish(Message),
    /// A question to the person before the client that asked.
    Question(Message),
    /// To evcxr_jupyter, which asked a question.
    Input(Message),
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
    /// How many cells have been counted.
    cells: u64,
    /// evcxr_jupyter has begun to work.
    begun: bool,
    /// How many messages were made here.
    made: u64,
    /// The types that cells define.
    defined: HashSet<String>,
    /// The line by which a cell named our crate.
    dependency: Option<String>,
    /// Our own cells named it, and until a person's does, cells must not find it.
    ahead: bool,
    /// Where cells are compiled.
    folder: PathBuf,
    /// [`WAIT`] has been run.
    waits: bool,
    /// The variables when they were last listed.
    variables: Vec<Variable>,
    /// Our own cells' looks at variables, by these cells' identifiers.
    looks: HashMap<String, Look>,
}

/// A look at variables, and the requests that it answers.
struct Look {
    wish: Wish,
    requests: Vec<Message>,
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
    /// Somebody asked for the cell's end.
    interrupted: bool,
    /// evcxr_jupyter's question, until it is answered.
    question: Option<Message>,
    /// The names of the places whose values may be shown anew.
    places: HashSet<String>,
    /// What our own look at variables showed last.
    seen: Option<Value>,
}

impl Current {
    /// Whether it is our own, of which nobody hears.
    fn is_ours(&self) -> bool {
        is_ours(self.request.id())
    }

    /// Whether the client wants to see nothing but the reply.
    fn is_silent(&self) -> bool {
        self.request.content()["silent"] == json!(true)
    }

    /// What a person knows the cell by, if so many were counted.
    fn name(&self, cells: u64) -> String {
        match self.is_counted() {
            true => format!("cell {cells}"),
            false => "this cell".to_owned(),
        }
    }

    /// Whether the cell has a number of its own.
    fn is_counted(&self) -> bool {
        let content = self.request.content();
        self.request.kind() == "execute_request"
            && !self.is_silent()
            && !self.is_ours()
            && content["store_history"] != json!(false)
    }
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
            cells: 0,
            begun: false,
            made: 0,
            defined: HashSet::new(),
            dependency: None,
            ahead: false,
            folder: PathBuf::new(),
            waits: false,
            variables: Vec::new(),
            looks: HashMap::new(),
        }
    }

    /// Says where cells are compiled.
    pub(super) fn in_folder(mut self, folder: PathBuf) -> Shell {
        self.folder = folder;
        self
    }

    /// Begins with a line of our own; see [`FIRST`].
    pub(super) fn begin(&mut self) {
        self.request(own_line(FIRST));
    }

    /// A cell of our own, of which nobody hears.
    pub(super) fn run_unseen(&mut self, code: &str) {
        self.ahead |= code.starts_with(DEPENDENCY);
        let id = format!("{UNSEEN}{}", self.new_id());
        self.request(own_cell(&id, code));
    }

    /// Whether evcxr_jupyter has nothing to do.
    pub(super) fn is_done(&self) -> bool {
        self.begun && self.current.is_none() && self.waiting.is_empty()
    }

    /// How many cells of a person have begun.
    pub(super) fn counted(&self) -> u64 {
        self.cells
    }

    /// The line by which a cell named our crate as one that it needs.
    pub(super) fn dependency(&self) -> Option<&str> {
        self.dependency.as_deref()
    }

    /// What has become due, in order.
    pub(super) fn actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    /// The number of the cell that evcxr_jupyter works on.
    pub(super) fn cell(&self) -> Option<u64> {
        let current = self.current.as_ref()?;
        // Nor does a look at variables count: who presses stop does not mean to lose them.
        let runs = current.request.kind() == "execute_request" && !current.is_ours();
        runs.then_some(self.asked)
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

    /// A debugger's client asks. While cells run it is told the variables as they were listed last, none if they
    /// never were.
    pub(super) fn debug(&mut self, request: Message) {
        let is_cell =
            |request: &Message| request.kind() == "execute_request" && !is_ours(request.id());
        let current = self.current.iter().map(|current| &current.request);
        let busy = current.chain(&self.waiting).any(is_cell);
        let wish = Wish::read(&request.content());
        let pending = self.looks.values_mut().find(|look| look.wish == wish);
        if let Some(look) = pending.filter(|_| !busy) {
            look.requests.push(request);
            return;
        }
        let code = match &wish {
            Wish::Known(body) => return self.debugged(&request, body.clone()),
            Wish::List if busy => {
                let body = variables::list_body(&self.variables);
                return self.debugged(&request, Ok(body));
            }
            Wish::Show(_) if busy => {
                return self.debugged(
                    &request,
                    Err("A cell runs; its variables can be seen when it is done."),
                );
            }
            Wish::List => LIST.to_owned(),
            Wish::Show(name) => variables::show_cell(name),
        };
        let id = format!("{LOOK}{}", self.new_id());
        let look = own_cell(&id, &code);
        let requests = vec![request];
        self.looks.insert(id, Look { wish, requests });
        self.request(look);
    }

    /// Answers a debugger's client, which waits for the status, too.
    fn debugged(&mut self, request: &Message, body: Result<Value, &str>) {
        self.status(request, "busy");
        let id = self.new_id();
        let content = variables::response(&request.content(), body);
        self.actions
            .push(Action::Control(request.child("debug_reply", id, &content)));
        self.status(request, "idle");
    }

    /// What came of a look at variables.
    fn looked(&mut self, look: &Look, data: Option<&Value>, failed: Option<&Report>) {
        let told = failed
            .map(Report::message)
            .filter(|told| told.contains(LOST));
        if told.is_some() {
            self.variables.clear();
        }
        let body = match (&look.wish, data) {
            (Wish::List, data) => {
                if let Some(text) = data.and_then(|data| data["text/plain"].as_str()) {
                    self.variables = variables::listed(text);
                }
                Ok(variables::list_body(&self.variables))
            }
            (_, Some(data)) if failed.is_none() => Ok(json!({"data": data, "metadata": {}})),
            _ => Err(told.unwrap_or("This variable cannot be shown; `:vars` tells its type.")),
        };
        for request in &look.requests {
            self.debugged(request, body.clone());
        }
    }

    /// Somebody asked for the end of the cell that runs.
    pub(super) fn interrupt(&mut self) {
        let Some(current) = &mut self.current else {
            return;
        };
        current.interrupted = true;
        if let Some(question) = current.question.take() {
            self.input(&question, END_OF_FILE);
        }
    }

    /// cargo compiles something for the current cell, or for our own line before one.
    pub(super) fn compiling(&mut self, line: &str) {
        let current = self.current.as_ref();
        let next = current.filter(|current| current.request.id() == WAIT);
        let request = match next.and_then(|_| self.waiting.front()) {
            Some(next) => Some(next),
            None => current.map(|current| &current.request),
        };
        if let Some(request) = request.cloned() {
            let id = self.new_id();
            let text = json!({"name": "stderr", "text": line});
            self.publish(request.child("stream", id, &text).for_all());
        }
    }

    /// evcxr_jupyter asks the person for a line.
    pub(super) fn question(&mut self, question: Message) {
        let current = self.current.as_mut();
        let current = current.filter(|current| current.request.id() == question.parent);
        match current {
            Some(current) if may_ask(&current.request) && !current.interrupted => {
                current.question = Some(question.clone());
                self.actions.push(Action::Question(question));
            }
            _ => self.input(&question, END_OF_FILE),
        }
    }

    /// The client that was to ask the person has gone.
    pub(super) fn give_up_asking(&mut self) {
        let question = self
            .current
            .as_mut()
            .and_then(|current| current.question.take());
        if let Some(question) = question {
            self.input(&question, END_OF_FILE);
        }
    }

    /// A person answers. Answers that nobody waits for are dropped: evcxr_jupyter would take them for
    /// those to its next question.
    pub(super) fn answered(&mut self, answer: &Message) {
        let question = self.current.as_mut().and_then(|current| {
            let right = answer.kind() == "input_reply";
            current.question.take_if(|_| right)
        });
        if let Some(question) = question {
            let content = answer.content();
            let text = content["value"].as_str().unwrap_or_default();
            self.input(&question, &text.replace(['\n', '\r'], " "));
        }
    }

    /// Answers evcxr_jupyter's question.
    fn input(&mut self, question: &Message, text: &str) {
        let id = self.new_id();
        let answer = question.child("input_reply", id, &json!({"value": text}));
        self.actions.push(Action::Input(answer.for_all()));
    }

    /// evcxr_jupyter replies.
    pub(super) fn reply(&mut self, reply: Message) {
        match &mut self.current {
            Some(current) if current.request.id() == reply.parent => {
                current.reply = Some(reply);
                self.finish(false);
            }
            // The request is long done with.
            _ => {}
        }
    }

    /// evcxr_jupyter publishes. `stopped` is what an interrupt ended of the current cell.
    pub(super) fn published(&mut self, mut message: Message, stopped: Option<Stopped>) {
        if !self.begun {
            self.begun = true;
            self.next();
        }
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
        let cells = self.cells;
        let current = self
            .current
            .as_mut()
            .filter(|current| current.request.id() == message.parent);
        if let Some(current) = current {
            if let Some(count) = content["execution_count"].as_i64() {
                if message.kind() == "execute_input" {
                    current.count = count;
                    self.cells += u64::from(current.is_counted());
                }
                content["execution_count"] = self.cells.into();
                message.set_content(&content);
            }
            if message.kind() == "error" {
                let name = (format!("command_{}", current.count), current.name(cells));
                let report = match stopped {
                    Some(Stopped::Compilation) => Report::of_interrupt(),
                    _ => {
                        let code = code(&current.request);
                        Report::of_evcxr(&content, &code, &name, stopped.is_some())
                            .advised(&self.defined)
                    }
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
        self.publish(message);
    }

    /// Publishes what concerns the current request, or none: of one that is silent only whether it is
    /// being worked on, of our own nothing at all.
    fn publish(&mut self, message: Message) {
        let current = self.current.as_ref();
        let shown = match current.filter(|current| current.request.id() == message.parent) {
            Some(current) if current.is_ours() => {
                let content = message.content();
                if let Some(current) = self
                    .current
                    .as_mut()
                    .filter(|_| content["data"].is_object())
                {
                    // What evcxr's `:timing` tells comes behind.
                    current.seen.get_or_insert_with(|| content["data"].clone());
                }
                false
            }
            Some(current) if current.is_silent() => message.kind() == "status",
            Some(_) => true,
            None => !is_ours(&message.parent),
        };
        if shown {
            self.actions.push(Action::Publish(message));
        }
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
            Mark::Display { mut data } => {
                let mut transient = json!({});
                let mut kind = "display_data";
                if let Some(name) = data.remove(DISPLAY_ID) {
                    transient = json!({"display_id": format!("{} {name}", line.parent)});
                    if let Some(current) = current
                        && !current.places.insert(name)
                    {
                        kind = "update_display_data";
                    }
                }
                let content = json!({"data": data, "metadata": {}, "transient": transient});
                line.turned_into(kind, &content)
            }
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
                let (name, text) = match &mut current.unseen {
                    Some(lines) => ("stdout", lines.take_rest()),
                    // A failure comes before such a value, or instead of it.
                    None if current.failed.is_some() => ("stderr", String::new()),
                    None => {
                        let code = code(&current.request);
                        let hints = hints(&unused(&self.folder), &code, &current.name(self.cells));
                        ("stderr", hints)
                    }
                };
                if !text.is_empty() {
                    let text = json!({"name": name, "text": text});
                    self.publish(line.turned_into("stream", &text));
                }
                self.finish(false);
                return;
            }
        };
        self.publish(shown);
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
        let stops = stops && !current.is_silent();
        let mut failed = executes && (current.failed.is_some() || current.interrupted);
        let ours = current.is_ours();
        if let Some(mut reply) = current.reply.take().filter(|_| !ours) {
            if executes {
                let mut content = reply.content();
                failed |= content["status"] == "error";
                content["execution_count"] = self.cells.into();
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
        self.publish(idle);
        let done = self.current.take();
        if let Some(done) = done
            && let Some(look) = self.looks.remove(done.request.id())
        {
            self.looked(&look, done.seen.as_ref(), done.failed.as_ref());
        }
        if failed && stops {
            self.abort();
        }
        self.next();
    }

    /// Calls off the cells that wait, as after an error in Jupyter's own kernels.
    fn abort(&mut self) {
        for request in std::mem::take(&mut self.waiting) {
            if request.kind() != "execute_request" || is_ours(request.id()) {
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
        // Who asks what kernel this is need not wait for our own line.
        let first = self.current.as_ref().is_some_and(Current::is_ours);
        while first && self.begun {
            match self.waiting.pop_front_if(|request| request.kind() == INFO) {
                Some(request) => self.answer_here(&request),
                None => break,
            }
        }
        while self.current.is_none() {
            let Some(mut request) = self.waiting.pop_front() else {
                return;
            };
            if !ASKED.contains(&request.kind()) {
                self.answer_here(&request);
                continue;
            }
            if request.kind() == "execute_request" {
                let code = code(&request);
                // What the cell itself depends on has to come first.
                if !self.waits && code.contains(".await") && !code.contains(":dep") {
                    self.waits = true;
                    self.waiting.push_front(request);
                    request = own_line(WAIT);
                }
                self.defined.extend(definitions(&code));
                if !is_ours(request.id()) {
                    let mut lines = code.lines().map(str::trim);
                    if let Some(line) = lines.rfind(|line| line.starts_with(DEPENDENCY)) {
                        self.dependency = Some(line.to_owned());
                        self.ahead = false;
                    } else if self.ahead && has_rust(&code) {
                        self.ahead = false;
                        self.waits = false;
                        self.waiting.push_front(request);
                        self.waiting.push_front(own_line(FIRST));
                        request = own_line(CLEAR);
                    }
                }
            }
            let asked = asked(&mut request, self.secret.is_some());
            self.actions.push(Action::Ask(asked));
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
                interrupted: false,
                question: None,
                places: HashSet::new(),
                seen: None,
            });
        }
    }

    /// What evcxr_jupyter would not answer, or not rightly.
    fn answer_here(&mut self, request: &Message) {
        match request.kind() {
            INFO => self.answer(request, &kernel_info()),
            "is_complete_request" => self.answer(request, &completeness(&code(request))),
            "comm_info_request" => self.answer(request, &json!({"status": "ok", "comms": {}})),
            "history_request" => self.answer(request, &json!({"status": "ok", "history": []})),
            "comm_open" => {
                // Nobody here talks to widgets.
                let id = self.new_id();
                let content = json!({"comm_id": request.content()["comm_id"], "data": {}});
                let closed = request.child("comm_close", id, &content);
                self.status(request, "busy");
                self.actions.push(Action::Publish(closed.for_all()));
                self.status(request, "idle");
            }
            // Unknown, or of no interest.
            _ => {
                self.status(request, "busy");
                self.status(request, "idle");
            }
        }
    }
}

/// A line of our own, which is its own identifier.
fn own_line(code: &str) -> Message {
    own_cell(code, code)
}

/// A cell of our own.
fn own_cell(id: &str, code: &str) -> Message {
    let content = json!({"code": code, "silent": true, "allow_stdin": false});
    Message::request("execute_request", id, &content)
}

fn is_ours(id: &str) -> bool {
    [FIRST, WAIT, CLEAR].contains(&id) || id.starts_with(LOOK) || id.starts_with(UNSEEN)
}

/// What evcxr_jupyter gets of a request.
fn asked(request: &mut Message, tapped: bool) -> Message {
    let mut content = request.content();
    match request.kind() {
        "inspect_request" | "complete_request" => {
            let code = code(request);
            let cursor = content["cursor_pos"].as_u64();
            let cursor = cursor.map_or(usize::MAX, |at| usize::try_from(at).unwrap_or(usize::MAX));
            let cursor = match request.kind() {
                "inspect_request" => inspected(&code, cursor),
                _ => cursor.min(code.chars().count()),
            };
            content["cursor_pos"] = cursor.into();
            request.set_content(&content);
            request.clone()
        }
        // Whether the client allows questions is seen to here: evcxr_jupyter knows no end of a file.
        "execute_request" if tapped => {
            let mut asked = request.clone();
            content["allow_stdin"] = true.into();
            asked.set_content(&content);
            asked
        }
        _ => request.clone(),
    }
}

/// What kernel this is, as Jupyter asks.
fn kernel_info() -> Value {
    json!({
        "status": "ok",
        "protocol_version": "5.3",
        "implementation": "labbook",
        "implementation_version": env!("CARGO_PKG_VERSION"),
        "language_info": {
            "name": "Rust",
            "version": "",
            "mimetype": "text/rust",
            "file_extension": ".rs",
            "pygments_lexer": "rust",
            "codemirror_mode": "rust",
        },
        "banner": "Rust, by evcxr and labbook",
        "help_links": [
            {"text": "Rust's standard library", "url": "https://doc.rust-lang.org/stable/std/"},
        ],
    })
}

/// Whether the client has a person to ask.
fn may_ask(request: &Message) -> bool {
    request.content()["allow_stdin"] == json!(true)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mark::Failure;
    use crate::relay::message::Signer;
    use bytes::Bytes;

    fn message(kind: &str, id: &str, parent: &str, content: Value) -> Message {
        let header = json!({"msg_id": id, "msg_type": kind});
        let parts = [header, json!({"msg_id": parent}), json!({}), content];
        let mut frames = vec![Bytes::from_static(b"<IDS|MSG>"), Bytes::new()];
        frames.extend(parts.iter().map(|part| Bytes::from(part.to_string())));
        Message::read(frames, &Signer::new("")).unwrap()
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
                Action::Control(message) => ("control", message),
                Action::Publish(message) => ("publish", message),
                Action::Question(message) => ("question", message),
                Action::Input(message) => ("input", message),
            };
            let content = message.content();
            let what = [
                "execution_state",
                "status",
                "text",
                "evalue",
                "data",
                "code",
                "prompt",
                "value",
                "body",
                "message",
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

    /// Ends what evcxr_jupyter works on, which is `id`.
    fn end(shell: &mut Shell, id: &str) {
        shell.published(mark(id, &Mark::Ended), None);
        shell.published(status(id, "idle"), None);
        shell.reply(ok(id));
    }

    #[tokio::test]
    async fn what_our_own_cells_named_is_not_there_for_a_person_who_has_not() {
        let dependency = ":dep labbook";
        for (code, cleared) in [
            (format!("{dependency}\nf()"), false),
            ("f()".to_owned(), true),
        ] {
            let mut shell = Shell::new(Some("s"));
            shell.run_unseen(dependency);
            let asked = shell.actions();
            let [Action::Ask(own)] = &asked[..] else {
                panic!("{asked:?}");
            };
            end(&mut shell, own.id());
            assert!(due(&mut shell).is_empty());
            assert_eq!(shell.dependency(), None);
            // A cell without code changes nothing.
            shell.request(cell("0", "// f"));
            end(&mut shell, "0");
            due(&mut shell);
            shell.request(cell("1", &code));
            if cleared {
                for own in [CLEAR, FIRST] {
                    assert_eq!(due(&mut shell), [format!("ask execute_request \"{own}\"")]);
                    end(&mut shell, own);
                }
            }
            let expected = format!("ask execute_request {}", json!(code));
            assert_eq!(due(&mut shell), [expected]);
            end(&mut shell, "1");
            due(&mut shell);
            // Once is enough.
            shell.request(cell("2", "g()"));
            assert_eq!(due(&mut shell), ["ask execute_request \"g()\""]);
            let named = (!cleared).then_some(dependency);
            assert_eq!(shell.dependency(), named);
        }
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
                "publish status \"busy\"",
                "publish comm_close {}",
                "publish status \"idle\"",
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

    #[test]
    fn a_value_takes_the_place_of_the_one_of_its_name_in_the_same_cell() {
        let mut shell = Shell::new(Some("s"));
        shell.request(cell("1", "f()"));
        let named = |text: &str, name: &str| Mark::Display {
            data: [(DISPLAY_ID, name), ("text/plain", text)]
                .map(|(kind, form)| (kind.to_owned(), form.to_owned()))
                .into(),
        };
        for (text, name) in [("a", "curves"), ("b", "curves"), ("c", "samples")] {
            shell.published(mark("1", &named(text, name)), None);
        }
        let shown: Vec<String> = shell
            .actions()
            .iter()
            .filter_map(|action| match action {
                Action::Publish(message) => Some(message),
                _ => None,
            })
            .filter(|message| message.kind().ends_with("display_data"))
            .map(|message| format!("{} {}", message.kind(), message.content()))
            .collect();
        let place = |name: &str| format!(r#""transient":{{"display_id":"1 {name}"}}"#);
        for (shown, (kind, text, name)) in shown.iter().zip([
            ("display_data", "a", "curves"),
            ("update_display_data", "b", "curves"),
            ("display_data", "c", "samples"),
        ]) {
            assert!(shown.starts_with(&format!("{kind} ")), "{shown}");
            assert!(
                shown.contains(&format!(r#""data":{{"text/plain":"{text}"}}"#)),
                "{shown}"
            );
            assert!(shown.contains(&place(name)), "{shown}");
        }
        assert_eq!(shown.len(), 3);
    }

    #[tokio::test]
    async fn an_interrupted_cell_calls_off_the_next_though_it_ended_well() {
        let mut shell = Shell::new(Some("s"));
        shell.request(cell("1", "fit()"));
        shell.request(cell("2", "fit()"));
        shell.interrupt();
        shell.published(mark("1", &Mark::Ended), None);
        shell.published(status("1", "idle"), None);
        shell.reply(ok("1"));
        let due = due(&mut shell);
        assert!(
            due.contains(&"reply execute_reply \"ok\"".to_owned()),
            "{due:?}"
        );
        assert!(
            due.contains(&"reply execute_reply \"aborted\"".to_owned()),
            "{due:?}"
        );
        // The interrupt was that cell's alone.
        shell.request(cell("3", "f()"));
        shell.request(cell("4", "g()"));
        shell.published(mark("3", &Mark::Ended), None);
        shell.published(status("3", "idle"), None);
        shell.reply(ok("3"));
        assert_eq!(
            super::tests::due(&mut shell).last().unwrap(),
            "ask execute_request \"g()\""
        );
    }

    #[tokio::test]
    async fn our_own_line_comes_first_and_nobody_hears_of_it() {
        let mut shell = Shell::new(Some("s"));
        shell.begin();
        shell.request(message(INFO, "1", "", json!({})));
        shell.request(cell("2", "f()"));
        assert_eq!(
            due(&mut shell),
            [format!("ask execute_request \"{FIRST}\"")]
        );
        assert_eq!(shell.cell(), None);
        shell.published(status(FIRST, "busy"), None);
        let info = due(&mut shell);
        assert_eq!(info[1], "reply kernel_info_reply \"ok\"");
        let input = json!({"execution_count": 2, "code": FIRST});
        shell.published(message("execute_input", "x", FIRST, input), None);
        shell.published(mark(FIRST, &Mark::Ended), None);
        shell.published(status(FIRST, "idle"), None);
        shell.reply(ok(FIRST));
        assert_eq!(due(&mut shell), ["ask execute_request \"f()\""]);
        // What comes late of it is not shown either.
        shell.published(message("stream", "x", FIRST, json!({"text": "late"})), None);
        assert_eq!(due(&mut shell), [""; 0]);
    }

    #[tokio::test]
    async fn before_the_first_cell_that_waits_comes_a_line_of_our_own() {
        let mut shell = Shell::new(Some("s"));
        shell.request(cell("1", "later().await"));
        assert_eq!(due(&mut shell), [format!("ask execute_request \"{WAIT}\"")]);
        // Who waits for it learns why.
        shell.compiling("Compiling tokio");
        assert_eq!(due(&mut shell), ["publish stream \"Compiling tokio\""]);
        shell.published(mark(WAIT, &Mark::Ended), None);
        shell.published(status(WAIT, "idle"), None);
        shell.reply(ok(WAIT));
        assert_eq!(due(&mut shell), ["ask execute_request \"later().await\""]);
        shell.published(mark("1", &Mark::Ended), None);
        shell.published(status("1", "idle"), None);
        shell.reply(ok("1"));
        due(&mut shell);
        shell.request(cell("2", "later().await"));
        assert_eq!(due(&mut shell), ["ask execute_request \"later().await\""]);
    }

    #[tokio::test]
    async fn variables_are_listed_and_shown_between_cells_and_nobody_hears_of_it() {
        let mut shell = Shell::new(Some("s"));
        let wish = |id: &str, command: &str| {
            let wish =
                json!({"seq": 1, "command": command, "arguments": {"variableName": "model"}});
            message("debug_request", id, "", wish)
        };
        let asked = |shell: &mut Shell| {
            let asked = shell.actions().into_iter().find_map(|action| match action {
                Action::Ask(message) => Some((message.id().to_owned(), code(&message))),
                _ => None,
            });
            asked.unwrap()
        };
        let told = |shell: &mut Shell| due(shell).join("; ");
        shell.debug(wish("1", "inspectVariables"));
        let (id, line) = asked(&mut shell);
        assert_eq!(line, ":vars");
        let list = json!({"data": {"text/plain": "model: a::Model\nx: f64\n"}});
        shell.published(message("execute_result", "x", &id, list), None);
        shell.published(status(&id, "idle"), None);
        shell.reply(ok(&id));
        let list = told(&mut shell);
        assert!(
            list.contains("control debug_reply {\"variables\":[{"),
            "{list}"
        );
        assert!(
            list.contains("\"type\":\"Model\"") && !list.contains("execute_result"),
            "{list}"
        );
        assert!(list.ends_with("publish status \"idle\""), "{list}");

        shell.debug(wish("2", "richInspectVariables"));
        let (id, line) = asked(&mut shell);
        assert_eq!((line.as_str(), shell.cell()), ("&model", None));
        // A client that asks for a cell meanwhile has to wait, and then not.
        shell.request(cell("3", "f()"));
        let data = [("text/html".to_owned(), "<p>a model</p>".to_owned())];
        shell.published(mark(&id, &Mark::Display { data: data.into() }), None);
        shell.published(mark(&id, &Mark::Ended), None);
        shell.published(status(&id, "idle"), None);
        shell.reply(ok(&id));
        let shown = told(&mut shell);
        assert!(shown.contains("<p>a model</p>"), "{shown}");
        assert!(shown.ends_with("ask execute_request \"f()\""), "{shown}");

        // Completions in work are no cell; who asks the same meanwhile gets the same answer; timings come behind.
        let content = json!({"code": "a.", "cursor_pos": 2});
        shell.published(mark("3", &Mark::Ended), None);
        shell.published(status("3", "idle"), None);
        shell.reply(ok("3"));
        shell.request(message("complete_request", "7", "", content));
        due(&mut shell);
        shell.debug(wish("8", "inspectVariables"));
        shell.debug(wish("9", "inspectVariables"));
        assert_eq!(due(&mut shell), [""; 0]);
        shell.published(status("7", "idle"), None);
        shell.reply(message("complete_reply", "x", "7", json!({"status": "ok"})));
        let (id, _) = asked(&mut shell);
        for data in [
            json!({"text/plain": "x: f64\n"}),
            json!({"text/html": "Took 12ms"}),
        ] {
            shell.published(
                message("execute_result", "x", &id, json!({"data": data})),
                None,
            );
        }
        shell.published(status(&id, "idle"), None);
        shell.reply(ok(&id));
        let both = told(&mut shell);
        assert_eq!(both.matches("\"name\":\"x\"").count(), 2, "{both}");
        assert!(!both.contains("model"), "{both}");

        // While a cell runs the last list is told.
        shell.request(cell("3", "f()"));
        due(&mut shell);
        shell.debug(wish("4", "inspectVariables"));
        shell.debug(wish("5", "richInspectVariables"));
        let busy = told(&mut shell);
        assert!(
            busy.contains("\"name\":\"x\"") && busy.contains("A cell runs"),
            "{busy}"
        );
        assert!(shell.cell().is_some());
        shell.published(mark("3", &Mark::Ended), None);
        shell.published(status("3", "idle"), None);
        shell.reply(ok("3"));

        shell.debug(wish("6", "richInspectVariables"));
        let (id, _) = asked(&mut shell);
        let lost = json!({"ename": "Error", "evalue": "moved", "traceback": ["moved"]});
        shell.published(message("error", "x", &id, lost), None);
        shell.published(status(&id, "idle"), None);
        shell.reply(ok(&id));
        let failed = told(&mut shell);
        assert!(
            failed.contains("cannot be shown") && !failed.contains("moved"),
            "{failed}"
        );

        // Where showing ends the process, nothing is listed any more.
        shell.debug(wish("7", "richInspectVariables"));
        let (id, _) = asked(&mut shell);
        let ended = "Subprocess terminated with status: signal: 11 (core dumped)";
        let lost = json!({"ename": "Error", "evalue": ended, "traceback": [ended]});
        shell.published(message("error", "x", &id, lost), None);
        shell.published(status(&id, "idle"), None);
        shell.reply(ok(&id));
        let lost = told(&mut shell);
        assert!(lost.contains("All variables are lost"), "{lost}");
        assert_eq!(shell.variables, []);
    }

    #[test]
    fn what_nobody_looks_at_is_told_when_the_cell_ends() {
        let folder = tempfile::tempdir().unwrap();
        let line = json!([{"message": "unused", "line": "1 + 1;", "start": 0, "end": 5}]);
        std::fs::write(folder.path().join("unused.json"), line.to_string()).unwrap();
        let mut shell = Shell::new(Some("s")).in_folder(folder.path().to_owned());
        let mut told = |id: &str, content: Value, failed: bool| {
            shell.request(message("execute_request", id, "", content));
            if failed {
                shell.published(mark(id, &super::tests::failed()), None);
            }
            shell.published(mark(id, &Mark::Ended), None);
            shell.published(status(id, "idle"), None);
            shell.reply(ok(id));
            due(&mut shell).join("\n")
        };
        let code = "let a = 1;\n1 + 1;";
        let watched = told("1", json!({"code": code}), false);
        assert!(watched.contains("semicolon"), "{watched}");
        let alone = told("2", json!({"code": code, "allow_stdin": false}), false);
        let failed = told("3", json!({"code": code}), true);
        assert!(!alone.contains("semicolon") && !failed.contains("semicolon"));
    }

    #[tokio::test]
    async fn silent_cells_show_nothing_and_only_stored_ones_are_counted() {
        let mut shell = Shell::new(Some("s"));
        let mut run = |id: &str, wish: Value| {
            let mut content = json!({"code": "f()"});
            content
                .as_object_mut()
                .unwrap()
                .extend(wish.as_object().unwrap().clone());
            shell.request(message("execute_request", id, "", content));
            shell.published(status(id, "busy"), None);
            let input = json!({"execution_count": 7, "code": "f()"});
            shell.published(message("execute_input", "x", id, input), None);
            let text = Mark::Text {
                name: "stdout".to_owned(),
                text: "text".to_owned(),
            };
            shell.published(mark(id, &text), None);
            shell.published(mark(id, &Mark::Ended), None);
            shell.published(status(id, "idle"), None);
            shell.reply(ok(id));
            let mut shown = Vec::new();
            let mut counts = Vec::new();
            for action in shell.actions() {
                let (Action::Publish(message) | Action::Reply(message)) = action else {
                    continue;
                };
                shown.push(message.kind().to_owned());
                counts.extend(message.content()["execution_count"].as_u64());
            }
            (shown, counts)
        };
        let whole = [
            "status",
            "execute_input",
            "stream",
            "execute_reply",
            "status",
        ];
        let (shown, counts) = run("1", json!({}));
        assert_eq!(
            (shown.as_slice(), counts.as_slice()),
            (&whole.map(String::from)[..], &[1, 1][..])
        );
        let (shown, counts) = run("2", json!({"store_history": false}));
        assert_eq!((shown.len(), counts.as_slice()), (5, &[1, 1][..]));
        let (shown, counts) = run("3", json!({"silent": true}));
        assert_eq!(shown, ["status", "execute_reply", "status"]);
        assert_eq!(counts, [1]);
        assert_eq!(run("4", json!({"silent": false})).1, [2, 2]);
    }

    #[tokio::test]
    async fn a_question_goes_to_a_person_or_finds_the_end_of_a_file() {
        let mut shell = Shell::new(Some("s"));
        let ask = |shell: &mut Shell, id: &str, allowed: bool| {
            let content = json!({"code": "f()", "allow_stdin": allowed});
            shell.request(message("execute_request", id, "", content));
            due(shell);
            let prompt = json!({"prompt": "name", "password": false});
            shell.question(message("input_request", "q", id, prompt));
            due(shell)
        };
        let end = format!("input input_reply \"{}\"", END_OF_FILE.escape_debug());
        let end = [end.replace("\\u{4}", "\\u0004")];
        let over = |shell: &mut Shell, id: &str| {
            shell.published(mark(id, &Mark::Ended), None);
            shell.published(status(id, "idle"), None);
            shell.reply(ok(id));
            due(shell)
        };
        assert_eq!(ask(&mut shell, "1", false), end);
        over(&mut shell, "1");

        assert_eq!(
            ask(&mut shell, "2", true),
            ["question input_request \"name\""]
        );
        shell.answered(&message(
            "comm_msg",
            "x",
            "q",
            json!({"value": "no answer"}),
        ));
        shell.answered(&message(
            "input_reply",
            "x",
            "q",
            json!({"value": "two\nlines"}),
        ));
        assert_eq!(due(&mut shell), ["input input_reply \"two lines\""]);
        shell.answered(&message("input_reply", "x", "q", json!({"value": "late"})));
        assert_eq!(due(&mut shell), [""; 0]);
        over(&mut shell, "2");

        ask(&mut shell, "3", true);
        shell.interrupt();
        assert_eq!(due(&mut shell), end);
        over(&mut shell, "3");
        ask(&mut shell, "4", true);
        shell.give_up_asking();
        assert_eq!(due(&mut shell), end);
    }

    #[tokio::test]
    async fn positions_beyond_the_code_and_unknown_requests_do_no_harm() {
        let mut shell = Shell::new(Some("s"));
        for (id, cursor) in [("1", json!(u64::MAX)), ("2", json!(-3)), ("3", json!("x"))] {
            let content = json!({"code": "a.", "cursor_pos": cursor});
            shell.request(message("complete_request", id, "", content));
            let asked = shell.actions().into_iter().find_map(|action| match action {
                Action::Ask(message) => Some(message.content()["cursor_pos"].clone()),
                _ => None,
            });
            assert_eq!(asked, Some(json!(2)));
            shell.published(status(id, "idle"), None);
            shell.reply(message("complete_reply", "x", id, json!({"status": "ok"})));
        }
        due(&mut shell);
        shell.request(message("no_such_request", "4", "", json!({})));
        assert_eq!(
            due(&mut shell),
            ["publish status \"busy\"", "publish status \"idle\""]
        );
        shell.request(message("execute_request", "5", "", json!({"code": 5})));
        assert_eq!(due(&mut shell), ["ask execute_request 5"]);
    }
}
