//! The first datagrams of QUIC version 1 (RFC 9000), encrypted as RFC 9001 section 5 says.

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey, quic};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

use super::Message;
use super::bytes::sized8;
use super::tls::{Hellos, Kind};
use crate::simulate::chance::Chance;

/// A datagram of the client and one of the server, each as long as the first ones have to be.
/// Nothing if the cryptography is not to be had.
pub(super) fn messages(name: &str, chance: &mut Chance) -> Option<Vec<Message>> {
    let hellos = Hellos::new(Kind::Quic, name, WEB, chance);
    let [identifier, source] = [
        chance.bytes(IDENTIFIER_BYTES),
        chance.bytes(IDENTIFIER_BYTES),
    ];
    let mut asked = crypto(&hellos.client);
    let head_bytes = head(INITIAL, &identifier, &[]).len();
    asked.resize(
        DATAGRAM_BYTES - head_bytes - LENGTH_BYTES - OVERHEAD_BYTES,
        PADDING,
    );
    let client = Keys::of(&identifier, "client in")?;
    let client = client.initial(head(INITIAL, &identifier, &[]), &asked)?;
    // The first packet of the client is acknowledged.
    let answer = [&[ACK, 0, 0, 0, 0], &crypto(&hellos.server)[..]].concat();
    let server = Keys::of(&identifier, "server in")?;
    let server = server.initial(head(INITIAL, &[], &source), &answer)?;
    let rest = DATAGRAM_BYTES.checked_sub(server.len())?;
    let server = [server, handshake(rest, &source, chance)?].concat();
    Some(vec![Message::of_client(client), Message::of_server(server)])
}

/// The begin of a packet with a long header (RFC 9000 section 17.2), up to its length.
fn head(kind: u8, destination: &[u8], source: &[u8]) -> Vec<u8> {
    let first = LONG_HEADER | kind << 4 | (NUMBER_BYTES as u8 - 1);
    let mut head = vec![first, 0, 0, 0, 1];
    head.extend(sized8(destination));
    head.extend(sized8(source));
    if kind == INITIAL {
        // There is no token.
        head.push(0);
    }
    head
}

/// A packet of the handshake, which only the peers can read, that is so long in all.
fn handshake(length: usize, source: &[u8], chance: &mut Chance) -> Option<Vec<u8>> {
    let head = head(HANDSHAKE, &[], source);
    let protected = length.checked_sub(head.len() + LENGTH_BYTES)?;
    Some([head, variable(protected), chance.bytes(protected)].concat())
}

/// A frame with the first bytes of the handshake (RFC 9000 section 19.6).
fn crypto(message: &[u8]) -> Vec<u8> {
    [&[CRYPTO, 0], &variable(message.len())[..], message].concat()
}

/// A number in two bytes (RFC 9000 section 16). All here are below 16,384.
fn variable(number: usize) -> Vec<u8> {
    (number as u16 | 0x4000).to_be_bytes().to_vec()
}

/// The keys with which one side encrypts its Initial packets (RFC 9001 section 5.2).
struct Keys {
    payload: LessSafeKey,
    nonce: [u8; NONCE_LEN],
    header: quic::HeaderProtectionKey,
}

impl Keys {
    fn of(identifier: &[u8], side: &str) -> Option<Self> {
        let common = Salt::new(HKDF_SHA256, SALT).extract(identifier);
        let side = label(side, 32);
        let secret = Prk::from(common.expand(&[&side], HKDF_SHA256).ok()?);
        let [key, header, vector] = [
            label("quic key", 16),
            label("quic hp", 16),
            label("quic iv", NONCE_LEN),
        ];
        let mut nonce = [0; NONCE_LEN];
        let vector = [vector.as_slice()];
        secret.expand(&vector, Vector).ok()?.fill(&mut nonce).ok()?;
        let payload = UnboundKey::from(secret.expand(&[&key], &AES_128_GCM).ok()?);
        Some(Self {
            payload: LessSafeKey::new(payload),
            nonce,
            header: secret.expand(&[&header], &quic::AES_128).ok()?.into(),
        })
    }

    /// The packet with number 0.
    fn initial(&self, mut packet: Vec<u8>, payload: &[u8]) -> Option<Vec<u8>> {
        packet.extend(variable(OVERHEAD_BYTES + payload.len()));
        let number_at = packet.len();
        packet.extend([0; NUMBER_BYTES]);
        let mut sealed = payload.to_vec();
        let nonce = Nonce::assume_unique_for_key(self.nonce);
        let head = Aad::from(&packet);
        self.payload
            .seal_in_place_append_tag(nonce, head, &mut sealed)
            .ok()?;
        // The number has four bytes, so the sample begins right behind it.
        let sample = sealed.get(..self.header.algorithm().sample_len())?;
        let [first_mask, number_mask @ ..] = self.header.new_mask(sample).ok()?;
        let first = packet.first_mut()?;
        *first ^= first_mask & 0x0f;
        let number = packet.iter_mut().skip(number_at);
        number
            .zip(number_mask)
            .for_each(|(byte, mask)| *byte ^= mask);
        packet.extend(sealed);
        Some(packet)
    }
}

/// What HKDF-Expand-Label takes, without a context (RFC 8446 section 7.1).
fn label(text: &str, length: usize) -> Vec<u8> {
    let length = (length as u16).to_be_bytes();
    let text = sized8(format!("tls13 {text}").as_bytes());
    [&length[..], &text, &[0]].concat()
}

/// Key material as long as a nonce.
struct Vector;

impl KeyType for Vector {
    fn len(&self) -> usize {
        NONCE_LEN
    }
}

/// RFC 9001 section 5.2.
const SALT: &[u8] = &[
    0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad,
    0xcc, 0xbb, 0x7f, 0x0a,
];

const WEB: &[&str] = &["h3"];

/// Length of the first datagrams (RFC 9000 section 14.1).
const DATAGRAM_BYTES: usize = 1_200;
const IDENTIFIER_BYTES: usize = 8;
const LENGTH_BYTES: usize = 2;
const NUMBER_BYTES: usize = 4;

/// What a packet has beside its payload behind the length: its number, and the tag of GCM.
const OVERHEAD_BYTES: usize = NUMBER_BYTES + 16;

/// Header form and fixed bit, and types of packets (RFC 9000 section 17.2).
const LONG_HEADER: u8 = 0xc0;
const INITIAL: u8 = 0;
const HANDSHAKE: u8 = 2;

/// Types of frames (RFC 9000 section 12.4).
const PADDING: u8 = 0;
const ACK: u8 = 2;
const CRYPTO: u8 = 6;
