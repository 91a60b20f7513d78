use std::fs;
use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, ToSocketAddrs};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// Jupyter's connection file: where a kernel listens, and the key that signs its messages.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Connection {
    pub(crate) transport: String,
    pub(crate) ip: String,
    pub(crate) key: String,
    pub(crate) shell_port: u16,
    pub(crate) iopub_port: u16,
    pub(crate) stdin_port: u16,
    pub(crate) control_port: u16,
    pub(crate) hb_port: u16,
}

impl Connection {
    pub(crate) fn read(path: &Path) -> io::Result<Connection> {
        serde_json::from_slice(&fs::read(path)?).map_err(io::Error::other)
    }

    /// Five free ports of this machine alone.
    ///
    /// They are free again until evcxr_jupyter opens them. So they are ports of an address that no
    /// other process uses: every one that begins with 127 is this machine's.
    pub(crate) fn private(key: &str) -> io::Result<Connection> {
        let [_, high, middle, low] = std::process::id().to_be_bytes();
        let own = Ipv4Addr::new(127, high | 64, middle, low);
        let ip = match TcpListener::bind((own, 0)) {
            Ok(_) => own,
            Err(_) => Ipv4Addr::LOCALHOST,
        };
        let sockets = [(); 5].map(|()| TcpListener::bind((ip, 0)));
        let mut ports = Vec::new();
        for socket in sockets {
            ports.push(socket?.local_addr()?.port());
        }
        Ok(Connection {
            transport: "tcp".to_owned(),
            ip: ip.to_string(),
            key: key.to_owned(),
            shell_port: ports[0],
            iopub_port: ports[1],
            stdin_port: ports[2],
            control_port: ports[3],
            hb_port: ports[4],
        })
    }

    /// Writes the file so that nobody else can read the key.
    pub(crate) fn write(&self, path: &Path) -> io::Result<()> {
        let text = serde_json::to_vec(self)?;
        // The permissions are those of a new file.
        let _ = fs::remove_file(path);
        let mut options = fs::OpenOptions::new();
        let mut file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        file.write_all(&text)
    }

    /// Where one of the ports is.
    ///
    /// # Errors
    /// For a transport other than TCP, and for an address that is none.
    pub(crate) fn address(&self, port: u16) -> io::Result<SocketAddr> {
        if self.transport != "tcp" {
            let message = format!(
                "this kernel listens on TCP ports; the connection file asks for {:?}",
                self.transport
            );
            return Err(io::Error::new(io::ErrorKind::Unsupported, message));
        }
        let address = (self.ip.as_str(), port).to_socket_addrs()?.next();
        address.ok_or_else(|| io::Error::other(format!("{:?} is no address", self.ip)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_written_file_reads_back_and_is_private() -> io::Result<()> {
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("kernel.json");
        let jupyters = r#"{"shell_port": 1, "iopub_port": 2, "stdin_port": 3, "control_port": 4,
            "hb_port": 5, "ip": "127.0.0.1", "key": "secret", "transport": "tcp",
            "signature_scheme": "hmac-sha256", "kernel_name": "labbook"}"#;
        fs::write(&path, jupyters)?;
        let front = Connection::read(&path)?;
        assert_eq!(
            front.address(front.hb_port)?,
            "127.0.0.1:5".parse().unwrap()
        );
        let other = Connection {
            transport: "ipc".to_owned(),
            ..front.clone()
        };
        assert!(other.address(1).is_err());
        let back = Connection::private(&front.key)?;
        back.write(&path)?;
        let read = Connection::read(&path)?;
        assert_eq!(
            (read.key.as_str(), read.shell_port),
            ("secret", back.shell_port)
        );
        assert_eq!(fs::metadata(&path)?.permissions().mode() & 0o777, 0o600);
        Ok(())
    }
}
