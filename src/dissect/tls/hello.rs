//! The hellos of client and server.

use tls_parser::{
    SNIType, TlsCipherAu, TlsCipherKx, TlsCipherSuite, TlsExtension,
    parse_tls_extension_alpn_content, parse_tls_extension_signature_algorithms_content,
    parse_tls_extension_sni_content, parse_tls_handshake_client_hello,
};

use super::record::is_version;
use crate::dissect::cursor::Cursor;
use crate::dissect::ja4::is_grease;

/// What a client's hello says (RFC 8446 section 4.1.2).
#[derive(Debug, Default)]
pub(in crate::dissect) struct ClientHello<'a> {
    pub(in crate::dissect) version: u16,
    pub(in crate::dissect) suites: Vec<u16>,
    /// The types of its extensions, in order.
    pub(in crate::dissect) extensions: Vec<u16>,
    /// The versions of its extension for that, in order.
    pub(in crate::dissect) versions: Vec<u16>,
    pub(in crate::dissect) signatures: Vec<u16>,
    pub(in crate::dissect) server_name: Option<&'a [u8]>,
    /// The first protocol that means something.
    pub(in crate::dissect) protocol: Option<&'a [u8]>,
    pub(in crate::dissect) has_encrypted_hello: bool,
    /// Nothing of it is missing.
    pub(in crate::dissect) is_whole: bool,
}

impl<'a> ClientHello<'a> {
    /// Reads a hello; of one that was cut, the extensions that are there.
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let (behind, head) = parse_tls_handshake_client_hello(body).ok()?;
        let list = head.ext.or_else(|| behind.get(2..)).unwrap_or_default();
        let (extensions, is_list_whole) = extensions(list);
        let mut hello = Self {
            version: head.version.0,
            suites: head.ciphers.iter().map(|suite| suite.0).collect(),
            is_whole: is_list_whole && (head.ext.is_some() || behind.is_empty()),
            ..Self::default()
        };
        for (kind, data) in extensions {
            hello.extensions.push(kind);
            hello.extend(kind, data);
        }
        Some(hello)
    }

    /// What is malformed or unknown is passed over, so that it does not hide the rest. Of two
    /// of a kind, which are forbidden, the first one stands.
    fn extend(&mut self, kind: u16, data: &'a [u8]) {
        match kind {
            EXTENSION_SERVER_NAME if self.server_name.is_none() => {
                if let Ok((_, TlsExtension::SNI(names))) = parse_tls_extension_sni_content(data) {
                    let host = names.iter().find(|(kind, _)| *kind == SNIType::HostName);
                    self.server_name = host.map(|(_, name)| *name);
                }
            }
            EXTENSION_SIGNATURES if self.signatures.is_empty() => {
                if let Ok((_, TlsExtension::SignatureAlgorithms(list))) =
                    parse_tls_extension_signature_algorithms_content(data)
                {
                    self.signatures = list;
                }
            }
            EXTENSION_PROTOCOLS if self.protocol.is_none() => self.protocol = protocol(data),
            EXTENSION_VERSIONS if self.versions.is_empty() => {
                let pairs = data.get(1..).unwrap_or_default().as_chunks().0;
                self.versions = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            }
            EXTENSION_ENCRYPTED_HELLO => self.has_encrypted_hello = true,
            _ => {}
        }
    }

    /// The highest version that the client offers (RFC 8446 section 4.2.1).
    pub(in crate::dissect) fn version_offered(&self) -> u16 {
        let versions = self.versions.iter().copied().filter(|it| !is_grease(*it));
        versions.max().unwrap_or(self.version)
    }
}

/// What a server's hello says (RFC 8446 section 4.1.3).
#[derive(Debug, Default)]
pub(super) struct ServerHello<'a> {
    pub(super) version: u16,
    pub(super) suite: u16,
    pub(super) group: u16,
    pub(super) protocol: Option<&'a [u8]>,
    /// It asks for a second hello of the client (RFC 8446 section 4.1.4).
    pub(super) is_retry: bool,
}

impl<'a> ServerHello<'a> {
    pub(super) fn read(body: &'a [u8]) -> Option<Self> {
        let mut cursor = Cursor::new(body);
        let version = cursor.u16()?;
        let is_retry = cursor.take(32)? == RETRY_RANDOM;
        // The drafts of TLS 1.3 up to 21 have neither a session nor a compression here.
        let is_draft = version >> 8 == 0x7f;
        if !is_draft && !is_version(version) {
            return None;
        }
        if !is_draft {
            let session_bytes = cursor.byte()?;
            cursor.take(session_bytes.into())?;
        }
        let suite = cursor.u16()?;
        if !is_draft {
            cursor.byte()?;
        }
        let mut hello = Self {
            version,
            suite,
            is_retry,
            ..Self::default()
        };
        let list = cursor.rest().get(2..).unwrap_or_default();
        for (kind, data) in extensions(list).0 {
            let number = Cursor::new(data).u16();
            match kind {
                EXTENSION_VERSIONS => hello.version = number.unwrap_or(hello.version),
                EXTENSION_KEY_SHARE => hello.group = number.unwrap_or_default(),
                EXTENSION_PROTOCOLS => hello.protocol = protocol(data),
                _ => {}
            }
        }
        Some(hello)
    }

    /// Whether the group is named in the key exchange message (RFC 8422 section 5.4).
    pub(super) fn has_late_group(&self) -> bool {
        let is_version = matches!(self.version, 0x0300..=0x0303);
        is_version
            && TlsCipherSuite::from_id(self.suite).is_some_and(|it| {
                it.kx == TlsCipherKx::Ecdhe
                    || (it.kx == TlsCipherKx::Ecdh && it.au == TlsCipherAu::Null)
            })
    }

    pub(super) fn late_group(&self, body: &[u8]) -> Option<u16> {
        let mut cursor = Cursor::new(body);
        if TlsCipherSuite::from_id(self.suite)?.au == TlsCipherAu::Psk {
            // A hint for the shared key stands first (RFC 5489 section 2).
            let hint_bytes = cursor.u16()?;
            cursor.take(hint_bytes.into())?;
        }
        if cursor.byte()? == NAMED_CURVE {
            return cursor.u16();
        }
        None
    }
}

/// The extensions of a list, as far as they are there, and whether it ends with one.
fn extensions(list: &[u8]) -> (Vec<(u16, &[u8])>, bool) {
    let mut cursor = Cursor::new(list);
    let mut found = Vec::new();
    while !cursor.rest().is_empty() {
        let extension = cursor.u16().zip(cursor.u16());
        let Some((kind, length)) = extension else {
            return (found, false);
        };
        let Some(data) = cursor.take(length.into()) else {
            return (found, false);
        };
        found.push((kind, data));
    }
    (found, true)
}

/// The first protocol of a list (RFC 7301 section 3.1) that is not there to keep servers
/// tolerant (RFC 8701 section 2).
fn protocol(data: &[u8]) -> Option<&[u8]> {
    let Ok((_, TlsExtension::ALPN(names))) = parse_tls_extension_alpn_content(data) else {
        return None;
    };
    names.into_iter().find(|name| match name {
        [high, low] => !is_grease(u16::from_be_bytes([*high, *low])),
        _ => true,
    })
}

/// Types of extensions that are read.
const EXTENSION_SERVER_NAME: u16 = 0;
const EXTENSION_SIGNATURES: u16 = 13;
const EXTENSION_PROTOCOLS: u16 = 16;
const EXTENSION_VERSIONS: u16 = 43;
const EXTENSION_KEY_SHARE: u16 = 51;
const EXTENSION_ENCRYPTED_HELLO: u16 = 0xfe0d;

/// The curve of a key exchange is named by its number (RFC 8422 section 5.4).
const NAMED_CURVE: u8 = 3;

/// The random of a request to try again: SHA-256 of "HelloRetryRequest".
pub(super) const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];
