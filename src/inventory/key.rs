//! What an asset is told apart by.

use std::cmp::Ordering;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::decode::Mac;

/// An asset of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AssetKey {
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// A machine, by the address of its network card.
    Mac(Mac),
    /// What the inventory names.
    Named(NameHash),
    /// The first 64 bits of an IPv6 address.
    V6Prefix(u64),
}

/// 48 bits that stand for a name of the inventory, whatever else is in that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NameHash(pub(super) u64);

impl AssetKey {
    /// Stands for more assets than can be told apart: their bytes count, and nothing is
    /// learned of them.
    pub const UNNAMED: Self = Self::V4(Ipv4Addr::UNSPECIFIED);

    /// The asset to which an address belongs, where only the address is known.
    #[inline]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::V4(v4),
            IpAddr::V6(v6) => v6
                .to_ipv4_mapped()
                .map_or(Self::V6Prefix((u128::from(v6) >> 64) as u64), Self::V4),
        }
    }

    /// A number of 65 bits by which assets sort: those of IPv4 by their addresses, then
    /// machines, then names, then those of IPv6. All before those of IPv6 have 50 bits.
    #[inline]
    pub const fn number(self) -> u128 {
        // Most are of IPv4, and compared with others of it.
        if let Self::V4(v4) = self {
            return v4.to_bits() as u128;
        }
        self.number_of_others()
    }

    #[inline(never)]
    const fn number_of_others(self) -> u128 {
        match self {
            Self::V4(v4) => v4.to_bits() as u128,
            Self::Mac(mac) => 1 << 48 | mac.number() as u128,
            Self::Named(NameHash(hash)) => 1 << 49 | hash as u128,
            Self::V6Prefix(high) => 1 << 64 | high as u128,
        }
    }

    /// The address that stands for the asset: of a /64, its first. Machines and names have
    /// none.
    pub fn address(self) -> IpAddr {
        match self {
            Self::V4(v4) => v4.into(),
            Self::Mac(_) | Self::Named(_) => Ipv4Addr::UNSPECIFIED.into(),
            Self::V6Prefix(high) => Ipv6Addr::from(u128::from(high) << 64).into(),
        }
    }
}

impl Ord for AssetKey {
    /// Compares two numbers, which takes a third of the time of comparing enums; maps of
    /// assets compare much.
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        self.number().cmp(&other.number())
    }
}

impl PartialOrd for AssetKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl AssetKey {
    /// The network card that it is known by.
    pub const fn card(self) -> Option<Mac> {
        match self {
            Self::Mac(mac) => Some(mac),
            Self::V4(_) | Self::V6Prefix(_) | Self::Named(_) => None,
        }
    }
}

impl FromStr for AssetKey {
    type Err = String;

    /// Reads what `Display` writes.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(hash) = text.strip_prefix('#') {
            let hash = u64::from_str_radix(hash, 16)
                .ok()
                .filter(|hash| hash >> 48 == 0);
            let hash = hash.ok_or_else(|| format!("`{text}` is no asset"))?;
            return Ok(Self::Named(NameHash(hash)));
        }
        if let Ok(mac) = text.parse() {
            return Ok(Self::Mac(mac));
        }
        let address = text.strip_suffix("/64").unwrap_or(text).parse();
        let address: IpAddr = address.map_err(|_| format!("`{text}` is no asset"))?;
        Ok(Self::of(address))
    }
}

/// A name is written by who knows the inventory, a machine by the address that it has.
impl fmt::Display for AssetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(v4) => f.pad(&v4.to_string()),
            Self::Mac(mac) => f.pad(&mac.to_string()),
            Self::Named(NameHash(hash)) => f.pad(&format!("#{hash:012x}")),
            Self::V6Prefix(_) => f.pad(&format!("{}/64", self.address())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_can_be_read() {
        let written = [
            "10.0.0.1",
            "2001:db8:1:2::/64",
            "02:00:5e:10:00:01",
            "#00ab00000001",
        ];
        for text in written {
            let key: AssetKey = text.parse().unwrap();
            assert_eq!(key.to_string(), text);
        }
        for text in [
            "",
            "#",
            "#zz",
            "#1000000000000",
            "10.0.0",
            "Bob",
            "02:00:5e:10:00",
        ] {
            assert!(text.parse::<AssetKey>().is_err(), "{text}");
        }
    }

    #[test]
    fn privacy_addresses_of_one_link_are_one_asset() {
        let one = AssetKey::of("2001:db8:1:2:aaaa::1".parse().unwrap());
        let other = AssetKey::of("2001:db8:1:2:bbbb::9".parse().unwrap());
        assert_eq!(one, other);
        assert_eq!(one.to_string(), "2001:db8:1:2::/64");
    }

    #[test]
    fn assets_sort_by_address_and_ipv4_comes_first() {
        let [v4, v6] = [
            ["0.0.0.1", "10.0.0.1", "192.168.0.1"],
            ["::1", "2001:db8::1", "fd00::"],
        ]
        .map(|order| order.map(|address| AssetKey::of(address.parse().unwrap())));
        let machines = [[0, 0, 0, 0, 0, 1], [0xfe; 6]].map(|mac| AssetKey::Mac(Mac(mac)));
        let names = [0, (1 << 48) - 1].map(|hash| AssetKey::Named(NameHash(hash)));
        let assets = [&v4[..], &machines, &names, &v6].concat();
        assert!(assets.is_sorted_by(|a, b| a < b), "{assets:?}");
    }

    #[test]
    fn a_mapped_address_is_the_asset_of_its_ipv4_address() {
        let mapped = AssetKey::of("::ffff:10.0.0.1".parse().unwrap());
        assert_eq!(mapped.to_string(), "10.0.0.1");
    }
}
