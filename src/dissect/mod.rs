//! What the first bytes of a conversation say of it: application, recipient, protection.
//!
//! Pure functions over the reassembled beginning of each direction. They keep nothing of
//! it but names and numbers, never panic, and read no further than the beginning goes.

mod certificate;
mod content;
mod cursor;
mod directory;
mod dns;
mod dtls;
mod hellos;
mod http;
mod ja4;
mod mail;
mod ping;
mod prefix;
mod protection;
mod quic;
mod remote;
mod ssh;
mod stream;
mod text;
mod tls;
mod tunnel;

pub use certificate::{Certificate, CertificateLine, Flaw, Key};
pub use content::{Content, is_random};
pub use dns::{Answered, Messages, answers};
pub use hellos::{Hellos, begins_with_hello, is_quic_version};
pub use ping::Ping;
pub use prefix::{PREFIX_BYTES_MAX, Prefix, bytes_wanted};
pub use protection::Protection;
pub use stream::{offer, stream, stream_without_classes};
pub use text::Short;
pub use tls::{Offer, awaits_certificate};
pub use tunnel::datagram;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// What a conversation says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Said {
    /// What it speaks.
    pub application: Application,
    /// How what it carries is protected.
    pub protection: Protection,
    /// The server that the client asks for, in lower case: of TLS and QUIC the server name
    /// indication (RFC 6066 section 3), of HTTP the host. Printable ASCII, at most 255 bytes.
    pub server_name: Option<Arc<str>>,
    /// Fingerprint of the client's hello: JA4, the TLS client variant.
    pub ja4: Option<Short<36>>,
    /// What was agreed of TLS, as far as it was seen.
    pub tls: Option<Tls>,
    /// The first protocol of the client's ALPN list, or the one that the server chose
    /// (RFC 7301). Printable ASCII, as far as it fits.
    pub alpn: Option<Short<23>>,
    /// The certificate that the server showed, where it was seen.
    pub certificate: Option<Arc<Certificate>>,
    /// The class of what is sent in the clear by client and by server.
    pub content: [Option<Content>; 2],
}

/// What hellos of TLS say. Numbers are those of the IANA registries; 0 is unknown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tls {
    /// The version that the server chose, else the highest that the client offers.
    pub version: u16,
    /// The cipher suite that the server chose.
    pub suite: u16,
    /// The group of the key exchange: of TLS 1.3 the one that the server chose.
    pub group: u16,
    /// The client sent an encrypted hello (RFC 9849), so that the name is only the outer one.
    pub has_encrypted_hello: bool,
    /// The server's hello was seen.
    pub is_answered: bool,
}

/// What a conversation speaks.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Application {
    /// Nothing that is known here.
    #[default]
    Unknown,
    /// TLS over TCP.
    Tls,
    /// TLS over datagrams: VPNs, telephony, sensors.
    Dtls,
    /// QUIC.
    Quic,
    /// HTTP/1 or HTTP/2 without TLS.
    Http,
    /// DNS in the clear.
    Dns,
    /// SSH.
    Ssh,
    /// SMTP.
    Smtp,
    /// IMAP.
    Imap,
    /// POP3.
    Pop3,
    /// The control connection of FTP.
    Ftp,
    /// Directories: LDAP.
    Ldap,
    /// Remote desktop.
    Rdp,
    /// File sharing of Windows.
    Smb,
    /// WireGuard.
    WireGuard,
    /// OpenVPN.
    OpenVpn,
    /// IPsec: IKE, ESP, AH.
    Ipsec,
}

impl Application {
    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Tls => "tls",
            Self::Dtls => "dtls",
            Self::Quic => "quic",
            Self::Http => "http",
            Self::Dns => "dns",
            Self::Ssh => "ssh",
            Self::Smtp => "smtp",
            Self::Imap => "imap",
            Self::Pop3 => "pop3",
            Self::Ftp => "ftp",
            Self::Ldap => "ldap",
            Self::Rdp => "rdp",
            Self::Smb => "smb",
            Self::WireGuard => "wireguard",
            Self::OpenVpn => "openvpn",
            Self::Ipsec => "ipsec",
        }
    }
}

/// How far a dissector has come with the beginning of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// More bytes may tell more.
    More,
    /// This is all there is to tell.
    Done(Said),
}

/// What is read of conversations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DissectConfig {
    /// Whether their beginnings are read for what they say of themselves. Nothing is kept of
    /// them but names and numbers.
    pub enabled: bool,
    /// Whether the class of what is sent in the clear is kept.
    pub content_class: bool,
}

impl Default for DissectConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            content_class: false,
        }
    }
}

impl Tls {
    /// The name of the version, if it is one that has a name.
    pub const fn version_name(&self) -> Option<&'static str> {
        Some(match self.version {
            0x0002 => "SSLv2",
            0x0300 => "SSLv3",
            0x0301 => "TLSv1.0",
            0x0302 => "TLSv1.1",
            0x0303 => "TLSv1.2",
            0x0304 => "TLSv1.3",
            0x0101 => "TLCP",
            0xfeff | 0x0100 => "DTLSv1.0",
            0xfefd => "DTLSv1.2",
            0xfefc => "DTLSv1.3",
            _ => return None,
        })
    }
}
