//! What other assets do with a network at the same time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
    /// Scores of the running hour and of those before it, by steps of [`STEP`]; once there
    /// are enough users.
    scores: Option<Box<[Steps; HOURS]>>,
}

/// How many assets have scores of each step.
type Steps = [[u16; STEPS_PER_ROW]; STEPS / STEPS_PER_ROW];

/// Where the score of an asset was counted in the running hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted(Option<(u32, u8)>);

impl Peers {
    /// Counts the score of an asset towards a network in the running hour, in the place of
    /// an earlier one if that was lower.
    pub fn count(
        &mut self,
        asset: AssetKey,
        (country, asn): (Country, u32),
        hour: u64,
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
        if network.users.len() < USERS_MIN || before.is_some_and(|before| before >= step) {
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

    /// What is to be taken off the score of an asset: a part of what a fifth of the others
    /// have as well, and three of them at least.
    pub fn discount(&self, asset: AssetKey, network: (Country, u32), hour: u64) -> f64 {
        let Some(network) = self.networks.get(&network) else {
            return 0.0;
        };
        let old = |user: &&(AssetKey, u64)| user.0 != asset && user.1 + KNOWN_HOURS < hour;
        let Some(scores) = network.scores.as_deref() else {
            return 0.0;
        };
        if network.users.iter().filter(old).count() < USERS_MIN {
            return 0.0;
        }
        // A score below the first step is no surprise, and its asset no witness.
        let count = |step: usize| {
            scores
                .iter()
                .map(|steps| u32::from(steps.as_flattened()[step]))
                .sum::<u32>()
        };
        let all: u32 = (1..STEPS).map(count).sum();
        let rank = (f64::from(all.saturating_sub(1)) * RANK_SHARE)
            .ceil()
            .max(RANK_MIN) as u32;
        // The asset's own score stands among them.
        let mut beyond = 0;
        for step in (1..STEPS).rev() {
            beyond += count(step);
            if beyond > rank {
                return DISCOUNT * step as f64 * STEP;
            }
        }
        0.0
    }

    /// Has the users of networks go by the key that their asset has now.
    pub(super) fn rename(&mut self, before: AssetKey, asset: AssetKey) {
        let users = self
            .networks
            .values_mut()
            .flat_map(|known| &mut known.users);
        for (user, _) in users.filter(|(user, _)| *user == before) {
            *user = asset;
        }
    }

    /// Begins an hour: forgets the one that is too long ago.
    pub(super) fn open_hour(&mut self, hour: u64, previous: u64) {
        let passed = hour.saturating_sub(previous).min(HOURS as u64);
        self.networks
            .retain(|_, network| hour.saturating_sub(network.last_hour) < FORGOTTEN_HOURS);
        for network in self.networks.values_mut() {
            if let Some(scores) = &mut network.scores {
                for back in 0..passed {
                    scores[((hour - back) % HOURS as u64) as usize] = Steps::default();
                }
            }
        }
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
            peers.count(asset(number), network(), 10, 0.0, &mut Counted::default());
        }
        peers.open_hour(hour, 10);
        for number in 0..20 {
            let mut counted = Counted::default();
            peers.count(
                asset(number),
                network(),
                hour,
                score(number) / 2.0,
                &mut counted,
            );
            peers.count(asset(number), network(), hour, score(number), &mut counted);
        }
        peers
    }

    #[test]
    fn what_many_do_is_taken_off() {
        let call = peers(100, |_| 20.0);
        assert_eq!(call.discount(asset(3), network(), 100), DISCOUNT * 20.0);
        let leak = peers(100, |number| if number == 3 { 40.0 } else { 2.0 });
        assert!(leak.discount(asset(3), network(), 100) <= DISCOUNT * 2.0);
        let elsewhere = (network().0, 1);
        assert_eq!(call.discount(asset(3), elsewhere, 100), 0.0);
    }

    #[test]
    fn a_network_that_is_new_to_the_site_has_no_witnesses() {
        let sharded = peers(60, |_| 20.0);
        assert_eq!(sharded.discount(asset(3), network(), 60), 0.0);
    }

    #[test]
    fn scores_are_forgotten_after_hours() {
        let mut call = peers(100, |_| 20.0);
        call.open_hour(104, 100);
        assert!(call.discount(asset(3), network(), 104) > 0.0);
        call.open_hour(105, 104);
        assert_eq!(call.discount(asset(3), network(), 105), 0.0);
    }
}
