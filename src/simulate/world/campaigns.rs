//! Leaks of several assets or several nights: one sink for many, and backups that go
//! elsewhere.

use std::net::IpAddr;

use super::super::chance::Chance;
use super::Exchange;
use super::backups::Run;
use super::leaks::{HISTORY_HOURS, Heist, LEAK_BYTES_MAX, Order};
use super::shapes;
use super::targets::Target;

impl Heist<'_> {
    /// Several assets send to one sink that none of them knows.
    pub(super) fn shard(&mut self, order: &Order, chance: &mut Chance) -> Option<()> {
        let wanted = 5 + chance.below(11) as usize;
        let mut chosen: Vec<usize> = Vec::new();
        let mut day = None;
        for asset in self.candidates(chance) {
            let begin = day.or_else(|| self.begin(order, asset, chance));
            let present = self.site.members.get(asset)?.present.clone();
            let Some(begin) = begin.filter(|begin| {
                let hours = (begin - HISTORY_HOURS).max(0.0) as usize..*begin as usize + 24;
                present.start <= hours.start && present.end >= hours.end
            }) else {
                continue;
            };
            day = Some(begin);
            chosen.push(asset);
            if chosen.len() == wanted {
                break;
            }
        }
        let begin = day?;
        let until = self.site.calendar.at(begin);
        let used: Vec<&Exchange> = chosen
            .iter()
            .flat_map(|asset| self.used(*asset, until))
            .collect();
        let target = Target::new(self.site, &used, true, chance);
        let target = target.or_else(|| Target::new(self.site, &used, false, chance))?;
        if chosen.len() < 5 {
            return None;
        }
        // The busy hour of the one in the middle: one backup host shall not make the leak.
        let mut typical: Vec<f64> = chosen.iter().map(|asset| self.typical(*asset)).collect();
        typical.sort_by(f64::total_cmp);
        let middle = typical.get(typical.len() / 2)?;
        let total = (order.ratio * middle).min(LEAK_BYTES_MAX).ceil() as u64;
        let weights: Vec<f64> = chosen.iter().map(|_| chance.lognormal(0.3)).collect();
        for (asset, bytes) in chosen.iter().zip(shapes::split(total, weights.into_iter())) {
            let flows = 1 + chance.below(4);
            let length = chance.between(0.02, 0.5);
            let parts = shapes::bulk(length, flows, chance);
            let begin = begin + chance.between(0.0, 20.0);
            self.put(order, *asset, (begin, bytes), &parts, &target, chance);
        }
        Some(())
    }

    /// The runs of a backup go to another country for some nights, instead.
    pub(super) fn divert(&mut self, order: &Order, chance: &mut Chance) -> Option<()> {
        let learnt = self.site.learn_hours as f64;
        for asset in self.candidates(chance) {
            let ours = self
                .runs
                .iter()
                .filter(|run| run.member == asset && run.event.is_none());
            let mut late: Vec<&Run> = ours.filter(|run| run.start_hours >= learnt).collect();
            late.sort_by(|a, b| a.start_hours.total_cmp(&b.start_hours));
            let nights = (order.ratio as usize).min(7);
            let first = chance.below(late.len().saturating_sub(nights) as u64) as usize;
            let Some(begin) = late.get(first).map(|run| run.start_hours) else {
                continue;
            };
            let used = self.used(asset, self.site.calendar.at(begin));
            if used.is_empty() || begin < HISTORY_HOURS {
                continue;
            }
            let Some(target) = Target::new(self.site, &used, true, chance) else {
                continue;
            };
            let wanted = late
                .get(first..(first + nights).min(late.len()))
                .unwrap_or_default();
            let mut is_done = false;
            for run in wanted {
                is_done |= self.divert_run(order, run, &target, chance);
            }
            if is_done {
                if let Some(is_taken) = self.is_taken.get_mut(asset) {
                    *is_taken = true;
                }
                return Some(());
            }
        }
        None
    }

    fn divert_run(
        &mut self,
        order: &Order,
        run: &Run,
        target: &Target,
        chance: &mut Chance,
    ) -> bool {
        let event = order.event(false);
        let (from, until) = run.span(self.site);
        let network = self.site.atlas.networks.get(run.service.network);
        let old = network.map(|network| network.asn);
        let port = run.service.application.port;
        let mut is_done = false;
        for place in self.own.get(run.member).map_or(&[][..], Vec::as_slice) {
            let Some(exchange) = self.exchanges.get_mut(*place as usize) else {
                continue;
            };
            let is_in_time = (from..=until).contains(&exchange.start);
            let is_it = Some(exchange.asn) == old && exchange.peer_port == port;
            let IpAddr::V4(asset) = exchange.asset else {
                continue;
            };
            if !is_in_time || !is_it || exchange.injection.is_some() {
                continue;
            }
            let peer = target.peer(chance);
            let base = self
                .site
                .exchange(asset, target.network, peer, exchange.start, chance);
            exchange.peer = base.peer;
            exchange.country = target.country;
            exchange.asn = target.asn;
            exchange.round_trip_nanos = base.round_trip_nanos;
            self.ledger.mark(&event, exchange);
            is_done = true;
        }
        is_done
    }
}
