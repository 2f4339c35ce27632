//! Packets to flows: both directions of a conversation, bounded and in packet time.
//!
//! A [`Shard`] owns a table of flows and everything that belongs to it: the bound, the
//! rule of eviction, and the timers. There are always [`SHARDS`] of them, and a packet's
//! shard follows from its address pair alone, so the number of workers that share them
//! out changes no output.

mod beginnings;
mod cold;
mod event;
mod fragment;
mod index;
mod key;
mod record;
mod sequence;
mod shard;
mod slot;
mod slots;
#[cfg(test)]
mod tests;
mod wheel;

pub use event::FlowEvent;
pub use key::{FlowKey, SHARDS, shard_of};
pub use record::{Direction, End, Endpoint, Flow, Traffic};
pub use shard::{EXPORT_BYTES_DUE, EXPORT_SECONDS_DUE, FLOWS_MAX, Lookup, Shard};

use std::num::NonZeroU32;

use serde::Deserialize;

/// When flows end. All times are packet time, at least a second.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FlowConfig {
    /// Seconds without a packet after which a flow ends.
    pub idle_seconds: NonZeroU32,
    /// Seconds after which a running flow is told and counted anew.
    pub active_seconds: NonZeroU32,
    /// Seconds without a packet after which a flow ends in which the initiator has not
    /// spoken again after an answer.
    pub half_open_seconds: NonZeroU32,
    /// Seconds for which a flow that ended by FIN or RST still takes stragglers.
    pub closing_seconds: NonZeroU32,
    /// Whether the same addresses and ports in two VLANs are two flows. Not where traffic
    /// is mirrored before and behind a router, which would be counted twice.
    pub by_vlan: bool,
    /// Whether flows are told with their Community ID. Messages of ICMP that have other IDs
    /// are then other flows.
    pub community_id: bool,
    /// What those who compare Community IDs have agreed upon, if not the default.
    pub community_id_seed: u16,
    /// Whether the class of what is sent in the clear is kept, as the dissectors' settings
    /// say.
    #[serde(skip)]
    pub keeps_content_class: bool,
    /// Whether flows are told at their end with what they said, so that it is kept until then.
    #[serde(skip)]
    pub keeps_words: bool,
}

impl Default for FlowConfig {
    fn default() -> Self {
        let seconds = |seconds| NonZeroU32::new(seconds).unwrap_or(NonZeroU32::MIN);
        Self {
            idle_seconds: seconds(120),
            active_seconds: seconds(1_800),
            half_open_seconds: seconds(60),
            closing_seconds: seconds(10),
            by_vlan: false,
            community_id: false,
            community_id_seed: 0,
            keeps_content_class: false,
            keeps_words: false,
        }
    }
}
