//! The tunnels around a packet.

use std::fmt;

/// A kind of tunnel: what puts one IP packet into another.
///
/// Tags, labels and sessions of the link layer (VLAN, MPLS, PPPoE, service function
/// headers) are none, since no second pair of addresses stands around the packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Tunnel {
    /// An IPv4 packet right behind an IP header (RFC 2003, RFC 2473).
    Ipv4 = 1,
    /// An IPv6 packet right behind an IP header (RFC 4213, RFC 2473).
    Ipv6 = 2,
    /// Generic routing encapsulation (RFC 2784), PPTP's version included (RFC 2637).
    Gre = 3,
    /// Mirrored frames of Cisco switches in GRE, versions I to III.
    Erspan = 4,
    /// Virtual extensible LAN (RFC 7348) and its generic protocol extension.
    Vxlan = 5,
    /// Generic network virtualisation encapsulation (RFC 8926).
    Geneve = 6,
    /// User plane of the GPRS tunnelling protocol (3GPP TS 29.281).
    GtpU = 7,
    /// IPv6 in UDP through NATs (RFC 4380).
    Teredo = 8,
    /// Layer two tunnelling protocol (RFC 2661, RFC 3931).
    L2tp = 9,
    /// Ethernet in IP (RFC 3378).
    EtherIp = 10,
    /// MPLS in IP (RFC 4023) or in UDP (RFC 7510).
    Mpls = 11,
}

impl Tunnel {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 11] = [
        Self::Ipv4,
        Self::Ipv6,
        Self::Gre,
        Self::Erspan,
        Self::Vxlan,
        Self::Geneve,
        Self::GtpU,
        Self::Teredo,
        Self::L2tp,
        Self::EtherIp,
        Self::Mpls,
    ];

    /// The name under which outputs show it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::Gre => "gre",
            Self::Erspan => "erspan",
            Self::Vxlan => "vxlan",
            Self::Geneve => "geneve",
            Self::GtpU => "gtp-u",
            Self::Teredo => "teredo",
            Self::L2tp => "l2tp",
            Self::EtherIp => "etherip",
            Self::Mpls => "mpls",
        }
    }
}

/// The tunnels around a packet, the outermost first: one number of four bits each, the
/// outermost in the lowest bits, 0 where there are no more.
///
/// It is shown as names between slashes, such as `vxlan/gre`, and as nothing for a packet
/// in no tunnel.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TunnelPath(pub u32);

impl TunnelPath {
    /// Tunnels that a path has room for.
    pub const DEPTH_MAX: u32 = u32::BITS / KIND_BITS;

    /// Whether there is no tunnel at all.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// This path and one more tunnel inside, or nothing where it has its deepest already.
    pub const fn inside(self, tunnel: Tunnel) -> Option<Self> {
        let used_bits = u32::BITS.saturating_sub(self.0.leading_zeros());
        let shift = used_bits.next_multiple_of(KIND_BITS);
        if shift >= u32::BITS {
            return None;
        }
        Some(Self(self.0 | (tunnel as u32) << shift))
    }

    /// The tunnels, the outermost first.
    pub fn tunnels(self) -> impl Iterator<Item = Tunnel> {
        (0..Self::DEPTH_MAX).map_while(move |level| {
            let number = self.0 >> level.saturating_mul(KIND_BITS) & KIND_MASK;
            let known = Tunnel::ALL.iter().copied();
            known.into_iter().find(|kind| *kind as u32 == number)
        })
    }
}

impl fmt::Display for TunnelPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (level, tunnel) in self.tunnels().enumerate() {
            let between = if level == 0 { "" } else { "/" };
            write!(f, "{between}{}", tunnel.name())?;
        }
        Ok(())
    }
}

/// Bits of one level.
const KIND_BITS: u32 = 4;
const KIND_MASK: u32 = (1 << KIND_BITS) - 1;

/// Every kind fits one level.
const _: () = assert!(Tunnel::ALL.len() < 1 << KIND_BITS);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_keeps_the_order_and_its_bound() {
        let path = TunnelPath::default();
        assert!(path.is_empty() && path.to_string().is_empty());
        let path = path.inside(Tunnel::Vxlan).unwrap();
        let mut path = path.inside(Tunnel::Gre).unwrap();
        assert_eq!(path.to_string(), "vxlan/gre");
        for _ in 2..TunnelPath::DEPTH_MAX {
            path = path.inside(Tunnel::Ipv4).unwrap();
        }
        assert_eq!(path.tunnels().count(), 8);
        assert_eq!(path.inside(Tunnel::Mpls), None);
    }

    #[test]
    fn every_kind_comes_back_from_a_path() {
        for (index, kind) in Tunnel::ALL.into_iter().enumerate() {
            assert_eq!(kind as usize, index + 1);
            let path = TunnelPath::default().inside(kind).unwrap();
            assert_eq!(path.tunnels().collect::<Vec<_>>(), [kind]);
            assert_eq!(path.to_string(), kind.name());
        }
    }
}
