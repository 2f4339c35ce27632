//! To whom a conversation goes, and how it is protected, as far as it says so itself.

use serde::{Deserialize, Serialize};

use crate::dissect::{Application, Protection};

/// What is known of the receiver of a conversation beside its address.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// Its host name, and on whose word.
    pub name: Option<(String, Source)>,
    /// The registered domain of that name: what somebody has registered under a public
    /// suffix.
    pub domain: Option<String>,
    /// What the conversation speaks.
    pub application: Application,
    /// How it is protected.
    pub protection: Protection,
    /// The JA4 fingerprint of the client.
    pub ja4: Option<String>,
}

/// On whose word a receiver has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The client asked for it by this name, in TLS, QUIC or HTTP.
    ServerName,
    /// A name server answered with its address when it was asked for this name.
    Dns,
}

impl Recipient {
    /// One of whom nothing is known but a registered domain.
    pub fn of_domain(domain: &str) -> Self {
        Self {
            domain: Some(domain.to_owned()),
            ..Self::default()
        }
    }

    /// Who it is and what protects it, for a person.
    pub(super) fn sentence(&self) -> Option<String> {
        let spoken = match self.application {
            Application::Unknown => None,
            known => Some(format!("It speaks {}", known.name())),
        };
        let named = self.name.as_ref().map(|(name, source)| match source {
            Source::ServerName => format!("asks for {name}"),
            Source::Dns => format!("goes to what DNS calls {name}"),
        });
        let protected = match self.protection {
            Protection::Unseen => None,
            Protection::Clear => Some("is not encrypted"),
            Protection::Weak => Some("is encrypted weakly"),
            Protection::Standard => Some("is encrypted"),
            Protection::Strong => Some("is encrypted strongly"),
            Protection::PostQuantum => Some("is encrypted against quantum computers, too"),
            Protection::National => Some("is encrypted by national standards (SM)"),
            Protection::Opaque => Some("looks encrypted, by nothing known here"),
        };
        let parts: Vec<String> = match (spoken, named) {
            (Some(spoken), Some(named)) => vec![spoken, named],
            (Some(spoken), None) => vec![spoken],
            (None, Some(named)) => vec![format!("It {named}")],
            (None, None) => protected.map(|it| format!("It {it}")).into_iter().collect(),
        };
        let is_begun = self.name.is_some() || self.application != Application::Unknown;
        let last = protected.filter(|_| is_begun).map(str::to_owned);
        let parts: Vec<String> = parts.into_iter().chain(last).collect();
        let (last, before) = parts.split_last()?;
        if before.is_empty() {
            return Some(format!("{last}."));
        }
        Some(format!("{} and {last}.", before.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_is_known_and_no_more() {
        let mut recipient = Recipient::default();
        assert_eq!(recipient.sentence(), None);
        recipient.protection = Protection::Clear;
        assert_eq!(recipient.sentence().unwrap(), "It is not encrypted.");
        recipient.name = Some(("files.example.org".to_owned(), Source::Dns));
        assert_eq!(
            recipient.sentence().unwrap(),
            "It goes to what DNS calls files.example.org and is not encrypted."
        );
        recipient.name = Some(("files.example.org".to_owned(), Source::ServerName));
        recipient.application = Application::Tls;
        recipient.protection = Protection::Strong;
        assert_eq!(
            recipient.sentence().unwrap(),
            "It speaks tls, asks for files.example.org and is encrypted strongly."
        );
    }
}
