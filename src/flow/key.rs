//! Which packets belong together, to which shard, and where the table looks for them.

use std::hash::{BuildHasher, RandomState};

use crate::decode::{Facts, Packet};

/// Shards of the flow table. A constant, because evictions depend on it.
pub const SHARDS: usize = 64;

/// Both ends and the protocol, the same for both directions: the end that sorts first is
/// `low`. Addresses are 128 bits, as in a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowKey {
    /// Address of the end that sorts first.
    pub low: u128,
    /// Address of the other end.
    pub high: u128,
    /// Port of the end that sorts first.
    pub low_port: u16,
    /// Port of the other end.
    pub high_port: u16,
    /// VLAN identifier, where flows are told apart by it, else 0.
    pub vlan: u16,
    /// IANA protocol number.
    pub protocol: u8,
    /// Whether the addresses are of IPv6.
    pub is_ipv6: bool,
}

impl FlowKey {
    /// The key of a packet, and whether its sender is the `low` end.
    pub const fn of(packet: &Packet, by_vlan: bool) -> (Self, bool) {
        let is_low = packet.src < packet.dst
            || (packet.src == packet.dst && packet.src_port <= packet.dst_port);
        let (low, high, low_port, high_port) = if is_low {
            (packet.src, packet.dst, packet.src_port, packet.dst_port)
        } else {
            (packet.dst, packet.src, packet.dst_port, packet.src_port)
        };
        let key = Self {
            low,
            high,
            low_port,
            high_port,
            vlan: if by_vlan { packet.vlan_id } else { 0 },
            protocol: packet.protocol,
            is_ipv6: packet.facts.has(Facts::IPV6),
        };
        (key, is_low)
    }

    /// All but the addresses, as one number.
    const fn rest(&self) -> u64 {
        (self.low_port as u64)
            | (self.high_port as u64) << 16
            | (self.vlan as u64) << 32
            | (self.protocol as u64) << 48
            | (self.is_ipv6 as u64) << 56
    }
}

/// The shard that follows the conversation of two addresses, in either order.
///
/// Ports take no part, so that fragments and both directions stay together. The mixing is
/// fixed on purpose: which flows share a bound must not change from run to run.
pub const fn shard_of(a: u128, b: u128) -> usize {
    let sum = mix(a).wrapping_add(mix(b)).wrapping_mul(ODD_2);
    ((sum ^ (sum >> 32)).wrapping_mul(ODD_1) >> (64 - SHARDS.trailing_zeros())) as usize
}

/// Mixes an address the same way in every run.
pub(super) const fn mix(bits: u128) -> u64 {
    let (high, low) = ((bits >> 64) as u64, bits as u64);
    let mixed = (low ^ high.wrapping_mul(ODD_2)).wrapping_mul(ODD_1);
    mixed ^ (mixed >> 29)
}

/// Odd numbers without structure: fractions of the golden ratio and of the root of 3.
const ODD_1: u64 = 0x9e37_79b9_7f4a_7c15;
const ODD_2: u64 = 0xbb67_ae85_84ca_a73b;

/// Hashes keys with secrets of its own, so that senders cannot choose keys that collide.
///
/// It is the inner product of UMAC (RFC 4418 section 5.2), with words of 64 bits: two
/// keys collide with a probability of 2^-64 over the secrets, whatever the keys. A
/// multiplication by a secret odd number then spreads the sum over the upper bits
/// (multiply-shift, Dietzfelbinger et al. 1997).
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyHasher {
    secrets: [u64; 7],
}

impl KeyHasher {
    /// Draws secrets. Nothing that is told depends on them.
    pub(super) fn new() -> Self {
        let state = RandomState::new();
        Self {
            secrets: std::array::from_fn(|index| state.hash_one(index) | 1),
        }
    }

    /// The hash of a key; its upper bits are the good ones.
    pub(super) const fn hash(&self, key: &FlowKey) -> u64 {
        let s = &self.secrets;
        let sum = product(key.low as u64, s[0], (key.low >> 64) as u64, s[1])
            .wrapping_add(product(
                key.high as u64,
                s[2],
                (key.high >> 64) as u64,
                s[3],
            ))
            .wrapping_add(product(key.rest(), s[4], 0, s[5]));
        ((sum >> 64) as u64 ^ sum as u64).wrapping_mul(s[6])
    }
}

const fn product(a: u64, secret_a: u64, b: u64, secret_b: u64) -> u128 {
    (a.wrapping_add(secret_a) as u128).wrapping_mul(b.wrapping_add(secret_b) as u128)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_share_a_shard_and_shards_fill_evenly() {
        for spread in [1, 7, 1 << 16, 1 << 64] {
            let mut counts = [0u32; SHARDS];
            for i in 0..64_000u128 {
                let (a, b) = (0x0a00_0000 + i * spread, 0x0808_0000 + (i % 3) * 7);
                assert_eq!(shard_of(a, b), shard_of(b, a));
                counts[shard_of(a, b)] += 1;
            }
            assert!(
                counts.iter().all(|&count| (700..1_300).contains(&count)),
                "{spread}: {counts:?}"
            );
        }
    }

    #[test]
    fn upper_bits_of_the_hash_spread_however_alike_keys_are() {
        let hasher = KeyHasher::new();
        let mut counts = [0u32; 256];
        for i in 0..64_000u64 {
            let key = FlowKey {
                low: 0xffff_0a00_0001,
                high: 0xffff_0808_0808 + u128::from(i / 1_000),
                low_port: (i % 1_000) as u16,
                high_port: 443,
                protocol: 6,
                ..FlowKey::default()
            };
            counts[(hasher.hash(&key) >> 56) as usize] += 1;
        }
        assert!(
            counts.iter().all(|&count| (150..350).contains(&count)),
            "{counts:?}"
        );
        let same = FlowKey::default();
        assert_eq!(hasher.hash(&same), hasher.hash(&same));
        assert_ne!(hasher.hash(&same), KeyHasher::new().hash(&same));
    }
}
