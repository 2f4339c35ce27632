//! A map from address prefixes to values, asked for the longest that holds an address.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};

/// Values by prefix: one exact map per prefix length, asked from the longest down. A
/// lookup costs at most as many probes as there are different lengths.
#[derive(Debug)]
pub(super) struct PrefixMap<V> {
    by_length: BTreeMap<u8, HashMap<IpNet, V>>,
}

impl<V> Default for PrefixMap<V> {
    fn default() -> Self {
        Self {
            by_length: BTreeMap::new(),
        }
    }
}

impl<V> PrefixMap<V> {
    /// Sets the value of `prefix`, whose host bits do not matter, and returns the one
    /// that it had.
    pub(super) fn insert(&mut self, prefix: IpNet, value: V) -> Option<V> {
        let prefix = canonical(prefix).trunc();
        self.by_length
            .entry(prefix.prefix_len())
            .or_default()
            .insert(prefix, value)
    }

    /// The value of the longest prefix that holds `address`.
    pub(super) fn longest(&self, address: IpAddr) -> Option<&V> {
        self.by_length.iter().rev().find_map(|(&length, prefixes)| {
            // A length beyond 32 is none for an IPv4 address.
            let prefix = IpNet::new(address, length).ok()?;
            prefixes.get(&prefix.trunc())
        })
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
        for (address, value) in [
            ("8.8.8.8", 0),
            ("10.8.0.1", 1),
            ("10.9.200.1", 2),
            ("10.9.0.1", 3),
            ("fd00::1", 4),
        ] {
            assert_eq!(
                map.longest(address.parse().unwrap()),
                Some(&value),
                "{address}"
            );
        }
    }

    #[test]
    fn a_mapped_prefix_is_its_ipv4_prefix() {
        let mut map = PrefixMap::default();
        map.insert(prefix("::ffff:10.9.0.0/112"), ());
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
            prop_assert_eq!(map.longest(address), expected);
        }
    }
}
