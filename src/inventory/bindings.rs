//! Which network card has an address: learned from ARP, DHCP and neighbour discovery.
//!
//! What is seen may be a lie. So a server's lease is believed at once, and whatever a
//! neighbour says only if it is said again after [`CONFIRM_SECONDS`] and nobody who has the
//! address spoke up in between; not while a lease of another card runs. A card that has more
//! addresses than a machine would is a router that answers for others, and no asset.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::decode::{Mac, Said, Sighting, address_bits};
use crate::time::{SECONDS_PER_DAY, Tick};

/// Addresses of the site that are told apart by their cards. When there are more, the eighth
/// goes that matters least: those of cards that never exported before others, those whose card
/// is not certain before those whose is, then those that were not seen for longest.
pub const BINDINGS_MAX: usize = 65_536;

/// Addresses of IPv4, and of IPv6, that one card may have within a day and be a machine.
/// Those of IPv6 are many, since hosts take new ones every day (RFC 8981).
pub const ADDRESSES_PER_CARD_MAX: [usize; 2] = [4, 16];

/// How long after a neighbour's word the same word confirms it.
pub const CONFIRM_SECONDS: u64 = 30;

/// The longest that a lease keeps others off, whatever the server says.
const LEASE_SECONDS_MAX: u64 = 7 * SECONDS_PER_DAY;

/// Cards of the site's addresses.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Bindings {
    addresses: BTreeMap<u128, Binding>,
    /// Those that have an address.
    cards: BTreeMap<Mac, Card>,
    /// Addresses that went to another card, and addresses of IPv4 that a card got that had
    /// one, in this run.
    #[serde(skip)]
    pub churn: u64,
    /// Addresses that were forgotten for want of room, in this run.
    #[serde(skip)]
    pub evicted: u64,
}

/// What is known of an address.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
struct Binding {
    /// The card that has it.
    holder: Option<Mac>,
    /// When that was last confirmed, or else when anything was last said.
    seen: Tick,
    /// Until when a server has lent it to the holder.
    lent_until: Tick,
    /// Another card that is said to have it, and since when.
    rival: Option<(Mac, Tick)>,
    /// The card that had it before, unless a server lent it anew.
    former: Option<Mac>,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Card {
    addresses: BTreeSet<u128>,
    /// Whether it has had too many at a time, and so answers for others. It is forgotten
    /// with the last of them.
    is_shared: bool,
    /// Whether an asset is told by it.
    is_used: bool,
}

impl Bindings {
    /// Whether nothing is known of any address.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// How many addresses something is known of.
    pub fn len(&self) -> usize {
        self.addresses.len()
    }

    /// The card that has an address and stands for a machine.
    pub fn holder(&self, address: IpAddr) -> Option<Mac> {
        let binding = self.addresses.get(&address_bits(address))?;
        let holder = binding.holder?;
        let card = self.cards.get(&holder);
        card.is_none_or(|card| !card.is_shared).then_some(holder)
    }

    /// The addresses that a card has.
    pub fn addresses(&self, card: Mac) -> impl Iterator<Item = IpAddr> {
        let card = self.cards.get(&card).into_iter();
        let bits = card.flat_map(|card| card.addresses.iter());
        bits.map(|bits| IpAddr::V6(Ipv6Addr::from_bits(*bits)).to_canonical())
    }

    /// The card that stood for the address before and stands for no machine any more.
    pub fn former(&self, address: IpAddr) -> Option<Mac> {
        let binding = self.addresses.get(&address_bits(address))?;
        let is_gone = |mac: &Mac| self.cards.get(mac).is_none_or(|card| card.is_shared);
        let mut cards = [binding.former, binding.holder].into_iter().flatten();
        cards.find(is_gone)
    }

    /// Notes that an asset is told by a card.
    pub fn mark_used(&mut self, mac: Mac) {
        if let Some(card) = self.cards.get_mut(&mac) {
            card.is_used = true;
        }
    }

    /// Takes what was seen in a tick.
    pub fn learn(&mut self, now: Tick, sighting: &Sighting) {
        let address = address_bits(sighting.address);
        self.make_room(address);
        match sighting.said {
            Said::ByServer { seconds, .. } => {
                let seconds = u64::from(seconds).min(LEASE_SECONDS_MAX);
                self.lend(address, sighting.mac, now, now.plus_seconds(seconds));
            }
            Said::ByNeighbour => self.claim(address, sighting.mac, now),
        }
    }

    /// A server lends an address to a card, which gives up what it was lent before.
    fn lend(&mut self, address: u128, mac: Mac, now: Tick, until: Tick) {
        // Of a card that answers for others these could be very many.
        if let Some(card) = self.cards.get(&mac).filter(|card| !card.is_shared) {
            for other in &card.addresses {
                if let Some(other) = self.addresses.get_mut(other) {
                    other.lent_until = other.lent_until.min(now);
                }
            }
        }
        self.hold(address, mac, now, Word::Server);
        if let Some(binding) = self.addresses.get_mut(&address) {
            binding.lent_until = until;
        }
    }

    /// Somebody on the link says that a card has an address.
    fn claim(&mut self, address: u128, mac: Mac, now: Tick) {
        let binding = self.addresses.entry(address).or_default();
        if binding.holder == Some(mac) {
            binding.seen = now;
            binding.rival = None;
            return;
        }
        let said = binding.rival.filter(|(rival, _)| *rival == mac);
        let since = said.map_or(now, |(_, since)| since);
        binding.rival = Some((mac, since));
        if binding.holder.is_none() {
            binding.seen = now;
        }
        let is_confirmed = now.seconds_since(since) >= CONFIRM_SECONDS;
        if is_confirmed && now >= binding.lent_until {
            self.hold(address, mac, now, Word::Neighbour);
        }
    }

    /// A card has an address from now on.
    fn hold(&mut self, address: u128, mac: Mac, now: Tick, word: Word) {
        let binding = self.addresses.entry(address).or_default();
        let before = binding.holder.filter(|before| *before != mac);
        let is_new = binding.holder != Some(mac);
        *binding = Binding {
            holder: Some(mac),
            seen: now,
            lent_until: now,
            rival: None,
            former: match word {
                Word::Server if is_new => None,
                Word::Server => binding.former,
                Word::Neighbour => before.or(binding.former),
            },
        };
        if !is_new {
            return;
        }
        if let Some(before) = before {
            self.leave(address, before);
        }
        self.bound_card(mac, address, now, word);
        let card = self.cards.entry(mac).or_default();
        if !card.is_shared {
            let has_other = is_ipv4(address) && card.of_family(address).next().is_some();
            self.churn += u64::from(before.is_some() || has_other);
        }
        card.addresses.insert(address);
    }

    /// Sees to it that a card that gets an address has not too many: the one that was not
    /// seen for longest is given up if that is a day ago, or if a server lends the new one.
    fn bound_card(&mut self, mac: Mac, address: u128, now: Tick, word: Word) {
        let Some(card) = self.cards.get_mut(&mac).filter(|card| !card.is_shared) else {
            return;
        };
        let [ipv4_max, ipv6_max] = ADDRESSES_PER_CARD_MAX;
        let most = if is_ipv4(address) { ipv4_max } else { ipv6_max };
        if card.of_family(address).count() < most {
            return;
        }
        let addresses = &self.addresses;
        let seen = |address: &u128| addresses.get(address).map_or(Tick(0), |known| known.seen);
        let oldest = card.of_family(address).min_by_key(seen);
        let is_old = |oldest: &u128| now.seconds_since(seen(oldest)) >= SECONDS_PER_DAY;
        match oldest.filter(|oldest| word == Word::Server || is_old(oldest)) {
            Some(oldest) => self.forget(oldest),
            None => card.is_shared = true,
        }
    }

    /// Makes room for an address that is not known yet.
    fn make_room(&mut self, address: u128) {
        if self.addresses.len() < BINDINGS_MAX || self.addresses.contains_key(&address) {
            return;
        }
        let worth = |binding: &Binding| {
            let card = binding.holder.and_then(|holder| self.cards.get(&holder));
            let is_used = card.is_some_and(|card| card.is_used);
            (is_used, binding.holder.is_some(), binding.seen)
        };
        let all = self.addresses.iter();
        let mut all: Vec<_> = all
            .map(|(address, known)| (worth(known), *address))
            .collect();
        all.sort_unstable();
        all.truncate(BINDINGS_MAX / 8);
        self.evicted = self.evicted.saturating_add(all.len() as u64);
        for (_, address) in all {
            self.forget(address);
        }
    }

    fn forget(&mut self, address: u128) {
        if let Some(Binding {
            holder: Some(holder),
            ..
        }) = self.addresses.remove(&address)
        {
            self.leave(address, holder);
        }
    }

    /// A card has an address no more.
    fn leave(&mut self, address: u128, mac: Mac) {
        let Some(card) = self.cards.get_mut(&mac) else {
            return;
        };
        card.addresses.remove(&address);
        if card.addresses.is_empty() {
            self.cards.remove(&mac);
        }
    }
}

/// Whose word it is that a card has an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Server,
    Neighbour,
}

impl Card {
    /// Its addresses of the version that `address` is of.
    fn of_family(&self, address: u128) -> impl Iterator<Item = u128> {
        let all = self.addresses.iter().copied();
        all.filter(move |other| is_ipv4(*other) == is_ipv4(address))
    }
}

/// Whether the bits of an address are those of IPv4, v4-mapped.
const fn is_ipv4(address: u128) -> bool {
    address >> 32 == 0xffff
}
