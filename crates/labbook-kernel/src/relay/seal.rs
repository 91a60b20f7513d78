//! Closes evcxr_jupyter's ports to newcomers.
//!
//! evcxr_jupyter ends, with all variables, when somebody announces a message too long for its memory,
//! and any user of the machine can connect to its ports. Only the relay needs to, once. So as soon as it
//! has, the sockets that listen there get a filter that drops whatever comes for them.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::path::Path;
use std::{fs, mem};

use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};
use socket2::{SockFilter, SockRef};

// States of a connection in /proc/net/tcp.
const ESTABLISHED: &str = "01";
const LISTENS: &str = "0A";

/// `BPF_RET | BPF_K`: how much of a packet to keep.
const RETURN: u16 = 6;

/// A line of /proc/net/tcp.
#[derive(Debug, PartialEq)]
struct Line {
    local: SocketAddr,
    remote: SocketAddr,
    state: String,
    inode: String,
}

/// Lets nobody connect any more to these `ports` of a process, a child of this one.
///
/// # Errors
/// When the system does not let one process see to another's sockets (containers may forbid it), or
/// when somebody who is not among `ours` is connected already.
pub(super) fn seal(process: u32, ports: &[SocketAddr], ours: &[SocketAddr]) -> io::Result<()> {
    let lines = lines(&fs::read_to_string("/proc/net/tcp")?);
    let behind = || lines.iter().filter(|line| ports.contains(&line.local));
    let pid = i32::try_from(process).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| io::Error::other("no such process"))?;
    let process_file = pidfd_open(pid, PidfdFlags::empty())?;
    let mut sealed = 0;
    for entry in fs::read_dir(format!("/proc/{process}/fd"))?.flatten() {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        let listens = |line: &Line| {
            line.state == LISTENS && target == Path::new(&format!("socket:[{}]", line.inode))
        };
        let number = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        if let (true, Some(number)) = (behind().any(listens), number) {
            let socket = pidfd_getfd(&process_file, number, PidfdGetfdFlags::empty())?;
            SockRef::from(&socket).attach_filter(&[SockFilter::new(RETURN, 0, 0, 0)])?;
            sealed += 1;
        }
    }
    if sealed < ports.len() {
        return Err(io::Error::other("not all of its sockets are to be seen"));
    }
    // Looked at again: from here on there are no newcomers.
    let lines = self::lines(&fs::read_to_string("/proc/net/tcp")?);
    let stranger = lines.iter().find(|line| {
        ports.contains(&line.local) && line.state == ESTABLISHED && !ours.contains(&line.remote)
    });
    match stranger {
        Some(line) => Err(io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("{} connected to it before", line.remote),
        )),
        None => Ok(()),
    }
}

fn lines(table: &str) -> Vec<Line> {
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        Some(Line {
            local: address(words.nth(1)?)?,
            remote: address(words.next()?)?,
            state: words.next()?.to_owned(),
            inode: words.nth(5)?.to_owned(),
        })
    };
    table.lines().skip(1).filter_map(line).collect()
}

/// An address as in `0100007F:1F90`; its bytes are in the machine's own order.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let ip = u32::from_str_radix(ip, 16)
        .ok()
        .filter(|_| ip.len() == 2 * mem::size_of::<u32>())?;
    let ip = Ipv4Addr::from(ip.to_ne_bytes());
    let port = u16::from_str_radix(port, 16).ok()?;
    Some(SocketAddrV4::new(ip, port).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::time::Duration;

    #[test]
    fn a_line_of_the_table_is_read() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  \
                     timeout inode\n   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 \
                     00000000  1000        0 4711 1 0000000000000000 100 0 0 10 0\n";
        let expected = Line {
            local: "127.0.0.1:8080".parse().unwrap(),
            remote: "0.0.0.0:0".parse().unwrap(),
            state: LISTENS.to_owned(),
            inode: "4711".to_owned(),
        };
        if cfg!(target_endian = "little") {
            assert_eq!(lines(table), [expected]);
        }
        assert_eq!(lines("nothing\nof the kind"), []);
    }

    #[test]
    fn who_is_connected_stays_and_nobody_else_comes() -> io::Result<()> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?;
        let ours = TcpStream::connect(port)?;
        let (mut accepted, _) = listener.accept()?;
        let sealed = seal(std::process::id(), &[port], &[ours.local_addr()?]);
        if sealed
            .as_ref()
            .is_err_and(|error| error.raw_os_error().is_some())
        {
            // The system forbids it, as some containers do.
            return Ok(());
        }
        sealed?;
        assert!(TcpStream::connect_timeout(&port, Duration::from_millis(50)).is_err());
        io::Write::write_all(&mut (&ours), b"x")?;
        io::Read::read_exact(&mut accepted, &mut [0])?;
        let stranger = seal(std::process::id(), &[port], &[]).unwrap_err();
        assert_eq!(stranger.kind(), io::ErrorKind::PermissionDenied);
        Ok(())
    }
}
