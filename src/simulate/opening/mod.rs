//! How conversations begin: what both ends say before the rest is encrypted, or is not.
//!
//! Whoever reads the beginning of a conversation learns who is asked for and what protects
//! the rest. The beginnings here are those that programs in use write, as their standards
//! have them, with keys, randoms and certificates of noise. Only these bytes of a
//! conversation are captured; all others count and are not there.
//!
//! Nothing here knows the dissectors, so that each shows whether the other is right.

mod bytes;
mod certificate;
mod dns;
mod lines;
mod quic;
mod ssh;
mod tls;

pub(super) use dns::Question;

use std::sync::Arc;

use serde::Deserialize;

use super::chance::Chance;
use super::quantity::Service;

/// What conversations with a service begin with.
#[derive(Clone, Debug)]
pub(super) struct Opening {
    protocol: Protocol,
    /// The host that the client asks for.
    server_name: Arc<str>,
    /// What a client of DNS may ask for.
    questions: Arc<[Question]>,
}

/// What a conversation speaks first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) enum Protocol {
    /// Nothing that is captured.
    None,
    /// TLS 1.0 with a suite of its time.
    Tls10,
    /// TLS 1.2 with an authenticated suite and a key exchange for each conversation.
    Tls12,
    /// TLS 1.3 over X25519.
    Tls13,
    /// TLS 1.3 over X25519 and ML-KEM-768.
    PostQuantum,
    /// HTTP/1.1 in the clear.
    Http,
    /// SSH over Curve25519.
    Ssh,
    /// Mail in the clear.
    Smtp,
    /// Mail that goes over to TLS 1.3.
    SmtpStartTls,
    /// The control connection of FTP in the clear.
    Ftp,
    /// DNS in the clear, over UDP.
    Dns,
    /// QUIC version 1.
    Quic,
}

/// One end of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// Who opens it.
    Client,
    /// Who answers.
    Server,
}

/// What one end says at once: a datagram, or bytes of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) role: Role,
    pub(super) bytes: Vec<u8>,
}

impl Default for Opening {
    /// One that says nothing.
    fn default() -> Self {
        Self::new(Protocol::None, "".into(), None)
    }
}

impl Opening {
    pub(super) fn new(
        protocol: Protocol,
        server_name: Arc<str>,
        questions: Option<&Arc<[Question]>>,
    ) -> Self {
        Self {
            protocol,
            server_name,
            questions: questions.cloned().unwrap_or_default(),
        }
    }

    /// The least that a client has to send so that there is something to say: any question.
    pub(super) fn sent_bytes_min(&self) -> u64 {
        let lengths = self.questions.iter().map(Question::bytes);
        match self.protocol {
            Protocol::Dns => lengths.max().unwrap_or_default(),
            _ => 0,
        }
    }

    /// What is said first, in its order. `room` is what client and server send in all:
    /// some say how much will follow, and a datagram is as long as it is.
    pub(super) fn messages(&self, room: [u64; 2], chance: &mut Chance) -> Vec<Message> {
        let name = self.server_name.as_ref();
        match self.protocol {
            Protocol::None => Vec::new(),
            Protocol::Tls10 => tls::records(tls::Kind::Tls10, name, chance),
            Protocol::Tls12 => tls::records(tls::Kind::Tls12, name, chance),
            Protocol::Tls13 => tls::records(tls::Kind::Tls13, name, chance),
            Protocol::PostQuantum => tls::records(tls::Kind::PostQuantum, name, chance),
            Protocol::Http => lines::http(name, room, chance),
            Protocol::Ssh => ssh::messages(chance),
            Protocol::Smtp => lines::mail(name, chance),
            Protocol::SmtpStartTls => lines::mail_over_tls(name, chance),
            Protocol::Ftp => lines::files(name, chance),
            Protocol::Dns => dns::messages(&self.questions, room, chance),
            Protocol::Quic => quic::messages(name, chance).unwrap_or_default(),
        }
    }
}

impl Protocol {
    /// What is usually spoken with a service, judged by its port.
    pub(super) const fn usual(service: Service) -> Self {
        match (service.is_tcp, service.port) {
            (true, 443 | 465 | 853 | 993 | 995 | 8_443 | 8_883) => Self::Tls13,
            (true, 80 | 8_080) => Self::Http,
            (true, 22) => Self::Ssh,
            (true, 25) => Self::Smtp,
            (true, 587) => Self::SmtpStartTls,
            (true, 21) => Self::Ftp,
            (false, 53) => Self::Dns,
            (false, 443) => Self::Quic,
            _ => Self::None,
        }
    }

    /// Whether it is spoken over such a transport.
    pub(super) const fn fits(self, service: Service) -> bool {
        match self {
            Self::None => true,
            Self::Dns | Self::Quic => !service.is_tcp,
            _ => service.is_tcp,
        }
    }

    /// The name under which a scenario has it.
    pub(super) fn name(self) -> &'static str {
        let mut all = NAMES.iter();
        all.find(|(_, protocol)| *protocol == self)
            .map_or("", |(name, _)| name)
    }
}

impl TryFrom<String> for Protocol {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let mut all = NAMES.iter();
        if let Some((_, protocol)) = all.find(|(name, _)| *name == text) {
            return Ok(*protocol);
        }
        let known: Vec<&str> = NAMES.iter().map(|(name, _)| *name).collect();
        Err(format!(
            "there is no protocol `{text}`; use {}",
            known.join(", ")
        ))
    }
}

impl Message {
    pub(super) fn of_client(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            role: Role::Client,
            bytes: bytes.into(),
        }
    }

    pub(super) fn of_server(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            role: Role::Server,
            bytes: bytes.into(),
        }
    }
}

/// Each protocol under its name.
const NAMES: [(&str, Protocol); 12] = [
    ("none", Protocol::None),
    ("tls10", Protocol::Tls10),
    ("tls12", Protocol::Tls12),
    ("tls13", Protocol::Tls13),
    ("post_quantum", Protocol::PostQuantum),
    ("http", Protocol::Http),
    ("ssh", Protocol::Ssh),
    ("smtp", Protocol::Smtp),
    ("smtp_starttls", Protocol::SmtpStartTls),
    ("ftp", Protocol::Ftp),
    ("dns", Protocol::Dns),
    ("quic", Protocol::Quic),
];

#[cfg(test)]
mod tests;
