//! Which country foreign networks were last said to be in.
//!
//! A database is corrected, and addresses are in another country from one update to the next.
//! No byte went elsewhere, but all that goes there goes to a country that is new, or to one
//! that never had so much. Whoever remembers what the addresses were said to be before can
//! tell that apart from a leak.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::geo::Country;

/// What was said of foreign networks: of a /24 of IPv4 and of a /48 of IPv6, which are the
/// least that is routed between providers.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Stored", into = "Stored")]
pub struct Labels {
    networks: HashMap<u64, Label>,
    /// By what was said before and what is said now.
    changes: BTreeMap<(Country, Country), Relabelled>,
}

/// What a database has moved from one country to another and is believed to have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relabelled {
    /// Networks, of those that are remembered: /24 of IPv4, /48 of IPv6.
    pub networks: u32,
    /// Export bytes to them since.
    pub bytes: u64,
    /// The latest hour in which there were any.
    last_hour: u32,
}

/// The form in which it is stored, which is the same for the same content.
type Stored = (
    BTreeMap<u64, Label>,
    BTreeMap<(Country, Country), Relabelled>,
);

/// What is said of a network.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Label {
    country: Country,
    /// What was said before it was changed.
    before: Country,
    /// The first and the latest hour in which it was said, counted from the epoch.
    since_hour: u32,
    last_hour: u32,
    /// Whether something else was said before.
    is_changed: bool,
    /// Whether its addresses are said to be in several countries at a time.
    is_mixed: bool,
}

impl Labels {
    /// Notes in which country a peer is said to be that got some bytes. Says whether its
    /// network was said to be in another one until lately.
    pub(super) fn see(&mut self, peer: IpAddr, country: Country, hour: u64, bytes: u64) -> bool {
        let hour = u32::try_from(hour).unwrap_or(u32::MAX);
        let Some(label) = self.networks.get_mut(&network(peer)) else {
            self.learn(network(peer), country, hour);
            return false;
        };
        if label.country != country {
            // What is said by turns is no change: parts of the network are elsewhere.
            label.is_mixed |=
                label.is_changed || label.last_hour < label.since_hour.saturating_add(KNOWN_HOURS);
            (label.before, label.country, label.is_changed) = (label.country, country, true);
            label.since_hour = hour;
            if !label.is_mixed {
                let pair = (label.before, country);
                note(&mut self.changes, pair, |change| change.networks += 1);
            }
        }
        label.last_hour = hour;
        let is_changed = label.is_changed
            && !label.is_mixed
            && hour < label.since_hour.saturating_add(CHANGED_HOURS);
        if is_changed {
            note(&mut self.changes, (label.before, country), |change| {
                change.bytes = change.bytes.saturating_add(bytes);
                change.last_hour = hour;
            });
        }
        is_changed
    }

    /// What the databases have moved in the last two weeks: from which country to which.
    pub fn changes(&self) -> &BTreeMap<(Country, Country), Relabelled> {
        &self.changes
    }

    fn learn(&mut self, network: u64, country: Country, hour: u32) {
        if self.networks.len() >= LABELS_MAX {
            return;
        }
        let label = Label {
            country,
            before: country,
            since_hour: hour,
            last_hour: hour,
            is_changed: false,
            is_mixed: false,
        };
        self.networks.insert(network, label);
    }

    /// Forgets, at the end of a day, what was not seen for long, and of too many those that
    /// were not seen for longest.
    pub(super) fn close_day(&mut self, hour: u64) {
        let mut least = u32::try_from(hour.saturating_sub(KEPT_HOURS)).unwrap_or(u32::MAX);
        if self.networks.len() > LABELS_MAX / 4 * 3 {
            let mut hours: Vec<u32> = self
                .networks
                .values()
                .map(|label| label.last_hour)
                .collect();
            let middle = hours.len() / 2;
            least = least.max(*hours.select_nth_unstable(middle).1);
        }
        self.networks.retain(|_, label| label.last_hour >= least);
        for label in self.networks.values_mut() {
            // A change that has stood is what is known.
            label.is_changed &= label.last_hour < label.since_hour.saturating_add(CHANGED_HOURS);
        }
        let hour = u32::try_from(hour).unwrap_or(u32::MAX);
        let is_recent = |change: &Relabelled| hour < change.last_hour.saturating_add(CHANGED_HOURS);
        self.changes.retain(|_, change| is_recent(change));
    }
}

/// Changes what is noted of a move from a country to another, if there is room.
fn note(
    changes: &mut BTreeMap<(Country, Country), Relabelled>,
    pair: (Country, Country),
    change: impl FnOnce(&mut Relabelled),
) {
    if changes.len() < CHANGES_MAX || changes.contains_key(&pair) {
        change(changes.entry(pair).or_default());
    }
}

impl From<Stored> for Labels {
    fn from((networks, changes): Stored) -> Self {
        Self {
            networks: networks.into_iter().take(LABELS_MAX).collect(),
            changes: changes.into_iter().take(CHANGES_MAX).collect(),
        }
    }
}

impl From<Labels> for Stored {
    fn from(labels: Labels) -> Self {
        (labels.networks.into_iter().collect(), labels.changes)
    }
}

/// A number for the network of an address; those of both versions differ.
fn network(peer: IpAddr) -> u64 {
    match peer {
        IpAddr::V4(v4) => u64::from(v4.to_bits() >> 8),
        IpAddr::V6(v6) => 1 << 48 | (v6.to_bits() >> 80) as u64,
    }
}

/// Networks that are remembered.
const LABELS_MAX: usize = 65_536;

/// Pairs of countries between which moves are told.
const CHANGES_MAX: usize = 64;

/// For how long a network must have been said to be in one country, hours.
const KNOWN_HOURS: u32 = 24;

/// For how long a change is one: two weeks, after which there is a new past.
const CHANGED_HOURS: u32 = 14 * 24;

/// For how long a network is remembered that is not seen, hours: 35 days.
const KEPT_HOURS: u64 = 840;

#[cfg(test)]
mod tests {
    use super::*;

    fn country(code: &str) -> Country {
        code.parse().unwrap()
    }

    #[test]
    fn a_network_that_is_said_to_be_elsewhere_is_known_for_two_weeks() {
        let mut labels = Labels::default();
        let [here, beside, other] = [[192, 0, 2, 1], [192, 0, 2, 200], [198, 51, 100, 1]];
        for hour in 0..48 {
            assert!(!labels.see(here.into(), country("SG"), hour, 10));
        }
        assert!(labels.see(beside.into(), country("HK"), 50, 10));
        assert!(!labels.see(other.into(), country("HK"), 50, 10));
        assert!(labels.see(here.into(), country("HK"), 49 + 14 * 24, 10));
        assert!(!labels.see(here.into(), country("HK"), 50 + 14 * 24, 10));
        let moved = (country("SG"), country("HK"));
        let change = labels.changes()[&moved];
        assert_eq!(
            (labels.changes().len(), change.networks, change.bytes),
            (1, 1, 20)
        );
        labels.close_day(50 + 14 * 24);
        // And once more.
        assert!(labels.see(here.into(), country("JP"), 52 + 14 * 24, 10));
    }

    #[test]
    fn a_network_in_two_countries_is_no_change() {
        let mut labels = Labels::default();
        let peer = [192, 0, 2, 1].into();
        (0..48).for_each(|hour| assert!(!labels.see(peer, country("SG"), hour, 10)));
        assert!(labels.see(peer, country("HK"), 48, 10));
        assert!(!labels.see(peer, country("SG"), 48, 10));
        assert!(!labels.see(peer, country("HK"), 49, 10));
        assert_eq!(labels.changes().len(), 1);
        // What was known for an hour only was never known.
        let young = [203, 0, 113, 1].into();
        assert!(!labels.see(young, country("SG"), 10, 10));
        assert!(!labels.see(young, country("HK"), 11, 10));
    }

    #[test]
    fn there_are_no_more_than_the_bound() {
        let mut labels = Labels::default();
        for place in 0..LABELS_MAX as u32 + 100 {
            let peer = IpAddr::from((place << 8).to_be_bytes());
            labels.see(peer, country("SG"), u64::from(place) / 100, 10);
        }
        assert_eq!(labels.networks.len(), LABELS_MAX);
        labels.close_day(LABELS_MAX as u64 / 100);
        assert!(labels.networks.len() < LABELS_MAX / 4 * 3);
        assert!(labels.networks.values().all(|label| label.last_hour > 300));
    }
}
