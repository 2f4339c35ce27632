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
    /// Port of the end that sorts first, or what stands for one where messages of ICMP are
    /// told apart.
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

/// A key as the table holds it: what is compared are two numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct CompactKey {
    /// Both IPv4 addresses, that of the low end in the lower half; of IPv6 a hash of both,
    /// which finds a flow but does not prove that it is the one.
    pub(super) addresses: u64,
    /// All but the addresses.
    pub(super) rest: Rest,
}

/// Ports, VLAN, protocol and IP version as one number; that of no flow is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Rest(pub(super) u64);

impl Rest {
    const IPV4: u64 = 1 << 56;
    const IPV6: u64 = 1 << 57;
    const VLAN: u64 = 0xffff << 32;

    const fn new(ports: u32, packet: &Packet) -> Self {
        let version = if packet.facts.has(Facts::IPV6) {
            Self::IPV6
        } else {
            Self::IPV4
        };
        let vlan = (packet.vlan_id as u64) << 32;
        Self(ports as u64 | vlan | (packet.protocol as u64) << 48 | version)
    }

    pub(super) const fn low_port(self) -> u16 {
        self.0 as u16
    }

    pub(super) const fn high_port(self) -> u16 {
        (self.0 >> 16) as u16
    }

    pub(super) const fn vlan(self) -> u16 {
        (self.0 >> 32) as u16
    }

    /// The same in another VLAN.
    pub(super) const fn in_vlan(self, vlan: u16) -> Self {
        Self(self.0 & !Self::VLAN | (vlan as u64) << 32)
    }

    pub(super) const fn protocol(self) -> u8 {
        (self.0 >> 48) as u8
    }

    pub(super) const fn is_ipv6(self) -> bool {
        self.0 & Self::IPV6 != 0
    }

    /// What tells flows apart: all of it, or all but the VLAN.
    pub(super) const fn told_apart(self, by_vlan: bool) -> u64 {
        if by_vlan {
            self.0
        } else {
            self.0 & !Self::VLAN
        }
    }
}

/// Hashes keys with secrets of its own, so that senders cannot choose keys that collide.
///
/// It is the inner product of UMAC (RFC 4418 section 5.2), with words of 64 bits: two
/// keys collide with a probability of 2^-64 over the secrets, whatever the keys. A
/// multiplication by a secret odd number then spreads the sum over the upper bits
/// (multiply-shift, Dietzfelbinger et al. 1997). IPv6 addresses go through it twice.
#[derive(Clone, Copy, Debug)]
pub(super) struct KeyHasher {
    secrets: [u64; 7],
    by_vlan: bool,
}

impl KeyHasher {
    /// Draws secrets. Nothing that is told depends on them.
    pub(super) fn new(by_vlan: bool) -> Self {
        let state = RandomState::new();
        Self {
            secrets: std::array::from_fn(|index| state.hash_one(index) | 1),
            by_vlan,
        }
    }

    /// The key of a packet, and whether its sender is the low end.
    #[inline]
    pub(super) fn key(&self, packet: &Packet) -> (CompactKey, bool) {
        if packet.facts.has(Facts::IPV6) {
            return self.key_ipv6(packet);
        }
        let end = |address: u128, port: u16| u64::from(address as u32) << 16 | u64::from(port);
        let src = end(packet.src, packet.src_port);
        let dst = end(packet.dst, packet.dst_port);
        let (low, high) = (src.min(dst), src.max(dst));
        let ports = low as u32 & 0xffff | (high as u32) << 16;
        let key = CompactKey {
            addresses: low >> 16 | high >> 16 << 32,
            rest: Rest::new(ports, packet),
        };
        (key, src <= dst)
    }

    fn key_ipv6(&self, packet: &Packet) -> (CompactKey, bool) {
        let (key, is_low) = FlowKey::of(packet, true);
        let s = &self.secrets;
        let sum = product(key.low as u64, s[0], (key.low >> 64) as u64, s[1]).wrapping_add(
            product(key.high as u64, s[2], (key.high >> 64) as u64, s[3]),
        );
        let ports = u32::from(key.low_port) | u32::from(key.high_port) << 16;
        let key = CompactKey {
            addresses: (sum >> 64) as u64 ^ sum as u64,
            rest: Rest::new(ports, packet),
        };
        (key, is_low)
    }

    /// The hash of a key.
    #[inline]
    pub(super) const fn hash(&self, key: &CompactKey) -> u32 {
        let s = &self.secrets;
        let rest = key.rest.told_apart(self.by_vlan);
        let sum = product(key.addresses, s[4], rest, s[5]);
        let spread = ((sum >> 64) as u64 ^ sum as u64).wrapping_mul(s[6]);
        (spread >> 32) as u32
    }

    /// Whether two keys are told apart by nothing but, of IPv6, their addresses.
    #[inline]
    pub(super) const fn are_alike(&self, a: &CompactKey, b: &CompactKey) -> bool {
        let differ = a.rest.0 ^ b.rest.0;
        a.addresses == b.addresses && Rest(differ).told_apart(self.by_vlan) == 0
    }
}

const fn product(a: u64, secret_a: u64, b: u64, secret_b: u64) -> u128 {
    (a.wrapping_add(secret_a) as u128).wrapping_mul(b.wrapping_add(secret_b) as u128)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    fn packet(src: u128, dst: u128, ports: (u16, u16), facts: Facts) -> Packet {
        Packet {
            src,
            dst,
            src_port: ports.0,
            dst_port: ports.1,
            protocol: 6,
            facts,
            ..Packet::default()
        }
    }

    #[test]
    fn upper_bits_of_the_hash_spread_however_alike_keys_are() {
        let hasher = KeyHasher::new(false);
        for facts in [Facts::default(), Facts::IPV6] {
            let mut counts = [0u32; 256];
            for i in 0..64_000u64 {
                let dst = 0xffff_0808_0808 + u128::from(i / 1_000);
                let packet = packet(0xffff_0a00_0001, dst, ((i % 1_000) as u16, 443), facts);
                counts[(hasher.hash(&hasher.key(&packet).0) >> 24) as usize] += 1;
            }
            assert!(
                counts.iter().all(|&count| (150..350).contains(&count)),
                "{counts:?}"
            );
        }
        let (key, _) = hasher.key(&packet(1, 2, (3, 4), Facts::default()));
        assert_eq!(hasher.hash(&key), hasher.hash(&key));
        assert_ne!(hasher.hash(&key), KeyHasher::new(false).hash(&key));
    }

    proptest! {
        /// The compact key says what the key that is told says, and nothing more.
        #[test]
        fn compact_keys_agree_with_whole_ones(
            ends in prop::collection::vec((0u8..3, 0u16..3, 0u16..2, any::<bool>()), 2),
            is_ipv6: bool,
            by_vlan: bool,
        ) {
            let hasher = KeyHasher::new(by_vlan);
            let packets = [0, 1].map(|turn: usize| {
                let (a, b) = (ends[turn], ends[1 - turn]);
                let address = |end: u8| 0xffff_0a00_0000 + u128::from(end);
                let facts = if is_ipv6 && a.3 { Facts::IPV6 } else { Facts::default() };
                let both = packet(address(a.0), address(b.0), (a.1, b.1), facts);
                Packet { vlan_id: a.2, ..both }
            });
            let whole = packets.map(|packet| FlowKey::of(&packet, by_vlan));
            let compact = packets.map(|packet| hasher.key(&packet));
            prop_assert_eq!(whole.map(|it| it.1), compact.map(|it| it.1));
            let are_alike = hasher.are_alike(&compact[0].0, &compact[1].0);
            prop_assert_eq!(whole[0].0 == whole[1].0, are_alike);
            if are_alike {
                prop_assert_eq!(hasher.hash(&compact[0].0), hasher.hash(&compact[1].0));
            }
        }
    }
}
