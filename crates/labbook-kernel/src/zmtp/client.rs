use std::io;
use std::net::SocketAddr;

use bytes::Bytes;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::mpsc;

use super::Frames;
use super::wire::{Reader, Sent, encode, shake_hands};

/// evcxr_jupyter's messages hold what cells show; more than this is a mistake.
const MESSAGE_BYTES: usize = 1 << 30;

/// Subscribes to everything.
const EVERYTHING: &[u8] = &[1];

/// The half of a `DEALER` that sends.
#[derive(Debug)]
pub(crate) struct Dealer(mpsc::UnboundedSender<Bytes>);

/// The half of a socket that receives.
#[derive(Debug)]
pub(crate) struct Receiver {
    reader: Reader<BufReader<OwnedReadHalf>>,
    /// Where it is connected from.
    pub(crate) address: SocketAddr,
}

/// Connects to a `ROUTER` under a name of our choice; an empty one leaves the choice to it.
pub(crate) async fn dealer(address: SocketAddr, name: &[u8]) -> io::Result<(Dealer, Receiver)> {
    connect(address, "DEALER", name).await
}

/// Connects to a `PUB` for all that it publishes.
pub(crate) async fn subscriber(address: SocketAddr) -> io::Result<Receiver> {
    let (socket, receiver) = connect(address, "SUB", b"").await?;
    socket.send(&[Bytes::from_static(EVERYTHING)]);
    Ok(receiver)
}

async fn connect(address: SocketAddr, kind: &str, name: &[u8]) -> io::Result<(Dealer, Receiver)> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let address = stream.local_addr()?;
    let (read, mut write) = stream.into_split();
    let mut reader = Reader::new(BufReader::new(read), MESSAGE_BYTES);
    shake_hands(&mut reader, &mut write, kind, name).await?;
    let (messages, mut waiting) = mpsc::unbounded_channel::<Bytes>();
    tokio::spawn(async move {
        while let Some(message) = waiting.recv().await {
            if write.write_all(&message).await.is_err() {
                return;
            }
        }
        // The reading half may still be in use.
        std::future::pending::<()>().await;
    });
    Ok((Dealer(messages), Receiver { reader, address }))
}

impl Dealer {
    /// A partner that has gone gets nothing; the receiving half tells.
    pub(crate) fn send(&self, message: &[Bytes]) {
        let _ = self.0.send(encode(message));
    }
}

impl Receiver {
    /// The next message.
    pub(crate) async fn recv(&mut self) -> io::Result<Frames> {
        loop {
            if let Sent::Message(message) = self.reader.next().await? {
                return Ok(message);
            }
        }
    }
}
