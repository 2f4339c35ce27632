//! What other assets do with a network at the same time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::HOURS_PER_DAY;
use crate::geo::Country;
use crate::inventory::AssetKey;

/// How high the scores of all assets are towards each network: an autonomous system in a
/// country.
///
/// Idea: a video call of a whole office, a new release of something, a provider that moves
/// to another country are surprises of many assets at once with a network that the site has
/// known for long. Of a score so much is taken off as others have as well. Where the site
/// does not know the network, nothing is: many assets that begin to send to the same new
/// place may be one leak in parts.
///
/// Two things are common. A part of what a fifth of the others have is, always. And where
/// `WITNESSES` assets that have each used the network for days are far more surprised than
/// they are on other days, most of what they are beyond those days is: so many do not leak at
/// once by chance. Only those count that know the network, so that a leak in parts to where
/// none of its assets sent before has no witnesses, however many others use the network.
///
/// Blind spot: a leak in parts of much the same size over six assets or more within five
/// hours, to a network that each of them has used for days; and one asset's leak of less than
/// some hours, up to what surprises the others as much, while they are in such a call. Neither is
/// learned from, though: see [`Baseline::mark_excused`](super::Baseline::mark_excused).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Peers {
    networks: BTreeMap<(Country, u32), Network>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Network {
    /// The latest hour in which it was used.
    last_hour: u64,
    /// The first assets that used it, and since which hour.
    users: Vec<(AssetKey, u64)>,
    /// What is common to witnesses on other days, and was most in the running day.
    usual: f32,
    running: f32,
    /// Days that have taught what is usual, up to a bound.
    days: u8,
    /// Scores of those who know it, of the running hour and of those before it, by steps of
    /// [`STEP`]; once there are enough users.
    scores: Option<Box<[Steps; HOURS]>>,
}

/// How many assets have scores of each step.
type Steps = [[u16; STEPS_PER_ROW]; STEPS / STEPS_PER_ROW];

/// Where the score of an asset was counted in the running hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted(Option<(u32, u8)>);

impl Peers {
    /// Counts the score of an asset towards a network that it has used since `since_hour`, in
    /// the running hour, in the place of an earlier one if that was lower.
    pub fn count(
        &mut self,
        asset: AssetKey,
        (country, asn): (Country, u32),
        (since_hour, hour): (u64, u64),
        score: f64,
        counted: &mut Counted,
    ) {
        let is_full = self.networks.len() >= NETWORKS_MAX;
        if is_full && !self.networks.contains_key(&(country, asn)) {
            return;
        }
        let network = self.networks.entry((country, asn)).or_default();
        network.last_hour = hour;
        if network.users.len() < USERS_KEPT && !network.users.iter().any(|user| user.0 == asset) {
            network.users.push((asset, hour));
        }
        let step = (score / STEP).clamp(0.0, (STEPS - 1) as f64) as u8;
        let before = counted.0.filter(|(of, _)| *of == asn).map(|(_, step)| step);
        let is_witness = since_hour + KNOWN_HOURS < hour && network.users.len() >= USERS_MIN;
        if !is_witness || before.is_some_and(|before| before >= step) {
            return;
        }
        let scores = network
            .scores
            .get_or_insert_with(|| Box::new([Steps::default(); HOURS]));
        let steps = &mut scores[(hour % HOURS as u64) as usize];
        if let Some(before) = before {
            let old = &mut steps.as_flattened_mut()[usize::from(before)];
            *old = old.saturating_sub(1);
        }
        let new = &mut steps.as_flattened_mut()[usize::from(step)];
        *new = new.saturating_add(1);
        counted.0 = Some((asn, step));
    }

    /// What is to be taken off the score of an asset: what others have as well. A run of high
    /// hours began before what is common now, and shares no more with it than on any day.
    pub fn discount(
        &self,
        asset: AssetKey,
        network: (Country, u32),
        hour: u64,
        is_run: bool,
    ) -> f64 {
        let Some(network) = self.networks.get(&network) else {
            return 0.0;
        };
        let old = |user: &&(AssetKey, u64)| user.0 != asset && user.1 + KNOWN_HOURS < hour;
        if network.users.iter().filter(old).count() < USERS_MIN {
            return 0.0;
        }
        let beyond = match network.days {
            USUAL_DAYS_MIN.. if !is_run => network.level(WITNESSES) - f64::from(network.usual),
            // What is usual is not known yet, or it is not what is common.
            _ => 0.0,
        };
        (DISCOUNT * network.level(network.rank())).max(DISCOUNT_COMMON * beyond)
    }

    /// Has the users of networks go by the key that their asset has now. Of one that was known
    /// under both keys the first use counts.
    pub(super) fn join(&mut self, before: AssetKey, asset: AssetKey) {
        for network in self.networks.values_mut() {
            let users = &mut network.users;
            let Some(place) = users.iter().position(|user| user.0 == before) else {
                continue;
            };
            match users.iter().position(|user| user.0 == asset) {
                Some(own) => {
                    users[own].1 = users[own].1.min(users[place].1);
                    users.remove(place);
                }
                None => users[place].0 = asset,
            }
        }
    }

    /// Takes back a score of the running hour.
    pub(super) fn uncount(&mut self, country: Country, hour: u64, counted: Counted) {
        let Some((asn, step)) = counted.0 else {
            return;
        };
        let network = self.networks.get_mut(&(country, asn));
        if let Some(scores) = network.and_then(|network| network.scores.as_mut()) {
            let steps = &mut scores[(hour % HOURS as u64) as usize];
            let old = &mut steps.as_flattened_mut()[usize::from(step)];
            *old = old.saturating_sub(1);
        }
    }

    /// Begins an hour: forgets the one that is too long ago.
    pub(super) fn open_hour(&mut self, hour: u64, previous: u64) {
        let passed = hour.saturating_sub(previous).min(HOURS as u64);
        self.networks
            .retain(|_, network| hour.saturating_sub(network.last_hour) < FORGOTTEN_HOURS);
        let is_new_day = hour / HOURS_PER_DAY != previous / HOURS_PER_DAY;
        for network in self.networks.values_mut() {
            network.running = network.running.max(network.level(WITNESSES) as f32);
            if is_new_day {
                network.days = (network.days + 1).min(USUAL_DAYS_MAX);
                network.usual += (network.running - network.usual) / f32::from(network.days);
                network.running = 0.0;
            }
            if let Some(scores) = &mut network.scores {
                for back in 0..passed {
                    scores[((hour - back) % HOURS as u64) as usize] = Steps::default();
                }
            }
        }
    }
}

impl Network {
    /// How many have to be as surprised for a part of it to be common on any day: a fifth of
    /// the others, and three at least.
    fn rank(&self) -> u32 {
        // A score below the first step is no surprise, and its asset no witness.
        let all: u32 = (1..STEPS).map(|step| self.count(step)).sum();
        let rank = (f64::from(all.saturating_sub(1)) * RANK_SHARE).ceil();
        rank.max(RANK_MIN) as u32
    }

    /// The score that more than so many have had in the last hours: that of the asset that is
    /// asked about stands among them.
    fn level(&self, rank: u32) -> f64 {
        let mut beyond = 0;
        for step in (1..STEPS).rev() {
            beyond += self.count(step);
            if beyond > rank {
                return step as f64 * STEP;
            }
        }
        0.0
    }

    /// How many scores of a step there are.
    fn count(&self, step: usize) -> u32 {
        let hours = self.scores.iter().flat_map(|scores| scores.iter());
        hours
            .map(|steps| u32::from(steps.as_flattened()[step]))
            .sum()
    }
}

/// Networks that are followed; of any more nothing is taken off.
const NETWORKS_MAX: usize = 16_384;

/// Assets by which a network is known to the site, and how many of its first are kept: one
/// may be the asset that is asked about.
const USERS_MIN: usize = 3;
const USERS_KEPT: usize = 4;

/// Hours after which a network that nobody used is forgotten: 35 days.
const FORGOTTEN_HOURS: u64 = 840;

/// How long they must have used it.
const KNOWN_HOURS: u64 = 72;

/// Hours whose scores count, the running one included.
const HOURS: usize = 5;

/// Steps of scores.
const STEPS: usize = 96;

/// They are stored in rows, since only short arrays are.
const STEPS_PER_ROW: usize = 32;
const STEP: f64 = 0.5;

/// The share of assets that have to be as surprised, and their least number.
const RANK_SHARE: f64 = 0.2;
const RANK_MIN: f64 = 3.0;

/// The part of their score that is taken off. Less than all of it, because a fifth of the
/// users of a large network are always a little surprised.
const DISCOUNT: f64 = 0.3;

/// Assets that know a network and are surprised more than on other days, for that to be
/// common, and the part of it that is taken off.
const WITNESSES: u32 = 5;
const DISCOUNT_COMMON: f64 = 0.8;

/// Days before which it is not known what is usual, and of how many it is the mean.
const USUAL_DAYS_MIN: u8 = 5;
const USUAL_DAYS_MAX: u8 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn asset(number: u32) -> AssetKey {
        AssetKey::V4(number.into())
    }

    const NETWORK: u32 = 64_500;

    fn network() -> (Country, u32) {
        ("SG".parse().unwrap(), NETWORK)
    }

    /// Twenty assets that used a network from hour 10 on, with these scores in `hour`.
    fn peers(hour: u64, score: impl Fn(u32) -> f64) -> Peers {
        let mut peers = Peers::default();
        for number in 0..20 {
            peers.count(
                asset(number),
                network(),
                (10, 10),
                0.0,
                &mut Counted::default(),
            );
        }
        peers.open_hour(hour, 10);
        for number in 0..20 {
            let mut counted = Counted::default();
            peers.count(
                asset(number),
                network(),
                (10, hour),
                score(number) / 2.0,
                &mut counted,
            );
            let times = (10, hour);
            peers.count(asset(number), network(), times, score(number), &mut counted);
        }
        peers
    }

    #[test]
    fn what_many_do_is_taken_off() {
        let call = peers(100, |_| 20.0);
        assert_eq!(
            call.discount(asset(3), network(), 100, false),
            DISCOUNT * 20.0
        );
        let leak = peers(100, |number| if number == 3 { 40.0 } else { 2.0 });
        assert!(leak.discount(asset(3), network(), 100, false) <= DISCOUNT * 2.0);
        let elsewhere = (network().0, 1);
        assert_eq!(call.discount(asset(3), elsewhere, 100, false), 0.0);
    }

    /// What is taken off a score of 20 that all of twenty assets have in the running hour, after
    /// some days on which each had a score of 4. They use the network since `since_hour`.
    fn common(days: u64, since_hour: Option<u64>, is_run: bool) -> f64 {
        let mut peers = Peers::default();
        let last = days * HOURS_PER_DAY;
        for hour in 0..=last {
            peers.open_hour(hour, hour.saturating_sub(1));
            let score = if hour == last { 20.0 } else { 4.0 };
            for number in 0..20 {
                let times = (since_hour.unwrap_or(hour), hour);
                peers.count(
                    asset(number),
                    network(),
                    times,
                    score,
                    &mut Counted::default(),
                );
            }
        }
        peers.discount(asset(3), network(), last, is_run)
    }

    #[test]
    fn what_is_common_beyond_other_days_is_taken_off() {
        let call = common(12, Some(0), false);
        let expected = DISCOUNT_COMMON * (20.0 - 4.0);
        assert!((call - expected).abs() < 1.0, "{call}");
        assert!(call > DISCOUNT * 20.0);
        let run = common(12, Some(0), true);
        // A fifth of all the scores of five hours is what each had in the hours before.
        assert_eq!(run, DISCOUNT * 4.0, "it began before");
        // It is not known yet what other days are like.
        assert_eq!(common(4, Some(0), false), DISCOUNT * 4.0);
    }

    #[test]
    fn those_to_whom_a_network_is_new_are_no_witnesses_to_it() {
        assert_eq!(common(12, None, false), 0.0);
    }

    #[test]
    fn a_network_that_is_new_to_the_site_has_no_witnesses() {
        let sharded = peers(60, |_| 20.0);
        assert_eq!(sharded.discount(asset(3), network(), 60, false), 0.0);
    }

    #[test]
    fn scores_are_forgotten_after_hours() {
        let mut call = peers(100, |_| 20.0);
        call.open_hour(104, 100);
        assert!(call.discount(asset(3), network(), 104, false) > 0.0);
        call.open_hour(105, 104);
        assert_eq!(call.discount(asset(3), network(), 105, false), 0.0);
    }
}
