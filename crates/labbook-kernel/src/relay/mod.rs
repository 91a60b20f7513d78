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
use crate::spare::Spares;
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

/// What Jupyter is connected to.
struct Front {
    signer: Signer,
    shell: Peers,
    control: Peers,
    stdin: Peers,
    /// All clients.
    iopub: Peers,
}

/// What is connected to evcxr_jupyter.
struct Behind {
    signer: Signer,
    shell: Dealer,
    control: Dealer,
    stdin: Dealer,
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

/// What arrives at the sockets.
pub(crate) struct Events {
    to: UnboundedSender<Event>,
    received: UnboundedReceiver<Event>,
}

/// A conversation between Jupyter and evcxr_jupyter; until Jupyter is [there](Self::listen), one between
/// evcxr_jupyter and nobody.
pub(crate) struct Relay<'a> {
    kernel: &'a Kernel,
    events: Events,
    front: Option<Front>,
    behind: Behind,
    shell: Shell,
    back: Back,
    /// evcxr_jupyter has begun to work.
    begun: bool,
    /// Who sees to a kernel for the next time.
    spares: Option<Spares>,
}

/// Relays until Jupyter asks the kernel to end.
///
/// # Errors
/// When Jupyter's ports cannot be had, evcxr_jupyter breaks off the conversation, or a stranger was
/// connected to it before.
pub(crate) async fn run(
    front: &Connection,
    back: Back,
    kernel: &Kernel,
    spares: Spares,
) -> io::Result<()> {
    // Jupyter may connect while evcxr_jupyter starts.
    let events = Events::new();
    let front = Front::listen(front, &events).await?;
    let mut relay = Relay::connect(back, kernel, events).await?;
    relay.front = Some(front);
    relay.until_the_end(spares).await;
    Ok(())
}

impl Events {
    pub(crate) fn new() -> Events {
        let (to, received) = unbounded_channel();
        Events { to, received }
    }

    /// Has what a socket receives arrive here, if it is signed with the key of `signer`.
    fn take(&self, signer: &Signer, wrap: fn(Message) -> Event) -> impl Fn(Frames) -> bool + use<> {
        let (signer, to) = (signer.clone(), self.to.clone());
        move |frames| pass_on(frames, &signer, &to, wrap)
    }
}

impl Front {
    async fn listen(front: &Connection, events: &Events) -> io::Result<Front> {
        let signer = Signer::new(&front.key);
        zmtp::echo(front.address(front.hb_port)?).await?;
        let iopub = zmtp::publisher(front.address(front.iopub_port)?).await?;
        let (shell, requests) = zmtp::router(front.address(front.shell_port)?).await?;
        let (control, controls) = zmtp::router(front.address(front.control_port)?).await?;
        let (stdin, inputs) = zmtp::router(front.address(front.stdin_port)?).await?;
        for (mut clients, pass) in [
            (requests, events.take(&signer, Event::Request)),
            (controls, events.take(&signer, Event::Control)),
            (inputs, events.take(&signer, Event::Input)),
        ] {
            tokio::spawn(async move { while clients.recv().await.is_some_and(&pass) {} });
        }
        Ok(Front {
            signer,
            shell,
            control,
            stdin,
            iopub,
        })
    }

    fn answer(&self, request: &Message, content: Value) {
        let kind = request.kind().replace("_request", "_reply");
        let id = format!("{}-reply", request.id());
        let answer = request.child(&kind, id, &content);
        self.control.send(answer.frames(&self.signer));
    }
}

impl Behind {
    async fn connect(back: &Connection, events: &Events, kernel: &Kernel) -> io::Result<Behind> {
        let signer = Signer::new(&back.key);
        // evcxr_jupyter opens this port last.
        let mut outputs = loop {
            match zmtp::subscriber(back.address(back.iopub_port)?).await {
                Ok(outputs) => break outputs,
                Err(_) => sleep(LOOK).await,
            }
        };
        let dealer = async |port| zmtp::dealer(back.address(port)?, NAME).await;
        let (shell, mut replies) = dealer(back.shell_port).await?;
        let (control, mut controlled) = dealer(back.control_port).await?;
        let (stdin, mut questions) = dealer(back.stdin_port).await?;

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

        let publish = events.take(&signer, Event::Published);
        tokio::spawn(async move { while outputs.recv().await.is_ok_and(&publish) {} });
        let reply = events.take(&signer, Event::Reply);
        tokio::spawn(async move { while replies.recv().await.is_ok_and(&reply) {} });
        let control_reply = events.take(&signer, Event::Controlled);
        tokio::spawn(async move { while controlled.recv().await.is_ok_and(&control_reply) {} });
        let question = events.take(&signer, Event::Question);
        tokio::spawn(async move { while questions.recv().await.is_ok_and(&question) {} });
        Ok(Behind {
            signer,
            shell,
            control,
            stdin,
        })
    }
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

impl<'a> Relay<'a> {
    /// Connects to evcxr_jupyter once it listens.
    ///
    /// # Errors
    /// When it breaks off the conversation, or a stranger was connected to it before.
    pub(crate) async fn connect(
        back: Back,
        kernel: &'a Kernel,
        events: Events,
    ) -> io::Result<Relay<'a>> {
        let behind = Behind::connect(&back.connection, &events, kernel).await?;
        let mut shell = Shell::new(back.secret.as_deref()).in_folder(back.folder.clone());
        shell.begin();
        Ok(Relay {
            kernel,
            events,
            front: None,
            behind,
            shell,
            back,
            begun: false,
            spares: None,
        })
    }

    /// Runs cells of our own, of which nobody hears.
    pub(crate) async fn run_unseen(&mut self, cells: &[String]) {
        for cell in cells {
            self.shell.run_unseen(cell);
        }
        self.act();
        while !self.shell.is_done() && self.step().await {}
    }

    /// Opens Jupyter's ports.
    ///
    /// # Errors
    /// When they cannot be had.
    pub(crate) async fn listen(&mut self, front: &Connection) -> io::Result<()> {
        self.front = Some(Front::listen(front, &self.events).await?);
        Ok(())
    }

    /// Relays until Jupyter asks the kernel to end.
    pub(crate) async fn until_the_end(&mut self, spares: Spares) {
        self.spares = Some(spares);
        self.act();
        while self.step().await {}
        if let Some(front) = &self.front {
            front.control.flush().await;
        }
    }

    /// Sees to what happens next; says whether the conversation goes on.
    async fn step(&mut self) -> bool {
        self.kernel.set_cell(self.shell.cell());
        let deadline = self.shell.deadline();
        let late = async {
            match deadline {
                Some(deadline) => sleep_until(deadline).await,
                None => std::future::pending().await,
            }
        };
        let cells = self.shell.counted();
        let idle = self.shell.is_done() && cells > 0;
        let spares = self.spares.as_ref().filter(|_| idle);
        let spare = async {
            match spares {
                Some(spares) => spares.after(cells).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = self.events.received.recv() => {
                if !event.is_some_and(|event| self.see_to(event)) {
                    return false;
                }
            }
            () = self.kernel.interrupted() => self.shell.interrupt(),
            Some(line) = self.back.compiling.recv() => self.shell.compiling(&line),
            () = late => self.shell.give_up_waiting(),
            () = spare => {
                if let Some(spares) = &mut self.spares {
                    spares.start(cells, self.shell.dependency());
                }
            }
        }
        self.act();
        true
    }

    /// Says whether the conversation goes on.
    fn see_to(&mut self, event: Event) -> bool {
        match event {
            Event::Request(message) => self.shell.request(message),
            Event::Reply(message) => self.shell.reply(message),
            Event::Published(message) => {
                if !self.begun {
                    self.begun = true;
                    // The tap waits for this. It is as well to leave the key nowhere.
                    let _ = fs::remove_file(&self.back.file);
                }
                self.shell.published(message, self.kernel.stopped());
            }
            Event::Input(message) => self.shell.answered(&message),
            Event::Question(message) => self.shell.question(message),
            Event::Controlled(message) => {
                if let Some(front) = &self.front {
                    front.control.send(message.frames(&front.signer));
                }
            }
            Event::Control(message) => return self.control(message),
        }
        true
    }

    /// Says whether the conversation goes on.
    fn control(&mut self, message: Message) -> bool {
        let Some(front) = &self.front else {
            return true;
        };
        match message.kind() {
            "interrupt_request" => {
                self.kernel.interrupt();
                front.answer(&message, json!({"status": "ok"}));
            }
            "shutdown_request" => {
                let restart = message.content()["restart"] == json!(true);
                front.answer(&message, json!({"status": "ok", "restart": restart}));
                return false;
            }
            "kernel_info_request" => {
                let behind = &self.behind;
                behind.control.send(&message.frames(&behind.signer));
            }
            "debug_request" => self.shell.debug(message),
            // evcxr_jupyter would only complain where nobody reads it.
            _ => {}
        }
        true
    }

    fn act(&mut self) {
        // What follows from a question that cannot be asked may follow at once.
        loop {
            let actions = self.shell.actions();
            if actions.is_empty() {
                return;
            }
            for action in actions {
                self.do_one(action);
            }
        }
    }

    fn do_one(&mut self, action: Action) {
        let behind = &self.behind;
        match (action, &self.front) {
            (Action::Ask(message), _) => behind.shell.send(&message.frames(&behind.signer)),
            (Action::Input(message), _) => behind.stdin.send(&message.frames(&behind.signer)),
            (Action::Publish(message), Some(front)) => {
                front.iopub.publish(&message.frames(&front.signer));
            }
            (Action::Control(message), Some(front)) => {
                front.control.send(message.frames(&front.signer));
            }
            // A client that has gone needs no answer.
            (Action::Reply(message), Some(front)) => {
                front.shell.send(message.frames(&front.signer));
            }
            (Action::Question(message), front) => {
                let asked = front
                    .as_ref()
                    .is_some_and(|front| front.stdin.send(message.frames(&front.signer)));
                if !asked {
                    self.shell.give_up_asking();
                }
            }
            // Nobody is there yet.
            (Action::Publish(_) | Action::Control(_) | Action::Reply(_), None) => {}
        }
    }
}
