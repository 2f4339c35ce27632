//! Addresses to assets: whose normal a baseline is.
//!
//! In this version an asset is an IPv4 address or an IPv6 /64. A /64 rather than an
//! address, because hosts change their IPv6 addresses daily (RFC 8981) and a baseline
//! must outlive that.

use std::cmp::Ordering;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

/// What a site's assets are told apart by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AssetConfig {
    /// The key of an asset.
    pub by: AssetBy,
}

/// The key of an asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AssetBy {
    /// The best that the sensor has: in this version the same as `address`.
    #[default]
    Auto,
    /// The IPv4 address, or the /64 of an IPv6 address.
    Address,
}

/// An asset of the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum AssetKey {
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// The first 64 bits of an IPv6 address.
    V6Prefix(u64),
}

impl AssetKey {
    /// Stands for more assets than can be told apart: their bytes count, and nothing is
    /// learned of them.
    pub const UNNAMED: Self = Self::V4(Ipv4Addr::UNSPECIFIED);

    /// The asset to which an address belongs.
    #[inline]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Self::V4(v4),
            IpAddr::V6(v6) => v6
                .to_ipv4_mapped()
                .map_or(Self::V6Prefix((u128::from(v6) >> 64) as u64), Self::V4),
        }
    }
}

impl AssetKey {
    /// A number of 65 bits by which assets sort: those of IPv4 by their addresses, then
    /// those of IPv6.
    #[inline]
    pub const fn number(self) -> u128 {
        match self {
            Self::V4(v4) => v4.to_bits() as u128,
            Self::V6Prefix(high) => 1 << 64 | high as u128,
        }
    }

    /// The address that stands for the asset: of a /64, its first.
    pub fn address(self) -> IpAddr {
        match self {
            Self::V4(v4) => v4.into(),
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

impl fmt::Display for AssetKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(v4) => f.pad(&v4.to_string()),
            Self::V6Prefix(_) => f.pad(&format!("{}/64", self.address())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privacy_addresses_of_one_link_are_one_asset() {
        let one = AssetKey::of("2001:db8:1:2:aaaa::1".parse().unwrap());
        let other = AssetKey::of("2001:db8:1:2:bbbb::9".parse().unwrap());
        assert_eq!(one, other);
        assert_eq!(one.to_string(), "2001:db8:1:2::/64");
    }

    #[test]
    fn assets_sort_by_address_and_ipv4_comes_first() {
        let order = ["0.0.0.1", "10.0.0.1", "192.168.0.1", "::1", "2001:db8::1"];
        let assets = order.map(|address| AssetKey::of(address.parse().unwrap()));
        assert!(assets.is_sorted_by(|a, b| a < b), "{assets:?}");
    }

    #[test]
    fn a_mapped_address_is_the_asset_of_its_ipv4_address() {
        let mapped = AssetKey::of("::ffff:10.0.0.1".parse().unwrap());
        assert_eq!(mapped.to_string(), "10.0.0.1");
    }
}
