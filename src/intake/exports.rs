//! Flow records to transfers.

use crate::dissect::Protection;
use crate::geo::{Geo, Side};
use crate::inventory::Vlan;
use crate::time::Tick;
use crate::transfer::{Conversation, Measure, Service, Transfer};

use super::record::FlowRecord;

/// What the ends at home sent abroad, as a record tells. The tick stays open.
///
/// Nobody sees what protects it, whom it asks for, or what is sent again. Of a record of one
/// direction it is not told who began: the end with the lower port is taken for the server.
pub(super) fn exports(
    record: &FlowRecord,
    geo: &Geo,
    sampling: Option<u32>,
) -> impl Iterator<Item = Transfer> {
    let places = record.ends.map(|end| geo.place(end));
    let has_ports = !matches!(record.protocol, ICMP | ICMPV6);
    let ports = if has_ports { record.ports } else { [0; 2] };
    let is_told = record.sent.iter().all(|sent| sent.bytes > 0);
    let responder = if is_told || ports[1] <= ports[0] {
        1
    } else {
        0
    };
    let service = Service::of(record.protocol, ports[responder], ports[1 - responder]);
    let packets = sampling.unwrap_or(1).max(1);
    (0..2).filter_map(move |own| {
        let other = 1 - own;
        if [places[own].side, places[other].side] != [Side::Home, Side::Foreign] {
            return None;
        }
        let bytes = record.payload_bytes(own).saturating_mul(packets.into());
        let place = places[other];
        (bytes > 0).then_some(Transfer {
            tick: Tick(0),
            country: place.country,
            asn: place.asn,
            service,
            asset_ip: record.ends[own],
            vlan: Vlan::of_tag(record.vlans[own]),
            conversation: Some(Conversation {
                asset_port: ports[own],
                peer: record.ends[other],
                peer_port: ports[other],
                protocol: record.protocol,
            }),
            served: own == responder,
            bytes,
            confidence: place.confidence,
            protection: Protection::Unseen,
            ended: record.ended,
            round_trip_nanos: None,
            measure: Measure::sampled(packets),
        })
    })
}

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

#[cfg(test)]
mod tests {
    use super::super::record::Sent;
    use super::super::record::tests::record;
    use super::super::tests::GEO;
    use super::*;

    fn told(record: &FlowRecord, sampling: Option<u32>) -> Vec<Transfer> {
        exports(record, &GEO, sampling).collect()
    }

    #[test]
    fn the_end_at_home_exports_and_sampling_is_applied_and_said() {
        let [sent] = told(&record(1_052, 1), None)[..] else {
            panic!()
        };
        assert_eq!(
            (sent.bytes, sent.served, sent.measure),
            (1_000, false, Measure::RECORDS)
        );
        assert_eq!((sent.country.code(), sent.service), ("US", Service::Web));
        let [sampled] = told(&record(1_052, 1), Some(512))[..] else {
            panic!()
        };
        assert_eq!(
            (sampled.bytes, sampled.measure.one_in()),
            (512_000, Some(512))
        );
        let mut back = record(1_052, 1);
        back.ends.reverse();
        back.ports.reverse();
        assert_eq!(told(&back, None), [], "what comes in is no export");
        let most = told(&record(u64::MAX, 1), Some(u32::MAX));
        assert_eq!(
            (most[0].bytes, most[0].measure.one_in()),
            (u64::MAX, Some(u16::MAX))
        );
    }

    #[test]
    fn of_both_directions_the_one_that_leaves_counts_and_who_began_is_known() {
        let mut both = record(9_052, 1);
        both.ends.reverse();
        both.sent[1] = Sent {
            bytes: 2_052,
            packets: 1,
        };
        both.ports = [50_000, 60_000];
        let [answer] = told(&both, None)[..] else {
            panic!()
        };
        assert_eq!((answer.bytes, answer.served), (2_000, true));
        let ends = answer.conversation.unwrap();
        assert_eq!((ends.asset_port, ends.peer_port), (60_000, 50_000));
    }

    #[test]
    fn types_of_icmp_are_no_ports() {
        let ping = FlowRecord {
            protocol: ICMP,
            ports: [0, 2_048],
            ..record(1_028, 1)
        };
        let [sent] = told(&ping, None)[..] else {
            panic!()
        };
        assert_eq!((sent.service, sent.bytes), (Service::Icmp, 1_000));
        assert_eq!(sent.conversation.unwrap().peer_port, 0);
    }
}
