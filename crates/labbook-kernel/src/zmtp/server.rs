use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use super::Frames;
use super::wire::{Reader, Sent, encode, shake_hands};

/// What a message may have at most: a cell's code with room to spare.
const MESSAGE_BYTES: usize = 32 << 20;
/// Connections to one port at a time.
const CONNECTIONS: usize = 128;
/// How long a peer may take to introduce itself.
const INTRODUCTION: Duration = Duration::from_secs(10);
/// Messages that wait to be seen to, before peers have to wait.
const UNSEEN: usize = 16;
/// A peer that leaves this much unread is let go.
const UNREAD_BYTES: usize = 64 << 20;
/// A subscriber names a few short topics.
const TOPICS: usize = 64;
const TOPIC_BYTES: usize = 256;
/// How long to wait when the system has no connection to spare.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a peer may take to read the last that it is told, and how often to look whether it did.
const FAREWELL: Duration = Duration::from_millis(500);
const LOOK: Duration = Duration::from_millis(1);

/// How long a port may be taken by the one who had it before.
const HANDOVER: Duration = Duration::from_secs(1);

const ROUTER: &str = "ROUTER";

const SUBSCRIBE: u8 = 1;
const UNSUBSCRIBE: u8 = 0;

/// Those connected to a port.
#[derive(Clone, Debug, Default)]
pub(crate) struct Peers(Arc<Mutex<Vec<Peer>>>);

#[derive(Debug)]
struct Peer {
    connection: u64,
    /// What a router calls it. Two may claim one name, and neither may keep the other from its
    /// messages: both get them.
    name: Bytes,
    outbox: Outbox,
    topics: Vec<Bytes>,
    task: AbortHandle,
}

/// What waits to be written to a peer.
#[derive(Clone, Debug)]
struct Outbox {
    messages: mpsc::UnboundedSender<Bytes>,
    unread: Arc<AtomicUsize>,
}

/// Listens as a `ROUTER`: each message comes behind the name of the peer that sent it.
pub(crate) async fn router(address: SocketAddr) -> io::Result<(Peers, mpsc::Receiver<Frames>)> {
    listen(address, ROUTER, &["DEALER", "REQ", "ROUTER"]).await
}

/// Listens as a `PUB`: those connected get what they subscribed to.
pub(crate) async fn publisher(address: SocketAddr) -> io::Result<Peers> {
    let (peers, mut messages) = listen(address, "PUB", &["SUB", "XSUB"]).await?;
    let subscribers = peers.clone();
    tokio::spawn(async move {
        while let Some(message) = messages.recv().await {
            subscribers.subscribe(&message);
        }
    });
    Ok(peers)
}

/// Listens as a `REP` that repeats what it is told.
pub(crate) async fn echo(address: SocketAddr) -> io::Result<()> {
    let (peers, mut messages) = listen(address, "REP", &["REQ", "DEALER"]).await?;
    tokio::spawn(async move {
        while let Some(message) = messages.recv().await {
            peers.send(message);
        }
    });
    Ok(())
}

async fn listen(
    address: SocketAddr,
    kind: &'static str,
    partners: &'static [&'static str],
) -> io::Result<(Peers, mpsc::Receiver<Frames>)> {
    let listener = bind(address).await?;
    let peers = Peers::default();
    let (messages, received) = mpsc::channel(UNSEEN);
    let all = peers.clone();
    tokio::spawn(accept(listener, move |stream, connection| {
        let (peers, messages) = (all.clone(), messages.clone());
        async move {
            // A peer that breaks off or the protocol is gone; there is nobody to tell.
            let _ = peers
                .serve(stream, connection, kind, partners, messages)
                .await;
            peers.remove(connection);
        }
    }));
    Ok((peers, received))
}

/// After a restart the port may still be that of the kernel before, for a moment.
async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let begun = Instant::now();
    loop {
        match TcpListener::bind(address).await {
            Err(error)
                if error.kind() == io::ErrorKind::AddrInUse && begun.elapsed() < HANDOVER =>
            {
                sleep(LOOK).await;
            }
            bound => return bound,
        }
    }
}

/// Serves connections side by side, each with a number.
async fn accept<F>(listener: TcpListener, serve: impl Fn(TcpStream, u64) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let count = AtomicU64::new(0);
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let Ok(place) = places.clone().try_acquire_owned() else {
                    continue;
                };
                let served = serve(stream, count.fetch_add(1, Ordering::Relaxed));
                tokio::spawn(async move {
                    served.await;
                    drop(place);
                });
            }
            Err(_) => sleep(PAUSE).await,
        }
    }
}

impl Peers {
    /// To the peer that the first frame names; says whether it is there.
    pub(crate) fn send(&self, mut message: Frames) -> bool {
        if message.len() < 2 {
            return false;
        }
        let name = message.remove(0);
        let bytes = encode(&message);
        let mut sent = false;
        self.all().retain(|peer| {
            let takes = peer.name != name || peer.outbox.put(&bytes);
            sent |= takes && peer.name == name;
            takes
        });
        sent
    }

    /// To all who subscribed to what the message begins with.
    pub(crate) fn publish(&self, message: &[Bytes]) {
        let Some(first) = message.first() else { return };
        let bytes = encode(message);
        self.all().retain(|peer| {
            let wants = peer.topics.iter().any(|topic| first.starts_with(topic));
            !wants || peer.outbox.put(&bytes)
        });
    }

    /// Waits until all is written, or [`FAREWELL`] has passed.
    pub(crate) async fn flush(&self) {
        let written = || {
            let peers = self.all();
            peers
                .iter()
                .all(|peer| peer.outbox.unread.load(Ordering::Relaxed) == 0)
        };
        let _ = timeout(FAREWELL, async {
            while !written() {
                sleep(LOOK).await;
            }
        })
        .await;
    }

    fn all(&self) -> MutexGuard<'_, Vec<Peer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remove(&self, connection: u64) {
        self.all().retain(|peer| peer.connection != connection);
    }

    fn subscribe(&self, message: &[Bytes]) {
        let [name, wish] = message else { return };
        let Some((&change, topic)) = wish.split_first() else {
            return;
        };
        let mut peers = self.all();
        let Some(peer) = peers.iter_mut().find(|peer| peer.name == name) else {
            return;
        };
        let known = peer.topics.iter().position(|known| known == topic);
        match (change, known) {
            (SUBSCRIBE, None) if topic.len() <= TOPIC_BYTES && peer.topics.len() < TOPICS => {
                peer.topics.push(Bytes::copy_from_slice(topic));
            }
            (UNSUBSCRIBE, Some(place)) => drop(peer.topics.remove(place)),
            _ => {}
        }
    }

    /// Talks with one peer until it goes.
    async fn serve(
        &self,
        stream: TcpStream,
        connection: u64,
        kind: &str,
        partners: &[&str],
        messages: mpsc::Sender<Frames>,
    ) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let (read, mut write) = stream.into_split();
        let mut reader = Reader::new(BufReader::new(read), MESSAGE_BYTES);
        let hands = shake_hands(&mut reader, &mut write, kind, b"");
        let peer = timeout(INTRODUCTION, hands).await??;
        if !partners.contains(&peer.kind.as_str()) {
            return Ok(());
        }
        let name = match peer.identity.first() {
            // A name that begins with zero is the router's to give.
            Some(1..) if kind == ROUTER => peer.identity,
            _ => numbered(connection),
        };
        let (outbox, mut waiting) = Outbox::new();
        let unread = outbox.unread.clone();
        let writing = tokio::spawn(async move {
            while let Some(message) = waiting.recv().await {
                write.write_all(&message).await?;
                unread.fetch_sub(message.len(), Ordering::Relaxed);
            }
            io::Result::Ok(())
        });
        // With the peer ends its writing, and with that its reading below.
        let peer = Peer {
            connection,
            name: name.clone(),
            outbox,
            topics: Vec::new(),
            task: writing.abort_handle(),
        };
        self.all().push(peer);
        let reading = async {
            loop {
                if let Sent::Message(mut message) = reader.next().await? {
                    message.insert(0, name.clone());
                    if messages.send(message).await.is_err() {
                        return io::Result::Ok(());
                    }
                }
            }
        };
        tokio::select! {
            read = reading => read,
            _ = writing => Ok(()),
        }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Outbox {
    fn new() -> (Outbox, mpsc::UnboundedReceiver<Bytes>) {
        let (messages, waiting) = mpsc::unbounded_channel();
        let unread = Arc::default();
        (Outbox { messages, unread }, waiting)
    }

    /// Says whether the peer still takes messages.
    fn put(&self, message: &Bytes) -> bool {
        let before = self.unread.fetch_add(message.len(), Ordering::Relaxed);
        before <= UNREAD_BYTES && self.messages.send(message.clone()).is_ok()
    }
}

fn numbered(connection: u64) -> Bytes {
    let mut name = BytesMut::new();
    name.put_u8(0);
    name.put_u64(connection);
    name.freeze()
}

#[cfg(test)]
mod tests {
    use super::super::client::{dealer, subscriber};
    use super::*;
    use tokio::io::AsyncReadExt;

    const ANY: &str = "127.0.0.1:0";

    /// A port that is free for the moment.
    async fn free() -> SocketAddr {
        let listener = TcpListener::bind(ANY).await.unwrap();
        listener.local_addr().unwrap()
    }

    fn message(text: &'static str) -> Frames {
        vec![Bytes::from_static(text.as_bytes())]
    }

    /// A peer that speaks by hand.
    async fn stranger(address: SocketAddr, bytes: &[u8]) -> TcpStream {
        let mut stream = TcpStream::connect(address).await.unwrap();
        // The port may have hung up already.
        let _ = stream.write_all(bytes).await;
        stream
    }

    /// Greeting and introduction of a dealer.
    fn introduced() -> Vec<u8> {
        let mut bytes = vec![0; 64];
        (bytes[0], bytes[9], bytes[10]) = (0xff, 0x7f, 3);
        bytes[12..16].copy_from_slice(b"NULL");
        bytes.extend(b"\x04\x1c\x05READY\x0bSocket-Type\0\0\0\x06DEALER");
        bytes
    }

    #[tokio::test]
    async fn a_router_answers_the_peer_that_asked() {
        let address = free().await;
        let (peers, mut messages) = router(address).await.unwrap();
        let (first, mut to_first) = dealer(address, b"first").await.unwrap();
        let (second, mut to_second) = dealer(address, b"").await.unwrap();
        first.send(&message("1"));
        assert_eq!(messages.recv().await.unwrap(), ["first", "1"]);
        second.send(&message("2"));
        let mut asked = messages.recv().await.unwrap();
        asked[1] = Bytes::from("answer");
        assert!(peers.send(asked));
        assert_eq!(to_second.recv().await.unwrap(), ["answer"]);
        assert!(peers.send(vec![Bytes::from("first"), Bytes::from("too")]));
        assert_eq!(to_first.recv().await.unwrap(), ["too"]);
        assert!(!peers.send(vec![Bytes::from("nobody"), Bytes::from("x")]));
    }

    #[tokio::test]
    async fn subscribers_get_what_they_asked_for_and_an_echo_comes_back() {
        let address = free().await;
        let peers = publisher(address).await.unwrap();
        let mut all = subscriber(address).await.unwrap();
        while !peers.all().iter().any(|peer| !peer.topics.is_empty()) {
            tokio::task::yield_now().await;
        }
        peers.publish(&message("news"));
        assert_eq!(all.recv().await.unwrap(), ["news"]);

        let address = free().await;
        echo(address).await.unwrap();
        let (heart, mut beat) = dealer(address, b"").await.unwrap();
        heart.send(&[Bytes::new(), Bytes::from("ping")]);
        assert_eq!(beat.recv().await.unwrap(), ["", "ping"]);
    }

    #[tokio::test]
    async fn hostile_bytes_end_their_own_connection_alone() {
        let address = free().await;
        let (_peers, mut messages) = router(address).await.unwrap();
        let (honest, _) = dealer(address, b"honest").await.unwrap();
        let announced = |length: u64| {
            let mut bytes = introduced();
            bytes.push(2);
            bytes.extend(length.to_be_bytes());
            bytes
        };
        let hostile = [
            announced(1 << 40),
            announced(1 << 62),
            announced(u64::MAX),
            [introduced(), [1, 0].repeat(5000)].concat(),
            [introduced(), vec![4, 3, 200, 1, 2]].concat(),
            b"GET / HTTP/1.1\r\nHost: localhost\r\nAccept: */*\r\nConnection: close\r\n\r\n"
                .to_vec(),
            vec![0; 64],
        ];
        for (number, bytes) in hostile.iter().enumerate() {
            let mut stream = stranger(address, bytes).await;
            if number != 4 {
                // Ends, be it by a reset.
                let _ = stream.read_to_end(&mut Vec::new()).await;
            }
        }
        let half = stranger(address, &introduced()[..70]).await;
        honest.send(&message("still here"));
        assert_eq!(messages.recv().await.unwrap(), ["honest", "still here"]);
        drop(half);
    }

    #[tokio::test]
    async fn too_many_connections_are_refused_and_the_first_ones_served() {
        let address = free().await;
        let (_peers, mut messages) = router(address).await.unwrap();
        let (honest, _) = dealer(address, b"honest").await.unwrap();
        let mut crowd = Vec::new();
        for _ in 0..CONNECTIONS + 8 {
            crowd.push(stranger(address, &[]).await);
        }
        let mut byte = [0; 1];
        // The greeting comes only where there is room.
        let last = crowd.last_mut().unwrap();
        assert!(!matches!(last.read(&mut byte).await, Ok(1)));
        honest.send(&message("still here"));
        assert_eq!(messages.recv().await.unwrap(), ["honest", "still here"]);
        drop(crowd);
        loop {
            // The places are free again as soon as the others are seen to have gone.
            if let Ok((late, _)) = dealer(address, b"late").await {
                late.send(&message("me too"));
                break;
            }
        }
        assert_eq!(messages.recv().await.unwrap(), ["late", "me too"]);
    }

    #[tokio::test]
    async fn a_subscriber_that_does_not_read_is_let_go() {
        let address = free().await;
        let peers = publisher(address).await.unwrap();
        let mut bytes = introduced();
        let kind = bytes.len() - 6;
        bytes.truncate(kind);
        bytes[65] -= 3;
        bytes[kind - 1] = 3;
        bytes.extend(b"SUB\0\x01\x01");
        let idle = stranger(address, &bytes).await;
        while !peers.all().iter().any(|peer| !peer.topics.is_empty()) {
            tokio::task::yield_now().await;
        }
        let large = [Bytes::from(vec![0; 8 << 20])];
        for _ in 0..20 {
            peers.publish(&large);
            tokio::task::yield_now().await;
        }
        assert!(peers.all().is_empty());
        drop(idle);
    }
}
