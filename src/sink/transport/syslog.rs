//! Messages of syslog: datagrams (RFC 5426), and streams in which the length stands before each
//! message (RFC 6587, section 3.4.1), plain or in TLS (RFC 5425).
//!
//! Syslog tells nothing back. What was handed to the connection counts as delivered; whether the
//! other side has hung up is looked at before each message.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};
use serde::Deserialize;

use super::{SendError, Trust, TrustError, connect, open_tcp, open_udp};

/// What carries messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Carrier {
    /// A datagram each, which may be lost unseen.
    Udp,
    /// One connection.
    Tcp,
    /// One connection that nobody reads along.
    Tls,
}

/// Where messages go.
#[derive(Debug)]
pub struct SyslogTarget {
    /// Host and port.
    address: String,
    carrier: Carrier,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    open: Option<Link>,
}

#[derive(Debug)]
enum Link {
    Udp(UdpSocket),
    Tcp(TcpStream),
    Tls(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// Bytes of a datagram at most.
const DATAGRAM_BYTES_MAX: usize = 65_507;

impl SyslogTarget {
    /// Names a target; nothing is opened yet. `address` is host and port, an IPv6 address in
    /// brackets. `trust` is needed for TLS.
    ///
    /// # Errors
    /// Where the certificates do not go together, or the host is no name that one can be for.
    pub fn new(address: &str, carrier: Carrier, trust: Option<&Trust>) -> Result<Self, TrustError> {
        let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let tls = trust.map(|trust| {
            let name = ServerName::try_from(host.to_owned());
            let name = name.map_err(|error| rustls::Error::General(error.to_string()))?;
            Ok::<_, TrustError>((Arc::new(trust.client()?), name))
        });
        Ok(Self {
            address: address.to_owned(),
            carrier,
            tls: tls.transpose()?,
            open: None,
        })
    }

    /// Sends a message.
    ///
    /// # Errors
    /// Where nobody takes it.
    pub fn send(&mut self, message: &str) -> Result<(), SendError> {
        if self.carrier == Carrier::Udp && message.len() > DATAGRAM_BYTES_MAX {
            let bytes = message.len();
            let why = format!("{}: {bytes} bytes are no datagram", self.address);
            return Err(SendError::Never(why));
        }
        let told = |error: io::Error| SendError::Later(format!("{}: {error}", self.address));
        let open = self.open.take().and_then(Link::if_open);
        let open = match open {
            Some(link) => link,
            None => self.connect().map_err(told)?,
        };
        self.open = Some(open.send(message).map_err(told)?);
        Ok(())
    }

    /// Tries every address of the host.
    fn connect(&self) -> io::Result<Link> {
        connect(&self.address, |address| self.connect_to(address))
    }

    fn connect_to(&self, address: SocketAddr) -> io::Result<Link> {
        if self.carrier == Carrier::Udp {
            return open_udp(address).map(Link::Udp);
        }
        let stream = open_tcp(address)?;
        let Some((config, name)) = &self.tls else {
            return Ok(Link::Tcp(stream));
        };
        let connection = ClientConnection::new(Arc::clone(config), name.clone());
        let connection = connection.map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, stream);
        // A certificate that is not trusted is found out now, and not with the first message.
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Link::Tls(Box::new(stream)))
    }
}

impl Link {
    /// This, if the other side still listens as far as can be told without waiting.
    fn if_open(mut self) -> Option<Self> {
        let (stream, connection) = match &mut self {
            Self::Udp(_) => return Some(self),
            Self::Tcp(stream) => (stream, None),
            Self::Tls(stream) => (&mut stream.sock, Some(&mut stream.conn)),
        };
        stream.set_nonblocking(true).ok()?;
        let is_open = match connection {
            None => {
                // Nothing is to be said by the other side, and what is said is thrown away.
                let mut said = [0; 512];
                would_block(stream.read(&mut said))
            }
            Some(connection) => {
                let read = connection.read_tls(stream);
                let is_open = would_block(read);
                let state = connection.process_new_packets();
                is_open && state.is_ok_and(|state| !state.peer_has_closed())
            }
        };
        stream.set_nonblocking(false).ok()?;
        is_open.then_some(self)
    }

    fn send(mut self, message: &str) -> io::Result<Self> {
        match &mut self {
            Self::Udp(socket) => {
                socket.send(message.as_bytes())?;
            }
            Self::Tcp(stream) => stream.write_all(counted(message).as_bytes())?,
            Self::Tls(stream) => {
                stream.write_all(counted(message).as_bytes())?;
                stream.flush()?;
            }
        }
        Ok(self)
    }
}

/// Whether a stream that was read without waiting is not at its end.
fn would_block(read: io::Result<usize>) -> bool {
    match read {
        Ok(bytes) => bytes > 0,
        Err(error) => error.kind() == io::ErrorKind::WouldBlock,
    }
}

fn counted(message: &str) -> String {
    format!("{} {message}", message.len())
}
