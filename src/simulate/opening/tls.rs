//! Hellos of TLS 1.0 (RFC 2246), 1.2 (RFC 5246) and 1.3 (RFC 8446).

use super::Message;
use super::bytes::{numbers, sized8, sized16, sized24};
use super::certificate::certificate;
use crate::simulate::chance::Chance;

/// What both ends agree on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Tls10,
    Tls12,
    Tls13,
    /// TLS 1.3 over X25519 and ML-KEM-768 (draft-ietf-tls-ecdhe-mlkem).
    PostQuantum,
    /// TLS 1.3 as QUIC carries it (RFC 9001).
    Quic,
}

/// The first flights of client and server over TCP. That of the server ends where the rest of
/// it is encrypted, and before TLS 1.3 with its last message.
pub(super) fn records(kind: Kind, name: &str, chance: &mut Chance) -> Vec<Message> {
    let hellos = Hellos::new(kind, name, WEB, chance);
    hellos.records(name, chance)
}

/// The hellos of both ends, as handshake messages.
#[derive(Debug)]
pub(super) struct Hellos {
    kind: Kind,
    pub(super) client: Vec<u8>,
    pub(super) server: Vec<u8>,
}

impl Hellos {
    pub(super) fn new(kind: Kind, name: &str, protocols: &[&str], chance: &mut Chance) -> Self {
        // A client of TLS 1.3 over TCP makes a session up (RFC 8446 appendix D.4).
        let session = match kind {
            Kind::Tls13 | Kind::PostQuantum => chance.bytes(32),
            Kind::Tls10 | Kind::Tls12 | Kind::Quic => Vec::new(),
        };
        Self {
            kind,
            client: client_hello(kind, name, protocols, &session, chance),
            server: server_hello(kind, protocols, &session, chance),
        }
    }

    /// The same in records, with what belongs to it in the clear.
    pub(super) fn records(&self, name: &str, chance: &mut Chance) -> Vec<Message> {
        // Servers that do not know a higher version refuse records of one (RFC 8446
        // section 5.1).
        let client = record(HANDSHAKE, TLS_1_0, &self.client);
        let version = self.kind.version().min(TLS_1_2);
        let mut server = record(HANDSHAKE, version, &self.server);
        if matches!(self.kind, Kind::Tls10 | Kind::Tls12) {
            for message in certified(self.kind, name, chance) {
                server.extend(record(HANDSHAKE, version, &message));
            }
        } else {
            server.extend(record(CHANGE_CIPHER_SPEC, version, &[1]));
        }
        vec![Message::of_client(client), Message::of_server(server)]
    }
}

impl Kind {
    const fn version(self) -> u16 {
        match self {
            Self::Tls10 => TLS_1_0,
            Self::Tls12 => TLS_1_2,
            Self::Tls13 | Self::PostQuantum | Self::Quic => TLS_1_3,
        }
    }

    /// The suites of the client, the best first, and the one that the server takes.
    const fn suites(self) -> (&'static [u16], u16) {
        match self {
            Self::Tls10 => (
                &[0xc014, 0xc013, 0x0035, 0x002f, 0x000a, 0x0005, 0x00ff],
                0x002f,
            ),
            Self::Tls12 => (
                &[0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0x00ff],
                0xc02f,
            ),
            Self::Tls13 | Self::PostQuantum => (
                &[
                    0x1301, 0x1303, 0x1302, 0xc02b, 0xc02f, 0xcca9, 0xcca8, 0xc02c, 0xc030,
                ],
                0x1301,
            ),
            Self::Quic => (&[0x1301, 0x1302, 0x1303], 0x1301),
        }
    }

    /// Key exchanges of the client, the best first, which is also what the server takes.
    const fn groups(self) -> &'static [u16] {
        match self {
            Self::Tls10 => &[SECP256R1, SECP384R1],
            Self::PostQuantum => &[X25519_MLKEM768, X25519, SECP256R1, SECP384R1],
            Self::Tls12 | Self::Tls13 | Self::Quic => &[X25519, SECP256R1, SECP384R1],
        }
    }
}

/// RFC 8446 section 4.1.2.
fn client_hello(
    kind: Kind,
    name: &str,
    protocols: &[&str],
    session: &[u8],
    chance: &mut Chance,
) -> Vec<u8> {
    let mut extensions = extension(SERVER_NAME, &sized16(&host(name)));
    if kind != Kind::Quic {
        extensions.extend(extension(RENEGOTIATION, &[0]));
        extensions.extend(extension(POINT_FORMATS, &sized8(&[0])));
        extensions.extend(extension(SESSION_TICKET, &[]));
    }
    extensions.extend(extension(GROUPS, &sized16(&numbers(kind.groups()))));
    if kind != Kind::Tls10 {
        extensions.extend(extension(SIGNATURES, &sized16(&numbers(SCHEMES))));
        if !protocols.is_empty() {
            extensions.extend(extension(PROTOCOLS, &list(protocols)));
        }
    }
    if kind.version() == TLS_1_3 {
        let groups = kind.groups().iter().filter(|group| is_shared(**group));
        let shares: Vec<u8> = groups
            .flat_map(|group| share(*group, client_share_bytes(*group), chance))
            .collect();
        extensions.extend(extension(KEY_SHARE, &sized16(&shares)));
        extensions.extend(extension(KEY_MODES, &sized8(&[1])));
        let versions: &[u16] = match kind {
            Kind::Quic => &[TLS_1_3],
            _ => &[TLS_1_3, TLS_1_2],
        };
        extensions.extend(extension(VERSIONS, &sized8(&numbers(versions))));
    }
    if kind == Kind::Quic {
        // It will wait for 30 seconds, and takes a mebibyte at once (RFC 9000 section 18.2).
        let parameters = [1, 4, 0x80, 0, 0x75, 0x30, 4, 4, 0x80, 0x10, 0, 0];
        extensions.extend(extension(QUIC_PARAMETERS, &parameters));
    }
    let mut body = kind.version().min(TLS_1_2).to_be_bytes().to_vec();
    body.extend(chance.bytes(RANDOM_BYTES));
    body.extend(sized8(session));
    body.extend(sized16(&numbers(kind.suites().0)));
    body.extend(sized8(&[0]));
    body.extend(sized16(&extensions));
    message(CLIENT_HELLO, &body)
}

/// RFC 8446 section 4.1.3.
fn server_hello(kind: Kind, protocols: &[&str], session: &[u8], chance: &mut Chance) -> Vec<u8> {
    let mut extensions = Vec::new();
    if kind.version() == TLS_1_3 {
        extensions.extend(extension(VERSIONS, &TLS_1_3.to_be_bytes()));
        if let Some(group) = kind.groups().first() {
            let share = share(*group, server_share_bytes(*group), chance);
            extensions.extend(extension(KEY_SHARE, &share));
        }
    } else {
        extensions.extend(extension(RENEGOTIATION, &[0]));
        if let (Kind::Tls12, Some(chosen)) = (kind, protocols.first()) {
            extensions.extend(extension(PROTOCOLS, &list(&[chosen])));
        }
    }
    let mut body = kind.version().min(TLS_1_2).to_be_bytes().to_vec();
    body.extend(chance.bytes(RANDOM_BYTES));
    body.extend(sized8(session));
    body.extend(kind.suites().1.to_be_bytes());
    body.push(0);
    body.extend(sized16(&extensions));
    message(SERVER_HELLO, &body)
}

/// What a server says in the clear behind its hello before TLS 1.3 (RFC 5246 section 7.4): its
/// certificate, its part of the key exchange, and that this was all.
fn certified(kind: Kind, name: &str, chance: &mut Chance) -> Vec<Vec<u8>> {
    let certificates = sized24(&certificate(name, chance));
    let mut messages = vec![message(CERTIFICATE, &sized24(&certificates))];
    if kind == Kind::Tls12 {
        // RFC 8422 section 5.4, signed with RSASSA-PSS.
        let mut exchange = vec![NAMED_CURVE];
        exchange.extend(X25519.to_be_bytes());
        exchange.extend(sized8(&chance.bytes(CURVE_BYTES)));
        exchange.extend([8, 4]);
        exchange.extend(sized16(&chance.bytes(SIGNATURE_BYTES)));
        messages.push(message(SERVER_KEY_EXCHANGE, &exchange));
    }
    messages.push(message(SERVER_HELLO_DONE, &[]));
    messages
}

fn record(kind: u8, version: u16, fragment: &[u8]) -> Vec<u8> {
    [&[kind], &version.to_be_bytes()[..], &sized16(fragment)].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind], &sized24(body)[..]].concat()
}

fn extension(kind: u16, data: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes(), &sized16(data)[..]].concat()
}

/// A host name in the list of names (RFC 6066 section 3).
fn host(name: &str) -> Vec<u8> {
    [&[0], &sized16(name.as_bytes())[..]].concat()
}

/// A list of application protocols (RFC 7301 section 3.1).
fn list(protocols: &[&str]) -> Vec<u8> {
    let names = protocols.iter().flat_map(|name| sized8(name.as_bytes()));
    sized16(&names.collect::<Vec<u8>>())
}

fn share(group: u16, length: usize, chance: &mut Chance) -> Vec<u8> {
    [&group.to_be_bytes(), &sized16(&chance.bytes(length))[..]].concat()
}

/// Groups for which clients send a share before they are asked to.
const fn is_shared(group: u16) -> bool {
    matches!(group, X25519 | X25519_MLKEM768)
}

/// An encapsulation key of ML-KEM-768 (FIPS 203 section 8) beside a point of the curve.
const fn client_share_bytes(group: u16) -> usize {
    match group {
        X25519_MLKEM768 => 1_184 + CURVE_BYTES,
        _ => CURVE_BYTES,
    }
}

/// A ciphertext of ML-KEM-768 beside a point of the curve.
const fn server_share_bytes(group: u16) -> usize {
    match group {
        X25519_MLKEM768 => 1_088 + CURVE_BYTES,
        _ => CURVE_BYTES,
    }
}

/// What clients of the web speak over TLS.
const WEB: &[&str] = &["h2", "http/1.1"];

/// Versions, as on the wire.
const TLS_1_0: u16 = 0x0301;
const TLS_1_2: u16 = 0x0303;
const TLS_1_3: u16 = 0x0304;

/// Types of records and handshake messages (RFC 8446 sections 5.1 and 4, RFC 5246
/// section 7.4).
const CHANGE_CIPHER_SPEC: u8 = 20;
const HANDSHAKE: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const SERVER_KEY_EXCHANGE: u8 = 12;
const SERVER_HELLO_DONE: u8 = 14;
const NAMED_CURVE: u8 = 3;

/// Types of extensions, and groups: IANA's registries of TLS.
const SERVER_NAME: u16 = 0;
const GROUPS: u16 = 10;
const POINT_FORMATS: u16 = 11;
const SIGNATURES: u16 = 13;
const PROTOCOLS: u16 = 16;
const SESSION_TICKET: u16 = 35;
const VERSIONS: u16 = 43;
const KEY_MODES: u16 = 45;
const KEY_SHARE: u16 = 51;
const QUIC_PARAMETERS: u16 = 57;
const RENEGOTIATION: u16 = 0xff01;
const SECP256R1: u16 = 0x0017;
const SECP384R1: u16 = 0x0018;
const X25519: u16 = 0x001d;
const X25519_MLKEM768: u16 = 0x11ec;

/// Signatures that clients take: ECDSA, RSASSA-PSS, RSA.
const SCHEMES: &[u16] = &[
    0x0403, 0x0804, 0x0401, 0x0503, 0x0805, 0x0501, 0x0806, 0x0601,
];

const RANDOM_BYTES: usize = 32;
const CURVE_BYTES: usize = 32;

/// Length of a signature with an RSA key of 2,048 bits.
const SIGNATURE_BYTES: usize = 256;
