//! Fields of a record of NetFlow v9 or IPFIX, by the numbers that both have in common.
//!
//! The numbers are those of the IANA registry of IPFIX Information Elements
//! (<https://www.iana.org/assignments/ipfix>), of which 1 to 127 are NetFlow v9's own (RFC 3954
//! section 8).

use std::net::IpAddr;

use netflow_parser::variable_versions::field_value::DurationValue;
use netflow_parser::variable_versions::ipfix::lookup::{IANAIPFixField, ReverseInformationElement};
use netflow_parser::{FieldValue, IpfixField, V9Field};

/// What a record says, as far as it matters here.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Fields {
    pub(super) ends: [Option<IpAddr>; 2],
    pub(super) ports: [u16; 2],
    /// VLANs in which packets came to the exporter, and left it.
    pub(super) vlans: [Option<u16>; 2],
    pub(super) protocol: u8,
    /// Bytes and packets of IP since the last report, of the flow and of its reverse.
    pub(super) delta: [[Option<u64>; 2]; 2],
    /// The same behind the exporter, or since the flow began.
    pub(super) post: [Option<u64>; 2],
    pub(super) total: [Option<u64>; 2],
    /// Payload that initiator and responder have sent since the last report.
    pub(super) payload: [Option<u64>; 2],
    /// First and last packet, in milliseconds since the exporter began.
    pub(super) uptime_ms: [Option<u64>; 2],
    /// The same in milliseconds since the epoch.
    pub(super) epoch_ms: [Option<u64>; 2],
    /// The same in microseconds before the export.
    pub(super) before_us: [Option<u64>; 2],
    pub(super) duration_ms: Option<u64>,
    /// When the exporter began, in milliseconds since the epoch.
    pub(super) init_ms: Option<u64>,
    pub(super) tcp_flags: u16,
    pub(super) end_reason: Option<u8>,
    pub(super) direction: Option<u64>,
    /// 2 where the second end began the conversation (RFC 5103 section 6.3).
    pub(super) biflow_direction: Option<u64>,
    /// Which sampler chose its packets.
    pub(super) sampler: Option<u64>,
    /// One in so many.
    pub(super) interval: Option<u64>,
    /// So many, and then none of so many (PSAMP, RFC 5477).
    pub(super) taken: Option<u64>,
    pub(super) skipped: Option<u64>,
    /// So many of so many.
    pub(super) size: Option<u64>,
    pub(super) population: Option<u64>,
}

impl Fields {
    /// Takes a field of NetFlow v9.
    pub(super) fn take_v9(&mut self, field: V9Field, value: &FieldValue) {
        self.take(field.into(), value);
    }

    /// Takes a field of IPFIX.
    pub(super) fn take_ipfix(&mut self, field: IpfixField, value: &FieldValue) {
        match field {
            IpfixField::IANA(field) => self.take(number(field), value),
            IpfixField::ReverseInformationElement(field) => {
                let place = match field {
                    ReverseInformationElement::ReverseOctetDeltaCount => 0,
                    ReverseInformationElement::ReversePacketDeltaCount => 1,
                    _ => return,
                };
                self.delta[1][place] = integer(value);
            }
            _ => {}
        }
    }

    fn take(&mut self, number: u16, value: &FieldValue) {
        let number_of_16 = || integer(value).and_then(|number| u16::try_from(number).ok());
        match number {
            1 => self.delta[0][0] = integer(value),
            2 => self.delta[0][1] = integer(value),
            4 => self.protocol = value.as_u8().unwrap_or_default(),
            6 => self.tcp_flags |= flags(value),
            7 => self.ports[0] = number_of_16().unwrap_or_default(),
            8 | 27 => self.ends[0] = address(value, self.ends[0]),
            11 => self.ports[1] = number_of_16().unwrap_or_default(),
            12 | 28 => self.ends[1] = address(value, self.ends[1]),
            21 => self.uptime_ms[1] = integer(value),
            22 => self.uptime_ms[0] = integer(value),
            23 => self.post[0] = integer(value),
            24 => self.post[1] = integer(value),
            85 => self.total[0] = integer(value),
            86 => self.total[1] = integer(value),
            231 => self.payload[0] = integer(value),
            232 => self.payload[1] = integer(value),
            150 | 152 | 154 | 156 => self.epoch_ms[0] = moment(value),
            151 | 153 | 155 | 157 => self.epoch_ms[1] = moment(value),
            158 => self.before_us[0] = integer(value),
            159 => self.before_us[1] = integer(value),
            160 => self.init_ms = moment(value),
            161 => self.duration_ms = integer(value),
            58 | 243 => self.vlans[0] = number_of_16(),
            59 | 254 => self.vlans[1] = number_of_16(),
            61 => self.direction = integer(value),
            136 => self.end_reason = end_reason(value),
            239 => self.biflow_direction = integer(value),
            34 | 50 => self.interval = integer(value).filter(|interval| *interval > 0),
            48 | 302 => self.sampler = integer(value),
            305 => self.taken = integer(value),
            306 => self.skipped = integer(value),
            309 => self.size = integer(value),
            310 => self.population = integer(value),
            _ => {}
        }
    }

    /// Packets of which one is counted, where the fields tell.
    pub(super) fn sampling(&self) -> Option<u32> {
        let of_psamp = self.taken.filter(|taken| *taken > 0).map(|taken| {
            let all = taken.saturating_add(self.skipped.unwrap_or(0));
            all / taken
        });
        let chosen = self.size.filter(|size| *size > 0).zip(self.population);
        let packets = of_psamp
            .or(chosen.map(|(size, population)| population / size))
            .or(self.interval)?;
        Some(u32::try_from(packets.max(1)).unwrap_or(u32::MAX))
    }
}

/// A number of any width of up to eight bytes, as fields may be shortened (RFC 7011 section 6.2).
fn integer(value: &FieldValue) -> Option<u64> {
    match value {
        FieldValue::Vec(bytes) => of_bytes(bytes),
        FieldValue::DataNumber(netflow_parser::DataNumber::Vec(bytes)) => of_bytes(bytes),
        value => value.as_u64(),
    }
}

fn of_bytes(bytes: &[u8]) -> Option<u64> {
    let fits = (1..=8).contains(&bytes.len());
    fits.then(|| {
        bytes
            .iter()
            .fold(0, |all, byte| all << 8 | u64::from(*byte))
    })
}

/// An address, if it is one of somebody: templates for both versions fill in zeros.
fn address(value: &FieldValue, known: Option<IpAddr>) -> Option<IpAddr> {
    let address = match value {
        FieldValue::Ip4Addr(v4) => IpAddr::V4(*v4),
        FieldValue::Ip6Addr(v6) => IpAddr::V6(*v6).to_canonical(),
        _ => return known,
    };
    if address.is_unspecified() && known.is_some() {
        return known;
    }
    Some(address)
}

/// Milliseconds since the epoch. Those of 64 bits in seconds and fractions count from 1900
/// (RFC 7011 section 6.1.9).
fn moment(value: &FieldValue) -> Option<u64> {
    const MS_1900_TO_1970: u64 = 2_208_988_800_000;
    match value {
        FieldValue::Duration(DurationValue::MicrosNtp { .. } | DurationValue::NanosNtp { .. }) => {
            value.as_u64()?.checked_sub(MS_1900_TO_1970)
        }
        value => integer(value),
    }
}

fn flags(value: &FieldValue) -> u16 {
    match value {
        FieldValue::TcpControlBits(bits, _) => (*bits).into(),
        value => integer(value).unwrap_or_default() as u16,
    }
}

fn end_reason(value: &FieldValue) -> Option<u8> {
    match value {
        FieldValue::FlowEndReason(reason) => Some((*reason).into()),
        value => value.as_u8(),
    }
}

/// The number of an element, and 0 for those that do not matter here.
const fn number(field: IANAIPFixField) -> u16 {
    match field {
        IANAIPFixField::OctetDeltaCount => 1,
        IANAIPFixField::PacketDeltaCount => 2,
        IANAIPFixField::ProtocolIdentifier => 4,
        IANAIPFixField::TcpControlBits => 6,
        IANAIPFixField::SourceTransportPort => 7,
        IANAIPFixField::SourceIpv4address => 8,
        IANAIPFixField::DestinationTransportPort => 11,
        IANAIPFixField::DestinationIpv4address => 12,
        IANAIPFixField::FlowEndSysUpTime => 21,
        IANAIPFixField::FlowStartSysUpTime => 22,
        IANAIPFixField::PostOctetDeltaCount => 23,
        IANAIPFixField::PostPacketDeltaCount => 24,
        IANAIPFixField::SourceIpv6address => 27,
        IANAIPFixField::DestinationIpv6address => 28,
        IANAIPFixField::SamplingInterval => 34,
        IANAIPFixField::SamplerId => 48,
        IANAIPFixField::SamplerRandomInterval => 50,
        IANAIPFixField::VlanId => 58,
        IANAIPFixField::PostVlanId => 59,
        IANAIPFixField::FlowDirection => 61,
        IANAIPFixField::OctetTotalCount => 85,
        IANAIPFixField::PacketTotalCount => 86,
        IANAIPFixField::FlowEndReason => 136,
        IANAIPFixField::FlowStartSeconds => 150,
        IANAIPFixField::FlowEndSeconds => 151,
        IANAIPFixField::FlowStartMilliseconds => 152,
        IANAIPFixField::FlowEndMilliseconds => 153,
        IANAIPFixField::FlowStartMicroseconds => 154,
        IANAIPFixField::FlowEndMicroseconds => 155,
        IANAIPFixField::FlowStartNanoseconds => 156,
        IANAIPFixField::FlowEndNanoseconds => 157,
        IANAIPFixField::FlowStartDeltaMicroseconds => 158,
        IANAIPFixField::FlowEndDeltaMicroseconds => 159,
        IANAIPFixField::SystemInitTimeMilliseconds => 160,
        IANAIPFixField::FlowDurationMilliseconds => 161,
        IANAIPFixField::InitiatorOctets => 231,
        IANAIPFixField::ResponderOctets => 232,
        IANAIPFixField::BiflowDirection => 239,
        IANAIPFixField::Dot1qVlanId => 243,
        IANAIPFixField::PostDot1qVlanId => 254,
        IANAIPFixField::SelectorId => 302,
        IANAIPFixField::SamplingPacketInterval => 305,
        IANAIPFixField::SamplingPacketSpace => 306,
        IANAIPFixField::SamplingSize => 309,
        IANAIPFixField::SamplingPopulation => 310,
        _ => 0,
    }
}
