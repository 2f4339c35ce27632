//! Benign surprises: what nobody should be called for.

use super::super::chance::Chance;
use super::applications::{
    Application, Load, MAIL, MEETING, PACKAGES, SAAS, SHARE, SSH, WEB_SERVED,
};
use super::backups::{Job, Run};
use super::customs::Role;
use super::ledger::{Event, Ledger};
use super::lives::{follow, serve};
use super::members::Member;
use super::moves::{RELABEL, RELOCATION, Unmoved, relabel, relocation};
use super::services::Service;
use super::{Exchange, Site, WorldConfig, moves};

/// Puts the benign surprises into the life of a site, and adds its backups.
pub(super) fn befall(
    site: &Site,
    (config, wanted): (&WorldConfig, fn(&str) -> bool),
    runs: &mut Vec<Run>,
    (exchanges, ledger, unmoved): (&mut Vec<Exchange>, &mut Ledger, &mut Unmoved),
) {
    let mut scene = Scene {
        site,
        runs,
        exchanges,
        ledger,
        unmoved,
    };
    // What happens to addresses happens to all that goes there, and so comes last.
    scene.befall(config, |kind| wanted(kind) && !moves::KINDS.contains(&kind));
    for run in scene.runs.iter() {
        for mut exchange in run.exchanges(site) {
            if let Some(event) = &run.event {
                scene.ledger.mark(event, &mut exchange);
            }
            scene.exchanges.push(exchange);
        }
    }
    scene.befall(config, |kind| wanted(kind) && moves::KINDS.contains(&kind));
}

/// What a surprise may change.
pub(super) struct Scene<'a> {
    pub site: &'a Site,
    runs: &'a mut Vec<Run>,
    pub exchanges: &'a mut Vec<Exchange>,
    pub ledger: &'a mut Ledger,
    pub unmoved: &'a mut Unmoved,
}

impl Scene<'_> {
    fn befall(&mut self, config: &WorldConfig, wanted: impl Fn(&str) -> bool) {
        if self.site.learn_hours >= self.site.calendar.hours() {
            return;
        }
        let only = KINDS.iter().filter(|(kind, ..)| config.only.wants(kind));
        let kinds = only.cycle().zip(0..config.benign);
        for ((kind, is_known, befall), number) in kinds.filter(|((kind, ..), _)| wanted(kind)) {
            let label = format!("world surprise {number}");
            let mut chance = Chance::new(self.site.seed, &label);
            let name = format!("benign-{number}-{kind}");
            let event = Event {
                name,
                kind,
                is_benign: true,
                is_known: *is_known,
            };
            // Where nobody can be surprised so, a site of this size has one surprise less.
            let _ = befall(self, &event, &mut chance);
        }
    }

    fn add(&mut self, event: &Event, mut exchange: Exchange) {
        if exchange.start < self.site.calendar.end() {
            self.ledger.mark(event, &mut exchange);
            self.exchanges.push(exchange);
        }
    }

    /// A working day after the time of learning.
    pub(super) fn working_day(&self, chance: &mut Chance) -> Option<usize> {
        let calendar = &self.site.calendar;
        let first = self.site.learn_hours / 24;
        let days: Vec<usize> = (first..calendar.days)
            .filter(|day| calendar.is_working(*day))
            .collect();
        days.get(chance.below(days.len() as u64) as usize).copied()
    }

    /// A run after the time of learning to which nothing happened yet.
    fn run(&mut self, chance: &mut Chance) -> Option<&mut Run> {
        let learnt = self.site.learn_hours as f64;
        let mut free: Vec<&mut Run> = self
            .runs
            .iter_mut()
            .filter(|run| run.event.is_none() && run.start_hours >= learnt)
            .collect();
        let place = chance.below(free.len() as u64) as usize;
        (place < free.len()).then(|| free.swap_remove(place))
    }
}

fn late_backup(scene: &mut Scene<'_>, event: &Event, chance: &mut Chance) -> Option<()> {
    let run = scene.run(chance)?;
    run.start_hours += chance.between(3.0, 11.0);
    run.event = Some(event.clone());
    Some(())
}

fn bigger_backup(scene: &mut Scene<'_>, event: &Event, chance: &mut Chance) -> Option<()> {
    let run = scene.run(chance)?;
    run.bytes *= chance.between(2.0, 3.0);
    run.event = Some(event.clone());
    Some(())
}

fn first_backup(scene: &mut Scene<'_>, event: &Event, chance: &mut Chance) -> Option<()> {
    let day = scene.working_day(chance)?;
    let wanted = |one: &Member| one.role.is_server() && one.role != Role::Backup;
    let (index, _) = *members(scene.site, 24.0 * day as f64, chance, wanted).first()?;
    let job = Job::new(scene.site, index, chance);
    let mut runs = job.runs(scene.site, &event.name, day, chance);
    let settled = (day + SETTLING_DAYS) as f64 * 24.0;
    for run in runs.iter_mut().filter(|run| run.start_hours < settled) {
        run.event = Some(event.clone());
    }
    scene.runs.append(&mut runs);
    Some(())
}

fn month_end(scene: &mut Scene<'_>, event: &Event, chance: &mut Chance) -> Option<()> {
    let site = scene.site;
    let mut ends = site.calendar.month_ends.iter().copied();
    let end = ends.rfind(|day| day * 24 >= site.learn_hours);
    let day = end.or_else(|| scene.working_day(chance))?;
    let hour = day as f64 * 24.0 + 9.0;
    let clerks = members(scene.site, hour, chance, |member| member.is_finance);
    let clerks: Vec<(usize, &Member)> = clerks.into_iter().take(2).collect();
    for (_, clerk) in clerks {
        let count = 4 + chance.below(12);
        uploads(
            scene,
            event,
            clerk,
            (hour, 9.0),
            (&SHARE, count, 1.5e6),
            chance,
        )?;
    }
    Some(())
}

fn release(scene: &mut Scene<'_>, event: &Event, chance: &mut Chance) -> Option<()> {
    let hour = scene.working_day(chance)? as f64 * 24.0 + chance.between(9.0, 18.0);
    let wanted = |one: &Member| matches!(one.role, Role::Build | Role::Developer);
    let (_, builder) = *members(scene.site, hour, chance, wanted).first()?;
    let count = 3 + chance.below(10);
    uploads(
        scene,
        event,
        builder,
        (hour, 2.0),
        (&PACKAGES, count, 4e7),
        chance,
    )
}

fn vacation_return(scene: &mut Scene<'_>, event: &Event, chance: &mut Chance) -> Option<()> {
    let site = scene.site;
    let day = scene.working_day(chance)?;
    let back = |member: &Member| {
        let end = member.vacation.end;
        !member.vacation.is_empty() && end * 24 >= site.learn_hours && end < site.calendar.days
    };
    let late = site.calendar.hours() as f64 - 1.0;
    let members = members(scene.site, late, chance, back);
    let (_, member) = *members.first()?;
    let first = member.vacation.end.max(day.min(member.vacation.end));
    let hour = first as f64 * 24.0 + 8.0;
    let count = 6 + chance.below(15);
    uploads(
        scene,
        event,
        member,
        (hour, 4.0),
        (&SHARE, count, 8e5),
        chance,
    )?;
    uploads(
        scene,
        event,
        member,
        (hour, 4.0),
        (&MAIL, count, 2e5),
        chance,
    )
}

/// A number of uploads to a service that the site knows, within some hours.
fn uploads(
    scene: &mut Scene<'_>,
    event: &Event,
    member: &Member,
    (hour, hours): (f64, f64),
    (application, count, floor): (&'static Application, u64, f64),
    chance: &mut Chance,
) -> Option<()> {
    let site = scene.site;
    let mut own = member.habits.list.iter().map(|habit| habit.service);
    let own = own.find(|service| std::ptr::eq(service.application, application));
    let service = own.or_else(|| site.services.draw(application, chance))?;
    for _ in 0..count {
        let start = site.calendar.at(hour + chance.between(0.0, hours));
        let bytes = chance.pareto(floor, 1.3).min(2e9);
        let load = Load::new(bytes, bytes * 0.02, bytes / 6e6);
        let peer = service.peer(chance);
        let base = site.exchange(member.address, service.network, peer, start, chance);
        scene.add(event, base.of(application, load));
    }
    Some(())
}

fn video_call(scene: &mut Scene<'_>, event: &Event, chance: &mut Chance) -> Option<()> {
    let site = scene.site;
    let hour = scene.working_day(chance)? as f64 * 24.0 + chance.between(9.0, 16.0);
    let service = site.services.draw(&MEETING, chance)?;
    let wanted = |one: &Member| matches!(one.role, Role::Office | Role::Developer);
    let seconds = chance.between(1_800.0, 6_000.0);
    let count = 20 + chance.below(21) as usize;
    let addresses: Vec<_> = members(scene.site, hour, chance, wanted)
        .iter()
        .take(count)
        .map(|one| one.1.address)
        .collect();
    for address in addresses {
        let start = site.calendar.at(hour + chance.between(-0.05, 0.1));
        let sent = seconds * 4e4 * chance.lognormal(0.7);
        let load = Load::new(sent, sent * chance.between(0.7, 2.5), seconds);
        let peer = service.peer(chance);
        let base = site.exchange(address, service.network, peer, start, chance);
        scene.add(event, base.of(&MEETING, load));
    }
    Some(())
}

fn flash_crowd(scene: &mut Scene<'_>, event: &Event, chance: &mut Chance) -> Option<()> {
    let site = scene.site;
    let hour = scene.working_day(chance)? as f64 * 24.0 + chance.between(7.0, 20.0);
    let (_, server) = *members(scene.site, hour, chance, |one| one.role == Role::Web).first()?;
    let hours = chance.between(2.0, 6.0);
    let clients = server.pace * hours * chance.between(5.0, 20.0);
    for _ in 0..chance.count(clients.min(8_000.0)) {
        let start = site.calendar.at(hour + hours * chance.unit());
        let habit = (server.volume, server.boldness);
        scene.add(
            event,
            serve(site, server, &WEB_SERVED, start, habit, chance),
        );
    }
    Some(())
}

fn new_service(scene: &mut Scene<'_>, event: &Event, chance: &mut Chance) -> Option<()> {
    let site = scene.site;
    let day = scene.working_day(chance)?;
    let application = if chance.happens(0.5) { &SAAS } else { &SHARE };
    let service = Service::anywhere(application, &site.atlas, chance);
    let wanted = |one: &Member| matches!(one.role, Role::Office | Role::Developer);
    let count = 5 + chance.below(25) as usize;
    let adopters: Vec<(usize, &Member)> = members(scene.site, 24.0 * day as f64, chance, wanted)
        .into_iter()
        .take(count)
        .collect();
    for (_, member) in adopters {
        let first = day + chance.below(4) as usize;
        for day in (first..site.calendar.days).filter(|day| site.calendar.is_working(*day)) {
            for _ in 0..chance.count(5.0) {
                let start = site
                    .calendar
                    .at(day as f64 * 24.0 + chance.between(8.5, 18.0));
                let habit = (member.volume, member.boldness);
                let exchange = follow(site, member, &service, start, habit, chance);
                if day < first + SETTLING_DAYS {
                    scene.add(event, exchange);
                } else {
                    scene.exchanges.push(exchange);
                }
            }
        }
    }
    Some(())
}

fn failover(scene: &mut Scene<'_>, event: &Event, chance: &mut Chance) -> Option<()> {
    let site = scene.site;
    let hour = scene.working_day(chance)? as f64 * 24.0 + chance.between(0.0, 24.0);
    let (_, server) = *members(scene.site, hour, chance, |one| one.role.is_server()).first()?;
    let service = Service::anywhere(&SSH, &site.atlas, chance);
    let hours = chance.between(16.0, 28.0);
    let rate = 4e7 * chance.lognormal(0.8);
    for number in 0..(hours * 4.0) as u64 {
        let start = site
            .calendar
            .at(hour + (number as f64 + chance.unit()) / 4.0);
        let sent = rate / 4.0 * chance.lognormal(0.6);
        let load = Load::new(sent, sent * chance.lognormal(0.8), 600.0);
        let peer = service.peer(chance);
        let base = site.exchange(server.address, service.network, peer, start, chance);
        scene.add(
            event,
            Exchange {
                peer_port: 5_432,
                ..base.of(&SSH, load)
            },
        );
    }
    Some(())
}

/// Members of which this is true at some hour, in an order of chance.
fn members<'a>(
    site: &'a Site,
    hour: f64,
    chance: &mut Chance,
    wanted: impl Fn(&Member) -> bool,
) -> Vec<(usize, &'a Member)> {
    let hour = hour as usize;
    let members = site.members.iter().enumerate();
    let mut found: Vec<(u32, usize, &Member)> = members
        .filter(|(_, member)| wanted(member) && member.present.contains(&hour))
        .filter(|(_, member)| member.is_there(hour / 24))
        .map(|(index, member)| (chance.word(), index, member))
        .collect();
    found.sort_unstable_by_key(|(order, index, _)| (*order, *index));
    found
        .into_iter()
        .map(|(_, index, member)| (index, member))
        .collect()
}

pub(super) type Befall = fn(&mut Scene<'_>, &Event, &mut Chance) -> Option<()>;

/// Kinds of surprises, and whether their peers are known to the assets.
pub(super) const KINDS: [(&str, bool, Befall); 12] = [
    ("late_backup", true, late_backup),
    ("bigger_backup", true, bigger_backup),
    ("first_backup", false, first_backup),
    ("month_end", true, month_end),
    ("release", true, release),
    ("video_call", true, video_call),
    ("flash_crowd", false, flash_crowd),
    ("new_service", false, new_service),
    (RELOCATION, false, relocation),
    (RELABEL, false, relabel),
    ("failover", false, failover),
    ("vacation_return", true, vacation_return),
];

/// Days for which something new counts as a surprise.
pub(super) const SETTLING_DAYS: usize = 7;
