//! Which protocol a TCP conversation speaks, and what that says of it.
//!
//! Each dissector looks at the beginning of both directions and gives a [`Verdict`]. The
//! first one whose verdict is not [`Verdict::Not`] has the word. A verdict that is not
//! [`Verdict::Unsure`] is final: more bytes do not change it, and so the outcome does not
//! depend on how the bytes were cut into segments.

use super::content::{self, Content, SAMPLE_BYTES};
use super::{
    Application, Offer, PREFIX_BYTES_MAX, Protection, Reading, Said, directory, dns, http, mail,
    remote, ssh, tls, tunnel,
};

/// What the beginning of a TCP conversation says: of what the initiator sent and what the
/// responder sent, with their ports.
///
/// To be called again when more bytes have come, up to [`Reading::Done`]. It goes by what
/// the bytes say; ports decide only where that leaves a choice. Where a flow was joined
/// midstream and the responder is the client, the roles are exchanged; the classes of
/// content stay in the order of the arguments. A conversation that is over, or a direction
/// that has filled its prefix, ends the reading in any case.
pub fn stream(client: &[u8], server: &[u8], ports: [u16; 2], is_over: bool) -> Reading {
    begin([client, server], ports, is_over, true)
}

/// The same where the classes of what is sent in the clear are not asked for, and nothing is
/// waited for that only tells them.
pub fn stream_without_classes(
    client: &[u8],
    server: &[u8],
    ports: [u16; 2],
    is_over: bool,
) -> Reading {
    begin([client, server], ports, is_over, false)
}

/// What a client of TLS offers at the beginning of its direction, once its hello is whole.
///
/// With the answer to it, [`Offer::answered`], it says what [`stream`] says of both
/// directions, and nothing of what the client has sent needs to be kept.
pub fn offer(client: &[u8]) -> Option<Offer> {
    let is_hello = handshake_type(client) == Some(CLIENT_HELLO);
    if !is_hello || tls::begins(client) != Some(true) {
        return None;
    }
    Offer::begun(client)
}

fn begin(
    [client, server]: [&[u8]; 2],
    ports: [u16; 2],
    is_over: bool,
    wants_classes: bool,
) -> Reading {
    let is_full = client.len().max(server.len()) >= PREFIX_BYTES_MAX;
    read(Sides {
        client,
        server,
        ports,
        is_over: is_over || is_full,
        wants_classes,
        depth: 0,
    })
}

/// The beginning of a conversation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sides<'a> {
    pub(super) client: &'a [u8],
    pub(super) server: &'a [u8],
    pub(super) ports: [u16; 2],
    /// No more bytes will come.
    pub(super) is_over: bool,
    /// The class of what is sent in the clear is asked for.
    pub(super) wants_classes: bool,
    /// In how many others this conversation is.
    pub(super) depth: u8,
}

impl Sides<'_> {
    const fn swapped(self) -> Self {
        let [client_port, server_port] = self.ports;
        Self {
            client: self.server,
            server: self.client,
            ports: [server_port, client_port],
            ..self
        }
    }
}

/// What one dissector says of a conversation.
#[derive(Clone, Debug)]
pub(super) enum Verdict {
    /// It is not of its protocol.
    Not,
    /// More bytes will tell whether it is.
    Unsure,
    /// It is, and this is what it says.
    Is(Reading),
}

/// Goes through the dissectors, first with the roles as given.
pub(super) fn read(sides: Sides<'_>) -> Reading {
    for (sides, is_swapped) in [(sides, false), (sides.swapped(), true)] {
        for dissector in DISSECTORS {
            match dissector(&sides) {
                Verdict::Is(Reading::Done(mut said)) => {
                    if is_swapped {
                        said.content.reverse();
                    }
                    return Reading::Done(said);
                }
                Verdict::Is(Reading::More) => return Reading::More,
                Verdict::Unsure if !sides.is_over => return Reading::More,
                Verdict::Unsure | Verdict::Not => {}
            }
        }
    }
    let is_enough = |bytes: &[u8]| bytes.len() >= SAMPLE_BYTES;
    if sides.is_over || is_enough(sides.client) && is_enough(sides.server) {
        Reading::Done(unknown(sides.client, sides.server))
    } else {
        Reading::More
    }
}

/// What can be said where the protocol is not known.
pub(super) fn unknown(client: &[u8], server: &[u8]) -> Said {
    let content = [client, server].map(Content::of);
    let protection = if content.iter().any(Option::is_some) {
        Protection::Clear
    } else if content::is_random(client) || content::is_random(server) {
        Protection::Opaque
    } else {
        Protection::Unseen
    };
    Said {
        protection,
        content,
        ..Said::default()
    }
}

/// Whether bytes begin with others; nothing where there are too few to tell.
#[inline]
pub(super) fn begins_with(bytes: &[u8], magic: &[u8]) -> Option<bool> {
    // Most differ in the first byte, for which nothing else needs to be called.
    if let (Some(first), Some(of_magic)) = (bytes.first(), magic.first())
        && first != of_magic
    {
        return Some(false);
    }
    if bytes.len() < magic.len() && magic.starts_with(bytes) {
        return None;
    }
    Some(bytes.starts_with(magic))
}

/// Whether bytes begin with any of others; nothing where there are too few to tell.
pub(super) fn begins_with_any(bytes: &[u8], magics: &[&[u8]]) -> Option<bool> {
    let mut is_unsure = false;
    for magic in magics {
        match begins_with(bytes, magic) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => is_unsure = true,
        }
    }
    (!is_unsure).then_some(false)
}

/// Those that the client's first bytes decide stand before those that need the server's.
const DISSECTORS: [fn(&Sides<'_>) -> Verdict; 13] = [
    encrypted,
    http::exchange,
    remote::files,
    remote::desktop,
    names,
    open_vpn,
    remote::database,
    directory::directory,
    tunnel::relayed,
    ssh::shell,
    mail::greeted,
    http::answer,
    mail::asked,
];

/// TLS from the first byte on.
fn encrypted(sides: &Sides<'_>) -> Verdict {
    match tls::begins(sides.client) {
        Some(true) => {}
        Some(false) => return Verdict::Not,
        None => return Verdict::Unsure,
    }
    let hellos = [sides.client, sides.server].map(handshake_type);
    let is_swapped = match hellos {
        [Some(CLIENT_HELLO), _] => false,
        [Some(SERVER_HELLO), _] => true,
        [None, _] | [_, None] if !sides.is_over => return Verdict::Unsure,
        // Joined behind the initiator's hello, if it ever said one.
        [_, server] => server == Some(CLIENT_HELLO),
    };
    let (client, server) = if is_swapped {
        (sides.server, sides.client)
    } else {
        (sides.client, sides.server)
    };
    Verdict::Is(tls::read(client, server, sides.is_over))
}

/// The type of the first handshake message of TLS (RFC 8446 section 4); 0 where something
/// else comes first, nothing where there are too few bytes to tell.
fn handshake_type(bytes: &[u8]) -> Option<u8> {
    match bytes {
        [0x16, _, _, _, _, kind, ..] => Some(*kind),
        [0x16, ..] | [] => None,
        _ => Some(0),
    }
}

/// DNS over TCP.
fn names(sides: &Sides<'_>) -> Verdict {
    if !sides.ports.contains(&dns::PORT) {
        return Verdict::Not;
    }
    let Some((length, message)) = sides.client.split_first_chunk() else {
        return Verdict::Unsure;
    };
    if dns::framed(sides.client).next().is_some() {
        return Verdict::Is(Reading::Done(Said {
            application: Application::Dns,
            protection: Protection::Clear,
            ..Said::default()
        }));
    }
    if message.len() < usize::from(u16::from_be_bytes(*length)) {
        Verdict::Unsure
    } else {
        Verdict::Not
    }
}

/// OpenVPN over TCP.
fn open_vpn(sides: &Sides<'_>) -> Verdict {
    match tunnel::open_vpn_stream(sides.client) {
        Some(true) => Verdict::Is(Reading::Done(Said {
            application: Application::OpenVpn,
            protection: Protection::Standard,
            ..Said::default()
        })),
        Some(false) => Verdict::Not,
        None => Verdict::Unsure,
    }
}

/// Types of handshake messages: RFC 8446 section 4.
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;

#[cfg(test)]
mod tests;
