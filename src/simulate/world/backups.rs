//! Backups abroad: every night or week, mostly on time and of their usual size.

use crate::time::Timestamp;

use super::super::chance::Chance;
use super::applications::{BACKUP, Load};
use super::calendar::HOUR_NANOS;
use super::customs::Role;
use super::ledger::Event;
use super::services::Service;
use super::{Exchange, Site};

/// A backup that one asset makes again and again.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub member: usize,
    service: Service,
    /// Hour of the day at which it begins.
    hour: f64,
    /// The only day of the week on which it runs, from Monday.
    weekday: Option<usize>,
    /// Day of the week on which everything is copied, and not only what changed.
    full_day: Option<usize>,
    bytes: f64,
    spread: f64,
    flows: u64,
}

/// One backup.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub member: usize,
    pub service: Service,
    /// Its name among the streams of chance.
    label: String,
    /// When it begins, hours from the start of the world.
    pub start_hours: f64,
    pub bytes: f64,
    flows: u64,
    /// The surprise that it is part of.
    pub event: Option<Event>,
}

/// All backups of a site over its time.
pub(super) fn runs(site: &Site) -> Vec<Run> {
    let mut runs = Vec::new();
    for (index, member) in site.members.iter().enumerate() {
        let mut chance = Chance::new(site.seed, &format!("world jobs {index}"));
        let jobs = match member.role {
            Role::Backup => 1 + chance.below(3),
            Role::Device | Role::Phone => 0,
            role if role.is_server() => u64::from(chance.happens(0.4)),
            _ => u64::from(chance.happens(0.02)),
        };
        for number in 0..jobs {
            let job = Job::new(site, index, &mut chance);
            runs.extend(job.runs(site, &format!("{index}.{number}"), 0, &mut chance));
        }
    }
    runs
}

impl Job {
    pub(super) fn new(site: &Site, member: usize, chance: &mut Chance) -> Self {
        let service = site.services.draw(&BACKUP, chance);
        let service = service.unwrap_or_else(|| Service::anywhere(&BACKUP, &site.atlas, chance));
        let scale = match site.members.get(member).map(|one| one.role) {
            Some(Role::Backup) => 1e9,
            Some(role) if role.is_server() => 2e8,
            _ => 4e7,
        };
        let is_weekly = chance.happens(0.25);
        let full_day = 4 + chance.below(3) as usize;
        Self {
            member,
            service,
            hour: (22.0 + chance.between(0.0, 7.0)) % 24.0,
            weekday: is_weekly.then_some(full_day),
            full_day: (!is_weekly && chance.happens(0.4)).then_some(full_day),
            bytes: scale * chance.lognormal(1.0).min(12.0),
            spread: chance.between(0.1, 0.6),
            flows: 1 + chance.below(6),
        }
    }

    /// What it does from a day on.
    pub(super) fn runs(
        &self,
        site: &Site,
        label: &str,
        first_day: usize,
        chance: &mut Chance,
    ) -> Vec<Run> {
        let mut runs = Vec::new();
        for day in first_day..site.calendar.days {
            let fate = chance.unit();
            let jitter = chance.normal() * 0.12;
            let size = chance.lognormal(self.spread);
            let delay = chance.between(1.0, 7.0);
            if self.weekday.is_some_and(|weekday| weekday != day % 7) || fate < FAILED {
                continue;
            }
            let is_full = self.full_day == Some(day % 7);
            let is_cut_short = fate < FAILED + CUT_SHORT;
            let is_late = fate > 1.0 - LATE;
            let run = Run {
                member: self.member,
                service: self.service,
                label: format!("{label} {day}"),
                start_hours: day as f64 * 24.0
                    + self.hour
                    + jitter
                    + if is_late { delay } else { 0.0 },
                bytes: self.bytes
                    * size
                    * if is_full { 4.0 } else { 1.0 }
                    * if is_cut_short { 0.1 } else { 1.0 },
                flows: self.flows,
                event: None,
            };
            let is_doubled = (0.5..0.5 + DOUBLED).contains(&fate);
            if is_doubled {
                let (label, start_hours) =
                    (format!("{label} {day} again"), run.start_hours + delay);
                runs.push(Run {
                    label,
                    start_hours,
                    ..run.clone()
                });
            }
            runs.push(run);
        }
        runs
    }
}

impl Run {
    /// Its exchanges: some flows side by side, at the speed of a leased line.
    pub(super) fn exchanges(&self, site: &Site) -> Vec<Exchange> {
        let Some(member) = site.members.get(self.member) else {
            return Vec::new();
        };
        if !member
            .present
            .contains(&(self.start_hours.max(0.0) as usize))
        {
            return Vec::new();
        }
        let mut chance = Chance::new(site.seed, &format!("world run {}", self.label));
        let rate = 2.5e7 * chance.lognormal(0.4);
        let flow = |_| {
            let bytes = self.bytes / self.flows as f64 * chance.between(0.8, 1.2);
            let start = site
                .calendar
                .at(self.start_hours + chance.between(0.0, 0.05));
            let peer = self.service.peer(&mut chance);
            let network = self.service.network;
            let base = site.exchange(member.address, network, peer, start, &mut chance);
            let back = bytes * chance.between(0.004, 0.02);
            let load = Load::new(bytes, back, self.bytes / rate * chance.between(0.7, 1.0));
            base.of(self.service.application, load)
        };
        let exchanges = (0..self.flows).map(flow);
        exchanges
            .filter(|exchange| exchange.start < site.calendar.end())
            .collect()
    }

    /// From when to when its exchanges may begin.
    pub(super) fn span(&self, site: &Site) -> (Timestamp, Timestamp) {
        let start = site.calendar.at(self.start_hours);
        let last = start.as_nanos() + (0.06 * HOUR_NANOS) as u64;
        (start, Timestamp::from_nanos(last))
    }
}

/// Shares of the runs that do not take place, break off, come hours late, or are made
/// twice: so much goes wrong in ordinary life.
const FAILED: f64 = 0.03;
const CUT_SHORT: f64 = 0.02;
const LATE: f64 = 0.04;
const DOUBLED: f64 = 0.02;
