//! How well a conversation is protected, from the numbers of its handshake.

use tls_parser::{TlsCipherAu, TlsCipherEnc, TlsCipherMac, TlsCipherSuite};

use super::{Tls, dtls};

/// How what a conversation carries is protected.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    serde::Serialize,
    serde::Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// Not told: the beginning, or the answer of the server, was not seen.
    #[default]
    Unseen,
    /// Not at all.
    Clear,
    /// By a version before TLS 1.2 (deprecated by RFC 6176, RFC 7568 and RFC 8996), or by a
    /// suite that RFC 9325 section 4 advises against.
    Weak,
    /// By another suite of TLS 1.2.
    Standard,
    /// By TLS 1.3 (RFC 8446), DTLS 1.3 (RFC 9147) or QUIC (RFC 9001).
    Strong,
    /// By TLS 1.3 or QUIC with a key exchange made for quantum computers.
    PostQuantum,
    /// By the commercial cryptography of China: TLCP (GB/T 38636-2020), or TLS 1.3 with the
    /// suites of RFC 8998.
    National,
    /// By something unknown: what is sent looks random.
    Opaque,
}

impl Protection {
    /// Every one, from the least to the most that is known of it.
    pub const ALL: [Self; 8] = [
        Self::Unseen,
        Self::Clear,
        Self::Weak,
        Self::Standard,
        Self::Strong,
        Self::PostQuantum,
        Self::National,
        Self::Opaque,
    ];

    /// The name under which it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unseen => "unseen",
            Self::Clear => "clear",
            Self::Weak => "weak",
            Self::Standard => "standard",
            Self::Strong => "strong",
            Self::PostQuantum => "post_quantum",
            Self::National => "national",
            Self::Opaque => "opaque",
        }
    }

    /// Whether it is known to be none, or one that is advised against.
    pub const fn is_insufficient(self) -> bool {
        matches!(self, Self::Clear | Self::Weak)
    }

    /// What the hellos of TLS come to.
    ///
    /// Without the server's hello only the worst is certain: where even the highest version
    /// that the client offers is weak, whatever is agreed will be.
    pub(super) fn of_tls(tls: &Tls) -> Self {
        match dtls::as_tls(tls.version) {
            TLS_1_0..=TLS_1_1 | SSL_2 | SSL_3 => Self::Weak,
            _ if !tls.is_answered => Self::Unseen,
            _ if is_national(tls) => Self::National,
            _ if is_weak(tls.suite) => Self::Weak,
            version if is_version_1_3(version) && is_post_quantum(tls.group) => Self::PostQuantum,
            version if is_version_1_3(version) => Self::Strong,
            TLS_1_2 => Self::Standard,
            // A version that nobody knows tells nothing.
            _ => Self::Unseen,
        }
    }
}

/// TLS 1.3, its drafts (`7f` and the draft's number, RFC 8446 section 4.2.1 as drafted), and
/// those of one large operator (`fb`).
const fn is_version_1_3(version: u16) -> bool {
    version == TLS_1_3 || matches!(version >> 8, 0x7f | 0xfb)
}

/// TLCP; the suites of RFC 8998 section 2; those of GB/T 38636-2020 table 2 and of its
/// forerunner GM/T 0024-2014, which IANA has not assigned to anything else; and two with
/// which TLS 1.2 is run in China.
const fn is_national(tls: &Tls) -> bool {
    let is_suite = matches!(
        tls.suite,
        0x00c6 | 0x00c7 | 0xe001..=0xe01f | 0xe051..=0xe05f | 0xe102 | 0xe107
    );
    tls.version == TLCP || is_suite
}

/// Suites without encryption (NULL), without authentication (anonymous), with short keys
/// (EXPORT, DES), with RC4, RC2, IDEA or triple DES, and with MD5 or SHA-1 to authenticate,
/// which is all that is CBC with SHA-1.
///
/// The attributes are those of IANA's registry of TLS cipher suites, which says of the
/// suites of TLS 1.3 that do not encrypt (RFC 9150 section 4) that their cipher is NULL.
/// Known without it are two of old browsers that use DES.
fn is_weak(suite: u16) -> bool {
    let Some(known) = TlsCipherSuite::from_id(suite) else {
        return matches!(suite, 0xfefe | 0xfeff);
    };
    let is_cipher_weak = matches!(
        known.enc,
        TlsCipherEnc::Null
            | TlsCipherEnc::Rc4
            | TlsCipherEnc::Rc2
            | TlsCipherEnc::Des
            | TlsCipherEnc::TripleDes
            | TlsCipherEnc::Idea
    );
    let is_code_weak = matches!(
        known.mac,
        TlsCipherMac::Null | TlsCipherMac::HmacMd5 | TlsCipherMac::HmacSha1
    );
    is_cipher_weak || is_code_weak || known.au == TlsCipherAu::Null || known.enc_size < 128
}

/// Groups of IANA's registry of TLS supported groups that use ML-KEM (FIPS 203), alone
/// (draft-ietf-tls-mlkem) or with a curve (draft-ietf-tls-ecdhe-mlkem, and
/// draft-yang-tls-hybrid-sm2-mlkem for the curve of SM2), and those of the experiments
/// before it: Kyber's third round, and CECPQ2.
const fn is_post_quantum(group: u16) -> bool {
    matches!(
        group,
        0x0200..=0x0202 | 0x11eb..=0x11ee | 0x6399 | 0x639a | 0x4138
    )
}

/// Versions, as on the wire.
const SSL_2: u16 = 0x0002;
const TLCP: u16 = 0x0101;
const SSL_3: u16 = 0x0300;
const TLS_1_0: u16 = 0x0301;
const TLS_1_1: u16 = 0x0302;
const TLS_1_2: u16 = 0x0303;
const TLS_1_3: u16 = 0x0304;

#[cfg(test)]
mod tests {
    use tls_parser::CIPHERS;

    use super::*;

    fn of(version: u16, suite: u16, group: u16) -> Protection {
        Protection::of_tls(&Tls {
            version,
            suite,
            group,
            is_answered: true,
            ..Tls::default()
        })
    }

    #[test]
    fn every_one_is_listed_once_under_its_name() {
        for (place, protection) in Protection::ALL.into_iter().enumerate() {
            assert_eq!(protection as usize, place);
        }
        assert_eq!(Protection::PostQuantum.name(), "post_quantum");
        assert_eq!(Protection::default().name(), "unseen");
    }

    /// The attributes of the registry say of every suite what its name says.
    #[test]
    fn suites_are_weak_by_their_names() {
        let signs = [
            "NULL", "EXPORT", "_anon_", "RC4", "RC2", "DES", "IDEA", "MD5",
        ];
        let mut weak_count = 0;
        for suite in CIPHERS.values().filter(|it| !it.name.ends_with("SCSV")) {
            let name = suite.name;
            let is_weak_by_name = signs.iter().any(|sign| name.contains(sign))
                || name.ends_with("_SHA")
                || name.starts_with("TLS_SHA");
            assert_eq!(is_weak(suite.id.0), is_weak_by_name, "{name}");
            weak_count += usize::from(is_weak_by_name);
        }
        assert!(weak_count > 100);
        for suite in [0xc0b4, 0xc0b5, 0xfefe, 0xfeff] {
            assert!(is_weak(suite));
        }
    }

    #[test]
    fn versions_suites_and_groups_decide() {
        for (version, suite, group, protection) in [
            (0x0002, 0, 0, Protection::Weak),
            (0x0300, 0xc02f, 0, Protection::Weak),
            (0x0301, 0xc02f, 0, Protection::Weak),
            (0x0302, 0xc02f, 0x1d, Protection::Weak),
            (0x0303, 0xc013, 0x1d, Protection::Weak),
            (0x0303, 0x0005, 0, Protection::Weak),
            (0x0303, 0xc02f, 0x1d, Protection::Standard),
            (0x0303, 0x003c, 0, Protection::Standard),
            (0x0303, 0xcca8, 0x11ec, Protection::Standard),
            (0x0304, 0x1301, 0x1d, Protection::Strong),
            (0x0304, 0xc0b4, 0x1d, Protection::Weak),
            (0x7f17, 0x1301, 0x1d, Protection::Strong),
            (0x0304, 0x1301, 0x11ec, Protection::PostQuantum),
            (0x0304, 0x1303, 0x6399, Protection::PostQuantum),
            (0x0304, 0x1302, 0x11ee, Protection::PostQuantum),
            (0x0304, 0x00c6, 0x29, Protection::National),
            (0x0101, 0xe013, 0, Protection::National),
            (0x0303, 0xe053, 0, Protection::National),
            (0x9999, 0x1301, 0, Protection::Unseen),
        ] {
            assert_eq!(
                of(version, suite, group),
                protection,
                "{version:x} {suite:x} {group:x}"
            );
        }
    }

    #[test]
    fn without_an_answer_only_the_worst_is_certain() {
        let offered = |version| {
            Protection::of_tls(&Tls {
                version,
                ..Tls::default()
            })
        };
        assert_eq!(offered(0x0304), Protection::Unseen);
        assert_eq!(offered(0x0303), Protection::Unseen);
        assert_eq!(offered(0x0101), Protection::Unseen);
        assert_eq!(offered(0), Protection::Unseen);
        assert_eq!(offered(0x0301), Protection::Weak);
        assert_eq!(offered(0x0002), Protection::Weak);
    }
}
