//! A collector of IPFIX: datagrams (RFC 7011 section 10.3) or one connection (section 10.4).

use std::io::{self, Read, Write};
use std::net::{TcpStream, UdpSocket};

use super::{Carrier, SendError, connect, open_tcp, open_udp};
use crate::sink::FlowEvent;
use crate::sink::ipfix::IpfixMessages;

/// Where messages go.
#[derive(Debug)]
pub struct IpfixTarget {
    /// Host and port.
    address: String,
    is_stream: bool,
    open: Option<Session>,
    /// Of datagrams, which are one session however often the socket is opened.
    datagrams: IpfixMessages,
}

#[derive(Debug)]
enum Session {
    Udp(UdpSocket),
    Tcp(TcpStream, IpfixMessages),
}

impl IpfixTarget {
    /// Names a collector by host and port; nothing is opened yet.
    pub fn new(address: &str, carrier: Carrier) -> Self {
        Self {
            address: address.to_owned(),
            is_stream: carrier != Carrier::Udp,
            open: None,
            datagrams: IpfixMessages::for_datagrams(),
        }
    }

    /// Sends flows in as many messages as they take. Returns how many went out, and why not all.
    pub fn send(&mut self, flows: &[FlowEvent]) -> (usize, Result<(), SendError>) {
        let mut sent = 0;
        while let Some(rest) = flows.get(sent..).filter(|rest| !rest.is_empty()) {
            match self.send_next(rest) {
                Ok(told) => sent += told,
                Err(error) => {
                    let why = format!("{}: {error}", self.address);
                    return (sent, Err(SendError::Later(why)));
                }
            }
        }
        (sent, Ok(()))
    }

    fn send_next(&mut self, flows: &[FlowEvent]) -> io::Result<usize> {
        let session = match self.open.take().filter(Session::is_open) {
            Some(session) => session,
            None => self.connect()?,
        };
        match session {
            Session::Udp(socket) => {
                let message = self.datagrams.next(flows);
                // That nobody listens is told of a datagram that was sent before.
                let sent = socket.send(&message.bytes);
                sent.or_else(|_| socket.send(&message.bytes))?;
                self.datagrams.sent(&message, flows);
                self.open = Some(Session::Udp(socket));
                Ok(message.flows)
            }
            Session::Tcp(mut stream, mut messages) => {
                let message = messages.next(flows);
                // What was written in part spoils the connection, which is then let go.
                stream.write_all(&message.bytes)?;
                messages.sent(&message, flows);
                self.open = Some(Session::Tcp(stream, messages));
                Ok(message.flows)
            }
        }
    }

    fn connect(&self) -> io::Result<Session> {
        connect(&self.address, |address| match self.is_stream {
            false => open_udp(address).map(Session::Udp),
            true => {
                let stream = open_tcp(address)?;
                Ok(Session::Tcp(stream, IpfixMessages::for_stream()))
            }
        })
    }
}

impl Session {
    /// Whether the other side still listens, as far as can be told without waiting. Nothing is
    /// to be said by it, and what is said is thrown away.
    fn is_open(&self) -> bool {
        let Self::Tcp(stream, _) = self else {
            return true;
        };
        let mut stream = stream;
        let mut said = [0; 512];
        let read = stream
            .set_nonblocking(true)
            .and_then(|()| stream.read(&mut said));
        let is_silent = match read {
            Ok(bytes) => bytes > 0,
            Err(error) => error.kind() == io::ErrorKind::WouldBlock,
        };
        stream.set_nonblocking(false).is_ok() && is_silent
    }
}
