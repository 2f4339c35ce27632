//! What the sensor half of a worker counts.

use crate::flow::{Endpoint, Flow};
use crate::geo::Geo;

/// Sums since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::pipeline) struct SensorCounts {
    /// Packets that were followed.
    pub(in crate::pipeline) packets: u64,
    /// Transfers that flow records of others told.
    pub(in crate::pipeline) flow_input: u64,
    /// Flow records that ended.
    pub(in crate::pipeline) flow_records: u64,
    /// Packets in them.
    pub(in crate::pipeline) flow_packets: u64,
    /// Bytes on the wire in them.
    pub(in crate::pipeline) flow_wire_bytes: u64,
    /// Whether one of them had an address of the site's networks.
    pub(in crate::pipeline) has_home: bool,
    /// Payload bytes in them.
    pub(in crate::pipeline) flow_payload_bytes: u64,
    /// TCP payload bytes of them that were never seen.
    pub(in crate::pipeline) missing_bytes: u64,
    /// Transfers that were folded away.
    pub(in crate::pipeline) rows_folded: u64,
    /// Flows that gave way to others.
    pub(in crate::pipeline) flows_evicted: u64,
    /// Flows that are followed now.
    pub(in crate::pipeline) flows_active: u64,
    /// Conversations whose beginning, or what it said, found no room.
    pub(in crate::pipeline) unheard: u64,
    /// Words of conversations and name servers beyond what a tick has room for.
    pub(in crate::pipeline) untold: u64,
}

impl SensorCounts {
    /// Counts a flow record that ended.
    pub(super) fn close(&mut self, flow: &Flow, geo: &Geo) {
        self.flow_records += 1;
        let is_home = |end: Endpoint| geo.is_home(end.address);
        // Asked until one is found; what exports has one.
        self.has_home =
            self.has_home || flow.export.is_some() || is_home(flow.src) || is_home(flow.dst);
        self.flow_packets += flow.packets();
        let (forward, reverse) = (&flow.forward, &flow.reverse);
        self.flow_wire_bytes += forward.wire_bytes + reverse.wire_bytes;
        self.flow_payload_bytes += forward.payload_bytes + reverse.payload_bytes;
        self.missing_bytes += forward.missing_bytes + reverse.missing_bytes;
    }
}

impl std::ops::Add for SensorCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            packets: self.packets + other.packets,
            flow_input: self.flow_input + other.flow_input,
            flow_records: self.flow_records + other.flow_records,
            flow_packets: self.flow_packets + other.flow_packets,
            flow_wire_bytes: self.flow_wire_bytes + other.flow_wire_bytes,
            has_home: self.has_home || other.has_home,
            flow_payload_bytes: self.flow_payload_bytes + other.flow_payload_bytes,
            missing_bytes: self.missing_bytes + other.missing_bytes,
            rows_folded: self.rows_folded + other.rows_folded,
            flows_evicted: self.flows_evicted + other.flows_evicted,
            flows_active: self.flows_active + other.flows_active,
            unheard: self.unheard + other.unheard,
            untold: self.untold + other.untold,
        }
    }
}
