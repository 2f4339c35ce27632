//! What is kept of a world once the detectors have seen it, and what counts as a hit.
//!
//! An incident hits a leak if asset and country are the same and it opens between the
//! leak's first byte and 24 h after its last. Every other incident is a false alert, on
//! benign surprises, too.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use borderflow::geo::Country;
use borderflow::time::{NANOS_PER_SECOND, SECONDS_PER_DAY, Timestamp};

use super::World;
use super::claim::{Incident, MERGE_NANOS};

/// A world that was judged.
#[derive(Debug)]
pub(crate) struct Trial {
    /// The seed of its world.
    pub(crate) seed: u64,
    /// Its assets.
    pub(crate) assets: Vec<IpAddr>,
    /// Leaks and benign surprises.
    pub(crate) events: Vec<Event>,
    /// Judged time of all assets, without that in which an alert on a leak would count.
    pub(crate) clean_asset_weeks: f64,
    /// Judged time of all assets.
    pub(crate) asset_weeks: f64,
    places: BTreeMap<(IpAddr, Country), Vec<usize>>,
}

/// A leak or a benign surprise of a world.
#[derive(Debug)]
pub(crate) struct Event {
    /// Its name.
    pub(crate) id: String,
    /// What kind of leak or surprise it is.
    pub(crate) kind: String,
    /// The asset that sends.
    pub(crate) asset: IpAddr,
    /// Time of its first byte.
    pub(crate) start: Timestamp,
    /// Time of its last byte.
    pub(crate) end: Timestamp,
    /// What it sends.
    pub(crate) bytes: u64,
    /// Whether an alert on it is a false one.
    pub(crate) is_benign: bool,
    /// Its bytes over the asset's own 99.9th percentile hour.
    pub(crate) ratio: f64,
    /// Whether the asset used the peer's network before.
    pub(crate) is_known: bool,
    /// Start and duration in nanoseconds, and bytes, of each of its exchanges.
    pieces: Vec<(u64, u64, u64)>,
}

/// What became of a trial under one detector and budget.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// For each event, when it was first told.
    pub(crate) told: Vec<Option<Timestamp>>,
    /// False alerts by asset.
    pub(crate) false_alerts: BTreeMap<IpAddr, u32>,
}

impl Trial {
    /// Keeps what is needed to judge detectors on a world.
    pub(crate) fn new(world: &World, seed: u64, judged_from: Timestamp) -> Self {
        let mut pieces = vec![Vec::new(); world.injections.len()];
        for exchange in &world.exchanges {
            let of = exchange
                .injection
                .and_then(|index| pieces.get_mut(index as usize));
            if let Some(pieces) = of {
                let start = exchange.start.as_nanos();
                pieces.push((start, exchange.duration_nanos, exchange.sent_bytes));
            }
        }
        let mut places: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        let mut events = Vec::new();
        for (injection, pieces) in world.injections.iter().zip(pieces) {
            let truth = &injection.truth;
            let country = Country::from_code(&truth.jurisdiction).unwrap_or(Country::UNKNOWN);
            places
                .entry((truth.asset, country))
                .or_default()
                .push(events.len());
            events.push(Event {
                id: truth.id.clone(),
                kind: truth.kind.clone(),
                asset: truth.asset,
                start: truth.start,
                end: truth.end,
                bytes: truth.bytes,
                is_benign: truth.benign,
                ratio: injection.ratio,
                is_known: injection.is_known,
                pieces,
            });
        }
        let judged_nanos = world.end.nanos_since(judged_from) as f64;
        let leaking = events.iter().filter(|event| !event.is_benign);
        let leaking = leaking.map(|event| {
            let until = event
                .end
                .as_nanos()
                .saturating_add(MERGE_NANOS)
                .min(world.end.as_nanos());
            until.saturating_sub(event.start.max(judged_from).as_nanos()) as f64
        });
        let leaking_nanos: f64 = leaking.sum();
        let all_nanos = judged_nanos * world.assets.len() as f64;
        Self {
            seed,
            assets: world.assets.clone(),
            clean_asset_weeks: (all_nanos - leaking_nanos).max(0.0) / WEEK_NANOS,
            asset_weeks: all_nanos / WEEK_NANOS,
            events,
            places,
        }
    }

    /// The leaks, with their places in `events`.
    pub(crate) fn leaks(&self) -> impl Iterator<Item = (usize, &Event)> {
        self.events
            .iter()
            .enumerate()
            .filter(|(_, event)| !event.is_benign)
    }

    /// How many benign surprises there are, whatever number of assets each befell.
    pub(crate) fn surprises(&self) -> usize {
        let benign = self.events.iter().filter(|event| event.is_benign);
        benign.map(Event::whole).collect::<BTreeSet<_>>().len()
    }

    /// The events that are told by an incident.
    pub(crate) fn told_by(&self, incident: &Incident) -> impl Iterator<Item = (usize, &Event)> {
        let at = self.places.get(&(incident.asset, incident.country));
        let at = at.map(Vec::as_slice).unwrap_or_default();
        let events = at
            .iter()
            .filter_map(|index| Some((*index, self.events.get(*index)?)));
        let time = incident.time;
        events.filter(move |(_, event)| event.is_in_time(time))
    }

    /// Whether an incident hits no leak.
    pub(crate) fn is_false(&self, incident: &Incident) -> bool {
        self.told_by(incident).all(|(_, event)| event.is_benign)
    }

    /// Places of the moves that were told, and would not have been had they not happened: their
    /// asset has no incident with any country in their time `without` them.
    pub(crate) fn caused(&self, outcome: &Outcome, without: &[Incident]) -> Vec<usize> {
        let told = self.events.iter().zip(&outcome.told).enumerate();
        let told = told.filter(|(_, (event, told))| told.is_some() && event.is_move());
        let is_alone = |event: &Event| {
            let mut of_asset = without.iter().filter(|one| one.asset == event.asset);
            !of_asset.any(|one| event.is_in_time(one.time))
        };
        told.filter(|(_, (event, _))| is_alone(event))
            .map(|(index, _)| index)
            .collect()
    }

    /// Judges merged incidents.
    pub(crate) fn judge(&self, incidents: &[Incident]) -> Outcome {
        let mut told: Vec<Option<Timestamp>> = vec![None; self.events.len()];
        let mut false_alerts = BTreeMap::new();
        for incident in incidents {
            for (index, _) in self.told_by(incident) {
                if let Some(first) = told.get_mut(index) {
                    let earlier = first.map_or(incident.time, |time| time.min(incident.time));
                    *first = Some(earlier);
                }
            }
            if self.is_false(incident) {
                *false_alerts.entry(incident.asset).or_default() += 1;
            }
        }
        Outcome { told, false_alerts }
    }
}

impl Event {
    /// The leak or surprise of which this is what one asset sent to one country.
    pub(crate) fn whole(&self) -> &str {
        self.id.split('/').next().unwrap_or_default()
    }

    /// Whether an alert at this time can be on it.
    fn is_in_time(&self, time: Timestamp) -> bool {
        time >= self.start && time.nanos_since(self.end) <= MERGE_NANOS
    }

    /// Whether it is a surprise in which peers are elsewhere, or are said to be.
    pub(crate) fn is_move(&self) -> bool {
        self.is_benign && MOVES.contains(&self.kind.as_str())
    }

    /// The share of its bytes that was gone when it was told. All of them if never.
    pub(crate) fn leaked_share(&self, told: Option<Timestamp>) -> f64 {
        let Some(time) = told else {
            return 1.0;
        };
        let total: f64 = self.pieces.iter().map(|(_, _, bytes)| *bytes as f64).sum();
        let gone = self.pieces.iter().map(|(start, duration, bytes)| {
            let passed = time.as_nanos().saturating_sub(*start);
            let share = if *duration > 0 {
                passed as f64 / *duration as f64
            } else {
                1.0
            };
            let has_begun = time.as_nanos() >= *start;
            if has_begun {
                share.min(1.0) * *bytes as f64
            } else {
                0.0
            }
        });
        let gone: f64 = gone.sum();
        if total > 0.0 { gone / total } else { 1.0 }
    }

    /// Hours from its first byte to the moment it was told.
    pub(crate) fn hours_to_tell(&self, told: Timestamp) -> f64 {
        told.nanos_since(self.start) as f64 / 3.6e12
    }
}

/// Kinds of surprises that befall whatever everybody does, and of which a world can do without.
pub(crate) const MOVES: [&str; 2] = ["relabel", "relocation"];

/// Nanoseconds of a week.
const WEEK_NANOS: f64 = (7 * SECONDS_PER_DAY * NANOS_PER_SECOND) as f64;

#[cfg(test)]
pub(crate) mod tests {
    use super::super::claim::merge;
    use super::super::claim::tests::claim;
    use super::super::{Exchange, Injection, World};
    use super::*;
    use borderflow::simulate::Truth;

    /// A world of two assets and 96 hours; the first leaks 100 bytes to DE from hour 48 to
    /// hour 50, and a surprise sends to SG from hour 30 to hour 31.
    pub(crate) fn world() -> World {
        let hours = |hours: u64| Timestamp::from_nanos(hours * 3_600 * NANOS_PER_SECOND);
        let event = |country: &str, from, until, benign| Injection {
            truth: Truth {
                id: format!("{country}-{from}"),
                kind: if benign { "release" } else { "bulk" }.to_owned(),
                asset: IpAddr::from([10, 0, 0, 1]),
                jurisdiction: country.to_owned(),
                start: hours(from),
                end: hours(until),
                bytes: 100,
                benign,
            },
            ratio: if benign { 0.0 } else { 3.0 },
            is_known: false,
        };
        let exchange = Exchange {
            start: hours(48),
            duration_nanos: 2 * 3_600 * NANOS_PER_SECOND,
            asset: IpAddr::from([10, 0, 0, 1]),
            asset_port: 50_000,
            peer: IpAddr::from([192, 0, 2, 1]),
            peer_port: 443,
            protocol: 6,
            served: false,
            country: Country::from_code("DE").unwrap(),
            asn: 64_500,
            sent_bytes: 100,
            received_bytes: 10,
            round_trip_nanos: 1_000_000,
            injection: Some(0),
        };
        World {
            exchanges: vec![exchange],
            injections: vec![event("DE", 48, 50, false), event("SG", 30, 31, true)],
            start: hours(0),
            end: hours(96),
            assets: vec![IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2])],
        }
    }

    fn judged(claims: &[super::super::Claim]) -> Outcome {
        let trial = Trial::new(&world(), 1, Timestamp::ZERO);
        let incidents: Vec<Incident> = merge(claims, 0.0).collect();
        trial.judge(&incidents)
    }

    #[test]
    fn an_alert_counts_from_the_first_byte_to_a_day_after_the_last() {
        for (hours, is_hit) in [(47.9, false), (48.0, true), (74.0, true), (74.1, false)] {
            let outcome = judged(&[claim(1, "DE", hours, 1.0)]);
            assert_eq!(outcome.told[0].is_some(), is_hit, "at hour {hours}");
            assert_eq!(outcome.false_alerts.len(), usize::from(!is_hit));
        }
        assert!(
            judged(&[claim(1, "FR", 49.0, 1.0)]).told[0].is_none(),
            "another country"
        );
        assert!(
            judged(&[claim(2, "DE", 49.0, 1.0)]).told[0].is_none(),
            "another asset"
        );
    }

    #[test]
    fn an_alert_on_a_surprise_is_told_and_false() {
        let outcome = judged(&[claim(1, "SG", 31.0, 1.0)]);
        assert!(outcome.told[1].is_some());
        assert_eq!(outcome.false_alerts.values().sum::<u32>(), 1);
    }

    #[test]
    fn a_move_has_caused_what_is_not_told_without_it() {
        let mut world = world();
        world.injections[1].truth.kind = "relabel".to_owned();
        let trial = Trial::new(&world, 1, Timestamp::ZERO);
        let incidents = |claims: &[super::super::Claim]| merge(claims, 0.0).collect::<Vec<_>>();
        let told = trial.judge(&incidents(&[claim(1, "SG", 31.0, 1.0)]));
        let caused = |claims: &[super::super::Claim]| trial.caused(&told, &incidents(claims));
        assert_eq!(caused(&[]), [1]);
        assert_eq!(
            caused(&[claim(1, "FR", 30.0, 1.0)]),
            [0; 0],
            "another country"
        );
        assert_eq!(caused(&[claim(1, "SG", 29.9, 1.0)]), [1], "too early");
        assert_eq!(caused(&[claim(2, "SG", 31.0, 1.0)]), [1], "another asset");
        let quiet = trial.judge(&[]);
        assert_eq!(trial.caused(&quiet, &[]), [0; 0]);
    }

    #[test]
    fn what_has_gone_follows_the_exchanges() {
        let trial = Trial::new(&world(), 1, Timestamp::ZERO);
        let leak = &trial.events[0];
        let at = |hours: f64| leak.leaked_share(Some(claim(1, "DE", hours, 0.0).time));
        assert!((at(48.5) - 0.25).abs() < 1e-9);
        assert_eq!(at(60.0), 1.0);
        assert_eq!(at(48.0), 0.0);
        assert_eq!(leak.leaked_share(None), 1.0);
        assert!((trial.asset_weeks - 8.0 / 7.0).abs() < 1e-9);
        let leaking_hours = 2.0 + 24.0;
        assert!((trial.clean_asset_weeks - (192.0 - leaking_hours) / 168.0).abs() < 1e-9);
    }
}
