//! TLS: what the two hellos say before everything else is encrypted.
//!
//! Read are the versions SSL 2.0 (only its hellos, as far as they tell a version) to TLS 1.3
//! (RFC 8446), and TLCP (GB/T 38636-2020), which is TLS 1.1 under another number. Records
//! and handshake messages may be cut anywhere: a message may span records and a record may
//! carry messages. Of certificates the first one of the server is read, which stands in the
//! clear before TLS 1.3.

mod hello;
mod record;

pub(super) use hello::{ClientHello, Numbers};
pub(super) use record::Flight;

use std::sync::Arc;

use hello::ServerHello;
use record::{
    ALERT, APPLICATION_DATA, CHANGE_CIPHER_SPEC, CLIENT_HELLO, FATAL, HANDSHAKE, RECORD_BYTES_MAX,
    SERVER_HELLO, WARNING, is_version,
};

use super::certificate::{self, Certificate};
use super::cursor::Cursor;
use super::ja4::ja4;
use super::prefix::PREFIX_BYTES_MAX;
use super::text::{Short, shown};
use super::{Application, Protection, Reading, Said, Tls};

/// Reads the beginnings of both directions; the client is who sends the client's hello.
/// `is_over` says that no more of either will come.
///
/// It is done when both hellos are known and, before TLS 1.3, the server's certificate and the
/// group that it names behind that, or when the rest cannot come any more.
pub(super) fn read(client: &[u8], server: &[u8], is_over: bool) -> Reading {
    match begins(client) {
        Some(true) => {}
        None if !is_over => return Reading::More,
        None if begins(server) == Some(true) => {}
        _ => return Reading::Done(Said::default()),
    }
    if server.is_empty() && !is_over && client.len() < PREFIX_BYTES_MAX {
        return Reading::More;
    }
    let is_shut = |bytes: &[u8]| is_over || bytes.len() >= PREFIX_BYTES_MAX;
    let server_flight = Flight::of_records(server, is_shut(server));
    let answer = Answer::of_stream(server, &server_flight);
    if !answer.is_settled {
        return Reading::More;
    }
    let offer = if is_old(client) {
        Offer::of_old(client, is_shut(client))
    } else {
        let flight = Flight::of_records(client, is_shut(client));
        Offer::of(&flight, Application::Tls)
    };
    agreed(offer, &answer)
}

/// Whether a direction begins with a record of TLS or a hello of SSL 2.0; nothing while
/// there are too few bytes to tell.
pub(super) fn begins(bytes: &[u8]) -> Option<bool> {
    if is_old(bytes) {
        return begins_old(bytes);
    }
    let mut cursor = Cursor::new(bytes);
    let kind = cursor.byte()?;
    if !matches!(kind, CHANGE_CIPHER_SPEC..=APPLICATION_DATA) {
        return Some(false);
    }
    let (version, length) = (cursor.u16()?, cursor.u16()?);
    if !is_version(version) || !(1..=RECORD_BYTES_MAX).contains(&length) {
        return Some(false);
    }
    let first = cursor.byte()?;
    Some(match kind {
        CHANGE_CIPHER_SPEC => (length, first) == (1, 1),
        ALERT => length == 2 && matches!(first, WARNING | FATAL),
        HANDSHAKE => matches!(first, HELLO_REQUEST | CLIENT_HELLO | SERVER_HELLO),
        _ => true,
    })
}

/// What a conversation comes to by the offer of the client and the answer of the server.
pub(super) fn agreed(offer: Offer, answer: &Answer<'_>) -> Reading {
    if !offer.is_settled || !answer.is_settled {
        return Reading::More;
    }
    let (application, offered) = (offer.application, offer.hello);
    let chosen = answer.hello.as_ref();
    let is_said = offered.is_some() || chosen.is_some();
    let offered = offered.unwrap_or_default();
    let tls = Tls {
        version: chosen.map_or(offered.version, |it| it.version),
        suite: chosen.map_or(0, |it| it.suite),
        group: chosen.map_or(0, |it| it.group),
        has_encrypted_hello: offered.has_encrypted_hello,
        is_answered: chosen.is_some(),
    };
    let protocol = chosen.and_then(|it| it.protocol).and_then(Short::shown);
    let certificate = answer.certificate(offered.server_name.as_deref());
    let is_weak = certificate.as_ref().is_some_and(Certificate::is_weak);
    let protection = match Protection::of_tls(&tls) {
        Protection::Standard if is_weak => Protection::Weak,
        protection => protection,
    };
    Reading::Done(Said {
        application,
        protection,
        server_name: offered.server_name,
        ja4: offered.ja4,
        tls: is_said.then_some(tls),
        alpn: protocol.or(offered.protocol),
        certificate: certificate.map(Arc::new),
        ..Said::default()
    })
}

/// What the client offers, as far as it is known.
#[derive(Clone, Debug)]
pub struct Offer {
    application: Application,
    hello: Option<Offered>,
    is_settled: bool,
}

/// What is kept of a client's hello.
#[derive(Clone, Debug, Default)]
struct Offered {
    /// The highest version.
    version: u16,
    has_encrypted_hello: bool,
    server_name: Option<Arc<str>>,
    ja4: Option<Short<36>>,
    /// The first protocol.
    protocol: Option<Short<23>>,
}

impl Offered {
    fn new(hello: &ClientHello<'_>, application: Application) -> Self {
        let transport = match application {
            Application::Quic => b'q',
            Application::Dtls => b'd',
            _ => b't',
        };
        Self {
            version: hello.version_offered(),
            has_encrypted_hello: hello.has_encrypted_hello,
            server_name: hello.server_name.and_then(shown),
            // A fingerprint of half a hello would be that of no client.
            ja4: hello.is_whole.then(|| ja4(hello, transport)),
            protocol: hello.protocol.and_then(Short::shown),
        }
    }
}

impl Offer {
    /// Reads the first hello. A second one, where the server asks for it, offers the same
    /// (RFC 8446 section 4.1.2).
    pub(super) fn of(flight: &Flight<'_>, application: Application) -> Self {
        let Some(first) = flight.messages().next() else {
            return Self {
                application,
                hello: None,
                is_settled: flight.is_closed,
            };
        };
        let is_hello = first.kind == CLIENT_HELLO;
        let is_settled = !is_hello || first.is_whole || flight.is_closed;
        let mut hello = None;
        if is_hello && is_settled {
            hello = ClientHello::read(first.body, application == Application::Dtls);
        }
        if let Some(hello) = &mut hello {
            hello.is_whole &= first.is_whole;
        }
        Self {
            application,
            hello: hello.map(|hello| Offered::new(&hello, application)),
            is_settled,
        }
    }

    /// Reads the hello of SSL 2.0 with which old clients begin any version (RFC 5246
    /// appendix E.2).
    fn of_old(bytes: &[u8], is_shut: bool) -> Self {
        let hello = old_hello(bytes);
        Self {
            application: Application::Tls,
            hello: hello.map(|hello| Offered::new(&hello, Application::Tls)),
            is_settled: is_shut || old_message(bytes).is_some(),
        }
    }

    /// The offer with which a stream begins, once its hello has come whole. What follows of
    /// the client then changes nothing.
    pub(super) fn begun(client: &[u8]) -> Option<Self> {
        let offer = Self::of(&Flight::of_records(client, false), Application::Tls);
        offer.is_settled.then_some(offer)
    }

    /// What the conversation comes to by what the server has sent so far, once that is known;
    /// `is_over` says that no more will come. It has been told then and is not to be asked
    /// for again.
    pub fn answered(&mut self, server: &[u8], is_over: bool) -> Reading {
        let is_shut = is_over || server.len() >= PREFIX_BYTES_MAX;
        if server.is_empty() && !is_over {
            return Reading::More;
        }
        let flight = Flight::of_records(server, is_shut);
        let answer = Answer::of_stream(server, &flight);
        if !answer.is_settled {
            return Reading::More;
        }
        let told = Self {
            hello: self.hello.take(),
            ..*self
        };
        agreed(told, &answer)
    }
}

/// Whether a server that has sent so much is about to show its first certificate, or the rest
/// of it. To be asked where no more would be read otherwise.
pub fn awaits_certificate(server: &[u8]) -> bool {
    let flight = Flight::of_records(server, false);
    let answer = Answer::of(&flight);
    let is_to_come = |it: &ServerHello<'_>| !it.is_retry && it.shows_certificates();
    let is_there = || {
        answer
            .certificates
            .is_some_and(|it| certificate::own(it).is_some())
    };
    !flight.is_closed && answer.hello.as_ref().is_some_and(is_to_come) && !is_there()
}

/// What the server answers, as far as it is known.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    hello: Option<ServerHello<'a>>,
    /// The message with certificates, as far as it is there.
    certificates: Option<&'a [u8]>,
    is_settled: bool,
}

impl<'a> Answer<'a> {
    /// Reads what a stream begins with, of which these are the messages if it is TLS.
    fn of_stream(bytes: &[u8], flight: &'a Flight<'_>) -> Self {
        if is_old(bytes) {
            return Self::of_old(bytes, flight.is_shut);
        }
        Self::of(flight)
    }

    /// Reads the hello that counts, and the group where it is named in a later message.
    pub(super) fn of(flight: &'a Flight<'_>) -> Self {
        let mut hello: Option<ServerHello<'_>> = None;
        let mut certificates = None;
        for message in flight.messages() {
            let is_last = match message.kind {
                // Only the first of them counts, and the last ones often are not there.
                CERTIFICATE if hello.is_some() => {
                    certificates = Some(message.body);
                    let is_there = certificate::own(message.body).is_some();
                    is_there && hello.as_ref().is_none_or(|it| !it.has_late_group())
                }
                _ if !message.is_whole => false,
                SERVER_HELLO => {
                    hello = ServerHello::read(message.body);
                    hello
                        .as_ref()
                        .is_none_or(|it| !it.is_retry && !it.shows_certificates())
                }
                SERVER_KEY_EXCHANGE => {
                    if let Some(hello) = hello.as_mut().filter(|it| it.has_late_group()) {
                        hello.group = hello.late_group(message.body).unwrap_or_default();
                    }
                    true
                }
                SERVER_HELLO_DONE => true,
                _ => false,
            };
            if is_last {
                return Self {
                    hello,
                    certificates,
                    is_settled: true,
                };
            }
        }
        Self {
            hello,
            certificates,
            is_settled: flight.is_closed,
        }
    }

    /// The certificate of the server, where one was asked for by this name.
    fn certificate(&self, asked: Option<&str>) -> Option<Certificate> {
        Certificate::read(self.certificates?, asked)
    }

    /// Whether more bytes would not change it.
    pub(super) const fn is_settled(&self) -> bool {
        self.is_settled
    }

    /// Reads the answer of a server that knows nothing but SSL 2.0.
    fn of_old(bytes: &[u8], is_shut: bool) -> Self {
        let is_hello = begins_old(bytes);
        Self {
            hello: is_hello.unwrap_or_default().then(|| ServerHello {
                version: SSL_2,
                ..ServerHello::default()
            }),
            certificates: None,
            is_settled: is_shut || is_hello.is_some(),
        }
    }
}

/// Records of SSL 2.0 have the highest bit set, and those of TLS do not.
fn is_old(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|first| first & 0x80 != 0)
}

/// Its lengths must fit each other, as there is little else to know SSL 2.0 by.
fn begins_old(bytes: &[u8]) -> Option<bool> {
    let mut cursor = Cursor::new(bytes);
    let length = cursor.u16()? & 0x7fff;
    match cursor.byte()? {
        CLIENT_HELLO => {
            let version = cursor.u16()?;
            let (suites, session, challenge) = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
            let parts = [9, suites, session, challenge].map(u32::from);
            Some(
                (version == SSL_2 || is_version(version))
                    && suites > 0
                    && suites.is_multiple_of(3)
                    && matches!(session, 0 | 16)
                    && (16..=32).contains(&challenge)
                    && parts.iter().sum::<u32>() == u32::from(length),
            )
        }
        OLD_SERVER_HELLO => {
            let (is_hit, certificate, version) = (cursor.byte()?, cursor.byte()?, cursor.u16()?);
            Some(is_hit <= 1 && certificate <= 1 && version == SSL_2)
        }
        _ => Some(false),
    }
}

/// The hello of a client in the form of SSL 2.0.
fn old_hello(bytes: &[u8]) -> Option<ClientHello<'_>> {
    let mut cursor = Cursor::new(old_message(bytes)?);
    let (kind, version, suites_bytes) = (cursor.byte()?, cursor.u16()?, cursor.u16()?);
    cursor.take(4)?;
    let suites = cursor.take(suites_bytes.into())?.as_chunks::<3>().0;
    // Those of SSL 2.0 itself do not begin with zero and have no number here.
    let suites = suites.iter().filter_map(|suite| match suite {
        [0, number @ ..] => Some(*number),
        _ => None,
    });
    (kind == CLIENT_HELLO).then(|| ClientHello {
        version,
        suites: Numbers(suites.collect()),
        ..ClientHello::default()
    })
}

/// The first message of SSL 2.0 behind its length, once it is whole.
fn old_message(bytes: &[u8]) -> Option<&[u8]> {
    let mut cursor = Cursor::new(bytes);
    let length = cursor.u16()? & 0x7fff;
    cursor.take(length.into())
}

/// Types of handshake messages that only some servers send (RFC 5246 section 7.4).
const HELLO_REQUEST: u8 = 0;
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const SERVER_HELLO_DONE: u8 = 14;

/// SSL 2.0: its version, and the type of its server's hello.
const SSL_2: u16 = 0x0002;
const OLD_SERVER_HELLO: u8 = 4;

#[cfg(test)]
pub(in crate::dissect) mod tests;
