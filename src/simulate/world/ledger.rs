//! What was put in: one line for each asset and country of a leak or surprise.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::geo::Country;
use crate::time::Timestamp;

use super::super::truth::Truth;
use super::{Exchange, Injection};

/// A leak or surprise as a whole.
#[derive(Clone, Debug)]
pub(super) struct Event {
    /// The first part of the name of its lines.
    pub name: String,
    pub kind: &'static str,
    pub is_benign: bool,
    pub is_known: bool,
}

/// Gives each line its number as soon as there is an exchange for it.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    injections: Vec<Injection>,
    numbers: BTreeMap<(String, IpAddr, Country), u32>,
    typical_bytes: BTreeMap<IpAddr, f64>,
}

impl Ledger {
    /// Marks an exchange, to which nothing will be changed any more, as part of an event.
    pub(super) fn mark(&mut self, event: &Event, exchange: &mut Exchange) {
        let key = (event.name.clone(), exchange.asset, exchange.country);
        let next = self.injections.len() as u32;
        let number = *self.numbers.entry(key).or_insert(next);
        exchange.injection = Some(number);
        if number == next {
            self.injections.push(empty_line(event, exchange));
        }
        if let Some(injection) = self.injections.get_mut(number as usize) {
            let truth = &mut injection.truth;
            truth.start = truth.start.min(exchange.start);
            truth.end = truth.end.max(exchange.end());
            truth.bytes += exchange.sent_bytes;
        }
    }

    /// How many lines there are.
    pub(super) const fn lines(&self) -> usize {
        self.injections.len()
    }

    /// Notes the busy hour of an asset by which its leaks are measured, bytes.
    pub(super) fn measure(&mut self, asset: IpAddr, typical_bytes: f64) {
        self.typical_bytes.insert(asset, typical_bytes);
    }

    /// The lines, with the ratio of each leak.
    pub(super) fn close(mut self) -> Vec<Injection> {
        for injection in &mut self.injections {
            let typical = self.typical_bytes.get(&injection.truth.asset);
            if let (Some(typical), false) = (typical, injection.truth.benign) {
                injection.ratio = injection.truth.bytes as f64 / typical;
            }
        }
        self.injections
    }

    /// Whether something befell an asset between these times.
    pub(super) fn is_near(&self, asset: IpAddr, from: Timestamp, until: Timestamp) -> bool {
        self.injections.iter().any(|injection| {
            let truth = &injection.truth;
            truth.asset == asset && truth.start <= until && truth.end >= from
        })
    }
}

fn empty_line(event: &Event, exchange: &Exchange) -> Injection {
    Injection {
        truth: Truth {
            id: format!(
                "{}/{}-{}",
                event.name,
                exchange.asset,
                exchange.country.code()
            ),
            kind: event.kind.to_owned(),
            asset: exchange.asset,
            jurisdiction: exchange.country.code().to_owned(),
            start: exchange.start,
            end: exchange.end(),
            bytes: 0,
            benign: event.is_benign,
        },
        ratio: 0.0,
        is_known: event.is_known,
    }
}
