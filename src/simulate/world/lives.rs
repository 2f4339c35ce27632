//! The ordinary exchanges of an asset, hour by hour.

use crate::time::Timestamp;

use super::super::chance::{Chance, exp};
use super::applications::Application;
use super::atlas::{BLOCK_ADDRESSES, address};
use super::calendar::Rhythm;
use super::members::Member;
use super::services::Service;
use super::{Exchange, Site};

/// Adds what an asset does over the whole world by habit.
pub(super) fn live(site: &Site, index: usize, member: &Member, exchanges: &mut Vec<Exchange>) {
    let mut chance = Chance::new(site.seed, &format!("world life {index}"));
    let mut mood = Mood::default();
    for hour in 0..site.calendar.hours() {
        mood.next(hour, &mut chance);
        if !member.present.contains(&hour) {
            continue;
        }
        let day = hour / 24;
        let is_working = site.calendar.is_working(day);
        // Somebody who begins late is in the hour of the day that others had before.
        let own_hour = hour + 24 - member.shift_hours;
        let level = member.rhythm.level(own_hour, is_working);
        let is_there = member.is_there(day) && !mood.is_ill_today(member.rhythm);
        let is_on = !member.sleeps || (is_there && level > 0.04);
        let busy = if is_there { mood.factor() * level } else { 0.0 };
        let growth = exp(member.drift * hour as f64);
        let is_closing = member.is_finance && site.calendar.month_ends.contains(&day);
        let boldness = member.boldness * if is_closing { 4.0 } else { 1.0 };
        let volume = member.volume * growth;
        for _ in 0..chance.count(member.pace * busy * growth) {
            let start = moment(site, hour, &mut chance);
            exchanges.extend(busy_exchange(
                site,
                member,
                start,
                (volume, boldness),
                &mut chance,
            ));
        }
        if !is_on {
            continue;
        }
        for _ in 0..chance.count(member.background) {
            let start = moment(site, hour, &mut chance);
            if let Some(service) = member.noises.draw(hour, &mut chance) {
                let exchange = follow(site, member, &service, start, (1.0, 1.0), &mut chance);
                exchanges.push(exchange);
            }
        }
    }
}

/// An exchange of an asset with a service, as its application goes.
pub(super) fn follow(
    site: &Site,
    member: &Member,
    service: &Service,
    start: Timestamp,
    (volume, boldness): (f64, f64),
    chance: &mut Chance,
) -> Exchange {
    let peer = service.peer(chance);
    let base = site.exchange(member.address, service.network, peer, start, chance);
    let load = service.application.load(volume, boldness, chance);
    base.of(service.application, load)
}

fn busy_exchange(
    site: &Site,
    member: &Member,
    start: Timestamp,
    habit: (f64, f64),
    chance: &mut Chance,
) -> Option<Exchange> {
    let point = chance.unit();
    let (served_share, served) = member.served;
    if point < served_share {
        return Some(serve(site, member, served, start, habit, chance));
    }
    let (explore_share, application) = member.explore;
    if point < served_share + explore_share {
        let network = site.atlas.draw_site(chance);
        let block = site.atlas.networks.get(network)?.block;
        let peer = address(block, BLOCK_ADDRESSES, chance);
        let base = site.exchange(member.address, network, peer, start, chance);
        let load = application.load(habit.0, habit.1, chance);
        return Some(base.of(application, load));
    }
    let hour = site.calendar.hours_until(start) as usize;
    let service = member.habits.draw(hour, chance)?;
    Some(follow(site, member, &service, start, habit, chance))
}

/// An exchange that a partner or a stranger begins.
pub(super) fn serve(
    site: &Site,
    member: &Member,
    application: &'static Application,
    start: Timestamp,
    (volume, boldness): (f64, f64),
    chance: &mut Chance,
) -> Exchange {
    let place = (chance.pareto(1.0, 1.0) - 1.0) as usize;
    let partner = member.partners.get(place % member.partners.len().max(1));
    let (network, peer) = match partner {
        Some(partner) => (partner.network, partner.peer(chance)),
        None => {
            let network = site.atlas.draw_client(chance);
            let block = site.atlas.networks.get(network).map_or(0, |one| one.block);
            (network, address(block, BLOCK_ADDRESSES, chance))
        }
    };
    let load = application.load(volume, boldness, chance);
    let base = site.exchange(member.address, network, peer, start, chance);
    base.of(application, load).served()
}

/// A moment within an hour.
fn moment(site: &Site, hour: usize, chance: &mut Chance) -> Timestamp {
    site.calendar.at(hour as f64 + chance.unit())
}

/// How busy an asset happens to be: days and hours lean on those before them.
#[derive(Debug, Default)]
struct Mood {
    day: f64,
    hour: f64,
    is_ill: bool,
}

impl Mood {
    fn next(&mut self, hour: usize, chance: &mut Chance) {
        if hour.is_multiple_of(24) {
            self.day = 0.5 * self.day + 0.4 * chance.normal();
            self.is_ill = chance.happens(0.02);
        }
        self.hour = 0.75 * self.hour + 0.35 * chance.normal();
    }

    fn factor(&self) -> f64 {
        exp(self.day + self.hour)
    }

    /// Whether a person is missing today.
    fn is_ill_today(&self, rhythm: Rhythm) -> bool {
        self.is_ill && rhythm == Rhythm::Work
    }
}
