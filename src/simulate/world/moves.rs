//! Surprises of the address plan: what everybody uses is elsewhere, or is said to be.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::time::Timestamp;

use super::super::chance::Chance;
use super::Exchange;
use super::atlas::{BLOCK_ADDRESSES, Network, NetworkKind, address};
use super::ledger::Event;
use super::surprises::{SETTLING_DAYS, Scene};

/// What has moved, as it was before, by its place among the exchanges; where that is wanted.
#[derive(Debug, Default)]
pub(super) struct Unmoved {
    is_kept: bool,
    exchanges: BTreeMap<usize, Exchange>,
}

impl Unmoved {
    /// Keeps what moves.
    pub(super) fn kept() -> Self {
        Self {
            is_kept: true,
            ..Self::default()
        }
    }

    /// Notes an exchange that is about to move.
    fn keep(&mut self, place: usize, exchange: &Exchange) {
        if self.is_kept {
            // What moves twice is put back to where it was first.
            self.exchanges.entry(place).or_insert(*exchange);
        }
    }

    /// Puts back what has moved, unless a leak has taken it since: those have the numbers from
    /// `surprises` on.
    pub(super) fn put_back(&mut self, exchanges: &mut [Exchange], surprises: usize) {
        for (place, before) in std::mem::take(&mut self.exchanges) {
            let moved = exchanges.get_mut(place);
            let is_leak = |one: &Exchange| {
                let number = one.injection;
                number.is_some_and(|number| number as usize >= surprises)
            };
            if let Some(moved) = moved.filter(|one| !is_leak(one)) {
                *moved = before;
            }
        }
    }
}

/// A content network answers from another country from now on.
pub(super) fn relocation(scene: &mut Scene<'_>, event: &Event, chance: &mut Chance) -> Option<()> {
    let site = scene.site;
    let networks = &site.atlas.networks;
    let old = networks.get(site.atlas.draw_kind(&[NetworkKind::Cdn], chance))?;
    let seats: Vec<usize> = (0..networks.len())
        .filter(|place| {
            networks
                .get(*place)
                .is_some_and(|new| is_other_seat(old, new))
        })
        .collect();
    let new_place = *seats.get(chance.below(seats.len() as u64) as usize)?;
    let new = networks.get(new_place)?;
    let from = site
        .calendar
        .at(24.0 * scene.working_day(chance)? as f64 + 3.0);
    relabelled(
        scene,
        event,
        old,
        from,
        |exchange, chance| {
            let asset = match exchange.asset {
                IpAddr::V4(asset) => asset,
                IpAddr::V6(_) => return,
            };
            let peer = address(new.block, BLOCK_ADDRESSES, chance);
            let moved = site.exchange(asset, new_place, peer, exchange.start, chance);
            exchange.peer = moved.peer;
            exchange.country = moved.country;
            exchange.round_trip_nanos = moved.round_trip_nanos;
        },
        chance,
    );
    Some(())
}

/// A database says from now on that the addresses of a network are elsewhere.
pub(super) fn relabel(scene: &mut Scene<'_>, event: &Event, chance: &mut Chance) -> Option<()> {
    let networks = &scene.site.atlas.networks;
    let old = networks.get(scene.site.atlas.draw_site(chance))?;
    let new = networks.get(scene.site.atlas.draw_site(chance))?.country;
    let from = scene
        .site
        .calendar
        .at(24.0 * scene.working_day(chance)? as f64 + 1.0);
    let say = |exchange: &mut Exchange, _: &mut Chance| exchange.country = new;
    (new != old.country).then(|| relabelled(scene, event, old, from, say, chance))
}

/// Changes all exchanges with a network from a moment on.
fn relabelled(
    scene: &mut Scene<'_>,
    event: &Event,
    old: &Network,
    from: Timestamp,
    change: impl Fn(&mut Exchange, &mut Chance),
    chance: &mut Chance,
) {
    let settled = scene.site.calendar.hours_until(from) + 24.0 * SETTLING_DAYS as f64;
    let settled = scene.site.calendar.at(settled);
    for (place, exchange) in scene.exchanges.iter_mut().enumerate() {
        let is_ours = exchange.start >= from && exchange.injection.is_none();
        if !is_ours || !is_in(exchange.peer, old) || exchange.country != old.country {
            continue;
        }
        scene.unmoved.keep(place, exchange);
        change(exchange, chance);
        if exchange.start < settled {
            scene.ledger.mark(event, exchange);
        }
    }
}

fn is_other_seat(old: &Network, new: &Network) -> bool {
    new.asn == old.asn && new.country != old.country
}

fn is_in(peer: IpAddr, network: &Network) -> bool {
    let IpAddr::V4(peer) = peer else {
        return false;
    };
    peer.to_bits() / BLOCK_ADDRESSES == network.block / BLOCK_ADDRESSES
}

/// Kinds that change exchanges of everybody.
pub(super) const KINDS: [&str; 2] = [RELOCATION, RELABEL];

/// The kind of surprise that changes where packets go.
pub(super) const RELOCATION: &str = "relocation";

/// The kind of surprise that changes no packet.
pub(super) const RELABEL: &str = "relabel";
