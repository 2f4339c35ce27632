//! The keys of Initial packets.

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey, quic};
use ring::hkdf::{HKDF_SHA256, KeyType, Prk, Salt};

use super::packet::Version;

/// The keys with which one side encrypts (RFC 9001 section 5.1).
pub(super) struct Keys {
    payload: LessSafeKey,
    nonce: [u8; NONCE_BYTES],
    header: quic::HeaderProtectionKey,
}

impl Keys {
    /// Makes the keys of the client or the server out of the identifier with which the
    /// client began (RFC 9001 section 5.2).
    pub(super) fn of(version: Version, identifier: &[u8], is_client: bool) -> Option<Self> {
        let labels = version.labels();
        let side = if is_client { "client in" } else { "server in" };
        let common = Salt::new(HKDF_SHA256, version.salt()).extract(identifier);
        let side = info(side, SECRET_BYTES);
        let secret = Prk::from(common.expand(&[&side], HKDF_SHA256).ok()?);
        let payload = info(labels.key, KEY_BYTES);
        let payload = UnboundKey::from(secret.expand(&[&payload], &AES_128_GCM).ok()?);
        let header = info(labels.header, KEY_BYTES);
        let header = secret.expand(&[&header], &quic::AES_128).ok()?.into();
        let mut nonce = [0; NONCE_BYTES];
        let vector = info(labels.nonce, NONCE_BYTES);
        let filled = secret
            .expand(&[&vector], NonceLength)
            .ok()?
            .fill(&mut nonce);
        filled.ok()?;
        Some(Self {
            payload: LessSafeKey::new(payload),
            nonce,
            header,
        })
    }

    /// The mask of the header's first byte and of the packet number.
    pub(super) fn mask(&self, sample: &[u8]) -> Option<[u8; 5]> {
        self.header.new_mask(sample).ok()
    }

    /// The payload of a packet, if these are its keys.
    pub(super) fn open(&self, number: u64, head: &[u8], payload: &[u8]) -> Option<Vec<u8>> {
        let mut opened = payload.to_vec();
        let nonce = self.nonce(number);
        let length = self
            .payload
            .open_in_place(nonce, Aad::from(head), &mut opened)
            .ok()?
            .len();
        opened.truncate(length);
        Some(opened)
    }

    /// RFC 9001 section 5.3: the number is laid over the end of the vector.
    fn nonce(&self, number: u64) -> Nonce {
        let mut nonce = self.nonce;
        for (byte, over) in nonce.iter_mut().rev().zip(number.to_le_bytes()) {
            *byte ^= over;
        }
        Nonce::assume_unique_for_key(nonce)
    }

    #[cfg(test)]
    pub(super) fn seal(&self, number: u64, head: &[u8], payload: &[u8]) -> Vec<u8> {
        let mut sealed = payload.to_vec();
        let (nonce, head) = (self.nonce(number), Aad::from(head));
        self.payload
            .seal_in_place_append_tag(nonce, head, &mut sealed)
            .unwrap();
        sealed
    }
}

/// What HKDF-Expand-Label of TLS 1.3 expands, without a context (RFC 8446 section 7.1).
fn info(label: &str, length: usize) -> Vec<u8> {
    const PREFIX: &str = "tls13 ";
    // Labels and lengths are those below, all shorter than a byte can say.
    let length = length as u8;
    let label_bytes = (PREFIX.len() + label.len()) as u8;
    [
        &[0, length, label_bytes],
        PREFIX.as_bytes(),
        label.as_bytes(),
        &[0],
    ]
    .concat()
}

struct NonceLength;

impl KeyType for NonceLength {
    fn len(&self) -> usize {
        NONCE_BYTES
    }
}

/// What the keys of a version are called.
struct Labels {
    key: &'static str,
    nonce: &'static str,
    header: &'static str,
}

impl Version {
    /// RFC 9001 section 5.2, the same section of the drafts, and RFC 9369 section 3.3.1; the
    /// last three are in no document, but in the sources of who spoke them.
    const fn salt(self) -> &'static [u8; 20] {
        match self {
            Self::Draft23 => {
                b"\xc3\xee\xf7\x12\xc7\x2e\xbb\x5a\x11\xa7\
                \xd2\x43\x2b\xb4\x63\x65\xbe\xf9\xf5\x02"
            }
            Self::Draft29 => {
                b"\xaf\xbf\xec\x28\x99\x93\xd2\x4c\x9e\x97\
                \x86\xf1\x9c\x61\x11\xe0\x43\x90\xa8\x99"
            }
            Self::One => {
                b"\x38\x76\x2c\xf7\xf5\x59\x34\xb3\x4d\x17\
                \x9a\xe6\xa4\xc8\x0c\xad\xcc\xbb\x7f\x0a"
            }
            Self::Two => {
                b"\x0d\xed\xe3\xde\xf7\x00\xa6\xdb\x81\x93\
                \x81\xbe\x6e\x26\x9d\xcb\xf9\xbd\x2e\xd9"
            }
            Self::Q050 => {
                b"\x50\x45\x74\xef\xd0\x66\xfe\x2f\x9d\x94\
                \x5c\xfc\xdb\xd3\xa7\xf0\xd3\xb5\x6b\x45"
            }
            Self::T050 => {
                b"\x7f\xf5\x79\xe5\xac\xd0\x72\x91\x55\x80\
                \x30\x4c\x43\xa2\x36\x7c\x60\x48\x83\x10"
            }
            Self::T051 => {
                b"\x7a\x4e\xde\xf4\xe7\xcc\xee\x5f\xa4\x50\
                \x6c\x19\x12\x4f\xc8\xcc\xda\x6e\x03\x3d"
            }
        }
    }

    /// RFC 9001 section 5.1 and RFC 9369 section 3.3.2.
    const fn labels(self) -> Labels {
        match self {
            Self::Two => Labels {
                key: "quicv2 key",
                nonce: "quicv2 iv",
                header: "quicv2 hp",
            },
            _ => Labels {
                key: "quic key",
                nonce: "quic iv",
                header: "quic hp",
            },
        }
    }
}

/// Bytes of a secret (SHA-256), of a key (AES-128) and of a nonce (GCM).
const SECRET_BYTES: usize = 32;
const KEY_BYTES: usize = 16;
const NONCE_BYTES: usize = 12;
