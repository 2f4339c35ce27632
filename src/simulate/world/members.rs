//! The assets of a site: roles, and how far the members of a role differ.

use std::net::Ipv4Addr;
use std::ops::Range;

use super::super::chance::Chance;
use super::atlas::{Lottery, zipf};
use super::calendar::{Calendar, Rhythm};
use super::services::{
    Application, BROWSE, CHAT, DEVICE, DNS, FILE_SERVED, GIT, MAIL, MAIL_SERVED, MEETING, NTP,
    PACKAGES, PHOTOS, PING, QUIC, SAAS, SHARE, SMTP, SSH, Service, Services, TELEMETRY, VIDEO,
    VISIT, WEB_SERVED,
};

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
struct Liking(&'static Application, f64, usize);

/// How the members of a role live.
#[derive(Debug)]
struct Custom {
    role: Role,
    share: f64,
    rhythm: Rhythm,
    /// Exchanges in a busy hour, the spread of their logarithm between members, and
    /// exchanges an hour that machines make by themselves.
    pace: f64,
    spread: f64,
    background: f64,
    /// Share of the exchanges that go to places never used before, and how they talk.
    explore: (f64, &'static Application),
    /// Share of the exchanges that others begin, and how they talk.
    served: (f64, &'static Application),
    likes: &'static [Liking],
    noises: &'static [Liking],
}

/// A service that an asset uses, from one hour to another.
#[derive(Clone, Debug)]
pub(super) struct Habit {
    pub service: Service,
    pub hours: Range<usize>,
}

/// Habits and how often each is followed.
#[derive(Debug)]
pub(super) struct Habits {
    pub list: Vec<Habit>,
    lottery: Lottery,
}

impl Habits {
    /// The service used at an hour; none where the habit drawn is not held then.
    pub(super) fn draw(&self, hour: usize, chance: &mut Chance) -> Option<Service> {
        let habit = self.list.get(self.lottery.draw(chance))?;
        habit.hours.contains(&hour).then_some(habit.service)
    }
}

/// An asset with its own life.
#[derive(Debug)]
pub(super) struct Member {
    pub address: Ipv4Addr,
    pub role: Role,
    pub rhythm: Rhythm,
    pub is_finance: bool,
    /// Hours by which its day begins later than others'.
    pub shift_hours: usize,
    pub pace: f64,
    pub background: f64,
    pub explore: (f64, &'static Application),
    pub served: (f64, &'static Application),
    /// Partners that fetch from it; empty where the whole world does.
    pub partners: Vec<Service>,
    pub volume: f64,
    pub boldness: f64,
    pub habits: Habits,
    pub noises: Habits,
    /// Hours of the world in which it exists.
    pub present: Range<usize>,
    /// Days on which its owner is away.
    pub vacation: Range<usize>,
    /// Whether it is switched off when nobody works.
    pub sleeps: bool,
    /// Growth of its volume, as a logarithm an hour.
    pub drift: f64,
}

impl Member {
    pub(super) fn new(index: usize, seed: u64, services: &Services, calendar: &Calendar) -> Self {
        let mut chance = Chance::new(seed, &format!("world member {index}"));
        let custom = custom(index);
        let role = custom.role;
        let is_person = !role.is_server() && role != Role::Device;
        let hours = calendar.hours();
        let day_shift = if chance.happens(NIGHT_WORKERS) {
            12
        } else {
            chance.below(3) as usize
        };
        let habits = habits(custom.likes, services, hours, &mut chance);
        let noises = habits_held(custom.noises, services, hours, &mut chance);
        let partners = (0..3 + chance.below(8))
            .filter_map(|_| services.draw(&FILE_SERVED, &mut chance))
            .collect();
        let vacation = vacation(calendar, &mut chance);
        let sleeps = chance.happens(0.55);
        Self {
            address: Ipv4Addr::new(10, 20, (index / 200) as u8, (index % 200) as u8 + 20),
            role,
            rhythm: custom.rhythm,
            is_finance: chance.happens(0.12) && role == Role::Office,
            shift_hours: if is_person { day_shift } else { 0 },
            pace: custom.pace * chance.lognormal(custom.spread).clamp(0.1, 4.0),
            background: custom.background * chance.lognormal(0.5).min(4.0),
            explore: (custom.explore.0 * chance.lognormal(0.5), custom.explore.1),
            served: custom.served,
            partners: if role == Role::Web || role == Role::Mail {
                Vec::new()
            } else {
                partners
            },
            volume: chance.lognormal(1.0).clamp(0.05, 20.0),
            boldness: chance.lognormal(0.9).clamp(0.05, 8.0),
            habits,
            noises,
            present: presence(hours, &mut chance),
            vacation: if is_person { vacation } else { 0..0 },
            sleeps: sleeps && role == Role::Office,
            drift: chance.between(-0.1, 0.1) / (30.0 * 24.0),
        }
    }

    /// Whether its owner is there on a day.
    pub(super) fn is_there(&self, day: usize) -> bool {
        !self.vacation.contains(&day)
    }
}

/// The customs of an asset. Multiples of the golden ratio fill the shares evenly, however
/// many assets there are.
fn custom(index: usize) -> &'static Custom {
    let mut point = (index as f64 * 0.618_033_988_749_895 + 0.5) % 1.0;
    for custom in &CUSTOMS {
        point -= custom.share;
        if point < 0.0 {
            return custom;
        }
    }
    &CUSTOMS[0]
}

/// Habits of people and servers: some are taken up or dropped on the way.
fn habits(likes: &[Liking], services: &Services, hours: usize, chance: &mut Chance) -> Habits {
    let mut habits = habits_held(likes, services, hours, chance);
    for habit in &mut habits.list {
        let turn = chance.below(hours as u64) as usize;
        if chance.happens(HABITS_TAKEN_UP) {
            habit.hours = turn..hours;
        } else if chance.happens(HABITS_DROPPED) {
            habit.hours = 0..turn;
        }
    }
    habits
}

fn habits_held(likes: &[Liking], services: &Services, hours: usize, chance: &mut Chance) -> Habits {
    let mut list = Vec::new();
    let mut weights = Vec::new();
    for Liking(application, share, count) in likes {
        let scale = share * chance.lognormal(0.6);
        for rank in 0..1 + chance.below(*count as u64) as usize {
            let Some(service) = services.draw(application, chance) else {
                continue;
            };
            list.push(Habit {
                service,
                hours: 0..hours,
            });
            weights.push(scale * zipf(rank, 1.2) * chance.lognormal(0.5));
        }
    }
    let lottery = Lottery::new(weights.into_iter());
    Habits { list, lottery }
}

fn vacation(calendar: &Calendar, chance: &mut Chance) -> Range<usize> {
    let weeks = calendar.days / 7;
    let first = 7 * chance.below(weeks as u64) as usize;
    let days = if chance.happens(0.3) { 14 } else { 7 };
    let chance_of_one = VACATIONS_A_WEEK * weeks as f64;
    if chance.happens(chance_of_one) {
        first..first + days
    } else {
        0..0
    }
}

fn presence(hours: usize, chance: &mut Chance) -> Range<usize> {
    let turn = hours / 10 + chance.below(hours as u64 * 8 / 10) as usize;
    let fate = chance.unit();
    if fate < APPEARING {
        turn..hours
    } else if fate < APPEARING + VANISHING {
        0..turn
    } else {
        0..hours
    }
}

const NIGHT_WORKERS: f64 = 0.03;
const HABITS_TAKEN_UP: f64 = 0.12;
const HABITS_DROPPED: f64 = 0.05;
const VACATIONS_A_WEEK: f64 = 0.05;
const APPEARING: f64 = 0.03;
const VANISHING: f64 = 0.03;

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
