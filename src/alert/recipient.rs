//! To whom a conversation goes, and how it is protected, as far as it says so itself.

use serde::{Deserialize, Serialize};

use crate::dissect::{Application, CertificateLine, Flaw, Protection};

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
    /// The certificate that it showed.
    pub certificate: Option<CertificateLine>,
}

/// On whose word a receiver has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The client asked for it by this name, in TLS, QUIC or HTTP.
    ServerName,
    /// The server showed a certificate for this name.
    Certificate,
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

    /// Whether its conversation has said anything itself.
    pub(super) fn has_spoken(&self) -> bool {
        self.application != Application::Unknown || self.protection != Protection::Unseen
    }

    /// Who it is, what protects it, and what speaks against its certificate, for a person.
    pub(super) fn sentence(&self) -> Option<String> {
        let sentences = [self.said(), self.flaws()];
        let said: Vec<String> = sentences.into_iter().flatten().collect();
        (!said.is_empty()).then(|| said.join(" "))
    }

    fn flaws(&self) -> Option<String> {
        let certificate = self.certificate.as_ref()?;
        let flaws: Vec<String> = certificate
            .flaws
            .iter()
            .map(|flaw| match (flaw, &certificate.name, &certificate.key) {
                (Flaw::OtherName, Some(name), _) => format!("is for {name} instead"),
                (Flaw::OtherName, None, _) => "is for others".to_owned(),
                (Flaw::SelfSigned, ..) => "is self-signed".to_owned(),
                (Flaw::Expired, ..) => format!("has expired on {}", certificate.valid_until),
                (Flaw::NotYetValid, ..) => {
                    format!("is not valid before {}", certificate.valid_from)
                }
                (Flaw::WeakKey, _, Some(key)) => format!("has a weak key ({key})"),
                (Flaw::WeakKey, _, None) => "has a weak key".to_owned(),
                (Flaw::WeakSignature, ..) => "is signed over a broken hash".to_owned(),
            })
            .collect();
        joined(&flaws).map(|flaws| format!("Its certificate {flaws}."))
    }

    fn said(&self) -> Option<String> {
        let spoken = match self.application {
            Application::Unknown => None,
            known => Some(format!("It speaks {}", known.name())),
        };
        let named = self.name.as_ref().map(|(name, source)| match source {
            Source::ServerName => format!("asks for {name}"),
            Source::Certificate => format!("goes to what its certificate calls {name}"),
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
        joined(&parts).map(|parts| format!("{parts}."))
    }
}

/// Parts of a sentence in a row.
fn joined(parts: &[String]) -> Option<String> {
    let (last, before) = parts.split_last()?;
    if before.is_empty() {
        return Some(last.clone());
    }
    Some(format!("{} and {last}", before.join(", ")))
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
        recipient.certificate = Some(CertificateLine {
            name: Some("*.example.net".to_owned()),
            issuer: None,
            valid_from: "2020-01-01T00:00:00Z".to_owned(),
            valid_until: "2021-01-01T00:00:00Z".to_owned(),
            key: Some("rsa-1024".to_owned()),
            flaws: vec![Flaw::OtherName, Flaw::Expired, Flaw::WeakKey],
        });
        let said = recipient.sentence().unwrap();
        let (_, flaws) = said.split_once(". ").unwrap();
        assert_eq!(
            flaws,
            "Its certificate is for *.example.net instead, has expired on 2021-01-01T00:00:00Z and \
             has a weak key (rsa-1024)."
        );
    }
}
