//! Who has received an asset's exports, by registered domain.
//!
//! A large network is many tenants, and all of them look the same from its addresses. A new
//! one of them is known by the name that the client asks for, or that a name server gave.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::{CELL_HOURS_MAX, Novelty};
use crate::geo::Country;
use crate::time::Tick;

/// Who has received an asset's exports lately, in no order.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Receivers {
    known: Vec<Receiver>,
}

/// A registered domain that an asset exports to.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Receiver {
    /// The domain.
    pub domain: Box<str>,
    /// The country that its addresses were in last.
    pub country: Country,
    /// What it got in its first days.
    pub novelty: Novelty,
    /// Bytes of the running hour.
    hour_bytes: u64,
    /// The latest hour in which it got anything, counted from the epoch.
    last_hour: u64,
}

impl Receivers {
    /// Counts what a domain got. `is_new` says whether it counts as new if it is not known.
    pub(super) fn add(
        &mut self,
        domain: &str,
        (country, tick): (Country, Tick),
        bytes: u64,
        is_new: bool,
    ) {
        if domain.len() > DOMAIN_BYTES_MAX {
            return;
        }
        let place = self.known.iter().position(|known| &*known.domain == domain);
        let place = place.unwrap_or_else(|| {
            self.make_room();
            self.known.push(Receiver {
                domain: domain.into(),
                country,
                novelty: Novelty::begin(tick, Novelty::of(is_new)),
                hour_bytes: 0,
                last_hour: 0,
            });
            self.known.len() - 1
        });
        let Some(receiver) = self.known.get_mut(place) else {
            return;
        };
        receiver.country = country;
        receiver.novelty.add(tick, bytes);
        receiver.hour_bytes = receiver.hour_bytes.saturating_add(bytes);
        receiver.last_hour = tick.hour();
    }

    /// Adds those of another. One that is not known here is new until a week has passed since it
    /// was first seen, unless all is of the first day.
    pub(super) fn join(&mut self, others: Self, now: Tick, is_first_day: bool) {
        for mut other in others.known {
            let mut known = self.known.iter_mut();
            if let Some(own) = known.find(|known| known.domain == other.domain) {
                own.novelty.join(other.novelty.bytes.max(other.hour_bytes));
                own.hour_bytes = own.hour_bytes.saturating_add(other.hour_bytes);
                own.last_hour = own.last_hour.max(other.last_hour);
                continue;
            }
            if !is_first_day && now < other.novelty.end() {
                let bytes = other.novelty.bytes.max(other.hour_bytes);
                other.novelty = Novelty::begin(other.novelty.since, Novelty::of(true));
                other.novelty.join(bytes);
            }
            self.make_room();
            self.known.push(other);
        }
    }

    /// Drops the one that got something longest ago if there is no more room.
    fn make_room(&mut self) {
        if self.known.len() < RECEIVERS_PER_ASSET_MAX {
            return;
        }
        let places = self.known.iter().enumerate();
        let oldest = places.min_by_key(|(_, known)| (known.last_hour, &known.domain));
        if let Some((place, _)) = oldest {
            self.known.swap_remove(place);
        }
    }

    /// The new one in a country that got most so far.
    pub fn largest_new(&self, country: Country) -> Option<&Receiver> {
        let new = self.still_new().filter(|known| known.country == country);
        new.max_by_key(|known| (known.novelty.bytes, Reverse(&known.domain)))
    }

    /// Those that are new.
    pub(super) fn still_new(&self) -> impl Iterator<Item = &Receiver> {
        self.known.iter().filter(|known| known.novelty.is_new())
    }

    /// Bytes of the running hour to those that are new.
    pub(super) fn new_hour_bytes(&self) -> u64 {
        let bytes = self.still_new().map(|known| known.hour_bytes);
        bytes.fold(0, u64::saturating_add)
    }

    pub(super) fn close_hour(&mut self, hour: u64) {
        let end = Tick::of_hour(hour + 1);
        for known in &mut self.known {
            known.hour_bytes = 0;
            known.novelty.close_hour(end);
        }
        let is_recent = |known: &Receiver| hour.saturating_sub(known.last_hour) < CELL_HOURS_MAX;
        self.known.retain(is_recent);
    }
}

/// Domains that are known of an asset.
const RECEIVERS_PER_ASSET_MAX: usize = 64;

/// Bytes of the longest domain that is known (RFC 1035 section 2.3.4).
const DOMAIN_BYTES_MAX: usize = 253;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::{SECONDS_PER_DAY, SECONDS_PER_HOUR};

    fn country(code: &str) -> Country {
        code.parse().unwrap()
    }

    #[test]
    fn the_largest_new_one_of_a_country_is_told() {
        let mut receivers = Receivers::default();
        let at = |code: &str| (country(code), Tick(100));
        receivers.add("known.example", at("US"), 900, false);
        receivers.add("small.example", at("US"), 100, true);
        receivers.add("large.example", at("US"), 300, true);
        receivers.add("small.example", at("US"), 150, true);
        receivers.add("other.example", at("SG"), 800, true);
        let largest = receivers.largest_new(country("US")).unwrap();
        assert_eq!(
            (&*largest.domain, largest.novelty.bytes),
            ("large.example", 300)
        );
        assert_eq!(receivers.new_hour_bytes(), 300 + 250 + 800);
        assert!(receivers.largest_new(country("DE")).is_none());
        receivers.close_hour(0);
        assert_eq!(receivers.new_hour_bytes(), 0);
        receivers.close_hour(8 * SECONDS_PER_DAY / SECONDS_PER_HOUR);
        assert!(
            receivers.largest_new(country("US")).is_none(),
            "a week later it is known"
        );
    }

    #[test]
    fn there_are_no_more_than_the_bound_and_the_latest_stay() {
        let mut receivers = Receivers::default();
        for hour in 0..RECEIVERS_PER_ASSET_MAX as u64 + 10 {
            let tick = Tick(hour * SECONDS_PER_HOUR);
            receivers.add(&format!("{hour}.example"), (country("US"), tick), 1, true);
        }
        assert_eq!(receivers.known.len(), RECEIVERS_PER_ASSET_MAX);
        assert!(receivers.known.iter().all(|known| known.last_hour >= 10));
        receivers.add(&"x".repeat(254), (country("US"), Tick(0)), 1, true);
        assert_eq!(receivers.known.len(), RECEIVERS_PER_ASSET_MAX);
        receivers.close_hour(2_000);
        assert!(receivers.known.is_empty());
    }
}
