//! One asset towards one country: whether that is new, and which flows carry it.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::geo::Confidence;
use crate::time::Tick;
use crate::transfer::{Conversation, Transfer};

use super::{Novelty, Pool};

/// What one asset exports to one country.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Destination {
    /// Whether the country is new to the asset.
    pub novelty: Novelty,
    /// How sure the country is.
    pub confidence: Confidence,
    /// The address that the asset sent from last.
    #[serde(skip)]
    pub asset_ip: Option<IpAddr>,
    #[serde(skip)]
    top: Vec<TopFlow>,
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

impl Destination {
    /// A country to which nothing was sent before.
    pub(super) const fn new(tick: Tick, first_day_of_asset: bool) -> Self {
        Self {
            novelty: Novelty::begin(tick, first_day_of_asset),
            confidence: Confidence::Unknown,
            asset_ip: None,
            top: Vec::new(),
        }
    }

    /// The conversations that carried most in the running hour, the largest first.
    pub fn top_flows(&self) -> Vec<TopFlow> {
        let mut top = self.top.clone();
        top.sort_by_key(|flow| (std::cmp::Reverse(flow.bytes), flow.conversation));
        top.truncate(TOP_FLOWS_TOLD);
        top
    }

    pub(super) fn add(&mut self, transfer: &Transfer) {
        self.confidence = transfer.confidence;
        self.asset_ip = Some(transfer.asset_ip);
        self.novelty.add(transfer.tick, transfer.bytes);
        if let Some(conversation) = transfer.conversation {
            self.rank(transfer.asset_ip, conversation, transfer.bytes);
        }
    }

    /// Keeps the heaviest conversations (Space-Saving, Metwally 2005): a new one inherits
    /// the count of the lightest, whose place it takes.
    fn rank(&mut self, asset_ip: IpAddr, conversation: Conversation, bytes: u64) {
        let known = self
            .top
            .iter_mut()
            .find(|flow| flow.conversation == conversation);
        if let Some(flow) = known {
            flow.bytes = flow.bytes.saturating_add(bytes);
        } else if self.top.len() < TOP_FLOWS_MAX {
            self.top.push(TopFlow {
                asset_ip,
                conversation,
                bytes,
            });
        } else if let Some(lightest) = self.top.iter_mut().min_by_key(|flow| flow.bytes) {
            let bytes = lightest.bytes.saturating_add(bytes);
            *lightest = TopFlow {
                asset_ip,
                conversation,
                bytes,
            };
        }
    }

    pub(super) fn open_hour(&mut self) {
        self.top.clear();
    }

    pub(super) fn close_hour(&mut self, end: Tick, pools: &mut [&mut Pool]) {
        let tails = pools
            .iter_mut()
            .map(|pool| &mut pool.country_first_day_bytes);
        self.novelty.close_hour(end, tails);
    }
}

/// Conversations that are ranked.
const TOP_FLOWS_MAX: usize = 32;

/// Conversations that are told.
const TOP_FLOWS_TOLD: usize = 5;
