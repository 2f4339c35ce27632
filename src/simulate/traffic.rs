//! Habits and uploads to conversations, hour by hour.

use super::chance::Chance;
use super::ends::{asset_endpoint, peer_address, peer_endpoint, rtt_of};
use super::format::Kind;
use super::opening::Opening;
use super::openings::{habit_opening, questions, upload_opening};
use super::scenario::{Asset, Destination, Habit, Scenario, Upload};
use super::session::{Account, SessionPlan, Side};
use super::wire::Endpoint;
use crate::time::{HourSlot, NANOS_PER_SECOND, SECONDS_PER_DAY, Timestamp};

/// Plans the conversations of a scenario in the order of its hours.
#[derive(Debug)]
pub(super) struct Traffic<'a> {
    scenario: &'a Scenario,
    habits: Vec<HabitState>,
    growths: Vec<Chance>,
    uploads: Vec<UploadState<'a>>,
    days: DayLevels,
    /// Latest ephemeral port of each asset.
    ports: Vec<u16>,
}

/// A habit's stream of chance, and how much more or less than usual the asset does of it.
#[derive(Debug)]
struct HabitState {
    chance: Chance,
    level: f64,
    opening: Opening,
}

/// An upload and its next conversation.
#[derive(Debug)]
struct UploadState<'a> {
    upload: &'a Upload,
    chance: Chance,
    next: u32,
    next_start: u64,
    sent: u64,
    opening: Opening,
}

/// How busy each asset is today: people have slow days, busy days and days off, which is
/// what makes the hours of a day resemble each other.
#[derive(Debug, Default)]
struct DayLevels {
    day: Option<u64>,
    levels: Vec<f64>,
}

impl<'a> Traffic<'a> {
    pub(super) fn new(scenario: &'a Scenario) -> Self {
        let stream = |label: &str| Chance::new(scenario.seed, label);
        let questions = questions(scenario);
        let habit_state = |habit: &Habit| {
            let mut chance = stream(&habit.label);
            let level = chance.lognormal(ASSET_SPREAD);
            let opening = habit_opening(scenario, habit, &questions);
            HabitState {
                chance,
                level,
                opening,
            }
        };
        let upload_state = |upload: &'a Upload| {
            let mut chance = stream(&upload.label);
            let next_start = start_of(upload, 0, &mut chance);
            UploadState {
                upload,
                chance,
                next: 0,
                next_start,
                sent: 0,
                opening: upload_opening(scenario, upload, &questions),
            }
        };
        let growth_stream = |number| stream(&format!("growth/{number}"));
        let ports = (0..scenario.assets.len()).map(|asset| {
            let mut chance = stream(&format!("ports/{asset}"));
            EPHEMERAL_FIRST + chance.below(u64::from(EPHEMERAL_COUNT)) as u16
        });
        Self {
            scenario,
            habits: scenario.habits.iter().map(habit_state).collect(),
            growths: (0..scenario.growths.len()).map(growth_stream).collect(),
            uploads: scenario.uploads.iter().map(upload_state).collect(),
            days: DayLevels::default(),
            ports: ports.collect(),
        }
    }

    /// Plans the conversations that begin in the hour `from`..`until`.
    pub(super) fn hour(&mut self, from: u64, until: u64) -> Vec<SessionPlan> {
        let mut plans = Vec::new();
        self.days.advance(self.scenario, from);
        let slot = self
            .scenario
            .calendar
            .slot(Timestamp::from_nanos(from).tick());
        for index in 0..self.habits.len() {
            self.plan_habit(index, slot, (from, until), &mut plans);
        }
        for index in 0..self.uploads.len() {
            self.plan_upload(index, until, &mut plans);
        }
        plans
    }

    fn plan_habit(
        &mut self,
        index: usize,
        slot: HourSlot,
        (from, until): (u64, u64),
        plans: &mut Vec<SessionPlan>,
    ) {
        let scenario = self.scenario;
        let (Some(habit), Some(state)) = (scenario.habits.get(index), self.habits.get_mut(index))
        else {
            return;
        };
        let in_force = (habit.from..habit.until).contains(&from);
        let (Some(asset), Some(destination), true) = (
            scenario.assets.get(habit.asset),
            scenario.destinations.get(habit.destination),
            in_force,
        ) else {
            return;
        };
        let (weight, peak) = hour_weight(asset.kind, slot);
        if !state.chance.happens(habit.active * weight / peak) {
            return;
        }
        let usual = habit.daily_bytes * peak / habit.active;
        let today = self.days.levels.get(habit.asset).copied().unwrap_or(1.0);
        let bytes = usual * today * state.level * state.chance.lognormal(habit.spread);
        let flows = (bytes / destination.flow_bytes as f64).round();
        let flows = flows.clamp(1.0, FLOWS_PER_HOUR_MAX) as u64;
        let mut own = state.chance.fork();
        let opening = state.opening.clone();
        let spell = Spell {
            habit,
            opening: &opening,
            event: habit.event,
            bytes,
            flows,
            from,
            until,
        };
        self.plan_spell(&spell, &mut own, plans);
        for (number, growth) in scenario.growths.iter().enumerate() {
            if growth.habit != index || !(growth.from..growth.until).contains(&from) {
                continue;
            }
            let flows = ((flows as f64 * growth.share).round() as u64).max(1);
            let (bytes, event) = (bytes * growth.share, Some(growth.event));
            let spell = Spell {
                habit,
                opening: &opening,
                event,
                bytes,
                flows,
                from,
                until,
            };
            let Some(mut own) = self.growths.get_mut(number).map(Chance::fork) else {
                continue;
            };
            self.plan_spell(&spell, &mut own, plans);
        }
    }

    /// Divides an hour's bytes among conversations at random moments of the hour.
    fn plan_spell(&mut self, spell: &Spell<'_>, chance: &mut Chance, plans: &mut Vec<SessionPlan>) {
        let habit = spell.habit;
        let (Some(asset), Some(destination)) = (
            self.scenario.assets.get(habit.asset),
            self.scenario.destinations.get(habit.destination),
        ) else {
            return;
        };
        let weights: Vec<f64> = (0..spell.flows).map(|_| chance.lognormal(0.9)).collect();
        let total: f64 = weights.iter().sum();
        let sent_min = spell.opening.sent_bytes_min().max(SENT_MIN);
        for weight in weights {
            let sent = (spell.bytes * weight / total) as u64;
            let sent = sent.max(sent_min);
            let received = sent as f64 * destination.replies * chance.lognormal(0.5);
            let mut own = chance.fork();
            let start = spell.from + own.below(spell.until.saturating_sub(spell.from));
            let prefer_ipv6 = own.happens(IPV6_SHARE);
            let (asset_end, peer_end) = self.ends(habit, asset, destination, prefer_ipv6, &mut own);
            let turns = if sent < SMALL_EXCHANGE {
                1
            } else {
                1 + own.below(5)
            };
            plans.push(SessionPlan {
                start,
                asset: asset_end,
                peer: peer_end,
                is_tcp: destination.service.is_tcp,
                opener: if habit.is_served {
                    Side::Peer
                } else {
                    Side::Asset
                },
                bytes: [sent, received as u64],
                turns,
                rtt_nanos: rtt_of(destination, &mut own),
                bytes_per_second: destination.bytes_per_second * own.lognormal(0.5),
                think_nanos: 2 * NANOS_PER_SECOND,
                opening: spell.opening.clone(),
                account: Account {
                    destination: habit.destination,
                    event: spell.event,
                },
                chance: own,
            });
        }
    }

    /// Plans what an upload begins before `until`.
    fn plan_upload(&mut self, index: usize, until: u64, plans: &mut Vec<SessionPlan>) {
        while let Some(state) = self.uploads.get_mut(index) {
            let upload = state.upload;
            if state.next >= upload.flows || state.next_start >= until {
                return;
            }
            let start = state.next_start;
            state.next += 1;
            let sent_after = sent_after(upload, state.next, &mut state.chance);
            let sent = sent_after.saturating_sub(state.sent);
            state.sent = state.sent.max(sent_after);
            state.next_start = start_of(upload, state.next, &mut state.chance);
            let own = state.chance.fork();
            let opening = state.opening.clone();
            if let Some(plan) = self.upload_plan(upload, start, sent, opening, own) {
                plans.push(plan);
            }
        }
    }

    fn upload_plan(
        &mut self,
        upload: &Upload,
        start: u64,
        sent: u64,
        opening: Opening,
        mut own: Chance,
    ) -> Option<SessionPlan> {
        let asset = self.scenario.assets.get(upload.asset)?;
        let destination = self.scenario.destinations.get(upload.destination)?;
        let slice_seconds = upload.duration as f64 / 1e9 / f64::from(upload.flows.max(1));
        let paced = sent.max(1) as f64 / (slice_seconds * PACED_SHARE);
        let rate = destination.bytes_per_second * own.lognormal(0.3);
        let turn_nanos = CALL_TURN_SECONDS * NANOS_PER_SECOND;
        let (received, turns, bytes_per_second) = if upload.is_call {
            (sent - sent / 10, upload.duration / turn_nanos, 2.0 * paced)
        } else if upload.flows <= PACED_FLOWS_MAX {
            (UPLOAD_REPLY, 1, paced)
        } else {
            (UPLOAD_REPLY, 1, rate.max(paced))
        };
        let mut address = Chance::new(self.scenario.seed, &format!("peer/{}", upload.label));
        let peer_ip = peer_address(destination, false, &mut address);
        let port = self.next_port(upload.asset);
        Some(SessionPlan {
            start,
            asset: asset_endpoint(asset, peer_ip, port),
            peer: peer_endpoint(destination, peer_ip, destination.service.port),
            is_tcp: destination.service.is_tcp,
            opener: Side::Asset,
            bytes: [sent, received],
            turns: turns.max(1),
            rtt_nanos: rtt_of(destination, &mut own),
            bytes_per_second,
            think_nanos: 20_000_000,
            opening,
            account: Account {
                destination: upload.destination,
                event: upload.event,
            },
            chance: own,
        })
    }

    fn ends(
        &mut self,
        habit: &Habit,
        asset: &Asset,
        destination: &Destination,
        prefer_ipv6: bool,
        chance: &mut Chance,
    ) -> (Endpoint, Endpoint) {
        let prefer_ipv6 = prefer_ipv6 && asset.ipv6.is_some();
        let peer_ip = peer_address(destination, prefer_ipv6, chance);
        let (asset_port, peer_port) = if habit.is_served {
            let port = EPHEMERAL_FIRST + chance.below(u64::from(EPHEMERAL_COUNT)) as u16;
            (destination.service.port, port)
        } else {
            (self.next_port(habit.asset), destination.service.port)
        };
        let asset_end = asset_endpoint(asset, peer_ip, asset_port);
        (asset_end, peer_endpoint(destination, peer_ip, peer_port))
    }

    /// Ports in turn, so that no conversation takes the port of one that still runs.
    fn next_port(&mut self, asset: usize) -> u16 {
        let Some(port) = self.ports.get_mut(asset) else {
            return EPHEMERAL_FIRST;
        };
        *port = if *port >= EPHEMERAL_FIRST + EPHEMERAL_COUNT - 1 {
            EPHEMERAL_FIRST
        } else {
            *port + 1
        };
        *port
    }
}

/// What an asset sends by one habit in one hour.
struct Spell<'a> {
    habit: &'a Habit,
    opening: &'a Opening,
    event: Option<usize>,
    bytes: f64,
    flows: u64,
    from: u64,
    until: u64,
}

impl DayLevels {
    fn advance(&mut self, scenario: &Scenario, now: u64) {
        let day = (now - scenario.start) / (SECONDS_PER_DAY * NANOS_PER_SECOND);
        if self.day == Some(day) {
            return;
        }
        self.day = Some(day);
        let level = |asset: &Asset| {
            let mut chance = Chance::new(scenario.seed, &format!("day/{}/{day}", asset.name));
            let away = chance.happens(AWAY_SHARE) && asset.kind == Kind::Workstation;
            if away {
                0.0
            } else {
                chance.lognormal(DAY_SPREAD)
            }
        };
        self.levels = scenario.assets.iter().map(level).collect();
    }
}

/// When conversation `number` of an upload begins. Conversations are spread evenly, each
/// at a random moment of its slice.
fn start_of(upload: &Upload, number: u32, chance: &mut Chance) -> u64 {
    let flows = f64::from(upload.flows.max(1));
    let within = if number == 0 {
        0.0
    } else {
        chance.unit() * 0.9
    };
    let share = (f64::from(number) + within) / flows;
    upload
        .start
        .saturating_add((upload.duration as f64 * share) as u64)
}

/// What an upload has sent in all after its first `number` conversations.
fn sent_after(upload: &Upload, number: u32, chance: &mut Chance) -> u64 {
    if number >= upload.flows {
        return upload.bytes;
    }
    let share = (f64::from(number) + chance.between(-0.3, 0.3)) / f64::from(upload.flows);
    (upload.bytes as f64 * share) as u64
}

/// The share of a working day's bytes that falls into an hour, and that of the busiest.
fn hour_weight(kind: Kind, slot: HourSlot) -> (f64, f64) {
    let (hours, free_day) = match kind {
        Kind::Workstation => (&OFFICE_HOURS, 0.05),
        Kind::Server => (&SERVER_HOURS, 0.6),
        Kind::Device | Kind::Backup => (&EVEN_HOURS, 1.0),
    };
    let sum: f64 = hours.iter().sum();
    let peak = hours.iter().copied().fold(0.0, f64::max);
    let weight = hours.get(usize::from(slot.hour())).copied().unwrap_or(0.0);
    let of_day = if slot.is_working() { 1.0 } else { free_day };
    (weight * of_day / sum, peak / sum)
}

/// An office: a slow start, a lunch break, and some who stay.
const OFFICE_HOURS: [f64; 24] = [
    0.15, 0.1, 0.1, 0.1, 0.1, 0.1, 0.2, 1.0, 5.0, 11.0, 12.0, 11.0, 6.0, 8.0, 12.0, 12.0, 10.0,
    7.0, 2.5, 1.2, 0.8, 0.6, 0.4, 0.25,
];

/// A server: its users by day, and jobs at night.
const SERVER_HOURS: [f64; 24] = [
    2.5, 2.2, 2.2, 2.2, 2.3, 2.5, 3.0, 3.5, 4.5, 5.5, 6.0, 6.0, 5.5, 5.5, 6.0, 6.0, 5.5, 5.0, 4.5,
    4.0, 3.8, 3.5, 3.2, 2.8,
];

/// A machine that knows neither day nor night.
const EVEN_HOURS: [f64; 24] = [1.0; 24];

/// Spread of habits between assets of a group.
const ASSET_SPREAD: f64 = 0.4;

/// Spread between days of an asset.
const DAY_SPREAD: f64 = 0.35;

/// Share of days on which a workstation stays off.
const AWAY_SHARE: f64 = 0.04;

/// Most conversations of one habit in one hour; beyond, each carries more.
const FLOWS_PER_HOUR_MAX: f64 = 40.0;

/// Least payload that a conversation sends.
const SENT_MIN: u64 = 32;

/// Conversations that send less are one question and one answer.
const SMALL_EXCHANGE: u64 = 2_000;

/// Share of conversations over IPv6 where both ends have it.
const IPV6_SHARE: f64 = 0.3;

/// Uploads of so few conversations are paced to fill their duration.
const PACED_FLOWS_MAX: u32 = 4;

/// Share of its slice that a paced conversation fills.
const PACED_SHARE: f64 = 0.95;

/// Payload that answers an upload.
const UPLOAD_REPLY: u64 = 1_200;

/// Seconds in which both sides of a call have spoken once.
const CALL_TURN_SECONDS: u64 = 10;

/// First port for outgoing conversations, as Linux has it, and how many follow.
const EPHEMERAL_FIRST: u16 = 32_768;
const EPHEMERAL_COUNT: u16 = 28_232;
