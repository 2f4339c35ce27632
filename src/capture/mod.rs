//! Where frames come from: capture files and live interfaces.
//!
//! Both sources lend one [`Frame`] at a time and never block, so that a silent link or
//! pipe cannot hold up a shutdown or a tick. [`FileSource::wait`] sleeps until a pipe may
//! have something, [`wait`] until one of several [`LiveSource`]s has.

mod descriptor;
mod error;
mod file;
mod frame;
mod input;
mod libpcap;
mod live;
#[cfg(target_os = "linux")]
mod nic;
mod pcap;
mod pcapng;
mod record;
mod resync;
#[cfg(target_os = "linux")]
mod ring;
#[cfg(test)]
mod tests;
#[cfg(target_os = "linux")]
mod xdp;

pub use error::CaptureError;
pub use file::{FileSource, first_timestamp, probe};
pub use frame::{Frame, Lender, LinkType, Taker};
pub use live::{Drops, LiveConfig, LiveEvent, LiveSource, Method, pin_current_thread, wait};
#[cfg(target_os = "linux")]
pub use nic::{Nic, RingSize};
