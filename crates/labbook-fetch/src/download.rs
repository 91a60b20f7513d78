use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use ureq::http::Response;
use ureq::http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, LOCATION, RANGE};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body};

use crate::address::Address;
use crate::fetch_error::io_error;
use crate::{FetchError, Options, Progress};

const REDIRECTS: usize = 5;

/// Brings `part` to the archive's full length, going on from what it holds already.
///
/// The bytes are not checked here, except that a web page is told from an archive.
pub(crate) fn download(
    part: &Path,
    options: &Options,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), FetchError> {
    let total = options.bytes;
    let mut start = fs::metadata(part).map_or(0, |found| found.len());
    if start == total {
        return Ok(());
    }
    if start > total {
        start = 0;
    }
    let mut answer = Answer::to(options, start)?;
    if start > 0 && !answer.continues_at(start) && answer.status() != 200 {
        // The server cannot go on there (416, or another range than asked): from the beginning.
        if matches!(answer.status(), 206 | 416) {
            start = 0;
            answer = Answer::to(options, start)?;
        }
    }
    answer.check(options, start)?;
    if answer.status() == 200 {
        start = 0;
    }
    answer.save(part, start, options, progress)
}

/// A server's answer, its first bytes read already.
struct Answer {
    url: String,
    response: Response<Body>,
    first: Vec<u8>,
}

impl Answer {
    /// Asks for the bytes from `start` on, following redirects that stay safe.
    fn to(options: &Options, start: u64) -> Result<Self, FetchError> {
        let mut address = Address::new(&options.url)?;
        for _ in 0..=REDIRECTS {
            let agent = agent(&address, options);
            let mut request = agent.get(address.uri());
            if start > 0 {
                request = request.header(RANGE, format!("bytes={start}-"));
            }
            let url = address.uri().to_string();
            let response = request.call().map_err(|error| match error {
                ureq::Error::Timeout(_) => stalled(options, start),
                other => FetchError::Unreachable {
                    url: url.clone(),
                    source: Box::new(other),
                },
            })?;
            let location = response.headers().get(LOCATION);
            match location.and_then(|location| location.to_str().ok()) {
                Some(location) if response.status().is_redirection() => {
                    address = address.redirected(location)?;
                }
                _ => {
                    return Ok(Self {
                        url,
                        response,
                        first: Vec::new(),
                    });
                }
            }
        }
        Err(FetchError::TooManyRedirects {
            url: options.url.clone(),
            limit: REDIRECTS,
        })
    }

    fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    fn header(&self, name: ureq::http::HeaderName) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// First byte and full length of a `Content-Range: bytes 5-9/10`; the length may be unknown.
    fn range(&self) -> Option<(u64, Option<u64>)> {
        let (range, length) = self
            .header(CONTENT_RANGE)?
            .strip_prefix("bytes ")?
            .split_once('/')?;
        let (first, _) = range.split_once('-')?;
        Some((first.trim().parse().ok()?, length.trim().parse().ok()))
    }

    fn continues_at(&self, start: u64) -> bool {
        self.status() == 206 && self.range().is_some_and(|(first, _)| first == start)
    }

    /// Refuses what cannot be the archive, before anything on disk is touched.
    fn check(&mut self, options: &Options, start: u64) -> Result<(), FetchError> {
        let status = self.status();
        if status != 200 && !self.continues_at(start) {
            let url = self.url.clone();
            return Err(FetchError::Status { url, status });
        }
        let is_new = status == 200;
        if is_new {
            // Only a file's beginning tells what it is.
            let reader = self.response.body_mut().as_reader();
            let read = reader.take(512).read_to_end(&mut self.first);
            read.map_err(|error| broken(&error, options, start))?;
        }
        let is_html = self
            .header(CONTENT_TYPE)
            .is_some_and(|kind| kind.starts_with("text/html"));
        if is_html || self.first.trim_ascii_start().starts_with(b"<") {
            let url = self.url.clone();
            return Err(FetchError::WebPage { url });
        }
        let announced = if is_new {
            self.header(CONTENT_LENGTH)
                .and_then(|length| length.parse().ok())
        } else {
            self.range().and_then(|(_, length)| length)
        };
        match announced {
            Some(found) if found != options.bytes => Err(FetchError::WrongLength {
                url: self.url.clone(),
                expected: options.bytes,
                found,
            }),
            _ => Ok(()),
        }
    }

    fn save(
        mut self,
        part: &Path,
        start: u64,
        options: &Options,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<(), FetchError> {
        let total = options.bytes;
        let mut file = opened(part, start)?;
        let mut received = start;
        let mut body = self
            .first
            .as_slice()
            .chain(self.response.body_mut().as_reader());
        let mut buffer = vec![0; 1 << 16];
        loop {
            progress(Progress::Downloading { received, total });
            let n = match body.read(&mut buffer) {
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(broken(&error, options, received)),
            };
            if n == 0 {
                break;
            }
            if received + n as u64 > total {
                drop(file);
                fs::remove_file(part).map_err(io_error("delete", part))?;
                return Err(FetchError::WrongLength {
                    url: self.url,
                    expected: total,
                    found: received + n as u64,
                });
            }
            file.write_all(&buffer[..n])
                .map_err(io_error("write", part))?;
            received += n as u64;
        }
        file.sync_all().map_err(io_error("write", part))?;
        if received < total {
            return Err(FetchError::Truncated { received, total });
        }
        Ok(())
    }
}

fn agent(address: &Address, options: &Options) -> Agent {
    // The system's certificates, so that a company's own authority counts.
    let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
    let patience = Some(options.stall);
    let mut config = Agent::config_builder()
        .tls_config(tls.build())
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_resolve(patience)
        .timeout_connect(patience)
        .timeout_recv_response(patience)
        .timeout_per_read(patience)
        .timeout_per_write(patience);
    if address.is_loopback() {
        config = config.proxy(None);
    }
    config.build().new_agent()
}

/// The file, cut to `start` bytes and ready to be continued there.
fn opened(part: &Path, start: u64) -> Result<File, FetchError> {
    let file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(part)
        .map_err(io_error("open", part))?;
    file.set_len(start).map_err(io_error("write", part))?;
    Ok(file)
}

fn stalled(options: &Options, received: u64) -> FetchError {
    FetchError::Stalled {
        patience: options.stall,
        received,
        total: options.bytes,
    }
}

/// A body that stopped coming: silence, or an end before its time.
fn broken(error: &io::Error, options: &Options, received: u64) -> FetchError {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    if matches!(inner, Some(ureq::Error::Timeout(_))) || error.kind() == io::ErrorKind::TimedOut {
        return stalled(options, received);
    }
    FetchError::Truncated {
        received,
        total: options.bytes,
    }
}
