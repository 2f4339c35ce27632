//! How events get to other systems. Each of these waits until it is done, for [`TIMEOUT`] at
//! most each step, and is used by a thread of its own.

mod file;
mod http;
mod ipfix;
mod syslog;
mod tls;

pub use file::RotatingFile;
pub(super) use http::shown;
pub use http::{Http, HttpTarget, PATH_OF_ALERTS};
pub use ipfix::IpfixTarget;
pub use syslog::{Carrier, SyslogTarget};
pub use tls::{Trust, TrustError};

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs, UdpSocket};
use std::time::Duration;

use thiserror::Error;

/// The longest that a connection, a write or an answer is waited for.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// Why an event was not taken.
#[derive(Debug, Error)]
pub enum SendError {
    /// It may be taken later.
    #[error("{0}")]
    Later(String),
    /// It will never be: it is no use to send it again.
    #[error("{0}")]
    Never(String),
}

impl SendError {
    fn later(error: impl std::fmt::Display) -> Self {
        Self::Later(error.to_string())
    }
}

/// Tries every address of a host with its port, until one can be opened.
fn connect<T>(host: &str, open: impl Fn(SocketAddr) -> io::Result<T>) -> io::Result<T> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
    for address in host.to_socket_addrs()? {
        match open(address) {
            Ok(link) => return Ok(link),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn open_udp(address: SocketAddr) -> io::Result<UdpSocket> {
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => ([0; 4], 0).into(),
        SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
    };
    let socket = UdpSocket::bind(any)?;
    socket.set_write_timeout(Some(TIMEOUT))?;
    socket.connect(address)?;
    Ok(socket)
}

fn open_tcp(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
