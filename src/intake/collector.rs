//! Datagrams of exporters to transfers: who may send, what was lost, what counts once.

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::geo::Geo;
use crate::time::{Tick, Timestamp};
use crate::transfer::Transfer;

use super::config::FlowInputConfig;
use super::counts::{Counts, Format, PassedOver, Refusal};
use super::exports::exports;
use super::netflow::Domain;
use super::once::Once;
use super::record::FlowRecord;
use super::schedule::{Schedule, When};
use super::sflow;

/// Reads what exporters send. Time is that at which a datagram came; clocks of exporters are
/// asked for differences alone.
#[derive(Debug)]
pub struct Collector {
    config: FlowInputConfig,
    heard: BTreeMap<Key, Heard>,
    once: Once,
    /// Sums since the start.
    pub counts: Counts,
    news: Vec<News>,
}

/// An observation domain of an exporter.
type Key = (IpAddr, Format, u32);

/// What is known of one.
#[derive(Debug)]
struct Heard {
    /// Of NetFlow and IPFIX.
    domain: Option<Box<Domain>>,
    /// The sequence number that its next datagram has if nothing is lost.
    next_sequence: Option<u32>,
    /// The entry of the configuration that it belongs to.
    entry: Option<usize>,
    /// What the operator says of its sampling.
    sampling: Option<u32>,
    last: Tick,
    is_silent: bool,
    is_long: bool,
    /// Whether its sequence numbers count records, and not datagrams.
    counts_records: bool,
}

/// What the operator is told once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// An exporter was heard for the first time.
    Heard(String),
    /// It has sent nothing for so many seconds.
    Silent(String, u64),
    /// It sends again.
    Back(String),
    /// Its flows run longer than is waited for: so many seconds.
    Long(String, u64),
    /// No more exporters are listened to than so many.
    Full(usize),
}

/// An exporter that was silent for so long gives way to another one.
const FORGOTTEN_SECONDS: u64 = 3_600;

/// A jump of sequence numbers that is no loss, but an exporter that began anew.
const LOST_MAX: u32 = 1 << 20;

/// Datagrams of one exporter that came in another order than they were sent.
const REORDERED_MAX: u32 = 64;

/// News that wait to be told.
const NEWS_MAX: usize = 64;

impl Collector {
    /// Listens to whom the configuration names.
    pub fn new(config: FlowInputConfig) -> Self {
        Self {
            config,
            heard: BTreeMap::new(),
            once: Once::default(),
            counts: Counts::default(),
            news: Vec::new(),
        }
    }

    /// Takes a datagram, and puts what it tells of into the schedule.
    pub fn datagram(
        &mut self,
        from: IpAddr,
        datagram: &[u8],
        now: Timestamp,
        geo: &Geo,
        schedule: &mut Schedule,
    ) {
        let Some((format, domain)) = format(datagram) else {
            return self.counts.refuse(Refusal::Unknown);
        };
        let from = from.to_canonical();
        let key = (from, format, domain);
        let Some(mut heard) = self.heard(key, now.tick()) else {
            return;
        };
        self.counts.datagrams[format as usize] += 1;
        heard.last = now.tick();
        if std::mem::take(&mut heard.is_silent) {
            self.tell(News::Back(name(key)));
        }
        let mut longest_ms = 0;
        let mut take = |record: &FlowRecord, counts: &mut Counts, once: &mut Once| {
            longest_ms = longest_ms.max(record.duration_ms);
            let sampling = heard.sampling.or(record.sampling);
            counts.records[format as usize] += 1;
            let delay_seconds = match format {
                Format::Sflow => 0,
                _ => self.config.delay_seconds,
            };
            let when = When {
                now,
                age_ms: record.age_ms,
                duration_ms: record.duration_ms,
                delay_seconds,
            };
            let once = self.config.counts_once.then_some(once);
            count(key, record, sampling, when, (geo, counts, once, schedule));
        };
        let (counts, once) = (&mut self.counts, &mut self.once);
        match heard.domain.as_mut() {
            Some(domain) => {
                let read = domain.read(datagram, &mut |record| take(&record, counts, once));
                counts.without_template += read.without_template;
                counts.pass_over(PassedOver::Empty, read.empty);
                if read.is_malformed {
                    counts.refuse(Refusal::Malformed);
                }
                heard.follow(
                    counts,
                    sequence(format, datagram),
                    match format {
                        Format::NetflowV9 => Some(1),
                        _ => read.data_records,
                    },
                );
            }
            None => {
                let (mut header, mut rest) = (None, sflow::Rest::default());
                let mut out = |record| take(&record, counts, once);
                if sflow::read(datagram, &mut header, &mut rest, &mut out).is_none() {
                    counts.refuse(Refusal::Malformed);
                }
                counts.pass_over(PassedOver::Unread, rest.unread);
                heard.follow(counts, header.map(|header| header.sequence), Some(1));
            }
        }
        let longest = longest_ms / 1_000;
        if longest > self.config.delay_seconds && !heard.is_long && format != Format::Sflow {
            heard.is_long = true;
            self.tell(News::Long(name(key), longest));
        }
        self.heard.insert(key, heard);
    }

    /// What is known of an observation domain, which is taken out; nothing if it may not be
    /// listened to.
    fn heard(&mut self, key: Key, now: Tick) -> Option<Heard> {
        if let Some(heard) = self.heard.remove(&key) {
            return Some(heard);
        }
        let Some(admitted) = self.config.admit(key.0) else {
            self.counts.refuse(Refusal::Stranger);
            return None;
        };
        if self.heard.len() >= self.config.exporters_max {
            let is_forgotten = |heard: &Heard| now.seconds_since(heard.last) >= FORGOTTEN_SECONDS;
            let oldest = self.heard.iter().min_by_key(|(_, heard)| heard.last);
            let oldest = oldest
                .filter(|(_, heard)| is_forgotten(heard))
                .map(|(key, _)| *key);
            let Some(oldest) = oldest else {
                self.counts.refuse(Refusal::TooMany);
                self.tell(News::Full(self.config.exporters_max));
                return None;
            };
            self.heard.remove(&oldest);
        }
        let domain = match key.1 {
            Format::Sflow => None,
            // Its bounds are constants, which are in order.
            _ => Some(Box::new(Domain::new().ok()?)),
        };
        self.tell(News::Heard(name(key)));
        Some(Heard {
            domain,
            next_sequence: None,
            entry: admitted.entry,
            sampling: admitted.sampling,
            last: now,
            is_silent: false,
            is_long: false,
            counts_records: matches!(key.1, Format::NetflowV5 | Format::Ipfix),
        })
    }

    /// Takes a connection that somebody wrote to a log when it was over.
    pub(super) fn connection(
        &mut self,
        transfer: &Transfer,
        duration_ms: u64,
        now: Timestamp,
        schedule: &mut Schedule,
    ) {
        self.counts.export_bytes = self.counts.export_bytes.saturating_add(transfer.bytes);
        let end = transfer.tick.start();
        let when = When {
            now,
            age_ms: Some(now.nanos_since(end) / NANOS_PER_MS),
            duration_ms,
            delay_seconds: self.config.delay_seconds,
        };
        schedule.put(transfer, when, &mut self.counts);
    }

    /// Looks once a second for exporters that have fallen silent.
    pub fn look_for_silence(&mut self, now: Tick) {
        let seconds_max = self.config.silence_seconds;
        if seconds_max == 0 {
            return;
        }
        let mut silent = Vec::new();
        for (key, heard) in &mut self.heard {
            let seconds = now.seconds_since(heard.last);
            if seconds >= seconds_max && !heard.is_silent {
                heard.is_silent = true;
                silent.push(News::Silent(name(*key), seconds));
            }
        }
        silent.into_iter().for_each(|news| self.tell(news));
    }

    /// Exporters that are listened to, and those of them that are silent.
    pub fn exporters(&self) -> [usize; 2] {
        let silent = self.heard.values().filter(|heard| heard.is_silent);
        [self.heard.len(), silent.count()]
    }

    /// What is to be told since the last time.
    pub fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    fn tell(&mut self, news: News) {
        let is_known = matches!(news, News::Full(_)) && self.news.contains(&news);
        if self.news.len() < NEWS_MAX && !is_known {
            self.news.push(news);
        }
    }
}

/// Counts a record, and puts what it exports into the schedule.
fn count(
    key: Key,
    record: &FlowRecord,
    sampling: Option<u32>,
    when: When,
    (geo, counts, mut once, schedule): (&Geo, &mut Counts, Option<&mut Once>, &mut Schedule),
) {
    if let Some(packets) = sampling.filter(|packets| *packets > 1) {
        counts.sampled += 1;
        counts.sampling_max = counts.sampling_max.max(packets);
    }
    for transfer in exports(record, geo, sampling) {
        if let Some(once) = &mut once {
            let flow = (record.ends, record.ports, record.protocol);
            if !once.counts(&flow, place(key, record), when.now.tick()) {
                counts.pass_over(PassedOver::Duplicate, 1);
                return;
            }
        }
        counts.export_bytes = counts.export_bytes.saturating_add(transfer.bytes);
        schedule.put(&transfer, when, counts);
    }
}

/// The place that a record tells of: an exporter, which of its domains or sources, and on which
/// way the flow was.
fn place((address, format, domain): Key, record: &FlowRecord) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    (
        address,
        format,
        domain,
        record.place,
        record.egress == Some(true),
    )
        .hash(&mut hasher);
    hasher.finish()
}

impl Heard {
    /// Follows the sequence numbers of an exporter: those of datagrams, or of records, of which
    /// this datagram had so many.
    fn follow(&mut self, counts: &mut Counts, sequence: Option<u32>, step: Option<u32>) {
        let Some(sequence) = sequence else {
            return;
        };
        if let Some(expected) = self.next_sequence {
            let lost = sequence.wrapping_sub(expected);
            let behind = expected.wrapping_sub(sequence);
            if behind > 0 && behind <= REORDERED_MAX {
                return;
            }
            if lost > LOST_MAX {
                counts.restarts += 1;
            } else {
                self.lose(counts, lost.into());
            }
        }
        self.next_sequence = step.map(|step| sequence.wrapping_add(step));
    }

    fn lose(&self, counts: &mut Counts, lost: u64) {
        let of_host = counts.lost.len() - 1;
        let Some(sum) = counts.lost.get_mut(self.entry.unwrap_or(of_host)) else {
            return;
        };
        match self.counts_records {
            true => sum.records += lost,
            false => sum.datagrams += lost,
        }
    }
}

/// What tells an exporter to the operator.
fn name((address, format, domain): Key) -> String {
    format!("{} of {address}, domain {domain}", format.name())
}

/// The format of a datagram and its observation domain, by the first bytes of it.
fn format(datagram: &[u8]) -> Option<(Format, u32)> {
    let word = |at: usize| {
        let bytes = datagram.get(at..)?.first_chunk()?;
        Some(u32::from_be_bytes(*bytes))
    };
    match datagram.first_chunk()? {
        // The type and the number of the engine.
        [0, 5] => Some((Format::NetflowV5, word(20)? >> 16)),
        [0, 9] => Some((Format::NetflowV9, word(16)?)),
        [0, 10] => Some((Format::Ipfix, word(12)?)),
        [0, 0] if word(0)? == 5 => {
            let (mut header, mut rest) = (None, sflow::Rest::default());
            // The samples are not read before it is known whose they are.
            let head = datagram.get(..SFLOW_HEAD_BYTES.min(datagram.len()))?;
            sflow::read(head, &mut header, &mut rest, &mut |_| {});
            header.map(|header| (Format::Sflow, header.domain))
        }
        _ => None,
    }
}

/// The longest head of a datagram of sFlow, without its samples.
const SFLOW_HEAD_BYTES: usize = 36;

/// The sequence number of a message.
fn sequence(format: Format, datagram: &[u8]) -> Option<u32> {
    let at = match format {
        Format::NetflowV5 => 16,
        Format::NetflowV9 => 12,
        Format::Ipfix => 8,
        Format::Sflow | Format::ConnLog => return None,
    };
    let bytes = datagram.get(at..)?.first_chunk()?;
    Some(u32::from_be_bytes(*bytes))
}

impl News {
    /// The line that says it.
    pub fn line(&self) -> String {
        match self {
            Self::Heard(who) => format!("flow input: {who} is heard"),
            Self::Silent(who, seconds) => format!(
                "ALARM: flow input: {who} has sent nothing for {seconds} s \
                 (flow_input.silence_seconds): what the site sends there is not seen; look at the \
                 exporter and at the network between"
            ),
            Self::Back(who) => format!("flow input: {who} sends again"),
            Self::Long(who, seconds) => format!(
                "flow input: {who} tells of {seconds} s at once, and flow_input.delay_seconds \
                 waits for less: set its active timeout to 60 s, or what runs looks like a burst"
            ),
            Self::Full(most) => format!(
                "flow input: {most} exporters are listened to (flow_input.exporters_max), and more \
                 send: what they tell is refused"
            ),
        }
    }
}

const NANOS_PER_MS: u64 = 1_000_000;

#[cfg(test)]
mod tests;
