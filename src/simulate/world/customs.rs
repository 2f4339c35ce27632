//! Roles, and how their members live.

use super::applications::{
    Application, BROWSE, CHAT, DEVICE, DNS, FILE_SERVED, GIT, MAIL, MAIL_SERVED, MEETING, NTP,
    PACKAGES, PHOTOS, PING, QUIC, SAAS, SHARE, SMTP, SSH, TELEMETRY, VIDEO, VISIT, WEB_SERVED,
};
use super::calendar::Rhythm;

/// What an asset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Office,
    Developer,
    Web,
    Mail,
    File,
    Database,
    Build,
    Backup,
    Device,
    Phone,
}

impl Role {
    pub(super) fn is_server(self) -> bool {
        use Role::{Backup, Build, Database, File, Mail, Web};
        matches!(self, Web | Mail | File | Database | Build | Backup)
    }

    /// Whether strangers draw data from it.
    pub(super) fn is_public(self) -> bool {
        matches!(self, Self::Web | Self::Mail | Self::File)
    }
}

/// An application that a role uses: its share, and how many services of it.
#[derive(Debug)]
pub(super) struct Liking(pub &'static Application, pub f64, pub usize);

/// How the members of a role live.
#[derive(Debug)]
pub(super) struct Custom {
    pub role: Role,
    pub share: f64,
    pub rhythm: Rhythm,
    /// Exchanges in a busy hour, the spread of their logarithm between members, and
    /// exchanges an hour that machines make by themselves.
    pub pace: f64,
    pub spread: f64,
    pub background: f64,
    /// Share of the exchanges that go to places never used before, and how they talk.
    pub explore: (f64, &'static Application),
    /// Share of the exchanges that others begin, and how they talk.
    pub served: (f64, &'static Application),
    pub likes: &'static [Liking],
    pub noises: &'static [Liking],
}

/// The customs of an asset. Multiples of the golden ratio fill the shares evenly, however
/// many assets there are.
pub(super) fn custom(index: usize) -> &'static Custom {
    let mut point = (index as f64 * 0.618_033_988_749_895 + 0.5) % 1.0;
    for custom in &CUSTOMS {
        point -= custom.share;
        if point < 0.0 {
            return custom;
        }
    }
    &CUSTOMS[0]
}

/// What every computer does by itself.
const COMPUTER: &[Liking] = &[
    Liking(&TELEMETRY, 1.0, 8),
    Liking(&DNS, 0.6, 3),
    Liking(&NTP, 0.2, 2),
    Liking(&PING, 0.15, 3),
];

const CUSTOMS: [Custom; 10] = [
    Custom {
        role: Role::Office,
        share: 0.70,
        rhythm: Rhythm::Work,
        pace: 10.0,
        spread: 0.8,
        background: 2.0,
        explore: (0.06, &VISIT),
        served: (0.0, &WEB_SERVED),
        likes: &[
            Liking(&BROWSE, 4.0, 14),
            Liking(&QUIC, 2.0, 6),
            Liking(&SAAS, 3.0, 7),
            Liking(&VIDEO, 0.3, 2),
            Liking(&MAIL, 0.8, 2),
            Liking(&SHARE, 0.5, 3),
            Liking(&CHAT, 1.0, 2),
            Liking(&MEETING, 0.06, 2),
        ],
        noises: COMPUTER,
    },
    Custom {
        role: Role::Developer,
        share: 0.08,
        rhythm: Rhythm::Work,
        pace: 16.0,
        spread: 0.7,
        background: 3.0,
        explore: (0.08, &VISIT),
        served: (0.0, &WEB_SERVED),
        likes: &[
            Liking(&BROWSE, 4.0, 18),
            Liking(&QUIC, 2.0, 6),
            Liking(&SAAS, 2.0, 6),
            Liking(&GIT, 1.2, 3),
            Liking(&PACKAGES, 1.0, 5),
            Liking(&SSH, 0.6, 4),
            Liking(&SHARE, 0.3, 2),
            Liking(&CHAT, 1.0, 2),
            Liking(&MEETING, 0.06, 2),
        ],
        noises: COMPUTER,
    },
    Custom {
        role: Role::Web,
        share: 0.02,
        rhythm: Rhythm::Public,
        pace: 60.0,
        spread: 0.7,
        background: 3.0,
        explore: (0.004, &VISIT),
        served: (0.94, &WEB_SERVED),
        likes: &[Liking(&PACKAGES, 1.0, 3), Liking(&SAAS, 2.0, 3)],
        noises: COMPUTER,
    },
    Custom {
        role: Role::Mail,
        share: 0.015,
        rhythm: Rhythm::Public,
        pace: 25.0,
        spread: 0.6,
        background: 4.0,
        explore: (0.15, &SMTP),
        served: (0.5, &MAIL_SERVED),
        likes: &[Liking(&SMTP, 3.0, 25), Liking(&PACKAGES, 0.1, 2)],
        noises: COMPUTER,
    },
    Custom {
        role: Role::File,
        share: 0.02,
        rhythm: Rhythm::Work,
        pace: 12.0,
        spread: 0.9,
        background: 2.0,
        explore: (0.003, &VISIT),
        served: (0.7, &FILE_SERVED),
        likes: &[Liking(&SSH, 2.0, 5), Liking(&SHARE, 1.0, 3)],
        noises: COMPUTER,
    },
    Custom {
        role: Role::Database,
        share: 0.015,
        rhythm: Rhythm::Public,
        pace: 3.0,
        spread: 0.9,
        background: 2.0,
        explore: (0.002, &VISIT),
        served: (0.4, &FILE_SERVED),
        likes: &[Liking(&SAAS, 1.0, 3), Liking(&PACKAGES, 0.3, 2)],
        noises: COMPUTER,
    },
    Custom {
        role: Role::Build,
        share: 0.015,
        rhythm: Rhythm::Work,
        pace: 20.0,
        spread: 0.8,
        background: 4.0,
        explore: (0.02, &VISIT),
        served: (0.0, &WEB_SERVED),
        likes: &[
            Liking(&PACKAGES, 4.0, 7),
            Liking(&GIT, 2.0, 3),
            Liking(&SHARE, 0.5, 2),
        ],
        noises: COMPUTER,
    },
    Custom {
        role: Role::Backup,
        share: 0.03,
        rhythm: Rhythm::Steady,
        pace: 0.5,
        spread: 0.6,
        background: 2.0,
        explore: (0.01, &VISIT),
        served: (0.0, &WEB_SERVED),
        likes: &[Liking(&PACKAGES, 0.3, 2), Liking(&SAAS, 1.0, 3)],
        noises: COMPUTER,
    },
    Custom {
        role: Role::Device,
        share: 0.055,
        rhythm: Rhythm::Steady,
        pace: 4.0,
        spread: 0.9,
        background: 1.0,
        explore: (0.004, &NTP),
        served: (0.0, &WEB_SERVED),
        likes: &[Liking(&DEVICE, 3.0, 2), Liking(&TELEMETRY, 1.0, 2)],
        noises: &[
            Liking(&DNS, 1.0, 2),
            Liking(&NTP, 1.0, 3),
            Liking(&PING, 0.3, 2),
        ],
    },
    Custom {
        role: Role::Phone,
        share: 0.05,
        rhythm: Rhythm::Owner,
        pace: 7.0,
        spread: 0.9,
        background: 2.0,
        explore: (0.06, &VISIT),
        served: (0.0, &WEB_SERVED),
        likes: &[
            Liking(&QUIC, 3.0, 8),
            Liking(&BROWSE, 2.0, 10),
            Liking(&CHAT, 2.0, 3),
            Liking(&VIDEO, 0.8, 3),
            Liking(&PHOTOS, 0.3, 2),
            Liking(&SAAS, 0.5, 4),
        ],
        noises: COMPUTER,
    },
];
