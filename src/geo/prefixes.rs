//! A map from address prefixes to values, asked for the longest that holds an address.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// Values by prefix, being gathered.
#[derive(Debug)]
pub struct PrefixMap<V>(BTreeMap<IpNet, V>);

/// Values by prefix, to be asked: the prefixes of each family laid out as ranges of
/// addresses that do not overlap, each with the value of the longest prefix that holds it.
#[derive(Debug)]
pub struct PrefixTable<V> {
    ipv4: Vec<(u128, Option<V>)>,
    ipv6: Vec<(u128, Option<V>)>,
}

impl<V> Default for PrefixMap<V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<V: Copy> PrefixMap<V> {
    /// Sets the value of `prefix`, whose host bits do not matter, and returns the one
    /// that it had.
    pub fn insert(&mut self, prefix: IpNet, value: V) -> Option<V> {
        self.0.insert(canonical(prefix).trunc(), value)
    }

    /// Lays out what was gathered.
    pub fn table(&self) -> PrefixTable<V> {
        let of = |is_ipv4: bool| {
            let prefixes = self.0.iter();
            let prefixes = prefixes.filter(|(prefix, _)| prefix.addr().is_ipv4() == is_ipv4);
            // Addresses in order; of those that begin alike, the shorter prefix first.
            let ranges = prefixes.map(|(prefix, value)| {
                let (from, to) = (bits(prefix.network()), bits(prefix.broadcast()));
                (from, to, *value)
            });
            let mut ranges: Vec<_> = ranges.collect();
            ranges.sort_by_key(|(from, to, _)| (*from, std::cmp::Reverse(*to)));
            lay_out(&ranges)
        };
        PrefixTable {
            ipv4: of(true),
            ipv6: of(false),
        }
    }
}

impl<V: Copy> PrefixTable<V> {
    /// The value of the longest prefix that holds `address`.
    pub fn longest(&self, address: IpAddr) -> Option<V> {
        let ranges = match address {
            IpAddr::V4(_) => &self.ipv4,
            IpAddr::V6(_) => &self.ipv6,
        };
        let address = bits(address);
        let behind = ranges.partition_point(|(start, _)| *start <= address);
        ranges.get(behind.checked_sub(1)?)?.1
    }

    /// The ranges of IPv4 addresses from `first` to `last`, each with its own two and the value
    /// of the longest prefix that holds it.
    pub(super) fn ipv4_between(
        &self,
        first: u32,
        last: u32,
    ) -> impl Iterator<Item = (u32, u32, Option<V>)> + '_ {
        let behind = self
            .ipv4
            .partition_point(|(start, _)| *start <= first.into());
        let (before, cuts) = self.ipv4.split_at(behind);
        let open = before.last().and_then(|(_, value)| *value);
        // What follows the last address of all is no address.
        let cuts = cuts.iter().take_while(move |(at, _)| *at <= last.into());
        let cuts = cuts.map(|(at, value)| (*at as u32, *value));
        let ends = cuts.clone().map(|(at, _)| at - 1).chain([last]);
        let starts = std::iter::once((first, open)).chain(cuts);
        starts
            .zip(ends)
            .map(|((from, value), to)| (from, to, value))
    }

    /// The IPv4 addresses at which another value begins.
    pub(super) fn ipv4_starts(&self) -> impl Iterator<Item = u32> + '_ {
        self.ipv4.iter().map(|(start, _)| *start as u32)
    }
}

/// Cuts ranges that nest into ranges that do not overlap, of which only the starts are
/// kept: each ends where the next begins.
fn lay_out<V: Copy>(ranges: &[(u128, u128, V)]) -> Vec<(u128, Option<V>)> {
    let mut cuts: Vec<(u128, Option<V>)> = Vec::new();
    let mut open: Vec<(u128, V)> = Vec::new();
    let cut = |cuts: &mut Vec<(u128, Option<V>)>, at, value| match cuts.last_mut() {
        Some(last) if last.0 == at => last.1 = value,
        _ => cuts.push((at, value)),
    };
    let ends = |open: &mut Vec<(u128, V)>, cuts: &mut Vec<_>, before: Option<u128>| {
        while let Some((to, _)) = open.last().copied()
            && before.is_none_or(|before| to < before)
        {
            open.pop();
            if let Some(next) = to.checked_add(1) {
                cut(cuts, next, open.last().map(|(_, value)| *value));
            }
        }
    };
    for (from, to, value) in ranges {
        ends(&mut open, &mut cuts, Some(*from));
        cut(&mut cuts, *from, Some(*value));
        open.push((*to, *value));
    }
    ends(&mut open, &mut cuts, None);
    cuts
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_bits().into(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

/// A prefix of v4-mapped addresses as the IPv4 prefix that it is.
fn canonical(prefix: IpNet) -> IpNet {
    let IpNet::V6(v6) = prefix else { return prefix };
    let Some(length) = v6.prefix_len().checked_sub(MAPPED_BITS) else {
        return prefix;
    };
    let v4 = v6
        .addr()
        .to_ipv4_mapped()
        .and_then(|address| Ipv4Net::new(address, length).ok());
    v4.map_or(prefix, IpNet::V4)
}

/// Bits before the IPv4 address in a v4-mapped one.
const MAPPED_BITS: u8 = 96;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn prefix(text: &str) -> IpNet {
        text.parse().unwrap()
    }

    #[test]
    fn the_longest_prefix_of_the_family_wins() {
        let mut map = PrefixMap::default();
        for (value, text) in [
            "0.0.0.0/0",
            "10.0.0.0/8",
            "10.9.7.1/16",
            "10.9.0.1/32",
            "::/0",
        ]
        .iter()
        .enumerate()
        {
            assert_eq!(map.insert(prefix(text), value), None);
        }
        assert_eq!(
            map.insert(prefix("10.9.255.255/16"), 2),
            Some(2),
            "host bits do not matter"
        );
        let map = map.table();
        for (address, value) in [
            ("8.8.8.8", 0),
            ("10.8.0.1", 1),
            ("10.9.200.1", 2),
            ("10.9.0.1", 3),
            ("fd00::1", 4),
        ] {
            assert_eq!(
                map.longest(address.parse().unwrap()),
                Some(value),
                "{address}"
            );
        }
    }

    #[test]
    fn a_mapped_prefix_is_its_ipv4_prefix() {
        let mut map = PrefixMap::default();
        map.insert(prefix("::ffff:10.9.0.0/112"), ());
        let map = map.table();
        assert!(map.longest("10.9.1.1".parse().unwrap()).is_some());
        assert!(map.longest("10.8.1.1".parse().unwrap()).is_none());
    }

    proptest! {
        #[test]
        fn agrees_with_a_linear_search(
            prefixes in prop::collection::vec((any::<u32>(), 0u8..=32), 0..40),
            address: u32,
        ) {
            // Addresses of few bits, so that prefixes nest and hit.
            let address = IpAddr::V4((address & 0x8000_0103).into());
            let prefixes: Vec<IpNet> = prefixes
                .iter()
                .map(|&(bits, length)| {
                    IpNet::new(IpAddr::V4((bits & 0x8000_0103).into()), length).unwrap().trunc()
                })
                .collect();
            let mut map = PrefixMap::default();
            for prefix in &prefixes {
                map.insert(*prefix, *prefix);
            }
            let expected = prefixes
                .iter()
                .filter(|prefix| prefix.contains(&address))
                .max_by_key(|prefix| prefix.prefix_len());
            prop_assert_eq!(map.table().longest(address), expected.copied());
        }

        #[test]
        fn ranges_have_the_values_of_their_addresses(
            prefixes in prop::collection::vec((any::<u32>(), 0u8..=32), 0..40),
            bounds: [u32; 2],
        ) {
            let mut map = PrefixMap::default();
            for (value, (bits, length)) in prefixes.iter().enumerate() {
                map.insert(IpNet::new(IpAddr::V4((*bits).into()), *length).unwrap(), value);
            }
            let table = map.table();
            let (first, last) = (bounds[0].min(bounds[1]), bounds[0].max(bounds[1]));
            let mut next = Some(first);
            for (from, to, value) in table.ipv4_between(first, last) {
                prop_assert_eq!(Some(from), next);
                prop_assert!(from <= to);
                for address in [from, from + (to - from) / 2, to] {
                    prop_assert_eq!(table.longest(IpAddr::V4(address.into())), value);
                }
                next = to.checked_add(1);
            }
            prop_assert_eq!(next, last.checked_add(1));
        }
    }
}
