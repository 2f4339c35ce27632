//! NetFlow v5 and v9 (RFC 3954) and IPFIX (RFC 7011): messages to flow records.
//!
//! Messages and templates are read by the netflow_parser crate, one parser for each observation
//! domain of an exporter, with bounds on what a hostile one may make it hold. Here fields become
//! records: times by the exporter's own clock, sampling by what its options say.

mod fields;

use std::collections::BTreeMap;
use std::time::Duration;

use netflow_parser::static_versions::v5::{FlowSet as V5Record, Header as V5Header, V5};
use netflow_parser::variable_versions::ipfix::{FlowSetBody as IpfixBody, IPFix};
use netflow_parser::variable_versions::v9::{FlowSetBody as V9Body, V9};
use netflow_parser::{ConfigError, NetflowPacket, NetflowParser, PendingFlowsConfig};

use super::record::{FlowRecord, Sent, Unit, has_ended};
use fields::Fields;

/// Templates of one observation domain. Beyond them the one that was not used longest goes.
const TEMPLATES_MAX: usize = 256;

/// Fields of one template.
const TEMPLATE_FIELDS_MAX: usize = 256;

/// Bytes of one record, as its template states them.
const RECORD_BYTES_MAX: usize = 4_096;

/// Sets of one template that wait for it to come, and bytes of all that wait.
const WAITING_SETS_MAX: usize = 256;
const WAITING_BYTES_MAX: usize = 1 << 20;

/// How long sets wait for their template: exporters repeat them every few minutes.
const WAITING: Duration = Duration::from_secs(600);

/// Samplers of one observation domain.
const SAMPLERS_MAX: usize = 64;

/// Reads what one observation domain of an exporter sends.
#[derive(Debug)]
pub(super) struct Domain {
    parser: NetflowParser,
    /// Packets of which one is counted, by the number of a sampler.
    samplers: BTreeMap<u64, u32>,
    /// The same where options name no sampler.
    sampling: Option<u32>,
    /// When the exporter began, where options say so.
    init_ms: Option<u64>,
}

/// What a message was beside its records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Read {
    /// Sets whose template has not come yet; they wait for it.
    pub(super) without_template: u64,
    /// Records that tell of no addresses or no bytes.
    pub(super) empty: u64,
    /// Whether it is damaged. What stands before that was read.
    pub(super) is_malformed: bool,
    /// Data records of all kinds, as sequence numbers of IPFIX and v5 count them; nothing where
    /// a set could not be counted.
    pub(super) data_records: Option<u32>,
}

/// The moment of an export, by the exporter's clock.
#[derive(Clone, Copy, Debug)]
struct Export {
    epoch_ms: u64,
    /// Milliseconds since the exporter began, of 32 bits that wrap after 50 days.
    uptime_ms: Option<u32>,
}

impl Domain {
    pub(super) fn new() -> Result<Self, ConfigError> {
        let mut waiting = PendingFlowsConfig::with_ttl(TEMPLATES_MAX, WAITING);
        waiting.max_entries_per_template = WAITING_SETS_MAX;
        waiting.max_total_bytes = WAITING_BYTES_MAX;
        let parser = NetflowParser::builder()
            .with_cache_size(TEMPLATES_MAX)
            .with_max_field_count(TEMPLATE_FIELDS_MAX)
            .with_max_template_total_size(RECORD_BYTES_MAX)
            .with_allowed_versions(&[5, 9, 10])
            .with_max_error_sample_size(1)
            .with_pending_flows(waiting)
            .build()?;
        Ok(Self {
            parser,
            samplers: BTreeMap::new(),
            sampling: None,
            init_ms: None,
        })
    }

    /// Reads one datagram, which is one message, and hands its records to `out`.
    pub(super) fn read(&mut self, datagram: &[u8], out: &mut dyn FnMut(FlowRecord)) -> Read {
        let mut read = Read::default();
        let parsed = self.parser.parse_bytes(datagram);
        read.is_malformed = parsed.error.is_some() || parsed.packets.len() != 1;
        // A datagram is one message: a second one behind it is padding or a lie.
        match parsed.packets.into_iter().next() {
            Some(NetflowPacket::V5(message)) => v5(&message, &mut read, out),
            Some(NetflowPacket::V9(message)) => {
                let sent = sets(datagram, V9_HEADER_BYTES);
                read.without_template = waiting(sent, message.flowsets.len());
                self.v9(&message, &mut read, out);
            }
            Some(NetflowPacket::IPFix(message)) => {
                let sent = sets(datagram, IPFIX_HEADER_BYTES);
                read.without_template = waiting(sent, message.flowsets.len());
                let records = self.ipfix(&message, &mut read, out);
                // Sets that had waited for a template are handed over with the message that
                // brings it, and those of which none is known cannot be counted.
                let is_whole = sent == message.flowsets.len() && !read.is_malformed;
                read.data_records = is_whole.then_some(records);
            }
            _ => read.is_malformed = true,
        }
        read
    }

    fn v9(&mut self, message: &V9, read: &mut Read, out: &mut dyn FnMut(FlowRecord)) {
        let export = Export {
            epoch_ms: u64::from(message.header.unix_secs) * 1_000,
            uptime_ms: Some(message.header.sys_up_time),
        };
        for set in &message.flowsets {
            match &set.body {
                V9Body::Data(data) => {
                    for record in &data.fields {
                        let mut fields = Fields::default();
                        for (field, value) in record {
                            fields.take_v9(*field, value);
                        }
                        self.record(&fields, export, read, out);
                    }
                }
                V9Body::OptionsData(data) => {
                    for record in &data.fields {
                        let mut fields = Fields::default();
                        for (field, value) in &record.options_fields {
                            fields.take_v9(*field, value);
                        }
                        self.learn(&fields);
                    }
                }
                _ => {}
            }
        }
    }

    fn ipfix(&mut self, message: &IPFix, read: &mut Read, out: &mut dyn FnMut(FlowRecord)) -> u32 {
        let export = Export {
            epoch_ms: u64::from(message.header.export_time) * 1_000,
            uptime_ms: None,
        };
        let mut records = 0u32;
        let mut take = |domain: &mut Self, fields: &Fields, is_option, read: &mut Read| {
            records = records.wrapping_add(1);
            match is_option {
                true => domain.learn(fields),
                false => domain.record(fields, export, read, out),
            }
        };
        for set in &message.flowsets {
            let (of_ipfix, of_v9, is_option) = match &set.body {
                IpfixBody::Data(data) => (&data.fields[..], &[][..], false),
                IpfixBody::OptionsData(data) => (&data.fields[..], &[][..], true),
                IpfixBody::V9Data(data) => (&[][..], &data.fields[..], false),
                _ => continue,
            };
            for record in of_ipfix {
                let mut fields = Fields::default();
                for (field, value) in record {
                    fields.take_ipfix(*field, value);
                }
                take(self, &fields, is_option, read);
            }
            for record in of_v9 {
                let mut fields = Fields::default();
                for (field, value) in record {
                    fields.take_v9(*field, value);
                }
                take(self, &fields, is_option, read);
            }
        }
        records
    }

    /// Takes what options say of sampling, and of the exporter's clock.
    fn learn(&mut self, fields: &Fields) {
        self.init_ms = fields.init_ms.or(self.init_ms);
        let Some(sampling) = fields.sampling() else {
            return;
        };
        match fields.sampler {
            Some(sampler) => {
                let has_room = self.samplers.len() < SAMPLERS_MAX;
                if has_room || self.samplers.contains_key(&sampler) {
                    self.samplers.insert(sampler, sampling);
                }
            }
            None => self.sampling = Some(sampling),
        }
    }

    /// What a record says of its sampling, or options of its sampler; and where it names none,
    /// options of the only sampler that there is.
    fn sampling(&self, fields: &Fields) -> Option<u32> {
        let named = fields
            .sampler
            .and_then(|sampler| self.samplers.get(&sampler));
        let only = || match fields.sampler {
            None if self.samplers.len() == 1 => self.samplers.values().next().copied(),
            _ => None,
        };
        let own = fields.sampling();
        own.or(named.copied()).or(self.sampling).or_else(only)
    }

    fn record(
        &self,
        fields: &Fields,
        export: Export,
        read: &mut Read,
        out: &mut dyn FnMut(FlowRecord),
    ) {
        let [Some(source), Some(destination)] = fields.ends else {
            read.empty += 1;
            return;
        };
        let Some((sent, unit)) = sent(fields) else {
            read.empty += 1;
            return;
        };
        let init_ms = fields.init_ms.or(self.init_ms);
        let (age_ms, duration_ms) = times(fields, export, init_ms);
        let mut record = FlowRecord {
            ends: [source, destination],
            ports: fields.ports,
            vlans: fields.vlans,
            protocol: fields.protocol,
            sent,
            age_ms,
            duration_ms,
            sampling: self.sampling(fields),
            ended: match fields.end_reason {
                Some(reason) if reason > 0 => reason != ACTIVE_TIMEOUT,
                _ => has_ended(fields.tcp_flags, age_ms),
            },
            egress: fields.direction.map(|direction| direction == 1),
            place: 0,
            unit,
        };
        // Who began stands first, as far as is known.
        if fields.biflow_direction == Some(REVERSE_INITIATOR) {
            record.ends.reverse();
            record.ports.reverse();
            record.vlans.reverse();
            record.sent.reverse();
        }
        out(record);
    }
}

/// Values of flowEndReason (IE 136) and biflowDirection (IE 239).
const ACTIVE_TIMEOUT: u8 = 2;
const REVERSE_INITIATOR: u64 = 2;

/// What both ends sent, and what it is counted in.
fn sent(fields: &Fields) -> Option<([Sent; 2], Unit)> {
    let [forward, reverse] = fields.delta;
    let of = |[bytes, packets]: [Option<u64>; 2]| {
        bytes.map(|bytes| Sent {
            bytes,
            packets: packets.unwrap_or(0),
        })
    };
    if of(forward).or(of(reverse)).is_some() {
        let sent = [forward, reverse].map(|counts| of(counts).unwrap_or_default());
        return Some((sent, Unit::Ip));
    }
    if fields.payload.iter().any(Option::is_some) {
        let sent = fields.payload.map(|bytes| Sent {
            bytes: bytes.unwrap_or(0),
            packets: 0,
        });
        return Some((sent, Unit::Payload));
    }
    let forward = of(fields.post).or(of(fields.total))?;
    Some(([forward, Sent::default()], Unit::Ip))
}

/// Milliseconds from the last packet to the export, and from the first to the last.
fn times(fields: &Fields, export: Export, init_ms: Option<u64>) -> (Option<u64>, u64) {
    let duration = |start: Option<u64>, end: u64| {
        let start = start.or_else(|| end.checked_sub(fields.duration_ms?));
        start.map_or(0, |start| end.saturating_sub(start))
    };
    let age = |end: u64| before_export(export.epoch_ms, end);
    if let [start, Some(end)] = fields.epoch_ms {
        return (age(end), duration(start, end));
    }
    if let [start, Some(end)] = fields.before_us {
        return (
            Some(end / 1_000),
            start.map_or(0, |start| start.saturating_sub(end) / 1_000),
        );
    }
    if let [start, Some(end)] = fields.uptime_ms {
        let start = start.unwrap_or(end);
        // Both are of 32 bits, so that their difference is right where they wrap.
        let duration = wrapped(start as u32, end as u32);
        let age = match (export.uptime_ms, init_ms) {
            (Some(now), _) => before_uptime(now, end as u32),
            (None, Some(init)) => age(init.saturating_add(end)),
            (None, None) => None,
        };
        return (age, duration);
    }
    (None, fields.duration_ms.unwrap_or(0))
}

/// How far a moment lies before an export, whose own time is in whole seconds; one a little
/// after it is of the same moment.
fn before_export(export_ms: u64, end_ms: u64) -> Option<u64> {
    let is_near = end_ms <= export_ms.saturating_add(CLOCK_TOLERANCE_MS);
    is_near.then(|| export_ms.saturating_sub(end_ms))
}

/// The same of uptimes.
fn before_uptime(export: u32, end: u32) -> Option<u64> {
    let age = export.wrapping_sub(end);
    let ahead = end.wrapping_sub(export);
    if u64::from(ahead) <= CLOCK_TOLERANCE_MS {
        return Some(0);
    }
    (age <= u32::MAX / 2).then_some(age.into())
}

/// Milliseconds from one uptime to a later one, and none if it is no later one.
const fn wrapped(start: u32, end: u32) -> u64 {
    match end.wrapping_sub(start) {
        duration if duration <= u32::MAX / 2 => duration as u64,
        _ => 0,
    }
}

/// How far after its export a flow may claim to have ended, in milliseconds.
const CLOCK_TOLERANCE_MS: u64 = 5_000;

fn v5(message: &V5, read: &mut Read, out: &mut dyn FnMut(FlowRecord)) {
    read.data_records = Some(message.header.count.into());
    for record in &message.flowsets {
        out(v5_record(&message.header, record));
    }
}

fn v5_record(header: &V5Header, record: &V5Record) -> FlowRecord {
    let age_ms = before_uptime(header.sys_up_time, record.last);
    // The upper two bits tell how packets are chosen.
    let interval = u32::from(header.sampling_interval & 0x3fff);
    FlowRecord {
        ends: [record.src_addr.into(), record.dst_addr.into()],
        ports: [record.src_port, record.dst_port],
        vlans: [None; 2],
        protocol: record.protocol_number,
        sent: [
            Sent {
                bytes: record.d_octets.into(),
                packets: record.d_pkts.into(),
            },
            Sent::default(),
        ],
        age_ms,
        duration_ms: wrapped(record.first, record.last),
        sampling: (interval > 0).then_some(interval),
        ended: has_ended(record.tcp_flags.into(), age_ms),
        egress: None,
        place: 0,
        unit: Unit::Ip,
    }
}

/// Sets of a message behind its header, by their own lengths.
fn sets(datagram: &[u8], header_bytes: usize) -> usize {
    let mut rest = datagram.get(header_bytes..).unwrap_or_default();
    let mut count = 0;
    while let Some([_, _, high, low]) = rest.first_chunk() {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let Some(next) = rest.get(length..).filter(|_| length >= 4) else {
            break;
        };
        (rest, count) = (next, count + 1);
    }
    count
}

/// Sets that the parser keeps until their template comes: those that were sent and are not told.
const fn waiting(sent: usize, told: usize) -> u64 {
    sent.saturating_sub(told) as u64
}

const V9_HEADER_BYTES: usize = 20;
const IPFIX_HEADER_BYTES: usize = 16;

#[cfg(test)]
pub(super) mod tests;
