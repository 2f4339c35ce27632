//! What leaves in the first days towards something new.

use serde::{Deserialize, Serialize};

use super::HOURS_PER_DAY;
use crate::time::{SECONDS_PER_DAY, Tick};

/// The first days of exports to a country, or to an autonomous system within one.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Novelty {
    /// The tick of the first export.
    pub since: Tick,
    /// Bytes since then, while it is new.
    pub bytes: u64,
    newness: Newness,
    /// The latest hour in which something went to a network that was said to be in another
    /// country before; 0 if never.
    relabelled_hour: u32,
}

/// What is new of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Newness {
    /// Nothing.
    None,
    /// A service in a network that the asset knows.
    Service,
    /// The country, the network or the domain itself.
    Whole,
}

impl Novelty {
    /// Begins with a first export.
    pub(super) const fn begin(since: Tick, newness: Newness) -> Self {
        Self {
            since,
            bytes: 0,
            newness,
            relabelled_hour: 0,
        }
    }

    /// Notes that some of the running hour went to a network that was said to be elsewhere.
    pub(super) fn relabelled(&mut self, hour: u64) {
        self.relabelled_hour = u32::try_from(hour).unwrap_or(u32::MAX);
    }

    /// Takes over when something of another last went to such a network.
    pub(super) fn join_relabels(&mut self, other: &Self) {
        self.relabelled_hour = self.relabelled_hour.max(other.relabelled_hour);
    }

    /// Whether something of the last 24 hours went to such a network.
    pub(super) fn is_relabelled(&self, hour: u64) -> bool {
        self.relabelled_hour > 0 && hour < u64::from(self.relabelled_hour) + HOURS_PER_DAY
    }

    /// Whether it is still new.
    pub const fn is_new(&self) -> bool {
        matches!(self.newness, Newness::Whole)
    }

    /// Whether the asset knows the network, and it is the service there that is still new.
    pub const fn is_new_service(&self) -> bool {
        matches!(self.newness, Newness::Service)
    }

    pub(super) fn add(&mut self, tick: Tick, bytes: u64) {
        if self.newness != Newness::None && tick < self.end() {
            self.bytes = self.bytes.saturating_add(bytes);
        }
    }

    /// At the end of an hour: after a week it is new no more.
    pub(super) fn close_hour(&mut self, end: Tick) {
        if end >= self.end() {
            self.newness = Newness::None;
        }
    }

    /// Newness of something that is new, or is not.
    pub(super) const fn of(is_new: bool) -> Newness {
        if is_new {
            Newness::Whole
        } else {
            Newness::None
        }
    }

    /// Counts bytes of another that is the same, while it is new.
    pub(super) const fn join(&mut self, bytes: u64) {
        if !matches!(self.newness, Newness::None) {
            self.bytes = self.bytes.saturating_add(bytes);
        }
    }

    /// When it is new no more.
    pub(super) const fn end(&self) -> Tick {
        self.since.plus_seconds(NEW_DAYS * SECONDS_PER_DAY)
    }
}

/// For how many days something is new.
pub const NEW_DAYS: u64 = 7;

#[cfg(test)]
mod tests {
    use super::super::tests::{add, transfer};
    use super::super::{Baseline, ByStage, CellKey, Learn};
    use super::*;
    use crate::time::Calendar;
    use crate::transfer::{Service, Transfer};

    /// Whether the network and whether the service is new that an asset sends to over SSH,
    /// when for three days it only sent to AS7 over the web.
    fn newness(asn: u32) -> (bool, bool) {
        let calendar = Calendar::new("UTC", &[]).unwrap();
        let mut baseline = Baseline::default();
        for hour in 0..72 {
            baseline.open_hour(hour);
            add(&mut baseline, &transfer(1, 7, hour * 3_600, 1_000));
            let slot = calendar.slot(Tick::of_hour(hour));
            baseline.close_hour(slot, hour, Learn::Auto, ByStage::default());
        }
        let sent = Transfer {
            service: Service::Ssh,
            ..transfer(1, asn, 72 * 3_600, 500)
        };
        add(&mut baseline, &sent);
        let key = CellKey {
            country: sent.country,
            asn,
            service: Service::Ssh,
        };
        let state = baseline.assets.values().next().unwrap();
        let novelty = &state.cells.get(&key).unwrap().novelty;
        assert_eq!(novelty.bytes, 500);
        (novelty.is_new(), novelty.is_new_service())
    }

    #[test]
    fn a_service_is_new_where_the_network_is_known() {
        assert_eq!(newness(7), (false, true));
        assert_eq!(newness(8), (true, false));
    }

    #[test]
    fn it_is_new_for_a_week() {
        let week = Tick(NEW_DAYS * SECONDS_PER_DAY);
        let mut novelty = Novelty::begin(Tick(0), Newness::Whole);
        novelty.add(Tick(5), 700);
        novelty.add(week, 9_000);
        novelty.close_hour(Tick(week.0 - 1));
        assert!(novelty.is_new());
        novelty.close_hour(week);
        assert_eq!((novelty.bytes, novelty.is_new()), (700, false));
        let mut known = Novelty::begin(Tick(0), Newness::None);
        known.add(Tick(5), 700);
        assert_eq!(known.bytes, 0);
    }
}
