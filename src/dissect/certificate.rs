//! The certificate with which a server says who it is (X.509, RFC 5280), as far as it is seen:
//! TLS 1.3 encrypts it.
//!
//! Nothing is verified, since nobody here has the roots. Kept are names of hosts, who issued it,
//! until when it is valid and how strong it is. Who else a subject names, a person by a common
//! name or an address of mail, is not kept, and what clients show is not read at all.

use std::sync::Arc;

use x509_parser::prelude::{FromDer, GeneralName, X509Certificate, X509Name};
use x509_parser::public_key::PublicKey;

use super::cursor::Cursor;
use super::text;
use crate::time::Tick;

/// What a server's certificate says.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Certificate {
    /// The name of a host that it is for: the one that was asked for, else its first. It may
    /// begin with `*.`, which stands for any label.
    pub name: Option<Arc<str>>,
    /// Whether it is for hosts of several registered domains, as those of content networks are.
    pub is_shared: bool,
    /// Whether it has names of hosts, and the one that was asked for is none of them (RFC 9525
    /// section 6).
    pub is_of_other_name: bool,
    /// The organisation that issued it; none where that is the subject itself.
    pub issuer: Option<Arc<str>>,
    /// Whether issuer and subject are the same.
    pub is_self_signed: bool,
    /// When its validity begins and ends, in seconds since the epoch.
    pub valid_seconds: [u64; 2],
    /// The kind of its key.
    pub key: Key,
    /// Whether it is signed over MD5 or SHA-1, which NIST SP 800-131A Rev. 2 section 9 does not
    /// allow any more.
    pub is_signature_weak: bool,
}

/// The kind of a public key, and its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// None that is known here.
    #[default]
    Unknown,
    /// RSA, with the bits of its modulus.
    Rsa(u32),
    /// A key of an elliptic curve, with the bits of a coordinate.
    Curve(u32),
    /// Ed25519 or Ed448 (RFC 8410).
    Edwards,
    /// DSA.
    Dsa,
    /// A key of SM2 (GB/T 32918), which has 256 bits.
    Sm2,
}

impl Key {
    /// Whether it gives less than 112 bits of security, or is of DSA: not allowed for signatures
    /// by NIST SP 800-131A Rev. 2 section 3, and DSA not by FIPS 186-5.
    pub const fn is_weak(self) -> bool {
        match self {
            // Of some keys the highest bit is zero, which takes nothing from them.
            Self::Rsa(bits) => bits.next_multiple_of(u8::BITS) < 2_048,
            Self::Curve(bits) => bits < 224,
            Self::Dsa => true,
            Self::Unknown | Self::Edwards | Self::Sm2 => false,
        }
    }

    /// Its kind and size as they are written, `rsa-2048`; nothing of an unknown one.
    pub fn name(self) -> Option<String> {
        match self {
            Self::Unknown => None,
            Self::Rsa(bits) => Some(format!("rsa-{bits}")),
            Self::Curve(bits) => Some(format!("ec-{bits}")),
            Self::Edwards => Some("edwards".to_owned()),
            Self::Dsa => Some("dsa".to_owned()),
            Self::Sm2 => Some("sm2".to_owned()),
        }
    }
}

/// What speaks against a certificate.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Flaw {
    /// It is for other names than the one that was asked for.
    OtherName,
    /// Nobody else vouches for it.
    SelfSigned,
    /// Its validity is over.
    Expired,
    /// Its validity has not begun.
    NotYetValid,
    /// Its key is too short: [`Key::is_weak`].
    WeakKey,
    /// It is signed over a broken hash: [`Certificate::is_signature_weak`].
    WeakSignature,
}

/// What is told of a certificate. Fields that are not known are null.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct CertificateLine {
    /// [`Certificate::name`].
    pub name: Option<String>,
    /// [`Certificate::issuer`].
    pub issuer: Option<String>,
    /// When its validity begins, RFC 3339 in UTC.
    pub valid_from: String,
    /// When it ends.
    pub valid_until: String,
    /// [`Key::name`].
    pub key: Option<String>,
    /// What speaks against it.
    pub flaws: Vec<Flaw>,
}

impl Certificate {
    /// Reads the first certificate of a message (RFC 5246 section 7.4.2), which is the server's
    /// own, once it is whole; the rest of the message need not be there. `asked` is the name of
    /// the server that was asked for.
    pub(super) fn read(message: &[u8], asked: Option<&str>) -> Option<Self> {
        let (_, parsed) = X509Certificate::from_der(own(message)?).ok()?;
        let is_self_signed = parsed.issuer() == parsed.subject();
        let names = names(&parsed);
        let asked = asked.filter(|name| is_host(name));
        let matching = asked.and_then(|asked| names.iter().find(|name| covers(name, asked)));
        let validity = parsed.validity();
        let moments = [validity.not_before, validity.not_after];
        Some(Self {
            is_of_other_name: asked.is_some() && matching.is_none() && !names.is_empty(),
            name: matching.or(names.first()).map(|name| name.as_str().into()),
            is_shared: are_of_several(&names),
            issuer: organisation(parsed.issuer()).filter(|_| !is_self_signed),
            is_self_signed,
            valid_seconds: moments.map(|it| u64::try_from(it.timestamp()).unwrap_or(0)),
            key: key(&parsed),
            is_signature_weak: WEAK_SIGNATURES
                .contains(&parsed.signature_algorithm.algorithm.as_bytes()),
        })
    }

    /// Whether what it protects is weakly protected.
    pub(super) const fn is_weak(&self) -> bool {
        self.key.is_weak() || self.is_signature_weak
    }

    /// What is told of it at a time.
    pub fn line(&self, now: Tick) -> CertificateLine {
        let [from, until] = self.valid_seconds;
        CertificateLine {
            name: self.name.as_deref().map(str::to_owned),
            issuer: self.issuer.as_deref().map(str::to_owned),
            valid_from: Tick(from).to_string(),
            valid_until: Tick(until).to_string(),
            key: self.key.name(),
            flaws: self.flaws(now),
        }
    }

    /// What speaks against it at a time.
    fn flaws(&self, now: Tick) -> Vec<Flaw> {
        let [from, until] = self.valid_seconds;
        let found = [
            (self.is_of_other_name, Flaw::OtherName),
            (self.is_self_signed, Flaw::SelfSigned),
            (until < now.0, Flaw::Expired),
            (from > now.0, Flaw::NotYetValid),
            (self.key.is_weak(), Flaw::WeakKey),
            (self.is_signature_weak, Flaw::WeakSignature),
        ];
        let found = found.into_iter().filter(|(is_so, _)| *is_so);
        found.map(|(_, flaw)| flaw).collect()
    }
}

/// The first certificate of a message, if it is there as a whole.
pub(super) fn own(message: &[u8]) -> Option<&[u8]> {
    let mut cursor = Cursor::new(message);
    cursor.u24()?;
    let length = usize::try_from(cursor.u24()?).ok()?;
    cursor.take(length)
}

/// The hosts that a certificate is for: its alternative names, and where it has none of hosts,
/// a common name that is under a public suffix. Others may be those of persons.
fn names(parsed: &X509Certificate<'_>) -> Vec<String> {
    let alternative = parsed.subject_alternative_name().ok().flatten();
    let alternative = alternative.iter().flat_map(|it| &it.value.general_names);
    let hosts = alternative.filter_map(|name| match name {
        GeneralName::DNSName(name) => host(name),
        _ => None,
    });
    let hosts: Vec<String> = hosts.take(NAMES_MAX).collect();
    if !hosts.is_empty() {
        return hosts;
    }
    let common = parsed.subject().iter_common_name();
    // Old ones are strings of T.61, of which hosts are the part that is ASCII.
    let common = common.filter_map(|name| host(str::from_utf8(name.as_slice()).ok()?));
    let common = common.filter(|name| registered(name).is_some());
    common.take(1).collect()
}

/// A name in lower case, if it is one of a host; it may begin with `*.`.
fn host(name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    is_host(name.strip_prefix("*.").unwrap_or(&name)).then_some(name)
}

/// Whether a name has two labels at least (RFC 1123 section 2.1) and is no address.
fn is_host(name: &str) -> bool {
    let is_sound = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    let is_label = |label: &str| !label.is_empty() && label.bytes().all(is_sound);
    let is_word = |label: &str| label.bytes().any(|byte| byte.is_ascii_alphabetic());
    name.len() < text::NAME_BYTES_MAX
        && name.contains('.')
        && name.split('.').all(is_label)
        && name.rsplit('.').next().is_some_and(is_word)
}

/// Whether a certificate's name is that of a host (RFC 9525 section 6.3). A star stands for one
/// whole label.
fn covers(name: &str, host: &str) -> bool {
    match name.strip_prefix("*.") {
        Some(parent) => host.split_once('.').is_some_and(|(_, rest)| rest == parent),
        None => name == host,
    }
}

/// Whether names are of several registered domains.
fn are_of_several(names: &[String]) -> bool {
    let mut domains = names.iter().filter_map(|name| registered(name));
    let first = domains.next();
    domains.any(|domain| Some(domain) != first)
}

/// The registered domain of a name, by the public suffix list.
fn registered(name: &str) -> Option<&[u8]> {
    let domain = psl::domain(name.strip_prefix("*.").unwrap_or(name).as_bytes())?;
    domain.suffix().is_known().then(|| domain.as_bytes())
}

/// The organisation of a name, as it may be shown.
fn organisation(name: &X509Name<'_>) -> Option<Arc<str>> {
    let named = name.iter_organization().next()?.as_str().ok()?;
    // What turns the direction of writing would hide what stands behind it.
    let turns = |letter: char| {
        let is_mark = matches!(letter, '\u{200e}' | '\u{200f}');
        is_mark || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let is_shown = |letter: &char| !letter.is_control() && !turns(*letter);
    let shown = named
        .chars()
        .filter(is_shown)
        .take(ORGANISATION_LETTERS_MAX);
    let shown: String = shown.collect();
    let shown = shown.trim();
    (!shown.is_empty()).then(|| shown.into())
}

/// The bits of a number that is not negative.
fn bits(number: &[u8]) -> u32 {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let number = number.get(zeros..).unwrap_or_default();
    let unused = number.first().map_or(0, |byte| byte.leading_zeros());
    let bytes = u32::try_from(number.len()).unwrap_or_default();
    bytes.saturating_mul(u8::BITS).saturating_sub(unused)
}

fn key(parsed: &X509Certificate<'_>) -> Key {
    let info = parsed.public_key();
    if matches!(info.algorithm.algorithm.as_bytes(), ED25519 | ED448) {
        return Key::Edwards;
    }
    let curve = info.algorithm.parameters.as_ref();
    if curve.is_some_and(|curve| curve.data == SM2) {
        return Key::Sm2;
    }
    match info.parsed() {
        Ok(PublicKey::RSA(key)) => Key::Rsa(bits(key.modulus)),
        // Coordinates are whole bytes, also those of P-521.
        Ok(PublicKey::EC(point)) => match point.key_size() {
            528 => Key::Curve(521),
            bits => Key::Curve(u32::try_from(bits).unwrap_or(u32::MAX)),
        },
        Ok(PublicKey::DSA(_)) => Key::Dsa,
        _ => Key::Unknown,
    }
}

/// Names of hosts that are read of a certificate.
const NAMES_MAX: usize = 256;

/// Letters of an organisation's name (RFC 5280 appendix A.1, ub-organization-name).
const ORGANISATION_LETTERS_MAX: usize = 64;

/// Object identifiers of keys (RFC 8410 section 3), and of the curve of SM2 (GM/T 0006).
const ED25519: &[u8] = &[0x2b, 0x65, 0x70];
const ED448: &[u8] = &[0x2b, 0x65, 0x71];
const SM2: &[u8] = &[0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d];

/// Object identifiers of signatures over MD2, MD4, MD5 and SHA-1: with RSA (RFC 8017 appendix C,
/// and one of OIW), DSA (RFC 3279 section 2.2.2) and ECDSA (section 2.2.3).
const WEAK_SIGNATURES: [&[u8]; 7] = [
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 2],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 3],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 4],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5],
    &[0x2b, 0x0e, 0x03, 0x02, 0x1d],
    &[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x03],
    &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01],
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// For several names, an address and one of mail; signed by an authority. Made by
    /// `openssl x509 -req`, as the others by `openssl req -x509`.
    const SHARED: &[u8] = include_bytes!("certificate/shared.der");
    /// Of RSA with 1,024 bits, over SHA-1, for one host and with an organisation that is a person.
    const WEAK: &[u8] = include_bytes!("certificate/weak.der");
    /// A person's.
    const PERSON: &[u8] = include_bytes!("certificate/person.der");

    /// The message that shows a certificate.
    fn message(der: &[u8]) -> Vec<u8> {
        let length = u32::try_from(der.len()).unwrap().to_be_bytes();
        [&[0, 0x40, 0], &length[1..], der].concat()
    }

    fn read(der: &[u8], asked: Option<&str>) -> Certificate {
        Certificate::read(&message(der), asked).unwrap()
    }

    #[test]
    fn it_says_for_whom_it_is_and_who_says_so() {
        for (asked, name, is_other) in [
            (None, "www.example.org", false),
            (Some("www.example.org"), "www.example.org", false),
            (Some("files.example.org"), "*.example.org", false),
            (Some("example.net"), "example.net", false),
            (Some("a.files.example.org"), "www.example.org", true),
            (Some("example.org"), "www.example.org", true),
            // What is no name of a host is held against none.
            (Some("192.0.2.1"), "www.example.org", false),
        ] {
            let certificate = read(SHARED, asked);
            assert_eq!(certificate.name.as_deref(), Some(name), "{asked:?}");
            assert_eq!(certificate.is_of_other_name, is_other, "{asked:?}");
        }
        let certificate = read(SHARED, None);
        assert!(certificate.is_shared && !certificate.is_self_signed);
        assert_eq!(certificate.issuer.as_deref(), Some("Example Authority"));
        assert_eq!(certificate.key, Key::Curve(256));
        assert!(!certificate.is_weak());
        let line = certificate.line(Tick(1_795_717_300));
        assert_eq!(line.valid_from, "2026-11-26T18:20:39Z");
        assert_eq!(line.valid_until, "2027-11-26T18:20:39Z");
        assert_eq!((line.key.as_deref(), line.flaws), (Some("ec-256"), vec![]));
    }

    #[test]
    fn what_speaks_against_it_is_said() {
        let certificate = read(WEAK, Some("example.com"));
        assert_eq!(certificate.name.as_deref(), Some("mail.example.co.uk"));
        assert_eq!(certificate.key, Key::Rsa(1_024));
        let weak = [
            Flaw::OtherName,
            Flaw::SelfSigned,
            Flaw::WeakKey,
            Flaw::WeakSignature,
        ];
        assert_eq!(certificate.line(Tick(1_795_717_300)).flaws, weak);
        assert!(certificate.line(Tick(0)).flaws.contains(&Flaw::NotYetValid));
        let later = Tick(2_000_000_000);
        assert!(certificate.line(later).flaws.contains(&Flaw::Expired));
    }

    #[test]
    fn no_person_is_kept() {
        let certificate = read(PERSON, Some("example.com"));
        assert_eq!((&certificate.name, certificate.key), (&None, Key::Edwards));
        assert!(!certificate.is_of_other_name, "it is for no host");
        for der in [SHARED, WEAK, PERSON] {
            let said = format!("{:?}", read(der, None)).to_lowercase();
            assert!(!said.contains('@') && !said.contains("doe"), "{said}");
        }
    }

    #[test]
    fn sizes_are_those_of_keys() {
        assert_eq!(bits(&[0, 0x80, 0]), 16);
        assert_eq!(bits(&[1, 0, 0]), 17);
        assert_eq!(bits(&[0, 0]), 0);
        assert!(Key::Rsa(2_040).is_weak() && !Key::Rsa(2_047).is_weak());
        assert!(Key::Curve(192).is_weak() && !Key::Curve(224).is_weak());
    }

    proptest! {
        #[test]
        fn damage_is_read_to_its_end(
            which in 0usize..3,
            at in prop::collection::vec((0usize..700, any::<u8>()), 0..6),
            cut in 0usize..700,
        ) {
            let mut message = message([SHARED, WEAK, PERSON][which]);
            for (at, byte) in at {
                if let Some(place) = message.get_mut(at) {
                    *place = byte;
                }
            }
            message.truncate(cut);
            if let Some(certificate) = Certificate::read(&message, Some("a.example.org")) {
                let line = certificate.line(Tick(7));
                prop_assert!(line.name.is_none_or(|name| name.len() <= 257));
                prop_assert!(line.issuer.is_none_or(|it| it.chars().count() <= 64));
            }
        }
    }
}
