//! Conversations over UDP, by the first datagram of each direction, and tunnels in TCP.
//!
//! QUIC is told apart before, by its first packets.

use std::sync::Arc;

use super::cursor::Cursor;
use super::stream::{self, Sides, Verdict};
use super::{Application, Protection, Reading, Said, dns, text};

/// What the first datagrams say of a conversation: that of the initiator and that of the
/// responder, either of which may be empty, with their ports.
pub fn datagram(client: &[u8], server: &[u8], ports: [u16; 2]) -> Said {
    let directions = [client, server];
    let is_either = |is: fn(&[u8]) -> bool| directions.into_iter().any(is);
    let known = |application, protection| Said {
        application,
        protection,
        ..Said::default()
    };
    if ports.contains(&dns::PORT) && is_either(|it| dns::answers(it).is_some()) {
        return known(Application::Dns, Protection::Clear);
    }
    if is_either(is_wire_guard) {
        return known(Application::WireGuard, Protection::Strong);
    }
    if is_open_vpn(client, server) || is_open_vpn(server, client) {
        return known(Application::OpenVpn, Protection::Standard);
    }
    if let Some(protection) = ipsec(directions, ports) {
        return known(Application::Ipsec, protection);
    }
    if is_either(is_datagram_tls) {
        return known(Application::Unknown, Protection::Standard);
    }
    let said = stream::unknown(client, server);
    if said.content == [None; 2] && directions.into_iter().any(|it| is_clear(it, ports)) {
        return known(Application::Unknown, Protection::Clear);
    }
    said
}

/// Whether a stream begins with the reset by which a client of OpenVPN starts, behind two
/// bytes of length. Nothing while there are too few bytes to tell.
pub(super) fn open_vpn_stream(bytes: &[u8]) -> Option<bool> {
    let (length, packet) = bytes.split_first_chunk()?;
    let length = usize::from(u16::from_be_bytes(*length));
    if !RESET_BYTES.contains(&length) {
        return Some(false);
    }
    match packet.first()? {
        0x38 | 0x50 => Some(is_client_reset(packet.get(..length)?)),
        _ => Some(false),
    }
}

/// A conversation through a proxy of SOCKS version 4, 4a or 5: what is said inside it.
pub(super) fn relayed(sides: &Sides<'_>) -> Verdict {
    match (sides.client, sides.server) {
        ([5, 1..=16, ..], [5, 0 | 2, ..]) if sides.depth < DEPTH_MAX => {}
        ([4, 1, _, _, ..], [0, 90, ..]) if sides.depth < DEPTH_MAX => {}
        ([] | [5], [] | [5] | [5, 0 | 2, ..]) => return Verdict::Unsure,
        ([5, 1..=16, ..], [] | [5]) => return Verdict::Unsure,
        ([4] | [4, 1, ..], [] | [0]) => return Verdict::Unsure,
        ([] | [4] | [4, 1] | [4, 1, _], [0, 90, ..]) => return Verdict::Unsure,
        _ => return Verdict::Not,
    }
    let relayed = match sides.client {
        [4, ..] => relay_of_old(sides),
        _ => relay(sides),
    };
    let (name, inside) = match relayed {
        Some(relayed) => relayed,
        None if sides.is_over => return Verdict::Not,
        None => return Verdict::Is(Reading::More),
    };
    let Reading::Done(mut said) = stream::read(inside) else {
        return Verdict::Is(Reading::More);
    };
    said.server_name = said.server_name.or(name);
    Verdict::Is(Reading::Done(said))
}

/// Where a client wants to be connected to, and what both sides say once they are
/// (RFC 1928 sections 3 to 6, RFC 1929 section 2). Nothing while that is not whole.
fn relay<'a>(sides: &Sides<'a>) -> Option<(Option<Arc<str>>, Sides<'a>)> {
    let mut client = Cursor::new(sides.client);
    let mut server = Cursor::new(sides.server);
    let skip = |cursor: &mut Cursor<'a>| {
        let length = cursor.byte()?;
        cursor.take(length.into())
    };
    let (_version, _methods) = (client.byte()?, skip(&mut client)?);
    let (_version, method) = (server.byte()?, server.byte()?);
    if method == 2 {
        let (_version, _user, _password) = (client.byte()?, skip(&mut client)?, skip(&mut client)?);
        let _status = server.take(2)?;
    }
    // The name, where it is not an address, and behind it a port.
    let address = |cursor: &mut Cursor<'a>| {
        let name = match cursor.byte()? {
            1 => cursor.take(4).map(|_| &[][..]),
            3 => skip(cursor),
            4 => cursor.take(16).map(|_| &[][..]),
            _ => None,
        }?;
        cursor.u16().map(|_| name)
    };
    let connect = client.take(3)?;
    let name = address(&mut client)?;
    let granted = server.take(3)?;
    let _bound = address(&mut server)?;
    let is_sound = connect == [5, 1, 0] && granted == [5, 0, 0];
    let inside = Sides {
        client: client.rest(),
        server: server.rest(),
        depth: sides.depth.saturating_add(1),
        ..*sides
    };
    is_sound.then(|| (text::shown(name), inside))
}

/// The same of version 4 and of 4a, which has a name where the address is 0.0.0.x
/// (openssh.com/txt/socks4.protocol, socks4a.protocol).
fn relay_of_old<'a>(sides: &Sides<'a>) -> Option<(Option<Arc<str>>, Sides<'a>)> {
    let mut client = Cursor::new(sides.client);
    let mut server = Cursor::new(sides.server);
    let ended = |cursor: &mut Cursor<'a>| {
        let mut bytes = cursor.rest().iter().take(OLD_TEXT_BYTES_MAX);
        let length = bytes.position(|byte| *byte == 0)?;
        let text = cursor.take(length)?;
        cursor.byte().map(|_| text)
    };
    let _version_command_port = client.take(4)?;
    let address = client.take(4)?;
    let _user = ended(&mut client)?;
    let name = match address {
        [0, 0, 0, last] if *last > 0 => ended(&mut client)?,
        _ => &[],
    };
    let _answer = server.take(8)?;
    let inside = Sides {
        client: client.rest(),
        server: server.rest(),
        depth: sides.depth.saturating_add(1),
        ..*sides
    };
    Some((text::shown(name), inside))
}

/// WireGuard's messages: type, three zeros, and lengths that do not vary
/// (wireguard.com/protocol). Data begin with the index of the receiver and a counter, which
/// never grows so far that its last bytes are used, and are padded to 16 bytes.
fn is_wire_guard(bytes: &[u8]) -> bool {
    match bytes {
        [1, 0, 0, 0, ..] => bytes.len() == 148,
        [2, 0, 0, 0, ..] => bytes.len() == 92,
        [3, 0, 0, 0, ..] => bytes.len() == 64,
        [4, 0, 0, 0, _, _, _, _, _, _, _, _, _, 0, 0, 0, ..] => {
            bytes.len() >= 32 && bytes.len().is_multiple_of(16)
        }
        _ => false,
    }
}

/// The reset of a client, and that of the server where that has come.
fn is_open_vpn(client: &[u8], server: &[u8]) -> bool {
    let is_answer = server.is_empty() || server.first() == Some(&0x40);
    is_client_reset(client) && is_answer
}

/// The reset by which a client starts: version 2 or 3 with the first key, a session, and
/// the first packet's number.
///
/// It ends with an empty list of acknowledgements and a message number of 0. Where all is
/// encrypted (tls-crypt), the number of the packet stands behind the session instead.
fn is_client_reset(packet: &[u8]) -> bool {
    let [0x38 | 0x50, session @ .., _, _, _, _, _] = packet else {
        return false;
    };
    let Some((session, rest)) = session.split_first_chunk::<8>() else {
        return false;
    };
    let is_first = matches!(rest, [0 | 0x0f, 0, 0, 1, ..]);
    let is_plain = packet.ends_with(&[0; 5]) && RESET_TAGS.contains(&rest.len());
    let is_long_enough = RESET_BYTES.contains(&packet.len());
    *session != [0; 8] && is_long_enough && (is_plain || is_first && rest.len() >= 40)
}

/// IKE (RFC 7296 section 3.1, RFC 2408 section 3.1), and ESP in UDP (RFC 3948) where
/// nothing else tells of its strength.
fn ipsec(directions: [&[u8]; 2], ports: [u16; 2]) -> Option<Protection> {
    let has_port = |port: u16| ports.contains(&port);
    if has_port(KEY_EXCHANGE_PORT) {
        return directions.into_iter().find_map(key_exchange);
    }
    if !has_port(TRAVERSAL_PORT) {
        return None;
    }
    let marked = |bytes: &[u8]| key_exchange(bytes.strip_prefix(&[0; 4])?);
    let [client, server] = directions;
    if let Some(protection) = marked(client).or_else(|| marked(server)) {
        return Some(protection);
    }
    let is_encapsulated = |bytes: &[u8]| match bytes {
        // Keeps the translation of addresses alive.
        [0xff] => true,
        // An index that is not reserved, a number, room for a vector and a check value,
        // and padding up to four bytes (RFC 4303 section 2).
        [0, 0, 0, _, ..] => false,
        [_, _, _, _, _, _, _, _, rest @ ..] => rest.len() >= 16 && rest.len().is_multiple_of(4),
        _ => false,
    };
    let is_any = directions.into_iter().any(is_encapsulated);
    is_any.then_some(Protection::Standard)
}

/// The strength of IKE by its version, if this is a message of it.
fn key_exchange(bytes: &[u8]) -> Option<Protection> {
    let (initiator, rest) = bytes.split_first_chunk::<8>()?;
    let (_responder, rest) = rest.split_first_chunk::<8>()?;
    let [_next, version, exchange, _flags, rest @ ..] = rest else {
        return None;
    };
    let length = rest.get(4..)?.first_chunk()?;
    // A datagram may be cut, but it has no more than it says.
    let is_sound = usize::try_from(u32::from_be_bytes(*length)).ok()? >= bytes.len();
    if *initiator == [0; 8] || !is_sound || u32::from_be_bytes(*length) > 0xffff {
        return None;
    }
    match (version, exchange) {
        (0x20, 34..=44) => Some(Protection::Strong),
        (0x10, 1..=6 | 32..=34) => Some(Protection::Standard),
        _ => None,
    }
}

/// A record of DTLS (RFC 6347 section 4.1) that is whole: its type, a version, the epoch
/// of what is not encrypted yet or one of the first that is.
fn is_datagram_tls(bytes: &[u8]) -> bool {
    let [kind, major, minor, 0, epoch, _, _, _, _, _, _, length @ ..] = bytes else {
        return false;
    };
    let is_version = matches!((major, minor), (0xfe, 0xff | 0xfd) | (1, 0));
    let Some((length, content)) = length.split_first_chunk() else {
        return false;
    };
    let length = usize::from(u16::from_be_bytes(*length));
    matches!(kind, 20..=23) && is_version && *epoch < 16 && (1..=content.len()).contains(&length)
}

/// Formats that are known to be in the clear, by port and by what each datagram has.
fn is_clear(bytes: &[u8], ports: [u16; 2]) -> bool {
    let is_of = |port: u16| match (port, bytes) {
        // DHCP: an operation, hardware of Ethernet, the cookie of RFC 2131 section 3.
        (67 | 68, [1 | 2, 1, 6, ..]) => {
            let cookie = bytes.get(236..240);
            cookie == Some(&[0x63, 0x82, 0x53, 0x63])
        }
        // TFTP (RFC 1350): an operation and, of a request, a file's name.
        (69, [0, 1..=5, ..]) => true,
        // NTP (RFC 5905 section 7.3): versions 1 to 4, a mode.
        (123, [first, ..]) => {
            bytes.len() >= 48 && matches!(first >> 3 & 7, 1..=4) && first & 7 != 0
        }
        // NetBIOS (RFC 1002 section 4.2.1): names, with one question or one answer.
        (137, _) => bytes.len() >= 50 && bytes.get(12) == Some(&0x20),
        (138, [0x10..=0x16, ..]) => bytes.len() >= 82,
        // SNMP (RFC 1901, RFC 3416): a sequence that begins with version 1 or 2c.
        (161 | 162, [0x30, rest @ ..]) => {
            let behind_length = match rest {
                [0x81, _, rest @ ..] | [0x82, _, _, rest @ ..] | [_, rest @ ..] => rest,
                [] => rest,
            };
            matches!(behind_length, [2, 1, 0 | 1, 4, ..])
        }
        // Multicast DNS and LLMNR (RFC 6762, RFC 4795): a header that makes sense.
        (5353 | 5355, [_, _, flags, _, _, _, ..]) => bytes.len() >= 17 && flags & 0x78 == 0,
        _ => false,
    };
    ports.into_iter().any(is_of)
}

/// Tunnels in one another.
pub(super) const DEPTH_MAX: u8 = 2;

/// Bytes of a text of SOCKS version 4, with its end.
const OLD_TEXT_BYTES_MAX: usize = 256;

/// Ports of IKE, and of it and of ESP behind a translation of addresses.
const KEY_EXCHANGE_PORT: u16 = 500;
const TRAVERSAL_PORT: u16 = 4_500;

/// Lengths of a client's reset: without any tag at least; with a wrapped key at most what
/// a datagram takes.
const RESET_BYTES: std::ops::RangeInclusive<usize> = 14..=1_500;

/// Bytes between session and end: none, or the tag of a hash from MD5 to SHA-512, and the
/// number and the time of the packet.
const RESET_TAGS: [usize; 7] = [0, 24, 28, 36, 40, 56, 72];

#[cfg(test)]
mod tests;
