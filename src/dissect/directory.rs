//! Directories: LDAP (RFC 4511), which begins in the clear and may go over to TLS by an extended
//! request (RFC 4511 section 4.14), or to what authentication protects by itself (RFC 4422
//! section 3.7).

use super::cursor::Cursor;
use super::stream::{Sides, Verdict};
use super::{Application, Protection, Reading, Said, tls};

/// A conversation that begins with a request of LDAP.
pub(super) fn directory(sides: &Sides<'_>) -> Verdict {
    match begins(sides.client) {
        Some(true) => {}
        Some(false) => return Verdict::Not,
        None => return Verdict::Unsure,
    }
    let said = |protection| {
        Reading::Done(Said {
            application: Application::Ldap,
            protection,
            ..Said::default()
        })
    };
    Verdict::Is(match course(sides.client) {
        Course::Open if !sides.is_over => Reading::More,
        Course::Open => said(Protection::Clear),
        Course::Told(protection) => said(protection),
        Course::Encrypted(hello) => {
            let answer = behind_messages(sides.server);
            match tls::read(hello, answer, sides.is_over) {
                Reading::More => Reading::More,
                Reading::Done(said) => Reading::Done(Said {
                    application: Application::Ldap,
                    ..said
                }),
            }
        }
    })
}

/// How it goes on with a conversation.
#[derive(Debug)]
enum Course<'a> {
    /// It may still be protected.
    Open,
    /// It has come to this.
    Told(Protection),
    /// It has gone over to TLS, and the client's part of that is this.
    Encrypted(&'a [u8]),
}

/// Goes through the requests of a client, up to the first that tells.
fn course(client: &[u8]) -> Course<'_> {
    let mut left = client;
    let mut has_mechanism = false;
    for _ in 0..MESSAGES_MAX {
        if has_mechanism && !left.starts_with(&[SEQUENCE]) {
            return wrapped(left).map_or(Course::Open, Course::Told);
        }
        let mut cursor = Cursor::new(left);
        let Some(message) = Message::read(&mut cursor) else {
            return Course::Open;
        };
        left = cursor.rest();
        match message.operation {
            EXTENDED if message.body.starts_with(START_TLS) => match tls::begins(left) {
                Some(true) => return Course::Encrypted(left),
                None => return Course::Open,
                // The server has refused.
                Some(false) => {}
            },
            BIND => match Bind::read(message.body) {
                Some(Bind::Mechanism) => has_mechanism = true,
                Some(Bind::Anonymous) => {}
                _ => return Course::Told(Protection::Clear),
            },
            // What the server can do is asked for before anything else.
            SEARCH if message.body.starts_with(OF_NOTHING) => {}
            _ => return Course::Told(Protection::Clear),
        }
    }
    Course::Told(Protection::Clear)
}

/// Whether bytes begin with a request that a conversation may begin with; nothing while there
/// are too few to tell.
fn begins(bytes: &[u8]) -> Option<bool> {
    let mut cursor = Cursor::new(bytes);
    if cursor.byte()? != SEQUENCE {
        return Some(false);
    }
    let bytes_behind = match length(&mut cursor) {
        Some(length) => length,
        None if bytes.len() > LENGTH_BYTES_MAX => return Some(false),
        None => return None,
    };
    let (number, number_bytes) = (cursor.byte()?, cursor.byte()?);
    if !MESSAGE_BYTES.contains(&bytes_behind)
        || number != INTEGER
        || !(1..=4).contains(&number_bytes)
    {
        return Some(false);
    }
    cursor.take(number_bytes.into())?;
    let operation = cursor.byte()?;
    if !matches!(operation, BIND | SEARCH | EXTENDED) || length(&mut cursor).is_none() {
        return Some(false);
    }
    let begin: &[u8] = match operation {
        BIND => &[INTEGER, 1],
        SEARCH => &[TEXT],
        _ => &[REQUEST_NAME],
    };
    let is_cut = cursor.rest().len() < begin.len();
    (!is_cut).then(|| cursor.rest().starts_with(begin))
}

/// A message (RFC 4511 section 4.1.1).
struct Message<'a> {
    operation: u8,
    body: &'a [u8],
}

impl<'a> Message<'a> {
    /// Takes a message, if it is whole.
    fn read(cursor: &mut Cursor<'a>) -> Option<Self> {
        let (kind, bytes) = (cursor.byte()?, length(cursor)?);
        let mut inside = Cursor::new(cursor.take(bytes)?);
        let (number, number_bytes) = (inside.byte()?, inside.byte()?);
        inside.take(number_bytes.into())?;
        let operation = inside.byte()?;
        let bytes = length(&mut inside)?;
        let body = inside.take(bytes)?;
        (kind == SEQUENCE && number == INTEGER).then_some(Self { operation, body })
    }
}

/// How a client says who it is (RFC 4511 section 4.2).
enum Bind {
    Anonymous,
    /// By a name and a password that all can read.
    Simple,
    /// By a mechanism of SASL that may protect what follows.
    Mechanism,
}

impl Bind {
    fn read(body: &[u8]) -> Option<Self> {
        let mut cursor = Cursor::new(body);
        let (_, version_bytes) = (cursor.byte()?, cursor.byte()?);
        cursor.take(version_bytes.into())?;
        let (_, name_bytes) = (cursor.byte()?, length(&mut cursor)?);
        let name = cursor.take(name_bytes)?;
        let (kind, secret_bytes) = (cursor.byte()?, length(&mut cursor)?);
        Some(match kind {
            SASL => Self::Mechanism,
            _ if name.is_empty() && secret_bytes == 0 => Self::Anonymous,
            _ => Self::Simple,
        })
    }
}

/// What a buffer of SASL says of its protection, behind four bytes of its length: a token of
/// Kerberos whether it is sealed (RFC 4121 section 4.2.6.2), others nothing.
fn wrapped(bytes: &[u8]) -> Option<Protection> {
    let [_, _, _, _, token @ ..] = bytes else {
        return None;
    };
    match token {
        [5, 4, flags, ..] if flags & SEALED != 0 => Some(Protection::Standard),
        [5, 4, _, ..] => Some(Protection::Clear),
        [] | [5] | [5, 4] => None,
        _ => Some(Protection::Unseen),
    }
}

/// What a server sends behind its messages.
fn behind_messages(server: &[u8]) -> &[u8] {
    let mut cursor = Cursor::new(server);
    for _ in 0..MESSAGES_MAX {
        if !cursor.rest().starts_with(&[SEQUENCE]) {
            return cursor.rest();
        }
        if Message::read(&mut cursor).is_none() {
            break;
        }
    }
    &[]
}

/// A length (X.690 section 8.1.3): in one byte, or in up to four behind one that says how many.
fn length(cursor: &mut Cursor<'_>) -> Option<usize> {
    let first = cursor.byte()?;
    let bytes = match first {
        0..=0x7f => return Some(first.into()),
        0x81..=0x84 => cursor.take((first & 0x7f).into())?,
        _ => return None,
    };
    let add = |high: usize, byte: &u8| high << 8 | usize::from(*byte);
    Some(bytes.iter().fold(0, add))
}

/// Tags (X.680 section 8.6), of operations by RFC 4511 appendix B.
const INTEGER: u8 = 0x02;
const TEXT: u8 = 0x04;
const SEQUENCE: u8 = 0x30;
const BIND: u8 = 0x60;
const SEARCH: u8 = 0x63;
const EXTENDED: u8 = 0x77;
const REQUEST_NAME: u8 = 0x80;
const SASL: u8 = 0xa3;

/// The name of the request for TLS (RFC 4511 section 4.14.1).
const START_TLS: &[u8] = b"\x80\x161.3.6.1.4.1.1466.20037";

/// A search of the entry that has no name, and of no others.
const OF_NOTHING: &[u8] = &[TEXT, 0, 0x0a, 1, 0];

/// The flag of a token that is encrypted.
const SEALED: u8 = 0x02;

/// Lengths of a first request, and the bytes that tell a length with the tag before it.
const MESSAGE_BYTES: std::ops::RangeInclusive<usize> = 5..=65_535;
const LENGTH_BYTES_MAX: usize = 6;

/// Messages of a direction that are read.
const MESSAGES_MAX: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dissect::stream;

    /// A message behind its length, as one library writes it and as another one does.
    fn message(operation: u8, body: &[u8], is_long: bool) -> Vec<u8> {
        let value = |kind: u8, body: &[u8]| {
            let length = u8::try_from(body.len()).unwrap();
            if is_long {
                [&[kind, 0x84, 0, 0, 0, length], body].concat()
            } else {
                [&[kind, length], body].concat()
            }
        };
        let operation = value(operation, body);
        value(SEQUENCE, &[&[INTEGER, 1, 1], &operation[..]].concat())
    }

    fn protection(client: &[u8], server: &[u8]) -> Protection {
        let Reading::Done(said) = stream(client, server, [50_000, 389], true) else {
            panic!("it is over");
        };
        assert_eq!(said.application, Application::Ldap);
        // However much of it has come, it panics nowhere, and never says anything else.
        for cut in 0..client.len() {
            if let Reading::Done(early) = stream(&client[..cut], server, [50_000, 389], false) {
                assert_eq!(early, said, "{cut}");
            }
        }
        said.protection
    }

    #[test]
    fn requests_tell_what_protects_a_directory() {
        for is_long in [false, true] {
            let message = |operation, body: &[u8]| message(operation, body, is_long);
            let simple = message(BIND, b"\x02\x01\x03\x04\x04cn=a\x80\x06secret");
            let anonymous = message(BIND, b"\x02\x01\x03\x04\0\x80\0");
            let root = message(SEARCH, b"\x04\0\x0a\x01\0\x0a\x01\0\x02\x01\0\x02\x01\0");
            let search = message(SEARCH, b"\x04\x04dc=a\x0a\x01\x02\x0a\x01\0");
            let kerberos = message(BIND, b"\x02\x01\x03\x04\0\xa3\x08\x04\x06GSSAPI");
            assert_eq!(protection(&simple, b""), Protection::Clear);
            let asked = [&root[..], &anonymous, &search].concat();
            assert_eq!(protection(&asked, b""), Protection::Clear);
            for (token, expected) in [
                (&[5, 4, 6, 0xff][..], Protection::Standard),
                (&[5, 4, 4, 0xff], Protection::Clear),
                (&[1, 0, 0, 0], Protection::Unseen),
            ] {
                let sealed = [&root[..], &kerberos, &[0, 0, 0, 4], token].concat();
                assert_eq!(protection(&sealed, b""), expected, "{token:?}");
            }
        }
    }

    #[test]
    fn the_request_for_tls_is_followed() {
        let request = message(EXTENDED, START_TLS, false);
        let granted = message(0x78, b"\x0a\x01\0\x04\0\x04\0", false);
        let hello = b"\x16\x03\x01\0\x04\x01\0\0\0";
        let answer = b"\x16\x03\x03\0\x30\x02\0\0\x2c\x03\x03";
        let answer = [
            &answer[..],
            &[7; 32],
            &[0, 0xc0, 0x2f, 0, 0, 4, 0, 23, 0, 0],
        ]
        .concat();
        let client = [&request[..], hello].concat();
        let server = [&granted[..], &answer].concat();
        assert_eq!(protection(&client, &server), Protection::Standard);
        let refused = message(0x78, b"\x0a\x01\x34\x04\0\x04\0", false);
        let simple = message(BIND, b"\x02\x01\x03\x04\x04cn=a\x80\x06secret", false);
        let client = [&request[..], &simple].concat();
        assert_eq!(protection(&client, &refused), Protection::Clear);
    }
}
