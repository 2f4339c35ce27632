//! Data that leaves in the names that are asked for.
//!
//! Idea: a name server is asked by whoever owns a domain, over any resolver, also where
//! nothing else gets out. So what a name says, its owner gets. Whoever wants to get much
//! out must ask for ever new names of the domains he owns, and each says something that those
//! before did not. It is counted how much that is, for each asset and registered domain.
//!
//! Formula: the bits of each name that the site has not asked for before, by what names of the
//! domain are like ([`information`](super::information)); a [`Distinct`] per domain says which
//! are new, and counts those for which there is no register. Of a name that ends in another
//! domain that the site asks for, as look-ups in lists and searches do, a 32nd counts. The
//! bytes are the asset's that asks first, so that a resolver is not held responsible for its
//! clients. They raise a
//! [`Level`] of the asset and the domain that grants 1 KiB a day and is told at 1.5 KiB, which
//! is what 0.44 bytes a second are in an hour. Types that no client asks for count twice. Both
//! grow
//! - with the other assets that ask the domain for new names, if they are two or more: much
//!   used services, such as look-ups of hashes, are known by that;
//! - with the domains of which the asset was the first to ask, by one for each 500 a day: it
//!   may be a resolver whose clients are not seen;
//! - 64 times for a few services that are known to be asked for ever new names.
//!
//! What goes beyond 256 bytes to any domain that few use also raises a level of the asset, for
//! which eight times as much is granted: one may own many domains.
//!
//! Source: Paxson et al., USENIX Security 2013, who bound what names can say by compressing
//! them and find 4 kB a day; Ozery et al., arXiv 2307.02614, who weigh distinct names.
//!
//! Cost: for each of at most 16,384 domains about 900 bytes, and 100 for each of its assets,
//! at most 32; for each of at most 16,384 assets about 80. When there is no room, the quarter
//! goes that has said least.
//!
//! Blind spot: 1 KiB a day for each asset and domain, and as many times that as the domain
//! has other users, or 64 times where names of a known service are asked of a server of one's
//! own; 32 times for names that are made of addresses. What is said by when a name is asked
//! for, by its type, by upper and lower case, or by asking a server for names of domains that
//! nobody owns. What the answers say is counted and shown, but never told by itself.

mod services;
mod suspicion;

use suspicion::Counts;
pub use suspicion::NameSuspicion;
pub(super) use suspicion::minutes;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::distinct::{self, Distinct};
use super::information::Habit;
use super::level::{self, Level};

/// One message: a name that an asset asked for, or that it was answered.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a, K> {
    /// Packet time, in seconds.
    pub tick: u64,
    /// Who asks.
    pub asset: K,
    /// The whole name, in lower case, labels joined by dots, bytes as on the wire.
    pub name: &'a [u8],
    /// Bytes at its end that are its registered domain.
    pub domain_bytes: usize,
    /// The type of the records that are asked for.
    pub query_type: u16,
    /// Whether the message is an answer.
    pub is_response: bool,
    /// Bytes of records in the answer, 0 of a query.
    pub answer_bytes: u32,
}

/// The names that assets of the site ask for.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NameTunnels<K: Ord> {
    key: u64,
    /// By the hash of its name, since names far apart in memory take long to compare.
    domains: BTreeMap<u64, Domain<K>>,
    assets: BTreeMap<K, Asset>,
    evicted: u64,
}

/// A registered domain.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Domain<K> {
    last_tick: u64,
    distinct: Distinct,
    habit: Habit,
    /// Who was the first to ask for a name, in order.
    askers: Vec<Asker<K>>,
}

/// An asset that asked a domain for new names.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Asker<K> {
    asset: K,
    level: Level,
    counts: Counts,
}

/// An asset, over all domains.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Asset {
    /// Domains of which it was the first to ask, less what is granted.
    breadth: f32,
    tick: u64,
    level: Level,
    counts: Counts,
    domains: u32,
}

impl<K: Copy + Ord> NameTunnels<K> {
    /// Nothing asked yet. Who knows the key can choose names that are held for known, so it
    /// should be a random one of the site, and stay.
    pub fn new(key: u64) -> Self {
        Self {
            key,
            domains: BTreeMap::new(),
            assets: BTreeMap::new(),
            evicted: 0,
        }
    }

    /// Domains and assets that were forgotten for lack of room.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Domains that are followed.
    pub fn domains(&self) -> usize {
        self.domains.len()
    }

    /// Takes a message. Of one tick, those of resolvers come last, since they repeat what
    /// others asked. Says when names begin to carry too much, and when it has doubled.
    pub fn take(&mut self, asked: &Asked<'_, K>) -> Option<NameSuspicion<K>> {
        let at = asked.name.len().checked_sub(asked.domain_bytes)?;
        let name = asked.name.get(at..)?;
        if asked.domain_bytes == 0 {
            return None;
        }
        let breadth = self.asset(asked).breadth(asked.tick);
        let (stands_for, bytes) = self.news(asked, name);
        let key = distinct::hash(self.key, name);
        let domain = self.domains.get_mut(&key)?;
        let others = domain.others(asked.asset);
        let asker = domain.asker(asked.asset, bytes > 0.0)?;
        let scale = scale(name, others, breadth);
        if asker.level.fall(asked.tick, GRANTED_BYTES_PER_DAY * scale) {
            asker.counts = Counts::default();
        }
        asker.counts.take(asked, stands_for);
        let weight = if services::is_strange(asked.query_type) {
            STRANGE_WEIGHT
        } else {
            1.0
        };
        let before = asker.level.run_bytes;
        let is_told = bytes > 0.0 && asker.level.rise(bytes, weight, LIMIT_BYTES * scale);
        let asker = *asker;
        if is_told {
            return Some(asker.suspicion(asked.tick, name, others + 1));
        }
        let beyond = asker.level.run_bytes - before.max(FREE_BYTES_PER_DOMAIN);
        let is_shared = others >= OTHERS_MIN || asker.level.told_bytes > 0.0;
        if is_shared || beyond <= 0.0 {
            return None;
        }
        let is_first = before < FREE_BYTES_PER_DOMAIN;
        self.take_beyond(asked, beyond, stands_for, is_first, breadth)
    }

    /// Takes what an asset says beyond what any domain may be told.
    fn take_beyond(
        &mut self,
        asked: &Asked<'_, K>,
        bytes: f64,
        stands_for: f64,
        is_first: bool,
        breadth: f32,
    ) -> Option<NameSuspicion<K>> {
        let scale = breadth * SPREAD;
        let asset = self.assets.get_mut(&asked.asset)?;
        if asset.level.fall(asked.tick, GRANTED_BYTES_PER_DAY * scale) {
            (asset.counts, asset.domains) = (Counts::default(), 0);
        }
        asset.counts.take(asked, stands_for);
        asset.domains = asset.domains.saturating_add(u32::from(is_first));
        let is_told = asset.level.rise(bytes, 1.0, LIMIT_BYTES * scale);
        (is_told && asset.domains > 1).then(|| {
            let (level, counts) = (&asset.level, &asset.counts);
            counts.suspicion(asked.asset, asked.tick, level, asset.domains.into())
        })
    }

    fn asset(&mut self, asked: &Asked<'_, K>) -> &mut Asset {
        if self.assets.len() >= ASSETS_MAX && !self.assets.contains_key(&asked.asset) {
            self.evicted += level::shed(&mut self.assets, |asset| {
                (asset.level.whole_bytes(), asset.tick)
            });
        }
        self.assets.entry(asked.asset).or_default()
    }

    /// A domain, which counts for the asset if it is a new one.
    fn domain(&mut self, name: &[u8], asset: K, tick: u64) -> &mut Domain<K> {
        let hash = distinct::hash(self.key, name);
        if !self.domains.contains_key(&hash) {
            if self.domains.len() >= DOMAINS_MAX {
                self.evicted += level::shed(&mut self.domains, |domain| domain.weight(tick));
            }
            if let Some(asset) = self.assets.get_mut(&asset) {
                asset.breadth += 1.0;
            }
        }
        let domain = self.domains.entry(hash).or_default();
        domain.last_tick = domain.last_tick.max(tick);
        domain
    }

    /// How many new names one stands for, and how many bytes these say.
    fn news(&mut self, asked: &Asked<'_, K>, domain_name: &[u8]) -> (f64, f64) {
        let key = self.key;
        let domain = self.domain(domain_name, asked.asset, asked.tick);
        let below_bytes = asked.name.len().saturating_sub(asked.domain_bytes + 1);
        if below_bytes == 0 {
            return (0.0, 0.0);
        }
        let stands_for = domain.distinct.take(distinct::hash(key, asked.name));
        if stands_for <= 0.0 {
            return (0.0, 0.0);
        }
        let bits = domain.habit.take(key, asked.name, asked.domain_bytes);
        let below = asked.name.get(..below_bytes).unwrap_or_default();
        let share = if self.is_look_up(below) {
            LOOK_UP_SHARE
        } else {
            1.0
        };
        (stands_for, stands_for * share * bits / 8.0)
    }

    /// Whether the labels below a domain are the name of another one that the site has asked
    /// for as well, perhaps with a few labels behind: a search, or a look-up in a list.
    fn is_look_up(&self, below: &[u8]) -> bool {
        let mut inner = below;
        for _ in 0..=LABELS_BEHIND_MAX {
            let domain = psl::domain(inner).filter(|domain| domain.suffix().is_known());
            let hash = domain.map(|domain| distinct::hash(self.key, domain.as_bytes()));
            if hash.is_some_and(|hash| self.domains.contains_key(&hash)) {
                return true;
            }
            let Some(dot) = inner.iter().rposition(|byte| *byte == b'.') else {
                return false;
            };
            inner = inner.get(..dot).unwrap_or_default();
        }
        false
    }
}

impl<K: Copy + Ord> Default for NameTunnels<K> {
    fn default() -> Self {
        Self::new(0)
    }
}

impl<K> Default for Domain<K> {
    fn default() -> Self {
        Self {
            last_tick: 0,
            distinct: Distinct::default(),
            habit: Habit::default(),
            askers: Vec::new(),
        }
    }
}

impl<K: Copy + Ord> Domain<K> {
    /// Assets beside one that ask for new names.
    fn others(&self, asset: K) -> usize {
        let is_among = self.find(asset).is_ok();
        self.askers.len() - usize::from(is_among)
    }

    fn find(&self, asset: K) -> Result<usize, usize> {
        self.askers
            .binary_search_by_key(&asset, |asker| asker.asset)
    }

    /// An asset, which is made one of those who ask if it has asked for something new.
    fn asker(&mut self, asset: K, is_new: bool) -> Option<&mut Asker<K>> {
        if let (Err(_), true) = (self.find(asset), is_new) {
            if self.askers.len() >= ASKERS_MAX {
                let levels = self.askers.iter().map(|asker| asker.level.whole_bytes());
                let least = levels.enumerate().min_by_key(|(_, bytes)| *bytes);
                self.askers.remove(least?.0);
            }
            let place = self.find(asset).unwrap_or_else(|place| place);
            let (level, counts) = (Level::default(), Counts::default());
            self.askers.insert(
                place,
                Asker {
                    asset,
                    level,
                    counts,
                },
            );
        }
        let place = self.find(asset).ok()?;
        self.askers.get_mut(place)
    }

    /// How much would be lost with it: the highest level, less what is granted; else how
    /// lately it was asked.
    fn weight(&self, tick: u64) -> (u32, u64) {
        let levels = self.askers.iter().map(|asker| {
            let mut level = asker.level;
            level.fall(tick, GRANTED_BYTES_PER_DAY);
            level.whole_bytes()
        });
        (levels.max().unwrap_or_default(), self.last_tick)
    }
}

impl<K: Copy> Asker<K> {
    fn suspicion(&self, tick: u64, domain: &[u8], askers: usize) -> NameSuspicion<K> {
        NameSuspicion {
            domain: Some(domain.escape_ascii().to_string()),
            askers,
            ..self.counts.suspicion(self.asset, tick, &self.level, 1)
        }
    }
}

impl Asset {
    /// By how much more is granted to it, since it may ask for others.
    fn breadth(&mut self, tick: u64) -> f32 {
        let seconds = tick.saturating_sub(self.tick);
        self.tick = self.tick.max(tick);
        let granted = DOMAINS_PER_DAY * (seconds as f32 / 86_400.0);
        self.breadth = (self.breadth - granted).max(0.0);
        (self.breadth / DOMAINS_PER_DAY).clamp(1.0, BREADTH_MAX)
    }
}

/// By how much more is granted: with the others that ask for new names, and with breadth.
fn scale(domain: &[u8], others: usize, breadth: f32) -> f32 {
    let users = if others >= OTHERS_MIN { others + 1 } else { 1 };
    let service = if services::is_known(domain) {
        SERVICE
    } else {
        1.0
    };
    users as f32 * breadth * service
}

/// Bytes a day that an asset may say to a domain without a word.
const GRANTED_BYTES_PER_DAY: f32 = 1_024.0;

/// How much counts of the name of a domain that is known, as of an address.
const LOOK_UP_SHARE: f64 = 1.0 / 32.0;

/// Labels of a list, as in `example.com.dbl.spamhaus.org`, or of a search domain.
const LABELS_BEHIND_MAX: usize = 3;

/// How many times as much is granted to them.
const SERVICE: f32 = 64.0;

/// How many times names count that are asked for with a type that no client asks for.
const STRANGE_WEIGHT: f32 = 2.0;

/// Bytes beyond these that are told.
const LIMIT_BYTES: f32 = 1_536.0;

/// Bytes of a run to a domain that do not count for the asset.
const FREE_BYTES_PER_DOMAIN: f64 = 256.0;

/// How many times as much an asset may say to all domains.
const SPREAD: f32 = 8.0;

/// Other assets that make a domain one that is shared.
const OTHERS_MIN: usize = 2;

/// Domains a day that an asset may be the first to ask of, until it is held for a resolver.
const DOMAINS_PER_DAY: f32 = 500.0;

const BREADTH_MAX: f32 = 16.0;

/// Assets of a domain. When there are more, the one that has said least gives way.
const ASKERS_MAX: usize = 32;

const DOMAINS_MAX: usize = 16_384;

const ASSETS_MAX: usize = 16_384;

#[cfg(test)]
mod tests;
