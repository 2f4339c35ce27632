//! The assets of a site, and how far the members of a role differ.

use std::net::Ipv4Addr;
use std::ops::Range;

use super::super::chance::Chance;
use super::applications::{Application, FILE_SERVED};
use super::atlas::{Lottery, zipf};
use super::calendar::{Calendar, Rhythm};
use super::customs::{Liking, Role, custom};
use super::services::{Service, Services};

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
