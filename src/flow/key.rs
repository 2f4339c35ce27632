//! Which packets belong together, and to which shard.

use crate::decode::Packet;

use super::Endpoint;

/// Shards of the flow table. A constant, because evictions depend on it.
pub const SHARDS: usize = 64;

/// Both endpoints and the protocol, the same for both directions: the endpoint that
/// sorts first is `low`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowKey {
    /// The endpoint that sorts first.
    pub low: Endpoint,
    /// The other endpoint.
    pub high: Endpoint,
    /// IANA protocol number.
    pub protocol: u8,
}

impl FlowKey {
    /// The key of a packet.
    pub fn of(packet: &Packet) -> Self {
        let src = Endpoint {
            address: packet.src_address(),
            port: packet.src_port,
        };
        let dst = Endpoint {
            address: packet.dst_address(),
            port: packet.dst_port,
        };
        let (low, high) = if src <= dst { (src, dst) } else { (dst, src) };
        Self {
            low,
            high,
            protocol: packet.protocol,
        }
    }
}

/// The shard that follows the conversation of two addresses, in either order.
///
/// Ports take no part, so that fragments and both directions stay together. The mixing is
/// fixed on purpose: which flows share a bound must not change from run to run.
pub fn shard_of(a: u128, b: u128) -> usize {
    let mixed = mix(a).wrapping_add(mix(b));
    (mix_64(mixed) >> (64 - SHARDS.trailing_zeros())) as usize
}

fn mix(bits: u128) -> u64 {
    mix_64((bits as u64) ^ mix_64((bits >> 64) as u64))
}

/// The finaliser of MurmurHash3: every bit of the input reaches every bit of the output.
fn mix_64(mut x: u64) -> u64 {
    x ^= x >> 33;
    x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
    x ^= x >> 33;
    x = x.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ (x >> 33)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_share_a_shard_and_shards_fill_evenly() {
        let mut counts = [0u32; SHARDS];
        for i in 0..64_000u32 {
            let a = u128::from(0x0a00_0000 + i);
            let b = u128::from(0x0808_0000 + i * 7);
            assert_eq!(shard_of(a, b), shard_of(b, a));
            counts[shard_of(a, b)] += 1;
        }
        assert!(
            counts.iter().all(|&count| (800..1_200).contains(&count)),
            "{counts:?}"
        );
    }
}
