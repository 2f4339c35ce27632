//! One asset towards one country: what is normal, and which flows carry it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::geo::Confidence;
use crate::time::Tick;
use crate::transfer::{Conversation, Transfer};

use super::sorted::grow_exactly;
use super::{Cell, Counted, Grown, Growth, Novelty};

/// What one asset exports to one country.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Destination {
    /// All of it, and what is normal for it.
    pub all: Cell,
    /// The highest score of the running day.
    pub(super) day_score: f32,
    /// Bytes in the running hour from which on it is weighed again.
    pub weigh_at_bytes: u64,
    /// What it came to week by week. None until a day was closed.
    pub(super) growth: Option<Box<Growth>>,
    /// Where its score is counted among those of others.
    pub counted: Counted,
    /// How sure the country is of most bytes of the running hour, or of the last one that had
    /// any.
    pub confidence: Confidence,
    /// By how many of these bytes that outweighs the rest.
    pub(super) sure_bytes: u64,
    /// Bytes of the running hour in the clear or weakly protected.
    pub unprotected_bytes: u64,
    /// The address that the asset sent from last.
    pub asset_ip: Option<IpAddr>,
    /// Whether this run has counted the asset among those that export to the country.
    #[serde(skip)]
    pub is_counted: bool,
    #[serde(skip)]
    pub(super) top: Top,
}

/// The conversations that are ranked. Most destinations have one in an hour, and need no
/// memory of their own for it.
#[derive(Clone, Debug, Default)]
pub(super) struct Top {
    pub(super) first: Option<TopFlow>,
    pub(super) others: Vec<TopFlow>,
}

/// A conversation that carries much of an hour's export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TopFlow {
    /// Address of the asset.
    pub asset_ip: IpAddr,
    /// The other end, ports and protocol.
    pub conversation: Conversation,
    /// Bytes in the running hour; where many conversations share a place, of all of them.
    pub bytes: u64,
}

/// How a day ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct DayEnd {
    /// Whether it was alerted on, or only others kept it from being, and so is no reference.
    pub(super) is_suspect: bool,
    /// How much larger the week that it ended was than those that were frozen.
    pub(super) ratio: Option<f64>,
    /// What is to be told of that.
    pub(super) grown: Option<Grown>,
}

impl Destination {
    /// A country to which nothing was sent before.
    pub(super) fn new(tick: Tick, is_new: bool) -> Self {
        Self {
            all: Cell::new(tick, Novelty::of(is_new)),
            day_score: 0.0,
            weigh_at_bytes: WEIGH_BYTES_MIN,
            growth: None,
            counted: Counted::default(),
            confidence: Confidence::Unknown,
            sure_bytes: 0,
            unprotected_bytes: 0,
            asset_ip: None,
            is_counted: false,
            top: Top {
                first: None,
                others: Vec::new(),
            },
        }
    }

    /// The conversations that carried most in the running hour, the largest first.
    pub fn top_flows(&self) -> Vec<TopFlow> {
        let first = self.top.first.iter();
        let mut top: Vec<_> = first.chain(&self.top.others).copied().collect();
        top.sort_by_key(|flow| (std::cmp::Reverse(flow.bytes), flow.conversation));
        top.truncate(TOP_FLOWS_TOLD);
        top
    }

    pub(super) fn add(&mut self, transfer: &Transfer) {
        self.sure(transfer.confidence, transfer.bytes);
        if transfer.protection.is_insufficient() {
            self.unprotected_bytes = self.unprotected_bytes.saturating_add(transfer.bytes);
        }
        self.asset_ip = Some(transfer.asset_ip);
        self.all.add(transfer.tick, transfer.bytes);
        if let Some(conversation) = transfer.conversation {
            self.rank(transfer.asset_ip, conversation, transfer.bytes);
        }
    }

    /// Notes how sure the country is of some bytes: what holds of more than half of an hour's
    /// speaks for it (Boyer and Moore 1981), so that a few do not.
    pub(super) fn sure(&mut self, confidence: Confidence, bytes: u64) {
        if confidence == self.confidence {
            self.sure_bytes = self.sure_bytes.saturating_add(bytes);
        } else if bytes >= self.sure_bytes {
            (self.confidence, self.sure_bytes) = (confidence, bytes - self.sure_bytes);
        } else {
            self.sure_bytes -= bytes;
        }
    }

    /// Keeps the heaviest conversations (Space-Saving, Metwally 2005): a new one inherits
    /// the count of the lightest, whose place it takes.
    pub(super) fn rank(&mut self, asset_ip: IpAddr, conversation: Conversation, bytes: u64) {
        let Top { first, others } = &mut self.top;
        let flow = TopFlow {
            asset_ip,
            conversation,
            bytes,
        };
        let Some(first) = first else {
            *first = Some(flow);
            return;
        };
        let mut ranked = std::iter::once(&mut *first).chain(others.iter_mut());
        if let Some(known) = ranked.find(|flow| flow.conversation == conversation) {
            known.bytes = known.bytes.saturating_add(bytes);
        } else if others.len() + 1 < TOP_FLOWS_MAX {
            grow_exactly(others);
            others.push(flow);
        } else {
            let ranked = std::iter::once(first).chain(others);
            if let Some(lightest) = ranked.min_by_key(|flow| flow.bytes) {
                let bytes = lightest.bytes.saturating_add(bytes);
                *lightest = TopFlow { bytes, ..flow };
            }
        }
    }

    /// Notes how high it was scored. It is weighed again when the hour has a tenth more.
    pub fn scored(&mut self, score: f64) {
        self.day_score = self.day_score.max(score as f32);
        let bytes = self.all.hour_bytes;
        self.weigh_at_bytes = bytes.saturating_add((bytes / 10).max(WEIGH_BYTES_MIN));
    }

    /// Ends a day, of which the last hour was `hour`.
    pub(super) fn close_day(&mut self, hour: u64) -> DayEnd {
        let past = self.all.record().map(|record| record.past.running()[1]);
        let is_accepted = self.all.is_accepted_today();
        let is_suspect = self.all.close_day();
        let growth = self.growth.get_or_insert_default();
        let week = growth.close_day(past.unwrap_or(0.0), is_suspect || is_accepted, hour);
        DayEnd {
            is_suspect,
            ratio: week.map(|week| week.ratio),
            grown: week.and_then(|week| week.grown),
        }
    }

    pub(super) fn open_hour(&mut self) {
        // With their memory: few destinations are as busy again.
        self.top = Top::default();
        self.weigh_at_bytes = WEIGH_BYTES_MIN;
        self.counted = Counted::default();
        self.sure_bytes = 0;
        self.unprotected_bytes = 0;
    }
}

/// Bytes of an hour from which on it is weighed before the hour ends, and how many more it
/// takes at least to weigh it again: 256 kB.
const WEIGH_BYTES_MIN: u64 = 256_000;

/// Conversations that are ranked.
const TOP_FLOWS_MAX: usize = 32;

/// Conversations that are told.
const TOP_FLOWS_TOLD: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_conversations_keep_their_places() {
        let mut destination = Destination::new(Tick(0), false);
        let asset_ip = IpAddr::from([10, 0, 0, 1]);
        let conversation = |port| Conversation {
            asset_port: port,
            peer: [8, 8, 8, 8].into(),
            peer_port: 443,
            protocol: 6,
        };
        let mut send = |port, bytes| destination.rank(asset_ip, conversation(port), bytes);
        let last = TOP_FLOWS_MAX as u16 - 1;
        (0..=last).for_each(|port| send(port, 100 + u64::from(port)));
        // The lightest is the first, whose count and place a new one takes.
        send(900, 7);
        send(5, 1_000);
        send(901, 1);
        let top = destination.top_flows();
        let told: Vec<_> = top
            .iter()
            .map(|flow| (flow.conversation.asset_port, flow.bytes))
            .collect();
        let heavy = |back: u16| (last - back, 100 + u64::from(last - back));
        assert_eq!(told, [(5, 1_105), heavy(0), heavy(1), heavy(2), heavy(3)]);
        let all = destination.top.first.iter().chain(&destination.top.others);
        let counts: Vec<_> = all
            .map(|flow| (flow.conversation.asset_port, flow.bytes))
            .collect();
        assert_eq!(counts.len(), TOP_FLOWS_MAX);
        assert_eq!(counts[..2], [(900, 107), (901, 102)]);
        destination.open_hour();
        assert!(destination.top_flows().is_empty());
    }
}
