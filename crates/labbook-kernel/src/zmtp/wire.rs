use std::io;

use bytes::{BufMut, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::Frames;

/// More frames than this in one message are no message of Jupyter's.
const FRAMES: usize = 1024;
/// A command names a few short properties.
const COMMAND_BYTES: usize = 4096;

// The flags of a frame.
const MORE: u8 = 1;
const LONG: u8 = 2;
const COMMAND: u8 = 4;

/// Length of a greeting, and where in it stand version and mechanism.
const GREETING: usize = 64;
const VERSION: usize = 10;
const MECHANISM: std::ops::Range<usize> = 12..32;
/// Peers need no password: what they say is signed.
const NO_SECURITY: &[u8] = b"NULL";

const READY: &str = "READY";
const TYPE: &str = "Socket-Type";
const IDENTITY: &str = "Identity";

/// What a peer sends after its greeting.
#[derive(Debug)]
pub(super) enum Sent {
    Message(Frames),
    Command(Bytes),
}

/// Who a peer says it is.
#[derive(Debug, PartialEq)]
pub(super) struct Introduction {
    /// The type of its socket, as in `DEALER`.
    pub(super) kind: String,
    /// The name that it wants to have; mostly empty.
    pub(super) identity: Bytes,
}

/// Takes messages apart that have `limit` bytes at most.
#[derive(Debug)]
pub(super) struct Reader<R> {
    stream: R,
    limit: usize,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    pub(super) fn new(stream: R, limit: usize) -> Reader<R> {
        Reader { stream, limit }
    }

    async fn greeting(&mut self) -> io::Result<()> {
        let mut greeting = [0; GREETING];
        self.stream.read_exact(&mut greeting).await?;
        let mechanism = greeting[MECHANISM].strip_prefix(NO_SECURITY);
        let plain = mechanism.is_some_and(|rest| rest.iter().all(|&byte| byte == 0));
        match greeting {
            [0xff, .., _] if greeting[9] == 0x7f && greeting[VERSION] >= 3 && plain => Ok(()),
            _ => Err(invalid("no greeting of ZMTP 3 without security")),
        }
    }

    async fn introduction(&mut self) -> io::Result<Introduction> {
        let Sent::Command(command) = self.next().await? else {
            return Err(invalid("a message before the introduction"));
        };
        read_ready(&command).ok_or_else(|| invalid("no introduction"))
    }

    /// The next message or command. Nothing of an unfinished one can be had again.
    pub(super) async fn next(&mut self) -> io::Result<Sent> {
        let mut frames = Frames::new();
        let mut left = self.limit;
        loop {
            let flags = self.stream.read_u8().await?;
            if flags & !(MORE | LONG | COMMAND) != 0 {
                return Err(invalid("unknown flags"));
            }
            let length = match flags & LONG {
                0 => u64::from(self.stream.read_u8().await?),
                _ => self.stream.read_u64().await?,
            };
            let allowed = if flags & COMMAND == 0 {
                left
            } else {
                COMMAND_BYTES
            };
            if length > allowed as u64 {
                return Err(invalid("a message that is too long"));
            }
            // Grows with what comes, not with what is announced.
            let mut body = Vec::new();
            (&mut self.stream)
                .take(length)
                .read_to_end(&mut body)
                .await?;
            if (body.len() as u64) < length {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            left -= body.len().min(left);
            let body = Bytes::from(body);
            if flags & COMMAND != 0 {
                if flags & MORE != 0 || !frames.is_empty() {
                    return Err(invalid("a command within a message"));
                }
                return Ok(Sent::Command(body));
            }
            frames.push(body);
            if flags & MORE == 0 {
                return Ok(Sent::Message(frames));
            }
            if frames.len() == FRAMES {
                return Err(invalid("a message of too many frames"));
            }
        }
    }
}

/// Greets a peer and tells it who is there; who it is.
pub(super) async fn shake_hands<R, W>(
    reader: &mut Reader<R>,
    writer: &mut W,
    kind: &str,
    identity: &[u8],
) -> io::Result<Introduction>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let mut greeting = [0; GREETING];
    (greeting[0], greeting[9], greeting[VERSION]) = (0xff, 0x7f, 3);
    greeting[MECHANISM][..NO_SECURITY.len()].copy_from_slice(NO_SECURITY);
    writer.write_all(&greeting).await?;
    reader.greeting().await?;
    writer.write_all(&ready(kind, identity)).await?;
    reader.introduction().await
}

/// The bytes of a message.
pub(super) fn encode(frames: &[Bytes]) -> Bytes {
    let size = frames.iter().map(|frame| frame.len() + 9).sum();
    let mut bytes = BytesMut::with_capacity(size);
    for (number, frame) in frames.iter().enumerate() {
        let more = if number + 1 < frames.len() { MORE } else { 0 };
        put_frame(&mut bytes, more, frame);
    }
    bytes.freeze()
}

fn put_frame(bytes: &mut BytesMut, flags: u8, frame: &[u8]) {
    match u8::try_from(frame.len()) {
        Ok(length) => bytes.put_slice(&[flags, length]),
        Err(_) => {
            bytes.put_u8(flags | LONG);
            bytes.put_u64(frame.len() as u64);
        }
    }
    bytes.put_slice(frame);
}

/// The command that introduces a socket. `identity` has 255 bytes at most, by the protocol.
fn ready(kind: &str, identity: &[u8]) -> Bytes {
    let mut command = BytesMut::new();
    put_short(&mut command, READY);
    for (name, value) in [(TYPE, kind.as_bytes()), (IDENTITY, identity)] {
        put_short(&mut command, name);
        command.put_u32(u32::try_from(value.len()).unwrap_or_default());
        command.put_slice(value);
    }
    let mut bytes = BytesMut::new();
    put_frame(&mut bytes, COMMAND, &command);
    bytes.freeze()
}

fn put_short(bytes: &mut BytesMut, text: &str) {
    bytes.put_u8(u8::try_from(text.len()).unwrap_or_default());
    bytes.put_slice(text.as_bytes());
}

fn read_ready(command: &[u8]) -> Option<Introduction> {
    let (name, mut rest) = split_short(command)?;
    if name != READY.as_bytes() {
        return None;
    }
    let mut kind = None;
    let mut identity = Bytes::new();
    while !rest.is_empty() {
        let (name, value) = split_short(rest)?;
        let (length, value) = value.split_at_checked(4)?;
        let length = u32::from_be_bytes(length.try_into().ok()?);
        let (value, after) = value.split_at_checked(usize::try_from(length).ok()?)?;
        if name.eq_ignore_ascii_case(TYPE.as_bytes()) {
            kind = Some(std::str::from_utf8(value).ok()?.to_owned());
        } else if name.eq_ignore_ascii_case(IDENTITY.as_bytes()) {
            identity = Bytes::copy_from_slice(value);
        }
        rest = after;
    }
    let kind = kind?;
    (identity.len() <= usize::from(u8::MAX)).then_some(Introduction { kind, identity })
}

/// A text after its length in one byte, and what follows.
fn split_short(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = bytes.split_first()?;
    rest.split_at_checked(usize::from(length))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &[u8], limit: usize) -> io::Result<Sent> {
        Reader::new(bytes, limit).next().await
    }

    #[tokio::test]
    async fn a_message_reads_back() {
        let frames = [Bytes::new(), Bytes::from(vec![7; 300]), Bytes::from("end")];
        let bytes = encode(&frames);
        match read(&bytes, 303).await {
            Ok(Sent::Message(read)) => assert_eq!(read, frames),
            other => panic!("{other:?}"),
        }
        assert!(read(&bytes, 302).await.is_err());
        assert!(read(&bytes[..bytes.len() - 1], 303).await.is_err());
    }

    #[tokio::test]
    async fn nothing_is_reserved_for_what_is_only_announced() {
        for length in [1 << 40, 1 << 62, u64::MAX] {
            for flags in [LONG, LONG | MORE, LONG | COMMAND] {
                let mut bytes = vec![flags];
                bytes.extend(length.to_be_bytes());
                assert!(read(&bytes, 1 << 20).await.is_err(), "{length} {flags}");
            }
        }
        // Within the limit, but never sent.
        let mut bytes = vec![LONG];
        bytes.extend((usize::MAX as u64 / 2).to_be_bytes());
        assert!(read(&bytes, usize::MAX / 2).await.is_err());
    }

    #[tokio::test]
    async fn floods_of_frames_and_flags_without_meaning_end_the_conversation() {
        let flood = [MORE, 0].repeat(FRAMES + 1);
        assert!(read(&flood, 1 << 20).await.is_err());
        assert!(read(&[0x80, 0], 9).await.is_err());
        let command_within = [MORE, 1, b'a', COMMAND, 0];
        assert!(read(&command_within, 9).await.is_err());
    }

    #[test]
    fn an_introduction_reads_back_and_a_cut_one_is_none() {
        let frame = ready("DEALER", b"me");
        let command = &frame[2..];
        let introduction = read_ready(command);
        let expected = Introduction {
            kind: "DEALER".to_owned(),
            identity: Bytes::from_static(b"me"),
        };
        assert_eq!(introduction, Some(expected));
        // Some begin a property, others end between two; without a type there is none.
        let whole = (0..command.len()).filter(|&end| read_ready(&command[..end]).is_some());
        assert_eq!(whole.collect::<Vec<_>>(), [command.len() - 2 - 4 - 9]);
        let mut huge = b"\x05READY\x0bSocket-Type".to_vec();
        huge.extend(u32::MAX.to_be_bytes());
        assert_eq!(read_ready(&huge), None);
    }

    #[tokio::test]
    async fn another_version_mechanism_or_protocol_is_refused() {
        let greeting = |version: u8, mechanism: &[u8]| {
            let mut bytes = [0; GREETING];
            (bytes[0], bytes[9], bytes[VERSION]) = (0xff, 0x7f, version);
            bytes[12..12 + mechanism.len()].copy_from_slice(mechanism);
            bytes
        };
        let takes = async |bytes: &[u8]| Reader::new(bytes, 9).greeting().await.is_ok();
        assert!(takes(&greeting(3, NO_SECURITY)).await);
        assert!(!takes(&greeting(2, NO_SECURITY)).await);
        assert!(!takes(&greeting(3, b"NULLIFY")).await);
        assert!(!takes(&greeting(3, b"CURVE")).await);
        assert!(!takes(&greeting(3, NO_SECURITY)[..63]).await);
        assert!(!takes("GET / HTTP/1.1\r\nHost: localhost\r\n".repeat(3).as_bytes()).await);
    }
}
