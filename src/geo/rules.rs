//! What is settled of an address before a database is asked.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::prefixes::{PrefixMap, PrefixTable};
use super::{Confidence, Country, GeoError, GeoOverride, Jurisdictions, Place, Side, address};

/// The operator's overrides and the site's networks, and the side of the border that a
/// country is on.
#[derive(Debug)]
pub(super) struct Rules {
    overrides: Vec<GeoOverride>,
    /// By prefix, the place of an override among all.
    stated: PrefixTable<usize>,
    networks: PrefixTable<()>,
    jurisdictions: Jurisdictions,
    /// By the first address of each range of IPv4 addresses that one rule holds for.
    ipv4: Vec<(u32, Rule)>,
    /// The first addresses, in turn, of what is and of what is not at home of IPv4.
    ipv4_home: Vec<u32>,
}

/// What is settled of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// No peer beyond the link, and nothing else counts.
    is_local: bool,
    /// In the site's networks, and no override puts it abroad.
    is_home: bool,
    /// The country that the operator states.
    stated: Option<Country>,
    /// The autonomous system that the operator states.
    asn: Option<u32>,
}

impl Rule {
    /// Whether the operator says where it is.
    pub(super) const fn is_stated(self) -> bool {
        self.stated.is_some()
    }
}

impl Rules {
    /// # Errors
    /// Says which override is contradicted by another one.
    pub(super) fn new(
        overrides: &[GeoOverride],
        networks: &[IpNet],
        jurisdictions: Jurisdictions,
    ) -> Result<Self, GeoError> {
        let mut stated = PrefixMap::default();
        for (place, second) in overrides.iter().enumerate() {
            let first = stated.insert(second.prefix, place);
            let first = first.and_then(|place| overrides.get(place));
            if let Some(first) = first.filter(|first| !first.agrees(second)) {
                return Err(GeoError::Contradiction {
                    prefix: second.prefix,
                    first: Box::new(first.clone()),
                    second: Box::new(second.clone()),
                });
            }
        }
        let mut home = PrefixMap::default();
        for network in networks {
            home.insert(*network, ());
        }
        let mut rules = Self {
            overrides: overrides.to_vec(),
            stated: stated.table(),
            networks: home.table(),
            jurisdictions,
            ipv4: Vec::new(),
            ipv4_home: Vec::new(),
        };
        rules.ipv4 = rules.ipv4_ranges();
        for (start, rule) in &rules.ipv4 {
            if rule.is_home != is_odd(rules.ipv4_home.len()) {
                rules.ipv4_home.push(*start);
            }
        }
        Ok(rules)
    }

    /// Whether an address is in the site's networks, and no override puts it abroad.
    pub(super) fn is_home(&self, address: IpAddr) -> bool {
        match address {
            IpAddr::V4(v4) => {
                let address = v4.to_bits();
                is_odd(self.ipv4_home.partition_point(|start| *start <= address))
            }
            IpAddr::V6(_) => self.search(address).is_home,
        }
    }

    /// The ranges of addresses from `first` to `last`, each with its own two and its rule.
    pub(super) fn between(
        &self,
        first: u32,
        last: u32,
    ) -> impl Iterator<Item = (u32, u32, Rule)> + '_ {
        let behind = self.ipv4.partition_point(|(start, _)| *start <= first);
        let ranges = &self.ipv4[behind.saturating_sub(1)..];
        let ends = ranges.iter().skip(1).map(|(start, _)| start - 1);
        ranges
            .iter()
            .zip(ends.chain([u32::MAX]))
            .take_while(move |((start, _), _)| *start <= last)
            .map(move |((start, rule), end)| (first.max(*start), last.min(end), *rule))
    }

    /// What the operator states of the prefix of an address.
    pub(super) fn stated(&self, address: IpAddr) -> Option<&GeoOverride> {
        self.overrides.get(find(&self.stated, address)?)
    }

    /// Where an address is of which a rule holds, and the databases found a country, perhaps
    /// [`Country::UNKNOWN`], and an autonomous system.
    pub(super) fn place(&self, rule: Rule, found: Country, asn: u32) -> Place {
        if rule.is_local {
            return Place::LOCAL;
        }
        let country = rule.stated.unwrap_or(found);
        let confidence = match rule.stated {
            _ if country.is_unknown() => Confidence::Unknown,
            Some(_) => Confidence::Confirmed,
            None => Confidence::Plausible,
        };
        let side = match self.jurisdictions.contains(country) {
            _ if rule.is_home => Side::Home,
            true => Side::Domestic,
            false => Side::Foreign,
        };
        Place {
            side,
            country,
            asn: rule.asn.unwrap_or(asn),
            confidence,
        }
    }

    /// Asks the prefixes.
    pub(super) fn search(&self, address: IpAddr) -> Rule {
        if address::is_local(address) {
            return Rule {
                is_local: true,
                is_home: false,
                stated: None,
                asn: None,
            };
        }
        let found = self.stated(address);
        let stated = found.map(|found| found.country);
        let is_own = find(&self.networks, address).is_some();
        let is_home = is_own && stated.is_none_or(|country| self.jurisdictions.contains(country));
        let own = self.jurisdictions.only().filter(|_| is_home);
        Rule {
            is_local: false,
            is_home,
            stated: stated.or(own),
            asn: found.and_then(|found| found.asn),
        }
    }

    /// Lays out what the prefixes say of IPv4.
    fn ipv4_ranges(&self) -> Vec<(u32, Rule)> {
        let starts = self.stated.ipv4_starts();
        let starts = starts.chain(self.networks.ipv4_starts());
        let mut starts: Vec<u32> = starts.chain(address::ipv4_starts()).collect();
        starts.sort_unstable();
        starts.dedup();
        let rules = starts
            .iter()
            .map(|start| (*start, self.search(Ipv4Addr::from_bits(*start).into())));
        rules.collect()
    }
}

const fn is_odd(count: usize) -> bool {
    count % 2 == 1
}

/// What `map` holds for the address itself, else for the IPv4 address that it embeds.
fn find<V: Copy>(map: &PrefixTable<V>, address: IpAddr) -> Option<V> {
    map.longest(address)
        .or_else(|| map.longest(address::embedded(address)?.into()))
}
