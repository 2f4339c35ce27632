//! SSH (RFC 4253): the version, and the strength of what both sides will agree on.

use super::cursor::Cursor;
use super::stream::{Sides, Verdict, begins_with};
use super::{Application, Protection, Reading, Said};

/// A conversation in which either side says that it speaks SSH.
pub(super) fn shell(sides: &Sides<'_>) -> Verdict {
    let begins = [sides.client, sides.server].map(|side| begins_with(side, BANNER_BEGIN));
    match begins {
        [Some(true), _] | [_, Some(true)] => {}
        [Some(false), Some(false)] => return Verdict::Not,
        _ => return Verdict::Unsure,
    }
    let offers = [sides.client, sides.server].map(Opening::read);
    if offers.iter().any(Option::is_none) && !sides.is_over {
        return Verdict::Is(Reading::More);
    }
    Verdict::Is(Reading::Done(Said {
        application: Application::Ssh,
        protection: protection(offers.map(Option::unwrap_or_default)),
        ..Said::default()
    }))
}

/// What one side begins with.
#[derive(Clone, Copy, Debug, Default)]
struct Opening<'a> {
    /// It speaks nothing but version 1.
    is_old: bool,
    offer: Option<Offer<'a>>,
}

/// What a side is ready to use: lists of names between commas, the best first.
#[derive(Clone, Copy, Debug)]
struct Offer<'a> {
    exchanges: &'a [u8],
    /// Ciphers from client to server, and back.
    ciphers: [&'a [u8]; 2],
}

impl<'a> Opening<'a> {
    /// What a direction begins with. Nothing while more bytes can tell more.
    fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut left = bytes;
        // RFC 4253 section 4.2: other lines may stand before the one with the version.
        for _ in 0..LINES_MAX {
            let end = left.iter().position(|byte| *byte == b'\n')?;
            let (line, rest) = left.split_at_checked(end.checked_add(1)?)?;
            if let Some(version) = line.strip_prefix(BANNER_BEGIN) {
                // Section 5.1: who says 1.99 speaks both versions.
                let is_old = version.starts_with(b"1.") && !version.starts_with(b"1.99");
                if is_old {
                    let offer = None;
                    return Some(Self { is_old, offer });
                }
                let offer = Offer::read(rest)?;
                return Some(Self { is_old, offer });
            }
            left = rest;
        }
        Some(Self::default())
    }
}

impl<'a> Offer<'a> {
    /// The first packet, if it offers something (RFC 4253 sections 6 and 7.1). Nothing
    /// while it is not whole.
    fn read(bytes: &'a [u8]) -> Option<Option<Self>> {
        let mut cursor = Cursor::new(bytes);
        let length = cursor.u32()?;
        if !PACKET_BYTES.contains(&length) {
            return Some(None);
        }
        let packet = cursor.take(usize::try_from(length).ok()?)?;
        Some(Self::of_packet(packet))
    }

    fn of_packet(packet: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor::new(packet);
        let (_padding, message) = (cursor.byte()?, cursor.byte()?);
        let _cookie = cursor.take(16)?;
        let mut list = || {
            let length = cursor.u32()?;
            cursor.take(usize::try_from(length).ok()?)
        };
        let (exchanges, _host_keys) = (list()?, list()?);
        let ciphers = [list()?, list()?];
        (message == KEY_EXCHANGE_INIT).then_some(Self { exchanges, ciphers })
    }
}

fn protection([client, server]: [Opening<'_>; 2]) -> Protection {
    if client.is_old || server.is_old {
        return Protection::Weak;
    }
    let (Some(client), Some(server)) = (client.offer, server.offer) else {
        return Protection::Standard;
    };
    let is_weak =
        |(ours, theirs): (&&[u8], &&[u8])| agreed(ours, theirs).is_some_and(is_weak_cipher);
    if client.ciphers.iter().zip(&server.ciphers).any(is_weak) {
        return Protection::Weak;
    }
    match agreed(client.exchanges, server.exchanges) {
        Some(exchange) => strength(exchange),
        None => Protection::Standard,
    }
}

/// The first name of the client's list that the server's has, too. That a key exchange
/// also wants a fitting host key (RFC 4253 section 7.1) makes no difference in practice.
fn agreed<'a>(client: &'a [u8], server: &[u8]) -> Option<&'a [u8]> {
    names(client).find(|name| names(server).any(|other| other == *name))
}

fn names(list: &[u8]) -> impl Iterator<Item = &[u8]> {
    let list = list.get(..LIST_BYTES_MAX).unwrap_or(list);
    let names = list.split(|byte| *byte == b',').take(NAMES_MAX);
    names.filter(|name| !name.is_empty())
}

/// The strength of a key exchange, in the order of RFC 9142. Of SM2 there are ciphers and
/// exchanges in Chinese distributions of OpenSSH.
fn strength(exchange: &[u8]) -> Protection {
    let begins = |list: &[&str]| {
        list.iter()
            .any(|name| exchange.starts_with(name.as_bytes()))
    };
    if begins(&["sntrup", "mlkem"]) {
        Protection::PostQuantum
    } else if begins(&["sm2"]) {
        Protection::National
    } else if begins(&["diffie-hellman-"]) && exchange.ends_with(b"-sha1") {
        Protection::Weak
    } else if begins(&[
        "curve25519-",
        "curve448-",
        "ecdh-sha2-",
        "diffie-hellman-group",
    ]) {
        Protection::Strong
    } else {
        Protection::Standard
    }
}

fn is_weak_cipher(cipher: &[u8]) -> bool {
    let begins = |name: &&str| cipher.starts_with(name.as_bytes());
    let is_chained = cipher.ends_with(b"-cbc") || cipher.starts_with(b"rijndael-cbc");
    is_chained || ["3des", "des", "arcfour", "none"].iter().any(begins)
}

const BANNER_BEGIN: &[u8] = b"SSH-";

/// Lines of a server among which its version is looked for.
const LINES_MAX: usize = 64;

/// Lengths that a first packet may have: ten lists and a cookie at least, and what every
/// implementation must take at most (RFC 4253 section 6.1).
const PACKET_BYTES: std::ops::RangeInclusive<u32> = 62..=35_000;

/// SSH_MSG_KEXINIT.
const KEY_EXCHANGE_INIT: u8 = 20;

/// Names and bytes that are read of a list. OpenSSH's have 15 names at most.
const NAMES_MAX: usize = 64;
const LIST_BYTES_MAX: usize = 2_048;

#[cfg(test)]
mod tests;
