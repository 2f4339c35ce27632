//! The hellos of client and server.

use std::borrow::Cow;

use tls_parser::{TlsCipherAu, TlsCipherKx, TlsCipherSuite};

use super::record::is_version;
use crate::dissect::cursor::Cursor;
use crate::dissect::dtls;
use crate::dissect::ja4::is_grease;

/// What a client's hello says (RFC 8446 section 4.1.2).
#[derive(Debug, Default)]
pub(in crate::dissect) struct ClientHello<'a> {
    pub(in crate::dissect) version: u16,
    pub(in crate::dissect) suites: Numbers<'a>,
    /// The types of its extensions, in order.
    pub(in crate::dissect) extensions: Vec<u16>,
    /// The versions of its extension for that, in order.
    pub(in crate::dissect) versions: Numbers<'a>,
    pub(in crate::dissect) signatures: Numbers<'a>,
    pub(in crate::dissect) server_name: Option<&'a [u8]>,
    /// The first protocol that means something.
    pub(in crate::dissect) protocol: Option<&'a [u8]>,
    pub(in crate::dissect) has_encrypted_hello: bool,
    /// Nothing of it is missing.
    pub(in crate::dissect) is_whole: bool,
}

/// Numbers of two bytes as they stand in a hello, where they can.
#[derive(Debug, Default)]
pub(in crate::dissect) struct Numbers<'a>(pub(in crate::dissect) Cow<'a, [[u8; 2]]>);

impl<'a> Numbers<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self(bytes.as_chunks().0.into())
    }

    /// Those that mean something.
    pub(in crate::dissect) fn kept(&self) -> impl Iterator<Item = u16> {
        let numbers = self.0.iter().map(|pair| u16::from_be_bytes(*pair));
        numbers.filter(|number| !is_grease(*number))
    }
}

impl<'a> ClientHello<'a> {
    /// Reads a hello; of one that was cut, the extensions that are there.
    ///
    /// Every new conversation has one, so it is read where it lies. That of DTLS has a cookie
    /// (RFC 6347 section 4.2.1).
    pub(super) fn read(body: &'a [u8], has_cookie: bool) -> Option<Self> {
        let mut cursor = Cursor::new(body);
        let (version, _random) = (cursor.u16()?, cursor.take(32)?);
        let session_bytes = cursor.byte().filter(|bytes| *bytes <= SESSION_BYTES_MAX)?;
        cursor.take(session_bytes.into())?;
        if has_cookie {
            let cookie_bytes = cursor.byte()?;
            cursor.take(cookie_bytes.into())?;
        }
        let suites_bytes = cursor.u16().filter(|bytes| bytes % 2 == 0)?;
        let suites = cursor.take(suites_bytes.into())?;
        let compressions = cursor.byte()?;
        cursor.take(compressions.into())?;
        let mut hello = Self {
            version,
            suites: Numbers::of(suites),
            extensions: Vec::with_capacity(EXTENSIONS_USUAL),
            is_whole: cursor.rest().is_empty(),
            ..Self::default()
        };
        if let Some(bytes) = cursor.u16() {
            let list = cursor.take(bytes.into());
            let whole = extensions(list.unwrap_or(cursor.rest()), |kind, data| {
                hello.extensions.push(kind);
                hello.extend(kind, data);
            });
            hello.is_whole = whole && list.is_some();
        }
        Some(hello)
    }

    /// What is malformed or unknown is passed over, so that it does not hide the rest. Of two
    /// of a kind, which are forbidden, the first one stands.
    fn extend(&mut self, kind: u16, data: &'a [u8]) {
        let mut cursor = Cursor::new(data);
        match kind {
            EXTENSION_SERVER_NAME if self.server_name.is_none() => {
                self.server_name = host_name(data);
            }
            EXTENSION_SIGNATURES if self.signatures.0.is_empty() => {
                let bytes = cursor.u16().unwrap_or_default();
                let list = cursor.take(bytes.into()).unwrap_or_default();
                self.signatures = Numbers::of(list);
            }
            EXTENSION_PROTOCOLS if self.protocol.is_none() => self.protocol = protocol(data),
            EXTENSION_VERSIONS if self.versions.0.is_empty() => {
                self.versions = Numbers::of(data.get(1..).unwrap_or_default());
            }
            EXTENSION_ENCRYPTED_HELLO => self.has_encrypted_hello = true,
            _ => {}
        }
    }

    /// The highest version that the client offers (RFC 8446 section 4.2.1).
    pub(in crate::dissect) fn version_offered(&self) -> u16 {
        let versions = self.versions.kept();
        // Those of DTLS count down.
        let highest = versions.max_by_key(|version| dtls::as_tls(*version));
        highest.unwrap_or(self.version)
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
        if !is_draft && !is_version(version) && !dtls::is_version(version) {
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
        extensions(list, |kind, data| {
            let number = Cursor::new(data).u16();
            match kind {
                EXTENSION_VERSIONS => hello.version = number.unwrap_or(hello.version),
                EXTENSION_KEY_SHARE => hello.group = number.unwrap_or_default(),
                EXTENSION_PROTOCOLS => hello.protocol = protocol(data),
                _ => {}
            }
        });
        Some(hello)
    }

    /// Whether certificates may follow in the clear: before TLS 1.3. Where a session goes on, or
    /// none is needed, something else follows that ends the waiting.
    pub(super) fn shows_certificates(&self) -> bool {
        self.version == TLCP || matches!(dtls::as_tls(self.version), 0x0300..=0x0303)
    }

    /// Whether the group is named in the key exchange message (RFC 8422 section 5.4).
    pub(super) fn has_late_group(&self) -> bool {
        let is_version = matches!(dtls::as_tls(self.version), 0x0300..=0x0303);
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

/// Takes the extensions of a list, as far as they are there; whether it ends with one.
fn extensions<'a>(list: &'a [u8], mut take: impl FnMut(u16, &'a [u8])) -> bool {
    let mut cursor = Cursor::new(list);
    while !cursor.rest().is_empty() {
        let extension = cursor.u16().zip(cursor.u16());
        let Some((kind, length)) = extension else {
            return false;
        };
        let Some(data) = cursor.take(length.into()) else {
            return false;
        };
        take(kind, data);
    }
    true
}

/// The first name of a host in a list of names (RFC 6066 section 3).
fn host_name(data: &[u8]) -> Option<&[u8]> {
    let mut cursor = Cursor::new(data);
    let bytes = cursor.u16()?;
    let mut names = Cursor::new(cursor.take(bytes.into())?);
    loop {
        let (kind, bytes) = (names.byte()?, names.u16()?);
        let name = names.take(bytes.into())?;
        if kind == HOST_NAME {
            return Some(name);
        }
    }
}

/// The first protocol of a list (RFC 7301 section 3.1) that is not there to keep servers
/// tolerant (RFC 8701 section 2).
fn protocol(data: &[u8]) -> Option<&[u8]> {
    let mut cursor = Cursor::new(data);
    let bytes = cursor.u16()?;
    let mut names = Cursor::new(cursor.take(bytes.into())?);
    loop {
        let bytes = names.byte()?;
        let name = names.take(bytes.into())?;
        match name {
            [high, low] if is_grease(u16::from_be_bytes([*high, *low])) => {}
            _ => return Some(name),
        }
    }
}

/// The longest session identifier (RFC 8446 section 4.1.2).
const SESSION_BYTES_MAX: u8 = 32;

/// For how many extensions there is room at once: browsers send up to 18.
const EXTENSIONS_USUAL: usize = 24;

/// The type of a name that is one of a host (RFC 6066 section 3).
const HOST_NAME: u8 = 0;

/// Types of extensions that are read.
const EXTENSION_SERVER_NAME: u16 = 0;
const EXTENSION_SIGNATURES: u16 = 13;
const EXTENSION_PROTOCOLS: u16 = 16;
const EXTENSION_VERSIONS: u16 = 43;
const EXTENSION_KEY_SHARE: u16 = 51;
const EXTENSION_ENCRYPTED_HELLO: u16 = 0xfe0d;

/// TLS with the commercial cryptography of China (GB/T 38636-2020), which is TLS 1.1 otherwise.
const TLCP: u16 = 0x0101;

/// The curve of a key exchange is named by its number (RFC 8422 section 5.4).
const NAMED_CURVE: u8 = 3;

/// The random of a request to try again: SHA-256 of "HelloRetryRequest".
pub(super) const RETRY_RANDOM: [u8; 32] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91,
    0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb, 0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];
