//! What may leave the sensor of a flow: one struct, and nothing that is not in it.
//!
//! It is made where a flow ends, and its addresses and names are hidden there (see
//! [`crate::privacy`]), so that no format ever has them in the clear. docs/sinks.md has the same
//! list for people.

use std::net::IpAddr;

use super::FlowRecord;
use super::community_id::{CommunityId, community_id};
use crate::decode::TunnelPath;
use crate::dissect::{Application, Protection};
use crate::flow::{End, Endpoint, Traffic};
use crate::geo::Country;
use crate::privacy::Veil;
use crate::time::{Tick, Timestamp};

/// A flow that ended, or a part of a long one, as other systems are told of it.
#[derive(Clone, Debug)]
pub struct FlowEvent {
    /// The tick in which the record ended.
    pub tick: Tick,
    /// Time of the first packet.
    pub first: Timestamp,
    /// Time of the last packet.
    pub last: Timestamp,
    /// The initiator, or the first sender seen where `midstream`.
    pub src: Endpoint,
    /// The other side.
    pub dst: Endpoint,
    /// IANA protocol number.
    pub protocol: u8,
    /// Whether packets carried ports.
    pub has_ports: bool,
    /// VLAN of the first packet.
    pub vlan: Option<u16>,
    /// From the initiator.
    pub forward: Traffic,
    /// To the initiator.
    pub reverse: Traffic,
    /// Countries of both ends, as far as they are told.
    pub countries: [Option<Country>; 2],
    /// Autonomous systems of both ends, 0 if unknown.
    pub asns: [u32; 2],
    /// Why the record ended.
    pub end: End,
    /// TCP whose opening was not seen.
    pub midstream: bool,
    /// Whether the handshake of TCP was seen.
    pub has_handshake: bool,
    /// Tunnels around the first packet.
    pub tunnel: TunnelPath,
    /// What it speaks.
    pub application: Application,
    /// How what it carries is protected.
    pub protection: Protection,
    /// The server that the client asks for. Printable ASCII, at most 255 bytes before it was
    /// hidden.
    pub server_name: Option<Box<str>>,
    /// Its Community ID, where flows have theirs and nothing is hidden.
    pub community_id: Option<CommunityId>,
}

impl FlowEvent {
    /// What is told of a record. `community_seed` is that of Community IDs, if they are wanted.
    pub(super) fn new(flow: &FlowRecord, veil: &Veil, community_seed: Option<u16>) -> Self {
        let [src, dst] = flow.ends().map(|end| Endpoint {
            address: veil.address(end.address),
            // Types of ICMP messages stand in the key where there are no ports.
            port: if flow.has_ports { end.port } else { 0 },
        });
        let said = flow.said.as_deref();
        let name = said.and_then(|said| said.server_name.as_deref());
        Self {
            tick: flow.tick,
            first: flow.first,
            last: flow.last,
            src,
            dst,
            protocol: flow.key.protocol,
            has_ports: flow.has_ports,
            vlan: flow.vlan,
            forward: flow.forward,
            reverse: flow.reverse,
            countries: [flow.places[0].country, flow.places[1].country],
            asns: [flow.places[0].asn, flow.places[1].asn],
            end: flow.end,
            midstream: flow.midstream,
            has_handshake: flow.round_trip_nanos.is_some(),
            tunnel: flow.tunnel,
            application: said.map_or(Application::Unknown, |said| said.application),
            protection: said.map_or(Protection::Unseen, |said| said.protection),
            server_name: name.map(|name| veil.text(name).into()),
            community_id: community_seed
                .and_then(|seed| community_id(seed, &flow.key, flow.has_ports)),
        }
    }

    /// A flow by which somebody tries out a sink: a packet between addresses for documentation
    /// (RFC 5737), to the port that throws everything away.
    pub fn test(now: Tick) -> Self {
        let end = |last: u8, port| Endpoint {
            address: IpAddr::from([192, 0, 2, last]),
            port,
        };
        Self {
            tick: now,
            first: now.start(),
            last: now.start(),
            src: end(1, TEST_PORT),
            dst: end(2, TEST_PORT),
            protocol: UDP,
            has_ports: true,
            vlan: None,
            forward: Traffic {
                packets: 1,
                wire_bytes: 42,
                ip_bytes: 28,
                ..Traffic::default()
            },
            reverse: Traffic::default(),
            countries: [None; 2],
            asns: [0; 2],
            end: End::Idle,
            midstream: false,
            has_handshake: false,
            tunnel: TunnelPath::default(),
            application: Application::Unknown,
            protection: Protection::Unseen,
            server_name: None,
            community_id: None,
        }
    }

    /// Whether only the initiator was heard.
    pub const fn is_one_way(&self) -> bool {
        self.reverse.packets == 0
    }

    /// Nanoseconds from the first packet to the last.
    pub const fn duration_nanos(&self) -> u64 {
        self.last.as_nanos().saturating_sub(self.first.as_nanos())
    }

    /// The Community ID as text.
    pub(super) fn community_text(&self) -> Option<&str> {
        let id = self.community_id.as_ref()?;
        std::str::from_utf8(id).ok()
    }
}

/// The port of the discard protocol (RFC 863).
const TEST_PORT: u16 = 9;

/// IANA numbers of protocols that formats treat apart.
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
