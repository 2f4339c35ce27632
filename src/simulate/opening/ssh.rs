//! SSH (RFC 4253): versions, and what both ends offer for the key exchange.

use super::Message;
use super::bytes::sized32;
use crate::simulate::chance::Chance;

/// What both ends say in the clear before the keys are exchanged.
pub(super) fn messages(chance: &mut Chance) -> Vec<Message> {
    vec![
        Message::of_server(VERSION),
        Message::of_client(VERSION),
        Message::of_client(offer(chance)),
        Message::of_server(offer(chance)),
    ]
}

/// An offer in its packet (sections 6 and 7.1).
fn offer(chance: &mut Chance) -> Vec<u8> {
    let mut payload = vec![KEY_EXCHANGE_INIT];
    payload.extend(chance.bytes(COOKIE_BYTES));
    let lists = [
        EXCHANGES,
        HOST_KEYS,
        CIPHERS,
        CIPHERS,
        CODES,
        CODES,
        COMPRESSIONS,
        COMPRESSIONS,
        "",
        "",
    ];
    payload.extend(lists.iter().flat_map(|list| sized32(list.as_bytes())));
    // No guess follows, and four bytes are reserved.
    payload.extend([0; 5]);
    // With its length and that of the padding a packet is a multiple of 8 bytes long, of which
    // 4 at least are padding.
    let padding_bytes = 11 - payload.len() % 8;
    let mut packet = vec![padding_bytes as u8];
    packet.extend(payload);
    packet.extend(std::iter::repeat_n(0, padding_bytes));
    sized32(&packet)
}

const VERSION: &str = "SSH-2.0-OpenSSH_8.9\r\n";

/// SSH_MSG_KEXINIT.
const KEY_EXCHANGE_INIT: u8 = 20;
const COOKIE_BYTES: usize = 16;

/// Names of RFC 8731, RFC 8709, RFC 8332, RFC 5647 and OpenSSH's own, the best first.
const EXCHANGES: &str = "curve25519-sha256,curve25519-sha256@libssh.org,ecdh-sha2-nistp256,\
                         diffie-hellman-group-exchange-sha256,diffie-hellman-group16-sha512";
const HOST_KEYS: &str = "ssh-ed25519,rsa-sha2-512,rsa-sha2-256,ecdsa-sha2-nistp256";
const CIPHERS: &str = "chacha20-poly1305@openssh.com,aes128-gcm@openssh.com,\
                       aes256-gcm@openssh.com,aes128-ctr";
const CODES: &str = "umac-128-etm@openssh.com,hmac-sha2-256-etm@openssh.com,hmac-sha2-256";
const COMPRESSIONS: &str = "none,zlib@openssh.com";
