//! Remote desktop and file sharing of Windows, and databases that go over to TLS.

use super::cursor::Cursor;
use super::stream::{Sides, Verdict, begins_with, begins_with_any};
use super::{Application, Protection, Reading, Said, tls};

/// Remote desktop (MS-RDPBCGR section 2.2.1): a request that may name security protocols,
/// and an answer that picks one.
pub(super) fn desktop(sides: &Sides<'_>) -> Verdict {
    let request = match Connection::read(sides.client) {
        Connection::Not => return Verdict::Not,
        Connection::Cut => return Verdict::Unsure,
        Connection::Whole(request) => request,
    };
    let is_request = request.kind == CONNECTION_REQUEST
        && (request.negotiation(NEGOTIATION_REQUEST).is_some()
            || COOKIES
                .iter()
                .any(|cookie| request.options.starts_with(cookie))
            || request.options.is_empty() && sides.ports.contains(&DESKTOP_PORT));
    if !is_request {
        return Verdict::Not;
    }
    let said = |protection| {
        Verdict::Is(Reading::Done(Said {
            application: Application::Rdp,
            protection,
            ..Said::default()
        }))
    };
    let (chosen, server) = match Connection::read(sides.server) {
        Connection::Cut if !sides.is_over => return Verdict::Is(Reading::More),
        // Only one direction is seen. What the client sends next shows what was chosen.
        Connection::Cut if tls::begins(request.rest) == Some(true) => (Some(1), &[][..]),
        Connection::Cut | Connection::Not => return said(Protection::Unseen),
        Connection::Whole(answer) if answer.negotiation(NEGOTIATION_FAILURE).is_some() => {
            return said(Protection::Unseen);
        }
        Connection::Whole(answer) => (answer.negotiation(NEGOTIATION_ANSWER), answer.rest),
    };
    if chosen.unwrap_or_default() == 0 {
        // Standard security: RC4 under a key of 128 bits at best (section 5.3).
        return said(Protection::Weak);
    }
    Verdict::Is(match tls::read(request.rest, server, sides.is_over) {
        Reading::More => Reading::More,
        Reading::Done(said) => Reading::Done(Said {
            application: Application::Rdp,
            ..said
        }),
    })
}

/// The beginning of one direction of a connection in TPKT (RFC 1006 section 6) and X.224.
#[derive(Debug)]
enum Connection<'a> {
    Not,
    /// More bytes will tell.
    Cut,
    Whole(Unit<'a>),
}

#[derive(Debug)]
struct Unit<'a> {
    kind: u8,
    options: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Connection<'a> {
    fn read(bytes: &'a [u8]) -> Self {
        match bytes {
            [] | [3] | [3, 0] | [3, 0, _] => return Self::Cut,
            [3, 0, ..] => {}
            _ => return Self::Not,
        }
        let mut cursor = Cursor::new(bytes);
        let _version = cursor.u16();
        let length = usize::from(cursor.u16().unwrap_or_default());
        if !UNIT_BYTES.contains(&length) {
            return Self::Not;
        }
        let Some((unit, rest)) = bytes.split_at_checked(length) else {
            return Self::Cut;
        };
        // Behind the header: a length, the kind, two references and a class.
        match unit.get(4..) {
            Some(
                [
                    _,
                    kind @ (CONNECTION_REQUEST | CONNECTION_CONFIRM),
                    _,
                    _,
                    _,
                    _,
                    _,
                    options @ ..,
                ],
            ) => Self::Whole(Unit {
                kind: *kind,
                options,
                rest,
            }),
            _ => Self::Not,
        }
    }
}

impl Unit<'_> {
    /// What the structure of a type says that may stand at the end: flags, its own length
    /// of 8 and a number, in the order of bytes of Windows.
    fn negotiation(&self, wanted: u8) -> Option<u32> {
        let read = |options: &[u8]| match options.last_chunk::<8>()? {
            [kind, _, 8, 0, a, b, c, d] if *kind == wanted => {
                Some(u32::from_le_bytes([*a, *b, *c, *d]))
            }
            _ => None,
        };
        read(self.options).or_else(|| {
            // A request may have a correlation of connections behind that.
            let end = self.options.len().checked_sub(CORRELATION_BYTES)?;
            read(self.options.get(..end)?)
        })
    }
}

/// File sharing (MS-SMB2 sections 2.1 and 2.2): messages behind four bytes of length.
pub(super) fn files(sides: &Sides<'_>) -> Verdict {
    let Some(client) = behind_session(sides.client) else {
        return Verdict::Unsure;
    };
    match is_message(client) {
        Some(true) => {}
        Some(false) => return Verdict::Not,
        None => return Verdict::Unsure,
    }
    // Requests and answers look alike, and either may come to be encrypted first.
    let server = behind_session(sides.server).unwrap_or_default();
    let protections = [client, server].map(sharing);
    if protections.contains(&None) && !sides.is_over {
        return Verdict::Is(Reading::More);
    }
    let is_encrypted = protections.contains(&Some(Protection::Standard));
    let protection = if is_encrypted {
        Protection::Standard
    } else {
        Protection::Clear
    };
    Verdict::Is(Reading::Done(Said {
        application: Application::Smb,
        protection,
        ..Said::default()
    }))
}

/// What is behind the request for a session of NetBIOS, or the answer to it (RFC 1002
/// section 4.3), which may come first. Nothing while that is cut.
fn behind_session(bytes: &[u8]) -> Option<&[u8]> {
    for (begin, length) in SESSIONS {
        if begins_with(bytes, begin)? {
            return bytes.get(length..);
        }
    }
    Some(bytes)
}

/// Whether bytes begin with a message of any version, or with one that is encrypted or
/// pressed.
fn is_message(bytes: &[u8]) -> Option<bool> {
    let kind = begins_with(bytes, &[0])?;
    if !kind {
        return Some(false);
    }
    begins_with_any(bytes.get(4..)?, &MESSAGE_BEGINS)
}

/// Goes through the messages of a direction: up to the first that is encrypted, or the first
/// in the clear that is about a file.
fn sharing(bytes: &[u8]) -> Option<Protection> {
    let mut cursor = Cursor::new(bytes);
    for _ in 0..MESSAGES_MAX {
        let (_, length) = (cursor.byte()?, cursor.u24()?);
        // The command stands in the first bytes, and the rest may not be there.
        let is_about_files = match cursor.rest() {
            [0xfd, b'S', b'M', b'B', ..] => return Some(Protection::Standard),
            [0xfe, b'S', b'M', b'B', rest @ ..] => {
                let command = rest.get(8..)?.first_chunk()?;
                (CREATE..=WRITE).contains(&u16::from_le_bytes(*command))
            }
            [0xff, b'S', b'M', b'B', rest @ ..] => !matches!(rest.first()?, 0x2b | 0x70..=0x75),
            [_, _, _, _, ..] => false,
            _ => return None,
        };
        if is_about_files {
            return Some(Protection::Clear);
        }
        cursor.take(usize::try_from(length).ok()?)?;
    }
    Some(Protection::Clear)
}

/// PostgreSQL and MySQL where the client asks for TLS: what that says. In the clear they
/// are not known.
pub(super) fn database(sides: &Sides<'_>) -> Verdict {
    let (client, server) = match begins_with(sides.client, POSTGRES_REQUEST) {
        // Protocol 3.0 section "SSL Session Encryption": an answer of one letter.
        Some(true) => match sides.server {
            [b'S', server @ ..] => (sides.client.get(POSTGRES_REQUEST.len()..), server),
            [] => return Verdict::Unsure,
            _ => return Verdict::Not,
        },
        Some(false) => match (sides.client, sides.server) {
            // The server's greeting of protocol 10, and a request of a fixed length with
            // the flag of TLS.
            ([32, 0, 0, 1, _, flags, ..], [length, high, 0, 0, 10, ..]) if flags & 8 != 0 => {
                let length = u16::from_le_bytes([*length, *high]);
                let server = sides.server.get(usize::from(length).saturating_add(4)..);
                (
                    sides.client.get(MYSQL_REQUEST_BYTES..),
                    server.unwrap_or_default(),
                )
            }
            ([32] | [32, 0] | [32, 0, 0] | [32, 0, 0, 1] | [32, 0, 0, 1, _], _) => {
                return Verdict::Unsure;
            }
            ([32, 0, 0, 1, ..], [] | [_] | [_, _] | [_, _, 0] | [_, _, 0, 0]) => {
                return Verdict::Unsure;
            }
            _ => return Verdict::Not,
        },
        None => return Verdict::Unsure,
    };
    match client.map(tls::begins) {
        None | Some(None) => Verdict::Unsure,
        Some(Some(false)) => Verdict::Not,
        Some(Some(true)) => {
            let client = client.unwrap_or_default();
            Verdict::Is(tls::read(client, server, sides.is_over))
        }
    }
}

/// PostgreSQL's request for TLS, and the length of that of MySQL with its header.
const POSTGRES_REQUEST: &[u8] = &[0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x2f];
const MYSQL_REQUEST_BYTES: usize = 36;

const DESKTOP_PORT: u16 = 3_389;

/// Lengths of a first unit: header and fixed fields at least, a cookie at most.
const UNIT_BYTES: std::ops::RangeInclusive<usize> = 11..=1_024;

/// Codes of X.224 section 13.
const CONNECTION_REQUEST: u8 = 0xe0;
const CONNECTION_CONFIRM: u8 = 0xd0;

/// Types of MS-RDPBCGR sections 2.2.1.1.1, 2.2.1.2.1 and 2.2.1.2.2.
const NEGOTIATION_REQUEST: u8 = 1;
const NEGOTIATION_ANSWER: u8 = 2;
const NEGOTIATION_FAILURE: u8 = 3;
const CORRELATION_BYTES: usize = 36;

/// What a request may begin with: a user, or where a broker wants it to go.
const COOKIES: [&[u8]; 3] = [b"Cookie: mstshash=", b"Cookie: msts=", b"tsv://"];

/// What sessions begin with, and the length of that: a request has two names of 34 bytes.
const SESSIONS: [(&[u8], usize); 2] = [(&[0x81, 0, 0, 68], 72), (&[0x82, 0, 0, 0], 4)];

/// Protocol identifiers: pressed, encrypted, version 2 and 3, version 1.
const MESSAGE_BEGINS: [&[u8]; 4] = [b"\xfcSMB", b"\xfdSMB", b"\xfeSMB", b"\xffSMB"];

/// Commands on files (MS-SMB2 section 2.2.1.2): from CREATE over READ to WRITE.
const CREATE: u16 = 5;
const WRITE: u16 = 9;

/// Messages of a direction that are read.
const MESSAGES_MAX: usize = 64;

#[cfg(test)]
mod tests;
