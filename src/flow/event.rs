//! What a shard tells.

use std::net::IpAddr;
use std::sync::Arc;

use super::{End, Flow};
use crate::dissect::{Answered, Ping, Protection, Said};
use crate::time::Tick;

/// What a shard tells of its flows.
#[derive(Debug)]
pub enum FlowEvent<'a> {
    /// `bytes` more have been exported than the events before this one told.
    Export {
        /// The flow, as it is now.
        flow: &'a Flow,
        /// New unique payload bytes from asset to foreign peer.
        bytes: u64,
        /// Whether this is the first that is told of the flow.
        first: bool,
        /// Whether the flow has ended with it.
        ended: bool,
        /// The tick to which they are counted.
        tick: Tick,
        /// How what the conversation carries is protected.
        protection: Protection,
    },
    /// A conversation has said what it has to say of itself.
    Said {
        /// The flow, as it is now.
        flow: &'a Flow,
        /// What it says.
        said: &'a Arc<Said>,
        /// The tick in which it is known.
        tick: Tick,
    },
    /// A record of a flow is complete.
    Closed {
        /// The flow.
        flow: &'a Flow,
        /// Why the record ended.
        end: End,
        /// The tick in which it ended.
        tick: Tick,
        /// What the conversation says of itself, where words are kept.
        said: Option<&'a Arc<Said>>,
    },
    /// A DNS message was seen that asks a question or answers it.
    Named {
        /// Who asks, and who answers.
        ends: [IpAddr; 2],
        /// VLAN of the frame.
        vlan: Option<u16>,
        /// What it says.
        answered: Answered,
        /// The tick in which it was seen.
        tick: Tick,
    },
    /// A ping was seen, or the answer to one.
    Echoed {
        /// Who sends it, and who gets it.
        ends: [IpAddr; 2],
        /// VLAN of the frame.
        vlan: Option<u16>,
        /// What it says.
        ping: Ping,
        /// The tick in which it was seen.
        tick: Tick,
    },
}
