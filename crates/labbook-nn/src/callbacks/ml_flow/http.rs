//! As much of HTTP as a server on this machine or network needs that is asked for JSON.

use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

use serde_json::Value;

/// A training shall not hang on a server.
const PATIENCE: Duration = Duration::from_secs(10);
/// A longer answer is none of a tracking server.
const MAX_BYTES: u64 = 16 << 20;

/// Where a server is, of an address such as `http://127.0.0.1:5000`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    /// Name and port.
    host: String,
    /// What stands before every path.
    prefix: String,
}

/// What a server answered.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Value,
}

impl Server {
    pub(super) fn parse(address: &str) -> Result<Self, String> {
        let rest = address
            .strip_prefix("http://")
            .filter(|rest| !rest.is_empty() && !rest.starts_with('/'));
        let rest = rest.ok_or_else(|| {
            format!(
                "address: expected one such as http://127.0.0.1:5000, received {address}; for https, start a \
                 server on this machine"
            )
        })?;
        let (host, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let host = if host.contains(':') {
            host.to_owned()
        } else {
            format!("{host}:80")
        };
        let prefix = prefix.trim_end_matches('/');
        let prefix = if prefix.is_empty() {
            String::new()
        } else {
            format!("/{prefix}")
        };
        Ok(Self { host, prefix })
    }

    /// Asks for a path; with a body by POST, without one by GET.
    pub(super) fn ask(&self, path: &str, body: Option<&Value>) -> Result<Answer, String> {
        self.exchange(path, body).map_err(|error| {
            format!(
                "cannot reach http://{}: {error}; is the server running?",
                self.host
            )
        })
    }

    fn exchange(&self, path: &str, body: Option<&Value>) -> std::io::Result<Answer> {
        let mut found = self.host.to_socket_addrs()?;
        let address = found
            .next()
            .ok_or_else(|| std::io::Error::other("it has no address"))?;
        let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        let method = if body.is_some() { "POST" } else { "GET" };
        let text = body.map_or_else(String::new, Value::to_string);
        // Version 1.0: the answer comes in one piece and ends with the connection.
        let request = format!(
            "{method} {}{path} HTTP/1.0\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{text}",
            self.prefix,
            self.host,
            text.len()
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        stream.take(MAX_BYTES).read_to_end(&mut answer)?;
        parse(&answer).ok_or_else(|| std::io::Error::other("its answer is not HTTP"))
    }
}

fn parse(answer: &[u8]) -> Option<Answer> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut words = head.split_whitespace();
    let status = words.next()?.starts_with("HTTP/").then(|| words.next())??;
    Some(Answer {
        status: status.parse().ok()?,
        body: serde_json::from_str(body).unwrap_or(Value::Null),
    })
}

/// A text as part of an address's question.
pub(super) fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let letters = text.bytes().map(|byte| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    });
    letters.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_answers_are_read_or_refused() {
        let server = |host: &str, prefix: &str| {
            Ok(Server {
                host: host.to_owned(),
                prefix: prefix.to_owned(),
            })
        };
        assert_eq!(
            Server::parse("http://localhost:5000"),
            server("localhost:5000", "")
        );
        assert_eq!(
            Server::parse("http://tracker/ml/"),
            server("tracker:80", "/ml")
        );
        for wrong in ["https://x", "localhost:5000", "http://", "http:///x"] {
            assert!(
                Server::parse(wrong).is_err_and(|text| text.contains(wrong)),
                "{wrong}"
            );
        }
        let answer =
            parse(b"HTTP/1.1 404 NOT FOUND\r\nServer: x\r\n\r\n{\"error_code\": \"X\"}").unwrap();
        assert_eq!(
            (answer.status, answer.body["error_code"].as_str()),
            (404, Some("X"))
        );
        assert_eq!(parse(b"SSH-2.0"), None);
        assert_eq!(escaped("a b/ü"), "a%20b%2F%C3%BC");
    }
}
