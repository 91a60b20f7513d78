//! A relay between Jupyter and evcxr_jupyter.
//!
//! It listens where Jupyter expects the kernel, and talks to evcxr_jupyter on ports of its own.
//! Messages pass through in both directions, but for what [`Shell`] changes. Heartbeats,
//! interrupts and the end are answered here, so that they work while a cell runs.

mod advice;
mod complete;
mod completed;
mod connection;
mod failure;
mod inspected;
mod lines;
mod message;
mod place;
mod seal;
mod shell;
mod unused;
mod variables;

use std::fs;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, sleep_until};

use crate::interrupt::Kernel;
use crate::zmtp::{self, Dealer, Frames, Peers};
pub(crate) use connection::Connection;
use message::{Message, Signer};
use shell::{Action, Shell};

/// evcxr answers a question to a person on the route of the request, so both connections need one
/// name.
const NAME: &[u8] = b"relay";

/// How often to look whether evcxr_jupyter listens.
const LOOK: Duration = Duration::from_millis(2);

/// Whose message it is.
enum Event {
    Request(Message),
    Control(Message),
    Input(Message),
    Reply(Message),
    Published(Message),
    Question(Message),
    Controlled(Message),
}

/// The sockets to write to.
struct Sockets {
    signer: Signer,
    shell: Peers,
    control: Peers,
    stdin: Peers,
    /// All clients.
    iopub: Peers,
    back_shell: Dealer,
    back_control: Dealer,
    back_stdin: Dealer,
}

/// The kernel behind the relay.
pub(crate) struct Back {
    /// Where evcxr_jupyter listens.
    pub(crate) connection: Connection,
    /// The file that told it so; removed at its first message.
    pub(crate) file: PathBuf,
    /// Where it compiles cells.
    pub(crate) folder: PathBuf,
    /// Known to the [tap](crate::tap) alone; `None` without one.
    pub(crate) secret: Option<String>,
    /// What cargo says it compiles.
    pub(crate) compiling: UnboundedReceiver<String>,
}

/// Relays until Jupyter asks the kernel to end.
///
/// # Errors
/// When Jupyter's ports cannot be had, evcxr_jupyter breaks off the conversation, or a stranger was
/// connected to it before.
pub(crate) async fn run(front: &Connection, back: Back, kernel: &Kernel) -> io::Result<()> {
    let (events, received) = unbounded_channel();
    let sockets = connect(front, &back.connection, &events, kernel).await?;
    let mut shell = Shell::new(back.secret.as_deref()).in_folder(back.folder.clone());
    shell.begin();
    sockets.relay(received, shell, back, kernel).await;
    Ok(())
}

async fn connect(
    front: &Connection,
    back: &Connection,
    events: &UnboundedSender<Event>,
    kernel: &Kernel,
) -> io::Result<Sockets> {
    let signer = Signer::new(&front.key);
    zmtp::echo(front.address(front.hb_port)?).await?;
    let iopub = zmtp::publisher(front.address(front.iopub_port)?).await?;
    let (shell, requests) = zmtp::router(front.address(front.shell_port)?).await?;
    let (control, controls) = zmtp::router(front.address(front.control_port)?).await?;
    let (stdin, inputs) = zmtp::router(front.address(front.stdin_port)?).await?;

    // evcxr_jupyter opens this port last.
    let mut outputs = loop {
        match zmtp::subscriber(back.address(back.iopub_port)?).await {
            Ok(outputs) => break outputs,
            Err(_) => sleep(LOOK).await,
        }
    };
    let dealer = async |port| zmtp::dealer(back.address(port)?, NAME).await;
    let (back_shell, mut replies) = dealer(back.shell_port).await?;
    let (back_control, mut controlled) = dealer(back.control_port).await?;
    let (back_stdin, mut questions) = dealer(back.stdin_port).await?;

    let ports = [
        back.hb_port,
        back.iopub_port,
        back.shell_port,
        back.control_port,
        back.stdin_port,
    ];
    let ports: io::Result<Vec<_>> = ports.iter().map(|&port| back.address(port)).collect();
    let ours = [&outputs, &replies, &controlled, &questions].map(|socket| socket.address);
    match seal::seal(kernel.process(), &ports?, &ours) {
        Err(error) if error.raw_os_error().is_none() => {
            let message = format!("evcxr_jupyter cannot be kept to this kernel alone: {error}");
            return Err(io::Error::other(message));
        }
        Err(error) => eprintln!(
            "labbook-kernel: other users of this machine can reach evcxr_jupyter's ports ({error})"
        ),
        Ok(()) => {}
    }

    let pass = |wrap| {
        let (signer, events) = (signer.clone(), events.clone());
        move |frames| pass_on(frames, &signer, &events, wrap)
    };
    for (mut clients, pass) in [
        (requests, pass(Event::Request)),
        (controls, pass(Event::Control)),
        (inputs, pass(Event::Input)),
    ] {
        tokio::spawn(async move { while clients.recv().await.is_some_and(&pass) {} });
    }
    let publish = pass(Event::Published);
    tokio::spawn(async move { while outputs.recv().await.is_ok_and(&publish) {} });
    let reply = pass(Event::Reply);
    tokio::spawn(async move { while replies.recv().await.is_ok_and(&reply) {} });
    let control_reply = pass(Event::Controlled);
    tokio::spawn(async move { while controlled.recv().await.is_ok_and(&control_reply) {} });
    let question = pass(Event::Question);
    tokio::spawn(async move { while questions.recv().await.is_ok_and(&question) {} });
    Ok(Sockets {
        signer,
        shell,
        control,
        stdin,
        iopub,
        back_shell,
        back_control,
        back_stdin,
    })
}

/// Passes on what arrives at a socket; drops what is not signed with the key. Says whether somebody
/// still listens.
fn pass_on(
    frames: Frames,
    signer: &Signer,
    events: &UnboundedSender<Event>,
    wrap: fn(Message) -> Event,
) -> bool {
    match Message::read(frames, signer) {
        Some(message) => events.send(wrap(message)).is_ok(),
        None => true,
    }
}

impl Sockets {
    async fn relay(
        self,
        mut events: UnboundedReceiver<Event>,
        mut shell: Shell,
        mut back: Back,
        kernel: &Kernel,
    ) {
        let mut begun = false;
        self.act(&mut shell);
        loop {
            kernel.set_cell(shell.cell());
            let deadline = shell.deadline();
            let late = async {
                match deadline {
                    Some(deadline) => sleep_until(deadline).await,
                    None => std::future::pending().await,
                }
            };
            let event = tokio::select! {
                event = events.recv() => event,
                () = kernel.interrupted() => {
                    shell.interrupt();
                    self.act(&mut shell);
                    continue;
                }
                Some(line) = back.compiling.recv() => {
                    shell.compiling(&line);
                    self.act(&mut shell);
                    continue;
                }
                () = late => {
                    shell.give_up_waiting();
                    self.act(&mut shell);
                    continue;
                }
            };
            let Some(event) = event else { return };
            match event {
                Event::Request(message) => shell.request(message),
                Event::Reply(message) => shell.reply(message),
                Event::Published(message) => {
                    if !begun {
                        begun = true;
                        // The tap waits for this. It is as well to leave the key nowhere.
                        let _ = fs::remove_file(&back.file);
                    }
                    shell.published(message, kernel.stopped());
                }
                Event::Input(message) => shell.answered(&message),
                Event::Question(message) => shell.question(message),
                Event::Controlled(message) => {
                    self.control.send(message.frames(&self.signer));
                }
                Event::Control(message) => match message.kind() {
                    "interrupt_request" => {
                        kernel.interrupt();
                        self.answer(&message, json!({"status": "ok"}));
                    }
                    "shutdown_request" => {
                        let restart = message.content()["restart"] == json!(true);
                        self.answer(&message, json!({"status": "ok", "restart": restart}));
                        self.control.flush().await;
                        return;
                    }
                    "kernel_info_request" => {
                        self.back_control.send(&message.frames(&self.signer));
                    }
                    "debug_request" => shell.debug(message),
                    // evcxr_jupyter would only complain where nobody reads it.
                    _ => {}
                },
            }
            self.act(&mut shell);
        }
    }

    fn act(&self, shell: &mut Shell) {
        // What follows from a question that cannot be asked may follow at once.
        loop {
            let actions = shell.actions();
            if actions.is_empty() {
                return;
            }
            for action in actions {
                self.do_one(action, shell);
            }
        }
    }

    fn do_one(&self, action: Action, shell: &mut Shell) {
        match action {
            Action::Ask(message) => self.back_shell.send(&message.frames(&self.signer)),
            Action::Input(message) => self.back_stdin.send(&message.frames(&self.signer)),
            Action::Publish(message) => self.iopub.publish(&message.frames(&self.signer)),
            Action::Control(message) => drop(self.control.send(message.frames(&self.signer))),
            // A client that has gone needs no answer.
            Action::Reply(message) => drop(self.shell.send(message.frames(&self.signer))),
            Action::Question(message) => {
                if !self.stdin.send(message.frames(&self.signer)) {
                    shell.give_up_asking();
                }
            }
        }
    }

    fn answer(&self, request: &Message, content: Value) {
        let kind = request.kind().replace("_request", "_reply");
        let id = format!("{}-reply", request.id());
        let answer = request.child(&kind, id, &content);
        self.control.send(answer.frames(&self.signer));
    }
}
