//! A relay between Jupyter and evcxr_jupyter.
//!
//! It listens where Jupyter expects the kernel, and talks to evcxr_jupyter on ports of its own.
//! Messages pass through in both directions, but for what [`Shell`] changes. Heartbeats,
//! interrupts and the end are answered here, so that they work while a cell runs.

mod completed;
mod connection;
mod failure;
mod inspected;
mod lines;
mod message;
mod shell;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::{sleep, sleep_until};
use zeromq::util::PeerIdentity;
use zeromq::{
    DealerSendHalf, DealerSocket, PubSocket, RepSocket, RouterSendHalf, RouterSocket, Socket,
    SocketOptions, SocketRecv, SocketSend, SubSocket, ZmqError,
};

use crate::interrupt::Kernel;
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
    shell: RouterSendHalf,
    control: RouterSendHalf,
    stdin: RouterSendHalf,
    /// What goes to all clients.
    published: UnboundedSender<Message>,
    back_shell: DealerSendHalf,
    back_control: DealerSendHalf,
    back_stdin: DealerSendHalf,
}

/// The kernel behind the relay.
pub(crate) struct Back {
    /// Where evcxr_jupyter listens.
    pub(crate) connection: Connection,
    /// The file that told it so; removed at its first message.
    pub(crate) file: PathBuf,
    /// Known to the [tap](crate::tap) alone; `None` without one.
    pub(crate) secret: Option<String>,
}

/// Relays until Jupyter asks the kernel to end.
///
/// # Errors
/// When Jupyter's ports cannot be had, or evcxr_jupyter breaks off the conversation.
pub(crate) async fn run(front: &Connection, back: &Back, kernel: &Kernel) -> io::Result<()> {
    let (events, received) = unbounded_channel();
    let sockets = connect(front, &back.connection, &events)
        .await
        .map_err(io::Error::other)?;
    let shell = Shell::new(back.secret.as_deref());
    sockets
        .relay(received, shell, &back.file, kernel)
        .await
        .map_err(io::Error::other)
}

async fn connect(
    front: &Connection,
    back: &Connection,
    events: &UnboundedSender<Event>,
) -> Result<Sockets, ZmqError> {
    let signer = Signer::new(&front.key);
    let listen = |socket, wrap| read(socket, signer.clone(), events.clone(), wrap);

    let mut heartbeat = RepSocket::new();
    heartbeat.bind(&front.endpoint(front.hb_port)).await?;
    tokio::spawn(beat(heartbeat));
    let mut iopub = PubSocket::new();
    iopub.bind(&front.endpoint(front.iopub_port)).await?;
    let (published, to_publish) = unbounded_channel();
    tokio::spawn(publish(iopub, to_publish, signer.clone()));
    let (shell, requests) = router(front, front.shell_port).await?;
    let (control, controls) = router(front, front.control_port).await?;
    let (stdin, inputs) = router(front, front.stdin_port).await?;

    // evcxr_jupyter opens this port last.
    while TcpStream::connect((back.ip.as_str(), back.iopub_port))
        .await
        .is_err()
    {
        sleep(LOOK).await;
    }
    let mut outputs = SubSocket::new();
    outputs.subscribe("").await?;
    outputs.connect(&back.endpoint(back.iopub_port)).await?;
    let (back_shell, replies) = dealer(back, back.shell_port).await?;
    let (back_control, controlled) = dealer(back, back.control_port).await?;
    let (back_stdin, questions) = dealer(back, back.stdin_port).await?;

    tokio::spawn(listen(Box::new(outputs), Event::Published));
    tokio::spawn(listen(Box::new(replies), Event::Reply));
    tokio::spawn(listen(Box::new(controlled), Event::Controlled));
    tokio::spawn(listen(Box::new(questions), Event::Question));
    tokio::spawn(listen(Box::new(requests), Event::Request));
    tokio::spawn(listen(Box::new(controls), Event::Control));
    tokio::spawn(listen(Box::new(inputs), Event::Input));
    Ok(Sockets {
        signer,
        shell,
        control,
        stdin,
        published,
        back_shell,
        back_control,
        back_stdin,
    })
}

async fn router(
    front: &Connection,
    port: u16,
) -> Result<(RouterSendHalf, zeromq::RouterRecvHalf), ZmqError> {
    let mut socket = RouterSocket::new();
    socket.bind(&front.endpoint(port)).await?;
    Ok(socket.split())
}

async fn dealer(
    back: &Connection,
    port: u16,
) -> Result<(DealerSendHalf, zeromq::DealerRecvHalf), ZmqError> {
    let mut options = SocketOptions::default();
    options.peer_identity(PeerIdentity::try_from(NAME)?);
    let mut socket = DealerSocket::with_options(options);
    socket.connect(&back.endpoint(port)).await?;
    Ok(socket.split())
}

/// Tells Jupyter that the kernel lives.
async fn beat(mut socket: RepSocket) {
    loop {
        match socket.recv().await {
            // A client that has gone needs no answer.
            Ok(message) => drop(socket.send(message).await),
            Err(_) => sleep(LOOK).await,
        }
    }
}

/// Sends to all clients. One that does not read holds this up, but not the rest of the relay.
async fn publish(mut socket: PubSocket, mut messages: UnboundedReceiver<Message>, signer: Signer) {
    while let Some(message) = messages.recv().await {
        // Clients that have gone need no message.
        let _ = socket.send(message.frames(&signer)).await;
    }
}

/// Passes on what arrives at a socket; drops what is not signed with the key.
async fn read(
    mut socket: Box<dyn SocketRecv + Send>,
    signer: Signer,
    events: UnboundedSender<Event>,
    wrap: fn(Message) -> Event,
) {
    loop {
        match socket.recv().await {
            Ok(frames) => {
                let message = Message::read(frames, &signer);
                if message.is_some_and(|message| events.send(wrap(message)).is_err()) {
                    return;
                }
            }
            // A peer has gone; another may come.
            Err(_) => sleep(LOOK).await,
        }
    }
}

impl Sockets {
    async fn relay(
        mut self,
        mut events: UnboundedReceiver<Event>,
        mut shell: Shell,
        back_file: &Path,
        kernel: &Kernel,
    ) -> Result<(), ZmqError> {
        let mut begun = false;
        loop {
            kernel.set_cell(shell.cell());
            let event = match shell.deadline() {
                None => events.recv().await,
                Some(deadline) => tokio::select! {
                    event = events.recv() => event,
                    () = sleep_until(deadline) => {
                        shell.give_up_waiting();
                        self.act(&mut shell).await?;
                        continue;
                    }
                },
            };
            let Some(event) = event else { return Ok(()) };
            match event {
                Event::Request(message) => shell.request(message),
                Event::Reply(message) => shell.reply(message),
                Event::Published(message) => {
                    if !begun {
                        begun = true;
                        // The tap waits for this. It is as well to leave the key nowhere.
                        let _ = fs::remove_file(back_file);
                    }
                    shell.published(message, kernel.stopped());
                }
                Event::Input(message) => self.back_stdin.send(message.frames(&self.signer)).await?,
                Event::Question(message) => {
                    to_client(&mut self.stdin, &message, &self.signer).await
                }
                Event::Controlled(message) => {
                    to_client(&mut self.control, &message, &self.signer).await;
                }
                Event::Control(message) => match message.kind() {
                    "interrupt_request" => {
                        kernel.interrupt();
                        self.answer(&message, json!({"status": "ok"})).await;
                    }
                    "shutdown_request" => {
                        let restart = message.content()["restart"].clone();
                        self.answer(&message, json!({"status": "ok", "restart": restart}))
                            .await;
                        return Ok(());
                    }
                    _ => self.back_control.send(message.frames(&self.signer)).await?,
                },
            }
            self.act(&mut shell).await?;
        }
    }

    async fn act(&mut self, shell: &mut Shell) -> Result<(), ZmqError> {
        for action in shell.actions() {
            match action {
                Action::Ask(message) => self.back_shell.send(message.frames(&self.signer)).await?,
                Action::Reply(message) => {
                    to_client(&mut self.shell, &message, &self.signer).await;
                }
                // Its reader ends with this program.
                Action::Publish(message) => drop(self.published.send(message)),
            }
        }
        Ok(())
    }

    async fn answer(&mut self, request: &Message, content: serde_json::Value) {
        let kind = request.kind().replace("_request", "_reply");
        let id = format!("{}-reply", request.id());
        to_client(
            &mut self.control,
            &request.child(&kind, id, &content),
            &self.signer,
        )
        .await;
    }
}

/// A client that has gone needs no answer.
async fn to_client(socket: &mut RouterSendHalf, message: &Message, signer: &Signer) {
    let _ = socket.send(message.frames(signer)).await;
}
